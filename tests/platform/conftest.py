"""Fixtures that several tests share, because creating them takes seconds."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.platform.served import Servers, command


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path_factory, stack)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    assert command(folder, "migrate").returncode == 0
    return folder / "var"


@pytest.fixture
def migrated(migrated_database: Path, tmp_path: Path) -> Path:
    """A folder with a migrated database."""
    shutil.copytree(migrated_database, tmp_path / "var")
    return tmp_path
