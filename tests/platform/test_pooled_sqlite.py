"""The pool of SQLite's connections: a few for all threads."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from pytest_django.plugin import DjangoDbBlocker

from saleor_stripe_audience import database
from saleor_stripe_audience.pooled_sqlite3 import base
from saleor_stripe_audience.pooled_sqlite3.base import KEPT, MOST, Lease, Pool


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pooled.sqlite3"


@pytest.fixture
def wrappers(file: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[list[base.DatabaseWrapper]]:
    """Return one for each of many threads, as Django creates them."""
    settings = {
        **connection.settings_dict,
        "ENGINE": "saleor_stripe_audience.pooled_sqlite3", "NAME": str(file), "OPTIONS": {}, "CONN_MAX_AGE": 60,
    }  # fmt: skip
    made = [base.DatabaseWrapper(dict(settings), f"pooled {number}") for number in range(MOST + 1)]
    with django_db_blocker.unblock():
        yield made
    for each in made:
        each.close()
    base.close_idle()


def lease(pool: Pool, file: Path) -> Lease:
    return pool.lease(lambda: sqlite3.connect(file, check_same_thread=False))


def use(wrapper: base.DatabaseWrapper) -> sqlite3.Connection:
    wrapper.ensure_connection()
    used: sqlite3.Connection = wrapper.connection
    return used


def test_a_returned_connection_is_used_again(wrappers: list[base.DatabaseWrapper]) -> None:
    first = use(wrappers[0])
    wrappers[0].close()
    assert use(wrappers[1]) is first


def test_a_thread_keeps_its_connection_while_there_are_enough(wrappers: list[base.DatabaseWrapper]) -> None:
    kept = use(wrappers[0])
    wrappers[0].close_if_unusable_or_obsolete()
    wrappers[0].close_if_crowded()
    assert wrappers[0].connection is kept


def test_it_returns_it_when_many_are_in_use(wrappers: list[base.DatabaseWrapper]) -> None:
    for each in wrappers[: KEPT + 1]:
        use(each)
    wrappers[0].close_if_unusable_or_obsolete()
    assert wrappers[0].connection is None
    wrappers[1].close_if_unusable_or_obsolete()
    assert wrappers[1].connection is not None


def test_not_in_the_middle_of_a_transaction(wrappers: list[base.DatabaseWrapper]) -> None:
    for each in wrappers[: KEPT + 1]:
        use(each)
    wrappers[0].in_atomic_block = True
    wrappers[0].close_if_unusable_or_obsolete()
    assert wrappers[0].connection is not None
    wrappers[0].in_atomic_block = False


def test_whoever_comes_too_late_is_refused(
    wrappers: list[base.DatabaseWrapper], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "BUSY_SECONDS", 0.01)
    for each in wrappers[:MOST]:
        use(each)
    with pytest.raises(OperationalError) as refused:
        use(wrappers[MOST])
    failure = database.failure_of(refused.value)
    assert failure is not None
    assert failure.code == "database"
    wrappers[0].close()
    assert use(wrappers[MOST])


def test_whoever_waits_gets_the_next_one(wrappers: list[base.DatabaseWrapper]) -> None:
    used = [use(each) for each in wrappers[:MOST]]
    found: list[sqlite3.Connection] = []

    def wait() -> None:
        found.append(use(wrappers[MOST]))

    for each in wrappers:
        each.inc_thread_sharing()
    waiting = threading.Thread(target=wait)
    waiting.start()
    wrappers[3].close()
    waiting.join(20)
    assert found == [used[3]]


def test_a_transaction_left_open_is_rolled_back(file: Path) -> None:
    pool = Pool()
    first = lease(pool, file)
    first.connection.execute("CREATE TABLE kept (number)")
    first.connection.execute("INSERT INTO kept VALUES (1)")
    first.end()
    second = lease(pool, file)
    assert second.connection is first.connection
    assert second.connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    second.end()


def test_a_thread_that_ends_makes_room(file: Path) -> None:
    pool = Pool()
    for _ in range(MOST + 1):
        lease(pool, file)  # never returned
    assert not pool.is_crowded


def test_a_file_that_was_replaced_is_opened_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool()
    first = lease(pool, file)
    first.end()
    monkeypatch.setattr(base, "MAX_AGE_SECONDS", -1.0)
    second = lease(pool, file)
    assert second.connection is not first.connection
    with pytest.raises(sqlite3.ProgrammingError):  # it is closed
        first.connection.execute("SELECT 1")
    second.end()


def test_a_failed_opening_makes_room(tmp_path: Path) -> None:
    pool = Pool()
    for _ in range(MOST + 1):
        with pytest.raises(sqlite3.OperationalError):
            lease(pool, tmp_path)  # a folder
    assert not pool.is_crowded


def test_a_forked_process_opens_its_own(file: Path) -> None:
    pool = base._pools[str(file)] = Pool()
    idle = lease(pool, file)
    idle.end()
    child = os.fork()
    if child == 0:
        os._exit(0 if str(file) not in base._pools else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    with pytest.raises(sqlite3.ProgrammingError):  # it was closed before
        idle.connection.execute("SELECT 1")


@pytest.mark.django_db
def test_a_long_job_has_more_cache_until_it_ends() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's cache is the server's")

    def size() -> int:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA cache_size")
            found: int = cursor.fetchone()[0]
            return found

    usual = size()
    with database.more_cache():
        assert size() == -database.JOB_CACHE_KB
    assert size() == usual
