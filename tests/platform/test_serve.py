"""`serve` as an operator runs it: its own process, a fresh database, ended by a signal."""

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
