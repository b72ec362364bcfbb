"""Changes made in Stripe: shown next to Saleor's values, applied or overwritten, with the permission only."""

import re
from typing import Any

import pytest
from django.test import Client

from saleor_stripe_audience.catalog import refresh
from saleor_stripe_audience.catalog.models import Difference
from saleor_stripe_audience.catalog.refresh import Outcome
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.jobs.models import Job
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import NOON, an_account
from tests.dashboard.test_products import MAY, a_product, account, ask, post

__all__ = ["account"]

PAGE = "products/refresh"


def differ(account: StripeAccount, field: str = "name", **more: Any) -> Difference:
    product = account.catalog.first() or a_product(account)
    given: dict[str, Any] = {
        "installation": account.installation,
        "account": account,
        "product": product,
        "stripe_product_id": product.stripe_product_id,
        "kind": "changed",
        "field": field,
        "title": "Lamp",
        "stripe_value": 'Lamp "2" <b>',
        "saleor_value": "Lamp",
        "found_at": NOON,
    }
    return Difference.objects.create(**(given | more))


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], refresh.Target]]:
    """Record what the page passes to the catalogue, which refuses prices."""
    calls: list[tuple[list[int], refresh.Target]] = []

    def apply(_shop: object, rows: list[Difference], target: refresh.Target, _actor: str) -> list[Outcome]:
        calls.append(([each.pk for each in rows], target))
        return [Outcome(each, Rejected("Too little.") if each.field == "price" else None) for each in rows]

    monkeypatch.setattr(refresh, "apply", apply)
    return calls


def test_differences_are_ticked_and_taken_over(
    shop: Shop, client: Client, account: StripeAccount, applied: list[tuple[list[int], refresh.Target]]
) -> None:
    name, price = differ(account), differ(account, "price", is_conflict=True)
    text = ask(client, shop, PAGE)
    for expected in (
        "Lamp &quot;2&quot; &lt;b&gt;",
        "Changed on both sides",
        f'name="difference" value="{name.pk}"',
    ):
        assert expected in text
    status, text = post(client, shop, PAGE, do="apply", difference=str(name.pk))
    assert (status, "1 change was applied." in text) == (200, True)
    status, text = post(client, shop, PAGE, do="apply", difference=[str(name.pk), str(price.pk)])
    assert (status, "Lamp: Too little." in text) == (422, True)
    assert [ids for ids, _target in applied] == [[name.pk], [name.pk, price.pk]]


def test_saleors_value_is_kept(
    shop: Shop, client: Client, account: StripeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    monkeypatch.setattr(
        refresh, "keep_saleors", lambda _shop, rows, _actor: kept.extend(each.pk for each in rows)
    )
    row = differ(account)
    status = post(client, shop, PAGE, do="keep", difference=str(row.pk))[0]
    assert (status, kept) == (200, [row.pk])


def test_a_comparison_is_started_once(shop: Shop, client: Client, account: StripeAccount) -> None:
    for _ in range(2):
        assert post(client, shop, PAGE, do="start")[0] == 200
    assert Job.objects.filter(kind=Job.Kind.REFRESH).count() == 1
    assert "Comparing …" in ask(client, shop, PAGE)
    StripeAccount.objects.update(state=StripeAccount.State.DISCONNECTED)
    assert post(client, shop, PAGE, do="start")[0] == 422


def test_only_ten_are_shown_and_what_is_foreign_is_not(
    shop: Shop, client: Client, account: StripeAccount
) -> None:
    for number in range(12):
        differ(account, f"field {number}")
    differ(account, "x", kind="foreign", title="Foreign")
    text = ask(client, shop, PAGE)
    assert len(re.findall(r'name="difference"', text)) == 10
    assert "These are the first ten." in text
    assert "Foreign" not in text


def test_differences_in_a_disconnected_account_are_not_offered(
    shop: Shop, client: Client, account: StripeAccount
) -> None:
    differ(account)
    StripeAccount.objects.update(state=StripeAccount.State.DISCONNECTED)
    assert 'name="difference"' not in ask(client, shop, PAGE)


def test_what_is_not_there_or_of_another_shop_is_refused(
    shop: Shop, client: Client, account: StripeAccount, applied: list[tuple[list[int], refresh.Target]]
) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    theirs = differ(an_account(other.installation, "Theirs"), title="Theirs")
    assert "Theirs" not in ask(client, shop, PAGE)
    for ids in ([], [str(theirs.pk)], ["x"], ["9" * 30], ["²"]):
        for action in ("apply", "keep"):
            assert post(client, shop, PAGE, do=action, difference=ids)[0] == 422
    clerk = shop.headers(user_permissions=["MANAGE_APPS", "MANAGE_USERS"])
    assert client.post(f"/dashboard/{PAGE}", {"do": "start"}, headers=clerk).status_code == 403
    assert client.get(f"/dashboard/{PAGE}", headers=shop.headers(user_permissions=MAY)).status_code == 200
    assert applied == []
    theirs.refresh_from_db()
    assert theirs.state == Difference.State.OPEN
