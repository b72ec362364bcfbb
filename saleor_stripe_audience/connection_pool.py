"""How the app's pool of connections to PostgreSQL behaves while PostgreSQL is busy, away, and back again."""

from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

MOST = 16  # connections of a process
BUSY_SECONDS = 10.0  # that a request waits for one while all are in use
AWAY_SECONDS = 0.5  # after which a connection that failed is tried once more, and then given up

# A PostgreSQL that vanishes without a word is noticed: libpq's least for a new connection, and milliseconds that what
# was sent may stay unacknowledged.
NOTICING = {"connect_timeout": 2, "tcp_user_timeout": 5000}


def pool_options() -> dict[str, Any]:
    """Of psycopg's pool. It retries for five minutes with growing pauses if it is not told otherwise, and keeps waiting
    requests until their time is over; so an outage of a minute took the app away for two.
    """
    return {
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
