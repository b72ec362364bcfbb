"""Whatever happens in Stripe, the amounts in Saleor's ledger agree in the end, each under its own reference."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from saleor_stripe_audience.gateway import refunds
from saleor_stripe_audience.gateway.objects import Dispute, PaymentIntent, Refund, parse
from saleor_stripe_audience.payments import reconcile, records
from saleor_stripe_audience.payments.ledger import (
    ReportedEvent,
    StripeState,
    capture_reference,
    missing_events,
)
from saleor_stripe_audience.payments.models import ActionRequest, Payment
from saleor_stripe_audience.saleor.documents import operation
from saleor_stripe_audience.sandbox.demo.shopper import REQUEST_ACTION, change
from saleor_stripe_audience.sandbox.saleor.payments import UNDELIVERED, record_failure
from saleor_stripe_audience.sandbox.saleor.state import Transaction, TransactionEvent
from saleor_stripe_audience.shops.models import Installation
from tests.conftest import Work

from .test_reporting import Town, orders, town  # noqa: F401 - a fixture

Json = dict[str, Any]


def ask(town: Town, action: str, amount: float | None = None) -> None:  # noqa: F811 - the fixture
    """Request an action as staff in the Dashboard; Saleor sends its webhook in the background."""
    change(town, REQUEST_ACTION, town.shop.staff_token(), id=town.transaction, action=action, amount=amount)  # type: ignore[arg-type]  # it only needs the URL
    town.shop.drain()


def lose_answer(_host: Any, transaction: Transaction, request: TransactionEvent, *_: Any) -> None:
    """Book what Saleor books if it does not receive the app's response."""
    record_failure(transaction, request, UNDELIVERED)


def held_for(town: Town, *, parts: bool) -> float:  # noqa: F811 - the fixture
    town.stripe.account.multicapture = parts
    town.begin("AUTHORIZATION")
    town.pay()
    town.deliver_all(town.events())
    return town.amounts()[1]


def test_a_second_cancelation_has_a_result_too(town: Town) -> None:  # noqa: F811
    """Saleor discards a second success of the same reference: staff would see a request without a result."""
    held_for(town, parts=False)
    for _ in range(2):
        ask(town, "CANCEL")
        town.deliver_all(town.events())
    assert len(town.reported("CANCEL_SUCCESS")) == 1
    [transaction] = town.shop.host.store.transactions
    results = [each.type for each in transaction.events if each.type.startswith("CANCEL_")]
    assert results == ["CANCEL_REQUEST", "CANCEL_SUCCESS", "CANCEL_REQUEST", "CANCEL_FAILURE"]
    assert "nothing is authorized any more" in transaction.events[-1].message


def messages_of_a_dispute(reason: str, *moved: int) -> list[str]:
    dispute = {
        "id": "du_1",
        "status": "needs_response",
        "amount": 1000,
        "currency": "usd",
        "reason": reason,
        "balance_transactions": [{"amount": each, "currency": "usd"} for each in moved],
    }
    held = StripeState(
        an_intent("succeeded", received=1000, held=1000), "CHARGE", disputes=[parse(Dispute, dispute)]
    )
    known = [ReportedEvent("CHARGE_SUCCESS", "pi_1", Decimal("10.00"))]
    return [each.message for each in missing_events(held, known)]


