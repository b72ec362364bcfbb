"""A shopper's methods stored in Stripe, from the shop's API through the app: only the owner can see and delete them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from django.core.wsgi import get_wsgi_application

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client, customers, payment_methods
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentMethod, SetupIntent, parse
from saleor_stripe_audience.payments import declines, shopper_messages
from saleor_stripe_audience.payments.stored_methods import NOT_YOURS, describe, response_for
from saleor_stripe_audience.sandbox.demo.stage import APP_ID
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, StripeSandbox
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import in_language

from .conftest import DECLINED, GOOD, SECURE, Buy, check_answer, connect

Json = dict[str, Any]
CHANNEL = "default-channel"
REGISTER = """mutation($email: String!) { accountRegister(input: {email: $email, password: "a-password-1",
  channel: "default-channel", redirectUrl: "https://shop.example.com/"}) { errors { field message } } }"""
LIST = """{ me { storedPaymentMethods(channel: "default-channel") { id paymentMethodId type name supportedPaymentFlows
  creditCardInfo { brand lastDigits expMonth expYear firstDigits } } } }"""
READY = """mutation($id: String!) { paymentGatewayInitializeTokenization(id: $id, channel: "default-channel") {
  result data errors { message } } }"""
BEGIN = """mutation($id: String!) { paymentMethodInitializeTokenization(id: $id, channel: "default-channel",
  paymentFlowToSupport: INTERACTIVE) { result id data errors { message } } }"""
PROCESS = """mutation($id: String!) { paymentMethodProcessTokenization(id: $id, channel: "default-channel") {
  result id data errors { message } } }"""
DELETE = """mutation($id: ID!) { storedPaymentMethodRequestDelete(id: $id, channel: "default-channel") {
  result errors { message } } }"""


@dataclass
class Shopper:
    """A signed-in shopper."""

    shop: SaleorSandbox
    stripe_url: str
    email: str

    @property
    def user(self) -> Any:
        return next(each for each in self.shop.host.store.users if each.email == self.email)

    def ask(self, query: str, **variables: Any) -> Json:
        answer: Json = self.shop.gql(query, variables, self.shop.user_token(self.user))
        return next(iter(answer.values()))

    def stored(self) -> list[Json]:
        """Return the methods that the shop lists, without its cache of five minutes."""
        self.shop.host.store.stored_methods.clear()
        listed: list[Json] = self.ask(LIST)["storedPaymentMethods"]
        return listed

    def finish(self, setup: Json, card: str = GOOD) -> Any:
        """Confirm the SetupIntent, as Stripe's script does in the browser."""
        secret = setup["data"]["setupIntent"]["stripeClientSecret"]
        return requests.post(
            f"{self.stripe_url}/v1/setup_intents/{secret.partition('_secret_')[0]}/confirm",
            data={
                "client_secret": secret,
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": card,
                "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": "2034",
                "return_url": "https://shop.example.com/account",
            },
            headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
            timeout=10,
        )

    def store(self, card: str = GOOD) -> Json:
        """Store a card, from start to end."""
        setup = self.ask(BEGIN, id=APP_ID)
        self.finish(setup, card)
        return self.ask(PROCESS, id=setup["id"])


@pytest.fixture
def shop(
    transactional_db: None, settings: Any, stripe_sandbox: StripeSandbox, stripe_url: str
) -> Iterator[SaleorSandbox]:
    with SaleorSandbox(retry_scale=0.001) as made, Served(get_wsgi_application()) as served:
        settings.PUBLIC_URL = served.url
        settings.ALLOWED_SALEOR_URLS = (made.api_url,)
        made.install(f"{served.url}/api/manifest?variant=payments-only")
        connect(Installation.objects.get(), CHANNEL)
        yield made
        made.drain()
        for each in made.deliveries:
            if "STORED" in each.event or "TOKENIZATION" in each.event:
                check_answer(each.event.lower(), json.loads(each.attempts[-1].text))


@pytest.fixture
def shopper(shop: SaleorSandbox, stripe_url: str) -> Callable[[str], Shopper]:
    def register(name: str) -> Shopper:
        email = f"{name}@example.com"
        shop.gql(REGISTER, {"email": email})
        return Shopper(shop, stripe_url, email)

    return register


Register = Callable[[str], Shopper]


def customers_at(sandbox: StripeSandbox) -> list[Json]:
    return list(sandbox.account.table("customer").values())


