"""Staff's requests: the amount requested is the amount moved, and a repeated request moves it once."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from saleor_stripe_audience.gateway import payment_intents
from saleor_stripe_audience.payments.models import ActionRequest, Payment
from saleor_stripe_audience.sandbox.stripe import StripeSandbox

from .conftest import Buy, as_amount

Begin = Callable[..., Buy]
Json = dict[str, Any]


def intent(sandbox: StripeSandbox, one: Buy) -> Json:
    found: Json = sandbox.account.table("payment_intent")[one.psp]
    return found


def refunds(sandbox: StripeSandbox) -> list[Json]:
    return list(sandbox.account.table("refund").values())


@pytest.fixture
def held(buy: Begin) -> Buy:
    return buy(flow="AUTHORIZATION").paid()


@pytest.fixture
def charged(buy: Begin) -> Buy:
    return buy().paid()


def test_a_hold_is_captured_whole(held: Buy, stripe_sandbox: StripeSandbox) -> None:
    answer = held.request("CHARGE", "12.30")
    assert (answer["result"], str(as_amount(answer))) == ("CHARGE_SUCCESS", "12.30")
    assert answer["pspReference"].startswith("ch_")
    assert answer["actions"] == ["REFUND"]
    assert intent(stripe_sandbox, held)["amount_received"] == 1230
    assert (held.row().status, held.row().captured_minor) == ("succeeded", 1230)


def test_a_part_of_a_hold_is_captured_and_no_more(held: Buy, stripe_sandbox: StripeSandbox) -> None:
    answer = held.request("CHARGE", "5.00")
    assert str(as_amount(answer)) == "5.00"
    assert intent(stripe_sandbox, held)["amount_received"] == 500
    assert (held.row().captured_minor, held.row().refunded_minor) == (500, 0)


def test_a_repeated_capture_answers_as_the_first_did(held: Buy, stripe_sandbox: StripeSandbox) -> None:
    first, again = held.request("CHARGE", "5.00"), held.request("CHARGE", "5.00", again=True)
    stated = ("result", "pspReference", "amount", "actions")
    assert [first[name] for name in stated] == [again[name] for name in stated]
    assert intent(stripe_sandbox, held)["amount_received"] == 500


def test_a_capture_whose_answer_was_lost_is_made_once(held: Buy, stripe_sandbox: StripeSandbox) -> None:
    stripe_sandbox.add_fault(
        "POST /v1/payment_intents/*/capture", drop_connection=True, after_effect=True, times=2
    )
    assert held.request("CHARGE", "5.00")["result"] == "CHARGE_FAILURE"
    assert held.request("CHARGE", "5.00", again=True)["result"] == "CHARGE_SUCCESS"
    assert intent(stripe_sandbox, held)["amount_received"] == 500


@pytest.mark.parametrize(
    ("amount", "words"), [("12.31", "Only 12.30 USD is authorized"), ("0", "nothing is left")]
)
def test_a_capture_that_cannot_be_is_not_sent(
    held: Buy, stripe_sandbox: StripeSandbox, amount: str, words: str
) -> None:
    answer = held.request("CHARGE", amount)
    assert answer["result"] == "CHARGE_FAILURE"
    assert words in answer["message"]
    assert stripe_sandbox.log.entries("POST", f"/v1/payment_intents/{held.psp}/capture") == []


def test_a_refusal_is_in_the_language_of_the_staff_also_when_repeated(held: Buy, settings: Settings) -> None:
    """Saleor shows the refusal in the payment's history."""
    settings.STAFF_LANGUAGE = "fr"
    for again in (False, True):
        answer = held.request("CHARGE", "12.31", again=again)
        assert "Seuls 12,30 USD sont bloqués" in answer["message"]
    for request in ActionRequest.objects.all():  # the page shows it in its reader's
        assert "Only 12.30 USD" in request.reasons["en"]
        assert request.reasons["fr"] == answer["message"]


def test_a_charged_payment_is_not_cancelled_but_refunded(charged: Buy, stripe_sandbox: StripeSandbox) -> None:
    answer = charged.request("CANCEL", None)
    assert answer["result"] == "CANCEL_FAILURE"
    assert "only refunded" in answer["message"]
    assert stripe_sandbox.log.entries("POST", f"/v1/payment_intents/{charged.psp}/capture") == []
    assert charged.row().status == "succeeded"


def test_what_was_released_cannot_be_captured(held: Buy) -> None:
    held.request("CANCEL", None)
    answer = held.request("CHARGE", "12.30")
    assert answer["result"] == "CHARGE_FAILURE"
    assert "no authorized amount left" in answer["message"]


