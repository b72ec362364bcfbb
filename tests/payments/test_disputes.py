"""Disputes in the payment's own currency, whatever the currencies of the bank and the balance, and in parts."""

from decimal import Decimal
from typing import Any

import pytest

from saleor_stripe_audience.gateway.objects import Dispute, PaymentIntent, parse
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments.disputes import Moves, is_in_other_currency, moves_of, moves_of_all
from saleor_stripe_audience.payments.ledger import ReportedEvent, StripeState, missing_events

from .test_reporting import Town, orders, town

__all__ = ["town"]

Json = dict[str, Any]


def an_intent(currency: str = "usd", received: int = 1000) -> PaymentIntent:
    charge = {"id": "ch_1", "status": "succeeded", "amount": received, "amount_captured": received}
    found = {
        "id": "pi_1",
        "status": "succeeded",
        "amount": received,
        "amount_received": received,
        "amount_capturable": 0,
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "last_payment_error": None,
        "latest_charge": charge | {"captured": True, "amount_refunded": 0, "disputed": True},
    }
    return parse(PaymentIntent, found)


def a_dispute(
    amount: int,
    currency: str,
    *bookings: tuple[int, str],
    fee: int = 0,
    status: str = "needs_response",
    number: int = 1,
) -> Dispute:
    booked = [{"amount": each, "currency": of} for each, of in bookings]
    fees = [{"amount": -fee, "currency": currency, "reporting_category": "fee"}] if fee else []
    found = {
        "id": f"du_{number}",
        "status": status,
        "amount": amount,
        "currency": currency,
        "created": number,
    }
    return parse(Dispute, found | {"balance_transactions": booked + fees})


class TestMoves:
    @pytest.mark.parametrize(
        ("intent", "dispute", "settled", "moves"),
        [
            # Booked in the payment's currency: the bookings count, whatever the dispute's currency.
            (an_intent(), a_dispute(910, "eur", (-400, "usd")), None, Moves(400, 0)),
            (an_intent(), a_dispute(910, "eur", (-400, "usd"), (150, "usd")), None, Moves(400, 150)),
            # Disputed in the payment's currency, booked in the balance's.
            (an_intent("pln"), a_dispute(300, "pln", (-75, "usd")), None, Moves(300, 0)),
            (an_intent("pln"), a_dispute(300, "pln", (-75, "usd"), (25, "usd")), None, Moves(300, 100)),
            # Neither: by the share of the payment's amount in the balance.
            (an_intent("pln"), a_dispute(125, "eur", (-125, "usd")), Money(250, "USD"), Moves(500, 0)),
            (an_intent("pln"), a_dispute(230, "eur", (-244, "usd")), Money(250, "USD"), Moves(1000, 0)),
            (an_intent("pln"), a_dispute(230, "eur", (-250, "usd")), Money(0, "USD"), Moves(1000, 0)),
            (an_intent("pln"), a_dispute(230, "eur", (-250, "usd")), Money(230, "EUR"), Moves(1000, 0)),
            # If that is not known, all of it.
            (an_intent("pln"), a_dispute(230, "eur", (-250, "usd")), None, Moves(1000, 0)),
            (an_intent("pln"), a_dispute(230, "eur", (-250, "usd"), (125, "usd")), None, Moves(1000, 500)),
            # Never more than was paid.
            (an_intent(), a_dispute(950, "eur", (-1030, "usd")), None, Moves(1000, 0)),
            (an_intent(), a_dispute(950, "eur", (-1030, "usd"), (1030, "usd")), None, Moves(1000, 1000)),
            (an_intent("pln"), a_dispute(1030, "pln", (-260, "usd")), None, Moves(1000, 0)),
            # No more comes back than was withdrawn, whatever the exchange rate is by then; all of it if it is won.
            (
                an_intent(),
                a_dispute(1000, "usd", (-920, "eur"), (940, "eur"), status="won"),
                None,
                Moves(1000, 1000),
            ),
            (
                an_intent(),
                a_dispute(1000, "usd", (-920, "eur"), (900, "eur"), status="won"),
                None,
                Moves(1000, 1000),
            ),
            (an_intent(), a_dispute(1000, "usd", (-920, "eur"), (900, "eur")), None, Moves(1000, 978)),
            (
                an_intent(),
                a_dispute(1000, "usd", (-920, "eur"), (460, "eur"), status="won"),
                None,
                Moves(1000, 500),
            ),
            (
                an_intent(),
                a_dispute(1000, "usd", (-1000, "usd"), (950, "usd"), status="won"),
                None,
                Moves(1000, 950),
            ),
            # Won, then lost after all.
            (
                an_intent(),
                a_dispute(1000, "usd", (-1000, "usd"), (1000, "usd"), (-1000, "usd")),
                None,
                Moves(2000, 1000),
            ),
            # Amounts in steps that Stripe accepts.
            (an_intent("isk", 50000), a_dispute(1, "eur", (-100, "usd")), Money(300, "USD"), Moves(16700, 0)),
            (an_intent("kwd", 5120), a_dispute(1, "eur", (-100, "usd")), Money(300, "USD"), Moves(1710, 0)),
            (an_intent("jpy", 500), a_dispute(1, "eur", (-100, "usd")), Money(300, "USD"), Moves(167, 0)),
            # An inquiry moves no money, nor does a return before a withdrawal.
            (an_intent(), a_dispute(1000, "usd"), None, Moves(0, 0)),
            (an_intent(), a_dispute(1000, "usd", (10, "usd")), None, Moves(0, 0)),
        ],
    )
    def test_they_are_in_the_payments_currency(
        self, intent: PaymentIntent, dispute: Dispute, settled: Money | None, moves: Moves
    ) -> None:
        assert moves_of(dispute, intent, settled) == moves

    def test_several_disputes_are_at_most_the_whole_payment(self) -> None:
        unknown = [a_dispute(790, "gbp", (-920, "eur"), number=each) for each in (2, 1)]
        assert moves_of_all(unknown, an_intent(), None) == [Moves(0, 0), Moves(1000, 0)]
        known = [a_dispute(800, "usd", (-800, "usd"), number=each) for each in (1, 2)]
        assert moves_of_all(known, an_intent(), None) == [Moves(800, 0), Moves(200, 0)]
        won = a_dispute(800, "usd", (-800, "usd"), (800, "usd"), number=1, status="won")
        assert moves_of_all([won, known[1]], an_intent(), None) == [Moves(800, 800), Moves(800, 0)]

    def test_a_fee_that_is_booked_apart_is_no_part_of_the_payment(self) -> None:
        dispute = a_dispute(1000, "usd", (-1000, "usd"), fee=1500)
        assert moves_of(dispute, an_intent()) == Moves(1000, 0)

    @pytest.mark.parametrize(
        ("dispute", "is_other"),
        [
            (a_dispute(250, "usd", (-250, "usd")), True),
            (a_dispute(1000, "pln", (-250, "usd")), False),
            (a_dispute(230, "eur", (-1000, "pln")), False),
            (a_dispute(230, "eur"), False),
        ],
    )
    def test_when_the_balance_must_be_asked(self, dispute: Dispute, is_other: bool) -> None:
        assert is_in_other_currency(dispute, an_intent("pln")) is is_other


