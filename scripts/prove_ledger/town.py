"""A shop with the app, and Stripe, in this process; Stripe's events only arrive when the player delivers them."""

import json
import math
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from http import HTTPStatus
from typing import Any, cast

import stripe
from django.core.wsgi import get_wsgi_application
from django.test import Client, override_settings

from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.sandbox.demo.shopper import GATEWAY, INITIALIZE, REQUEST_ACTION, Shopper, change
from saleor_stripe_audience.sandbox.demo.stage import APP_ID, Stage, StageFailed
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.delivery import Delivery
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, SECRET_KEY, StripeSandbox, signature
from saleor_stripe_audience.sandbox.stripe.errors import Refusal
from saleor_stripe_audience.shops.models import Installation
from scripts.working import OwnWorker

Json = dict[str, Any]

LEDGER = """query Ledger($id: ID!) { transaction(id: $id) {
  chargedAmount { amount } authorizedAmount { amount } refundedAmount { amount } canceledAmount { amount } } }"""
PROCESS = "mutation($id: ID!) { transactionProcess(id: $id) { transactionEvent { type } errors { code } } }"


@dataclass(frozen=True)
class Amounts:
    """A ledger's amounts, in whole units of the currency."""

    authorized: Decimal
    charged: Decimal
    refunded: Decimal
    canceled: Decimal


@dataclass
class PlayTown:
    """One shop for many payments."""

    shop: SaleorSandbox
    stripe: StripeSandbox
    stripe_url: str
    account: StripeAccount
    products: list[Json] = field(default_factory=list)
    worker: OwnWorker = field(default_factory=OwnWorker)

    @property
    def saleor_api_url(self) -> str:
        return self.shop.api_url

    @property
    def api(self) -> Any:
        return stripe.StripeClient(SECRET_KEY, base_addresses={"api": self.stripe_url}).v1

    def begin(self, flow: str) -> tuple[str, str]:
        """Create a checkout and initialize its transaction; return Saleor's id and Stripe's."""
        for channel in self.shop.host.store.channels:
            channel.flow = flow
        stage = cast("Stage", self)  # the shopper only needs the two URLs
        shopper = Shopper(stage)
        self.products = self.products or shopper.products()
        checkout = shopper._checkout(self.products[0]["variants"][0]["id"], "robin@example.com")  # noqa: SLF001 - the storefront's steps one by one
        change(stage, GATEWAY, None, id=checkout, gateways=[{"id": APP_ID}])
        variables = {"id": checkout, "gateway": {"id": APP_ID, "data": None}, "key": str(uuid.uuid4())}
        started = change(stage, INITIALIZE, None, **variables)
        return started["transaction"]["id"], started["transactionEvent"]["pspReference"]

    def ask(self, transaction: str, action: str, amount: float | None) -> None:
        """Request an action as staff in the Dashboard; what Saleor itself refuses does not matter here."""
        stage = cast("Stage", self)
        try:
            change(
                stage, REQUEST_ACTION, self.shop.staff_token(), id=transaction, action=action, amount=amount
            )
        except StageFailed:
            return
        self.shop.drain()

    def captured(self, transaction: str) -> list[Delivery]:
        """Return every signed body that Saleor has sent about the transaction."""
        sent = [each for each in self.shop.deliveries if each.synchronous and each.attempts]
        return [each for each in sent if _transaction_in(each) == transaction]

    def replay(self, captured: Delivery, event: str) -> None:
        """Post a body again, byte for byte, to the endpoint of `event`, which may be another event's."""
        headers = captured.attempts[0].headers
        answer = Client().post(
            f"/api/webhooks/saleor/{event.lower().replace('_', '-')}",
            captured.body,
            content_type="application/json",
            headers={
                "Saleor-Event": event.lower(),
                **{name: headers[name] for name in ("Saleor-Api-Url", "Saleor-Signature")},
            },
        )
        if answer.status_code != HTTPStatus.OK:
            raise StageFailed(f"the app answered a synchronous webhook with {answer.status_code}")

    def process(self, transaction: str) -> None:
        """Ask for the result of the payment, as the storefront does."""
        self.shop.gql(PROCESS, {"id": transaction})

    def deliver(self, event: Json) -> None:
        """Deliver one of Stripe's events to the app."""
        body = json.dumps(event).encode()
        signed = signature(self.account.webhook_secret, body, int(time.time()))
        path = f"/api/webhooks/stripe/{self.account.pk}"
        answer = Client().post(
            path, body, content_type="application/json", headers={"Stripe-Signature": signed}
        )
        if answer.status_code != 200:
            raise StageFailed(f"the app refused an event: {answer.status_code}")

    def work(self) -> None:
        """Run every task that is due."""
        self.worker.work()

    def ledger(self, transaction: str) -> Amounts:
        """Return the amounts in Saleor's ledger."""
        found = self.shop.gql(LEDGER, {"id": transaction}, self.shop.staff_token())["transaction"]
        names = ("authorizedAmount", "chargedAmount", "refundedAmount", "canceledAmount")
        return Amounts(*(Decimal(str(found[name]["amount"])) for name in names))

    def truth(self, intent_id: str) -> Amounts:
        """Return the amounts at Stripe, computed here from its objects."""
        tables = self.stripe.account.table
        intent = tables("payment_intent")[intent_id]
        charge = tables("charge").get(intent["latest_charge"] or "")
        if charge is None or charge["status"] != "succeeded":
            return Amounts(*[Decimal(0)] * 4)
        refunds = [each for each in tables("refund").values() if each["charge"] == charge["id"]]
        rest = (
            max(0, charge["amount"] - charge["amount_captured"])
            if intent["status"] in ("canceled", "succeeded")
            else 0
        )
        standing = [
            each["amount"]
            for each in refunds
            if each["status"] == "succeeded" and each["balance_transaction"]
        ]
        disputes = [each for each in tables("dispute").values() if each["charge"] == charge["id"]]
        received = intent["amount_received"]
        withdrawn = sum(_withdrawn(each, received) for each in disputes)
        held = intent["amount_capturable"]
        return Amounts(
            *(
                Decimal(each) / 100
                for each in (held, received - sum(standing) - withdrawn, sum(standing), rest)
            )
        )


