"""`serve` as an operator runs it: in its own process, on a new database, ended by a signal."""

import contextlib
import errno
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from saleor_stripe_audience.commands import ports
from saleor_stripe_audience.errors import Rejected
from tests.platform.served import SECONDS, Servers, command, environment, free_port, serving


def test_a_page_may_be_framed_and_the_host_header_is_ignored(servers: Servers) -> None:
    url = servers.take("--no-worker").url
    answer = requests.get(f"{url}/api/manifest", headers={"Host": "elsewhere.example"}, timeout=5)
    assert "elsewhere.example" not in answer.text
    assert "X-Frame-Options" not in answer.headers


@pytest.mark.parametrize(("options", "from_nothing"), [((), False), (("--no-worker",), True)])
def test_it_serves_and_ends_when_asked(
    servers: Servers, options: tuple[str, ...], *, from_nothing: bool
) -> None:
    running = servers.take(*options, from_nothing=from_nothing)
    url, process = running.url, running.process
    assert requests.get(f"{url}/healthz", timeout=5).json() == {"ok": True}
    manifest = requests.get(f"{url}/api/manifest", timeout=5).json()
    assert manifest["tokenTargetUrl"] == f"{url}/api/register"
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0, running.log
    assert "Traceback" not in running.log
    assert "Stopped by a signal." in running.log
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/healthz", timeout=5)


