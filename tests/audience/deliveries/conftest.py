"""The contact that the reports are about."""

import pytest

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, order, say
from tests.audience.records import record_order


@pytest.fixture
def ada(shop: Installation) -> Contact:
    record_order(shop, order(), at(1))
    say(Contact.objects.get(), "given", at(2))
    return Contact.objects.get()
