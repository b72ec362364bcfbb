"""Gross, fee and net of a payment, as booked by Stripe in the balance's currency."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import onboarding
from saleor_stripe_audience.gateway.models import Customer, StripeAccount
from saleor_stripe_audience.gateway.objects import BalanceTransaction, parse
from saleor_stripe_audience.inbox.models import Handling
from saleor_stripe_audience.payments import upkeep
from saleor_stripe_audience.payments.fees import settled_by
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.sandbox.stripe import SECRET_KEY, StripeSandbox
from saleor_stripe_audience.shops.models import Installation, Problem

from .test_reporting import ORDERS, Town, orders, town

__all__ = ["town"]

Json = dict[str, Any]


def stored_fees() -> tuple[int | None, int | None, int | None, str]:
    row = Payment.objects.get()
    return row.gross_minor, row.fee_minor, row.net_minor, row.settled_currency


def expected(total: int) -> tuple[int, int, int, str]:
    """Return the sandbox's fee: 2.9% plus 30."""
    fee = round(total * 29 / 1000) + 30
    return total, fee, total - fee, "USD"


def give_key(key: str) -> None:
    account = StripeAccount.objects.get()
    account.secret_key = key
    account.save()


def pay_later(town: Town) -> None:
    """Pay an intent whose money is booked a moment after its success, as Stripe does by default."""
    town.api.payment_intents.update(town.intent, {"capture_method": "automatic_async"})
    town.pay()


@pytest.mark.parametrize("order", ORDERS)
def test_the_fee_of_a_charge_is_noted(town: Town, order: str) -> None:
    town.begin()
    town.pay()
    town.deliver_all(orders(town.events())[order])
    assert stored_fees() == expected(int(town.total() * 100))


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_booked_later_is_noted_later(town: Town, order: str) -> None:
    town.begin()
    pay_later(town)
    events = town.events()
    early = [each for each in events if each["type"] != "charge.updated"]
    assert len(early) == len(events) - 1
    town.deliver_all(orders(events)[order])
    assert stored_fees() == expected(int(town.total() * 100))


def test_before_it_is_booked_nothing_is_noted(town: Town) -> None:
    town.begin()
    pay_later(town)
    events = town.events()
    books = dict(town.stripe.account.table("balance_transaction"))
    town.stripe.account.table("balance_transaction").clear()
    town.deliver_all([each for each in events if each["type"] == "payment_intent.succeeded"])
    assert stored_fees() == (None, None, None, "")
    town.stripe.account.table("balance_transaction").update(books)
    town.deliver_all([each for each in events if each["type"] == "charge.updated"])
    assert stored_fees() == expected(int(town.total() * 100))


def test_a_part_of_a_hold_that_is_taken_and_partly_refunded(town: Town) -> None:
    town.begin("AUTHORIZATION")
    town.pay()
    town.deliver_all(town.events())
    assert stored_fees() == (None, None, None, "")
    town.api.payment_intents.capture(town.intent, {"amount_to_capture": 500})
    town.api.refunds.create({"payment_intent": town.intent, "amount": 200})
    town.deliver_all(town.events())
    assert stored_fees() == expected(500)


def test_the_balance_may_be_of_another_currency(town: Town) -> None:
    town.stripe.account.default_currency = "eur"
    town.begin()
    town.pay()
    town.deliver_all(town.events())
    gross, fee, net, currency = stored_fees()
    assert currency == "EUR"
    assert gross is not None
    assert fee is not None
    assert gross != int(town.total() * 100)
    assert net == gross - fee
    assert Payment.objects.get().currency == "USD"


def test_a_row_that_was_lost_is_written_again_first(town: Town) -> None:
    town.begin()
    pay_later(town)
    total = int(town.total() * 100)
    Payment.objects.all().delete()
    town.deliver_all([each for each in town.events() if each["type"] == "charge.updated"])
    assert stored_fees() == expected(total)
    assert Payment.objects.get().transaction_id == town.transaction


