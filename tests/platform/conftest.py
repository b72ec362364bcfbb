"""Fixtures that several tests share, because creating them takes seconds."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.platform.served import Servers, command


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path_factory, stack, migrated_database)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a migrated database, which the first of the test processes creates for all."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "migrated"
    with (shared / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            new = tmp_path_factory.mktemp("new")
            assert command(new, "migrate").returncode == 0
            new.rename(folder)
    return folder / "var"


@pytest.fixture
def migrated(migrated_database: Path, tmp_path: Path) -> Path:
    """A folder with a migrated database."""
    shutil.copytree(migrated_database, tmp_path / "var")
    return tmp_path
