"""The shopper's side: 3-D Secure, Stripe.js' calls, stored methods, customers."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import stripe

from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, StripeSandbox

CARD = {
    "[type]": "card",
    "[card][number]": "4242424242424242",
    "[card][exp_month]": "12",
    "[card][exp_year]": "2034",
}


def browser(url: str, method: str, path: str, **form: str) -> Any:
    """Send a request as Stripe.js does, with the publishable key in a form field."""
    data = {"key": PUBLISHABLE_KEY, **form}
    where = {"params": data} if method == "GET" else {"data": data}
    return requests.request(method, f"{url}/v1/{path}", timeout=5, **where)  # type: ignore[arg-type]


@pytest.fixture
def intent(client: stripe.StripeClient) -> stripe.PaymentIntent:
    """A payment for a browser to confirm."""
    return client.v1.payment_intents.create({"amount": 1000, "currency": "usd", "metadata": {"secret": "x"}})


def test_a_browser_confirms_with_the_client_secret(url: str, intent: stripe.PaymentIntent) -> None:
    fields = {f"payment_method_data{name}": value for name, value in CARD.items()}
    answer = browser(
        url,
        "POST",
        f"payment_intents/{intent.id}/confirm",
        client_secret=str(intent.client_secret),
        return_url="https://shop.example/",
        use_stripe_sdk="true",
        **fields,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "succeeded"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_browser_sees_no_metadata_and_needs_the_secret(url: str, intent: stripe.PaymentIntent) -> None:
    path = f"payment_intents/{intent.id}"
    seen = browser(url, "GET", path, client_secret=str(intent.client_secret)).json()
    assert seen["amount"] == 1000
    assert "metadata" not in seen
    assert browser(url, "GET", path).json()["error"]["code"] == "parameter_missing"
    assert browser(url, "GET", path, client_secret="wrong").status_code == 400


def test_a_publishable_key_does_nothing_else(url: str) -> None:
    answer = browser(url, "POST", "payment_intents", amount="1000", currency="usd")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "secret_key_required")


def test_browsers_may_ask_first(url: str) -> None:
    answer = requests.options(f"{url}/v1/payment_methods", timeout=5)
    assert answer.status_code == 200
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


def test_three_d_secure_through_the_banks_page(
    client: stripe.StripeClient, sandbox: StripeSandbox, intent: stripe.PaymentIntent
) -> None:
    asked = client.v1.payment_intents.confirm(
        intent.id,
        {"payment_method": "pm_card_threeDSecure2Required", "return_url": "https://shop.example/back?a=1"},
    )
    assert asked.status == "requires_action"
    assert asked.next_action is not None
    assert asked.next_action.redirect_to_url is not None
    page = str(asked.next_action.redirect_to_url.url)
    assert "Complete authentication" in requests.get(page, timeout=5).text
    back = requests.post(page, data={"outcome": "complete"}, allow_redirects=False, timeout=5)
    query = parse_qs(urlsplit(back.headers["Location"]).query)
    assert query["payment_intent"] == [intent.id]
    assert (query["a"], query["redirect_status"]) == (["1"], ["succeeded"])
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert len(sandbox.events("payment_intent.requires_action")) == 1


def test_failed_authentication_asks_for_another_method(
    client: stripe.StripeClient, sandbox: StripeSandbox, intent: stripe.PaymentIntent
) -> None:
    asked = client.v1.payment_intents.confirm(
        intent.id,
        {"payment_method": "pm_card_threeDSecure2Required", "use_stripe_sdk": True},
    )
    assert asked.next_action is not None
    assert asked.next_action.type == "use_stripe_sdk"
    sandbox.authenticate(intent.id, ok=False)
    after = client.v1.payment_intents.retrieve(intent.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == "payment_intent_authentication_failure"
    assert len(sandbox.events("payment_intent.payment_failed")) == 1


def test_authentication_may_end_in_a_decline(
    client: stripe.StripeClient, sandbox: StripeSandbox, intent: Any
) -> None:
    client.v1.payment_intents.confirm(
        intent.id,
        {
            "payment_method": "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
            "use_stripe_sdk": True,
        },
    )
    sandbox.authenticate(intent.id)
    after = client.v1.payment_intents.retrieve(intent.id)
    assert after.last_payment_error is not None
    assert after.last_payment_error.decline_code == "insufficient_funds"


def test_redirect_methods_send_the_shopper_away(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    intent = client.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "eur",
            "confirm": True,
            "payment_method_data": {"type": "ideal"},
            "return_url": "https://shop.example/",
        }
    )
    assert intent.status == "requires_action"
    sandbox.authenticate(intent.id)
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_cards_are_stored_and_used_without_the_shopper(
    client: stripe.StripeClient, pay: Callable[..., Any]
) -> None:
    customer = client.v1.customers.create({"email": "buyer@example.com"})
    paid = pay(customer=customer.id, setup_future_usage="off_session")
    stored = client.v1.customers.payment_methods.list(customer.id).data
    assert [method.id for method in stored] == [paid.payment_method]
    again = pay(stored[0].id, customer=customer.id, off_session=True)
    assert again.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(stored[0].id)
    assert refused.value.param == "payment_method"


def test_off_session_cards_that_want_authentication_are_declined(
    client: stripe.StripeClient, pay: Callable[..., Any]
) -> None:
    customer = client.v1.customers.create({})
    method = client.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": customer.id})
    with pytest.raises(stripe.CardError) as refused:
        pay(method.id, customer=customer.id, off_session=True)
    assert refused.value.code == "authentication_required"


def test_a_method_without_customer_is_used_once(client: stripe.StripeClient, pay: Callable[..., Any]) -> None:
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    assert pay(method.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay(method.id)


def test_methods_are_attached_and_detached(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    customer = client.v1.customers.create({"name": "A Buyer"})
    method = client.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
    assert method.card is not None
    assert (method.customer, method.card.brand) == (customer.id, "mastercard")
    assert client.v1.payment_methods.detach(method.id).customer is None
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_methods.attach(method.id, {"customer": customer.id})
    kinds = [event["type"] for event in sandbox.events()]
    assert kinds == ["customer.created", "payment_method.attached", "payment_method.detached"]
    with pytest.raises(stripe.CardError):
        client.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})


def test_setup_intents_store_without_paying(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    customer = client.v1.customers.create({})
    stored = client.v1.setup_intents.create(
        {
            "customer": customer.id,
            "confirm": True,
            "payment_method": "pm_card_visa",
            "return_url": "https://shop.example/",
        }
    )
    assert stored.status == "succeeded"
    assert len(client.v1.customers.payment_methods.list(customer.id).data) == 1
    with pytest.raises(stripe.CardError) as refused:
        client.v1.setup_intents.create(
            {
                "confirm": True,
                "payment_method": "pm_card_chargeDeclined",
                "return_url": "https://shop.example/",
            }
        )
    assert refused.value.error is not None
    assert refused.value.error.setup_intent.status == "requires_payment_method"  # type: ignore[union-attr]
    assert len(sandbox.events("setup_intent.setup_failed")) == 1
    asked = client.v1.setup_intents.create(
        {
            "customer": customer.id,
            "confirm": True,
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "return_url": "https://shop.example/",
        }
    )
    assert asked.status == "requires_action"
    sandbox.authenticate(asked.id)
    assert client.v1.setup_intents.retrieve(asked.id).status == "succeeded"
    unused = client.v1.setup_intents.create({})
    assert client.v1.setup_intents.cancel(unused.id).status == "canceled"


def test_customers_are_kept_changed_and_deleted(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"email": "buyer@example.com", "metadata": {"user": "1"}})
    assert [each.id for each in client.v1.customers.list({"email": "buyer@example.com"}).data] == [
        customer.id
    ]
    assert client.v1.customers.update(customer.id, {"name": "A Buyer"}).name == "A Buyer"
    session = client.v1.customer_sessions.create(
        {"customer": customer.id, "components": {"payment_element": {"enabled": True}}}
    )
    assert session.client_secret.startswith("cuss_secret_")
    client.v1.customers.delete(customer.id)
    assert client.v1.customers.retrieve(customer.id).deleted
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create({"amount": 1000, "currency": "usd", "customer": customer.id})
    assert refused.value.code == "resource_missing"


EMAILS = ["no address", "robin@ex\u00e4mple.com", "robin@example..com", "robin.@example.com", "robin@example"]


@pytest.mark.parametrize("email", EMAILS)
def test_an_unreadable_email_address_is_refused_by_its_parameter(
    client: stripe.StripeClient, email: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.create({"email": email})
    assert (refused.value.code, refused.value.param) == ("email_invalid", "email")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create({"amount": 1000, "currency": "usd", "receipt_email": email})
    assert (refused.value.code, refused.value.param) == ("email_invalid", "receipt_email")


@pytest.mark.parametrize("country", ["XK", "EU", "Kosovo"])
def test_an_unknown_country_is_refused_by_its_parameter(client: stripe.StripeClient, country: str) -> None:
    place: Any = {"line1": "1 Harbour Street", "country": country}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.create({"address": place})
    assert refused.value.param == "address[country]"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(
            {"amount": 1000, "currency": "usd", "shipping": {"name": "Robin Vale", "address": place}}
        )
    assert refused.value.param == "shipping[address][country]"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": "4242424242424241"}, "incorrect_number"),
        ({"exp_month": 13}, "invalid_expiry_month"),
        ({"exp_year": 1999}, "invalid_expiry_year"),
        ({"number": "4539578763621486"}, "card_declined"),
    ],
)
def test_bad_card_details_are_refused(client: stripe.StripeClient, change: dict[str, Any], code: str) -> None:
    card: Any = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, **change}
    with pytest.raises(stripe.CardError) as refused:
        client.v1.payment_methods.create({"type": "card", "card": card})
    assert refused.value.code == code


def test_a_method_is_also_kept_by_its_own_option(
    client: stripe.StripeClient, pay: Callable[..., Any]
) -> None:
    customer = client.v1.customers.create({})
    pay(customer=customer.id, payment_method_options={"card": {"setup_future_usage": "off_session"}})
    assert len(client.v1.customers.payment_methods.list(customer.id).data) == 1


def test_customers_are_found_by_metadata_a_minute_later(
    client: stripe.StripeClient, sandbox: StripeSandbox
) -> None:
    query = "metadata['user']:'it\\'s \\\\ 1' AND metadata[\"shop\"]:\"a\""
    mine, other, gone = (
        client.v1.customers.create({"metadata": {"user": "it's \\ 1", "shop": shop}}) for shop in "aba"
    )
    assert client.v1.customers.search({"query": query}).data == []
    sandbox.advance(61)
    client.v1.customers.delete(gone.id)
    assert [each.id for each in client.v1.customers.search({"query": query}).data] == [mine.id]
    assert [each.id for each in client.v1.customers.search({"query": "metadata['shop']:'b'"}).data] == [
        other.id
    ]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "x",
        "name:'a'",
        "metadata['a']:'b' OR metadata['c']:'d'",
        "metadata['a']:'b' AND",
        "metadata['a']:b",
    ],
)
def test_a_query_that_cannot_be_read_is_refused(client: stripe.StripeClient, query: str) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.search({"query": query})