class TestReports:
    PAID = ReportedEvent("CHARGE_SUCCESS", "pi_1", Decimal("10.00"))

    def reports(self, dispute: Dispute, *reported: ReportedEvent) -> list[tuple[str, str, int]]:
        held = StripeState(an_intent(), "CHARGE", disputes=[dispute])
        return [
            (each.result, each.psp_reference, each.money.minor)
            for each in missing_events(held, [self.PAID, *reported])
        ]

    def test_each_part_that_comes_back_has_its_own_reference(self) -> None:
        back = ReportedEvent("CHARGE_BACK", "du_1", Decimal("10.00"))
        part = ReportedEvent("CHARGE_SUCCESS", "du_1", Decimal("3.00"))
        first = a_dispute(1000, "usd", (-1000, "usd"), (300, "usd"))
        assert self.reports(first) == [("CHARGE_BACK", "du_1", 1000), ("CHARGE_SUCCESS", "du_1", 300)]
        assert self.reports(first, back, part) == []
        both = a_dispute(1000, "usd", (-1000, "usd"), (300, "usd"), (700, "usd"))
        assert self.reports(both, back, part) == [("CHARGE_SUCCESS", "du_1:300-1000", 700)]
        again = a_dispute(1000, "usd", (-1000, "usd"), (1000, "usd"), (-1000, "usd"))
        whole = ReportedEvent("CHARGE_SUCCESS", "du_1", Decimal("10.00"))
        assert self.reports(again, back, whole) == [("CHARGE_BACK", "du_1:1000-2000", 1000)]

    def test_a_part_of_it_is_not_called_won(self) -> None:
        held = StripeState(
            an_intent(), "CHARGE", disputes=[a_dispute(1000, "usd", (-1000, "usd"), (300, "usd"))]
        )
        assert missing_events(held, [self.PAID])[-1].message == "A part of the disputed amount was returned."

    def test_one_dispute_is_not_another(self) -> None:
        other = ReportedEvent("CHARGE_BACK", "du_11", Decimal("10.00"))
        assert self.reports(a_dispute(400, "usd", (-400, "usd")), other) == [("CHARGE_BACK", "du_1", 400)]


@pytest.mark.parametrize("order", ["as sent", "doubled", "backwards", "shuffled"])
def test_the_ledger_ends_right(town: Town, order: str) -> None:
    town.begin()
    town.pay()
    dispute = town.stripe.open_dispute(town.intent, currency="eur")
    town.stripe.reinstate_dispute(dispute["id"], 200)
    town.deliver_all(orders(town.events())[order])
    assert town.amounts() == (2.0, 0, 0, 0)
    town.stripe.end_dispute(dispute["id"], "won")
    town.deliver_all(town.events() * 2)
    assert town.amounts() == (town.total(), 0, 0, 0)


@pytest.mark.parametrize("is_booked", [True, False])
def test_a_share_of_a_foreign_payment(town: Town, is_booked: bool) -> None:
    """Paid in dollars, booked in pounds, disputed in euros: half of it, or all if the share is unknown."""
    town.stripe.account.default_currency = "gbp"
    town.begin()
    town.pay()
    town.stripe.drain()
    total = town.total()
    dispute = town.stripe.open_dispute(town.intent, round(total * 50), currency="eur")
    if not is_booked:
        nothing = {"object": "list", "url": "/v1/balance_transactions", "data": [], "has_more": False}
        town.stripe.add_fault("GET /v1/balance_transactions", status=200, body=nothing, times=99)
    town.deliver_all(town.events())
    [back] = town.reported("CHARGE_BACK")
    assert back["pspReference"] == dispute["id"]
    assert back["amount"]["amount"] == pytest.approx(total / 2 if is_booked else total, abs=0.02)
