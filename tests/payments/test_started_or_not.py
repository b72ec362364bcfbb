"""While Stripe may have a payment, its transaction is never reported as failed, because the shopper could pay it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections
from django.utils import timezone

from saleor_stripe_audience.gateway import accounts, client
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import amounts_due, attempts, create, records
from saleor_stripe_audience.payments.models import Attempt, Payment
from saleor_stripe_audience.saleor import signatures
from saleor_stripe_audience.sandbox.stripe import StripeSandbox

from .conftest import Buy

Begin = Callable[..., Buy]
Json = dict[str, Any]
MAKE = "POST /v1/payment_intents"


def stripe_error(kind: str, code: str) -> Json:
    return {"error": {"type": kind, "code": code, "message": "as Stripe words it"}}


FAULTS: dict[str, Json] = {
    "in use": {"status": 409, "body": stripe_error("idempotency_error", "idempotency_key_in_use")},
    "rate limit": {"status": 429, "body": stripe_error("invalid_request_error", "rate_limit")},
    "lock": {"status": 429, "body": stripe_error("invalid_request_error", "lock_timeout")},
    "500": {"status": 500},
    "500 after the effect": {"status": 500, "after_effect": True},
    "503": {"status": 503},
    "no answer": {"drop_connection": True},
    "answer lost": {"drop_connection": True, "after_effect": True},
    "garbage": {"garbage": True},
    "401": {"status": 401, "body": stripe_error("invalid_request_error", "api_key_expired")},
    "403": {"status": 403, "body": stripe_error("invalid_request_error", "account_invalid")},
}


def intents_of(sandbox: StripeSandbox, one: Buy) -> list[Json]:
    made = sandbox.account.table("payment_intent").values()
    return [each for each in made if each["metadata"].get("saleor_transaction") == one.id]


def still_payable(one: Buy, sandbox: StripeSandbox) -> None:
    """Check that an unclear payment is created once after all, paid, and reported to Saleor."""
    assert one.initialize()["result"] == f"{one.flow}_ACTION_REQUIRED"
    assert [each["id"] for each in intents_of(sandbox, one)] == [one.psp]
    one.pay()
    assert one.process()["result"] == f"{one.flow}_SUCCESS"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "PAUSES", (0.01, 0.02))


@pytest.mark.parametrize("flow", ["CHARGE", "AUTHORIZATION"])
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_stripe_answers(buy: Begin, stripe_sandbox: StripeSandbox, fault: str, flow: str) -> None:
    one = buy(flow=flow)
    stripe_sandbox.add_fault(MAKE, times=20, **FAULTS[fault])
    answer = one.initialize()
    stripe_sandbox.faults.clear()
    assert answer["result"] == f"{flow}_ACTION_REQUIRED"
    assert answer["message"]
    still_payable(one, stripe_sandbox)


def test_a_key_that_was_revoked_is_no_matter_for_the_shopper(
    buy: Begin, stripe_sandbox: StripeSandbox
) -> None:
    good = StripeAccount.objects.get().secret_key
    StripeAccount.objects.update(secret_key="sk_test_unknown")
    one = buy()
    answer = one.initialize()
    assert answer["result"] == "CHARGE_ACTION_REQUIRED"
    assert "Sandbox Shop" not in str(answer)
    assert "key" not in str(answer)
    StripeAccount.objects.update(secret_key=good)
    still_payable(one, stripe_sandbox)


@contextmanager
def broken(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, error: Exception) -> Iterator[None]:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(place, name, fail)
        yield


BROKEN = [
    (amounts_due, "payments_of"),
    (records, "save"),
    (attempts, "resume"),
    (attempts, "store"),
    (create, "decorations"),
    (signatures, "verify"),
]


@pytest.mark.parametrize("error", [DatabaseError("disk full"), KeyError("ours")], ids=["database", "crash"])
@pytest.mark.parametrize(("place", "name"), BROKEN, ids=[name for _, name in BROKEN])
def test_whatever_breaks_of_ours(
    buy: Begin,
    stripe_sandbox: StripeSandbox,
    monkeypatch: pytest.MonkeyPatch,
    place: Any,
    name: str,
    error: Exception,
) -> None:
    if name == "verify":
        error = signatures.KeysUnavailable("The shop's keys cannot be fetched.", code="keys")
    one = buy()
    with broken(monkeypatch, place, name, error):
        assert one.session("transaction_initialize_session")["result"] == "CHARGE_ACTION_REQUIRED"
    still_payable(one, stripe_sandbox)


def test_a_payment_that_was_started_continues_though_its_channel_is_closed(
    buy: Begin, stripe_sandbox: StripeSandbox, account: StripeAccount
) -> None:
    one = buy()
    stripe_sandbox.add_fault(MAKE, times=20, drop_connection=True, after_effect=True)
    one.session("transaction_initialize_session")
    stripe_sandbox.faults.clear()
    accounts.pause(account.installation_id, "default-channel", "Back at noon.")
    still_payable(one, stripe_sandbox)
    assert buy().initialize()["message"] == "Back at noon.", "new payments wait"


@pytest.mark.parametrize("data", ["card", {"paymentIntent": {"offSession": True}}])
def test_bad_data_does_not_end_a_payment_that_was_started(
    buy: Begin, stripe_sandbox: StripeSandbox, data: Any
) -> None:
    one = buy()
    one.initialize()
    assert one.session("transaction_initialize_session", data=data)["result"] == "CHARGE_ACTION_REQUIRED"
    still_payable(one, stripe_sandbox)


def test_process_finds_what_initialize_did_not_see(buy: Begin, stripe_sandbox: StripeSandbox) -> None:
    """Saleor does not have the payment's reference, because the response with it never arrived."""
    one = buy()
    stripe_sandbox.add_fault(MAKE, times=20, drop_connection=True, after_effect=True)
    assert "pspReference" not in one.session("transaction_initialize_session")
    stripe_sandbox.faults.clear()
    assert not Payment.objects.exists()
    answer = one.process()
    assert answer["result"] == "CHARGE_ACTION_REQUIRED"
    assert [each["id"] for each in intents_of(stripe_sandbox, one)] == [answer["pspReference"]]
    assert answer["data"]["paymentIntent"]["stripeClientSecret"]


