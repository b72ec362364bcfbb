"""Failed and disputed payments from Stripe belong to the contact who paid, whatever arrives first."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from saleor_stripe_audience.audience import handlers
from saleor_stripe_audience.audience.contacts import identity
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.shopping import payment_facts
from saleor_stripe_audience.audience.shopping.models import PaymentFact
from saleor_stripe_audience.gateway import payment_intents
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import Dispute, PaymentIntent, parse
from saleor_stripe_audience.inbox.engine import dispatch, record
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, order
from tests.audience.records import record_checkout, record_order
from tests.audience.shopping.checkouts import checkout, checkout_id


@pytest.fixture
def audience(shop: Installation) -> Audience:
    return Audience.objects.create(installation=shop, name="Customers", is_default=True)


def intent(shop: Installation, charge: str = "ch_1", **error: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "status": "requires_payment_method",
        "livemode": False,
        "amount": 4000,
        "currency": "usd",
        "metadata": {"saleor_installation": str(shop.pk), "saleor_source": checkout_id(1)},
        "last_payment_error": {"code": "card_declined", "charge": charge} | error,
    }


def decline(shop: Installation, step: int = 2, **error: Any) -> None:
    fact = payment_facts.decline_of(parse(PaymentIntent, intent(shop, **error)), at(step), "evt_1")
    payment_facts.record(shop, checkout_id(1), fact, at(step))


def test_a_decline_is_assigned_to_the_contact_of_the_cart(shop: Installation, audience: Audience) -> None:
    record_checkout(shop, checkout(), at(1))
    decline(shop, decline_code="insufficient_funds")
    fact = PaymentFact.objects.get()
    assert fact.contact == Contact.objects.get()
    assert (fact.kind, fact.code, fact.amount_minor, fact.currency) == (
        "declined",
        "insufficient_funds",
        4000,
        "USD",
    )
    assert fact.at == at(2)


@pytest.mark.parametrize("first", ["fact", "cart", "order"])
def test_a_fact_is_assigned_to_the_buyer_in_any_order(
    shop: Installation, audience: Audience, first: str
) -> None:
    steps: dict[str, Callable[[], Any]] = {
        "fact": lambda: decline(shop),
        "cart": lambda: record_checkout(shop, checkout(), at(1)),
        "order": lambda: record_order(shop, order() | {"checkoutId": checkout_id(1)}, at(3)),
    }
    for name in sorted(steps, key=lambda name: name != first):
        steps[name]()
    assert PaymentFact.objects.get().contact == Contact.objects.get(email="ada@shop.example")


def test_twice_is_once_and_two_declines_are_two(shop: Installation, audience: Audience) -> None:
    for charge in ("ch_1", "ch_1", "ch_2"):
        decline(shop, charge=charge)
    assert PaymentFact.objects.count() == 2


def test_a_fact_follows_when_the_address_of_the_cart_changes(shop: Installation, audience: Audience) -> None:
    record_checkout(shop, checkout(email="typo@shop.example"), at(1))
    decline(shop)
    record_checkout(shop, checkout(), at(3))
    assert list(Contact.objects.values_list("email", flat=True)) == ["ada@shop.example"]
    fact = PaymentFact.objects.get()
    assert fact.contact is not None
    assert fact.contact.email == "ada@shop.example"


def test_a_merge_moves_facts_and_an_erasure_deletes_them(shop: Installation, audience: Audience) -> None:
    record_checkout(shop, checkout(), at(1))
    decline(shop)
    one = Contact.objects.create(audience=audience, email="one@shop.example")
    identity.merge(one, Contact.objects.get(email="ada@shop.example"))
    assert PaymentFact.objects.get().contact == one
    receipt = erasure.erase(shop, "one@shop.example")
    assert receipt.erased["PaymentFact"] == 1
    decline(shop, charge="ch_9")
    assert PaymentFact.objects.get().contact is None


def test_a_shop_without_an_audience_keeps_none(shop: Installation) -> None:
    shop.variant = "payments-only"
    decline(shop)
    assert not PaymentFact.objects.exists()
    assert not Audience.objects.exists()


DISPUTE = {"id": "dp_1", "payment_intent": "pi_1", "reason": "fraudulent", "amount": 4000, "currency": "usd",
           "created": int(at(10).timestamp())}  # fmt: skip


@pytest.mark.parametrize("turn", [("needs_response", "lost"), ("lost", "needs_response")])
def test_a_dispute_has_the_outcome_that_was_reported_last(
    shop: Installation, audience: Audience, turn: tuple[str, str]
) -> None:
    record_checkout(shop, checkout(), at(1))
    for status in turn:
        reported_at = at(11 if status == "needs_response" else 20)
        payment_facts.record(
            shop,
            checkout_id(1),
            payment_facts.dispute_of(parse(Dispute, DISPUTE | {"status": status})),
            reported_at,
        )
    fact = PaymentFact.objects.get()
    assert (fact.kind, fact.code, fact.outcome, fact.outcome_at) == ("disputed", "fraudulent", "lost", at(20))
    assert fact.at == datetime.fromtimestamp(DISPUTE["created"], UTC)  # type: ignore[arg-type]


def stripe_account(shop: Installation) -> StripeAccount:
    return StripeAccount.objects.create(
        installation=shop, name="A", publishable_key="pk_test_1", secret_key="sk_test_1", livemode=False
    )


def deliver(account: StripeAccount, key: str, kind: str, data: dict[str, Any]) -> None:
    record("stripe", account.pk, key, kind, {"id": key, "data": {"object": data}}, at(5))
    event = Event.objects.get(key=key)
    for handler in (handlers.record_decline, handlers.record_dispute):
        name = f"audience.handlers.{handler.__name__}"
        Handling.objects.filter(event=event, handler=name).delete()
    dispatch(event.pk, last_attempt=True)


def test_through_the_inbox_a_decline_and_a_dispute(
    shop: Installation, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = parse(PaymentIntent, intent(shop))
    monkeypatch.setattr(payment_intents, "retrieve", lambda _account, _id: found)
    record_checkout(shop, checkout(), at(1))
    account = stripe_account(shop)
    for key in ("evt_1", "evt_1"):
        deliver(account, key, "payment_intent.payment_failed", intent(shop, decline_code="expired_card"))
    for key in ("evt_2", "evt_3"):
        deliver(account, key, "charge.dispute.created", DISPUTE | {"status": "needs_response"})
    assert sorted(PaymentFact.objects.values_list("kind", "code")) == [
        ("declined", "expired_card"),
        ("disputed", "fraudulent"),
    ]


def test_an_intent_of_another_shop_is_ignored(shop: Installation, audience: Audience) -> None:
    strange = intent(shop) | {"metadata": {"saleor_installation": "other", "saleor_source": checkout_id(1)}}
    assert payment_facts.source_of(parse(PaymentIntent, strange), shop) == ""
    deliver(stripe_account(shop), "evt_9", "payment_intent.payment_failed", strange)
    assert not PaymentFact.objects.exists()
