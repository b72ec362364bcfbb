"""Two shops, each with its own data, and a developer of the first."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Model
from django.http import HttpResponse
from django.test import RequestFactory

from saleor_stripe_audience.api.views import graphql_view
from saleor_stripe_audience.api_keys.keys import create_key
from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import at, order
from tests.audience.records import record_order


@dataclass
class Shop:
    installation: Installation
    payment: Payment
    product: CatalogProduct


def furnish(domain: str, email: str) -> Shop:
    """Create a shop with one payment, one buyer with two orders, and one product with two prices."""
    installation = install(domain)
    account = StripeAccount.objects.create(
        id=uuid4(),
        installation=installation,
        name="Main",
        publishable_key="pk_test_1",
        secret_key="rk_test_1",
        stripe_id=f"acct_{domain}",
        livemode=False,
    )
    payment = Payment.objects.create(
        installation=installation,
        account=account,
        transaction_id=f"transaction of {domain}",
        idempotency_key="k",
        payment_intent_id=f"pi_{domain}",
        flow="CHARGE",
        source_id="Q2hlY2tvdXQ6MQ==",
        channel_slug="default-channel",
        amount_minor=3000,
        currency="USD",
        status="succeeded",
        captured_minor=3000,
        refunded_minor=500,
    )
    for number, currency in enumerate(("USD", "JPY")):
        record_order(installation, order(str(number), email=email, total=3000, currency=currency), at(number))
    product = CatalogProduct.objects.create(
        installation=installation,
        account=account,
        saleor_product_id="UHJvZHVjdDox",
        saleor_variant_id=f"variant of {domain}",
        name="Tee",
        sku="3282",
        stripe_product_id=f"prod_{domain}",
        issued_at=at(0),
        is_active=True,
    )
    for slug, currency, minor in (("default-channel", "USD", 1999), ("japan", "JPY", 2500)):
        CatalogPrice.objects.create(
            product=product,
            channel_slug=slug,
            currency=currency,
            amount_minor=minor,
            stripe_price_id=f"price_{slug}_{domain}",
            is_active=True,
        )
    return Shop(installation, payment, product)


@pytest.fixture
def mine(db: None) -> Shop:
    return furnish("mine.example", "ada@mine.example")


@pytest.fixture
def theirs(db: None) -> Shop:
    return furnish("theirs.example", "bob@theirs.example")


def post(key: str | None, body: Any, **headers: str) -> HttpResponse:
    """Post a request as a program would; return the response."""
    sent = body if isinstance(body, str) else json.dumps(body)
    given = {"Authorization": f"Bearer {key}"} if key else {}
    request = RequestFactory().post(
        "/graphql/", sent, content_type="application/json", headers=given | headers
    )
    return graphql_view(request)


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(mine: Shop) -> Ask:
    """Send a query with a key of the first shop; return the response's JSON."""
    key = create_key(mine.installation, "a developer").secret

    def answer(query: str, **variables: Any) -> dict[str, Any]:
        response = post(key, {"query": query, "variables": variables})
        assert response.status_code == 200, response.content
        result: dict[str, Any] = json.loads(response.content)
        return result

    return answer


@pytest.fixture
def write(mine: Shop) -> Ask:
    """As `ask`, with a key that can change the audience."""
    key = create_key(mine.installation, "a clerk", scopes=["audience:write"]).secret

    def answer(query: str, **variables: Any) -> dict[str, Any]:
        response = post(key, {"query": query, "variables": variables})
        assert response.status_code == 200, response.content
        result: dict[str, Any] = json.loads(response.content)
        return result

    return answer


def id_of(row: Model, kind: str = "") -> str:
    """Return the row's id as the API shows it."""
    return base64.b64encode(f"{kind or type(row).__name__}:{row.pk}".encode()).decode()


def codes_of(answer: dict[str, Any]) -> set[str]:
    """Return the codes of all errors, at the top level and in a mutation's payload."""
    return {error["extensions"]["code"] for error in answer.get("errors", [])} | {
        error["code"] for error in _errors_in(answer)
    }


def errors_of(answer: dict[str, Any]) -> list[tuple[str | None, str]]:
    """Return field and code of each error in the payload of the only mutation, which returned nothing else."""
    assert "errors" not in answer, answer
    [payload] = answer["data"].values()
    assert not any(value for name, value in payload.items() if name != "errors"), payload
    assert all(error["message"] for error in payload["errors"])
    return [(error["field"], error["code"]) for error in payload["errors"]]


def _errors_in(answer: dict[str, Any]) -> list[dict[str, Any]]:
    payloads = [each for each in (answer.get("data") or {}).values() if isinstance(each, dict)]
    return [error for payload in payloads for error in payload.get("errors", [])]


def one(answer: dict[str, Any]) -> Any:
    """Return the only field of a response without errors; for a mutation, its payload without the empty `errors`."""
    assert "errors" not in answer, answer
    [found] = answer["data"].values()
    if isinstance(found, dict) and "errors" in found:
        assert found.pop("errors") == [], answer
    return found


def changed(answer: dict[str, Any]) -> Any:
    """Return the only object in a mutation's payload."""
    [found] = one(answer).values()
    return found
