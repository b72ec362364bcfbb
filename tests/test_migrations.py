"""The tests' tables are created from the models. The migrations must have the same result."""

from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

# SQLite's statistics, which it has after ANALYZE: another test on the same database may have run it.
STATISTICS = {"sqlite_stat1", "sqlite_stat4"}
# Only on PostgreSQL: Django cannot express this.
NOT_IN_MODELS = {"contact_address_begins", "contact_first_name_begins", "contact_last_name_begins"}


@pytest.fixture
def with_migrations(settings: Any) -> None:
    settings.MIGRATION_MODULES = {}


@pytest.fixture
def migrated(
    with_migrations: None, django_db_setup: None, django_db_blocker: Any, tmp_path: Path
) -> Iterator[BaseDatabaseWrapper]:
    """Another database, created by the migrations alone."""
    with django_db_blocker.unblock():
        yield from another_database(tmp_path)


def another_database(tmp_path: Path) -> Iterator[BaseDatabaseWrapper]:
    if connection.vendor == "sqlite":
        name = str(tmp_path / "migrated.sqlite3")
    else:
        name = f"{connection.settings_dict['NAME']}_migrated"
    connections.settings["migrated"] = connection.settings_dict | {
        "NAME": name,
        "TEST": connection.settings_dict["TEST"] | {"NAME": name},
    }
    other = connections["migrated"]
    other.creation.create_test_db(verbosity=0, autoclobber=True)
    yield other
    other.creation.destroy_test_db(name, verbosity=0)
    del connections["migrated"], connections.settings["migrated"]


def tables(of: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return columns and constraints of every table, without the names that Django generates."""
    with of.cursor() as cursor:
        read = of.introspection
        names = [each for each in read.table_names(cursor) if each not in {"django_migrations"} | STATISTICS]
        return {
            name: (
                sorted(
                    (each.name, str(each.type_code), each.null_ok, each.internal_size)
                    for each in read.get_table_description(cursor, name)
                ),
                sorted(map(str, constraints(read.get_constraints(cursor, name)))),
            )
            for name in names
        }


def constraints(found: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for name, each in found.items():
        if name not in NOT_IN_MODELS:
            columns = (
                each["columns"]
                if each["unique"] or each["primary_key"] or each["index"]
                else sorted(each["columns"])
            )
            yield (
                columns,
                each["unique"],
                each["primary_key"],
                each["foreign_key"],
                each["check"],
                each["index"],
            )


def test_the_migrations_make_what_the_models_say(migrated: BaseDatabaseWrapper) -> None:
    made, expected = tables(migrated), tables(connection)
    assert made.keys() == expected.keys()
    assert {name: made[name] for name in made if made[name] != expected[name]} == {}


@pytest.mark.django_db
@pytest.mark.usefixtures("with_migrations")
def test_every_migration_is_there() -> None:
    said = StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=said)
    except SystemExit:
        pytest.fail(said.getvalue())
    assert "No changes detected" in said.getvalue()
