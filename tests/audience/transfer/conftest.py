"""An audience to import into, and a shop of the Saleor stand-in with a history from before the app."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.state import Address, App, Money, Order, OrderLine, User
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install

BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
PERMISSIONS = frozenset({"MANAGE_USERS", "MANAGE_ORDERS", "MANAGE_PRODUCTS", "HANDLE_PAYMENTS"})
SAID = {"marketing_consent": "true", "consent_at": BEGAN.isoformat(), "consent_text": "News, please."}


@dataclass
class Past:
    """A shop with a history that the app has not seen."""

    saleor: SaleorSandbox
    installation: Installation
    made: int = 0

    def customer(self, email: str, **known: Any) -> User:
        user = User(email, created=self._moment(), **known)
        self.saleor.host.store.users.append(user)
        return user

    def order(self, email: str, user: User | None = None, **known: Any) -> Order:
        store = self.saleor.host.store
        store.order_number += 1
        variant = store.products[0].variants[0]
        price = Money(Decimal("12.50"), "USD")
        line = OrderLine(variant, "Thing", variant.name, variant.sku, variant.id, 2, price)
        given: dict[str, Any] = {"billing_address": Address("Robin", "Buyer", country="FR")} | known
        placed = Order(
            store.channels[0], str(store.order_number), email, None, user=user, lines=[line],
            created=self._moment(), key=str(uuid.uuid4()), **given,
        )  # fmt: skip
        store.orders.append(placed)
        return placed

    def _moment(self) -> datetime:
        self.made += 1
        return BEGAN + timedelta(minutes=self.made)


@pytest.fixture
def audience(shop: Installation) -> Audience:
    return Audience.objects.create(
        installation=shop, name="Customers", is_default=True, consent_text="Yes, send me news."
    )


@pytest.fixture
def past(transactional_db: None, settings: Any) -> Iterator[Past]:
    with SaleorSandbox() as saleor:
        settings.ALLOWED_SALEOR_URLS = (saleor.api_url,)
        app = App("app", "App", "https://app.example.com/api/manifest", PERMISSIONS, "t" * 30)
        saleor.host.store.apps.append(app)
        shop = install()
        shop.saleor_api_url, shop.token, shop.schema_version = saleor.api_url, app.token, "3.23"
        shop.save()
        yield Past(saleor, shop)
