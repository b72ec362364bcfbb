"""A contact goes with its last cart or order, unless the merchant added it or it must not get email."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from saleor_stripe_audience.audience import staff_actions
from saleor_stripe_audience.audience.contacts.identity import find_by_address
from saleor_stripe_audience.audience.people import lifecycle
from saleor_stripe_audience.audience.people.audiences import default_audience
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import Deliverability
from saleor_stripe_audience.audience.shopping import carts
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase
from saleor_stripe_audience.audience.staff_actions import Actor, Profile
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, import_csv
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, order
from tests.audience.records import record_checkout, record_order
from tests.audience.shopping.checkouts import checkout, checkout_id

GUEST, OTHER = "guest@shop.example", "ada@shop.example"
Step = Callable[[Installation], Any]


def cart_expires(shop: Installation) -> None:
    old = timezone.now() - timedelta(days=settings.CART_RETENTION_DAYS + 1)
    record_checkout(shop, checkout(email=GUEST, updated=old.isoformat()), at(1))
    assert carts.prune() == 1


def cart_gets_another_address(shop: Installation) -> None:
    record_checkout(shop, checkout(email=GUEST), at(1))
    record_checkout(shop, checkout(email=OTHER), at(2))


def order_gets_another_address(shop: Installation) -> None:
    record_order(shop, order(email=GUEST), at(1))
    record_order(shop, order(email=OTHER), at(2))


def order_with_a_cart_gets_another_address(shop: Installation) -> None:
    record_checkout(shop, checkout(email=GUEST), at(1))
    record_order(shop, order(email=GUEST) | {"checkoutId": checkout_id(1)}, at(2))
    record_order(shop, order(email=OTHER) | {"checkoutId": checkout_id(1)}, at(3))
    assert [each.contact for each in Cart.objects.all()] == [find_by_address(default_audience(shop), OTHER)]


def late_event_has_the_earlier_address(shop: Installation) -> None:
    record_order(shop, order(email=OTHER), at(2))
    record_order(shop, order(email=GUEST), at(1))


def order_is_anonymized(shop: Installation) -> None:
    record_order(shop, order(email=GUEST), at(1))
    record_order(shop, order(email="g...") | {"billingAddress": None}, at(2))
    assert [each.contact for each in Purchase.objects.all()] == [None]


EMPTYING: list[Step] = [
    cart_expires,
    cart_gets_another_address,
    order_gets_another_address,
    order_with_a_cart_gets_another_address,
    late_event_has_the_earlier_address,
    order_is_anonymized,
]


def imported(shop: Installation) -> None:
    import_csv(default_audience(shop), io.BytesIO(f"email\n{GUEST}\n".encode()), ImportOptions())


def imported_after_its_first_cart(shop: Installation) -> None:
    record_checkout(shop, checkout(2, email=GUEST, updated=timezone.now().isoformat()), at(1))
    imported(shop)
    Cart.objects.all().delete()


def created_by_staff(shop: Installation) -> None:
    staff_actions.create_contact(Actor(shop, "staff"), default_audience(shop).pk, GUEST, Profile())


def edited_by_staff(shop: Installation) -> None:
    record_checkout(shop, checkout(2, email=GUEST), at(1))
    [contact] = Contact.objects.all()
    staff_actions.update_contact(Actor(shop, "staff"), contact.pk, Profile(city="Lyon"))
    Cart.objects.all().delete()


def merged_by_staff(shop: Installation) -> None:
    record_checkout(shop, checkout(2, email=GUEST), at(1))
    record_checkout(shop, checkout(3, email="twin@shop.example"), at(1))
    kept, absorbed = (find_by_address(default_audience(shop), each) for each in (GUEST, "twin@shop.example"))
    assert kept is not None
    assert absorbed is not None
    staff_actions.merge(Actor(shop, "staff"), kept.pk, absorbed.pk)
    Cart.objects.all().delete()


def archived(shop: Installation) -> None:
    record_checkout(shop, checkout(2, email=GUEST), at(1))
    lifecycle.archive(Contact.objects.get())
    Cart.objects.all().delete()


def bounced(shop: Installation) -> None:
    record_checkout(shop, checkout(2, email=GUEST), at(1))
    lifecycle.set_deliverability(Contact.objects.get(), Deliverability.BOUNCED, timezone.now())
    Cart.objects.all().delete()


@pytest.mark.parametrize("empty", EMPTYING)
def test_a_guest_who_has_nothing_left_is_deleted(empty: Step, shop: Installation) -> None:
    empty(shop)
    assert not Contact.objects.filter(email=GUEST).exists()


@pytest.mark.parametrize("empty", EMPTYING)
@pytest.mark.parametrize(
    "make",
    [
        imported,
        imported_after_its_first_cart,
        created_by_staff,
        edited_by_staff,
        merged_by_staff,
        archived,
        bounced,
    ],
)
def test_a_contact_that_the_merchant_added_or_that_must_not_get_email_stays(
    make: Step, empty: Step, shop: Installation
) -> None:
    make(shop)
    [before] = Contact.objects.values_list("pk", "status")
    empty(shop)
    assert list(Contact.objects.filter(email=GUEST).values_list("pk", "status")) == [before]
