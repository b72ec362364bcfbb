"""While PostgreSQL is unreachable, waiting for a connection fails soon; while it is only busy, callers wait."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from saleor_stripe_audience import connection_pool
from saleor_stripe_audience.connection_pool import Connection, is_answering, pool_options


@pytest.fixture
def away() -> Iterator[ConnectionPool[Any]]:
    """A pool for a server on whose port nothing is listening."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = pool_options() | {"timeout": 60.0, "reconnect_timeout": 0.05}
    with ConnectionPool(f"host=127.0.0.1 port={port} connect_timeout=2", open=True, **options) as pool:
        yield pool


def test_nobody_waits_for_a_server_that_is_away(away: ConnectionPool[Any]) -> None:
    for _ in range(2):  # the second request makes it try again
        with pytest.raises(psycopg.OperationalError) as failed:
            away.getconn()
        assert not isinstance(failed.value, PoolTimeout)
    assert not away._waiting


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections but never sends anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield int(listening.getsockname()[1])


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    connection_pool._gone_until.clear()
    yield
    connection_pool._gone_until.clear()


def test_nobody_waits_for_a_server_that_is_silent(silent: int) -> None:
    with ConnectionPool(
        f"host=127.0.0.1 port={silent}", open=True, **pool_options() | {"timeout": 60.0}
    ) as pool:
        for _ in range(3):
            with pytest.raises(psycopg.OperationalError) as failed:
                pool.getconn()
            assert not isinstance(failed.value, PoolTimeout)


class Frozen:
    """A proxy to PostgreSQL that can be frozen: it still accepts connections but transfers nothing."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.flows = threading.Event()
        self.flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self.flows.wait()
        far = socket.create_connection(self._to)
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while block := one.recv(65536):
                self.flows.wait()
                other.sendall(block)
        except OSError:
            pass
        finally:
            one.close()
            other.close()

    def close(self) -> None:
        self._listening.close()
        self.flows.set()


@pytest.fixture
def way() -> Iterator[tuple[Frozen, str]]:
    """A proxy that can be frozen, and the connection string for it."""
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        pytest.skip("needs PostgreSQL: set DATABASE_URL")
    settings = connections["default"].settings_dict
    with closing(Frozen(settings["HOST"], int(settings["PORT"] or 5432))) as made:
        yield made, make_conninfo(
            host="127.0.0.1", port=made.port, user=settings["USER"], password=settings["PASSWORD"], dbname="postgres"
        )  # fmt: skip


@pytest.mark.database
def test_a_query_fails_once_postgresql_has_fallen_silent(way: tuple[Frozen, str]) -> None:
    frozen, place = way
    with closing(Connection.connect(place, autocommit=True)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        frozen.flows.clear()
        with pytest.raises(psycopg.OperationalError, match="no longer responds"):
            connection.execute("SELECT 1")
        assert connection.closed, "its result may still arrive, and must not be another query's"


@pytest.mark.database
def test_a_slow_query_is_waited_for(way: tuple[Frozen, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_pool, "SILENT_SECONDS", 0.05)
    with closing(Connection.connect(way[1], autocommit=True)) as connection:
        assert connection.execute("SELECT 1 FROM pg_sleep(0.6)").fetchone() == (1,)


@pytest.mark.database
def test_who_answers_requests_does_not_wait_long_for_a_lock(
    way: tuple[Frozen, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "lock_seconds", 0.05)
    with closing(Connection.connect(way[1])) as holder, closing(Connection.connect(way[1])) as other:
        holder.execute("SELECT pg_advisory_lock(4711)")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("SELECT pg_advisory_lock(4711)")


def test_a_place_that_said_nothing_is_not_asked_again_at_once(silent: int) -> None:
    assert not is_answering("127.0.0.1", silent)
    began = time.monotonic()
    assert not any(is_answering("127.0.0.1", silent) for _ in range(50))
    assert time.monotonic() - began < 50 * connection_pool.KNOCK_SECONDS / 2


def test_a_socket_in_a_folder_is_asked_too(tmp_path: Path) -> None:
    assert not is_answering(str(tmp_path), 5432)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / ".s.PGSQL.5432"))
        listening.listen()
        connection_pool._gone_until.clear()

        def answer() -> None:
            caller, _ = listening.accept()
            with caller:
                caller.recv(8)
                caller.sendall(b"N")

        answering = threading.Thread(target=answer)
        answering.start()
        assert is_answering(str(tmp_path), 5432)
        answering.join()


@pytest.mark.parametrize(
    ("parameters", "places"),
    [
        ({"host": "db.example", "port": "6432"}, [("db.example", 6432)]),
        ({"host": "a.example,b.example", "port": 5433}, [("a.example", 5433), ("b.example", 5433)]),
        ({"host": "a.example,b.example", "port": "1,2"}, [("a.example", 1), ("b.example", 2)]),
        ({"host": "name.example", "hostaddr": "192.0.2.7"}, [("192.0.2.7", 5432)]),
        ({"host": "/run/postgresql"}, [("/run/postgresql", 5432)]),
        ({}, []),
        ({"service": "shop"}, []),
    ],
)
def test_where_to_knock(parameters: dict[str, Any], places: list[tuple[str, int]]) -> None:
    assert connection_pool._places(parameters) == places
