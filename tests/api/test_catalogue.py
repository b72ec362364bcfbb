"""The catalogue in Stripe: the state of each variant, and the job that sends all of them."""

from typing import Any

import pytest

from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.gateway.models import AccountChannel
from saleor_stripe_audience.jobs.models import Job

from .conftest import Shop, codes_of, errors_of
from .test_transfers import Asking, asking

pytestmark = pytest.mark.django_db

PRODUCTS = """query($where: ProductWhereInput) { products(first: 10, where: $where) { edges { node {
  state pushedAt lastError stripeProductId stripeUrl saleorPath problems { code message channel }
  prices { lookupKey } } } } }"""
START = "mutation { catalogueSyncStart { jobs { id kind state actor } errors { field code } } }"
SYNCS = "{ catalogueSyncs { id kind } }"


def switch(what: str) -> str:
    return (
        f"mutation($id: ID!) {{ {what}(id: $id) {{ job {{ id state }} errors {{ field code message }} }} }}"
    )


def listed(ask: Asking, **where: Any) -> list[Any]:
    edges = ask(PRODUCTS, where=where)["data"]["products"]["edges"]
    return [each["node"] for each in edges]


@pytest.fixture
def read(mine: Shop) -> Asking:
    return asking(mine, "catalogue:read")


@pytest.fixture
def write(mine: Shop) -> Asking:
    AccountChannel.objects.create(
        installation=mine.installation, account=mine.product.account, channel_slug="default-channel"
    )
    return asking(mine, "catalogue:read", "catalogue:write")


def test_what_stripe_has(read: Asking, theirs: Shop) -> None:
    [product] = listed(read)
    assert (product["state"], product["lastError"], product["problems"]) == ("SYNCED", None, [])
    assert product["stripeUrl"] == "https://dashboard.stripe.com/test/products/prod_mine.example"
    assert product["saleorPath"] == "/products/UHJvZHVjdDox"


def test_what_it_has_not(read: Asking) -> None:
    problem = {"code": "below_minimum", "message": "Too small.", "channel": "japan"}
    CatalogProduct.objects.update(
        state="failed", last_errors={"en": "Stripe refused."}, problems=[problem], stripe_product_id=""
    )
    [product] = listed(read, state=["FAILED"], hasProblems=True)
    assert (product["lastError"], product["problems"]) == ("Stripe refused.", [problem])
    assert (product["stripeProductId"], product["stripeUrl"]) == (None, None)
    assert listed(read, state=["SYNCED", "WAITING"]) == []
    assert listed(read, hasProblems=False) == []


def test_a_sync_is_started_once_and_changed(write: Asking) -> None:
    [job] = write(START)["data"]["catalogueSyncStart"]["jobs"]
    assert (job["kind"], job["state"]) == ("CATALOGUE", "QUEUED")
    assert job["actor"].startswith("key:")
    assert write(START)["data"]["catalogueSyncStart"]["jobs"][0]["id"] == job["id"]
    for what, state in (("Pause", "PAUSED"), ("Resume", "RUNNING"), ("Cancel", "CANCELLED")):
        payload = write(switch(f"catalogueSync{what}"), id=job["id"])["data"][f"catalogueSync{what}"]
        assert payload == {"job": {"id": job["id"], "state": state}, "errors": []}
    assert [each["id"] for each in write(SYNCS)["data"]["catalogueSyncs"]] == [job["id"]]


def test_no_account_no_job(mine: Shop) -> None:
    CatalogProduct.objects.update(is_active=False)
    ask = asking(mine, "catalogue:write")
    assert ask(START)["data"]["catalogueSyncStart"] == {"jobs": [], "errors": []}


def test_reading_is_not_writing_and_an_audiences_key_sees_none(mine: Shop, write: Asking) -> None:
    [job] = write(START)["data"]["catalogueSyncStart"]["jobs"]
    assert codes_of(asking(mine, "catalogue:read")(START)) == {"PERMISSION_DENIED"}
    assert codes_of(asking(mine, "catalogue:read")(switch("catalogueSyncPause"), id=job["id"])) == {
        "PERMISSION_DENIED"
    }
    audience = asking(mine, "audience:read", "audience:write")
    assert audience("{ jobs { id } }")["data"]["jobs"] == []
    assert errors_of(audience(switch("jobCancel"), id=job["id"])) == [("id", "NOT_FOUND")]
    assert codes_of(audience(SYNCS)) == {"PERMISSION_DENIED"}


def test_another_shops_are_not_touched(write: Asking, theirs: Shop) -> None:
    AccountChannel.objects.create(
        installation=theirs.installation, account=theirs.product.account, channel_slug="default-channel"
    )
    other = asking(theirs, "catalogue:read", "catalogue:write")
    [job] = other(START)["data"]["catalogueSyncStart"]["jobs"]
    assert write(SYNCS)["data"]["catalogueSyncs"] == []
    assert errors_of(write(switch("catalogueSyncCancel"), id=job["id"])) == [("id", "NOT_FOUND")]
    assert Job.objects.get().state == Job.State.QUEUED
