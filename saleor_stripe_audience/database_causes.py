"""What is wrong with the database, in words for the operator: the cause, and what to do about it."""

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import Error, connection

LEAST_FREE = 32 * 1024 * 1024  # bytes on the disk of an SQLite database
FEWEST_FREE = 64 * 1024  # bytes below which an error of the disk means that it is full
GENERAL = "The database does not respond as expected. Check DATABASE_URL, then run `migrate`."
NO_TABLES = "The database has no tables, or older ones. Run `saleor-stripe-audience migrate`."
FULL = "The disk of {file} is full. Free some space on it."
UNWRITABLE = "{file} cannot be written. Make the file and its folder writable for this user."
SQLITE_CAUSES = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: UNWRITABLE,
    sqlite3.SQLITE_PERM: UNWRITABLE,
    sqlite3.SQLITE_CANTOPEN: "{file} cannot be opened. Check the path in DATABASE_URL, and whether this user may read "
    "and write the file and its folder.",
    sqlite3.SQLITE_NOTADB: "{file} is not an SQLite database. Give another path in DATABASE_URL, or restore a backup.",
    sqlite3.SQLITE_CORRUPT: "{file} is damaged. Restore a backup; docs/operating.md describes how.",
    sqlite3.SQLITE_IOERR: "{file} cannot be read or written: its disk reports an error. Check the disk.",
    sqlite3.SQLITE_BUSY: "{file} is locked by another process. Try again, or stop that one.",
}
POSTGRESQL_CAUSES = {  # by SQLSTATE
    "42P01": NO_TABLES,
    "42703": NO_TABLES,
    "53100": "PostgreSQL's disk is full. Free some space on it.",
    "25006": "This PostgreSQL is read-only, such as a replica. Give the one that accepts writes in DATABASE_URL.",
    "42501": "PostgreSQL denies this user a permission. Make the user of DATABASE_URL the owner of the database.",
}
POSTGRESQL_ADVICE = (  # for a refused connection, which has no SQLSTATE; PostgreSQL's words are shown in any language
    (re.compile(r'database ".*" does not exist'), "Create the database, or correct DATABASE_URL."),
    (re.compile("authentication|password|role "), "Correct the user and the password in DATABASE_URL."),
    (re.compile("SSL"), "Correct sslmode in DATABASE_URL, or PostgreSQL's settings."),
    (re.compile("option|parameter"), "Correct the options after the ? in DATABASE_URL."),
)


def explain(error: Error) -> str:
    """Return the cause and what to do. For the operator only: it contains paths, hosts and users, but no password."""
    if connection.vendor == "sqlite":
        return _explain_sqlite(error)
    for each in _chain(error):
        if state := getattr(each, "sqlstate", None):
            return POSTGRESQL_CAUSES.get(state, GENERAL)
    return _explain_refusal()


def disk_problem() -> str:
    """Return why an SQLite database cannot be written, without writing to it; empty if nothing is wrong."""
    if connection.vendor != "sqlite":
        return ""
    file = Path(connection.settings_dict["NAME"])
    if shutil.disk_usage(file.parent).free < LEAST_FREE:
        return FULL.format(file=file)
    is_writable = os.access(file.parent, os.W_OK) and (not file.exists() or os.access(file, os.W_OK))
    return "" if is_writable else UNWRITABLE.format(file=file)


def _explain_sqlite(error: Error) -> str:
    file = Path(connection.settings_dict["NAME"])
    for each in _chain(error):
        cause = getattr(each, "sqlite_errorcode", 0) & 0xFF  # the rest of the number is a detail
        if cause in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and file.parent.is_dir():
            if shutil.disk_usage(file.parent).free < FEWEST_FREE:
                cause = sqlite3.SQLITE_FULL
            elif not os.access(file.parent, os.W_OK):
                cause = sqlite3.SQLITE_READONLY
        if cause in SQLITE_CAUSES:
            return SQLITE_CAUSES[cause].format(file=file)
    return NO_TABLES if "no such" in str(error) else GENERAL


def _explain_refusal() -> str:
    """Connect once more without the pool, which does not pass on why it could not."""
    driver: Any = connection.Database  # type: ignore[attr-defined]
    try:
        driver.connect(**connection.get_connection_params()).close()
    except driver.Error as error:
        said = _without_password(str(error).strip())
    else:
        return GENERAL
    _, fatal, words = said.rpartition("FATAL:")
    words = (
        (words if fatal else said.removeprefix("connection failed: ").partition("\n")[0]).strip().rstrip(".")
    )
    for pattern, advice in POSTGRESQL_ADVICE:
        if pattern.search(words):
            return f"The database cannot be used: {words}. {advice}"
    return f"The database cannot be reached: {words}. Check DATABASE_URL, and whether PostgreSQL is running."


def _without_password(text: str) -> str:
    password = str(connection.settings_dict.get("PASSWORD") or "")
    return text.replace(password, "…") if password else text


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and those before it: after a full disk, the rollback fails as well, for another reason."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
