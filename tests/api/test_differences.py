"""Changes made in Stripe, over the API: listed for one shop, applied in Saleor, or overwritten with Saleor's values."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience.catalog import refresh
from saleor_stripe_audience.catalog.models import CatalogProduct, Difference
from saleor_stripe_audience.catalog.refresh import Outcome
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.models import AccountChannel
from saleor_stripe_audience.jobs.models import Job
from tests.audience.histories import at

from .conftest import Shop, codes_of, errors_of, id_of
from .test_transfers import Asking, asking

pytestmark = pytest.mark.django_db

LIST = """query($where: CatalogueDifferenceWhereInput, $sortBy: CatalogueDifferenceSortingInput) {
  catalogueDifferences(first: 10, where: $where, sortBy: $sortBy) { totalCount edges { node { id kind state title
  field stripeProductId stripeValue saleorValue isConflict mayBeApplied reason error foundAt decidedAt decidedBy
  stripeUrl product { saleorProductId } } } } }"""
START = "mutation { catalogueRefreshStart { jobs { id kind state } errors { code } } }"
APPLY = """mutation($ids: [ID!]!, $category: ID) { catalogueDifferencesApply(ids: $ids, category: $category) {
  outcomes { difference { id state } error { field message code } } errors { field message code } } }"""
KEEP = """mutation($ids: [ID!]!) { catalogueDifferencesKeep(ids: $ids) {
  differences { id state decidedBy } errors { field message code } } }"""
PRODUCTS = """query($where: ProductWhereInput) { products(first: 10, where: $where) { edges { node {
  stripeProductId } } } }"""


def differ(shop: Shop, field: str = "name", **more: Any) -> Difference:
    given: dict[str, Any] = {
        "installation": shop.installation,
        "account": shop.product.account,
        "product": shop.product,
        "stripe_product_id": shop.product.stripe_product_id,
        "kind": "changed",
        "field": field,
        "title": "Shirt",
        "stripe_value": "Shirt",
        "saleor_value": "Tee",
        "found_at": at(0),
    }
    return Difference.objects.create(**(given | more))


def id_in_api(row: Difference) -> str:
    return id_of(row, "CatalogueDifference")


def listed(ask: Asking, **variables: Any) -> list[Any]:
    edges = ask(LIST, **variables)["data"]["catalogueDifferences"]["edges"]
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


def test_a_difference(read: Asking, mine: Shop, theirs: Shop) -> None:
    differ(theirs)
    row = differ(mine)
    [found] = listed(read)
    assert found == {
        "id": id_in_api(row),
        "kind": "CHANGED",
        "state": "OPEN",
        "title": "Shirt",
        "field": "name",
        "stripeProductId": "prod_mine.example",
        "stripeValue": "Shirt",
        "saleorValue": "Tee",
        "isConflict": False,
        "mayBeApplied": True,
        "reason": None,
        "error": None,
        "foundAt": found["foundAt"],
        "decidedAt": None,
        "decidedBy": None,
        "stripeUrl": "https://dashboard.stripe.com/test/products/prod_mine.example",
        "product": {"saleorProductId": "UHJvZHVjdDox"},
    }


def test_they_are_filtered_and_sorted(read: Asking, mine: Shop) -> None:
    differ(mine)
    differ(mine, "description", is_conflict=True, found_at=at(1))
    differ(mine, "", kind="foreign", reason="subscription", product=None, title="Plan", found_at=at(2))
    differ(mine, "price", state="applied", found_at=at(3))

    def fields(**where: Any) -> list[Any]:
        return [each["field"] for each in listed(read, where=where)]

    assert fields() == ["price", None, "description", "name"]
    assert fields(mayBeApplied=True) == ["name"]
    assert fields(mayBeApplied=False) == ["price", None, "description"]
    assert fields(kind={"eq": "FOREIGN"}) == [None]
    assert fields(state={"oneOf": ["APPLIED"]}) == ["price"]
    assert fields(field={"eq": "name"}) == ["name"]
    assert fields(saleorProductId={"eq": "UHJvZHVjdDox"}) == ["price", "description", "name"]
    assert fields(OR=[{"field": {"eq": "price"}}, {"kind": {"eq": "FOREIGN"}}]) == ["price", None]
    by_title = {"field": "TITLE", "direction": "ASC"}
    assert [each["title"] for each in listed(read, sortBy=by_title)] == ["Plan", "Shirt", "Shirt", "Shirt"]


def test_products_that_differ_or_are_missing(read: Asking, mine: Shop) -> None:
    def products(**where: Any) -> int:
        return len(read(PRODUCTS, where=where)["data"]["products"]["edges"])

    assert (products(differsInStripe=True), products(isMissingInStripe=True)) == (0, 0)
    row = differ(mine)
    assert (products(differsInStripe=True), products(differsInStripe=False)) == (1, 0)
    Difference.objects.filter(pk=row.pk).update(kind="gone")
    assert (products(isMissingInStripe=True), products(differsInStripe=True)) == (1, 0)
    Difference.objects.filter(pk=row.pk).update(state="overruled")
    assert products(isMissingInStripe=True) == 0


def test_a_refresh_is_started_once(write: Asking) -> None:
    [job] = write(START)["data"]["catalogueRefreshStart"]["jobs"]
    assert (job["kind"], job["state"]) == ("REFRESH", "QUEUED")
    assert write(START)["data"]["catalogueRefreshStart"]["jobs"] == [job]
    assert Job.objects.count() == 1


def test_each_outcome_is_named(write: Asking, mine: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = differ(mine), differ(mine, "description")

    def apply(_shop: Any, chosen: list[Difference], target: refresh.Target, actor: str) -> list[Outcome]:
        assert (target.category, actor[:4]) == ("C", "key:")
        assert [each.pk for each in chosen] == [second.pk, first.pk]
        return [Outcome(chosen[0], Rejected("Look again.", code="changed_again")), Outcome(chosen[1])]

    monkeypatch.setattr(refresh, "apply", apply)
    payload = write(APPLY, ids=[id_in_api(second), id_in_api(first)], category="C")["data"]
    failed, done = payload["catalogueDifferencesApply"]["outcomes"]
    assert failed["error"] == {"field": None, "message": "Look again.", "code": "INVALID_STATUS"}
    assert (done["difference"]["id"], done["error"]) == (id_in_api(first), None)


def test_a_new_product_is_left_alone(write: Asking, mine: Shop) -> None:
    row = differ(mine, "", kind="new", product=None)
    [kept] = write(KEEP, ids=[id_in_api(row)])["data"]["catalogueDifferencesKeep"]["differences"]
    assert (kept["state"], kept["decidedBy"][:4]) == ("KEPT", "key:")
    assert CatalogProduct.objects.count() == 1


@pytest.mark.parametrize("query", [APPLY, KEEP])
def test_of_another_shop_or_none_is_not_found(
    write: Asking, read: Asking, mine: Shop, theirs: Shop, query: str
) -> None:
    own, foreign = id_in_api(differ(mine)), id_in_api(differ(theirs))
    assert errors_of(write(query, ids=[own, foreign])) == [("ids", "NOT_FOUND")]
    assert errors_of(write(query, ids=[])) == [("ids", "TOO_MANY_VALUES")]
    assert errors_of(write(query, ids=["garbage"])) == [("ids", "GRAPHQL_ERROR")]
    assert errors_of(write(query, ids=[id_of(mine.product, "Product")])) == [("ids", "NOT_FOUND")]
    assert codes_of(read(query, ids=[own])) == {"PERMISSION_DENIED"}
    assert codes_of(asking(mine, "audience:write")(LIST)) == {"PERMISSION_DENIED"}
    assert set(Difference.objects.values_list("state", flat=True)) == {"open"}


def test_too_many_at_once_are_refused(write: Asking, mine: Shop) -> None:
    many = [id_in_api(differ(mine, f"field {number}")) for number in range(11)]
    assert errors_of(write(APPLY, ids=many)) == [("ids", "TOO_MANY_VALUES")]


def test_a_longer_list_takes_no_more_statements(read: Asking, mine: Shop) -> None:
    differ(mine)

    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            listed(read)
        return len(queries)

    statements()  # the key is read once
    few = statements()
    for number in range(8):
        differ(mine, f"field {number}")
    assert statements() == few
