"""Rows for the page to show."""

import uuid
from datetime import UTC, datetime

from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactSpent
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import staff_messages
from saleor_stripe_audience.payments.models import Notice, Payment
from saleor_stripe_audience.shops.models import Installation, Problem
from saleor_stripe_audience.shops.problems import report
from saleor_stripe_audience.wording import for_staff, in_languages, with_values
from tests.audience.histories import at, order
from tests.audience.records import record_order
from tests.audience.segments.people import add_payment_fact, cart

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def an_account(shop: Installation, name: str = "Main", *, livemode: bool = False) -> StripeAccount:
    return StripeAccount.objects.create(
        installation=shop,
        name=name,
        publishable_key=f"pk_test_{name}",
        secret_key=f"rk_test_secret_{name}",
        webhook_secret="whsec_of_the_account",
        stripe_id=f"acct_{name}_{shop.pk}",
        livemode=livemode,
    )


def a_payment(shop: Installation, **changed: object) -> Payment:
    number = uuid.uuid4().hex[:12]
    values = {
        "account": changed.pop("account", None) or an_account(shop, f"Main {number}"),
        "transaction_id": f"transaction-{number}",
        "idempotency_key": number,
        "payment_intent_id": f"pi_{number}",
        "flow": "CHARGE",
        "source_id": "Q2hlY2tvdXQ6MQ==",
        "channel_slug": "default-channel",
        "amount_minor": 123_450,
        "currency": "USD",
        "status": "succeeded",
        "captured_minor": 123_450,
    }
    return Payment.objects.create(installation=shop, **(values | changed))


def a_contact(shop: Installation, email: str = "ada@example.com") -> Contact:
    audience, _ = Audience.objects.get_or_create(
        installation=shop, is_default=True, defaults={"name": "Buyers"}
    )
    contact = Contact.objects.create(
        audience=audience,
        email=email,
        first_name="Ada",
        last_name="Buyer",
        orders_count=2,
        last_order_at=NOON,
    )
    ContactSpent.objects.create(contact=contact, currency="JPY", spent_minor=2500)
    ContactSpent.objects.create(contact=contact, currency="USD", spent_minor=4200)
    return contact


def a_problem(shop: Installation, *, source: str = "saleor", origin: uuid.UUID | None = None) -> Handling:
    event = Event.objects.create(
        source=source,
        origin=origin or shop.pk,
        key=uuid.uuid4().hex,
        kind="order_created",
        payload={"order": {}},
        occurred_at=NOON,
        handled_at=NOON,
    )
    return Handling.objects.create(
        event=event,
        handler="audience.handlers.keep_order",
        attempts=1,
        given_up_at=NOON,
        reasons={
            "en": "The order has no email address. Add one in Saleor, then replay this.",
            "fr": "La commande n'a pas d'adresse e-mail. Ajoutez-en une dans Saleor, puis relancez ceci.",
        },
    )


def a_failed_refund(shop: Installation, refund: str = "re_1") -> Problem:
    """A refund that the customer's bank did not accept, with its payment."""
    payment = a_payment(shop)
    message = with_values(
        staff_messages.REFUND_DID_NOT_ARRIVE,
        money=Money(500, "USD"),
        reason=staff_messages.REFUND_FAILURES["expired_or_canceled_card"],
    )
    Notice.objects.create(
        installation=shop,
        reference=f"{refund}-failed",
        payment_intent_id=payment.payment_intent_id,
        state="failed",
        message=for_staff(message),
        messages=in_languages(message),
        reported_at=NOON,
    )
    report(shop, f"payment-{refund}-failed", message)
    return Problem.objects.get(installation=shop)


def buyer_in_two_channels(shop: Installation, email: str = "ada@shop.example", number: str = "10") -> Contact:
    """A buyer of 50 PLN in channel-pln, disputed, and later of 222 USD in default-channel, with a cart of 99 USD and a
    decline of 44 USD there.
    """
    own = order(f"{number}76", email=email, total=50.0, currency="PLN")
    own |= {"channel": {"id": "Q2hhbm5lbDoy", "slug": "channel-pln", "currencyCode": "PLN"}}
    own |= {"created": datetime(2026, 1, 1, tzinfo=UTC).isoformat()}
    other = order(f"{number}77", email=email, total=222.0)
    other |= {"created": datetime(2026, 2, 2, tzinfo=UTC).isoformat()}
    record_order(shop, own, at(0))
    made = record_order(shop, other, at(1)).contact
    assert made is not None
    contact = Contact.objects.select_related("audience__installation").get(pk=made.pk)
    left = cart(contact, silent_since=at(2), channel="default-channel")
    left.saleor_checkout_id, left.total_minor = f"Q2hlY2tvdXQ6{number}78", 9_900
    left.save()
    declined = add_payment_fact(contact, "declined", at=at(2))
    declined.source_id, declined.amount_minor = left.saleor_checkout_id, 4_400
    declined.save()
    disputed = add_payment_fact(contact, "disputed", at=at(3))
    disputed.source_id, disputed.currency, disputed.amount_minor = own["id"], "PLN", 5_000
    disputed.save()
    return contact
