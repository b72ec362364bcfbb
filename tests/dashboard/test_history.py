"""Saleor's ledger of a payment, on the payment's page."""

import html
from typing import Any

import pytest
from django.test import Client
from graphql import GraphQLEnumType

from saleor_stripe_audience.dashboard.history import TITLES
from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.gateway import failures
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import staff_messages
from saleor_stripe_audience.payments.models import ActionRequest, Notice, Payment
from saleor_stripe_audience.payments.shopper_messages import AT_THE_BANK, WAITS_FOR_SHOPPER
from saleor_stripe_audience.saleor import client as saleor
from saleor_stripe_audience.sandbox.saleor.payments import UNDELIVERED
from saleor_stripe_audience.sandbox.saleor.schema import schema_for
from saleor_stripe_audience.wording import in_language, in_languages, with_values
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import a_payment

EVENTS: list[dict[str, Any]] = [
    {
        "createdAt": "2026-11-26T10:00:00+00:00",
        "type": "CHARGE_ACTION_REQUIRED",
        "message": "Waiting <for> the shopper.",
        "amount": {"amount": 12.5, "currency": "USD"},
    },
    {
        "createdAt": "2026-11-26T10:02:00+00:00",
        "type": "REFUND_SUCCESS",
        "message": None,
        "amount": {"amount": 2.5, "currency": "USD"},
    },
    {
        "createdAt": "2026-11-26T10:01:00+00:00",
        "type": "CHARGE_SUCCESS",
        "message": "",
        "amount": {"amount": 12.5, "currency": "USD"},
    },
    {
        "createdAt": "2026-11-26T10:03:00+00:00",
        "type": "A_NEW_TYPE",
        "message": "",
        "amount": {"amount": 0, "currency": "USD"},
    },
]


def history(client: Client, shop: Shop, payment: Payment) -> str:
    answer = client.get(f"/dashboard/payments/{payment.pk}/history", headers=shop.headers())
    assert answer.status_code == 200
    return answer.content.decode()


def answered(monkeypatch: pytest.MonkeyPatch, data: Any) -> None:
    monkeypatch.setattr(saleor, "_call_shop", lambda *_given: data)


def test_it_is_shown_newest_first_whatever_order_saleor_sends(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(monkeypatch, {"transaction": {"events": EVENTS}})
    text = history(client, shop, a_payment(shop.installation))
    shown = ["A_NEW_TYPE", "Refunded", "2.50 USD", "Captured", "12.50 USD", "Waiting for the customer"]
    assert [text.index(each) for each in shown] == sorted(text.index(each) for each in shown)
    assert "Waiting &lt;for&gt; the shopper." in text
    assert "0.00 USD" not in text


@pytest.mark.parametrize("shopper", ["en", "fr"])
@pytest.mark.parametrize(
    ("staff", "waits"),
    [("en", "The bank is processing the payment."), ("fr", "La banque traite le paiement.")],
)
def test_what_the_shopper_read_is_shown_in_the_pages_language(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch, shopper: str, staff: str, waits: str
) -> None:
    message = in_language(AT_THE_BANK, shopper)
    answered(monkeypatch, {"transaction": {"events": [EVENTS[0] | {"message": message}]}})
    payment = a_payment(shop.installation)
    headers = shop.headers() | {"Accept-Language": staff}
    answer = client.get(f"/dashboard/payments/{payment.pk}/history", headers=headers)
    assert waits in html.unescape(answer.content.decode())


def test_what_saleor_says_without_a_response_is_explained(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [EVENTS[0] | {"type": "REFUND_FAILURE", "message": UNDELIVERED}]
    answered(monkeypatch, {"transaction": {"events": events}})
    text = history(client, shop, a_payment(shop.installation))
    assert "Saleor did not receive the app&#x27;s response." in text


@pytest.mark.parametrize("shopper", ["en", "fr"])
def test_waiting_for_the_customer_is_said_once(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch, shopper: str
) -> None:
    message = in_language(WAITS_FOR_SHOPPER, shopper)
    answered(monkeypatch, {"transaction": {"events": [EVENTS[0] | {"message": message}]}})
    text = history(client, shop, a_payment(shop.installation))
    assert "Waiting for the customer" in text
    assert text.count("<p>") == 1


@pytest.mark.parametrize("staff_language", ["en", "fr"])
def test_what_the_app_sent_to_saleor_is_shown_in_the_pages_language(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch, staff_language: str
) -> None:
    """Saleor has it in the operator's language: the answers, the notices, and the reasons of refunds and
    disputes.
    """
    payment = a_payment(shop.installation)
    refused = with_values(failures.REFUSED, reason="Too late.")
    won = with_values(staff_messages.DISPUTE_STATES["won"], money=Money(500, "USD"))
    lost = with_values(
        staff_messages.REFUND_FAILED, reason=staff_messages.REFUND_FAILURES["lost_or_stolen_card"]
    )
    disputed = with_values(
        staff_messages.DISPUTED, reason=staff_messages.DISPUTE_REASONS["product_not_received"]
    )
    of_disputes = (disputed, staff_messages.DISPUTE_PARTLY_RETURNED, staff_messages.DISPUTE_WON)
    sent = (refused, won, lost, *of_disputes)
    messages = [in_language(each, staff_language) for each in sent]
    ActionRequest.objects.create(
        installation=shop.installation,
        transaction_id=payment.transaction_id,
        kind="REFUND",
        key="1",
        body="1",
        answer={"result": "REFUND_FAILURE", "message": messages[0]},
        reasons=in_languages(refused),
    )
    Notice.objects.create(
        installation=shop.installation,
        reference="dp_1",
        payment_intent_id=payment.payment_intent_id,
        state="won",
        message=messages[1],
        messages=in_languages(won),
    )
    answered(monkeypatch, {"transaction": {"events": [EVENTS[2] | {"message": each} for each in messages]}})
    for reader in ("en", "fr"):
        headers = shop.headers() | {"Accept-Language": reader}
        answer = client.get(f"/dashboard/payments/{payment.pk}/history", headers=headers)
        text = html.unescape(answer.content.decode())
        for message in sent:
            assert in_language(message, reader) in text


@pytest.mark.parametrize(
    "data",
    [
        {"transaction": None},
        {},
        {"transaction": {"events": [{"type": "X"}]}},
        {"transaction": {"events": None}},
    ],
)
def test_what_saleor_does_not_tell_is_said(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch, data: Any
) -> None:
    answered(monkeypatch, data)
    assert "Saleor did not respond" in history(client, shop, a_payment(shop.installation))


def test_a_saleor_that_is_down_breaks_nothing(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: Any) -> Any:
        raise Unavailable("Saleor is down.", code="saleor_down")

    monkeypatch.setattr(saleor, "_call_shop", fail)
    assert "Saleor did not respond" in history(client, shop, a_payment(shop.installation))


def test_another_shops_payment_is_not_found(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    foreign = a_payment(other.installation)
    answer = client.get(f"/dashboard/payments/{foreign.pk}/history", headers=shop.headers())
    assert answer.status_code == 404


def test_the_payment_asks_for_it(shop: Shop, client: Client) -> None:
    payment = a_payment(shop.installation)
    answer = client.get(f"/dashboard/payments/{payment.pk}", headers=shop.headers())
    assert f'hx-get="/dashboard/payments/{payment.pk}/history"' in answer.content.decode()


def test_every_type_of_saleor_has_a_title() -> None:
    kinds = schema_for("3.23").get_type("TransactionEventTypeEnum")
    assert isinstance(kinds, GraphQLEnumType)
    assert set(kinds.values) <= set(TITLES)
