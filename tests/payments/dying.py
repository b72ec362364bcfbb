"""A process that is killed between two steps, and its successor."""

import gc
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from saleor_stripe_audience.pooled_sqlite3.base import close_idle

Json = Any
Function = Callable[[], Json]


def deaths[Subject](
    prepare: Callable[[], Subject], act: Callable[[Subject], Json]
) -> Iterator[tuple[int, Subject]]:
    """Run `act` once for each of its steps, with a new subject, in a process that is killed at that step.

    A step is the moment before or after a request to another service or a commit, or after a statement that is
    its own transaction. Between these, a death changes nothing that lasts: the database forgets what was not committed.
    Yields the step and the subject after each death; ends when a process survives.
    """
    for step in itertools.count(1):
        subject = prepare()
        if _run(lambda: act(subject), kill_at=step) is not _KILLED:  # noqa: B023 - it runs immediately
            return
        yield step, subject


def alive(function: Function) -> Json:
    """Run `function` in a new process, which is not killed; return its result."""
    result = _run(function, kill_at=None)
    assert result is not _KILLED
    return result


@pytest.fixture(autouse=True)
def no_connection_outlives_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close the connections of the served app's threads after each request: none to SQLite may be open at a fork.

    The child would inherit SQLite's list of the locks that the process holds, and find the database locked by nobody.
    https://www.sqlite.org/howtocorrupt.html
    """
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)


_KILLED = object()


def _run(function: Function, kill_at: int | None) -> Json:
    _leave_no_connection()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _live_and_die(function, kill_at, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        output = pipe.read()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return _KILLED
    assert os.waitstatus_to_exitcode(status) == 0, output.decode()
    return json.loads(output)


def _live_and_die(function: Function, kill_at: int | None, writing: int) -> None:
    code = 1
    try:
        with _steps(kill_at):
            output = json.dumps(function())
        os.write(writing, output.encode())
        code = 0
    except BaseException as error:  # noqa: BLE001 - the parent raises any exception
        os.write(writing, repr(error).encode())
    finally:
        sys.stdout.flush()
        os._exit(code)


@contextmanager
def _steps(kill_at: int | None) -> Iterator[None]:
    count = itertools.count(1)

    def step() -> None:
        if next(count) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    send, commit = requests.Session.request, BaseDatabaseWrapper._commit  # type: ignore[attr-defined]  # Django's own

    def request(*arguments: Any, **named: Any) -> Any:
        step()
        answer = send(*arguments, **named)
        step()
        return answer

    def committed(self: Any) -> Any:
        step()
        done = commit(self)
        step()
        return done

    def statement(execute: Any, *arguments: Any) -> Any:
        done = execute(*arguments)
        if not (connection.in_atomic_block or arguments[0].startswith("SELECT")):
            step()
        return done

    requests.Session.request = request  # type: ignore[method-assign]  # only until this process ends
    BaseDatabaseWrapper._commit = committed  # type: ignore[attr-defined]  # likewise
    with connection.execute_wrapper(statement):
        yield


def _leave_no_connection() -> None:
    """A forked process must not share the parent's connections, and none to SQLite may be open in any thread."""
    connections.close_all()
    close_pool = getattr(connection, "close_pool", None)
    if close_pool is not None:
        close_pool()
    if connection.vendor == "sqlite":
        close_idle()
        if _is_database_open():
            _return_connections_of_other_threads()
            close_idle()
        assert not _is_database_open()


def _return_connections_of_other_threads() -> None:
    """Return those of threads that have ended, which wait for garbage collection, and of servers' idle threads."""
    gc.collect()
    for each in gc.get_objects():
        if issubclass(type(each), BaseDatabaseWrapper):  # `isinstance` would evaluate lazy objects
            each.inc_thread_sharing()
            each.close()
            each.dec_thread_sharing()


def _is_database_open() -> bool:
    """Whether any thread has a connection to SQLite."""
    database = str(connection.settings_dict["NAME"])
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # another thread has closed it
            if str(each.readlink()) == database:
                return True
    return False
