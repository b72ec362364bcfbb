"""The rows of `make bench-size` and `make bench-audience` are written in SQL, so they have to follow the models."""

import pytest

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments.models import Payment
from scripts.bench_audience.crowd import make_crowd
from scripts.bench_size.figures import _add_payments_and_events


@pytest.mark.django_db(transaction=True)
def test_the_rows_can_be_stored() -> None:
    _add_payments_and_events(make_crowd(20), 20)
    counts = [model.objects.count() for model in (Contact, Purchase, Payment, Event)]
    assert counts == [20, 40, 6, 20]
