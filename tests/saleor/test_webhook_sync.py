"""The app keeps its own webhooks, notices its removal, and forgets a shop in the end."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_ox.models import OxTask

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox import cursors
from saleor_stripe_audience.inbox.models import Cursor
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.saleor import client, trouble, webhook_sync
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.state import App
from saleor_stripe_audience.shops import removal
from saleor_stripe_audience.shops.models import Installation, Problem
from tests.conftest import Work

ORDERS = """query Changed($since: DateTime!, $after: String) {
  orders(first: 1, after: $after, filter: {updatedAt: {gte: $since}}) {
    pageInfo { hasNextPage endCursor } edges { node { id } }
  }
}"""

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(settings: Any, live_server: Any) -> Iterator[SaleorSandbox]:
    settings.PUBLIC_URL = live_server.url
    with SaleorSandbox() as sandbox:
        settings.ALLOWED_SALEOR_URLS = (sandbox.api_url,)
        yield sandbox


@pytest.fixture
def app(shop: SaleorSandbox, live_server: Any) -> App:
    return shop.install(f"{live_server.url}/api/manifest")


@pytest.fixture
def installation(app: App) -> Installation:
    return Installation.objects.get()


def events_of(app: App) -> list[str]:
    return sorted(event for webhook in app.webhooks for event in webhook.events)


def test_a_fresh_install_is_as_it_should_be(installation: Installation) -> None:
    assert webhook_sync.sync_webhooks(installation) == []
    assert not Problem.objects.exists()


def test_queries_that_are_the_same_text_are_not_parsed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(query: str) -> str:
        raise AssertionError(query)

    monkeypatch.setattr(webhook_sync, "_normalize", refuse)
    assert webhook_sync.sync_webhooks(installation) == []


def test_a_query_that_is_only_written_differently_is_left_alone(app: App, installation: Installation) -> None:
    app.webhooks[0].query = f"# Written by another version\n{app.webhooks[0].query.replace(' ', '  ')}"
    assert webhook_sync.sync_webhooks(installation) == []


def test_whatever_is_wrong_with_the_webhooks_is_fixed_once(app: App, installation: Installation) -> None:
    wanted = events_of(app)
    found = {each.events[0]: each for each in client.fetch_installed(installation).webhooks}
    client.delete_webhook(installation, found["ORDER_CREATED"].id)
    client.update_webhook(
        installation,
        found["ORDER_PAID"].id,
        {"targetUrl": "http://old.example.com/api/webhooks/saleor/order-paid"},
    )
    client.update_webhook(installation, found["ORDER_UPDATED"].id, {"isActive": False})
    client.update_webhook(
        installation,
        found["PRODUCT_CREATED"].id,
        {"query": "subscription { event { ... on ProductCreated { issuedAt } } }"},
    )
    client.create_webhook(
        installation,
        {
            "name": "of an older version",
            "targetUrl": "http://old.example.com/api/webhooks/saleor/gone",
            "asyncEvents": ["ORDER_EXPIRED"],
            "query": "subscription { event { ... on OrderExpired { issuedAt } } }",
        },
    )
    assert sorted(webhook_sync.sync_webhooks(installation)) == [
        "created Order created",
        "deleted of an older version",
        "updated Order paid",
        "updated Order updated",
        "updated Product created",
    ]
    assert events_of(app) == wanted
    assert webhook_sync.sync_webhooks(installation) == []


def test_a_webhook_that_somebody_else_added_is_left_alone(app: App, installation: Installation) -> None:
    client.create_webhook(
        installation,
        {
            "name": "theirs",
            "targetUrl": "http://other.example.com/hook",
            "asyncEvents": ["ORDER_EXPIRED"],
            "query": "subscription { event { ... on OrderExpired { issuedAt } } }",
        },
    )
    assert webhook_sync.sync_webhooks(installation) == []
    assert "ORDER_EXPIRED" in events_of(app)


def test_a_missing_permission_is_a_problem_until_it_is_granted(app: App, installation: Installation) -> None:
    granted = app.permissions
    app.permissions = granted - {"MANAGE_PRODUCTS"}
    webhook_sync.sync_webhooks(installation)
    webhook_sync.sync_webhooks(installation)
    problem = Problem.objects.get()
    assert problem.key == "permissions"
    assert "Manage products" in problem.message
    assert "install it again" in problem.message
    app.permissions = granted
    webhook_sync.sync_webhooks(installation)
    assert not Problem.objects.exists()


def test_what_the_shop_refuses_is_a_problem_and_the_rest_is_done(
    app: App, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for webhook in client.fetch_installed(installation).webhooks[:2]:
        client.delete_webhook(installation, webhook.id)
    genuine = webhook_sync.input_of
    first = app.webhooks[0].name

    def with_a_fault(webhook: dict[str, Any]) -> dict[str, Any]:
        fields = genuine(webhook)
        return (
            fields | {"query": "subscription { event { nothing } }"} if webhook["name"] == first else fields
        )

    monkeypatch.setattr(webhook_sync, "input_of", with_a_fault)
    done = webhook_sync.sync_webhooks(installation)
    assert len(done) == 2
    problem = Problem.objects.get()
    assert problem.message.startswith("Saleor refused to change the app's webhooks.")
    monkeypatch.undo()
    webhook_sync.sync_webhooks(installation)
    assert not Problem.objects.exists()


def test_an_upgraded_saleor_is_synced_once(
    installation: Installation, shop: SaleorSandbox, run_due_tasks: Work
) -> None:
    Installation.objects.update(schema_version="3.21")
    body = json.dumps(
        {"version": "3.23.28", "recipient": {"id": installation.app_id}, "order": {"id": "T3JkZXI6MQ=="}}
    ).encode()
    for number in range(3):
        each = body.replace(b"MQ==", b"MQ%d=" % number)
        answer = Client().post(
            "/api/webhooks/saleor/order-cancelled",
            each,
            content_type="application/json",
            headers={
                "Saleor-Api-Url": installation.saleor_api_url,
                "Saleor-Signature": shop.host.key.signature(each),
            },
        )
        assert answer.status_code == 200
    assert OxTask.objects.filter(task_path__endswith="sync_webhooks_of").count() == 1
    run_due_tasks()
    installation.refresh_from_db()
    assert installation.schema_version.startswith("3.23")


def test_a_variant_keeps_its_own_webhooks(shop: SaleorSandbox, live_server: Any) -> None:
    app = shop.install(f"{live_server.url}/api/manifest?variant=audience-only")
    installation = Installation.objects.get()
    assert installation.variant == "audience-only"
    before = events_of(app)
    assert webhook_sync.sync_webhooks(installation) == []
    assert events_of(app) == before
    assert "TRANSACTION_INITIALIZE_SESSION" not in before


def test_removal_is_reported_by_the_shop(
    shop: SaleorSandbox, app: App, installation: Installation, run_due_tasks: Work
) -> None:
    shop.delete_app(app)
    shop.drain(10)
    run_due_tasks()
    installation.refresh_from_db()
    assert not installation.is_active
    assert installation.removed_at is not None


@pytest.mark.parametrize("version", ["3.21", "3.22", "3.23", "3.24"])
class TestRemovalThatNobodyAnnounces:
    """Saleor does not notify the app: it responds as if the caller had no permissions at all."""

    @pytest.fixture
    def shop(self, settings: Any, live_server: Any, version: str) -> Iterator[SaleorSandbox]:
        settings.PUBLIC_URL = live_server.url
        with SaleorSandbox(version) as sandbox:
            settings.ALLOWED_SALEOR_URLS = (sandbox.api_url,)
            yield sandbox

    @pytest.fixture(autouse=True)
    def _silent(self, app: App) -> None:
        app.webhooks = [each for each in app.webhooks if "APP_DELETED" not in each.events]

    def test_the_next_look_notices_that_the_app_was_deleted(
        self, shop: SaleorSandbox, app: App, installation: Installation
    ) -> None:
        shop.delete_app(app)
        assert webhook_sync.sync_all_webhooks.call() == {installation.saleor_api_url: "marked as removed"}
        first = Installation.objects.get().removed_at
        assert first is not None
        webhook_sync.sync_all_webhooks.call()
        assert Installation.objects.get().removed_at == first

    @pytest.mark.usefixtures("installation")
    def test_one_that_is_switched_off_resumes_when_it_is_switched_on(
        self, shop: SaleorSandbox, app: App
    ) -> None:
        shop.set_active(app, False)
        webhook_sync.sync_all_webhooks.call()
        assert not Installation.objects.get().is_active
        shop.set_active(app, True)
        webhook_sync.sync_all_webhooks.call()
        assert Installation.objects.get().is_active

    def test_every_other_call_names_the_removal_too(
        self, shop: SaleorSandbox, app: App, installation: Installation
    ) -> None:
        shop.delete_app(app)
        calls: list[Callable[[], object]] = [
            lambda: client.fetch_app(installation.saleor_api_url, installation.token),
            lambda: client.fetch_channels(installation.saleor_api_url, installation.token),
            lambda: client.fetch_failed_deliveries(installation),
            lambda: client.delete_webhook(installation, app.webhooks[0].id),
            lambda: client.fetch_transaction_events(installation, "VHJhbnNhY3Rpb25JdGVtOjE="),
        ]
        for call in calls:
            with pytest.raises(Rejected) as refused:
                call()
            assert refused.value.code == trouble.APP_UNKNOWN

    @pytest.mark.usefixtures("installation")
    def test_a_shop_that_stays_away_is_forgotten_after_thirty_days(
        self, shop: SaleorSandbox, app: App
    ) -> None:
        shop.delete_app(app)
        webhook_sync.sync_all_webhooks.call()
        Installation.objects.update(removed_at=timezone.now() - timedelta(days=31))
        assert removal.forget_removed_shops.call() == 1
        assert not Installation.objects.exists()


def test_a_missing_permission_is_not_mistaken_for_a_removal(app: App, installation: Installation) -> None:
    app.permissions = app.permissions - {"MANAGE_ORDERS"}
    with pytest.raises(Rejected) as refused:
        list(client.fetch_changed(installation, ORDERS, "orders", timezone.now()))
    assert refused.value.code == trouble.PERMISSION_DENIED


def test_a_removal_reported_after_the_reinstall_does_not_switch_the_new_one_off(
    shop: SaleorSandbox, app: App, installation: Installation, live_server: Any, run_due_tasks: Work
) -> None:
    shop.delete_app(app)
    shop.install(f"{live_server.url}/api/manifest")
    shop.drain(10)
    run_due_tasks()
    assert Installation.objects.get().is_active


def test_a_purchase_that_reaches_us_resumes_the_shop(shop: SaleorSandbox, installation: Installation) -> None:
    removal.mark_removed(installation)
    body = json.dumps(
        {"issuedAt": datetime.now(UTC).isoformat(), "recipient": {"id": installation.app_id}}
    ).encode()
    Client().post(
        "/api/webhooks/saleor/payment-gateway-initialize-session",
        body,
        content_type="application/json",
        headers={
            "Saleor-Api-Url": installation.saleor_api_url,
            "Saleor-Signature": shop.host.key.signature(body),
        },
    )
    assert Installation.objects.get().is_active


def test_a_token_that_is_accepted_again_resumes_the_shop(installation: Installation) -> None:
    removal.mark_removed(installation)
    webhook_sync.sync_webhooks(installation)
    installation.refresh_from_db()
    assert installation.is_active
    assert installation.removed_at is None


def test_a_shop_that_cannot_be_asked_stays_as_it_is(shop: SaleorSandbox, installation: Installation) -> None:
    shop.stop()
    with pytest.raises(Unavailable):
        webhook_sync.sync_webhooks(installation)
    assert Installation.objects.get().is_active


class TestForgetting:
    def test_a_shop_is_kept_for_thirty_days(self, installation: Installation) -> None:
        removal.mark_removed(installation)
        Installation.objects.update(removed_at=timezone.now() - timedelta(days=29))
        assert removal.forget_removed() == 0
        assert Installation.objects.exists()

    def test_then_nothing_of_it_is_left(self, installation: Installation) -> None:
        account = StripeAccount.objects.create(
            installation=installation, name="a", publishable_key="pk", secret_key="sk", livemode=False
        )
        AccountChannel.objects.create(installation=installation, account=account, channel_slug="eu")
        Payment.objects.create(
            installation=installation, account=account, transaction_id="t", amount_minor=1, currency="USD"
        )
        for origin in (installation.pk, account.pk):
            cursors.advance(origin, "events", timezone.now())
        removal.mark_removed(installation)
        Installation.objects.update(removed_at=timezone.now() - timedelta(days=31))
        assert removal.forget_removed_shops.call() == 1
        assert not Cursor.objects.exists()
        assert not Installation.objects.exists()
        assert not StripeAccount.objects.exists()
        assert not Payment.objects.exists()
        assert removal.forget_removed_shops.call() == 0

    def test_while_stripe_cannot_be_asked_the_shop_waits(
        self, installation: Installation, settings: Any
    ) -> None:
        settings.STRIPE_API_BASE = "http://127.0.0.1:9"
        StripeAccount.objects.create(
            installation=installation,
            name="a",
            publishable_key="pk",
            secret_key="sk",
            livemode=False,
            webhook_endpoint_id="we_1",
        )
        removal.mark_removed(installation)
        Installation.objects.update(removed_at=timezone.now() - timedelta(days=31))
        assert removal.forget_removed() == 0
        assert StripeAccount.objects.get().webhook_endpoint_id == "we_1"
