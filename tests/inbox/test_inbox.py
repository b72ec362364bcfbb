import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone
from django_ox.models import OxTask

from saleor_stripe_audience.database import NetworkCallInTransaction, leave_database
from saleor_stripe_audience.errors import Blocked, Rejected, Unavailable
from saleor_stripe_audience.inbox import engine
from saleor_stripe_audience.inbox.engine import dispatch, prune, record, replay, resume, sweep
from saleor_stripe_audience.inbox.handlers import is_handled
from saleor_stripe_audience.inbox.models import Event, Handling
from tests.conftest import Work
from tests.inbox import table
from tests.inbox.table import handles, handles_outside

pytestmark = pytest.mark.django_db(transaction=True)

SHOP = uuid.UUID("0191f0a0-0000-7000-8000-000000000001")
THEN = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_other_handlers(settings: Any) -> Iterator[None]:
    """Remove all handlers except those that a test registers."""
    settings.EVENT_HANDLERS = table.__name__
    table.EVENT_HANDLERS.clear()
    yield
    table.EVENT_HANDLERS.clear()


def receive(key: str = "first", kind: str = "order_paid") -> bool:
    return record("saleor", SHOP, key, kind, {"number": 7}, THEN)


def count_runs(*, fails: Exception | None = None, times: int = 1_000) -> list[Event]:
    """Register a handler that fails its first `times` runs if `fails` is set; return the events of its runs."""
    runs: list[Event] = []

    @handles("saleor", "order_paid")
    def count(event: Event) -> None:
        runs.append(event)
        if fails is not None and len(runs) <= times:
            raise fails

    return runs


def the_handling() -> Handling:
    return Handling.objects.get()


def age(**past: float) -> None:
    """Make everything look as if it had arrived and been handled this long ago."""
    then = timezone.now() - timedelta(**past)
    Event.objects.update(received_at=then)
    Event.objects.exclude(handled_at=None).update(handled_at=then)


def test_an_event_is_written_down_and_handled(run_due_tasks: Work) -> None:
    runs = count_runs()
    assert receive()
    assert runs == []
    assert run_due_tasks() == 1
    assert [event.payload for event in runs] == [{"number": 7}]
    assert Event.objects.get().handled_at is not None
    assert the_handling().done_at is not None


def test_twice_is_once(run_due_tasks: Work) -> None:
    runs = count_runs()
    assert [receive(), receive(), receive()] == [True, False, False]
    run_due_tasks()
    assert not receive()
    run_due_tasks()
    dispatch(Event.objects.get().pk)
    assert len(runs) == 1
    assert OxTask.objects.count() == 1
    assert the_handling().attempts == 1


def test_the_same_key_of_another_shop_is_another_event() -> None:
    assert receive()
    assert record("saleor", uuid.uuid4(), "first", "order_paid", {}, THEN)
    assert record("stripe", SHOP, "first", "order_paid", {}, THEN)
    assert Event.objects.count() == 3


def test_many_deliveries_at_once_are_one_event_and_one_task(run_due_tasks: Work) -> None:
    runs = count_runs()
    together = threading.Barrier(8)

    def deliver(_: int) -> bool:
        together.wait(timeout=20)
        try:
            return receive()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(deliver, range(8)))
    assert sorted(answers) == [False] * 7 + [True]
    assert OxTask.objects.count() == 1
    run_due_tasks()
    assert len(runs) == 1


def test_many_workers_on_one_event_have_one_effect() -> None:
    written: list[int] = []
    together = threading.Barrier(4)

    @handles_outside("saleor", "order_paid")
    def ask(event: Event) -> Callable[[], None]:
        together.wait(timeout=20)
        return lambda: written.append(event.pk)

    receive()
    identifier = Event.objects.get().pk

    def run(_: int) -> None:
        try:
            dispatch(identifier)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, range(4)))
    assert written == [identifier]
    assert the_handling().attempts == 1


def test_an_event_that_nobody_handles_is_through_at_once(run_due_tasks: Work) -> None:
    receive()
    assert not is_handled("saleor", "order_paid")
    run_due_tasks()
    assert Event.objects.get().handled_at is not None
    assert not Handling.objects.exists()


def test_rejected_gives_up_at_once_and_keeps_the_reason(run_due_tasks: Work) -> None:
    runs = count_runs(fails=Rejected("Connect an account first."))
    receive()
    assert run_due_tasks() == 1
    handling = the_handling()
    assert len(runs) == 1
    assert handling.given_up_at is not None
    assert handling.reason == "Connect an account first."
    assert not OxTask.objects.exclude(status="SUCCESSFUL").exists()