def test_an_error_that_stripe_keeps_under_the_key_does_not_end_the_transaction(
    buy: Begin, stripe_sandbox: StripeSandbox
) -> None:
    """Stripe repeats its own error for a day; because it created nothing, another key can be used."""
    kept = {"status": 500, "headers": {"Idempotent-Replayed": "true", "Stripe-Should-Retry": "false"}}
    stripe_sandbox.add_fault(MAKE, times=1, **kept)
    one = buy()
    assert one.initialize()["result"] == "CHARGE_ACTION_REQUIRED"
    assert one.psp
    still_payable(one, stripe_sandbox)


def test_an_attempt_older_than_its_key_is_looked_for_at_stripe(
    buy: Begin, stripe_sandbox: StripeSandbox
) -> None:
    one = buy()
    first = one.initialize()["pspReference"]
    Payment.objects.all().delete()
    Attempt.objects.update(
        created_at=timezone.now() - timedelta(hours=30), idempotency_key="forgotten by Stripe"
    )
    assert one.initialize()["pspReference"] == first
    assert len(intents_of(stripe_sandbox, one)) == 1


def at_once(one: Buy, count: int) -> list[Json]:
    def ask(_: int) -> Json:
        try:
            return one.session("transaction_initialize_session")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


@pytest.mark.parametrize("slow", [False, True])
def test_twenty_at_once_are_one_payment(
    buy: Begin, stripe_sandbox: StripeSandbox, monkeypatch: pytest.MonkeyPatch, *, slow: bool
) -> None:
    monkeypatch.setattr(attempts, "PAUSES", (0.1,) * 50)
    if slow:
        stripe_sandbox.add_fault(MAKE, latency_seconds=1.5)
    one = buy()
    answers = at_once(one, 20)
    assert {each["result"] for each in answers} == {"CHARGE_ACTION_REQUIRED"}
    [made] = intents_of(stripe_sandbox, one)
    assert {each.get("pspReference") for each in answers} == {made["id"]}
    assert Payment.objects.count() == 1


KEPT: Json = {"status": 500, "headers": {"Idempotent-Replayed": "true", "Stripe-Should-Retry": "false"}}


@pytest.mark.parametrize("changed", [{}, {"currency": "pln"}, {"amount": 50}], ids=str)
def test_a_planted_payment_is_not_mistaken_for_the_real_one(
    buy: Begin, stripe_sandbox: StripeSandbox, account: StripeAccount, changed: Json
) -> None:
    """It has the transaction's id, and perhaps its amount and currency; Stripe failed to create the real one."""
    one = buy()
    named = {"saleor_installation": str(one.installation.pk), "saleor_transaction": one.id}
    paid: Json = {
        "amount": 1230,
        "currency": "usd",
        "confirm": True,
        "payment_method": "pm_card_visa",
        "return_url": "https://shop.example.com",
        "metadata": {**named, "saleor_flow": "CHARGE", "saleor_source": "Q2hlY2tvdXQ6MQ=="},
    }
    strange = client.stripe_of(account).v1.payment_intents.create({**paid, **changed})  # type: ignore[typeddict-item]  # built in parts
    stripe_sandbox.add_fault(MAKE, **KEPT)
    assert one.initialize()["result"] == "CHARGE_ACTION_REQUIRED"
    assert one.psp
    assert one.psp != strange.id
    assert [each["status"] for each in intents_of(stripe_sandbox, one)] == [
        "succeeded",
        "requires_payment_method",
    ]


def test_the_first_of_a_payment_and_its_copy_is_found(
    buy: Begin, stripe_sandbox: StripeSandbox, account: StripeAccount
) -> None:
    one = buy()
    first = one.initialize()["pspReference"]
    Payment.objects.all().delete()
    Attempt.objects.update(created_at=timezone.now() - timedelta(hours=30))
    stripe_sandbox.forget_keys()
    metadata = dict(stripe_sandbox.account.table("payment_intent")[first]["metadata"])
    copy: Json = {"amount": 1230, "currency": "usd", "metadata": metadata}
    client.stripe_of(account).v1.payment_intents.create(copy)  # type: ignore[arg-type]  # built in parts
    assert one.initialize()["pspReference"] == first


def test_a_payment_is_found_after_the_secret_was_rotated(
    buy: Begin, stripe_sandbox: StripeSandbox, settings: Any
) -> None:
    """Even after both of its rows were lost."""
    one = buy()
    first = one.initialize()["pspReference"]
    Payment.objects.all().delete()
    Attempt.objects.all().delete()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "f" * 40
    assert one.initialize()["pspReference"] == first
    assert len(intents_of(stripe_sandbox, one)) == 1
