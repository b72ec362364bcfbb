"""The cards on the pages of orders and customers in Saleor's Dashboard."""

import re
from collections.abc import Iterator

import pytest
import stripe
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.segments import store
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import notices
from saleor_stripe_audience.payments.models import Notice, Payment
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import SECRET_KEY, StripeSandbox
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import NOON, a_contact, a_failed_refund, a_payment, an_account
from tests.dashboard.test_payments import an_order
from tests.payments.conftest import connect


def card(client: Client, shop: Shop, kind: str, **query: str) -> str:
    answer = client.get(f"/dashboard/widgets/{kind}", query, headers=shop.headers())
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_orders_card_shows_its_payments_and_its_buyer(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation)
    paid = a_payment(
        shop.installation,
        account=account,
        fee_minor=3_610,
        gross_minor=123_450,
        net_minor=119_840,
        settled_currency="USD",
        refunded_minor=450,
    )
    later = a_payment(
        shop.installation, account=account, source_id="x", order_id="order-1042", amount_minor=100
    )
    own = a_payment(shop.installation, account=account, source_id="order-1042", amount_minor=200)
    a_payment(shop.installation, account=account, source_id="other", payment_intent_id="pi_other")
    an_order(shop, a_contact(shop.installation))
    Notice.objects.create(
        installation=shop.installation,
        reference="dp_1",
        payment_intent_id=paid.payment_intent_id,
        state="needs_response",
        message="The bank disputes this payment.",
    )
    text = card(client, shop, "order", orderId="order-1042")
    for each in (paid, later, own):
        assert f'data-page="/payments/{each.pk}"' in text
    assert "pi_other" not in text
    for shown in (
        "1,234.50 USD",
        "36.10 USD",
        "1,198.40 USD",
        "Net before refunds",
        "4.50 USD",
        "Net after refunds",
        "1,193.90 USD",
        "The bank disputes this payment.",
        "ada@example.com",
    ):
        assert shown in text
    assert f'hx-get="/dashboard/payments/{paid.pk}/method"' in text
    assert f'data-page="/contacts/{Contact.objects.get().pk}"' in text


@pytest.mark.parametrize(
    ("language", "by_staff", "by_stripe"),
    [("en", "Marked as resolved", "Stripe reports"), ("fr", "Marqué comme résolu", "Stripe signale")],
)
def test_what_staff_did_is_not_reported_by_stripe(
    shop: Shop, client: Client, language: str, by_staff: str, by_stripe: str
) -> None:
    headers = {**shop.headers(), "Accept-Language": language}
    problem = a_failed_refund(shop.installation)
    payment = Payment.objects.get()
    Payment.objects.update(order_id="order-1042")

    def titles() -> tuple[list[str], list[str]]:
        """Return what is above the notices: on the order's card, and on the payment's page."""
        card = client.get("/dashboard/widgets/order", {"orderId": "order-1042"}, headers=headers)
        page = client.get(f"/dashboard/payments/{payment.pk}", headers=headers)
        timeline = page.content.decode().partition('id="timeline"')[2]
        return (
            re.findall(f"<dt>({by_staff}|{by_stripe})</dt>", card.content.decode()),
            re.findall(f"<strong>({by_staff}|{by_stripe})</strong>", timeline),
        )

    assert titles() == ([by_stripe], [by_stripe])
    assert notices.mark_resolved(shop.installation, problem.key)
    assert titles() == ([by_staff], [by_staff, by_stripe])


def test_an_orders_card_shows_what_is_still_to_do(shop: Shop, client: Client) -> None:
    """Of two failed refunds one was marked as resolved: the other one is shown, although that happened later."""
    resolved = a_failed_refund(shop.installation)
    Payment.objects.update(order_id="order-1042")
    intent = Payment.objects.get().payment_intent_id
    for reference, state, message in (
        ("re_2-failed", "failed", "The second refund failed."),
        ("dp_1", "needs_response", "A dispute."),
        ("dp_1", "under_review", "The bank is looking at it."),
    ):
        Notice.objects.create(
            installation=shop.installation,
            reference=reference,
            payment_intent_id=intent,
            state=state,
            message=message,
        )
    assert notices.mark_resolved(shop.installation, resolved.key)
    text = card(client, shop, "order", orderId="order-1042")
    shown = re.findall("<dt>Stripe reports</dt><dd>(.*?)</dd>", text)
    assert shown == ["The bank is looking at it.", "The second refund failed."]
    assert "Marked as resolved" not in text


def test_the_buyer_is_for_staff_who_may_see_contacts(shop: Shop, client: Client) -> None:
    an_order(shop, a_contact(shop.installation))
    headers = shop.headers(user_permissions=["HANDLE_PAYMENTS"])
    answer = client.get("/dashboard/widgets/order", {"orderId": "order-1042"}, headers=headers)
    assert "ada@example.com" not in answer.content.decode()
    assert (
        client.get("/dashboard/widgets/customer", {"customerId": "VXNlcjox"}, headers=headers).status_code
        == 403
    )


