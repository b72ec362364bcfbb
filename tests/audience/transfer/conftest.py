import pytest

from saleor_stripe_audience.audience.models import Audience
from saleor_stripe_audience.saleor.models import Installation


@pytest.fixture
def audience(shop: Installation) -> Audience:
    return Audience.objects.create(
        installation=shop, name="Customers", is_default=True, consent_text="Yes, send me news."
    )
