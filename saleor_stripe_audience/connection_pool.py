"""The pool of connections to PostgreSQL, and how it behaves while PostgreSQL is busy, down, silent, and back again."""

import socket
import struct
from collections.abc import Generator
from time import monotonic
from typing import Any, ClassVar, Self

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool

MOST = 16  # connections of a process
BUSY_SECONDS = 10.0  # that a request waits for one while all are in use
AWAY_SECONDS = 0.2  # after which a failed connection is retried once, then given up
SILENT_SECONDS = 0.6  # without a byte of a response, after which the app checks whether PostgreSQL is alive
KNOCK_SECONDS = (
    0.5  # that one attempt of this check may take: a lost packet is sent again only after a second
)
GONE_SECONDS = 1.0  # that a failed check is not repeated
KNOCKS = 2  # attempts of a check: one may be lost on the way
LOCK_SECONDS = 1.5  # that a request waits for a lock, once it has its connection

# To notice a PostgreSQL that vanishes: libpq's shortest timeout for a new connection, and the milliseconds that sent
# data may stay unacknowledged.
NOTICING = {"connect_timeout": 2, "tcp_user_timeout": 5000}

SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # PostgreSQL answers this before anything else, with one byte
PORT = 5432

_gone_until: dict[tuple[str, int], float] = {}


class Connection(psycopg.Connection[Any]):
    """A connection that notices when PostgreSQL is silent: frozen, or disconnected without notice.

    A query may take as long as it needs while PostgreSQL itself responds, so a slow query is no outage.
    """

    lock_seconds: ClassVar[float] = 0.0  # that a statement may wait for a lock; 0 means without limit
    knocks: ClassVar[int] = 10  # attempts that must fail until a statement under way is given up

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Like psycopg, whose own minimum timeout of 2 seconds is too long for waiting requests."""
        named = {name: options[name] for name in ("host", "hostaddr", "port", "service") if name in options}
        places = _places(conninfo_to_dict(conninfo, **named))
        if places and not any(is_answering(host, port) for host, port in places):
            raise psycopg.OperationalError("PostgreSQL does not respond")
        connection = super().connect(conninfo, **options)
        if cls.lock_seconds:
            connection.execute(f"SET lock_timeout = {int(cls.lock_seconds * 1000)}")
        return connection

    def set_autocommit(self, value: bool) -> None:
        """Set it only if it changes: psycopg takes a lock even if there is nothing to change, and Django sets it for
        each request.
        """
        if value != self.autocommit:
            super().set_autocommit(value)

    def wait(self, gen: PQGen[RV], *arguments: Any, **options: Any) -> RV:
        """Wait for PostgreSQL, as long as it is alive."""
        return super().wait(self._watched(gen), *arguments, **options)

    def _watched(self, gen: PQGen[RV]) -> Generator[Any, Any, RV]:
        """Psycopg's waiting, step by step. It resumes ten times a second; `ready` is 0 if nothing arrived."""
        try:
            awaited = next(gen)
            checked_at = monotonic()
            while True:
                ready = yield awaited
                if ready:
                    checked_at = monotonic()
                elif monotonic() - checked_at > SILENT_SECONDS:
                    self._check_answering()
                    checked_at = monotonic()
                awaited = gen.send(ready)
        except StopIteration as end:
            result: RV = end.value
            return result

    def _check_answering(self) -> None:
        host = self.info.hostaddr or self.info.host
        if not is_answering(host, self.info.port, self.knocks):
            self.pgconn.finish()  # a late response would be taken for another query's
            raise psycopg.OperationalError("PostgreSQL no longer responds")


def fail_fast() -> None:
    """For the process that serves requests: it gives up a lock after 1.5 seconds, and PostgreSQL after two attempts."""
    Connection.lock_seconds = LOCK_SECONDS
    Connection.knocks = KNOCKS


def is_answering(host: str, port: int, knocks: int = KNOCKS) -> bool:
    """Whether a PostgreSQL responds there. A host that begins with a slash is the folder of its socket.

    A failed check counts for a second, so that a burst of requests does not repeat it.
    """
    if monotonic() < _gone_until.get((host, port), 0.0):
        return False
    if not any(_knock(host, port) for _ in range(knocks)):
        _gone_until[host, port] = monotonic() + GONE_SECONDS
        return False
    return True


def _knock(host: str, port: int) -> bool:
    try:
        with _connected(host, port) as knocking:
            knocking.settimeout(KNOCK_SECONDS)
            knocking.sendall(SSL_REQUEST)
            return bool(knocking.recv(1))
    except OSError:
        return False


def _connected(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), KNOCK_SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(KNOCK_SECONDS)
        connection.connect(f"{host}/.s.PGSQL.{port}")
    except OSError:
        connection.close()
        raise
    return connection


def _places(parameters: dict[str, Any]) -> list[tuple[str, int]]:
    """Hosts and ports to try, each may be a comma-separated list; empty if libpq determines them."""
    if "service" in parameters:
        return []
    hosts = str(parameters.get("hostaddr") or parameters.get("host") or "").split(",")
    ports = [int(each or PORT) for each in str(parameters.get("port") or PORT).split(",")]
    if len(ports) == 1:
        ports *= len(hosts)
    return list(zip(hosts, ports, strict=False)) if all(hosts) else []


def pool_options() -> dict[str, Any]:
    """Options of psycopg's pool. By default it retries for five minutes with growing pauses, and keeps requests waiting
    until their timeout; an outage of one minute then lasted two.
    """
    return {
        "connection_class": Connection,
        "min_size": 1,
        "max_size": MOST,
        "timeout": BUSY_SECONDS,
        "reconnect_timeout": AWAY_SECONDS,
        "reconnect_failed": fail_waiting,
    }


def fail_waiting(pool: ConnectionPool[Any]) -> None:
    """Fail every request that waits for a connection, because PostgreSQL is down. The next request tries again."""
    with pool._lock:  # noqa: SLF001 - the library has no public way to do this
        waiting = list(pool._waiting)  # noqa: SLF001 - as above
        pool._waiting.clear()  # noqa: SLF001 - as above
    for client in waiting:
        client.fail(psycopg.OperationalError("PostgreSQL cannot be reached"))
