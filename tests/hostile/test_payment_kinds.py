"""A hostile shopper, an unusual currency or a failing Stripe: both sides agree about the payment in the end."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.db import DatabaseError, connections

from saleor_stripe_audience.inbox.models import Handling
from saleor_stripe_audience.money import Money, from_decimal
from saleor_stripe_audience.payments import amounts_due, attempts
from saleor_stripe_audience.payments.disputes import moves_of
from saleor_stripe_audience.payments.ledger import ReportedEvent, StripeState, missing_events
from saleor_stripe_audience.payments.models import Notice, Payment
from saleor_stripe_audience.payments.shopper_messages import ALREADY_PAID
from saleor_stripe_audience.sandbox.demo.shopper import PROCESS
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, StripeSandbox
from saleor_stripe_audience.shops.models import Problem
from saleor_stripe_audience.wording import in_language
from tests.payments.conftest import (  # noqa: F401 - fixtures
    SECURE,
    Buy,
    account,
    buy,
    connect,
    install,
    installation,
    post_signed,
    stripe_sandbox,
    stripe_url,
)
from tests.payments.test_disputes import a_dispute, an_intent
from tests.payments.test_reporting import Town, orders, town

__all__ = ["account", "buy", "installation", "stripe_sandbox", "stripe_url", "town"]

Begin = Callable[..., Buy]
Json = dict[str, Any]
Work = Callable[[], int]


def checkout_of(total: str, currency: str = "USD", **more: Any) -> Json:
    return {
        "__typename": "Checkout",
        "id": "Q2hlY2tvdXQ6MQ==",
        "channel": {"slug": "default-channel", "currencyCode": currency},
        "totalPrice": {"gross": {"amount": float(total), "currency": currency}},
        **more,
    }


def row_of(one: Buy, sandbox: StripeSandbox) -> Json:
    return sandbox.account.table("payment_intent")[one.psp]


def choose(one: Buy, kind: str) -> Json:
    """Confirm the payment as Stripe's form in the browser does, with a method other than a card."""
    answer = requests.post(
        f"{one.stripe_url}/v1/payment_intents/{one.psp}/confirm",
        data={
            "client_secret": one.secret,
            "payment_method_data[type]": kind,
            "return_url": "https://shop.example.com/",
        },
        headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
        timeout=10,
    )
    assert answer.ok, answer.text
    result: Json = answer.json()
    return result


# Currency, price, Stripe's number for the price, a part of it, Stripe's number for the part, and the rest.
MONEY = [
    ("KWD", "5.120", 5120, "1.250", 1250, "3.870"),
    ("BHD", "10.500", 10500, "0.500", 500, "10.000"),
    ("JPY", "1999", 1999, "1", 1, "1998"),
    ("KRW", "50000", 50000, "12345", 12345, "37655"),
    ("UGX", "45000", 4500000, "5000", 500000, "40000"),
    ("ISK", "1990", 199000, "990", 99000, "1000"),
    ("HUF", "4990.50", 499050, "990.25", 99025, "4000.25"),
    ("TWD", "1234.56", 123456, "34.06", 3406, "1200.50"),
    ("IDR", "15500000.00", 1550000000, "15499999.99", 1549999999, "0.01"),
    ("MGA", "40000", 40000, "39999", 39999, "1"),
]


EACH = pytest.mark.parametrize(("currency", "price", "minor", "part", "part_minor", "rest"), MONEY)


