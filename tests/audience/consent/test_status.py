"""The status that follows from three facts, and what a contact may receive."""

from itertools import product

import pytest
from django.db import connection

from saleor_stripe_audience.audience.people import status
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, order
from tests.audience.records import record_order

ALL = list(product(status.ConsentState.values, status.Deliverability.values, status.Lifecycle.values))
OK_ACTIVE = {
    "unknown": "nonsubscribed",
    "pending": "pending",
    "confirmed": "subscribed",
    "withdrawn": "unsubscribed",
}


def expected(consent: str, deliverability: str, lifecycle: str) -> str:
    """The table in docs/audience.md."""
    if lifecycle != "active":
        return "archived"
    if deliverability != "ok":
        return {"bounced": "cleaned", "complained": "unsubscribed"}[deliverability]
    return OK_ACTIVE[consent]


@pytest.mark.parametrize("facts", ALL, ids="-".join)
def test_each_of_the_36_combinations_has_its_status(facts: tuple[str, str, str]) -> None:
    assert status.status_of(*facts) == expected(*facts)


def test_the_database_computes_the_same(shop: Installation) -> None:
    record_order(shop, order(), at(1))
    for consent, deliverability, lifecycle in ALL:
        Contact.objects.update(consent=consent, deliverability=deliverability, lifecycle=lifecycle)
        assert Contact.objects.get().status == expected(consent, deliverability, lifecycle)


def test_a_status_cannot_be_set(shop: Installation) -> None:
    record_order(shop, order(), at(1))
    contact = Contact.objects.get()
    contact.status = "subscribed"
    contact.save()
    assert Contact.objects.get().status == "nonsubscribed"
    with pytest.raises(Exception, match=r"status|generated"), connection.cursor() as cursor:
        cursor.execute("UPDATE audience_contact SET status = 'subscribed'")


@pytest.mark.parametrize(
    ("name", "transactional", "marketing", "ads"),
    [
        ("nonsubscribed", True, False, False),
        ("pending", True, False, False),
        ("subscribed", True, True, True),
        ("unsubscribed", True, False, False),
        ("cleaned", False, False, False),
        ("archived", True, False, False),
    ],
)
def test_what_a_status_may_receive(name: str, transactional: bool, marketing: bool, ads: bool) -> None:
    allowed = [status.may_receive(name, purpose) for purpose in ("transactional", "marketing", "ads")]
    assert allowed == [transactional, marketing, ads]


def test_what_may_be_received_is_queryable(shop: Installation) -> None:
    for number, consent in enumerate(status.ConsentState.values):
        record_order(shop, order(str(number), email=f"{consent}@shop.example"), at(1))
        Contact.objects.filter(email=f"{consent}@shop.example").update(consent=consent)
    reached = Contact.objects.may_receive("marketing").values_list("email", flat=True)
    assert list(reached) == ["confirmed@shop.example"]
    assert Contact.objects.may_receive("transactional").count() == 4


@pytest.mark.parametrize(
    ("consent", "soft_opt_in", "deliverability", "basis"),
    [
        ("confirmed", False, "ok", "consent"),
        ("confirmed", True, "ok", "consent"),
        ("unknown", True, "ok", "soft_opt_in"),
        ("pending", True, "ok", "soft_opt_in"),
        ("withdrawn", True, "ok", "none"),
        ("unknown", False, "ok", "none"),
        ("confirmed", True, "complained", "none"),
    ],
)
def test_the_lawful_basis_stands_apart(
    shop: Installation, consent: str, soft_opt_in: bool, deliverability: str, basis: str
) -> None:
    record_order(shop, order(), at(1))
    Contact.objects.update(consent=consent, soft_opt_in=soft_opt_in, deliverability=deliverability)
    assert Contact.objects.get().lawful_basis == basis
