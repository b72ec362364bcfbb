"""Waiting events of one shop are handled in one transaction, with the same guarantees as if handled separately."""

import threading
import time
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_ox.models import OxTask
from django_ox.testing import run_tasks

from saleor_stripe_audience.audience.people.audiences import default_audience, hold_shop
from saleor_stripe_audience.audience.people.models import Contact, ContactSpent, StaleContact
from saleor_stripe_audience.audience.segments import membership, store
from saleor_stripe_audience.audience.segments.models import Membership, Segment
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase, PurchaseLine
from saleor_stripe_audience.inbox import engine
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.task_engine import TaskWorker
from tests.audience.conftest import install
from tests.audience.histories import at, everything, member, order
from tests.audience.records import record_order
from tests.audience.shopping.checkouts import checkout, checkout_id
from tests.payments.dying import alive, deaths, no_connection_outlives_a_request  # noqa: F401 - a fixture
from tests.plans import explained

pytestmark = pytest.mark.django_db(transaction=True)

TRANSACTION = ("BEGIN", "COMMIT")  # statements that begin and end one
BUYERS = {"version": 1, "root": {"type": "ordersCount", "atLeast": 1}}


@pytest.fixture
def shop(db: None) -> Installation:
    return install()


def receive(shop: Installation, kind: str, step: int, **payload: Any) -> Event:
    key = uuid4().hex
    engine.record("saleor", shop.pk, key, kind, payload, at(step))
    return Event.objects.get(key=key)


def receive_orders(shop: Installation, count: int, *, first: int = 0) -> list[Event]:
    numbers = range(first, first + count)
    return [
        receive(shop, "order_created", each, order=order(str(each), email=f"{each}@shop.example"))
        for each in numbers
    ]


def work_one_task() -> None:
    """Run only the oldest task, with the other events that it handles."""
    task = OxTask.objects.filter(status=OxTask.Status.READY, run_after=None).earliest("enqueued_at")
    OxTask.objects.filter(pk=task.pk).update(status=OxTask.Status.RUNNING)
    engine.dispatch(task.args[0], queue=task.queue_name)
    OxTask.objects.filter(pk=task.pk).update(status=OxTask.Status.SUCCESSFUL)


def waiting() -> int:
    return OxTask.objects.filter(status=OxTask.Status.READY).count()


def open_events() -> int:
    return Event.objects.filter(handled_at=None).count()


class TestStatements:
    def test_a_new_order_of_a_new_contact_alone(self, shop: Installation) -> None:
        receive_orders(shop, 1)
        run_tasks()
        receive_orders(shop, 1, first=1)
        worker = TaskWorker()
        with CaptureQueriesContext(connection) as captured:
            task = worker.claim_one()
            assert task is not None
            worker.execute(task)
        assert Contact.objects.count() == 2
        statements = [each for each in captured if not each["sql"].startswith(TRANSACTION)]
        # On SQLite, claiming a task takes two statements.
        assert len(statements) <= {"postgresql": 15, "sqlite": 16}[connection.vendor]

    def test_many_of_them(self, shop: Installation) -> None:
        receive_orders(shop, 1)
        run_tasks()
        count = 1 + engine.BATCH_SIZE[connection.vendor]
        receive_orders(shop, count, first=1)
        with CaptureQueriesContext(connection) as captured:
            assert len(run_tasks()) == 1
        assert Contact.objects.count() == Purchase.objects.count() == 1 + count
        assert len(captured) / count <= 7

    def test_no_statement_reads_a_whole_table(self, shop: Installation) -> None:
        """While handling an order's event; a shop's few schedules, audiences and segments may be read as a whole."""
        receive_orders(shop, 2)
        run_tasks()
        store.create(default(shop), store.SegmentValues("Buyers", BUYERS))
        run_tasks()
        receive_orders(shop, 2, first=2)
        with explained() as plans:
            run_tasks()
        assert len(plans) > 20
        scanning = [f"{plan.sql}\n{plan.lines}" for plan in plans if plan.scanned()]
        assert not scanning, "\n\n".join(scanning)

    def test_the_plans_show_a_scan(self) -> None:
        with explained() as plans:
            list(Purchase.objects.filter(number="7"))
        assert [plan.scanned() for plan in plans] == [{"audience_purchase"}]