def test_unavailable_is_tried_again_until_it_works(run_all_tasks: Work) -> None:
    runs = count_runs(fails=Unavailable("Stripe did not answer."), times=2)
    receive()
    assert run_all_tasks() == 3
    handling = the_handling()
    assert len(runs) == 3
    assert (handling.attempts, handling.reason) == (3, "")
    assert handling.done_at is not None
    assert handling.given_up_at is None


def test_unavailable_says_why_it_is_waiting(run_due_tasks: Work) -> None:
    count_runs(fails=Unavailable("Stripe did not answer."))
    receive()
    run_due_tasks()
    assert the_handling().reason == "Stripe did not answer."
    assert the_handling().given_up_at is None
    assert Event.objects.get().handled_at is None


def test_who_does_not_answer_for_hours_is_asked_again(run_all_tasks: Work) -> None:
    runs = count_runs(fails=Unavailable("Stripe did not answer."), times=settings.TASK_MAX_ATTEMPTS)
    receive()
    assert run_all_tasks() == settings.TASK_MAX_ATTEMPTS
    assert the_handling().given_up_at is None
    Event.objects.update(received_at=timezone.now() - timedelta(hours=3))
    assert sweep() == 1
    run_all_tasks()
    assert len(runs) == settings.TASK_MAX_ATTEMPTS + 1
    assert the_handling().done_at is not None


def test_an_old_event_is_swept_once_an_hour() -> None:
    count_runs(fails=Unavailable("Stripe did not answer."))
    receive()
    now = timezone.now()
    Event.objects.update(received_at=now - timedelta(days=3), swept_at=now - timedelta(minutes=20))
    assert sweep() == 0
    Event.objects.update(swept_at=now - timedelta(minutes=61))
    assert sweep() == 1


class TestWaiting:
    def test_costs_nothing_and_continues_when_resumed(self, run_due_tasks: Work) -> None:
        account = uuid.uuid4()
        runs = count_runs(fails=Blocked("The key is dead.", by=account), times=1)
        receive()
        run_due_tasks()
        handling = the_handling()
        assert (handling.attempts, handling.waits_for, handling.given_up_at) == (0, account, None)
        assert handling.reason == "The key is dead."
        dispatch(Event.objects.get().pk)
        assert len(runs) == 1
        assert resume(uuid.uuid4()) == 0
        assert resume(account) == 1
        assert resume(account) == 0
        run_due_tasks()
        assert len(runs) == 2
        assert the_handling().done_at is not None
        assert Event.objects.get().handled_at is not None

    def test_keeps_the_content_however_old(self, run_due_tasks: Work) -> None:
        count_runs(fails=Blocked("The key is dead."))
        receive()
        run_due_tasks()
        age(days=90)
        assert prune() == 0
        assert Event.objects.get().payload is not None

    @pytest.mark.parametrize("is_blocked_first", [True, False])
    def test_is_not_lost_when_it_is_resumed_while_another_handler_runs(
        self, run_all_tasks: Work, *, is_blocked_first: bool
    ) -> None:
        retried: list[Event] = []

        def register_blocked() -> list[Event]:
            return count_runs(fails=Blocked("The key is dead.", by=SHOP), times=1)

        blocked = register_blocked() if is_blocked_first else []

        @handles_outside("saleor", "order_paid")
        def retry(event: Event) -> None:
            retried.append(event)
            if len(retried) == 1:
                raise Unavailable("busy")
            resume(SHOP)

        if not is_blocked_first:
            blocked = register_blocked()
        receive()
        run_all_tasks()
        assert (len(retried), len(blocked)) == (2, 2)
        assert Event.objects.get().handled_at is not None

    def test_does_not_keep_another_handler_from_its_retries(self, run_all_tasks: Work) -> None:
        count_runs(fails=Blocked("The key is dead."))
        others: list[Event] = []

        @handles("saleor", "order_paid")
        def other(event: Event) -> None:
            others.append(event)
            if len(others) == 1:
                raise Unavailable("busy")

        receive()
        run_all_tasks()
        assert len(others) == 2
        assert Event.objects.get().handled_at is None


def test_what_never_works_is_given_up_at_last(run_all_tasks: Work) -> None:
    runs = count_runs(fails=LookupError("a mistake of ours"))
    receive()
    assert run_all_tasks() == settings.TASK_MAX_ATTEMPTS
    handling = the_handling()
    assert len(runs) == handling.attempts == settings.TASK_MAX_ATTEMPTS
    assert handling.given_up_at is not None
    assert handling.reason == str(engine.UNEXPECTED)


def test_a_crash_is_tried_again_and_its_words_are_not_shown(run_due_tasks: Work) -> None:
    count_runs(fails=KeyError("someone@example.com"), times=1)
    receive()
    run_due_tasks()
    assert the_handling().reason == str(engine.UNEXPECTED)
    assert the_handling().given_up_at is None