class TestDisputes:
    @pytest.fixture
    def disputed(self, town: Town) -> str:  # noqa: F811 - the fixture
        town.begin()
        town.pay("pm_card_createDispute")
        town.deliver_all(town.events())
        return next(iter(town.stripe.account.table("dispute")))

    def test_what_is_withdrawn_is_not_charged(self, town: Town, disputed: str) -> None:  # noqa: F811 - the fixture
        assert town.amounts() == (0, 0, 0, 0)
        [back] = town.reported("CHARGE_BACK")
        assert (back["pspReference"], back["message"]) == (disputed, "Disputed: fraudulent.")

    @pytest.mark.parametrize(
        ("reason", "english", "french"),
        [
            (
                "product_not_received",
                "Disputed: the product was not received.",
                "Contesté\N{NO-BREAK SPACE}: le produit n'a pas été reçu.",
            ),
            ("", "Disputed: no reason given.", "Contesté\N{NO-BREAK SPACE}: sans motif."),
            ("new_reason", "Disputed: new reason.", "Contesté\N{NO-BREAK SPACE}: new reason."),
        ],
    )
    def test_staff_read_the_reason_in_their_language(
        self, settings: Any, reason: str, english: str, french: str
    ) -> None:
        assert messages_of_a_dispute(reason, -1000) == [english]
        settings.STAFF_LANGUAGE = "fr"
        assert messages_of_a_dispute(reason, -1000) == [french]

    def test_staff_read_how_it_ended_in_their_language(self, settings: Any) -> None:
        settings.STAFF_LANGUAGE = "fr"
        [_, returned] = messages_of_a_dispute("fraudulent", -1000, 300)
        [_, won] = messages_of_a_dispute("fraudulent", -1000, 1000)
        assert returned == "Une partie du montant contesté a été restituée."
        assert won == "Le litige est gagné."

    @pytest.mark.parametrize("order", ["as sent", "doubled", "backwards", "shuffled"])
    def test_what_is_won_is_charged_again(self, town: Town, disputed: str, order: str) -> None:  # noqa: F811 - the fixture
        evidence: Any = {"evidence": {"uncategorized_text": "winning_evidence"}}
        town.api.disputes.update(disputed, evidence)
        town.deliver_all(orders(town.events())[order])
        assert town.amounts() == (town.total(), 0, 0, 0)

    def test_what_is_lost_stays_withdrawn(self, town: Town, disputed: str) -> None:  # noqa: F811 - the fixture
        town.api.disputes.close(disputed)
        town.deliver_all(town.events())
        assert town.amounts() == (0, 0, 0, 0)
        assert len(town.reported("CHARGE_BACK")) == 1


class TestPartsOfAHold:
    def test_each_is_reported_under_its_own_reference(self, town: Town) -> None:  # noqa: F811 - the fixture
        total = held_for(town, parts=True)
        ask(town, "CHARGE", 5)
        assert town.amounts() == (5, total - 5, 0, 0)
        ask(town, "CHARGE", 7)
        town.deliver_all(town.events())
        assert town.amounts() == (12, total - 12, 0, 0)
        references = [each["pspReference"] for each in town.reported("CHARGE_SUCCESS")]
        assert len(set(references)) == len(references) == 2

    def test_the_last_part_ends_the_hold(self, town: Town) -> None:  # noqa: F811 - the fixture
        total = held_for(town, parts=True)
        ask(town, "CHARGE", 5)
        ask(town, "CHARGE", total - 5)
        town.deliver_all(town.events())
        assert town.amounts() == (total, 0, 0, 0)
        assert Payment.objects.get().status == "succeeded"

    def test_what_is_left_can_be_released(self, town: Town) -> None:  # noqa: F811 - the fixture
        total = held_for(town, parts=True)
        ask(town, "CHARGE", 5)
        ask(town, "CANCEL")
        town.deliver_all(town.events() * 2)
        assert town.amounts() == (5, 0, 0, total - 5)

    def test_captures_that_nobody_reported_are_one(self, town: Town) -> None:  # noqa: F811 - the fixture
        """Captured twice in Stripe's Dashboard while the app was down."""
        total = held_for(town, parts=True)
        for part in (500, 700):
            town.api.payment_intents.capture(town.intent, {"amount_to_capture": part, "final_capture": False})
        town.deliver_all(town.events())
        assert town.amounts() == (12, total - 12, 0, 0)

    def test_where_the_contract_has_no_parts_the_rest_is_released(self, town: Town) -> None:  # noqa: F811 - the fixture
        total = held_for(town, parts=False)
        ask(town, "CHARGE", 5)
        town.deliver_all(town.events())
        assert town.amounts() == (5, 0, 0, total - 5)
        ask(town, "CHARGE", 5)
        assert len(town.reported("CHARGE_FAILURE")) == 1
        assert town.amounts() == (5, 0, 0, total - 5)


