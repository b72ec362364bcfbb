"""Fixtures for all tests of the app."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase
from django.utils import timezone
from django_ox.models import OxTask
from django_ox.testing import run_tasks
from pytest_django.plugin import DjangoDbBlocker

from saleor_stripe_audience import recent

Work = Callable[[], int]


def pytest_collection_finish() -> None:
    """Take what was imported out of the garbage collector's sight.

    `run_tasks` looks through all objects that it sees, each time: half of what a test with a server took.
    """
    gc.collect()
    gc.freeze()


def empty_tables(_: TransactionTestCase) -> None:
    """Delete what a test wrote, from the few tables it wrote to.

    Django's own `flush` empties every table each time, which took a third of the suite's time. Foreign keys are checked
    at the end of the transaction, so the order does not matter. The content types were there before the test.
    """
    models = [each for each in apps.get_models(include_auto_created=True) if each is not ContentType]
    names = [connection.ops.quote_name(each._meta.db_table) for each in models]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {name})" for number, name in enumerate(names)
            )
        )
        for (number,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {names[number]}")


@contextmanager
def shared_rows(blocker: DjangoDbBlocker) -> Iterator[None]:
    """Rows that a whole module starts with, created once: what each test writes is rolled back to here.

    For modules without tests of transactions, which would run inside this one.
    """
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True, scope="session")
def tables_are_emptied_quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture(autouse=True)
def nothing_is_kept() -> None:
    """Each test has its own rows; some tables are emptied behind the models."""
    recent.forget_all()


@pytest.fixture
def worked() -> Work:
    """Run every task that is due, on this thread, as the worker would; returns how many attempts."""
    return lambda: len(run_tasks())


@pytest.fixture
def worked_to_the_end() -> Work:
    """As `worked`, but as if the pauses between attempts had passed: nothing is left to be retried."""

    def work() -> int:
        attempts = 0
        while True:
            OxTask.objects.filter(run_after__gt=timezone.now()).update(run_after=timezone.now())
            ran = len(run_tasks())
            attempts += ran
            if not ran:
                return attempts

    return work


@pytest.fixture
def mail_server(settings: Any) -> None:
    """The app has a mail server; what it sends is in `mailoutbox`."""
    settings.EMAIL_CONFIGURED = True
    settings.DEFAULT_FROM_EMAIL = "news@shop.example"
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