def test_one_handler_does_not_keep_another_from_working(run_all_tasks: Work) -> None:
    failing = count_runs(fails=Unavailable("Not now."), times=1)
    ran: list[int] = []

    @handles("saleor", "order_paid", "order_created")
    def other(event: Event) -> None:
        ran.append(event.pk)

    receive()
    run_all_tasks()
    assert len(failing) == 2
    assert len(ran) == 1


def test_what_a_failed_handler_wrote_is_taken_back(run_due_tasks: Work) -> None:
    @handles("saleor", "order_paid")
    def write_then_fail(event: Event) -> None:
        Event.objects.filter(pk=event.pk).update(kind="written")
        raise Unavailable("Not now.")

    receive()
    run_due_tasks()
    assert Event.objects.get().kind == "order_paid"


def test_only_the_part_outside_may_call_the_network(run_due_tasks: Work) -> None:
    seen: list[bool] = []

    @handles_outside("saleor", "order_paid")
    def ask(event: Event) -> Callable[[], None]:
        leave_database()
        seen.append(connection.in_atomic_block)
        return lambda: seen.append(connection.in_atomic_block)

    receive()
    run_due_tasks()
    assert seen == [False, True]


def test_a_network_call_in_the_transaction_is_refused(run_due_tasks: Work) -> None:
    refused: list[bool] = []

    @handles("saleor", "order_paid")
    def ask(event: Event) -> None:
        try:
            leave_database()
        except NetworkCallInTransaction:
            refused.append(True)
            raise

    receive()
    run_due_tasks()
    assert refused == [True]
    assert the_handling().done_at is None


def test_replay_runs_what_was_given_up_and_only_that(run_due_tasks: Work) -> None:
    runs = count_runs(fails=Rejected("Connect an account first."), times=1)
    done: list[int] = []

    @handles("saleor", "order_paid")
    def other(event: Event) -> None:
        done.append(event.pk)

    receive()
    run_due_tasks()
    replay(Event.objects.get())
    run_due_tasks()
    assert len(runs) == 2
    assert len(done) == 1
    assert not Handling.objects.filter(done_at=None).exists()


def test_replay_of_what_is_no_longer_kept_is_refused(run_due_tasks: Work) -> None:
    count_runs()
    receive()
    run_due_tasks()
    age(days=31)
    prune()
    with pytest.raises(Rejected, match="no longer stored"):
        replay(Event.objects.get())


def test_the_sweep_finds_events_whose_task_was_lost(run_due_tasks: Work) -> None:
    runs = count_runs()
    receive()
    OxTask.objects.all().delete()
    assert sweep() == 0, "it may still be on its way"
    age(minutes=16)
    assert sweep() == 1
    run_due_tasks()
    assert len(runs) == 1
    assert sweep() == 0


def test_nothing_is_recorded_when_the_task_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    from saleor_stripe_audience.inbox.engine import dispatch_event

    def refuse(*arguments: Any, **named: Any) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(type(dispatch_event), "enqueue", refuse)
    with pytest.raises(RuntimeError, match="no room"):
        receive()
    assert not Event.objects.exists()


@pytest.mark.parametrize(("days", "kept"), [(29, True), (31, False)])
def test_handled_payloads_are_dropped_after_a_month(run_due_tasks: Work, days: int, *, kept: bool) -> None:
    receive()
    run_due_tasks()
    age(days=days)
    assert prune() == (0 if kept else 1)
    assert prune() == 0
    assert (Event.objects.get().payload is not None) is kept
    assert not receive(), "the row stays, so that a duplicate is recognized"


def test_what_failed_or_waits_keeps_its_payload(run_due_tasks: Work) -> None:
    count_runs(fails=Rejected("Connect an account first."))
    receive()
    run_due_tasks()
    receive("waiting")
    age(days=300)
    assert prune() == 0
    assert not Event.objects.filter(payload__isnull=True).exists()


def test_asking_about_unknown_kinds_remembers_nothing() -> None:
    assert not is_handled("saleor", "invented-7f3a")
    assert table.EVENT_HANDLERS == {}


def test_tasks_that_ended_are_deleted_after_a_week_and_failed_ones_after_a_month(run_due_tasks: Work) -> None:
    receive()
    run_due_tasks()
    receive("waiting")
    [ended] = OxTask.objects.exclude(finished_at=None)
    for days, left in ((6, 2), (8, 1)):
        OxTask.objects.filter(pk=ended.pk).update(finished_at=timezone.now() - timedelta(days=days))
        engine.prune_tasks.call()
        assert OxTask.objects.count() == left
    OxTask.objects.update(status=OxTask.Status.FAILED, finished_at=timezone.now() - timedelta(days=29))
    engine.prune_tasks.call()
    assert OxTask.objects.count() == 1
    OxTask.objects.update(finished_at=timezone.now() - timedelta(days=31))
    engine.prune_tasks.call()
    assert not OxTask.objects.exists()