def test_a_card_is_stored_listed_and_deleted(shopper: Register, stripe_sandbox: StripeSandbox) -> None:
    robin = shopper("robin")
    assert robin.stored() == []
    assert customers_at(stripe_sandbox) == []  # listing does not create a Customer
    ready = robin.ask(READY, id=APP_ID)
    assert (ready["result"], ready["data"]) == (
        "SUCCESSFULLY_INITIALIZED",
        {"stripePublishableKey": PUBLISHABLE_KEY},
    )
    setup = robin.ask(BEGIN, id=APP_ID)
    assert setup["result"] == "ADDITIONAL_ACTION_REQUIRED"
    assert setup["id"].startswith(f"app:{APP_ID}:seti_")
    robin.finish(setup)
    done = robin.ask(PROCESS, id=setup["id"])
    assert (done["result"], done["errors"]) == ("SUCCESSFULLY_TOKENIZED", [])
    [card] = robin.stored()
    assert card["id"] == done["id"]
    assert (card["type"], card["name"]) == ("card", "Visa •••• 4242")
    assert card["supportedPaymentFlows"] == ["INTERACTIVE"]
    assert card["creditCardInfo"] == {
        "brand": "visa",
        "lastDigits": "4242",
        "expMonth": 12,
        "expYear": 2034,
        "firstDigits": None,
    }
    assert robin.ask(DELETE, id=card["id"])["result"] == "SUCCESSFULLY_DELETED"
    assert robin.stored() == []
    again = robin.ask(DELETE, id=card["id"])
    assert (again["result"], again["errors"][0]["message"]) == ("FAILED_TO_DELETE", NOT_YOURS)


def test_all_cards_of_a_shopper_are_of_one_customer(shopper: Register, stripe_sandbox: StripeSandbox) -> None:
    robin = shopper("robin")
    for _ in range(3):
        assert robin.store()["result"] == "SUCCESSFULLY_TOKENIZED"
    assert len(robin.stored()) == 3
    [customer] = customers_at(stripe_sandbox)
    assert customer["email"] == "robin@example.com"


def test_only_the_owner_sees_deletes_and_finishes(shopper: Register, stripe_sandbox: StripeSandbox) -> None:
    robin, eve = shopper("robin"), shopper("eve")
    stored = robin.store()["id"]
    setup = robin.ask(BEGIN, id=APP_ID)
    eve.store("5555555555554444")
    assert [each["name"] for each in eve.stored()] == ["Mastercard •••• 4444"]
    assert eve.ask(DELETE, id=stored)["result"] == "FAILED_TO_DELETE"
    for identifier in (setup["id"], stored):
        refused = eve.ask(PROCESS, id=identifier)
        assert (refused["result"], refused["data"]) == ("FAILED_TO_TOKENIZE", None)
        assert refused["errors"][0]["message"] == NOT_YOURS
    assert [each["id"] for each in robin.stored()] == [stored]
    assert len(customers_at(stripe_sandbox)) == 2


def test_a_stranger_learns_nothing_of_what_exists(shopper: Register) -> None:
    robin, eve = shopper("robin"), shopper("eve")
    stored = robin.store()["id"]
    eve.store()
    unknown = f"app:{APP_ID}:pm_nobody"
    odd = f"app:{APP_ID}:../customers/x"
    answers = [eve.ask(DELETE, id=each) for each in (stored, unknown, odd)]
    assert answers[0] == answers[1] == answers[2]
    answers = [eve.ask(PROCESS, id=f"app:{APP_ID}:{each}") for each in ("seti_nobody", "x", "pm_1")]
    assert answers[0] == answers[1] == answers[2]


def test_a_declined_card_may_be_followed_by_another(shopper: Register) -> None:
    robin = shopper("robin")
    robin.user.language_code = "FR"
    setup = robin.ask(BEGIN, id=APP_ID)
    robin.finish(setup, DECLINED)
    declined = robin.ask(PROCESS, id=setup["id"])
    assert declined["result"] == "ADDITIONAL_ACTION_REQUIRED"
    assert declined["id"] == setup["id"]
    intent = declined["data"]["setupIntent"]
    assert intent["stripeClientSecret"] == setup["data"]["setupIntent"]["stripeClientSecret"]
    sentence = declines.for_shopper("generic_decline", "fr")
    assert intent["errors"] == [{"code": "StripeCardError", "message": sentence}]
    robin.finish(setup)
    assert robin.ask(PROCESS, id=setup["id"])["result"] == "SUCCESSFULLY_TOKENIZED"


