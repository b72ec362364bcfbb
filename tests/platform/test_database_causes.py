"""What an operator reads if the database cannot be used: the cause, and what to do, on one line without secrets."""

import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from saleor_stripe_audience import database_causes
from tests.platform.served import command

SERVER = os.environ.get("DATABASE_URL", "")


def only_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the command's own message; the drivers' warnings are other lines."""
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("saleor-stripe-audience ")]
    return line


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """Mount a disk of one megabyte, which only root may do."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("this user cannot mount a disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("name", ["serve", "migrate"])
def test_a_full_disk_is_named(tmp_path: Path, small_disk: Path, name: str) -> None:
    file = small_disk / "db.sqlite3"
    line = only_line(command(tmp_path, name, DATABASE_URL=f"sqlite:///{file}"))
    assert f"The disk of {file} is full. Free some space on it." in line


def test_a_read_only_disk_is_named(tmp_path: Path, migrated: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    file = small_disk / "db.sqlite3"
    shutil.copy(migrated / "var" / "db.sqlite3", file)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    line = only_line(command(tmp_path, "migrate", DATABASE_URL=f"sqlite:///{file}"))
    assert f"{file} cannot be written. Make the file and its folder writable" in line
    done = command(tmp_path, "check", DATABASE_URL=f"sqlite:///{file}")
    assert f"{file} cannot be written." in done.stdout


@pytest.mark.parametrize("name", ["serve", "rotate-keys"])
def test_another_kind_of_file_is_named(tmp_path: Path, name: str) -> None:
    file = tmp_path / "notes"
    file.write_text("these are notes, and not a database " * 100)
    line = only_line(command(tmp_path, name, DATABASE_URL=f"sqlite:///{file}"))
    assert f"{file} is not an SQLite database." in line
    done = command(tmp_path, "check", DATABASE_URL=f"sqlite:///{file}")
    assert f"{file} is not an SQLite database." in done.stdout


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("notes")
    line = only_line(command(tmp_path, "serve", DATABASE_URL=f"sqlite:///{tmp_path}/notes/db.sqlite3"))
    assert f"{tmp_path}/notes cannot be written" in line


@pytest.mark.django_db
def test_a_disk_that_is_almost_full_is_found_without_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's disk is elsewhere")
    assert database_causes.disk_problem() == ""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
    assert "is full" in database_causes.disk_problem()


@pytest.mark.parametrize(
    ("url", "cause", "advice"),
    [
        ("postgres://nobody:hunter2@127.0.0.1:9/name", "onnection refused", "whether PostgreSQL is running"),
        ("postgres://nobody:hunter2@nowhere.invalid/name", "resolve host", "Check DATABASE_URL"),
        ("postgres://nobody:hunter2@127.0.0.1:9/name?foo=bar", '"foo"', "Correct the options after the ?"),
    ],
)
def test_an_unreachable_postgresql_is_named(tmp_path: Path, url: str, cause: str, advice: str) -> None:
    line = only_line(command(tmp_path, "migrate", DATABASE_URL=url))
    assert cause in line
    assert advice in line
    assert "hunter2" not in line


@pytest.mark.database
@pytest.mark.skipif(not SERVER.startswith("postgres"), reason="needs PostgreSQL")
def test_a_missing_postgresql_database_is_named(tmp_path: Path) -> None:
    url = f"{SERVER.rpartition('/')[0]}/no_such_name"
    line = only_line(command(tmp_path, "serve", DATABASE_URL=url))
    assert '"no_such_name" does not exist. Create the database, or correct DATABASE_URL.' in line
    done = command(tmp_path, "check", DATABASE_URL=url)
    assert '"no_such_name" does not exist. Create the database' in done.stdout
