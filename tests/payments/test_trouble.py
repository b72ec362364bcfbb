"""Nothing is given up for a temporary reason: work waits for the account, and continues automatically."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_ox.models import OxTask

from saleor_stripe_audience.catalog.models import CatalogProduct, WaitingProduct
from saleor_stripe_audience.errors import Blocked, Unavailable
from saleor_stripe_audience.gateway import onboarding, payment_intents
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.backlog import backlog
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.payments import report, upkeep
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, SECRET_KEY, StripeSandbox
from saleor_stripe_audience.sandbox.stripe.faults import LOCK_TIMEOUT, RATE_LIMIT
from saleor_stripe_audience.shops.models import Problem

from .conftest import Buy
from .test_reporting import Town, town

__all__ = ["town"]

Json = dict[str, Any]
NEW_KEY = "sk_test_renewed"
NARROW = ["payment_intent_write", "webhook_write"]


def dead_key(town: Town) -> None:
    town.stripe.revoke_key(SECRET_KEY)


def narrowed_key(town: Town) -> None:
    town.stripe.add_key(town.stripe.account, SECRET_KEY, NARROW)


def renew(town: Town) -> None:
    """Paste another key of the same account, as a merchant would."""
    town.stripe.add_key(town.stripe.account, NEW_KEY)
    onboarding.connect(town.account.installation, PUBLISHABLE_KEY, NEW_KEY, [])


def known_account(town: Town) -> None:
    """Store the account's true id, as `connect` does, so that the same account is found again."""
    StripeAccount.objects.update(stripe_id=town.stripe.account.id)


def key_problems() -> list[str]:
    return list(Problem.objects.filter(key__startswith="key-").values_list("key", flat=True))


class TestADeadKey:
    def test_costs_no_attempt_and_is_one_problem(self, town: Town, run_all_tasks: Callable[[], int]) -> None:
        town.begin()
        town.pay()
        events = town.events()
        dead_key(town)
        town.deliver_all(events)
        run_all_tasks()
        waiting = Handling.objects.filter(waits_for=town.account.pk)
        assert waiting.count() >= 1
        assert set(waiting.values_list("attempts", flat=True)) == {0}
        assert not Handling.objects.filter(given_up_at__isnull=False).exists()
        assert key_problems() == [f"key-{town.account.pk}"]
        assert "Paste a new" in Problem.objects.get(key__startswith="key-").message
        assert not OxTask.objects.filter(status=OxTask.Status.READY).exists()

    def test_waiting_is_cheap(self, town: Town, run_due_tasks: Callable[[], int]) -> None:
        from saleor_stripe_audience.inbox.engine import sweep

        town.begin()
        town.pay()
        events = town.events()
        dead_key(town)
        town.deliver_all(events)
        Event.objects.update(received_at=timezone.now() - timedelta(days=45))
        town.stripe.log.clear()
        assert sweep() == 0
        assert run_due_tasks() == 0
        assert town.stripe.log.entries(None, None) == []
        assert backlog().blocked >= 1
        assert backlog().waiting == 0

    def test_continues_when_the_key_is_replaced(self, town: Town) -> None:
        known_account(town)
        town.begin()
        town.pay()
        events = town.events()
        dead_key(town)
        town.deliver_all(events)
        assert town.amounts()[0] == 0
        renew(town)
        while town.work():
            pass
        assert town.amounts()[0] == town.total()
        assert Payment.objects.get().gross_minor is not None
        assert not Handling.objects.filter(waits_for__isnull=False).exists()
        assert not Event.objects.filter(handled_at=None).exists()

    def test_continues_after_the_hourly_check_if_the_key_works_again(self, town: Town) -> None:
        town.begin()
        town.pay()
        events = town.events()
        narrowed_key(town)
        town.deliver_all(events)
        assert key_problems()
        town.stripe.add_key(town.stripe.account, SECRET_KEY)
        upkeep.check_accounts()
        while town.work():
            pass
        assert town.amounts()[0] == town.total()
        assert key_problems() == []
        assert StripeAccount.objects.get().blocked_at is None

    def test_keeps_what_only_one_handler_could_not_do(self, town: Town) -> None:
        """The ledger does not need the balance, but the fees do."""
        town.begin()
        town.pay()
        events = town.events()
        scopes = [
            f"{scope}_write"
            for scope in (
                "payment_intent",
                "charge",
                "product",
                "plan",
                "webhook",
                "customer",
                "payment_method",
            )
        ]
        town.stripe.add_key(town.stripe.account, SECRET_KEY, scopes)
        town.deliver_all(events)
        assert town.amounts()[0] == town.total()
        assert Payment.objects.get().gross_minor is None
        assert key_problems() == [f"key-{town.account.pk}"]
        assert "permission" in Problem.objects.get(key__startswith="key-").message

    def test_the_hourly_looks_words_do_not_double_the_problem(self, town: Town) -> None:
        dead_key(town)
        for _ in range(2):
            upkeep.check_accounts()
            upkeep.sync_endpoints()
        assert key_problems() == [f"key-{town.account.pk}"]
        assert not Problem.objects.filter(key__startswith="endpoint-").exists()


class TestTheCatalogue:
    def test_waits_for_the_account_and_continues(self, town: Town) -> None:
        known_account(town)
        dead_key(town)
        town.shop.gql(
            'mutation($i: ID!) { productUpdate(id: $i, input: {name: "Renamed"}) { errors { code } } }',
            {"i": _a_product(town)},
            town.shop.staff_token(),
        )
        town.shop.drain()
        while town.work():
            pass
        assert WaitingProduct.objects.filter(account=town.account).count() == 1
        assert not Handling.objects.filter(given_up_at__isnull=False).exists()
        renew(town)
        while town.work():
            pass
        assert not WaitingProduct.objects.exists()
        assert CatalogProduct.objects.filter(account=town.account, name__startswith="Renamed").exists()