def test_a_card_with_3d_secure_is_stored_once_confirmed(
    shopper: Register, stripe_sandbox: StripeSandbox
) -> None:
    robin = shopper("robin")
    setup = robin.ask(BEGIN, id=APP_ID)
    robin.finish(setup, SECURE)
    assert robin.ask(PROCESS, id=setup["id"])["result"] == "ADDITIONAL_ACTION_REQUIRED"
    stripe_sandbox.authenticate(setup["id"].rpartition(":")[2])
    assert robin.ask(PROCESS, id=setup["id"])["result"] == "SUCCESSFULLY_TOKENIZED"


def test_a_customer_deleted_at_stripe_is_no_dead_end(
    shopper: Register, stripe_sandbox: StripeSandbox
) -> None:
    robin = shopper("robin")
    robin.store()
    [customer] = customers_at(stripe_sandbox)
    client.stripe_of(StripeAccount.objects.get()).v1.customers.delete(customer["id"])
    assert robin.stored() == []
    assert robin.store()["result"] == "SUCCESSFULLY_TOKENIZED"
    assert len(robin.stored()) == 1
    assert len(customers_at(stripe_sandbox)) == 2


def test_a_channel_without_an_account(shopper: Register) -> None:
    robin = shopper("robin")
    AccountChannel.objects.all().delete()
    assert robin.stored() == []
    assert robin.ask(READY, id=APP_ID)["result"] == "FAILED_TO_INITIALIZE"
    setup = robin.ask(BEGIN, id=APP_ID)
    assert (setup["result"], setup["id"]) == ("FAILED_TO_TOKENIZE", None)
    assert setup["errors"][0]["message"] == in_language(shopper_messages.UNAVAILABLE, "en")


def test_each_account_has_its_own_cards(shopper: Register, stripe_sandbox: StripeSandbox) -> None:
    robin = shopper("robin")
    card = robin.store()["id"]
    stripe_sandbox.create_account("Second", "pk_test_second", "sk_test_second")
    second = connect(Installation.objects.get(), secret_key="sk_test_second")
    AccountChannel.objects.update(account=second)
    assert robin.stored() == []
    assert robin.ask(DELETE, id=card)["result"] == "FAILED_TO_DELETE"


def test_a_stripe_that_is_down_is_an_answer_all_the_same(
    shopper: Register, stripe_sandbox: StripeSandbox
) -> None:
    robin = shopper("robin")
    card = robin.store()["id"]
    stripe_sandbox.add_fault("* /v1/*", status=500, times=20)
    assert robin.stored() == []
    assert robin.ask(DELETE, id=card)["result"] == "FAILED_TO_DELETE"
    assert robin.ask(BEGIN, id=APP_ID)["result"] == "FAILED_TO_TOKENIZE"
    stripe_sandbox.faults.clear()
    assert len(robin.stored()) == 1


FAILED = {
    "list_stored_payment_methods": None,
    "stored_payment_method_delete_requested": "FAILED_TO_DELETE",
    "payment_gateway_initialize_tokenization_session": "FAILED_TO_INITIALIZE",
    "payment_method_initialize_tokenization_session": "FAILED_TO_TOKENIZE",
    "payment_method_process_tokenization_session": "FAILED_TO_TOKENIZE",
}
ROBIN = {"id": "VXNlcjox", "email": "robin@example.com", "languageCode": "EN"}


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"user": None, "channel": {"slug": CHANNEL}},
        {"user": {**ROBIN, "id": ""}, "channel": {"slug": CHANNEL}},
        {"user": {**ROBIN, "id": 7}, "channel": {"slug": CHANNEL}},
        {"user": {**ROBIN, "id": "x" * 201}, "channel": {"slug": CHANNEL}},
        {"user": ROBIN},
        {"user": ROBIN, "channel": {"slug": None}},
    ],
)
@pytest.mark.parametrize("event", FAILED)
def test_unreadable_requests_are_answered(buy: Callable[..., Buy], event: str, payload: Json) -> None:
    answer = buy().send(event, paymentMethodId="pm_1", id="seti_1", data=None, **payload)
    if FAILED[event] is None:
        assert answer == {"paymentMethods": []}
    else:
        assert answer["result"] == FAILED[event]
        assert "has no readable" in answer["error"]


