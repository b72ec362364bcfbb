"""How the app's pool of connections to PostgreSQL behaves while PostgreSQL is busy, away, silent, and back again."""

import socket
import struct
from collections.abc import Generator
from time import monotonic
from typing import Any, ClassVar, Self

import psycopg
from psycopg.abc import RV, ConnParam, PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool

MOST = 16  # connections of a process
BUSY_SECONDS = 10.0  # that a request waits for one while all are in use
AWAY_SECONDS = 0.2  # after which a connection that failed is tried once more, and then given up
SILENT_SECONDS = 0.6  # without a byte of an answer, after which PostgreSQL is asked whether it is there
KNOCK_SECONDS = 0.7  # that it may take to say so
GONE_SECONDS = 1.0  # that one which did not is not asked again
LOCK_SECONDS = 1.5  # that a request waits for a lock, once it has its connection

# A PostgreSQL that vanishes without a word is noticed: libpq's least for a new connection, and milliseconds that what
# was sent may stay unacknowledged.
NOTICING = {"connect_timeout": 2, "tcp_user_timeout": 5000}

SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # PostgreSQL answers this before anything else, with one byte
PORT = 5432

_gone_until: dict[tuple[str, int], float] = {}


class Connection(psycopg.Connection[Any]):
    """A connection that notices when PostgreSQL falls silent: frozen, or cut off without a word.

    A query may take as long as it needs while PostgreSQL itself answers, so a slow one is not taken for an outage.
    """

    lock_seconds: ClassVar[float] = 0.0  # that a statement may wait for a lock; 0 means without limit

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """As psycopg does, whose own limit of 2 seconds at the least is too long for whoever waits."""
        places = _places(conninfo_to_dict(conninfo, **_of_libpq(options)))
        if places and not any(is_answering(host, port) for host, port in places):
            raise psycopg.OperationalError("PostgreSQL does not answer")
        made = super().connect(conninfo, **options)
        if cls.lock_seconds:
            made.execute(f"SET lock_timeout = {int(cls.lock_seconds * 1000)}")
        return made

    def wait(self, gen: PQGen[RV], *arguments: Any, **options: Any) -> RV:
        """Wait for PostgreSQL, for as long as it is there."""
        return super().wait(self._watched(gen), *arguments, **options)

    def _watched(self, gen: PQGen[RV]) -> Generator[Any, Any, RV]:
        """What psycopg waits for step by step. It resumes ten times a second, `ready` being 0 if nothing came."""
        try:
            awaited = next(gen)
            asked_at = monotonic()
            while True:
                ready = yield awaited
                if ready:
                    asked_at = monotonic()
                elif monotonic() - asked_at > SILENT_SECONDS:
                    self._check_answering()
                    asked_at = monotonic()
                awaited = gen.send(ready)
        except StopIteration as end:
            result: RV = end.value
            return result

    def _check_answering(self) -> None:
        host = self.info.hostaddr or self.info.host
        if not is_answering(host, self.info.port):
            self.pgconn.finish()  # an answer that came later would be taken for another query's
            raise psycopg.OperationalError("PostgreSQL no longer answers")


def limit_lock_waits() -> None:
    """For the process that answers requests: connections made from now on wait 1.5 seconds for a lock."""
    Connection.lock_seconds = LOCK_SECONDS


def is_answering(host: str, port: int) -> bool:
    """Whether a PostgreSQL there says anything. A host that begins with a slash is the folder of its socket.

    A burst of requests need not each find out anew: for a second a place that said nothing is taken for gone.
    """
    if monotonic() < _gone_until.get((host, port), 0.0):
        return False
    if not _knock(host, port):
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
    made = socket.socket(socket.AF_UNIX)
    try:
        made.settimeout(KNOCK_SECONDS)
        made.connect(f"{host}/.s.PGSQL.{port}")
    except OSError:
        made.close()
        raise
    return made


def _of_libpq(options: dict[str, Any]) -> dict[str, ConnParam]:
    """Those options of psycopg's `connect` that are parts of the connection string."""
    return {name: options[name] for name in ("host", "hostaddr", "port", "service") if name in options}


def _places(parameters: dict[str, Any]) -> list[tuple[str, int]]:
    """Hosts and ports to try, each of which may be a list with commas; empty where libpq finds them by itself."""
    if "service" in parameters:
        return []
    hosts = str(parameters.get("hostaddr") or parameters.get("host") or "").split(",")
    ports = [int(each or PORT) for each in str(parameters.get("port") or PORT).split(",")]
    if len(ports) == 1:
        ports *= len(hosts)
    return list(zip(hosts, ports, strict=False)) if all(hosts) else []


def pool_options() -> dict[str, Any]:
    """Of psycopg's pool. It retries for five minutes with growing pauses if it is not told otherwise, and keeps waiting
    requests until their time is over; so an outage of a minute took the app away for two.
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
    """PostgreSQL is away: whoever waits for a connection is told at once. The next request has it tried again."""
    with pool._lock:  # noqa: SLF001 - the library has no public way to do this
        waiting = list(pool._waiting)  # noqa: SLF001 - as above
        pool._waiting.clear()  # noqa: SLF001 - as above
    for client in waiting:
        client.fail(psycopg.OperationalError("PostgreSQL cannot be reached"))
