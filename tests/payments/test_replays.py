"""A signed body works once, and only for its own event, whenever and wherever it is posted again."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.db import DatabaseError
from django.utils import timezone

from saleor_stripe_audience.dashboard.payment import timeline
from saleor_stripe_audience.errors import Blocked
from saleor_stripe_audience.gateway import refunds
from saleor_stripe_audience.gateway.objects import Refund
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments import grants, ownership, records
from saleor_stripe_audience.payments.models import ActionRequest
from saleor_stripe_audience.saleor.webhooks import type_of
from saleor_stripe_audience.sandbox.stripe import SECRET_KEY, StripeSandbox
from saleor_stripe_audience.shops import removal
from saleor_stripe_audience.shops.models import Installation

from .conftest import APP, Buy, check_answer, post_signed

Begin = Callable[..., Buy]
Json = dict[str, Any]
DAY = 25 * 3600
EVENTS = {
    "CHARGE": "transaction_charge_requested",
    "REFUND": "transaction_refund_requested",
    "CANCEL": "transaction_cancelation_requested",
}


@pytest.fixture
def charged(buy: Begin) -> Buy:
    return buy().paid()


@pytest.fixture
def held(buy: Begin) -> Buy:
    return buy(flow="AUTHORIZATION").paid()


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def request_of(one: Buy, *, key: str = "", created: str = "", amount: str = "2.30") -> Json:
    """Return Saleor's event of a request, as it is in the transaction."""
    return {
        "type": "REFUND_REQUEST",
        "idempotencyKey": key or str(uuid.uuid4()),
        "pspReference": "",
        "createdAt": created or datetime.now(UTC).isoformat(),
        "amount": {"amount": float(amount), "currency": one.currency},
    }


def body_of(one: Buy, kind: str, events: list[Json], *, amount: str = "2.30", **more: Any) -> bytes:
    whole: Json = {
        "__typename": type_of(EVENTS[kind]),
        "issuedAt": datetime.now(UTC).isoformat(),
        "recipient": {"id": APP},
        "action": {"actionType": kind, "amount": float(amount), "currency": one.currency},
        "transaction": {"id": one.id, "pspReference": one.psp, "events": events},
    }
    return json.dumps(whole | more).encode()


def post(one: Buy, kind: str, body: bytes) -> Json:
    response = post_signed(one.installation, EVENTS[kind], body)
    assert response.status_code == 200
    answer: Json = response.json()
    return answer


def ask(one: Buy, kind: str, events: list[Json], **more: Any) -> Json:
    """Post the newest request; return the response, whose reference Saleor writes into the request."""
    answer = post(one, kind, body_of(one, kind, events, **more))
    events[-1]["pspReference"] = answer.get("pspReference") or ""
    return answer


def lost_response(request: Json, *, created: str = "") -> Json:
    """Return the failure that Saleor stores if the connection ends before the response."""
    now = created or datetime.now(UTC).isoformat()
    return request | {"type": "REFUND_FAILURE", "idempotencyKey": None, "createdAt": now}


def reported_as(sandbox: StripeSandbox, request: Json, kind: str) -> Json:
    """Return the event of Saleor's ledger in which Stripe's first refund was reported."""
    made = next(iter(sandbox.account.table("refund").values()))
    now = datetime.now(UTC).isoformat()
    return request | {"type": kind, "pspReference": made["id"], "idempotencyKey": None, "createdAt": now}


def refunded(sandbox: StripeSandbox) -> list[int]:
    return [each["amount"] for each in sandbox.account.table("refund").values()]


def test_a_refund_posted_again_gets_its_answer_and_moves_nothing(
    charged: Buy, stripe_sandbox: StripeSandbox
) -> None:
    body = body_of(charged, "REFUND", [request_of(charged)])
    first = post(charged, "REFUND", body)
    for _ in range(3):
        stripe_sandbox.advance(DAY)
        assert post(charged, "REFUND", body) == first
    assert refunded(stripe_sandbox) == [230]


def test_a_day_later_by_our_clock_too(
    charged: Buy, stripe_sandbox: StripeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = body_of(charged, "REFUND", [request_of(charged)])
    first = post(charged, "REFUND", body)
    stripe_sandbox.advance(DAY)
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(seconds=DAY))
    assert post(charged, "REFUND", body) == first
    assert refunded(stripe_sandbox) == [230]


def test_a_capture_posted_again_takes_nothing_more(held: Buy, stripe_sandbox: StripeSandbox) -> None:
    stripe_sandbox.account.multicapture = True
    body = body_of(held, "CHARGE", [request_of(held) | {"type": "CHARGE_REQUEST"}])
    first = post(held, "CHARGE", body)
    assert first["result"] == "CHARGE_SUCCESS"
    stripe_sandbox.advance(DAY)
    assert post(held, "CHARGE", body) == first
    assert stripe_sandbox.account.table("payment_intent")[held.psp]["amount_received"] == 230


def test_a_cancelation_posted_again_is_answered_as_then(held: Buy, stripe_sandbox: StripeSandbox) -> None:
    body = body_of(held, "CANCEL", [])
    first = post(held, "CANCEL", body)
    assert first["result"] == "CANCEL_SUCCESS"
    stripe_sandbox.advance(DAY)
    assert post(held, "CANCEL", body) == first