def default(shop: Installation) -> Any:
    with transaction.atomic():
        return default_audience(shop)


def revive() -> int:
    """Run the tasks of killed workers, as if their leases of 30 s had expired; return how many events are open."""
    OxTask.objects.filter(status=OxTask.Status.RUNNING).update(status=OxTask.Status.READY)
    while run_tasks():
        pass
    return open_events()


class TestMerged:
    def test_a_new_guest_who_turns_out_to_be_an_account(self, shop: Installation) -> None:
        receive(shop, "customer_created", 0, user=member(1, "old@shop.example"))
        run_tasks()
        bought = order("1", email="new@shop.example")
        receive(shop, "order_created", 1, order=bought)
        receive(shop, "customer_updated", 2, user=member(1, "new@shop.example"))
        work_one_task()
        assert open_events() == 0, "both were handled in one transaction"
        [contact] = Contact.objects.all()
        [spent] = ContactSpent.objects.all()
        assert (contact.email, contact.orders_count) == ("new@shop.example", 1)
        assert (spent.contact, spent.orders_count) == (contact, 1)


class TestDeleted:
    def test_a_new_guest_of_an_erased_account(self, shop: Installation) -> None:
        """The change of address shows that the guest is the erased person."""
        receive(shop, "customer_deleted", 0, user=member(1, "old@shop.example"))
        run_tasks()
        receive(shop, "order_created", 1, order=order("1", email="new@shop.example"))
        receive(shop, "customer_updated", 2, user=member(1, "new@shop.example"))
        work_one_task()
        assert open_events() == 0, "both were handled in one transaction"
        assert not Contact.objects.exists()
        assert not ContactSpent.objects.exists()
        assert [each.contact for each in Purchase.objects.all()] == [None]

    def test_a_new_guest_whose_order_gets_another_address(self, shop: Installation) -> None:
        """The contact has nothing left then, so it is deleted."""
        receive(shop, "order_created", 1, order=order("1", email="typo@shop.example"))
        receive(shop, "order_updated", 2, order=order("1", email="ada@shop.example"))
        work_one_task()
        assert open_events() == 0, "both were handled in one transaction"
        [spent] = ContactSpent.objects.all()
        assert (spent.contact.email, spent.orders_count) == ("ada@shop.example", 1)


class TestApart:
    def test_a_failing_event_is_handled_separately_and_the_others_continue(self, shop: Installation) -> None:
        good = receive_orders(shop, 2)
        bad = receive(shop, "order_created", 3, order=order("3") | {"total": None})
        good += receive_orders(shop, 2, first=4)
        while run_tasks():
            pass
        assert set(Handling.objects.filter(done_at=None).values_list("event", "handler")) == {
            (bad.pk, "audience.handlers.record_order"),
            (bad.pk, "audience.handlers.record_order_consent"),
        }
        assert not Handling.objects.filter(done_at=None, given_up_at=None).exists()
        assert set(Purchase.objects.values_list("number", flat=True)) == {"0", "1", "4", "5"}
        assert open_events() == 0
        assert Handling.objects.filter(event__in=good, attempts=1).count() == 5 * len(good)

    def test_events_of_another_shop_are_left_alone(self, shop: Installation) -> None:
        receive_orders(shop, 2)
        receive_orders(install(), 1)
        work_one_task()
        assert (open_events(), waiting()) == (1, 1)

    def test_an_event_that_was_tried_before_is_left_to_its_task(self, shop: Installation) -> None:
        receive_orders(shop, 1)
        [tried] = receive_orders(shop, 1, first=1)
        Handling.objects.create(event=tried, handler="audience.handlers.record_order", attempts=1)
        work_one_task()
        assert (open_events(), waiting()) == (1, 1)
        run_tasks()
        assert open_events() == 0

    def test_one_transaction_takes_a_limited_number(self, shop: Installation) -> None:
        receive_orders(shop, engine.BATCH_SIZE[connection.vendor] + 3)
        work_one_task()
        assert (open_events(), waiting()) == (2, 2)

    def test_an_erasure_is_handled_by_itself(self, shop: Installation) -> None:
        """It empties the person's stored events, which would otherwise be read before it and handled after it."""
        ada = member(7)
        receive_orders(shop, 1)
        deleted = receive(shop, "customer_deleted", 1, user=ada)
        receive(shop, "order_created", 2, order=order("9", email=ada["email"]))
        work_one_task()
        assert Event.objects.get(handled_at=None) == deleted
        run_tasks()
        assert open_events() == 0
        assert not Contact.objects.filter(email=ada["email"]).exists()


