"""`serve` as an operator runs it: its own process, a fresh database, ended by a signal."""

import errno
import os
import signal
import socket
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

SECONDS = 180  # only ever waited for on a busy machine


def environment(folder: Path, port: int) -> dict[str, str]:
    return os.environ | {
        "SECRET_KEY": "only-for-tests-0123456789",
        "DATABASE_URL": f"sqlite:///{folder / 'var' / 'db.sqlite3'}",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_SALEOR_URLS": "http://127.0.0.1:9/graphql/",
        "DJANGO_SETTINGS_MODULE": "saleor_stripe_audience.settings",
        "PORT": str(port),
    }


def command(folder: Path, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "saleor_stripe_audience", *arguments],
        env=environment(folder, free_port()) | changed,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(folder: Path, *options: str, **changed: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "saleor_stripe_audience", "serve", *options],
            env=environment(folder, port) | changed,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(url, process, folder)
        yield url, process
    finally:
        process.kill()
        process.wait()


def wait_until_ready(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            if requests.get(f"{url}/readyz", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    pytest.fail((folder / "log").read_text())


@pytest.mark.parametrize("options", [(), ("--no-worker",)])
def test_it_serves_from_nothing_and_ends_when_told(tmp_path: Path, options: tuple[str, ...]) -> None:
    with serving(tmp_path, *options) as (url, process):
        assert requests.get(f"{url}/healthz", timeout=5).json() == {"ok": True}
        manifest = requests.get(f"{url}/api/manifest", timeout=5).json()
        assert manifest["tokenTargetUrl"] == f"{url}/api/register"
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0, (tmp_path / "log").read_text()
        assert "Traceback" not in (tmp_path / "log").read_text()
        assert "Ended: told to by a signal." in (tmp_path / "log").read_text()
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{url}/healthz", timeout=5)


def test_nothing_goes_on_answering_when_it_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-worker") as (url, process):
        process.kill()
        process.wait()
        ends = time.monotonic() + SECONDS
        while is_answered(url):
            assert time.monotonic() < ends


def is_answered(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


def test_a_page_may_be_framed_and_nothing_is_named_by_host(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-worker") as (url, _):
        answer = requests.get(f"{url}/api/manifest", headers={"Host": "elsewhere.example"}, timeout=5)
        assert "elsewhere.example" not in answer.text
        assert "X-Frame-Options" not in answer.headers


def test_half_a_configuration_is_one_line_that_says_what_to_set(tmp_path: Path) -> None:
    done = command(tmp_path, "serve", SECRET_KEY="")
    assert done.returncode == 1
    assert "SECRET_KEY: give" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_database_without_tables_is_told_in_one_line(tmp_path: Path) -> None:
    done = command(
        tmp_path, "api-key", "--name", "mine", "--saleor-api-url", "https://shop.example.com/graphql/"
    )
    assert done.returncode == 1
    assert "migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_work_ends_when_told(tmp_path: Path) -> None:
    command(tmp_path, "migrate")
    process = subprocess.Popen(
        [sys.executable, "-m", "saleor_stripe_audience", "work"],
        env=environment(tmp_path, free_port()),
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
    """The processes that answer requests; multiprocessing's own helper is none of them."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in listed if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@contextmanager
def a_while() -> Iterator[Iterator[None]]:
    """Again and again, until what is waited for has come; fails on a machine where it never does."""
    ends = time.monotonic() + SECONDS

    def turns() -> Iterator[None]:
        while time.monotonic() < ends:
            yield
            time.sleep(0.1)
        pytest.fail("waited in vain")

    yield turns()


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
    def test_nobody_serves_once_it_was_killed(self, tmp_path: Path) -> None:
        with serving(tmp_path) as (url, process):
            [child] = children_of(process)
            process.kill()
            process.wait()
            with a_while() as turns:
                for _ in turns:
                    if is_gone(url) and not Path(f"/proc/{child}").exists():
                        break
        assert "the process that started this one is gone" in (tmp_path / "log").read_text()

    def test_a_child_that_dies_is_started_again(self, tmp_path: Path) -> None:
        with serving(tmp_path, "--no-worker") as (url, process):
            [child] = children_of(process)
            os.kill(child, signal.SIGKILL)
            with a_while() as turns:
                for _ in turns:
                    if children_of(process) not in ([], [child]) and not is_gone(url):
                        break
            assert process.poll() is None
        assert "Unexpected exit" in (tmp_path / "log").read_text()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def test_a_port_of_another_process_is_not_shared(taken_port: int) -> None:
    with pytest.raises(Rejected, match=f"Port {taken_port} is in use .* set PORT"):
        ports.check_free("127.0.0.1", taken_port, "PORT", seconds=0)
    ports.check_free("127.0.0.1", free_port(), "PORT", seconds=0)


@pytest.mark.parametrize("host", ["203.0.113.9", "2001:db8::9", "nowhere.invalid", "a..b"])
def test_an_address_of_another_machine_is_refused_in_words(host: str) -> None:
    with pytest.raises(Rejected, match="This machine cannot listen on"):
        ports.check_free(host, free_port(), "PORT", seconds=0)


def test_a_port_that_this_user_may_not_have_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(_socket: socket.socket, _address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", forbid)
    with pytest.raises(Rejected, match="may not listen on port 80"):
        ports.check_free("127.0.0.1", 80, "PORT", seconds=0)


def test_metrics_at_an_address_of_another_machine_are_refused_in_words(tmp_path: Path) -> None:
    command(tmp_path, "migrate")
    done = command(tmp_path, "work", METRICS_PORT=str(free_port()), METRICS_HOST="203.0.113.9")
    assert (done.returncode, "This machine cannot listen on '203.0.113.9'" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


def test_two_processes_with_one_metrics_port_are_told_so(tmp_path: Path, taken_port: int) -> None:
    command(tmp_path, "migrate")
    done = command(tmp_path, "work", METRICS_PORT=str(taken_port), METRICS_HOST="127.0.0.1")
    assert done.returncode == 1
    assert "set METRICS_PORT" in done.stderr
    assert "Traceback" not in done.stderr
