"""After any outage, both sides agree again automatically; what cannot be repaired is reported."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.gateway import payment_intents
from saleor_stripe_audience.gateway.disconnect import disconnect
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox import engine
from saleor_stripe_audience.inbox.models import Cursor, Event
from saleor_stripe_audience.payments import records
from saleor_stripe_audience.payments.models import Attempt, Payment
from saleor_stripe_audience.payments.reconcile import Reconciled, reconcile
from saleor_stripe_audience.saleor.listing import LISTINGS, changed_query
from saleor_stripe_audience.shops.models import Installation

from .test_reporting import Town, town  # noqa: F401 - a fixture

Work = Callable[[], int]


@pytest.fixture(autouse=True)
def one_product(town: Town) -> None:  # noqa: F811 - the fixture
    """Comparing reads all products: one is enough here."""
    del town.shop.host.store.products[1:]


def reconciled(run_due_tasks: Work, since: datetime | None = None) -> Reconciled:
    report = reconcile(Installation.objects.get(), since)
    while run_due_tasks():
        pass
    return report


def what(report: Reconciled) -> list[str]:
    return [each.what for each in report.differences]


class TestStripeWasNotHeard:
    def test_its_events_are_fetched_and_worked(self, town: Town, run_due_tasks: Work) -> None:  # noqa: F811 - the fixture
        town.begin()
        town.pay()
        town.stripe.drain()
        report = reconciled(run_due_tasks)
        assert sum(report.recorded.values()) >= 1
        assert town.amounts()[0] == town.total()
        assert all(each.fixed for each in report.differences)

    def test_they_are_stored_without_what_is_private(self, town: Town, run_due_tasks: Work) -> None:  # noqa: F811 - the fixture
        town.begin()
        town.pay()
        customer = town.api.customers.create({"name": "Robin Vale"}).id
        town.stripe.transfer(customer, "usd", 700)
        town.stripe.drain()
        reconciled(run_due_tasks)
        stored = [str(each.payload) for each in Event.objects.filter(source="stripe")]
        assert any(town.intent in each for each in stored)
        assert any(customer in each for each in stored)
        private = ("_secret_", "billing_details", "'funded': {", "sender_name")
        assert [word for word in private if any(word in each for each in stored)] == []

    def test_refunds_and_disputes_too(self, town: Town, run_due_tasks: Work) -> None:  # noqa: F811 - the fixture
        town.begin()
        town.pay()
        town.deliver_all(town.events())
        town.api.refunds.create({"payment_intent": town.intent, "amount": 500})
        town.stripe.drain()
        reconciled(run_due_tasks)
        assert town.amounts() == (town.total() - 5, 0, 5, 0)

    def test_a_second_look_finds_nothing(self, town: Town, run_due_tasks: Work) -> None:  # noqa: F811 - the fixture
        town.begin()
        town.pay()
        town.stripe.drain()
        reconciled(run_due_tasks)
        again = reconciled(run_due_tasks)
        assert sum(again.recorded.values()) == 0
        assert again.differences == []
        assert again.compared == 1

    def test_a_payment_without_changes_is_compared_once(
        self,
        town: Town,  # noqa: F811 - the fixture
        run_due_tasks: Work,
    ) -> None:
        town.begin()
        town.pay()
        town.stripe.drain()
        reconciled(run_due_tasks)
        an_hour_ago = timezone.now() - timedelta(hours=1)
        Payment.objects.update(created_at=an_hour_ago, updated_at=an_hour_ago)
        town.stripe.account.table("payment_intent")[town.intent]["created"] = int(an_hour_ago.timestamp())
        assert reconciled(run_due_tasks, since=an_hour_ago - timedelta(hours=1)).compared == 1
        assert Payment.objects.get().updated_at == an_hour_ago
        assert reconciled(run_due_tasks).compared == 0
        records.save(town.account, payment_intents.retrieve(town.account, town.intent))
        assert reconciled(run_due_tasks).compared == 1, (
            "an event or a request is a reason to compare it again"
        )

    def test_a_payment_that_was_forgotten_is_found_by_its_metadata(
        self,
        town: Town,  # noqa: F811 - the fixture
        run_due_tasks: Work,
    ) -> None:
        town.begin()
        total = town.total()
        town.pay()
        for model in (Payment, Attempt, Event):
            model.objects.all().delete()
        report = reconciled(run_due_tasks)
        assert "the payment was not known here" in what(report)
        assert town.amounts()[0] == total
        assert Payment.objects.get().payment_intent_id == town.intent

    def test_events_older_than_stripe_keeps_are_healed_by_the_payments(
        self,
        town: Town,  # noqa: F811 - the fixture
        run_due_tasks: Work,
    ) -> None:
        town.begin("AUTHORIZATION")
        town.pay()
        town.stripe.account.table("event").clear()
        report = reconciled(run_due_tasks)
        assert town.amounts()[1] == town.total()
        assert any("AUTHORIZATION_SUCCESS" in each for each in what(report))

    @pytest.mark.parametrize(
        "odd", [{"amount": None}, {"currency": "coins"}, {"status": None}, {"metadata": "x"}]
    )
    def test_an_object_that_cannot_be_read_stops_none_of_the_others(
        self,
        town: Town,  # noqa: F811 - the fixture
        run_due_tasks: Work,
        odd: dict[str, Any],
    ) -> None:
        town.begin()
        town.pay()
        town.api.payment_intents.create({"amount": 700, "currency": "usd"})
        intents = town.stripe.account.table("payment_intent")
        stranger = next(each for each in intents.values() if each["id"] != town.intent)
        stranger.update(odd)
        town.stripe.account.table("event").clear()
        report = reconciled(run_due_tasks)
        assert report.compared == 1
        assert town.amounts()[0] == town.total()


def order_while_inactive(town: Town) -> None:  # noqa: F811 - the fixture
    """Pay and complete a checkout while the app is deactivated, so that no event of the order is sent."""
    app = town.shop.app("saleor.app.stripe-audience")
    assert app is not None
    town.begin()
    town.pay()
    town.deliver_all(town.events())
    town.shop.set_active(app, False)
    [checkout] = town.shop.host.store.checkouts
    town.shop.gql("mutation($i: ID!) { checkoutComplete(id: $i) { errors { code } } }", {"i": checkout.id})
    town.shop.drain()
    town.shop.set_active(app, True)


class TestSaleorWasNotHeard:
    def test_what_it_could_not_deliver_is_read_from_it(
        self,
        town: Town,  # noqa: F811 - the fixture
        run_due_tasks: Work,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def full(*_: Any, **__: Any) -> Any:
            raise OperationalError("disk full")

        town.begin()
        town.pay()
        town.deliver_all(town.events())
        with monkeypatch.context() as patched:
            patched.setattr(engine, "insert_once", full)
            [checkout] = town.shop.host.store.checkouts
            town.shop.gql(
                "mutation($i: ID!) { checkoutComplete(id: $i) { errors { code } } }", {"i": checkout.id}
            )
            town.shop.drain()
        assert not Purchase.objects.exists()
        report = reconciled(run_due_tasks)
        assert report.recorded["failed deliveries"] >= 1
        assert Purchase.objects.count() == 1
        assert Contact.objects.get().orders_count == 1

    def test_what_it_never_reported_is_listed_by_when_it_changed(
        self,
        town: Town,  # noqa: F811 - the fixture
        run_due_tasks: Work,
    ) -> None:
        """While an app is deactivated, nothing is delivered at all, so nothing fails."""
        order_while_inactive(town)
        assert not Purchase.objects.exists()
        report = reconciled(run_due_tasks)
        assert report.recorded["changed orders"] == 1
        assert Purchase.objects.count() == 1
        assert reconciled(run_due_tasks).recorded["changed orders"] == 0

    def test_what_changed_back_is_another_change(self, town: Town, run_due_tasks: Work) -> None:  # noqa: F811 - the fixture
        order_while_inactive(town)
        [order] = town.shop.host.store.orders
        for address in (order.user_email, "typo@shop.example", order.user_email):
            order.user_email, order.updated_at = address, datetime.now(UTC)
            assert reconciled(run_due_tasks).recorded["changed orders"] == 1
            assert Contact.objects.filter(purchases__isnull=False, email=address).exists()

    @pytest.mark.usefixtures("town")
    def test_a_variant_without_the_permission_does_not_ask(self, run_due_tasks: Work) -> None:
        Installation.objects.update(variant="payments-only")
        report = reconciled(run_due_tasks)
        assert "changed customers" not in report.recorded


class TestWhatCannotBeHealed:
    def test_a_shop_that_does_not_answer(self, town: Town, run_due_tasks: Work) -> None:  # noqa: F811 - the fixture
        town.begin()
        town.pay()
        town.shop.faults.statuses.extend([500] * 20)
        report = reconciled(run_due_tasks)
        assert any(not each.fixed and each.why for each in report.differences)
        town.shop.faults.statuses.clear()
        assert all(each.fixed for each in reconciled(run_due_tasks).differences)
        assert town.amounts()[0] == town.total()

    def test_a_key_that_was_revoked(self, town: Town, run_due_tasks: Work) -> None:  # noqa: F811 - the fixture
        town.begin()
        StripeAccount.objects.update(secret_key="sk_test_revoked")
        report = reconciled(run_due_tasks)
        [difference] = [each for each in report.differences if not each.fixed]
        assert difference.what == "Stripe could not be queried"
        assert "Paste a new" in difference.why
        assert not Cursor.objects.filter(name="events").exists(), "what was not read is read the next time"

    def test_a_transaction_that_saleor_no_longer_has(self, town: Town, run_due_tasks: Work) -> None:  # noqa: F811 - the fixture
        town.begin()
        town.pay()
        gone = "VHJhbnNhY3Rpb25JdGVtOjAwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMA=="
        Payment.objects.update(transaction_id=gone)
        report = reconciled(run_due_tasks)
        assert any("no longer has a transaction" in each.why for each in report.differences if not each.fixed)


def test_the_command_prints_what_it_found(
    town: Town,  # noqa: F811 - the fixture
    capsys: pytest.CaptureFixture[str],
) -> None:
    town.begin()
    town.pay()
    town.stripe.drain()
    capsys.readouterr()
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert main(["reconcile", "--since", since]) == 0
    [report] = json.loads(capsys.readouterr().out)
    assert report["shop"] == town.shop.api_url
    assert report["compared"] == 1
    assert [each["fixed"] for each in report["differences"]] == [True]
    StripeAccount.objects.update(secret_key="sk_test_revoked")
    assert main(["reconcile", "--saleor-api-url", town.shop.api_url]) == 1


@pytest.mark.parametrize("name", sorted(LISTINGS))
@pytest.mark.parametrize("version", ["3.21", "3.24"])
def test_what_changed_is_asked_for_with_the_events_own_fields(name: str, version: str) -> None:
    query = changed_query(name, version)
    assert "updatedAt" in query
    assert "since" not in query.replace("$since", "")


class TestWhatGoesOn:
    def test_after_a_reinstall_the_old_payments_do(self, town: Town, run_due_tasks: Work) -> None:  # noqa: F811 - the fixture
        town.begin()
        town.pay()
        town.deliver_all(town.events())
        app = town.shop.app("saleor.app.stripe-audience")
        assert app is not None
        town.shop.delete_app(app)
        town.shop.drain()
        run_due_tasks()
        town.shop.install(f"{settings.PUBLIC_URL}/api/manifest")
        asked = "transactionRequestAction(id: $i, actionType: REFUND, amount: 5) { errors { code } }"
        ask = f"mutation($i: ID!) {{ {asked} }}"
        town.shop.gql(ask, {"i": town.transaction}, town.shop.staff_token())
        town.shop.drain()
        assert town.amounts() == (town.total() - 5, 0, 5, 0)
        assert Installation.objects.count() == 1

    def test_after_the_account_was_disconnected_its_open_payments_do(
        self,
        town: Town,  # noqa: F811 - the fixture
        run_due_tasks: Work,
    ) -> None:
        town.begin()
        disconnect(town.account)
        town.pay()
        report = reconciled(run_due_tasks)
        assert town.amounts()[0] == town.total()
        assert all(each.fixed for each in report.differences)


def test_a_wrong_time_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["reconcile", "--since", "yesterday"])
    assert "argument --since: give a time, such as 2026-11-23T14:00:00Z" in capsys.readouterr().err
