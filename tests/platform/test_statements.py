"""Rows inserted and updated by statements that are composed once are those that Django would store."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience.audience.people.audiences import default_audience
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.inbox.models import Event, Handling, Pulse
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.statements import _insertion_of, insert_rows, types_kept_by, update_row
from tests.audience.conftest import install

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def shop(db: None) -> Installation:
    return install()


def _values(row: models.Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def _events(count: int) -> list[Event]:
    origin = uuid4()
    return [
        Event(
            source="saleor", origin=origin, key=str(number), kind="order_created", occurred_at=NOW,
            payload={"name": "Zoë 😀", "list": [1, None, {"deep": number}]},
        )
        for number in range(count)
    ]  # fmt: skip


def test_rows_have_what_the_database_computes(shop: Installation) -> None:
    with transaction.atomic():
        contact = Contact(audience=default_audience(shop), email="ada@shop.example", known_at={"email": "x"})
    insert_rows([contact])
    assert contact.status == "nonsubscribed"
    assert not contact._state.adding
    assert _values(contact) == _values(Contact.objects.get())


def test_keys_are_those_of_their_rows() -> None:
    events = _events(50)
    insert_rows(events)
    for event in events:
        assert _values(Event.objects.get(pk=event.pk)) == _values(event)
    handling = Handling(event=events[3], handler="h", reasons={"en": "why"}, waits_for=uuid4(), done_at=NOW)
    insert_rows([handling])
    assert _values(Handling.objects.get()) == _values(handling)


def test_more_rows_than_one_statement_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.ops, "bulk_batch_size", lambda _fields, _rows: 12)
    events = _events(25)
    with CaptureQueriesContext(connection) as captured:
        insert_rows(events)
    assert len(captured) == 3
    assert [Event.objects.get(pk=event.pk).key for event in events] == [event.key for event in events]


def test_rows_that_are_stored_already_are_updated() -> None:
    insert_rows([Pulse(name="a", at=NOW), Pulse(name="b", at=NOW)])
    known = Pulse.objects.get(name="b")
    again = [Pulse(name=name, at=NOW + timedelta(days=1)) for name in ("b", "c")]
    insert_rows(again, unique=["name"], update=["at"])
    assert again[0].pk == known.pk
    assert dict(Pulse.objects.values_list("name", "at")) == {
        "a": NOW,
        "b": NOW + timedelta(days=1),
        "c": NOW + timedelta(days=1),
    }


def test_a_violated_constraint_is_an_error() -> None:
    insert_rows([Pulse(name="a", at=NOW)])
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_rows([Pulse(name="b", at=NOW), Pulse(name="a", at=NOW)])
    assert Pulse.objects.count() == 1


def test_no_rows() -> None:
    insert_rows([])


def test_only_these_fields_of_one_row_are_updated() -> None:
    one, other = _events(2)
    insert_rows([one, other])
    one.handled_at, one.kind = NOW, "something else"
    update_row(one, ["handled_at"])
    assert Event.objects.get(pk=one.pk).handled_at == NOW
    assert Event.objects.get(pk=one.pk).kind == "order_created"
    assert Event.objects.get(pk=other.pk).handled_at is None
    one.delete()
    one.pk = other.pk + 1_000
    update_row(one, ["handled_at"])  # it no longer exists
    assert Event.objects.count() == 1


@pytest.mark.parametrize("model", apps.get_models(), ids=lambda model: model.__name__)
def test_values_that_are_stored_as_they_are_are_those_that_django_would_store(
    model: type[models.Model],
) -> None:
    samples: tuple[Any, ...] = (None, "Zoë 😀", "", 7, -1, 2**40, True, False)
    for field in model._meta.local_concrete_fields:
        for sample in samples:
            if type(sample) in types_kept_by(field):
                assert field.get_db_prep_save(sample, connection) == sample
                row = model(**{field.attname: sample})
                assert field.pre_save(row, add=True) == sample


def test_a_time_that_is_set_by_itself_is_set() -> None:
    payment = Payment(id=uuid4())
    held = dict(
        zip(_columns_of(Payment), _insertion_of(Payment, connection.vendor).values(payment), strict=True)
    )
    assert held["created_at"] is not None
    assert held["fetched_at"] is None


def _columns_of(model: type[models.Model]) -> list[str]:
    return [field.column for field in _insertion_of(model, connection.vendor).fields]