def test_every_refused_request_has_its_failure(town: Town) -> None:  # noqa: F811 - the fixture
    total = held_for(town, parts=False)
    amounts = [5.0, 5.0, 7.0]
    refused = {"error": {"type": "invalid_request_error", "message": "Not now."}}
    town.stripe.add_fault("POST /v1/payment_intents/*/capture", status=400, body=refused, times=len(amounts))
    for amount in amounts:
        ask(town, "CHARGE", amount)
    failures = town.reported("CHARGE_FAILURE")
    assert sorted(each["amount"]["amount"] for each in failures) == amounts
    assert all("Not now." in each["message"] for each in failures)
    assert town.amounts() == (0, total, 0, 0)


def test_events_are_dated_by_saleors_clock(town: Town) -> None:  # noqa: F811 - the fixture
    """By ours, if it is late, a result would come before its request: a granted refund would stay pending."""
    held_for(town, parts=False)
    ask(town, "CHARGE", 5)
    ask(town, "REFUND", 5)
    deliveries = [each for each in town.shop.deliveries if each.event.startswith("TRANSACTION_")]
    answers = [json.loads(each.attempts[-1].text) for each in deliveries]
    assert {each["result"] for each in answers} >= {"CHARGE_SUCCESS", "REFUND_SUCCESS"}
    assert not any("time" in each for each in answers)
    assert "time" not in operation("ReportTransactionEvent", (3, 24))