@pytest.mark.parametrize("identifier", [None, "", 7, {}, "x" * 10_000, "../customers"])
@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("stored_payment_method_delete_requested", "paymentMethodId"),
        ("payment_method_process_tokenization_session", "id"),
    ],
)
def test_an_unusual_id_belongs_to_nobody(
    buy: Callable[..., Buy], stripe_sandbox: StripeSandbox, event: str, name: str, identifier: Any
) -> None:
    one = buy()
    customers.ensure_customer(StripeAccount.objects.get(), ROBIN["id"])
    stripe_sandbox.log.clear()
    answer = one.send(event, user=ROBIN, channel={"slug": CHANNEL}, **{name: identifier})
    assert answer["result"] == FAILED[event]
    assert stripe_sandbox.log.entries() == []


SETUP = {"id": "seti_1", "client_secret": "seti_1_secret_2", "payment_method": "pm_1"}


@pytest.mark.parametrize(
    ("status", "result", "identifier"),
    [
        ("requires_payment_method", "ADDITIONAL_ACTION_REQUIRED", "seti_1"),
        ("requires_confirmation", "ADDITIONAL_ACTION_REQUIRED", "seti_1"),
        ("requires_action", "ADDITIONAL_ACTION_REQUIRED", "seti_1"),
        ("processing", "PENDING", "seti_1"),
        ("succeeded", "SUCCESSFULLY_TOKENIZED", "pm_1"),
        ("canceled", "FAILED_TO_TOKENIZE", None),
    ],
)
def test_the_table_of_setup_intents(status: str, result: str, identifier: str | None) -> None:
    answer = response_for(parse(SetupIntent, {**SETUP, "status": status}), "en")
    assert (answer["result"], answer.get("id")) == (result, identifier)
    check_answer("payment_method_process_tokenization_session", answer)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_canceled_setup_is_explained_in_the_shoppers_language(language: str) -> None:
    answer = response_for(parse(SetupIntent, {**SETUP, "status": "canceled"}), language)
    assert answer["error"] == in_language(shopper_messages.SETUP_CANCELED, language)


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (
            {"type": "sepa_debit", "sepa_debit": {"last4": "3000", "bank_code": "370400"}},
            "Sepa debit •••• 3000",
        ),
        (
            {"type": "us_bank_account", "us_bank_account": {"last4": "6789", "bank_name": "A BANK"}},
            "A BANK •••• 6789",
        ),
        ({"type": "link", "link": {"email": "robin@example.com"}}, "Link"),
        ({"type": "something_new"}, "Something new"),
    ],
)
def test_other_methods_are_described(method: Json, name: str) -> None:
    described = describe(parse(PaymentMethod, {"id": "pm_1", **method}))
    assert (described["name"], described["type"]) == (name, method["type"])
    assert "creditCardInfo" not in described
    assert "robin" not in str(described)
    check_answer("list_stored_payment_methods", {"paymentMethods": [described]})


def test_a_method_let_go_twice_at_once_is_gone(account: StripeAccount, stripe_url: str) -> None:
    customer = customers.ensure_customer(account, "VXNlcjox")
    api = client.stripe_of(account).v1
    method = api.payment_methods.attach("pm_card_visa", {"customer": customer})
    payment_methods.detach(account, method.id)
    payment_methods.detach(account, method.id)
    assert payment_methods.list_for(account, customer) == []
    with pytest.raises(Rejected):
        payment_methods.detach(account, "pm_nobody")


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("path", ["/v1/setup_intents", "/v1/customers"])
def test_a_failure_that_stripe_keeps_does_not_keep_a_shopper_from_storing(
    buy: Callable[..., Buy], stripe_sandbox: StripeSandbox, path: str, *, after_effect: bool
) -> None:
    stripe_sandbox.add_fault(f"POST {path}", status=500, kept=True, after_effect=after_effect)
    one = buy()
    begin = "payment_method_initialize_tokenization_session"
    asked: Json = {"user": ROBIN, "channel": {"slug": CHANNEL}, "paymentFlowToSupport": "INTERACTIVE"}
    assert one.send(begin, **asked)["result"] == "FAILED_TO_TOKENIZE"
    assert one.send(begin, **asked)["result"] == "ADDITIONAL_ACTION_REQUIRED"