def test_a_payment_that_is_not_ours_is_left_alone(town: Town) -> None:
    town.begin()
    paid: Any = {"amount": 900, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    town.api.payment_intents.create({**paid, "return_url": "https://shop.example.com"})
    town.stripe.log.clear()
    town.deliver_all(town.events())
    assert stored_fees() == (None, None, None, "")
    assert town.stripe.log.entries("GET", "/v1/balance_transactions") == []


def test_a_key_that_may_not_see_the_balance_is_one_problem_not_many(town: Town) -> None:
    town.stripe.add_key(town.stripe.account, "rk_test_narrow", ["payment_intent_write", "charge_write"])
    give_key("rk_test_narrow")
    town.begin()
    town.pay()
    paid = town.events()
    town.deliver_all([each for each in paid if each["type"] == "charge.updated"] + [paid[-1]])
    assert stored_fees() == (None, None, None, "")
    assert "is missing a permission" in Problem.objects.get(key__startswith="key-").message
    assert Handling.objects.filter(handler__contains="record_fees", waits_for=town.account.pk).exists()
    give_key(SECRET_KEY)
    upkeep.check_accounts()
    while town.work():
        pass
    assert stored_fees()[0] is not None
    assert not Problem.objects.exists()


def test_a_stripe_that_is_down_is_asked_again(town: Town, run_all_tasks: Callable[[], int]) -> None:
    town.begin()
    town.pay()
    events = [each for each in town.events() if each["type"] == "payment_intent.succeeded"]
    town.stripe.add_fault("GET /v1/balance_transactions", status=500, times=2)
    town.deliver_all(events)
    run_all_tasks()
    assert stored_fees() == expected(int(town.total() * 100))


def booking(**changes: Any) -> BalanceTransaction:
    return parse(BalanceTransaction, {**ENTRY, **changes})


ENTRY: Json = {"type": "charge", "amount": 1000, "fee": 59, "net": 941, "currency": "usd"}


def test_the_parts_of_a_hold_are_added_up() -> None:
    settled = settled_by([booking(), booking(type="payment"), booking(type="refund", amount=-5)])
    assert settled is not None
    assert (settled.gross.minor, settled.fee.minor, settled.net.minor) == (2000, 118, 1882)


def test_without_a_booking_there_is_nothing_to_tell() -> None:
    assert settled_by([]) is None
    assert settled_by([booking(type="adjustment")]) is None


def test_currencies_are_never_added() -> None:
    with pytest.raises(Rejected):
        settled_by([booking(), booking(currency="eur")])


def test_a_customer_deleted_at_stripe_is_forgotten(town: Town) -> None:
    gone = town.api.customers.create({}).id
    Customer.objects.create(account=town.account, shopper="VXNlcjox", customer_id=gone)
    Customer.objects.create(account=town.account, shopper="VXNlcjoy", customer_id="cus_other")
    town.api.customers.delete(gone)
    town.deliver_all([each for each in town.events() if each["type"] == "customer.deleted"])
    assert list(Customer.objects.order_by("shopper").values_list("customer_id", "generation")) == [
        ("", 1),
        ("cus_other", 0),
    ]


@pytest.fixture
def connected(installation: Installation, stripe_url: str) -> StripeAccount:
    return onboarding.connect(installation, "pk_test_sandbox", SECRET_KEY, ["default-channel"])


def endpoint(sandbox: StripeSandbox) -> Json:
    [found] = sandbox.account.table("webhook_endpoint").values()
    return found


def test_an_endpoint_of_long_ago_learns_of_new_events(
    connected: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    api = stripe.StripeClient(SECRET_KEY, base_addresses={"api": stripe_sandbox.base_url}).v1
    api.webhook_endpoints.update(
        connected.webhook_endpoint_id, {"enabled_events": ["payment_intent.succeeded"], "disabled": True}
    )
    assert upkeep.sync_endpoints() == 1
    assert set(endpoint(stripe_sandbox)["enabled_events"]) == set(onboarding.EVENTS)
    assert endpoint(stripe_sandbox)["status"] == "enabled"
    secret = StripeAccount.objects.get().webhook_secret
    assert secret == connected.webhook_secret
    stripe_sandbox.log.clear()
    assert upkeep.sync_endpoints() == 1
    assert stripe_sandbox.log.entries("POST") == []


def test_an_endpoint_that_is_gone_is_made_again(
    connected: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.account.table("webhook_endpoint").clear()
    assert upkeep.sync_endpoints() == 1
    assert endpoint(stripe_sandbox)["id"] == StripeAccount.objects.get().webhook_endpoint_id
    assert StripeAccount.objects.get().webhook_secret != connected.webhook_secret


def test_a_key_that_is_refused_is_a_problem_until_it_is_fixed(
    connected: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.revoke_key(SECRET_KEY)
    assert upkeep.sync_endpoints() == 0
    assert "refused the key" in Problem.objects.get().message
    stripe_sandbox.add_key(stripe_sandbox.account, SECRET_KEY)
    assert upkeep.sync_endpoints() == 1
    assert not Problem.objects.exists()


def test_a_stripe_that_is_down_is_no_problem_of_the_shop(
    connected: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.add_fault("GET /v1/webhook_endpoints/*", status=500, times=2)
    assert upkeep.sync_endpoints() == 0
    assert not Problem.objects.exists()


def test_a_disconnected_account_or_a_removed_shop_is_left_alone(connected: StripeAccount) -> None:
    StripeAccount.objects.update(state=StripeAccount.State.DISCONNECTED)
    assert upkeep.sync_endpoints() == 0
    StripeAccount.objects.update(state=StripeAccount.State.CONNECTED)
    Installation.objects.update(is_active=False)
    assert upkeep.sync_endpoints() == 0
