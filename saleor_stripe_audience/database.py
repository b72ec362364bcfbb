"""What must be true of the database while the network is waited for."""

from django.db import connection


class NetworkCallInTransaction(RuntimeError):  # noqa: N818 - it names what happened
    """A network call was begun inside a transaction: locks would be held for as long as the other side likes."""


def leave_database() -> None:
    """Call this before every network call: no transaction may be open, and a pooled connection goes back.

    With 256 threads and a slow Stripe, pooled connections held across the call served an eighth of the requests.
    SQLite has no pool; its connection stays open.
    """
    if connection.in_atomic_block:
        raise NetworkCallInTransaction("A network call must not be made inside a database transaction.")
    if connection.vendor == "postgresql":
        connection.close()
