"""The overview does not show a green catalogue if nothing of it is in Stripe."""

import pytest
from django.utils import timezone

from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.dashboard import overview
from tests.dashboard.conftest import make_shop
from tests.dashboard.rows import an_account

pytestmark = pytest.mark.django_db

State = CatalogProduct.State


@pytest.mark.parametrize(
    ("states", "state", "text"),
    [
        ([], "info", "No product is in Stripe yet"),
        ([State.NOT_SOLD, State.WAITING], "info", "No product is in Stripe yet"),
        ([State.SYNCED, State.NOT_SOLD], "good", "1 variant is in Stripe"),
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
    [found] = [each for each in overview.checks(shop) if each.title == "Catalogue"]
    assert found.state == state
    assert text in found.text
