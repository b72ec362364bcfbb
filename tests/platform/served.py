"""The app's commands in separate processes. Several tests share `Servers`, because each takes seconds to start."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import pytest
import requests

SECONDS = 180  # only reached on a busy machine


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


@dataclass
class Running:
    """One `serve`."""

    url: str
    process: Popen[bytes]
    folder: Path
    is_from_nothing: bool

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def runs(self) -> bool:
        return self.process.poll() is None


class Servers:
    """A process of `serve` for each set of options, started on request, and again after a test has ended it."""

    def __init__(self, folders: pytest.TempPathFactory, stack: ExitStack, migrated_database: Path) -> None:
        self._folders = folders
        self._stack = stack
        self._migrated_database = migrated_database
        self._running: dict[tuple[str, ...], Running] = {}

    def take(self, *options: str, from_nothing: bool = False) -> Running:
        """Return one that runs; `from_nothing`: one that found no database, which is slower because of migrations."""
        found = self._running.get(options)
        if found is not None and found.runs and (found.is_from_nothing or not from_nothing):
            return found
        if found is not None:
            found.process.kill()
        folder = self._folders.mktemp("serve")
        if not from_nothing:
            shutil.copytree(self._migrated_database, folder / "var")
        url, process = self._stack.enter_context(serving(folder, *options))
        self._running[options] = Running(url, process, folder, from_nothing)
        return self._running[options]