def is_answered(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


def test_half_a_configuration_is_one_line_that_says_what_to_set(tmp_path: Path) -> None:
    done = command(tmp_path, "serve", SECRET_KEY="")
    assert done.returncode == 1
    assert "SECRET_KEY: give" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_database_without_tables_is_reported_in_one_line(tmp_path: Path) -> None:
    done = command(
        tmp_path, "api-key", "--name", "mine", "--saleor-api-url", "https://shop.example.com/graphql/"
    )
    assert done.returncode == 1
    assert "migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_work_ends_when_asked(migrated: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "saleor_stripe_audience", "work"],
        env=environment(migrated, free_port()),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "Working.\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def children_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the processes that run tasks and respond to requests, in the order in which they were started."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return sorted(int(pid) for pid in listed)


@contextmanager
def a_while() -> Iterator[Iterator[None]]:
    """Wait until it has happened; fail if it never does."""
    ends = time.monotonic() + SECONDS

    def turns() -> Iterator[None]:
        while time.monotonic() < ends:
            yield
            time.sleep(0.1)
        pytest.fail("it did not happen in time")

    yield turns()


def pulses(folder: Path) -> str:
    """Return the names of all workers so far."""
    with sqlite3.connect(folder / "var" / "db.sqlite3") as database:
        return "".join(name for (name,) in database.execute("SELECT name FROM inbox_pulse"))


def is_gone(url: str) -> bool:
    try:
        requests.get(f"{url}/healthz", timeout=5)
    except requests.ConnectionError:
        return True
    except requests.Timeout:
        return False
    return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")
class TestProcesses:
    def test_nobody_serves_once_it_was_killed(self, servers: Servers) -> None:
        running = servers.take()
        children = children_of(running.process)
        assert len(children) == 2
        running.process.kill()
        running.process.wait()
        with a_while() as turns:
            for _ in turns:
                if is_gone(running.url) and not any(Path(f"/proc/{each}").exists() for each in children):
                    break
        assert "the parent process is gone" in running.log

    def test_a_child_that_dies_is_started_again(self, servers: Servers) -> None:
        running = servers.take("--no-worker")
        [child] = children_of(running.process)
        os.kill(child, signal.SIGKILL)
        with a_while() as turns:
            for _ in turns:
                if children_of(running.process) not in ([], [child]) and not is_gone(running.url):
                    break
        assert running.process.poll() is None
        assert "Unexpected exit" in running.log

    def test_it_ends_if_its_worker_dies(self, servers: Servers) -> None:
        """Otherwise, events would be accepted but never handled."""
        running = servers.take()
        worker, server = children_of(running.process)
        os.kill(worker, signal.SIGKILL)
        assert running.process.wait(SECONDS) == 1
        assert not Path(f"/proc/{server}").exists()
        assert "Stopped: the process that runs tasks died." in running.log

    def test_its_worker_runs_tasks_and_ends_with_it(self, servers: Servers) -> None:
        running = servers.take()
        [worker, _] = children_of(running.process)
        with a_while() as turns:
            for _ in turns:
                if f" {worker}" in pulses(running.folder):
                    break
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(SECONDS) == 0
        assert not Path(f"/proc/{worker}").exists()
        assert "Traceback" not in running.log


SPAWN = """
import multiprocessing
from saleor_stripe_audience.commands.server_worker import work_for_server
if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=work_for_server)
    worker.start()
    input()
    worker.terminate()
    worker.join()
    raise SystemExit(worker.exitcode)
"""


def test_a_worker_can_be_spawned_where_forks_are_not_safe(migrated: Path, tmp_path: Path) -> None:
    script = tmp_path / "spawn.py"
    script.write_text(SPAWN)
    process = subprocess.Popen(
        [sys.executable, str(script)], env=environment(migrated, free_port()), stdin=subprocess.PIPE
    )
    before = pulses(migrated)
    try:
        with a_while() as turns:
            for _ in turns:
                if pulses(migrated) != before:
                    break
        process.communicate(b"\n", SECONDS)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


def test_nothing_keeps_responding_when_it_is_killed(servers: Servers) -> None:
    running = servers.take("--no-worker")
    running.process.kill()
    running.process.wait()
    ends = time.monotonic() + SECONDS
    while is_answered(running.url):
        assert time.monotonic() < ends


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def test_a_port_of_another_process_is_not_shared(taken_port: int) -> None:
    with pytest.raises(Rejected, match=f"Port {taken_port} is in use .* set PORT"):
        ports.check_free("127.0.0.1", taken_port, "PORT", seconds=0)
    ports.check_free("127.0.0.1", free_port(), "PORT", seconds=0)


@pytest.fixture
def ctrl_c_is_not_ignored() -> Iterator[None]:
    """A shell's background jobs ignore it, and so do the processes that they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_is_not_ignored")
def test_it_can_be_stopped_while_it_waits_for_its_port(tmp_path: Path, taken_port: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "saleor_stripe_audience", "serve", "--host", "127.0.0.1"],
        env=environment(tmp_path, taken_port),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"Port {taken_port} is in use. Waiting up to 25 seconds")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
        assert (process.returncode, said) == (130, "Stopped by a signal.\n")
    finally:
        process.kill()
        process.wait()


def test_a_backup_of_a_running_app_can_be_restored(migrated: Path) -> None:
    """Run the commands of docs/operating.md, with the app's own latest changes still in SQLite's log."""
    operating = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    _, _, backups = operating.partition("## Backups")
    back_up, restore = re.findall(r"```sh\n(.*?)```", backups, re.DOTALL)
    _, statement, _ = back_up.split('"')
    with serving(migrated) as (_url, process):
        with contextlib.closing(sqlite3.connect(migrated / "var" / "db.sqlite3", timeout=20)) as database:
            database.execute("INSERT INTO inbox_pulse (name, at) VALUES ('before', '2026-01-01')")
            database.commit()
            database.execute(statement.replace("backup.sqlite3", f"{migrated}/backup.sqlite3"))
            database.execute("INSERT INTO inbox_pulse (name, at) VALUES ('after', '2026-01-01')")
            database.commit()
        children = children_of(process)
        process.kill()
        wait_for_end(children)
        assert (migrated / "var" / "db.sqlite3-wal").stat().st_size > 0
    subprocess.run(["sh", "-e", "-c", restore], cwd=migrated, check=True)
    with serving(migrated):
        assert "before" in pulses(migrated)
        assert "after" not in pulses(migrated)


def wait_for_end(pids: list[int]) -> None:
    with a_while() as turns:
        for _ in turns:
            if not any(Path(f"/proc/{pid}").exists() for pid in pids):
                return


@pytest.mark.parametrize("host", ["203.0.113.9", "2001:db8::9", "nowhere.invalid", "a..b"])
def test_an_address_of_another_machine_is_refused_in_words(host: str) -> None:
    with pytest.raises(Rejected, match="This machine cannot listen on"):
        ports.check_free(host, free_port(), "PORT", seconds=0)


@pytest.mark.parametrize(
    ("host", "address"), [("localhost", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")]
)
def test_a_host_name_becomes_an_address(host: str, address: str) -> None:
    assert ports.address_of(host) == address


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 80])
def test_an_unknown_host_name_is_refused_with_a_message(host: str) -> None:
    with pytest.raises(Rejected, match="This machine cannot listen on"):
        ports.address_of(host)


def test_a_port_that_this_user_may_not_have_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(_socket: socket.socket, _address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", forbid)
    with pytest.raises(Rejected, match="may not listen on port 80"):
        ports.check_free("127.0.0.1", 80, "PORT", seconds=0)


def test_metrics_at_an_address_of_another_machine_are_refused_in_words(migrated: Path) -> None:
    done = command(migrated, "work", METRICS_PORT=str(free_port()), METRICS_HOST="203.0.113.9")
    assert (done.returncode, "This machine cannot listen on '203.0.113.9'" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


def test_two_processes_with_one_metrics_port_are_reported_so(migrated: Path, taken_port: int) -> None:
    done = command(migrated, "work", METRICS_PORT=str(taken_port), METRICS_HOST="127.0.0.1")
    assert done.returncode == 1
    assert "set METRICS_PORT" in done.stderr
    assert "Traceback" not in done.stderr