def test_what_was_refused_stays_refused(charged: Buy, stripe_sandbox: StripeSandbox) -> None:
    """Staff saw that it failed, and may have acted on that, for example with a manual refund."""
    body = body_of(charged, "REFUND", [request_of(charged)])
    stripe_sandbox.add_fault(
        "POST /v1/refunds",
        status=400,
        body={"error": {"type": "invalid_request_error", "message": "Not now."}},
    )
    first = post(charged, "REFUND", body)
    assert first["result"] == "REFUND_FAILURE"
    assert post(charged, "REFUND", body) == first
    assert refunded(stripe_sandbox) == []
    assert charged.request("REFUND", "2.30")["result"] == "REFUND_SUCCESS", "a new request is a new one"


def test_what_stayed_open_is_asked_again_under_its_key(charged: Buy, stripe_sandbox: StripeSandbox) -> None:
    body = body_of(charged, "REFUND", [request_of(charged)])
    stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
    assert post(charged, "REFUND", body)["result"] == "REFUND_FAILURE"
    assert post(charged, "REFUND", body)["result"] == "REFUND_SUCCESS"
    assert refunded(stripe_sandbox) == [230]


def test_what_stayed_open_is_not_asked_again_once_stripe_may_have_forgotten_it(
    charged: Buy, stripe_sandbox: StripeSandbox
) -> None:
    body = body_of(charged, "REFUND", [request_of(charged)], issuedAt=None)
    stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
    post(charged, "REFUND", body)
    stripe_sandbox.advance(DAY)
    ActionRequest.objects.update(created_at=timezone.now() - timedelta(seconds=DAY))
    answer = post(charged, "REFUND", body)
    assert answer["result"] == "REFUND_FAILURE"
    assert "Check the payment in Stripe" in answer["message"]
    assert refunded(stripe_sandbox) == [230]