def _transaction_in(delivery: Delivery) -> str:
    return str((delivery.payload.get("transaction") or {}).get("id") or "")


@contextmanager
def play_town(*, multicapture: bool = True) -> Iterator[PlayTown]:
    """Run both stand-ins with the app between them; Django and its database must be ready."""
    with (
        StripeSandbox(webhook_retry_seconds=0.01, later_seconds=0.01) as sandbox,
        Served(sandbox.wsgi) as stripe_served,
        SaleorSandbox(retry_scale=0.001) as shop,
        Served(get_wsgi_application()) as app,
        override_settings(
            STRIPE_API_BASE=stripe_served.url, PUBLIC_URL=app.url, ALLOWED_SALEOR_URLS=(shop.api_url,)
        ),
    ):
        sandbox.base_url = stripe_served.url
        sandbox.account.multicapture = multicapture
        shop.install(f"{app.url}/api/manifest")
        installation = Installation.objects.get(saleor_api_url=shop.api_url)
        account = _connected(installation)
        yield PlayTown(shop, sandbox, stripe_served.url, account)


def _connected(installation: Installation) -> StripeAccount:
    """Create an account without an endpoint at Stripe, so that only the player delivers events."""
    account = StripeAccount.objects.create(
        installation=installation,
        name="Sandbox Shop",
        publishable_key=PUBLISHABLE_KEY,
        secret_key=SECRET_KEY,
        stripe_id=f"acct_{uuid.uuid4().hex[:16]}",
        livemode=False,
        webhook_secret="whsec_of_the_player",
    )
    for slug in installation.channels.values_list("slug", flat=True):
        AccountChannel.objects.create(installation=installation, account=account, channel_slug=slug)
    return account


def _withdrawn(dispute: Json, received: int) -> int:
    """Return what is still withdrawn. A dispute that exceeds the payment by its exchange rate counts as the payment."""
    amounts = [int(each["amount"]) for each in dispute["balance_transactions"]]
    if not amounts:
        return 0
    first = -amounts[0]
    scale = Fraction(min(first, received), first)
    returned = math.floor(scale * sum(each for each in amounts if each > 0) + Fraction(1, 2))
    return min(first, received) - returned


def quietly(act: Callable[[], object]) -> None:
    """Ignore what Stripe refuses in a random history: the ledgers must agree anyway."""
    try:
        act()
    except (stripe.StripeError, StageFailed, Refusal):
        return