class TestLookingAhead:
    def test_a_cart_and_its_order_in_one_transaction(self, shop: Installation) -> None:
        receive(shop, "checkout_updated", 0, checkout=checkout(1, email="0@shop.example"))
        receive(
            shop,
            "order_created",
            1,
            order=order("0", email="0@shop.example") | {"checkoutId": checkout_id(1)},
        )
        work_one_task()
        assert open_events() == 0
        cart, purchase = Cart.objects.get(), Purchase.objects.get()
        assert (cart.saleor_order_id, cart.closed_at) == (purchase.saleor_order_id, purchase.placed_at)
        assert cart.contact == purchase.contact

    def test_one_person_twice_in_one_transaction(self, shop: Installation) -> None:
        receive(
            shop,
            "order_created",
            0,
            order=order("0", email="a@shop.example", user=member(7, "a@shop.example")),
        )
        receive(shop, "order_created", 1, order=order("1", email="a@shop.example"))
        receive(
            shop,
            "order_created",
            2,
            order=order("2", email="b@shop.example", user=member(7, "b@shop.example")),
        )
        work_one_task()
        [ada] = everything(shop)
        assert (ada["email"], ada["former"], ada["orders_count"]) == ("b@shop.example", ["a@shop.example"], 3)
        assert ada["spent"] == {"USD": (9000, 0)}

    def test_an_order_that_moves_to_another_contact_leaves_nothing_behind(self, shop: Installation) -> None:
        receive(shop, "order_created", 0, order=order("0", email="a@shop.example"))
        run_tasks()
        receive(shop, "order_updated", 1, order=order("0", email="b@shop.example"))
        receive(shop, "order_created", 2, order=order("1", email="a@shop.example"))
        work_one_task()
        totals = {each["email"]: (each["orders_count"], each["spent"]) for each in everything(shop)}
        assert totals == {
            "a@shop.example": (1, {"USD": (3000, 0)}),
            "b@shop.example": (1, {"USD": (3000, 0)}),
        }


