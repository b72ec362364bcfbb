import pytest

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.shops.models import Installation


@pytest.fixture
def audience(shop: Installation) -> Audience:
    return Audience.objects.create(installation=shop, name="Customers", is_default=True)


@pytest.fixture
def elsewhere(db: None) -> Audience:
    from tests.audience.conftest import install

    return Audience.objects.create(installation=install("other.example"), name="Theirs", is_default=True)