class TestStripesEventOvertakesTheResponse:
    """Saleor connects a refund with its request, and with a granted refund, only if the response comes first."""

    @pytest.fixture
    def paid(self, town: Town) -> Town:  # noqa: F811 - the fixture
        town.begin()
        town.pay()
        town.deliver_all(town.events())
        return town

    def test_the_refund_is_left_to_the_response(self, paid: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        reported_meanwhile: list[list[Json]] = []
        save = records.save

        def overtake(*arguments: Any) -> None:
            monkeypatch.setattr(records, "save", save)
            paid.deliver_all(paid.events())
            reported_meanwhile.append(paid.reported("REFUND_SUCCESS"))
            save(*arguments)

        monkeypatch.setattr(records, "save", overtake)
        ask(paid, "REFUND", 5)
        assert reported_meanwhile == [[]]
        assert paid.amounts()[2] == 5
        paid.deliver_all(paid.events())
        assert len(paid.reported("REFUND_SUCCESS")) == 1

    def test_it_is_reported_later_if_saleor_did_not_receive_the_response(
        self,
        paid: Town,
        run_all_tasks: Work,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("saleor_stripe_audience.sandbox.saleor.payments.settle_action", lose_answer)
            ask(paid, "REFUND", 5)
        paid.deliver_all(paid.events())
        account, installation = paid.account, Installation.objects.get()
        report = reconcile.compare(installation, account, paid.intent)
        assert (report, paid.reported("REFUND_SUCCESS")) == ([], [])
        long_ago = timezone.now() - timedelta(minutes=2)
        ActionRequest.objects.update(created_at=long_ago, answered_at=long_ago)
        run_all_tasks()
        assert len(paid.reported("REFUND_SUCCESS")) == 1
        assert paid.amounts()[2] == 5

    def test_one_that_failed_later_is_taken_back_once(self, paid: Town) -> None:
        total = paid.amounts()[0]
        ask(paid, "REFUND", 5)
        [refund] = paid.stripe.account.table("refund")
        paid.stripe.end_refund(refund, ok=False)
        paid.deliver_all(paid.events() * 2)
        assert paid.amounts() == (total, 0, 0, 0)
        assert len(paid.reported("REFUND_FAILURE")) == 1

    @pytest.mark.parametrize("reason", ["processing", "insufficient_funds"])
    def test_an_unclear_one_that_waits_is_shown(self, paid: Town, reason: str) -> None:
        """For lack of funds, Saleor has a notice under its reference too."""
        paid.stripe.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
        ask(paid, "REFUND", 5)
        [refund] = paid.stripe.account.table("refund").values()
        refund |= {"status": "pending", "pending_reason": reason}
        paid.deliver_all(paid.events())
        assert len(paid.reported("REFUND_REQUEST")) == 2
        paid.stripe.end_refund(refund["id"], ok=True)
        ask(paid, "REFUND", 5)
        paid.deliver_all(paid.events())
        amounts = [each["amount"] for each in paid.stripe.account.table("refund").values()]
        assert paid.amounts()[2] * 100 == sum(amounts)

    def test_one_that_waits_is_reported_later_if_the_response_was_lost(
        self, paid: Town, run_all_tasks: Work, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create = refunds.create

        def create_pending(*arguments: Any) -> Refund:
            made = create(*arguments)
            [refund] = paid.stripe.account.table("refund").values()
            refund |= {"status": "pending", "pending_reason": "insufficient_funds"}
            return made.model_copy(update={"status": "pending"})

        with monkeypatch.context() as patch:
            patch.setattr(refunds, "create", create_pending)
            patch.setattr("saleor_stripe_audience.sandbox.saleor.payments.settle_action", lose_answer)
            ask(paid, "REFUND", 5)
        paid.deliver_all(paid.events())
        assert len(paid.reported("REFUND_REQUEST")) == 1
        long_ago = timezone.now() - timedelta(minutes=2)
        ActionRequest.objects.update(created_at=long_ago, answered_at=long_ago)
        run_all_tasks()
        assert len(paid.reported("REFUND_REQUEST")) == 2

    def test_one_that_was_made_in_stripe_is_not_kept_waiting(self, paid: Town) -> None:
        ask(paid, "REFUND", 5)
        paid.api.refunds.create({"payment_intent": paid.intent, "amount": 300})
        paid.deliver_all(paid.events())
        assert paid.amounts()[2] == 8


def test_a_tip_captured_in_stripes_dashboard(town: Town) -> None:  # noqa: F811 - the fixture
    total = held_for(town, parts=False)
    town.stripe.overcapture(town.intent, round(total * 100) + 200)
    town.deliver_all(town.events() * 2)
    assert town.amounts() == (total + 2, 0, 0, 0)
    assert Payment.objects.get().refunded_minor == 0
    ask(town, "REFUND", total + 2)
    assert town.amounts() == (0, 0, total + 2, 0)


class TestWhatIsMissing:
    """The pure function."""

    def test_a_hold_that_was_raised_is_an_adjustment(self) -> None:
        [adjustment] = missing_events(
            StripeState(an_intent("requires_capture", capturable=1500, held=1500), "AUTHORIZATION"),
            [ReportedEvent("AUTHORIZATION_SUCCESS", "pi_1", Decimal("10.00"))],
        )
        assert (adjustment.result, adjustment.money.minor) == ("AUTHORIZATION_ADJUSTMENT", 1500)
        assert adjustment.psp_reference == "pi_1:1500"

    @pytest.mark.parametrize(
        ("status", "reported", "wanted"),
        [
            ("pending", [], ["REFUND_REQUEST"]),
            ("pending", ["REFUND_REQUEST"], []),
            ("pending", ["REFUND_SUCCESS"], []),
            ("requires_action", [], ["REFUND_REQUEST"]),
            ("succeeded", ["REFUND_REQUEST"], ["REFUND_SUCCESS"]),
            ("succeeded", ["REFUND_SUCCESS"], []),
            ("failed", ["REFUND_SUCCESS"], ["REFUND_FAILURE"]),
            ("canceled", ["REFUND_REQUEST"], ["REFUND_FAILURE"]),
            ("failed", ["REFUND_SUCCESS", "REFUND_FAILURE"], []),
        ],
    )
    def test_a_refund(self, status: str, reported: list[str], wanted: list[str]) -> None:
        held = StripeState(
            an_intent("succeeded", received=1000, held=1000),
            "CHARGE",
            refunds=[parse(Refund, {"id": "re_1", "amount": 300, "currency": "usd", "status": status})],
        )
        known = [ReportedEvent("CHARGE_SUCCESS", "pi_1", Decimal("10.00"))]
        found = missing_events(
            held, known + [ReportedEvent(each, "re_1", Decimal("3.00")) for each in reported]
        )
        assert [each.result for each in found] == wanted
        assert {each.money.minor for each in found} <= {300}

    @pytest.mark.parametrize(
        ("moved", "wanted"),
        [([], []), ([-1000], ["CHARGE_BACK"]), ([-1000, 1000], ["CHARGE_BACK", "CHARGE_SUCCESS"])],
    )
    def test_a_dispute_counts_what_was_booked(self, moved: list[int], wanted: list[str]) -> None:
        dispute = {
            "id": "du_1",
            "status": "needs_response",
            "amount": 1000,
            "currency": "usd",
            "reason": "fraudulent",
            "balance_transactions": [{"amount": each, "currency": "usd"} for each in moved],
        }
        held = StripeState(
            an_intent("succeeded", received=1000, held=1000), "CHARGE", disputes=[parse(Dispute, dispute)]
        )
        known = [ReportedEvent("CHARGE_SUCCESS", "pi_1", Decimal("10.00"))]
        assert [each.result for each in missing_events(held, known)] == wanted

    @pytest.mark.parametrize("currency", ["jpy", "isk", "kwd"])
    def test_amounts_are_by_stripes_table(self, currency: str) -> None:
        intent = an_intent("succeeded", received=120000, held=120000, currency=currency)
        [charged] = missing_events(StripeState(intent, "CHARGE"), [])
        assert (
            missing_events(
                StripeState(intent, "CHARGE"), [ReportedEvent("CHARGE_SUCCESS", "pi_1", charged.money.amount)]
            )
            == []
        )

    def test_more_captured_than_was_held_is_charged_whole(self) -> None:
        held = StripeState(an_intent("succeeded", held=1000, received=1200), "AUTHORIZATION")
        reported = [ReportedEvent("AUTHORIZATION_SUCCESS", "pi_1", Decimal("10.00"))]
        [charged] = missing_events(held, reported)
        assert (charged.result, charged.psp_reference, charged.money.minor) == (
            "CHARGE_SUCCESS",
            "ch_1",
            1200,
        )
        assert charged.actions == ("REFUND",)
        assert (
            missing_events(held, [*reported, ReportedEvent("CHARGE_SUCCESS", "ch_1", Decimal("12.00"))]) == []
        )

    def test_the_first_part_has_the_charges_own_id(self) -> None:
        assert capture_reference("ch_1", 0, 500) == "ch_1"
        assert capture_reference("ch_1", 500, 1200) == "ch_1:500-1200"


def an_intent(
    status: str, *, held: int, received: int = 0, capturable: int = 0, currency: str = "usd"
) -> PaymentIntent:
    captured = {"id": "ch_1", "status": "succeeded", "amount": held, "amount_captured": received}
    found = {
        "id": "pi_1",
        "status": status,
        "amount": held,
        "amount_received": received,
        "amount_capturable": capturable,
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "last_payment_error": None,
        "latest_charge": captured | {"captured": bool(received), "amount_refunded": 0, "disputed": False},
    }
    return parse(PaymentIntent, found)
