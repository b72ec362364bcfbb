"""docs/payments.md, row by row."""

from pathlib import Path
from typing import Any

import pytest

from saleor_stripe_audience.gateway.metadata import FLOW
from saleor_stripe_audience.gateway.objects import Dispute, PaymentIntent, Refund, parse
from saleor_stripe_audience.payments.ledger import StripeState, missing_events
from saleor_stripe_audience.payments.outcomes import outcome_of

Json = dict[str, Any]

DOCUMENT = (Path(__file__).parents[2] / "docs" / "payments.md").read_text()
RAN_OUT = {"code": "payment_intent_payment_attempt_expired", "payment_method": {"type": "boleto"}}
DECLINED = {"code": "card_declined", "decline_code": "generic_decline", "message": "declined"}


def intent(
    status: str, *, flow: str, used: str = "card", error: Json | None = None, **more: Any
) -> PaymentIntent:
    charge = None
    if status in ("processing", "requires_capture", "succeeded"):
        taken = 1000 if status == "succeeded" else 0
        charge = {
            "id": "ch_1",
            "status": "pending" if status == "processing" else "succeeded",
            "amount": 1000,
            "amount_captured": taken,
            "amount_refunded": 0,
            "captured": bool(taken),
            "disputed": False,
            "payment_method_details": {"type": used},
        }
    found = {
        "id": "pi_1",
        "status": status,
        "amount": 1000,
        "amount_received": 1000 if status == "succeeded" else 0,
        "amount_capturable": 1000 if status == "requires_capture" else 0,
        "currency": "usd",
        "livemode": False,
        "metadata": {FLOW: flow},
        "capture_method": "automatic",
        "payment_method_options": {"card": {"capture_method": "manual"}} if flow == "AUTHORIZATION" else {},
        "last_payment_error": error,
        "latest_charge": charge,
        **more,
    }
    return parse(PaymentIntent, found)


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its first two lines."""
    part = DOCUMENT.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("row", [row for row in rows("Responses to sessions") if row[0].startswith("`")])
@pytest.mark.parametrize(("column", "flow"), [(1, "CHARGE"), (2, "AUTHORIZATION")])
def test_a_response_to_a_session_is_as_in_the_table(row: list[str], column: int, flow: str) -> None:
    status = row[0].split("`")[1]
    if (status, flow) == ("requires_capture", "CHARGE"):
        flow = "AUTHORIZATION"  # such an intent was created for a hold
    used = "us_bank_account" if status == "processing" else "card"
    kind = "boleto_display_details" if "voucher" in row[0] else "redirect_to_url"
    waits = {"next_action": {"type": kind, kind: {}}} if status == "requires_action" else {}
    made = intent(status, flow=flow, used=used, error=DECLINED if "declined" in row[0] else None, **waits)
    found = outcome_of(made, made.flow)
    assert found.result == row[column].split("`")[1]
    assert found.money.minor == 1000
    assert ", ".join(found.actions) == row[4]
    assert bool(found.decline_code) is ("error" in row[column])
    is_charged_at_once = flow == "AUTHORIZATION" and made.flow == "CHARGE"
    # While a voucher is pending, it has its own message; the note follows with the money.
    assert ("note" in row[column]) is (is_charged_at_once and not made.is_delayed)


def a_refund(status: str) -> Refund:
    return parse(Refund, {"id": "re_1", "amount": 100, "currency": "usd", "status": status})


DISPUTE = {
    "id": "du_1",
    "status": "needs_response",
    "amount": 1000,
    "currency": "usd",
    "balance_transactions": [{"amount": -1000, "currency": "usd"}],
}
REPORTED: list[tuple[str, StripeState]] = [
    ("an authorization", StripeState(intent("requires_capture", flow="AUTHORIZATION"), "AUTHORIZATION")),
    ("money received, charged at once", StripeState(intent("succeeded", flow="CHARGE"), "CHARGE")),
    (
        "a payment cancelled before anything was paid",
        StripeState(intent("canceled", flow="CHARGE"), "CHARGE"),
    ),
    (
        "an expired voucher, a bank account that was never verified",
        StripeState(intent("requires_payment_method", flow="CHARGE", error=RAN_OUT), "CHARGE"),
    ),
    (
        "a refund, wherever it was made",
        StripeState(
            intent("succeeded", flow="CHARGE"),
            "CHARGE",
            refunds=[a_refund("pending")],
        ),
    ),
    (
        "a refund that failed later",
        StripeState(
            intent("succeeded", flow="CHARGE"),
            "CHARGE",
            refunds=[a_refund("failed")],
        ),
    ),
    (
        "a dispute withdraws the money",
        StripeState(
            intent("succeeded", flow="CHARGE"),
            "CHARGE",
            disputes=[parse(Dispute, DISPUTE)],
        ),
    ),
]


@pytest.mark.parametrize(("what", "held"), REPORTED, ids=[what for what, _ in REPORTED])
def test_a_report_is_as_in_the_table(what: str, held: StripeState) -> None:
    [row] = [row for row in rows("Reports to Saleor") if row[0] == what]
    report = missing_events(held, [])[-1]
    assert f"`{report.result}`" in row[1]


# The tests of the other rows, with both stand-ins; they must exist.
ELSEWHERE = {
    "Responses to sessions": {
        "refused by the app or by Stripe": (
            "test_descriptions.py::test_an_amount_that_stripe_refuses_is_refused"
        ),
        "unclear: Stripe has, or may have, a payment": "test_started_or_not.py::test_whatever_stripe_answers",
    },
    "Actions by staff": {
        "CHARGE all of an authorization": "test_actions.py::test_a_hold_is_captured_whole",
        "CHARGE a part, several captures allowed": "test_ledger.py::test_each_is_reported_under_its_own_reference",
        "CHARGE a part otherwise": "test_ledger.py::test_where_the_contract_has_no_parts_the_rest_is_released",
        "CHARGE more than is authorized": "test_actions.py::test_a_capture_that_cannot_be_is_not_sent",
        "REFUND": "test_actions.py::test_a_refund_that_takes_days_reports_only_its_reference",
        "REFUND more than remains": "test_actions.py::test_more_than_was_paid_is_not_refunded",
        "CANCEL an authorization, or the rest of it": "test_ledger.py::test_what_is_left_can_be_released",
        "CANCEL a payment that was never authorized": "test_any_history.py::test_what_was_found",
        "CANCEL what was cancelled before": "test_ledger.py::test_a_second_cancelation_has_a_result_too",
        "CANCEL a charged payment": "test_actions.py::test_a_charged_payment_is_not_cancelled_but_refunded",
    },
    "Reports to Saleor": {
        "an authorization increased afterwards": "test_ledger.py::test_a_hold_that_was_raised_is_an_adjustment",
        "money captured from an authorization": "test_ledger.py::test_captures_that_nobody_reported_are_one",
        "the rest of an authorization released, an authorization cancelled or expired": (
            "test_reporting.py::test_a_hold_that_is_given_up"
        ),
        "a bank debit that failed days later": "test_reporting.py::test_a_debit_that_takes_days",
        "a pending card payment that was declined later, as in India": (
            "test_delayed.py::test_a_card_that_waited_for_its_bank_and_was_declined_is_a_failure"
        ),
        "a dispute is won, all or part of the money returned": "test_ledger.py::test_what_is_won_is_charged_again",
        "an inquiry": "test_ledger.py::test_a_dispute_counts_what_was_booked",
    },
}


def test_every_other_row_has_its_test() -> None:
    here = Path(__file__).parent
    tried = {
        "Responses to sessions": {row[0] for row in rows("Responses to sessions") if row[0].startswith("`")},
        "Actions by staff": set(),
        "Reports to Saleor": {what for what, _ in REPORTED},
    }
    for heading, named in ELSEWHERE.items():
        assert {row[0] for row in rows(heading)} == tried[heading] | set(named)
        for test in named.values():
            file, _, name = test.partition("::")
            assert f"def {name}(" in (here / file).read_text(), test
