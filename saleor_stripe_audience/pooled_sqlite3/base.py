"""SQLite with a few connections for all threads of a process.

Each connection has read the schema for itself and takes up to half a megabyte: 100 MB for 256 threads, which write one
after the other anyway. A thread keeps its connection, as opening one takes as long as twenty queries. When more than
half of the connections are in use, it is returned before every network call and at the end of every request.
"""

import os
import sqlite3
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from django.db.backends.sqlite3 import base

from saleor_stripe_audience.places import Places

MOST = 16  # connections of a process
KEPT = 8  # of these that threads may keep while they do not use them
BUSY_SECONDS = 10.0  # that a thread waits for one while all are in use
MAX_AGE_SECONDS = 60.0  # then it is opened again, in case that a backup has replaced the file


class Lease:
    """A connection that one thread uses. If the thread ends without returning it, it is closed and makes room."""

    def __init__(self, pool: "Pool", connection: sqlite3.Connection, opened_at: float) -> None:
        self.pool, self.connection, self.opened_at = pool, connection, opened_at
        self._has_ended = False

    def end(self) -> None:
        """Return the connection; a transaction that is still open is rolled back."""
        if not self._has_ended:
            self._has_ended = True
            self.pool.take_back(self)

    def __del__(self) -> None:
        if not self._has_ended:
            self.connection.close()
            self.pool.make_room()  # takes no lock: the collector may call this at any moment


class Pool:
    """The connections of this process to one file."""

    def __init__(self) -> None:
        self._places = Places(MOST)  # one for each connection
        self._idle: list[Lease] = []

    @property
    def is_crowded(self) -> bool:
        """Whether threads should return connections that they do not use now."""
        return self._places.free < MOST - KEPT

    def lease(self, connect: Callable[[], sqlite3.Connection]) -> Lease:
        """Return an idle connection or a new one. Raises `sqlite3.OperationalError` if all stay in use."""
        if not self._places.take(BUSY_SECONDS):
            raise sqlite3.OperationalError("all connections to the database are in use")
        try:
            while (idle := self._take_idle()) is not None:
                if monotonic() - idle.opened_at < MAX_AGE_SECONDS:
                    return Lease(self, idle.connection, idle.opened_at)
                idle.connection.close()
            return Lease(self, connect(), monotonic())
        except BaseException:
            self.make_room()
            raise

    def take_back(self, lease: Lease) -> None:
        """Keep the connection for the next thread."""
        try:
            if lease.connection.in_transaction:
                lease.connection.rollback()
            self._idle.append(lease)
        finally:
            self.make_room()

    def make_room(self) -> None:
        """Let another thread have a connection."""
        self._places.give_back()

    def close_idle(self) -> None:
        """Close the connections that nobody uses."""
        while (idle := self._take_idle()) is not None:
            idle.connection.close()

    def _take_idle(self) -> Lease | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None


_pools: dict[str, Pool] = {}


def close_idle() -> None:
    """Close the connections that nobody uses: SQLite's must not be carried into a forked process."""
    for pool in list(_pools.values()):
        pool.close_idle()


os.register_at_fork(before=close_idle, after_in_child=_pools.clear)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, with connections from the pool."""

    _lease: Lease | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        """Return a connection for this thread."""
        file = str(conn_params["database"])
        pool = _pools.get(file) or _pools.setdefault(file, Pool())
        self._lease = pool.lease(partial(super().get_new_connection, conn_params))
        return self._lease.connection

    def close_if_crowded(self) -> None:
        """Return the connection, unless there are enough for all who want one."""
        if self._lease is not None and self._lease.pool.is_crowded:
            self.close()

    def close_if_unusable_or_obsolete(self) -> None:
        """Called by Django before and after each request."""
        super().close_if_unusable_or_obsolete()
        if not self.in_atomic_block:
            self.close_if_crowded()

    def _close(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            with self.wrap_database_errors:
                lease.end()