def test_a_capture_beside_a_cancelation_says_why_it_failed(
    held: Buy, stripe_sandbox: StripeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were requested at the same moment: the hold was released after the capture had looked at it."""
    capture = payment_intents.capture

    def release_first(account: Any, *arguments: Any, **named: Any) -> Any:
        payment_intents.cancel(account, held.psp, "of the other request")
        return capture(account, *arguments, **named)

    monkeypatch.setattr(payment_intents, "capture", release_first)
    answer = held.request("CHARGE", "12.30")
    assert answer["result"] == "CHARGE_FAILURE"
    assert answer["message"] == "This payment was cancelled before: nothing is authorized any more."


def test_a_part_is_refunded_and_no_more(charged: Buy, stripe_sandbox: StripeSandbox) -> None:
    answer = charged.request("REFUND", "2.30")
    [refund] = refunds(stripe_sandbox)
    assert (answer["result"], answer["pspReference"]) == ("REFUND_SUCCESS", refund["id"])
    assert (str(as_amount(answer)), refund["amount"]) == ("2.30", 230)
    assert answer["actions"] == ["REFUND"]
    assert charged.row().refunded_minor == 230


def test_a_repeated_refund_gives_back_once(charged: Buy, stripe_sandbox: StripeSandbox) -> None:
    first, again = charged.request("REFUND", "2.30"), charged.request("REFUND", "2.30", again=True)
    assert first["pspReference"] == again["pspReference"]
    assert len(refunds(stripe_sandbox)) == 1


def test_two_equal_refunds_that_were_asked_for_are_two(charged: Buy, stripe_sandbox: StripeSandbox) -> None:
    first, second = charged.request("REFUND", "2.30"), charged.request("REFUND", "2.30")
    assert first["pspReference"] != second["pspReference"]
    assert [each["amount"] for each in refunds(stripe_sandbox)] == [230, 230]


def test_a_repeated_last_refund_is_not_a_failure(charged: Buy, stripe_sandbox: StripeSandbox) -> None:
    first, again = charged.request("REFUND", "12.30"), charged.request("REFUND", "12.30", again=True)
    assert (again["result"], again["pspReference"]) == ("REFUND_SUCCESS", first["pspReference"])
    assert again["actions"] == []
    assert len(refunds(stripe_sandbox)) == 1


def test_more_than_was_paid_is_not_refunded(charged: Buy, stripe_sandbox: StripeSandbox) -> None:
    answer = charged.request("REFUND", "12.31")
    assert answer["result"] == "REFUND_FAILURE"
    assert "greater than" in answer["message"]
    assert refunds(stripe_sandbox) == []


def test_the_released_rest_of_a_hold_is_not_refunded(held: Buy, stripe_sandbox: StripeSandbox) -> None:
    held.request("CHARGE", "5.00")
    assert held.request("REFUND", "5.01")["result"] == "REFUND_FAILURE"
    assert held.request("REFUND", "5.00")["result"] == "REFUND_SUCCESS"
    assert held.row().refunded_minor == 500


def test_a_refund_that_takes_days_reports_only_its_reference(
    buy: Begin, stripe_sandbox: StripeSandbox
) -> None:
    one = buy().paid("4000000000007726")
    answer = one.request("REFUND", "2.30")
    [refund] = refunds(stripe_sandbox)
    assert answer == {"pspReference": refund["id"]}


def test_a_refund_whose_answer_was_lost_is_made_once(charged: Buy, stripe_sandbox: StripeSandbox) -> None:
    stripe_sandbox.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
    lost = charged.request("REFUND", "2.30")
    assert lost["result"] == "REFUND_FAILURE"
    assert "appear here automatically" in lost["message"]
    assert charged.request("REFUND", "2.30", again=True)["result"] == "REFUND_SUCCESS"
    assert len(refunds(stripe_sandbox)) == 1


def test_a_hold_is_released(held: Buy, stripe_sandbox: StripeSandbox) -> None:
    first, again = held.request("CANCEL", None), held.request("CANCEL", None, again=True)
    for answer in (first, again):
        assert (answer["result"], answer["pspReference"]) == ("CANCEL_SUCCESS", held.psp)
        assert str(as_amount(answer)) == "12.30"
    assert intent(stripe_sandbox, held)["status"] == "canceled"
    assert held.row().status == "canceled"


@pytest.mark.parametrize(
    ("currency", "amount", "part", "minor"),
    [("JPY", "1230", "230", 230), ("ISK", "1230", "230", 23000), ("KWD", "12.34", "2.3", 2300)],
)
def test_refunds_are_by_stripes_table(
    buy: Begin, stripe_sandbox: StripeSandbox, currency: str, amount: str, part: str, minor: int
) -> None:
    one = buy(currency=currency, amount=amount).paid()
    assert one.request("REFUND", part)["result"] == "REFUND_SUCCESS"
    assert [each["amount"] for each in refunds(stripe_sandbox)] == [minor]


def test_a_forgotten_payment_is_found_by_its_reference(charged: Buy, stripe_sandbox: StripeSandbox) -> None:
    Payment.objects.all().delete()
    assert charged.request("REFUND", "2.30")["result"] == "REFUND_SUCCESS"
    assert charged.row().refunded_minor == 230


def test_money_of_another_currency_is_not_moved(charged: Buy, stripe_sandbox: StripeSandbox) -> None:
    charged.currency = "EUR"
    answer = charged.request("REFUND", "2.30")
    assert answer["result"] == "REFUND_FAILURE"
    assert refunds(stripe_sandbox) == []