class TestStaffMakeAnUnclearRequestAgain:
    """They read that it failed, because Stripe did not respond; it was carried out nevertheless, or will be."""

    @pytest.fixture
    def lost(self, charged: Buy, stripe_sandbox: StripeSandbox) -> Json:
        """Return Saleor's event of a refund whose response was lost."""
        first = request_of(charged)
        stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
        assert ask(charged, "REFUND", [first])["result"] == "REFUND_FAILURE"
        return first

    def test_it_moves_the_money_once(self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json) -> None:
        again = request_of(charged)
        body = body_of(charged, "REFUND", [lost, again])
        answer = post(charged, "REFUND", body)
        assert answer["result"] == "REFUND_SUCCESS"
        assert refunded(stripe_sandbox) == [230]
        assert post(charged, "REFUND", body) == answer
        assert post(charged, "REFUND", body_of(charged, "REFUND", [lost])) == answer
        assert refunded(stripe_sandbox) == [230]

    def test_it_was_interrupted_a_moment_ago(self, charged: Buy, stripe_sandbox: StripeSandbox) -> None:
        """The app's process ended while Stripe carried it out, so Saleor has a failure without a reference."""
        first = self._interrupted(charged)
        assert ask(charged, "REFUND", [first, lost_response(first), request_of(charged)])["pspReference"]
        assert refunded(stripe_sandbox) == [230]

    def test_its_repeat_was_interrupted_too(self, charged: Buy, stripe_sandbox: StripeSandbox) -> None:
        first = self._interrupted(charged)
        events = [first, lost_response(first), request_of(charged)]
        post(charged, "REFUND", body_of(charged, "REFUND", events))
        ActionRequest.objects.update(answer=None, answered_at=None)
        events += [lost_response(events[-1]), request_of(charged)]
        assert ask(charged, "REFUND", events)["result"] == "REFUND_SUCCESS"
        assert refunded(stripe_sandbox) == [230]

    def test_it_waits_if_one_of_two_was_interrupted(
        self, charged: Buy, stripe_sandbox: StripeSandbox
    ) -> None:
        """Saleor does not say which one: the other may still be carried out."""
        both = [self._interrupted(charged) for _ in range(2)]
        events = [*both, lost_response(both[1]), request_of(charged)]
        answer = ask(charged, "REFUND", events)
        assert answer["result"] == "REFUND_FAILURE"
        assert "still working" in answer["message"]
        assert set(ActionRequest.objects.latest("pk").reasons) == {"en", "fr"}
        assert refunded(stripe_sandbox) == [230, 230]
        events += [lost_response(both[0]), request_of(charged)]
        assert ask(charged, "REFUND", events)["result"] == "REFUND_SUCCESS"
        assert refunded(stripe_sandbox) == [230, 230]

    def test_one_that_is_carried_out_is_not_made_again(
        self, charged: Buy, stripe_sandbox: StripeSandbox
    ) -> None:
        """An earlier failure, or one of another amount, is not its own."""
        failures = [lost_response(request_of(charged, created=ago(minutes=5)), created=ago(minutes=5))]
        failures += [lost_response(request_of(charged, amount="1.00"))]
        first = self._interrupted(charged)
        assert ask(charged, "REFUND", [*failures, first, request_of(charged)])["result"] == "REFUND_SUCCESS"
        assert refunded(stripe_sandbox) == [230, 230]

    @pytest.mark.parametrize(("seconds", "made"), [(30, [230, 230]), (90, [230])])
    def test_saleor_did_not_book_the_response(
        self, charged: Buy, stripe_sandbox: StripeSandbox, seconds: int, made: list[int]
    ) -> None:
        """Its process ended, so it has neither a result nor a failure. In the first minute, it may still book one."""
        first = request_of(charged, created=ago(seconds=seconds))
        answer = post(charged, "REFUND", body_of(charged, "REFUND", [first]))
        ActionRequest.objects.update(answered_at=timezone.now() - timedelta(seconds=seconds))
        again = ask(charged, "REFUND", [first, request_of(charged)])
        assert again["result"] == "REFUND_SUCCESS"
        assert (again["pspReference"] == answer["pspReference"]) == (made == [230])
        assert refunded(stripe_sandbox) == made

    def _interrupted(self, charged: Buy) -> Json:
        """Return Saleor's event of a refund that Stripe has carried out, without a result."""
        first = request_of(charged)
        post(charged, "REFUND", body_of(charged, "REFUND", [first]))
        ActionRequest.objects.filter(repeats=None).update(answer=None, answered_at=None)
        return first

    def test_the_next_one_is_another(self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json) -> None:
        events = [lost]
        for _ in range(2):
            events.append(request_of(charged))
            ask(charged, "REFUND", events)
        assert refunded(stripe_sandbox) == [230, 230]

    def test_they_may_have_to_make_it_several_times(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json
    ) -> None:
        events = [lost]
        for result in ("REFUND_FAILURE", "REFUND_SUCCESS"):
            if result == "REFUND_FAILURE":
                stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
            events.append(request_of(charged))
            assert ask(charged, "REFUND", events)["result"] == result
        assert refunded(stripe_sandbox) == [230]

    def test_it_is_another_if_saleor_knew_the_result_before(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json
    ) -> None:
        """Stripe's event has reported it in the meantime, so staff saw that it succeeded."""
        [made] = stripe_sandbox.account.table("refund").values()
        reported = lost | {"type": "REFUND_SUCCESS", "pspReference": made["id"], "idempotencyKey": None}
        body = body_of(charged, "REFUND", [lost, reported, request_of(charged)])
        for _ in range(2):
            assert post(charged, "REFUND", body)["result"] == "REFUND_SUCCESS"
            assert refunded(stripe_sandbox) == [230, 230]

    def test_it_is_another_if_it_is_for_another_granted_refund(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json
    ) -> None:
        granted = {"id": "T3JkZXJHcmFudGVkUmVmdW5kOjE=", "reason": "Broken"}
        body = body_of(charged, "REFUND", [lost, request_of(charged)], grantedRefund=granted)
        assert post(charged, "REFUND", body)["result"] == "REFUND_SUCCESS"
        assert refunded(stripe_sandbox) == [230, 230]

    @pytest.mark.parametrize(
        ("status", "result"),
        [("succeeded", "REFUND_FAILURE"), ("pending", "REFUND_FAILURE"), ("failed", "REFUND_SUCCESS")],
    )
    def test_a_granted_refund_is_paid_once_unless_it_failed(
        self, charged: Buy, stripe_sandbox: StripeSandbox, status: str, result: str
    ) -> None:
        """Its refund has been reported in the meantime, but Saleor still has the granted refund as failed."""
        granted = {"id": "T3JkZXJHcmFudGVkUmVmdW5kOjE=", "reason": "Broken"}
        events = [request_of(charged)]
        stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
        ask(charged, "REFUND", events, grantedRefund=granted)
        [made] = stripe_sandbox.account.table("refund").values()
        made["status"] = status
        events += [reported_as(stripe_sandbox, events[0], "REFUND_SUCCESS"), request_of(charged)]
        answer = ask(charged, "REFUND", events, grantedRefund=granted)
        assert answer["result"] == result
        assert (made["id"] in answer["message"]) == (result == "REFUND_FAILURE")
        assert len(refunded(stripe_sandbox)) == (1 if result == "REFUND_FAILURE" else 2)
        another = {"id": "T3JkZXJHcmFudGVkUmVmdW5kOjI=", "reason": "Broken"}
        events.append(request_of(charged))
        assert ask(charged, "REFUND", events, grantedRefund=another)["result"] == "REFUND_SUCCESS"

    @pytest.mark.parametrize(("status", "has_result"), [("succeeded", True), ("pending", False)])
    def test_two_at_once_for_one_granted_refund_get_its_refund(
        self, charged: Buy, stripe_sandbox: StripeSandbox, status: str, has_result: bool
    ) -> None:
        """The second one arrived before Saleor had booked the first: neither has a result in it."""
        granted = {"id": "T3JkZXJHcmFudGVkUmVmdW5kOjE=", "reason": "Broken"}
        events = [request_of(charged, created=ago(seconds=each)) for each in (2, 1)]
        post(charged, "REFUND", body_of(charged, "REFUND", events[:1], grantedRefund=granted))
        [made] = stripe_sandbox.account.table("refund").values()
        made["status"] = status
        answer = ask(charged, "REFUND", events, grantedRefund=granted)
        assert answer["pspReference"] == made["id"]
        assert answer.get("result") == ("REFUND_SUCCESS" if has_result else None)
        assert refunded(stripe_sandbox) == [230]

    @pytest.mark.parametrize(("place", "refused"), [("find_granted", 0), ("create", 1)])
    def test_one_that_is_requested_while_it_is_paid_is_paid_once(
        self,
        charged: Buy,
        stripe_sandbox: StripeSandbox,
        monkeypatch: pytest.MonkeyPatch,
        place: str,
        refused: int,
    ) -> None:
        """The second request arrives while the first has looked for a refund, or is about to create it."""
        monkeypatch.setattr(grants, "PATIENCE", 0)
        granted = {"id": "T3JkZXJHcmFudGVkUmVmdW5kOjE=", "reason": "Broken"}
        events = [request_of(charged, created=ago(seconds=each)) for each in (2, 1)]
        act, answers = getattr(refunds, place), list[Json]()

        def overtake(*arguments: Any, **named: Any) -> Any:
            monkeypatch.setattr(refunds, place, act)
            found = act(*arguments, **named) if place == "find_granted" else None
            answers.append(post(charged, "REFUND", body_of(charged, "REFUND", events, grantedRefund=granted)))
            return found if place == "find_granted" else act(*arguments, **named)

        monkeypatch.setattr(refunds, place, overtake)
        answers.append(post(charged, "REFUND", body_of(charged, "REFUND", events[:1], grantedRefund=granted)))
        failed = [each["message"] for each in answers if each["result"] == "REFUND_FAILURE"]
        assert len(failed) == refused
        assert all("Another request" in each for each in failed)
        assert refunded(stripe_sandbox) == [230]

    def test_one_that_is_requested_while_it_is_paid_gets_the_same_refund(
        self, charged: Buy, stripe_sandbox: StripeSandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        granted = {"id": "T3JkZXJHcmFudGVkUmVmdW5kOjE=", "reason": "Broken"}
        events = [request_of(charged, created=ago(seconds=each)) for each in (2, 1)]
        post(charged, "REFUND", body_of(charged, "REFUND", events[:1], grantedRefund=granted))
        [made] = stripe_sandbox.account.table("refund")
        first, waits = ActionRequest.objects.get(), list[float]()
        answer, paid = first.answer, stripe_sandbox.account.table("refund").pop(made)
        ActionRequest.objects.update(answer=None, answered_at=None)

        def pay(seconds: float) -> None:
            waits.append(seconds)
            stripe_sandbox.account.table("refund")[made] = paid
            ActionRequest.objects.filter(pk=first.pk).update(answer=answer)

        monkeypatch.setattr(grants, "sleep", pay)
        assert ask(charged, "REFUND", events, grantedRefund=granted)["pspReference"] == made
        assert waits == [grants.STEP]
        assert refunded(stripe_sandbox) == [230]

    def test_one_is_paid_by_another_request_if_the_first_was_refused(
        self, charged: Buy, stripe_sandbox: StripeSandbox
    ) -> None:
        granted = {"id": "T3JkZXJHcmFudGVkUmVmdW5kOjE=", "reason": "Broken"}
        refused = {"error": {"type": "invalid_request_error", "message": "Not now."}}
        stripe_sandbox.add_fault("POST /v1/refunds", status=400, body=refused)
        events = list[Json]()
        for result in ("REFUND_FAILURE", "REFUND_SUCCESS"):
            events.append(request_of(charged))
            answer = ask(charged, "REFUND", events, grantedRefund=granted)
            assert answer["result"] == result
            events[-1]["pspReference"] = answer["pspReference"]
        assert refunded(stripe_sandbox) == [230]

    def test_a_granted_refund_that_was_paid_settles_no_other_request(
        self, charged: Buy, stripe_sandbox: StripeSandbox
    ) -> None:
        granted = {"id": "T3JkZXJHcmFudGVkUmVmdW5kOjE=", "reason": "Broken"}
        paid = request_of(charged)
        post(charged, "REFUND", body_of(charged, "REFUND", [paid], grantedRefund=granted))
        lost = paid | {"type": "REFUND_FAILURE", "idempotencyKey": None}
        events = [paid, lost, reported_as(stripe_sandbox, paid, "REFUND_SUCCESS"), request_of(charged)]
        stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
        assert ask(charged, "REFUND", events)["result"] == "REFUND_FAILURE"
        events.append(request_of(charged))
        assert "already paid" in ask(charged, "REFUND", events, grantedRefund=granted)["message"]
        events.append(request_of(charged))
        assert ask(charged, "REFUND", events)["result"] == "REFUND_SUCCESS"
        assert refunded(stripe_sandbox) == [230, 230]

    def test_two_that_took_each_others_key(
        self, charged: Buy, stripe_sandbox: StripeSandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        events = [request_of(charged, created=ago(seconds=each)) for each in (2, 1)]
        bodies = [body_of(charged, "REFUND", events, issuedAt=ago(seconds=each)) for each in (2, 1)]
        create, answers = refunds.create, list[Json]()

        def lose() -> None:
            stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)

        def create_both(*arguments: Any) -> Refund:
            monkeypatch.setattr(refunds, "create", create)
            lose()
            answers.append(post(charged, "REFUND", bodies[1]))
            lose()
            return create(*arguments)

        monkeypatch.setattr(refunds, "create", create_both)
        answers.insert(0, post(charged, "REFUND", bodies[0]))
        for event, answer in zip(events, answers, strict=True):
            event["pspReference"] = answer["pspReference"]
        assert events[0]["pspReference"] == events[1]["idempotencyKey"]
        assert refunded(stripe_sandbox) == [230, 230]
        ask(charged, "REFUND", [*events, request_of(charged)])
        assert refunded(stripe_sandbox) == [230, 230]

    def test_one_that_was_posted_again_after_its_failure(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json
    ) -> None:
        """Its response reached someone else than Saleor."""
        before = lost | {"pspReference": ""}
        failure = lost | {"type": "REFUND_FAILURE", "idempotencyKey": None}
        assert post(charged, "REFUND", body_of(charged, "REFUND", [before]))["result"] == "REFUND_SUCCESS"
        ask(charged, "REFUND", [lost, failure, request_of(charged)])
        assert refunded(stripe_sandbox) == [230]

    def test_one_whose_failure_could_not_be_stored(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json
    ) -> None:
        ActionRequest.objects.update(unclear_at=None)
        ask(charged, "REFUND", [lost, request_of(charged)])
        assert refunded(stripe_sandbox) == [230]

    def test_another_amount_is_another_request(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json
    ) -> None:
        body = body_of(charged, "REFUND", [lost, request_of(charged, amount="1.00")], amount="1.00")
        assert post(charged, "REFUND", body)["result"] == "REFUND_SUCCESS"
        assert refunded(stripe_sandbox) == [230, 100]

    def test_a_result_that_saleor_learned_afterwards_does_not_count(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json
    ) -> None:
        """Saleor writes the request when it sends it, which may be later than staff made it."""
        again = request_of(charged, created=ago(seconds=-1))
        reported = reported_as(stripe_sandbox, lost, "REFUND_SUCCESS") | {"createdAt": ago(seconds=-2)}
        post(charged, "REFUND", body_of(charged, "REFUND", [lost, again, reported]))
        assert refunded(stripe_sandbox) == [230]

    @pytest.mark.parametrize(
        ("status", "known"),
        [("pending", ["REFUND_REQUEST"]), ("failed", ["REFUND_SUCCESS", "REFUND_FAILURE"])],
    )
    def test_it_is_another_if_saleor_knew_that_it_waits_or_failed(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json, status: str, known: list[str]
    ) -> None:
        [made] = stripe_sandbox.account.table("refund").values()
        made["status"] = status
        reports = [reported_as(stripe_sandbox, lost, each) for each in known]
        body = body_of(charged, "REFUND", [lost, *reports, request_of(charged)])
        assert post(charged, "REFUND", body)["result"] == "REFUND_SUCCESS"
        assert refunded(stripe_sandbox) == [230, 230]

    def test_the_reason_of_its_granted_refund_may_have_been_edited(
        self, charged: Buy, stripe_sandbox: StripeSandbox
    ) -> None:
        events: list[Json] = []
        for reason in ("Broken", "Broken glass"):
            if not events:
                stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
            events.append(request_of(charged))
            granted = {"id": "T3JkZXJHcmFudGVkUmVmdW5kOjE=", "reason": reason}
            ask(charged, "REFUND", events, grantedRefund=granted)
        assert refunded(stripe_sandbox) == [230]

    def test_each_unclear_one_is_looked_at(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json
    ) -> None:
        """The first one was settled; the second was made while the first was still being worked on."""
        ActionRequest.objects.update(unclear_at=None)
        second = request_of(charged)
        stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
        ask(charged, "REFUND", [lost, second])
        ActionRequest.objects.update(unclear_at=timezone.now())
        known = reported_as(stripe_sandbox, lost, "REFUND_SUCCESS")
        post(charged, "REFUND", body_of(charged, "REFUND", [lost, second, known, request_of(charged)]))
        assert refunded(stripe_sandbox) == [230, 230]

    @pytest.mark.parametrize("is_posted_again", [False, True])
    def test_an_answer_that_saleor_did_not_receive_counts_as_unclear(
        self, charged: Buy, stripe_sandbox: StripeSandbox, *, is_posted_again: bool
    ) -> None:
        """Saleor records a failure then, without a reference."""
        first = request_of(charged)
        body = body_of(charged, "REFUND", [first])
        if is_posted_again:
            stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
            post(charged, "REFUND", body)
        answer = post(charged, "REFUND", body)
        failed = request_of(charged) | {"type": "REFUND_FAILURE", "idempotencyKey": None}
        again = body_of(charged, "REFUND", [first, failed, request_of(charged)])
        assert post(charged, "REFUND", again) == answer
        assert refunded(stripe_sandbox) == [230]

    @pytest.mark.parametrize(
        ("module", "name", "error"),
        [
            (records, "save", DatabaseError("database is locked")),
            (ownership, "restore_metadata", Blocked("Stripe refused the key.", code="key_refused")),
        ],
    )
    def test_a_failure_after_the_refund_is_unclear(
        self,
        charged: Buy,
        stripe_sandbox: StripeSandbox,
        monkeypatch: pytest.MonkeyPatch,
        module: object,
        name: str,
        error: Exception,
    ) -> None:
        def fail(*_: Any) -> None:
            raise error

        first = request_of(charged)
        with monkeypatch.context() as patch:
            patch.setattr(module, name, fail)
            assert ask(charged, "REFUND", [first])["result"] == "REFUND_FAILURE"
        post(charged, "REFUND", body_of(charged, "REFUND", [first, request_of(charged)]))
        assert refunded(stripe_sandbox) == [230]

    def test_it_stays_unclear_while_the_key_is_refused(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json
    ) -> None:
        events = [lost, request_of(charged)]
        stripe_sandbox.revoke_key(SECRET_KEY)
        assert ask(charged, "REFUND", events)["result"] == "REFUND_FAILURE"
        stripe_sandbox.add_key(stripe_sandbox.account, SECRET_KEY)
        events.append(request_of(charged))
        assert post(charged, "REFUND", body_of(charged, "REFUND", events))["result"] == "REFUND_SUCCESS"
        assert refunded(stripe_sandbox) == [230]

    @pytest.mark.parametrize("repeats", [1, 2, 3])
    def test_it_is_another_if_several_unclear_ones_turned_out_to_be_one(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json, repeats: int
    ) -> None:
        events = [lost]
        for _ in range(repeats):
            events.append(request_of(charged))
            stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
            assert ask(charged, "REFUND", events)["result"] == "REFUND_FAILURE"
        events += [reported_as(stripe_sandbox, lost, "REFUND_SUCCESS"), request_of(charged)]
        assert post(charged, "REFUND", body_of(charged, "REFUND", events))["result"] == "REFUND_SUCCESS"
        assert refunded(stripe_sandbox) == [230, 230]

    def test_a_third_one_waits_while_the_second_repeats_the_first(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json
    ) -> None:
        second, third = request_of(charged), request_of(charged)
        stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
        post(charged, "REFUND", body_of(charged, "REFUND", [lost, second]))
        ActionRequest.objects.filter(repeats__isnull=False).update(unclear_at=None)  # still being worked on
        answer = post(charged, "REFUND", body_of(charged, "REFUND", [lost, second, third]))
        assert (answer["result"], "still working" in answer["message"]) == ("REFUND_FAILURE", True)
        assert refunded(stripe_sandbox) == [230]

    @pytest.mark.parametrize("reported_together", [False, True])
    def test_a_capture_too(
        self, buy: Begin, stripe_sandbox: StripeSandbox, *, reported_together: bool
    ) -> None:
        stripe_sandbox.account.multicapture = True
        one = buy(flow="AUTHORIZATION").paid()
        payment = stripe_sandbox.account.table("payment_intent")[one.psp]
        events: list[Json] = []
        for amount in ("1.00", "2.30"):
            stripe_sandbox.add_fault(
                "POST /v1/payment_intents/*/capture", drop_connection=True, after_effect=True, times=2
            )
            events.append(request_of(one, amount=amount) | {"type": "CHARGE_REQUEST"})
            assert ask(one, "CHARGE", events, amount=amount)["result"] == "CHARGE_FAILURE"
        if reported_together:
            report = {
                "type": "CHARGE_SUCCESS",
                "pspReference": payment["latest_charge"],
                "idempotencyKey": None,
            }
            events.append(request_of(one, amount="3.30") | report)
        events.append(request_of(one) | {"type": "CHARGE_REQUEST"})
        answer = post(one, "CHARGE", body_of(one, "CHARGE", events))
        assert (answer["result"], answer["amount"]) == ("CHARGE_SUCCESS", "2.30")
        assert payment["amount_received"] == (560 if reported_together else 330)

    def test_one_whose_process_was_killed_counts_after_a_minute(
        self, charged: Buy, stripe_sandbox: StripeSandbox, lost: Json
    ) -> None:
        ActionRequest.objects.update(unclear_at=None, created_at=timezone.now() - timedelta(seconds=61))
        post(charged, "REFUND", body_of(charged, "REFUND", [lost, request_of(charged)]))
        assert refunded(stripe_sandbox) == [230]

    def test_the_page_shows_it_once(self, charged: Buy, lost: Json) -> None:
        post(charged, "REFUND", body_of(charged, "REFUND", [lost, request_of(charged)]))
        entries = [each.title for each in timeline(charged.row())]
        assert entries.count("Refund") == 1


@pytest.mark.parametrize("minutes", [25 * 60, 16, -6])
def test_a_request_of_another_time_is_not_carried_out(
    charged: Buy, stripe_sandbox: StripeSandbox, minutes: int
) -> None:
    body = body_of(charged, "REFUND", [request_of(charged)], issuedAt=ago(minutes=minutes))
    assert post(charged, "REFUND", body)["result"] == "REFUND_FAILURE"
    assert refunded(stripe_sandbox) == []
    assert not ActionRequest.objects.exists()


@pytest.mark.parametrize("minutes", [14, -4])
def test_clocks_may_differ_and_requests_may_wait(charged: Buy, minutes: int) -> None:
    body = body_of(charged, "REFUND", [request_of(charged)], issuedAt=ago(minutes=minutes))
    assert post(charged, "REFUND", body)["result"] == "REFUND_SUCCESS"


def test_an_old_session_is_not_answered(buy: Begin, stripe_sandbox: StripeSandbox) -> None:
    assert buy().initialize(issuedAt=ago(hours=1))["result"] != "CHARGE_SUCCESS"
    assert not stripe_sandbox.account.table("payment_intent")


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize(
    "named", ["TransactionInitializeSession", "TransactionProcessSession", "OrderPaid", None, 7]
)
def test_a_body_made_for_another_event_moves_nothing(
    charged: Buy, stripe_sandbox: StripeSandbox, kind: str, named: Any
) -> None:
    action = {"actionType": "CHARGE" if kind != "CHARGE" else "REFUND", "amount": 2.3, "currency": "USD"}
    body = body_of(charged, kind, [request_of(charged)], __typename=named, action=action)
    assert post(charged, kind, body)["result"] == f"{kind}_FAILURE"
    assert refunded(stripe_sandbox) == []


def test_a_refund_posted_where_cancelations_are_taken_moves_nothing(
    held: Buy, stripe_sandbox: StripeSandbox
) -> None:
    body = body_of(held, "REFUND", [request_of(held)])
    assert post(held, "CANCEL", body)["result"] == "CANCEL_FAILURE"
    assert stripe_sandbox.account.table("payment_intent")[held.psp]["status"] == "requires_capture"


@pytest.mark.parametrize(
    ("made_for", "posted_to"),
    [
        ("customer_updated", "customer_deleted"),
        ("product_updated", "product_deleted"),
        ("order_created", "order_cancelled"),
        ("customer_created", "account_deleted"),
    ],
)
def test_an_event_posted_to_another_address_is_not_taken_in(
    installation: Installation, made_for: str, posted_to: str
) -> None:
    body = {
        "__typename": type_of(made_for),
        "recipient": {"id": APP},
        "user": {"id": "x"},
        "product": {"id": "x"},
    }
    assert post_signed(installation, posted_to, json.dumps(body).encode()).status_code == 400
    assert not Event.objects.exists()


def test_a_deletion_must_name_itself(installation: Installation) -> None:
    body = {"recipient": {"id": APP}, "user": {"id": "x"}}
    assert post_signed(installation, "customer_deleted", json.dumps(body).encode()).status_code == 400


class TestReferenceOfAFailure:
    """Saleor discards a second failure of a transaction without a reference, or with the reference of another."""

    REFUSED: ClassVar = {"error": {"type": "invalid_request_error", "message": "Not now."}}

    @pytest.mark.parametrize("kind", EVENTS)
    @pytest.mark.parametrize(
        "fault",
        [{"status": 400, "body": REFUSED}, {"drop_connection": True, "times": 2}],
        ids=["refused", "unclear"],
    )
    def test_it_is_saleors_key_of_the_request(
        self, buy: Begin, stripe_sandbox: StripeSandbox, kind: str, fault: Json
    ) -> None:
        one = buy(flow="CHARGE" if kind == "REFUND" else "AUTHORIZATION").paid()
        paths = {
            "REFUND": "refunds",
            "CHARGE": "payment_intents/*/capture",
            "CANCEL": "payment_intents/*/cancel",
        }
        events: list[Json] = []
        for _ in range(2):
            stripe_sandbox.add_fault(f"POST /v1/{paths[kind]}", **fault)
            events.append(request_of(one) | {"type": f"{kind}_REQUEST"})
            key = events[-1]["idempotencyKey"]
            answer = ask(one, kind, events)
            assert (answer["result"], answer["pspReference"]) == (f"{kind}_FAILURE", key)
            check_answer(EVENTS[kind].upper(), answer)

    def test_a_crash_has_it_too(self, charged: Buy, monkeypatch: pytest.MonkeyPatch) -> None:
        def crash(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(ownership, "current_intent", crash)
        events = [request_of(charged)]
        key = events[0]["idempotencyKey"]
        answer = ask(charged, "REFUND", events)
        assert (answer["result"], answer["pspReference"]) == ("REFUND_FAILURE", key)
        assert "unexpected problem" in answer["message"]

    @pytest.mark.parametrize("characters", [1, 12])
    def test_whatever_key_the_storefront_chose_for_the_payment(
        self, charged: Buy, stripe_sandbox: StripeSandbox, characters: int
    ) -> None:
        request = request_of(charged)
        key = request["idempotencyKey"]
        chosen = request_of(charged, key=key[-characters:]) | {
            "type": "CHARGE_REQUEST",
            "pspReference": charged.psp,
        }
        stripe_sandbox.add_fault("POST /v1/refunds", status=400, body=self.REFUSED)
        assert ask(charged, "REFUND", [chosen, request])["pspReference"] == key

    def test_those_that_are_too_old_have_one_each(self, charged: Buy) -> None:
        events = [request_of(charged), request_of(charged)]
        bodies = [body_of(charged, "REFUND", events, issuedAt=ago(hours=each)) for each in (1, 2)]
        first, second = (post(charged, "REFUND", each) for each in bodies)
        assert first["pspReference"]
        assert first["pspReference"] != second["pspReference"]

    def test_a_repeat_has_its_own(self, charged: Buy, stripe_sandbox: StripeSandbox) -> None:
        """Though its response was the first one's."""
        events = [request_of(charged)]
        stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, times=4)
        ask(charged, "REFUND", events)
        events.append(request_of(charged))
        body = body_of(charged, "REFUND", events)
        post(charged, "REFUND", body)
        stripe_sandbox.add_fault("POST /v1/refunds", status=400, body=self.REFUSED)
        first = body_of(charged, "REFUND", events[:1], issuedAt=ago(seconds=1))
        assert post(charged, "REFUND", first)["pspReference"] == events[0]["idempotencyKey"]
        assert post(charged, "REFUND", body)["pspReference"] == events[1]["idempotencyKey"]
        assert refunded(stripe_sandbox) == []


class TestEqualRefundsAtOnce:
    """Saleor accepts them all, and may build their bodies after all of them are in the transaction."""

    def bodies(self, one: Buy, *seen: int) -> list[bytes]:
        """Return a body for each number, with this many requests in it."""
        asked = [request_of(one, created=ago(seconds=9 - number)) for number in range(3)]
        return [
            body_of(one, "REFUND", asked[:many], issuedAt=ago(seconds=place))
            for place, many in enumerate(seen, start=1)
        ]

    @pytest.mark.parametrize("seen", [(1, 2, 3), (3, 2, 1), (3, 3, 3), (2, 3, 3), (1, 3, 3)])
    def test_each_is_its_own(
        self, charged: Buy, stripe_sandbox: StripeSandbox, seen: tuple[int, ...]
    ) -> None:
        bodies = self.bodies(charged, *seen)
        answers = [post(charged, "REFUND", body) for body in bodies]
        assert refunded(stripe_sandbox) == [230, 230, 230]
        assert len({answer["pspReference"] for answer in answers}) == 3
        assert [post(charged, "REFUND", body) for body in bodies] == answers
        assert len(refunded(stripe_sandbox)) == 3

    def test_no_more_than_were_asked_for(self, charged: Buy, stripe_sandbox: StripeSandbox) -> None:
        for body in self.bodies(charged, 2, 2, 2, 2):
            post(charged, "REFUND", body)
        assert refunded(stripe_sandbox) == [230, 230]

    def test_an_equal_request_of_long_ago_is_not_carried_out_now(
        self, charged: Buy, stripe_sandbox: StripeSandbox
    ) -> None:
        """The app was down at that time, and staff saw that the request failed."""
        lost, new = request_of(charged, created=ago(hours=2)), request_of(charged)
        for second in range(3):
            post(charged, "REFUND", body_of(charged, "REFUND", [lost, new], issuedAt=ago(seconds=second)))
        assert refunded(stripe_sandbox) == [230]


class TestRemovedShop:
    def test_an_old_body_does_not_revive_it(self, buy: Begin, installation: Installation) -> None:
        issued = ago()
        removal.mark_removed(installation)
        answer = buy().initialize(issuedAt=issued)
        assert answer["result"] != "CHARGE_SUCCESS"
        assert not Installation.objects.get().is_active

    def test_nor_does_one_that_does_not_say_when_it_was_made(
        self, buy: Begin, installation: Installation
    ) -> None:
        removal.mark_removed(installation)
        buy().initialize(issuedAt=None)
        assert not Installation.objects.get().is_active

    def test_a_purchase_started_since_does(self, buy: Begin, installation: Installation) -> None:
        removal.mark_removed(installation)
        assert buy().initialize()["pspReference"].startswith("pi_")
        assert Installation.objects.get().is_active

    def test_it_refunds_nothing_by_an_old_body(
        self, charged: Buy, installation: Installation, stripe_sandbox: StripeSandbox
    ) -> None:
        body = body_of(charged, "REFUND", [request_of(charged)])
        removal.mark_removed(installation)
        assert post(charged, "REFUND", body)["result"] == "REFUND_FAILURE"
        assert refunded(stripe_sandbox) == []


def test_an_old_event_does_not_set_the_shops_version_back(installation: Installation) -> None:
    Installation.objects.update(schema_version="3.23")
    body = {
        "__typename": "OrderPaid",
        "issuedAt": ago(days=30),
        "version": "3.21.4",
        "recipient": {"id": APP},
        "order": {"id": "x"},
    }
    assert post_signed(installation, "order_paid", json.dumps(body).encode()).status_code == 200
    assert Installation.objects.get().schema_version == "3.23"


def test_an_answer_that_cannot_be_written_down_is_given_all_the_same(
    charged: Buy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise DatabaseError("database is locked")

    body = body_of(charged, "REFUND", [request_of(charged)])
    with monkeypatch.context() as patched:
        patched.setattr("django.db.models.query.QuerySet.update", fail)
        assert post(charged, "REFUND", body)["result"] == "REFUND_SUCCESS"