class TestEveryKindOfCurrency:
    @EACH
    def test_is_charged_and_given_back_in_parts(
        self,
        buy: Begin,
        stripe_sandbox: StripeSandbox,
        currency: str,
        price: str,
        minor: int,
        part: str,
        part_minor: int,
        rest: str,
    ) -> None:
        one = buy(amount=price, currency=currency).paid()
        assert row_of(one, stripe_sandbox)["amount_received"] == minor
        first = one.request("REFUND", part)
        assert (first["result"], Decimal(first["amount"])) == ("REFUND_SUCCESS", Decimal(part))
        last = one.request("REFUND", rest)
        assert (last["result"], Decimal(last["amount"]), last["actions"]) == (
            "REFUND_SUCCESS",
            Decimal(rest),
            [],
        )
        assert [each["amount"] for each in stripe_sandbox.account.table("refund").values()] == [
            part_minor,
            minor - part_minor,
        ]
        assert one.request("REFUND", rest)["result"] == "REFUND_FAILURE"

    @EACH
    def test_is_captured_in_part(
        self,
        buy: Begin,
        stripe_sandbox: StripeSandbox,
        currency: str,
        price: str,
        minor: int,
        part: str,
        part_minor: int,
        rest: str,
    ) -> None:
        one = buy(amount=price, currency=currency, flow="AUTHORIZATION").paid()
        assert row_of(one, stripe_sandbox)["amount_capturable"] == minor
        response = one.request("CHARGE", part)
        assert (response["result"], Decimal(response["amount"])) == ("CHARGE_SUCCESS", Decimal(part))
        assert row_of(one, stripe_sandbox)["amount_received"] == part_minor
        assert (
            one.request("REFUND", rest if Decimal(rest) > Decimal(part) else price)["result"]
            == "REFUND_FAILURE"
        )
        back = one.request("REFUND", None)
        assert (back["result"], Decimal(back["amount"])) == ("REFUND_SUCCESS", Decimal(part))

    @pytest.mark.parametrize(("currency", "price", "minor"), [each[:3] for each in MONEY])
    def test_a_part_of_a_dispute_in_dollars_comes_back(self, currency: str, price: str, minor: int) -> None:
        """The dispute and the balance are in dollars: half is withdrawn, and half of that returned."""
        paid = an_intent(currency.lower(), minor)
        dispute = a_dispute(500, "usd", (-500, "usd"), (250, "usd"))
        settled = Money(1000, "USD")
        moves = moves_of(dispute, paid, settled)
        assert abs(moves.withdrawn - minor / 2) <= 50
        assert abs(moves.returned - minor / 4) <= 50
        state = StripeState(paid, "CHARGE", [], [dispute], settled)
        reported = [ReportedEvent("CHARGE_SUCCESS", "pi_1", Decimal(price))]
        for outcome in missing_events(state, reported):
            assert from_decimal(outcome.amount, currency).minor == outcome.money.minor
            reported.append(ReportedEvent(outcome.result, outcome.psp_reference, outcome.amount))
        assert [each.type for each in reported] == ["CHARGE_SUCCESS", "CHARGE_BACK", "CHARGE_SUCCESS"]
        assert missing_events(state, reported) == []


