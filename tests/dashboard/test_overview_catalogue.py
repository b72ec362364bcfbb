"""The overview does not show a green catalogue if nothing of it is in Stripe."""

import pytest
from django.utils import timezone

from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.dashboard import overview
from saleor_stripe_audience.dashboard.sections import PRODUCTS
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.shops.models import Installation
from tests.dashboard.conftest import make_shop
from tests.dashboard.rows import an_account

pytestmark = pytest.mark.django_db

State = CatalogProduct.State


@pytest.mark.parametrize(
    ("states", "state", "text"),
    [
        ([], "info", "No product is in Stripe yet"),
        ([State.NOT_SOLD, State.WAITING], "info", "No product is in Stripe yet"),
        ([State.SENDING], "info", "No product is in Stripe yet"),
        ([State.SYNCED, State.SENDING, State.NOT_SOLD], "good", "1 variant is in Stripe"),
        ([State.SYNCED, State.FAILED], "bad", "1 variant could not be sent"),
    ],
)
def test_the_catalogue(states: list[str], state: str, text: str) -> None:
    shop = make_shop().installation
    account = an_account(shop)
    for number, each in enumerate(states):
        CatalogProduct.objects.create(
            installation=shop,
            account=account,
            saleor_product_id="p",
            saleor_variant_id=f"v{number}",
            name="Tea",
            state=each,
            is_active=each == State.SYNCED,
            issued_at=timezone.now(),
        )
    found = the_catalogue(shop)
    assert found.state == state
    assert text in found.text
    assert (found.section == PRODUCTS) == (state == "bad"), "a button leads to what failed"


def test_what_a_disconnected_account_has_does_not_count() -> None:
    shop = make_shop().installation
    for number, state in enumerate((State.SYNCED, State.FAILED)):
        CatalogProduct.objects.create(
            installation=shop,
            account=an_account(shop, f"Account {number}"),
            saleor_product_id="p",
            saleor_variant_id="v",
            name="Tea",
            state=state,
            is_active=True,
            issued_at=timezone.now(),
        )
    StripeAccount.objects.update(state=StripeAccount.State.DISCONNECTED)
    assert the_catalogue(shop).state == "info"


def the_catalogue(shop: Installation) -> overview.Check:
    [found] = [each for each in overview.checks(shop) if each.title == "Catalogue"]
    return found


def test_a_variant_that_two_accounts_sell_counts_once() -> None:
    shop = make_shop().installation
    for number, variant in ((0, "v"), (1, "v"), (1, "w")):
        account, _ = StripeAccount.objects.get_or_create(
            installation=shop,
            stripe_id=f"acct_{number}",
            livemode=False,
            defaults={"name": f"Account {number}"},
        )
        CatalogProduct.objects.create(
            installation=shop,
            account=account,
            saleor_product_id="p",
            saleor_variant_id=variant,
            name="Tea",
            issued_at=timezone.now(),
        )
    assert the_catalogue(shop).text == "2 variants are in Stripe."
    CatalogProduct.objects.filter(saleor_variant_id="v").update(state=State.FAILED)
    assert the_catalogue(shop).text == "1 variant could not be sent to Stripe."