@pytest.mark.parametrize("order_id", ["", "none", "a\0b", "x" * 3000])
def test_an_order_without_payments_says_so(shop: Shop, client: Client, order_id: str) -> None:
    a_payment(shop.installation, source_id="")
    assert "no payment through this app" in card(client, shop, "order", orderId=order_id)


def test_a_customers_card_shows_status_reason_spent_and_segments(shop: Shop, client: Client) -> None:
    contact = a_contact(shop.installation)
    Contact.objects.filter(pk=contact.pk).update(saleor_user_id="VXNlcjox")
    text = card(client, shop, "customer", customerId="VXNlcjox")
    for shown in (
        "Buyers",
        "Not subscribed",
        "buying something does not subscribe anyone",
        "42.00 USD",
        f"/contacts/{contact.pk}",
    ):
        assert shown in text
    assert "not a contact yet" in card(client, shop, "customer", customerId="VXNlcjoy")
    assert "not a contact yet" in card(client, shop, "customer")


def test_a_customers_card_names_ready_made_segments_in_the_readers_language(
    shop: Shop, client: Client
) -> None:
    contact = a_contact(shop.installation)
    Contact.objects.filter(pk=contact.pk).update(saleor_user_id="VXNlcjox")
    store.install_ready_made(contact.audience, "USD", "500")
    segment = Segment.objects.get(ready_made="nonsubscribed_buyers")
    segment.memberships.get_or_create(contact=contact, defaults={"entered_at": NOON})
    headers = shop.headers() | {"Accept-Language": "fr"}
    answer = client.get("/dashboard/widgets/customer?customerId=VXNlcjox", headers=headers)
    assert "Acheteurs non abonnés" in answer.content.decode()


def test_another_shops_rows_are_in_no_card(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    foreign = a_payment(other.installation, order_id="order-1042")
    an_order(other, a_contact(other.installation, "foreign@example.com"))
    Contact.objects.update(saleor_user_id="VXNlcjox")
    assert "no payment" in card(client, shop, "order", orderId="order-1042")
    assert "not a contact" in card(client, shop, "customer", customerId="VXNlcjox")
    answer = client.get(f"/dashboard/payments/{foreign.pk}/method", headers=shop.headers())
    assert (answer.status_code, answer.content) == (404, "–".encode())


def test_the_cards_open_by_their_addresses_in_a_frame(shop: Shop, client: Client) -> None:
    for kind in ("order", "customer"):
        path = f"/dashboard/widgets/{kind}"
        text = client.get(path, {"saleorApiUrl": "x"}).content.decode()
        assert f'data-start="{path}" data-widget' in text
    assert "data-widget" not in client.get("/dashboard/payments", {"saleorApiUrl": "x"}).content.decode()


def test_a_card_costs_the_same_however_many_rows_the_shop_has(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation)
    a_payment(shop.installation, account=account, order_id="order-1042")

    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            card(client, shop, "order", orderId="order-1042")
        return len(asked)

    before = count()
    for _ in range(5):
        a_payment(shop.installation, account=account, source_id="other")
    assert count() == before


# ---- what was paid with ----


@pytest.fixture
def stripe_sandbox(settings: Settings) -> Iterator[StripeSandbox]:
    with StripeSandbox() as sandbox, Served(sandbox.wsgi) as served:
        settings.STRIPE_API_BASE = served.url
        yield sandbox


def paid_with(method: str, base: str, account: StripeAccount) -> Payment:
    client = stripe.StripeClient(SECRET_KEY, base_addresses={"api": base})
    intent = client.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "payment_method": method,
            "confirm": True,
            "return_url": "https://shop.example.com",
        }
    )
    return a_payment(account.installation, account=account, payment_intent_id=intent.id)


def method_of(client: Client, shop: Shop, payment: Payment) -> str:
    answer = client.get(f"/dashboard/payments/{payment.pk}/method", headers=shop.headers())
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
    return answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_what_was_paid_with_is_read_from_stripe(
    client: Client, stripe_sandbox: StripeSandbox, settings: Settings
) -> None:
    shop = make_shop()
    account = connect(shop.installation)
    visa = paid_with("pm_card_visa", settings.STRIPE_API_BASE, account)
    assert re.fullmatch(r"Visa •••• 4242 \d\d/20\d\d", method_of(client, shop, visa))
    bank = paid_with("pm_usBankAccount_success", settings.STRIPE_API_BASE, account)
    assert method_of(client, shop, bank) == "ACH Direct Debit"
    stripe_sandbox.add_fault(f"GET /v1/payment_intents/{visa.payment_intent_id}", status=500, times=9)
    assert method_of(client, shop, visa) == "Not known: Stripe did not respond."
    unknown = a_payment(shop.installation, account=account, payment_intent_id="pi_gone")
    assert method_of(client, shop, unknown) == "Not known: Stripe refused the request."