class TestTwiceIsOnce:
    def test_an_event_with_two_tasks(self, shop: Installation) -> None:
        events = receive_orders(shop, 3)
        for each in (events[1], events[0]):
            engine._task_for(each.source, each.origin).enqueue(each.pk)
        while run_tasks():
            pass
        assert Purchase.objects.count() == 3
        assert set(Handling.objects.values_list("attempts", flat=True)) == {1}

    def test_two_workers_with_the_same_event(self, shop: Installation) -> None:
        events, queue = receive_orders(shop, 6), OxTask.objects.latest("enqueued_at").queue_name
        together = threading.Barrier(2)

        def work(identifiers: list[int]) -> None:
            try:
                together.wait(20)
                for each in identifiers:
                    engine.dispatch(each, queue=queue)
            finally:
                connection.close()

        identifiers = [event.pk for event in events]
        workers = [threading.Thread(target=work, args=(some,)) for some in (identifiers, identifiers)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert Purchase.objects.count() == Contact.objects.count() == 6
        assert set(Handling.objects.values_list("attempts", flat=True)) == {1}
        assert Handling.objects.count() == 5 * 6
        assert open_events() == 0


class TestKilledAtAnyStep:
    def test_nothing_is_lost_or_doubled(self) -> None:
        """One transaction handles two events of a person who bought twice."""

        def prepare() -> Installation:
            shop = install()
            receive_orders(shop, 1)
            receive(shop, "order_created", 1, order=order("1", email="0@shop.example"))
            return shop

        expected: list[dict[str, Any]] = []
        steps = 0
        for step, shop in deaths(prepare, lambda _: len(run_tasks())):
            assert alive(revive) == 0, step
            expected = expected or everything(shop)
            assert [each["orders_count"] for each in expected] == [2]
            assert everything(shop) == expected, step
            assert PurchaseLine.objects.filter(purchase__installation=shop).count() == 2, step
            handled = Handling.objects.filter(event__origin=shop.pk)
            assert set(handled.values_list("attempts", flat=True)) == {1}, step
            assert handled.count() == 10, step
            steps = step
        assert steps > 4  # before and after each of its commits


class TestLock:
    def test_no_two_workers_change_the_same_people_at_once(self, shop: Installation) -> None:
        """While one worker locks the shop, another one that merges the same contacts waits, then finds the result."""
        if connection.vendor != "postgresql":
            pytest.skip("SQLite lets one transaction write at a time")
        record_order(shop, order("1", email="old@shop.example", user=member(7, "old@shop.example")), at(1))
        record_order(shop, order("2", email="new@shop.example"), at(2))

        def merge() -> None:
            try:
                record_order(
                    shop, order("3", email="new@shop.example", user=member(7, "new@shop.example")), at(3)
                )
            finally:
                connection.close()

        workers = [threading.Thread(target=merge) for _ in range(2)]
        with hold_shop(shop):
            for worker in workers:
                worker.start()
            until(lambda: blocked() == 2)
            assert Contact.objects.count() == 2
        for worker in workers:
            worker.join(60)
        [ada] = everything(shop)
        assert (ada["email"], ada["orders_count"], ada["former"]) == (
            "new@shop.example",
            3,
            ["old@shop.example"],
        )


def blocked() -> int:
    """Return how many of this database's sessions are waiting for another one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_clear_snapshot()"
        )  # otherwise, a transaction sees only one state of it
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        return int(cursor.fetchone()[0])


def until(is_true: Any) -> None:
    """Wait for what another thread is about to do; fail the test if it never does it."""
    for _ in range(600):
        if is_true():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen")


class TestSegments:
    def test_many_changed_contacts_are_evaluated_in_one_pass(self, shop: Installation) -> None:
        receive_orders(shop, 1)
        run_tasks()
        segment = store.create(default(shop), store.SegmentValues("Buyers", BUYERS))
        run_tasks()
        receive_orders(shop, 2, first=1)
        run_tasks()
        few = self._statements(shop, 2, first=10)
        many = self._statements(shop, 40, first=20)
        assert many == few
        assert Membership.objects.filter(segment=segment).count() == Contact.objects.count()

    def _statements(self, shop: Installation, count: int, *, first: int) -> int:
        for number in range(first, first + count):
            record_order(shop, order(str(number), email=f"{number}@shop.example"), at(number))
        tasks = OxTask.objects.filter(status=OxTask.Status.READY)
        assert [task.task_path for task in tasks] == [membership.refresh_memberships.module_path]
        tasks.update(status=OxTask.Status.SUCCESSFUL)
        with CaptureQueriesContext(connection) as captured:
            membership.refresh_changed(default(shop).pk)
        assert not StaleContact.objects.exists()
        return len(captured)

    def test_the_segment_of_another_shop_is_not_touched(self, shop: Installation) -> None:
        other = install()
        store.create(default(other), store.SegmentValues("Buyers", BUYERS))
        run_tasks()
        receive_orders(shop, 1)
        run_tasks()
        assert not StaleContact.objects.exists()
        assert not Membership.objects.exists()
        assert Segment.objects.count() == 1
