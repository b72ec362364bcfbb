"""Many workers at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import at, everything, member, order
from tests.audience.records import record_customer, record_order


def _record(shop: Installation, step: int) -> None:
    try:
        if step % 5 == 0:
            record_customer(shop, member(7), at(step))
        else:
            record_order(shop, order(str(step % 8)), at(step))
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_one_buyer_handled_by_eight_workers_is_one_contact_with_right_totals() -> None:
    shop = install()
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda step: _record(shop, step), range(40)))
    assert (Audience.objects.count(), Contact.objects.count(), Purchase.objects.count()) == (1, 1, 8)
    [buyer] = everything(shop)
    assert (buyer["orders_count"], buyer["spent"]) == (8, {"USD": (24000, 0)})
