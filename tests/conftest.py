"""Fixtures for all tests of the app."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import SimpleTestCase, TransactionTestCase
from django.utils import timezone
from django_ox import _run_tasks
from django_ox.models import OxTask
from django_ox.testing import run_tasks
from pytest_django.plugin import DjangoDbBlocker
from stripe import HTTPClient

from saleor_stripe_audience import recent
from saleor_stripe_audience.gateway import pace
from saleor_stripe_audience.saleor import staff_channels
from saleor_stripe_audience.sandbox.saleor.signing import SigningKey
from saleor_stripe_audience.static_files import HashedFilesMiddleware

Work = Callable[[], int]

TESTS = Path(__file__).parent
DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "django_db_setup"}
# They test the page, the network, the stand-ins and the scripts: a second database would not change anything.
SAME_ON_EACH_DATABASE = ("browser", "flows", "network", "sandbox", "scripts")


def pytest_configure() -> None:
    """Disable garbage collection while modules are imported: there is little garbage, and most objects stay."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Exclude imported objects, and what little garbage is among them, from garbage collection.

    It would traverse them again and again. From then on, it runs less often than in production: tests
    and stand-ins create far more garbage than requests.
    """
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests whose result may depend on the database: `.ci/run` repeats only these on PostgreSQL."""
    same = {TESTS / each for each in SAME_ON_EACH_DATABASE}
    for item in items:
        if uses_database(item) and same.isdisjoint(item.path.parents):
            item.add_marker("database")


def uses_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("django_db") is not None:
        return True
    is_case = issubclass(getattr(item, "cls", None) or object, SimpleTestCase)
    return is_case or not DATABASE_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


def empty_tables(_: TransactionTestCase) -> None:
    """Delete what a test wrote, only from the tables that it wrote to.

    Django's own `flush` empties every table each time, which took a third of the suite's time. Foreign keys are checked
    at the end of the transaction, so the order does not matter. The content types existed before the test.
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
    """Share the rows that are created inside among a module's tests; what each test writes is rolled back.

    Only for modules that do not test transactions, because all tests run inside this one.
    """
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def kept_rows() -> Iterator[Callable[[], None]]:
    """Copy all rows and delete them; yield a function that inserts them again into the empty tables.

    For modules that test transactions, where `shared_rows` cannot be used.
    """
    models = [each for each in apps.get_models(include_auto_created=True) if each is not ContentType]
    names = [each._meta.db_table for each in models if each._base_manager.exists()]
    quote = connection.ops.quote_name

    def run(statement: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for name in names:
                cursor.execute(statement.format(quote(name), quote(f"kept_{name}")))

    run("CREATE TABLE {1} AS SELECT * FROM {0}")
    try:
        run("DELETE FROM {0}")
        yield lambda: run("INSERT INTO {0} SELECT * FROM {1}")
    finally:
        run("DROP TABLE {1}")


@pytest.fixture(autouse=True, scope="session")
def tables_are_emptied_quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture(autouse=True, scope="session")
def connections_are_known() -> Iterator[None]:
    """Let `run_tasks` search only the connections for a test's transaction on another thread.

    It would search all objects of the process each time, which took up to a third of the time of a test with a server.
    """
    known: WeakSet[BaseDatabaseWrapper] = WeakSet(connections.all())
    lock = Lock()
    create = BaseDatabaseWrapper.__init__

    def create_known(self: BaseDatabaseWrapper, *arguments: Any, **named: Any) -> None:
        create(self, *arguments, **named)
        with lock:
            known.add(self)

    def list_known() -> list[BaseDatabaseWrapper]:
        with lock:
            return list(known)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "__init__", create_known)
        patch.setattr(_run_tasks, "gc", SimpleNamespace(get_objects=list_known))
        yield


class Keys:
    """The RSA keys generated so far: each test gets the first ones again, but no key twice."""

    def __init__(self) -> None:
        self._generated: list[SigningKey] = []
        self._generate = SigningKey.generate
        self._lock = Lock()
        self.given = 0

    def next(self) -> SigningKey:
        with self._lock:
            if self.given == len(self._generated):
                self._generated.append(self._generate())
            self.given += 1
            return self._generated[self.given - 1]


@pytest.fixture(autouse=True, scope="session")
def signing_keys() -> Iterator[Keys]:
    """Reuse keys in all tests, because generating one takes as long as many tests."""
    made = Keys()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SigningKey, "generate", made.next)
        yield made


@pytest.fixture(autouse=True, scope="session")
def static_files_are_found_once() -> Iterator[None]:
    """The middleware of each `Client` would search for them, which took longer than many requests."""
    found: dict[str, Any] = {}
    find = HashedFilesMiddleware.add_files_from_finders

    def add_found(self: HashedFilesMiddleware) -> None:
        if not found:
            find(self)
            found.update(self.files)
        self.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HashedFilesMiddleware, "add_files_from_finders", add_found)
        yield


@pytest.fixture(autouse=True, scope="session")
def bulk_work_is_fast() -> Iterator[None]:
    """The stand-in has no rate limit; below Stripe's, one sync of a shop would take two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "TEST_RATE", 1_000_000)
        yield


@pytest.fixture(autouse=True, scope="session")
def stripe_is_asked_again_at_once() -> Iterator[None]:
    """Stripe's library waits half a second before it repeats a request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPClient, "INITIAL_DELAY", 0.001)
        yield


@pytest.fixture(autouse=True)
def nothing_is_kept(signing_keys: Keys) -> None:
    """Each test has its own rows, and some tables are emptied without the models, so nothing may stay cached."""
    signing_keys.given = 0
    recent.forget_all()
    staff_channels.forget_all()


@pytest.fixture
def run_due_tasks() -> Work:
    """Return a function that runs every due task on this thread, as the worker would, and returns their number."""
    return lambda: len(run_tasks())


@pytest.fixture
def run_all_tasks() -> Work:
    """As `run_due_tasks`, but without the pauses between attempts: in the end there is nothing to retry."""

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
