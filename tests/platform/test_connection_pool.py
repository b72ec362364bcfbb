"""While PostgreSQL is away whoever waits for a connection is told soon; while it is only busy, they wait."""

import socket
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool, PoolTimeout

from saleor_stripe_audience.connection_pool import pool_options


@pytest.fixture
def away() -> Iterator[ConnectionPool[Any]]:
    """A pool of a server whose port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = pool_options() | {"timeout": 60.0, "reconnect_timeout": 0.05}
    with ConnectionPool(f"host=127.0.0.1 port={port} connect_timeout=2", open=True, **options) as pool:
        yield pool


def test_nobody_waits_for_a_server_that_is_away(away: ConnectionPool[Any]) -> None:
    for _ in range(2):  # the second request has it tried again
        with pytest.raises(psycopg.OperationalError) as failed:
            away.getconn()
        assert not isinstance(failed.value, PoolTimeout)
    assert not away._waiting
