"""Rows that are inserted in bulk."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people import bulk
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.shops.models import Installation

AT = datetime(2026, 11, 23, 14, 30, 5, 123456, tzinfo=timezone(timedelta(hours=2)))


@pytest.fixture
def audience(shop: Installation) -> Audience:
    return Audience.objects.create(installation=shop, name="Customers", is_default=True)


def insert_contacts(audience: Audience, *emails: str) -> None:
    """Insert contacts with values for everything that has no default."""
    given: dict[str, Any] = {
        "first_name": "Zoë", "last_name": "", "phone": "", "city": "", "country": "FR", "language": "fr",
        "consent": "confirmed", "soft_opt_in": True, "deliverability": "ok", "lifecycle": "active",
        "known_at": {"email": "2026"}, "orders_count": 2, "created_at": AT, "updated_at": AT,
    }  # fmt: skip
    rows = [(uuid4(), audience.pk, email, *given.values()) for email in emails]
    bulk.insert(Contact, ("id", "audience_id", "email", *given), rows)


def test_inserted_rows_are_those_that_the_models_would_store(audience: Audience) -> None:
    insert_contacts(audience, "zoe@shop.example")
    zoe = Contact.objects.get(audience=audience, first_name="Zoë", soft_opt_in=True)
    assert (zoe.status, zoe.known_at, zoe.orders_count) == ("subscribed", {"email": "2026"}, 2)
    assert (zoe.saleor_user_id, zoe.link_generation, zoe.last_order_at) == (None, 0, None)
    assert zoe.created_at == AT
    assert Contact.objects.filter(pk=zoe.pk, created_at=AT.astimezone(UTC)).exists()


def test_an_ip_address_is_stored_as_the_model_would_store_it(audience: Audience) -> None:
    who = Contact.objects.create(audience=audience, email="zoe@shop.example")
    given: dict[str, Any] = {
        "contact_id": who.pk, "audience_id": audience.pk, "kind": "withdrawn", "basis": "consent", "at": AT,
        "recorded_at": AT, "email": who.email, "source": "import", "source_detail": "", "actor": "", "reference": "",
        "wording_id": None, "wording_origin": "sent", "needs_confirmation": False, "is_proven": False,
        "is_late": False,
    }  # fmt: skip
    rows = [(*given.values(), ip, key) for ip, key in (("2001:DB8:0::1", "a"), (None, "b"))]
    bulk.insert(Consent, (*given, "ip", "key"), rows)
    assert list(Consent.objects.order_by("key").values_list("ip", flat=True)) == ["2001:db8::1", None]


def test_a_violated_constraint_is_the_usual_error(audience: Audience) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_contacts(audience, "zoe@shop.example", "zoe@shop.example")
    assert not Contact.objects.exists()


def test_new_ids_begin_with_the_time_and_differ() -> None:
    before = datetime.now(UTC)
    ids = bulk.new_ids(1000)
    after = datetime.now(UTC)
    assert len(set(ids)) == 1000
    assert {each.version for each in ids} == {7}
    assert {each.variant for each in ids} == {"specified in RFC 4122"}
    for each in ids:
        started = datetime.fromtimestamp((each.int >> 80) / 1000, UTC)
        assert before - timedelta(milliseconds=1) <= started <= after
    assert bulk.new_ids(0) == []