def _a_product(town: Town) -> str:
    query = '{ products(first: 1, channel: "default-channel") { edges { node { id } } } }'
    found: str = town.shop.gql(query, {})["products"]["edges"][0]["node"]["id"]
    return found


class TestWhatStripeKeepsUnderAKey:
    @pytest.mark.parametrize("done", [False, True])
    def test_a_refund_is_given_once(
        self, buy: Callable[..., Buy], stripe_sandbox: StripeSandbox, done: bool
    ) -> None:
        one = buy().paid()
        stripe_sandbox.add_fault("POST /v1/refunds", status=500, kept=True, after_effect=done)
        first = one.request("REFUND", "2.00")
        again = one.request("REFUND", "2.00", again=True)
        assert first["result"] == "REFUND_FAILURE"
        assert again["result"] == "REFUND_SUCCESS"
        assert [each["amount"] for each in stripe_sandbox.account.table("refund").values()] == [200]

    @pytest.mark.parametrize("done", [False, True])
    def test_a_hold_is_captured_once(
        self, buy: Callable[..., Buy], stripe_sandbox: StripeSandbox, done: bool
    ) -> None:
        one = buy(flow="AUTHORIZATION").paid()
        path = f"POST /v1/payment_intents/{one.psp}/capture"
        stripe_sandbox.add_fault(path, status=500, kept=True, after_effect=done)
        one.request("CHARGE", "12.30")
        again = one.request("CHARGE", "12.30", again=True)
        assert again["result"] == "CHARGE_SUCCESS"
        assert stripe_sandbox.account.table("payment_intent")[one.psp]["amount_received"] == 1230

    @pytest.mark.parametrize("done", [False, True])
    def test_a_part_of_a_hold_is_captured_once(
        self, buy: Callable[..., Buy], stripe_sandbox: StripeSandbox, done: bool
    ) -> None:
        """The retry compares with the state before the first attempt, not with the current one."""
        stripe_sandbox.account.multicapture = True
        one = buy(flow="AUTHORIZATION").paid()
        path = f"POST /v1/payment_intents/{one.psp}/capture"
        stripe_sandbox.add_fault(path, status=500, kept=True, after_effect=done)
        assert one.request("CHARGE", "2.00")["result"] == "CHARGE_FAILURE"
        assert one.request("CHARGE", "2.00", again=True)["result"] == "CHARGE_SUCCESS"
        assert stripe_sandbox.account.table("payment_intent")[one.psp]["amount_received"] == 200

    @pytest.mark.parametrize("done", [False, True])
    def test_a_hold_is_released(
        self, buy: Callable[..., Buy], stripe_sandbox: StripeSandbox, done: bool
    ) -> None:
        one = buy(flow="AUTHORIZATION").paid()
        path = f"POST /v1/payment_intents/{one.psp}/cancel"
        stripe_sandbox.add_fault(path, status=500, kept=True, after_effect=done)
        one.request("CANCEL", None)
        assert one.request("CANCEL", None, again=True)["result"] == "CANCEL_SUCCESS"

    def test_a_payment_begins(self, buy: Callable[..., Buy], stripe_sandbox: StripeSandbox) -> None:
        stripe_sandbox.add_fault("POST /v1/payment_intents", status=500, kept=True)
        one = buy()
        one.initialize()
        assert one.initialize()["data"]["paymentIntent"]["stripeClientSecret"]
        assert len(stripe_sandbox.account.table("payment_intent")) == 1


@pytest.mark.parametrize(("body", "code"), [(LOCK_TIMEOUT, "lock_timeout"), (RATE_LIMIT, "rate_limit")])
def test_a_busy_stripe_is_named_as_what_it_is(
    account: StripeAccount, stripe_url: str, stripe_sandbox: StripeSandbox, body: Json, code: str
) -> None:
    stripe_sandbox.add_fault("GET /v1/payment_intents/*", status=429, body=body, times=3)
    with pytest.raises(Unavailable) as caught:
        payment_intents.retrieve(account, "pi_1")
    assert caught.value.code == code
    assert "try again" in caught.value.message
    assert "did not respond" not in caught.value.message


def test_an_outage_of_hours_gives_nothing_up(
    town: Town, run_all_tasks: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from saleor_stripe_audience.inbox.engine import sweep

    def down(*_: object, **__: object) -> None:
        raise Unavailable("no answer", code="stripe_unavailable")

    town.begin()
    town.pay()
    events = town.events()
    with monkeypatch.context() as patched:
        patched.setattr(report, "report_missing", down)
        town.deliver_all(events)
        run_all_tasks()
    assert not Handling.objects.filter(given_up_at__isnull=False).exists()
    assert town.amounts()[0] == 0
    Event.objects.update(received_at=timezone.now() - timedelta(hours=2))
    assert sweep() >= 1
    run_all_tasks()
    assert town.amounts()[0] == town.total()


def test_a_left_platform_account_is_the_accounts_trouble(town: Town) -> None:
    StripeAccount.objects.update(
        kind=StripeAccount.Kind.CONNECT, connect_state=StripeAccount.ConnectState.NOT_CONNECTED
    )
    account = StripeAccount.objects.get()
    with pytest.raises(Blocked) as caught:
        payment_intents.retrieve(account, "pi_1")
    assert caught.value.by == account.pk
    assert key_problems() == [f"key-{account.pk}"]