class TestTheTotalFalls:
    def test_below_the_accounts_minimum(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        """Dinars have no minimum of their own, but 0.100 KWD is less than this account's minimum of 0.50 USD."""
        one = buy(amount="50.000", currency="KWD")
        one.initialize(sourceObject=checkout_of("50.000", "KWD"))
        response = one.process(sourceObject=checkout_of("0.100", "KWD"))
        assert row_of(one, stripe_sandbox)["status"] == "canceled"
        assert (response["result"], bool(response["message"])) == ("CHARGE_FAILURE", True)
        one.pay()
        assert row_of(one, stripe_sandbox)["amount_received"] == 0

    @pytest.mark.parametrize("left", ["0", "0.30", "20.00"])
    @pytest.mark.parametrize("caller", ["initialize", "process"])
    def test_while_the_bank_asks_the_shopper(
        self, buy: Begin, stripe_sandbox: StripeSandbox, left: str, caller: str
    ) -> None:
        one = buy(amount="50.00")
        one.initialize(sourceObject=checkout_of("50.00"))
        one.pay(SECURE)
        assert row_of(one, stripe_sandbox)["status"] == "requires_action"
        response = getattr(one, caller)(sourceObject=checkout_of(left))
        if Decimal(left) < 1:
            assert row_of(one, stripe_sandbox)["status"] == "canceled"
            assert response["result"] == "CHARGE_FAILURE"
        else:
            assert response["result"] == "CHARGE_ACTION_REQUIRED"
            assert response["data"]["paymentIntent"]["stripeClientSecret"]

    def test_while_a_transfer_is_on_its_way(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        """The order waits for the amount that the shopper was shown; a lower total needs a refund."""
        one = buy(amount="50.00", currency="EUR")
        one.initialize(sourceObject=checkout_of("50.00", "EUR"))
        choose(one, "multibanco")
        response = one.process(sourceObject=checkout_of("20.00", "EUR"))
        assert (response["result"], response["amount"]) == ("CHARGE_REQUEST", "50.00")
        stripe_sandbox.pay_voucher(one.psp)
        paid = one.process(sourceObject=checkout_of("20.00", "EUR"))
        assert (paid["result"], paid["amount"], "refund" in paid["message"]) == (
            "CHARGE_SUCCESS",
            "50.00",
            True,
        )


def failing_after(calls: int, true: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that works for this many calls, then fails as if the disk were full."""
    left = [calls]

    def function(*given: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise DatabaseError("the disk is full")
        return true(*given, **named)

    return function


class TestOurDatabaseBreaks:
    """After the shopper has paid, the response says so, whatever else cannot be read or written here."""

    @pytest.mark.parametrize(
        ("event", "calls"),
        [
            ("transaction_process_session", 0),
            ("transaction_process_session", 1),
            ("transaction_initialize_session", 1),
        ],
    )
    def test_after_the_shopper_paid(
        self, buy: Begin, monkeypatch: pytest.MonkeyPatch, event: str, calls: int
    ) -> None:
        one = buy()
        one.initialize(sourceObject=checkout_of("12.30"))
        one.pay()
        with monkeypatch.context() as patched:
            failing = failing_after(calls, amounts_due.payments_of)
            patched.setattr(amounts_due, "payments_of", failing)
            response = one.session(event, sourceObject=checkout_of("12.30"))
        assert (response["result"], response.get("pspReference")) == ("CHARGE_SUCCESS", one.psp)

    @pytest.mark.parametrize("event", ["transaction_process_session", "transaction_initialize_session"])
    def test_while_the_payment_is_open_it_stays_open(
        self, buy: Begin, stripe_sandbox: StripeSandbox, monkeypatch: pytest.MonkeyPatch, event: str
    ) -> None:
        one = buy()
        one.initialize(sourceObject=checkout_of("12.30"))
        with monkeypatch.context() as patched:
            patched.setattr(amounts_due, "payments_of", failing_after(0, amounts_due.payments_of))
            response = one.session(event, sourceObject=checkout_of("12.30"))
        assert response["result"] == "CHARGE_ACTION_REQUIRED"
        assert len(stripe_sandbox.account.table("payment_intent")) == 1


@pytest.fixture
def town_of_a_debit(town: Town) -> Town:
    town.begin()
    town.pay("pm_usBankAccount_success")
    town.deliver_all(town.events())
    return town


class TestWhatIsOverIsReportedOnce:
    def results(self, town: Town) -> list[str]:
        return [
            each["type"]
            for each in town.ledger()["events"]
            if each["type"].endswith(("FAILURE", "ACTION_REQUIRED"))
        ]

    def test_a_debit_that_came_back(self, town_of_a_debit: Town, run_all_tasks: Work) -> None:
        one = town_of_a_debit
        before = self.results(one)
        one.stripe.end_processing(one.intent, ok=False)
        one.deliver_all(one.events() * 2)
        run_all_tasks()
        assert self.results(one).count("CHARGE_FAILURE") == 1
        assert len(self.results(one)) == len(before) + 1

    def test_small_deposits_that_never_came(self, town: Town, run_all_tasks: Work) -> None:
        town.begin()
        town.api.payment_intents.confirm(
            town.intent,
            {
                "payment_method_data": {"type": "us_bank_account"},
                "payment_method_options": {"us_bank_account": {"verification_method": "microdeposits"}},
                "return_url": "https://shop.example.com",
            },
        )
        town.shop.gql(PROCESS, {"id": town.transaction})
        before = self.results(town)
        town.stripe.expire_voucher(town.intent)
        town.deliver_all(town.events() * 2)
        run_all_tasks()
        assert self.results(town).count("CHARGE_FAILURE") == 1
        assert len(self.results(town)) == len(before) + 1


class TestStripeIsMoody:
    KEPT: Json = {"status": 500, "headers": {"Idempotent-Replayed": "true", "Stripe-Should-Retry": "false"}}
    PASSING: list[Json] = [
        {"status": 429, "body": {"error": {"type": "invalid_request_error", "code": "lock_timeout"}}},
        {"status": 429, "body": {"error": {"type": "invalid_request_error", "code": "rate_limit"}}},
        {"status": 409, "body": {"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}},
        {"status": 500},
        {"drop_connection": True},
        {"drop_connection": True, "after_effect": True},
    ]

    @pytest.mark.parametrize("trouble", PASSING, ids=str)
    @pytest.mark.parametrize("kind", ["REFUND", "CHARGE", "CANCEL"])
    def test_what_staff_ask_for_is_done_once(
        self, buy: Begin, stripe_sandbox: StripeSandbox, trouble: Json, kind: str
    ) -> None:
        one = buy(flow="CHARGE" if kind == "REFUND" else "AUTHORIZATION").paid()
        path = {
            "REFUND": "POST /v1/refunds",
            "CHARGE": f"POST /v1/payment_intents/{one.psp}/capture",
            "CANCEL": f"POST /v1/payment_intents/{one.psp}/cancel",
        }[kind]
        stripe_sandbox.add_fault(path, times=20, **trouble)
        response = one.request(kind, None if kind == "CANCEL" else "5.00")
        assert response["result"] == f"{kind}_FAILURE"
        assert response["message"]
        stripe_sandbox.faults.clear()
        again = one.request(kind, None if kind == "CANCEL" else "5.00", again=True)
        assert again["result"] == f"{kind}_SUCCESS"
        row = row_of(one, stripe_sandbox)
        assert len(stripe_sandbox.account.table("refund")) == 1, "the refund, or the rest that was released"
        assert row["amount_received"] == {"REFUND": 1230, "CHARGE": 500, "CANCEL": 0}[kind]

    def test_a_failure_that_is_kept_does_not_keep_a_refund_for_ever(
        self, buy: Begin, stripe_sandbox: StripeSandbox
    ) -> None:
        one = buy().paid()
        stripe_sandbox.add_fault("POST /v1/refunds", times=1, **self.KEPT)
        response = one.request("REFUND", "5.00")
        if response["result"] != "REFUND_SUCCESS":
            assert "again" in response["message"] or "Look at" in response["message"]
            assert one.request("REFUND", "5.00")["result"] == "REFUND_SUCCESS"
        assert [each["amount"] for each in stripe_sandbox.account.table("refund").values()] == [500]


class TestStaffAsk:
    def test_for_three_equal_refunds_at_once(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        """Each body already contains the other requests; each is a separate refund."""
        one = buy().paid()
        one.events = [one._request_event("REFUND", "2.00") for _ in range(3)]

        def ask(number: int) -> Json:
            try:
                twin = Buy(one.installation, one.stripe_url, id=one.id, psp=one.psp)
                twin.events = one.events[: number + 1]
                return twin.request("REFUND", "2.00", again=True)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(3) as pool:
            responses = list(pool.map(ask, range(3)))
        assert {each["result"] for each in responses} == {"REFUND_SUCCESS"}
        assert [each["amount"] for each in stripe_sandbox.account.table("refund").values()] == [200] * 3
        assert len({each["pspReference"] for each in responses}) == 3

    def test_of_a_transaction_without_checkout_order_or_grant(self, buy: Begin) -> None:
        one = buy().paid()
        bare = {
            "id": one.id,
            "pspReference": one.psp,
            "events": [one._request_event("REFUND", "2.00")],
            "order": None,
            "checkout": None,
        }
        action = {"actionType": "REFUND", "amount": 2.0, "currency": "USD"}
        for granted in (None, {"id": "T3JkZXJHcmFudGVkUmVmdW5kOk5vbmU=", "reason": None}):
            bare["events"] = [one._request_event("REFUND", "2.00")]
            response = one.send(
                "transaction_refund_requested", action=action, transaction=bare, grantedRefund=granted
            )
            assert response["result"] == "REFUND_SUCCESS"

    def test_for_more_than_was_held(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        one = buy(flow="AUTHORIZATION").paid()
        response = one.request("CHARGE", "12.31")
        assert response["result"] == "CHARGE_FAILURE"
        assert "Only 12.30 USD is authorized" in response["message"]
        assert row_of(one, stripe_sandbox)["amount_received"] == 0
        assert one.request("CHARGE", "12.30")["result"] == "CHARGE_SUCCESS"


class TestInAnyOrder:
    @pytest.mark.parametrize("order", ["as sent", "backwards", "shuffled"])
    def test_a_dispute_won_before_its_first_event_arrives(self, town: Town, order: str) -> None:
        town.begin()
        town.pay()
        before = len(town.events())
        dispute = town.stripe.open_dispute(town.intent)
        town.stripe.end_dispute(dispute["id"], "won")
        town.deliver_all(orders(town.events()[before:])[order])
        assert town.amounts() == (town.total(), 0, 0, 0)
        assert not Problem.objects.filter(key=f"payment-{dispute['id']}").exists()

    @pytest.mark.parametrize("order", ["as sent", "backwards", "shuffled"])
    def test_a_review_closed_before_it_was_opened(self, town: Town, order: str) -> None:
        town.begin()
        town.pay()
        town.deliver_all(town.events())
        before = len(town.events())
        review = town.stripe.open_review(town.intent)
        town.stripe.close_review(review["id"], "refunded_as_fraud")
        town.deliver_all(orders(town.events()[before:])[order])
        assert not Problem.objects.filter(key=f"payment-{review['id']}").exists()
        assert Notice.objects.filter(reference=review["id"], is_last=True).count() == 1

    @pytest.mark.parametrize("order", ["as sent", "backwards", "shuffled"])
    def test_declined_paid_refunded_in_part_and_disputed_for_the_rest(self, town: Town, order: str) -> None:
        town.begin()
        town.pay("pm_card_chargeDeclined")
        town.pay()
        town.api.refunds.create({"payment_intent": town.intent, "amount": 700})
        rest = round(town.total() * 100) - 700
        town.stripe.open_dispute(town.intent, rest)
        town.deliver_all(orders(town.events())[order])
        assert town.amounts() == (0, 0, 7.0, 0)
        assert not Handling.objects.filter(given_up_at__isnull=False).exists()

    def test_more_is_disputed_than_is_left(self, town: Town) -> None:
        """A refund, then a dispute of the whole amount: Saleor's charged amount is negative, and that is correct."""
        town.begin()
        town.pay()
        town.api.refunds.create({"payment_intent": town.intent, "amount": 700})
        dispute = town.stripe.open_dispute(town.intent)
        town.deliver_all(town.events())
        after_the_dispute: tuple[Any, ...] = town.amounts()
        assert after_the_dispute == (-7.0, 0, 7.0, 0)
        town.stripe.end_dispute(dispute["id"], "won")
        town.deliver_all(town.events())
        charged, *others = town.amounts()
        assert charged == pytest.approx(town.total() - 7)
        assert others == [0, 7.0, 0]
        assert not Handling.objects.filter(given_up_at__isnull=False).exists()


class TestTheMerchantsAccount:
    @pytest.mark.parametrize(("language", "word"), [("EN", "choose another"), ("FR", "autre")])
    def test_the_shopper_reads_no_papers(
        self, buy: Begin, stripe_sandbox: StripeSandbox, language: str, word: str
    ) -> None:
        stripe_sandbox.restrict(stripe_sandbox.account)
        response = buy().initialize(sourceObject=checkout_of("12.30", languageCode=language))
        assert word in response["message"]
        assert "Sandbox Shop" not in json.dumps(response)

    def test_staff_learn_at_once_that_nobody_can_pay_and_that_it_is_over(self, town: Town) -> None:
        for is_restricted in (True, False, True):
            town.stripe.restrict(town.stripe.account, restricted=is_restricted)
            town.deliver_all([each for each in town.events() if each["type"] == "account.updated"])
            shown = Problem.objects.filter(key=f"charges-{town.account.pk}")
            assert shown.exists() == is_restricted


class TestHeldOrNot:
    @pytest.mark.parametrize(
        ("kind", "currency", "amount"),
        [
            ("affirm", "USD", "100.00"),
            ("klarna", "USD", "100.00"),
            ("paypal", "EUR", "100.00"),
            ("afterpay_clearpay", "USD", "100.00"),
            ("cashapp", "USD", "100.00"),
            ("revolut_pay", "GBP", "100.00"),
            ("amazon_pay", "USD", "100.00"),
            ("link", "USD", "100.00"),
        ],
    )
    def test_what_can_be_held(
        self, buy: Begin, stripe_sandbox: StripeSandbox, kind: str, currency: str, amount: str
    ) -> None:
        one = buy(flow="AUTHORIZATION", currency=currency, amount=amount)
        one.initialize(data={"paymentIntent": {"paymentMethod": "card"}})
        if choose(one, kind)["status"] == "requires_action":
            assert one.process()["result"] == "AUTHORIZATION_ACTION_REQUIRED"
            stripe_sandbox.authenticate(one.psp)
        response = one.process()
        assert (response["result"], response["message"]) == ("AUTHORIZATION_SUCCESS", "")
        assert one.request("CHARGE", "40.00")["result"] == "CHARGE_SUCCESS"
        assert one.request("REFUND", None)["amount"] == "40.00"

    @pytest.mark.parametrize(("kind", "currency"), [("ideal", "EUR"), ("paynow", "SGD")])
    def test_what_cannot(self, buy: Begin, stripe_sandbox: StripeSandbox, kind: str, currency: str) -> None:
        one = buy(flow="AUTHORIZATION", currency=currency, amount="100.00")
        one.initialize(sourceObject=checkout_of("100.00", currency, languageCode="FR"))
        choose(one, kind)
        if kind == "paynow":
            stripe_sandbox.pay_voucher(one.psp)
        else:
            stripe_sandbox.authenticate(one.psp)
        response = one.process(sourceObject=checkout_of("100.00", currency, languageCode="FR"))
        assert (response["result"], "débité" in response["message"]) == ("CHARGE_SUCCESS", True)


class TestTwoShopsOfOneHost:
    def test_a_body_of_one_moves_nothing_in_the_other(
        self,
        buy: Begin,
        stripe_sandbox: StripeSandbox,
        stripe_url: str,
    ) -> None:
        """Signed by the same key: the attacker chooses the URL in the header."""
        one = buy().paid()
        other = install("other")
        connect(other, "default-channel")
        thief = Buy(other, stripe_url, id=one.id, psp=one.psp)
        for kind in ("REFUND", "CHARGE", "CANCEL"):
            assert thief.request(kind, "5.00")["result"] == f"{kind}_FAILURE"
        assert thief.process()["result"] == "CHARGE_FAILURE"
        assert not stripe_sandbox.account.table("refund")
        assert not Payment.objects.filter(installation=other).exists()


class TestClickedTwice:
    def test_with_other_words_each_time(
        self, buy: Begin, stripe_sandbox: StripeSandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same transaction, requested with and without a method, in two languages, with a new total."""
        monkeypatch.setattr(attempts, "PAUSES", (0.1,) * 50)
        stripe_sandbox.add_fault("POST /v1/payment_intents", latency_seconds=1.0)
        one = buy()
        words: list[Json] = [
            {},
            {"data": {"paymentIntent": {"paymentMethod": "klarna"}}},
            {"sourceObject": checkout_of("12.30", languageCode="FR")},
            {"sourceObject": checkout_of("10.00")},
        ]

        def ask(more: Json) -> Json:
            try:
                return one.session("transaction_initialize_session", **more)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            responses = list(pool.map(ask, words))
        assert {each["result"] for each in responses} == {"CHARGE_ACTION_REQUIRED"}
        assert len(stripe_sandbox.account.table("payment_intent")) == 1
        assert len({each.get("pspReference") for each in responses}) == 1

    def test_paid_in_one_tab_while_the_other_is_at_its_bank(
        self, buy: Begin, stripe_sandbox: StripeSandbox
    ) -> None:
        first, second = buy(), buy()
        for each in (first, second):
            each.initialize(sourceObject=checkout_of("12.30"))
        second.pay(SECURE)
        first.pay()
        assert first.process(sourceObject=checkout_of("12.30"))["result"] == "CHARGE_SUCCESS"
        assert row_of(second, stripe_sandbox)["status"] == "canceled"
        response = second.process(sourceObject=checkout_of("12.30", languageCode="FR"))
        assert (response["result"], response["message"]) == (
            "CHARGE_FAILURE",
            in_language(ALREADY_PAID, "fr"),
        )
