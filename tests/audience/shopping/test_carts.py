"""Checkouts become carts of contacts, orders close them, and only inactivity makes them abandoned."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from saleor_stripe_audience.audience.contacts import identity
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, change_audience, lock_shop
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.shopping import carts
from saleor_stripe_audience.audience.shopping.carts import CartState
from saleor_stripe_audience.audience.shopping.models import Cart, CartLine, SoldProduct
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox.engine import dispatch, record
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import at, line, member, order
from tests.audience.records import record_checkout, record_customer, record_order
from tests.audience.shopping.checkouts import checkout, checkout_id

Delivery = Callable[[Installation], Any]


def checkout_event(payload: dict[str, Any], step: int) -> Delivery:
    return lambda shop: record_checkout(shop, payload, at(step))


def order_event(step: int, **known: Any) -> Delivery:
    payload = order(**known) | {"checkoutId": checkout_id(1)}
    return lambda shop: record_order(shop, payload, at(step))


def held(shop: Installation) -> list[Any]:
    """Return all carts with their contacts, and all contacts with their names."""
    rows = Cart.objects.filter(installation=shop).order_by("saleor_checkout_id")
    state: list[Any] = [
        (
            row.saleor_checkout_id, row.contact.email if row.contact else None, row.total_minor, row.issued_at,
            row.closed_at, row.saleor_order_id, row.lines.count(),
        )
        for row in rows
    ]  # fmt: skip
    people = Contact.objects.filter(audience__installation=shop).order_by("email")
    return [state, list(people.values_list("email", "first_name", "status", "orders_count"))]


def test_a_checkout_with_an_address_makes_a_contact_that_is_not_a_subscriber(shop: Installation) -> None:
    checkout_event(checkout(lines=2), 1)(shop)
    cart = Cart.objects.get()
    assert cart.contact is not None
    assert (cart.contact.email, cart.contact.first_name) == ("ada@shop.example", "Ada")
    assert (cart.contact.status, cart.contact.orders_count) == ("nonsubscribed", 0)
    assert (cart.total_minor, cart.currency, cart.closed_at) == (4000, "USD", None)
    assert (
        list(cart.lines.values_list("product_name", "quantity", "total_minor"))
        == [("Monospace Tee", 1, 2000)] * 2
    )


def test_without_an_address_there_is_no_contact(shop: Installation) -> None:
    assert checkout_event(checkout(email=None), 1)(shop) is None
    assert not Cart.objects.exists()
    assert not Contact.objects.exists()


@pytest.mark.parametrize("email", ["none", "a" * 300 + "@shop.example"])
def test_with_an_invalid_address_there_is_no_cart(shop: Installation, email: str) -> None:
    assert checkout_event(checkout(email=email), 1)(shop) is None
    assert not Cart.objects.exists()
    assert not Contact.objects.exists()


@pytest.mark.parametrize("address", [None, "", "ada@exam"])
@pytest.mark.parametrize("lines", [0, 1])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_cart_whose_address_is_removed_is_nobodys(
    shop: Installation, address: str | None, lines: int, *, backwards: bool
) -> None:
    """Whoever typed the address first may not own it: no reminder may reach it."""
    first, removed = checkout(lines=2), checkout(email=address, lines=lines)
    checkout_event(first, 1)(shop)
    checkout_event(removed, 3)(shop)
    if backwards:
        checkout_event(first, 2)(shop)
    cart = Cart.objects.get()
    assert (cart.contact, cart.lines.count()) == (None, lines)
    assert not Contact.objects.exists(), "it was all that was known of the person"
    checkout_event(checkout(email="ada@shop.example"), 4)(shop)
    assert Cart.objects.get().contact == Contact.objects.get()


@pytest.mark.parametrize("bought", ["later", "before", "cancelled"])
def test_an_order_from_another_checkout_ends_an_abandoned_cart(shop: Installation, bought: str) -> None:
    checkout_event(checkout(updated=at(60).isoformat()), 60)(shop)
    placed = {"created": at(30 if bought == "before" else 90).isoformat(), "checkoutId": checkout_id(2)}
    status = "CANCELED" if bought == "cancelled" else "UNCONFIRMED"
    record_order(shop, order(status=status, charge_status="NONE", charged=0.0) | placed, at(91))
    left = carts.abandoned(Audience.objects.get(), timezone.now())
    assert left.exists() is (bought != "later")


@pytest.mark.parametrize(
    ("bought", "expected"),
    [
        ("", CartState.ABANDONED),
        ("later", CartState.ORDERED_SINCE),
        ("before", CartState.ABANDONED),
        ("it", CartState.ORDERED),
    ],
)
def test_the_state_of_a_cart_follows_what_was_ordered(
    shop: Installation, bought: str, expected: CartState
) -> None:
    checkout_event(checkout(updated=at(60).isoformat()), 60)(shop)
    if bought:
        created = at(30 if bought == "before" else 90).isoformat()
        placed = {"created": created, "checkoutId": checkout_id(1 if bought == "it" else 2)}
        record_order(shop, order(status="UNFULFILLED") | placed, at(91))
    cart = Cart.objects.select_related("contact__audience").get()
    assert cart.contact is not None
    assert carts.states_of(cart.contact, [cart], timezone.now()) == {cart.pk: expected}


def test_a_cart_is_in_progress_until_it_was_silent_and_may_be_empty(shop: Installation) -> None:
    now = timezone.now()
    checkout_event(checkout(1, updated=(now - timedelta(minutes=59)).isoformat()), 1)(shop)
    checkout_event(checkout(2, lines=0, updated=(now - timedelta(minutes=61)).isoformat()), 1)(shop)
    contact = Contact.objects.select_related("audience").get()
    recent, empty = Cart.objects.order_by("-last_active_at")
    found = carts.states_of(contact, [recent, empty], now)
    assert found == {recent.pk: CartState.OPEN, empty.pk: CartState.EMPTY}
    assert carts.states_of(contact, [recent], now + timedelta(minutes=2)) == {recent.pk: CartState.ABANDONED}
    assert carts.states_of(contact, [], now) == {}


HISTORIES: dict[str, list[Delivery]] = {
    "a cart that is changed": [checkout_event(checkout(lines=1), 1), checkout_event(checkout(lines=3), 2)],
    "another address": [
        checkout_event(checkout(email="typo@shop.example"), 1),
        checkout_event(checkout(), 2),
    ],
    "bought": [checkout_event(checkout(), 1), checkout_event(checkout(lines=2), 2), order_event(3)],
    "bought with another address": [checkout_event(checkout(email="typo@shop.example"), 1), order_event(3)],
    "bought, then its address is corrected": [
        checkout_event(checkout(email="typo@shop.example"), 1),
        order_event(2, email="typo@shop.example"),
        order_event(3),
    ],
    "emptied": [checkout_event(checkout(), 1), checkout_event(checkout(lines=0), 2)],
    "two carts": [checkout_event(checkout(1), 1), checkout_event(checkout(2), 2), order_event(3)],
    "bought and cancelled": [
        checkout_event(checkout(), 1),
        order_event(2),
        order_event(3, status="CANCELED"),
    ],
    "an account": [
        checkout_event(checkout(email="guest@shop.example"), 1),
        checkout_event(checkout(user=member(7, "member@shop.example", isConfirmed=True)), 2),
    ],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_any_order_and_duplicates_have_the_same_result(shop: Installation, name: str) -> None:
    history = HISTORIES[name]
    for step in history:
        step(shop)
    expected = held(shop)
    for turn in itertools.permutations(history):
        other = install()
        for step in (*turn, *turn):
            step(other)
        assert held(other) == expected


def test_an_order_closes_its_cart_whatever_comes_first(shop: Installation) -> None:
    order_event(5)(shop)
    checkout_event(checkout(), 6)(shop)
    cart = Cart.objects.get()
    assert cart.closed_at is not None
    assert cart.saleor_order_id == order()["id"]
    assert not carts.abandoned(Audience.objects.get(), timezone.now()).exists()


def test_silence_makes_a_cart_abandoned(shop: Installation) -> None:
    now = timezone.now()
    checkout_event(checkout(1, updated=(now - timedelta(minutes=59)).isoformat()), 1)(shop)
    checkout_event(checkout(2, updated=(now - timedelta(minutes=61)).isoformat()), 1)(shop)
    checkout_event(checkout(3, lines=0, updated=(now - timedelta(days=2)).isoformat()), 1)(shop)
    audience = Audience.objects.get()
    assert [each.saleor_checkout_id for each in carts.abandoned(audience, now)] == [checkout_id(2)]
    change_audience(audience, AudienceSettings("Customers", cart_silence_minutes=30))
    audience.refresh_from_db()
    assert carts.abandoned(audience, now).count() == 2


@pytest.mark.parametrize("minutes", [0, -5, 30 * 24 * 60 + 1])
def test_an_invalid_silence_is_refused(shop: Installation, minutes: int) -> None:
    checkout_event(checkout(), 1)(shop)
    with pytest.raises(Rejected, match="30 days"):
        change_audience(Audience.objects.get(), AudienceSettings("Customers", cart_silence_minutes=minutes))


def test_old_carts_are_deleted_with_contacts_that_have_nothing_else(shop: Installation) -> None:
    old = (timezone.now() - timedelta(days=91)).isoformat()
    fresh = (timezone.now() - timedelta(days=89)).isoformat()
    checkout_event(checkout(1, email="gone@shop.example", updated=old), 1)(shop)
    checkout_event(checkout(2, email="stays@shop.example", updated=fresh), 1)(shop)
    checkout_event(checkout(3, updated=old), 1)(shop)
    order_event(3)(shop)
    assert carts.prune() == 2
    assert carts.prune() == 0
    assert [each.saleor_checkout_id for each in Cart.objects.all()] == [checkout_id(2)]
    assert sorted(Contact.objects.values_list("email", flat=True)) == [
        "ada@shop.example",
        "stays@shop.example",
    ]


@pytest.mark.parametrize("what", ["comes back", "registers"])
def test_what_happens_while_old_carts_are_deleted_counts(
    shop: Installation, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    now = timezone.now()
    checkout_event(checkout(1, updated=(now - timedelta(days=91)).isoformat()), 1)(shop)

    def wait_for_lock(installation: Installation) -> None:
        monkeypatch.setattr(carts, "lock_shop", lock_shop)
        if what == "registers":
            record_customer(shop, member(7), now)
        else:
            record_checkout(shop, checkout(1, updated=now.isoformat()), now)
        lock_shop(installation)

    monkeypatch.setattr(carts, "lock_shop", wait_for_lock)
    assert carts.prune() == (1 if what == "registers" else 0)
    assert Contact.objects.get().carts.count() == (0 if what == "registers" else 1)


def test_erased_people_have_no_carts_and_carts_do_not_bring_them_back(shop: Installation) -> None:
    checkout_event(checkout(), 1)(shop)
    erasure.erase(shop, "ada@shop.example")
    checkout_event(checkout(lines=3), 2)(shop)
    checkout_event(checkout(2), 3)(shop)
    assert Cart.objects.count() == 2
    assert not Cart.objects.exclude(contact=None, voucher_code="").exists()
    assert not Contact.objects.exists()


def test_an_anonymized_order_anonymizes_its_cart(shop: Installation) -> None:
    checkout_event(checkout(), 1)(shop)
    order_event(2)(shop)
    nobody = order(email="") | {"checkoutId": checkout_id(1), "billingAddress": None}
    record_order(shop, nobody, at(3))
    assert Cart.objects.get().contact is None
    assert not Contact.objects.exists()
    checkout_event(checkout(), 1)(shop)
    assert not Contact.objects.exists()


def test_a_merge_moves_the_carts(shop: Installation) -> None:
    checkout_event(checkout(1, email="one@shop.example"), 1)(shop)
    checkout_event(checkout(2, email="two@shop.example"), 1)(shop)
    one, two = Contact.objects.order_by("email")
    identity.merge(one, two)
    assert set(Cart.objects.values_list("contact", flat=True)) == {one.pk}


def test_an_unconfirmed_account_shops_as_a_guest(shop: Installation) -> None:
    stranger = member(9, "victim@shop.example", isConfirmed=False)
    checkout_event(checkout(email="typed@shop.example", user=stranger), 1)(shop)
    assert list(Contact.objects.values_list("email", "saleor_user_id")) == [("typed@shop.example", None)]


def test_shops_are_apart(shop: Installation) -> None:
    other = install("other.example")
    checkout_event(checkout(), 1)(shop)
    checkout_event(checkout(lines=2), 1)(other)
    order_event(2)(shop)
    assert Cart.objects.get(installation=shop).closed_at is not None
    assert Cart.objects.get(installation=other).closed_at is None


def test_through_the_inbox_twice_is_once(shop: Installation) -> None:
    for key in ("one", "two"):
        record("saleor", shop.pk, key, "checkout_updated", {"checkout": checkout()}, at(1))
        dispatch(Event.objects.get(key=key).pk)
    assert not Handling.objects.filter(done_at=None).exists()
    assert (Cart.objects.count(), CartLine.objects.count(), Contact.objects.count()) == (1, 1, 1)


def product_of(name: str, *collections: int) -> dict[str, Any]:
    return {
        "id": "UHJvZHVjdDoxMzQ=",
        "name": name,
        "category": {"id": "Q2F0ZWdvcnk6NQ==", "name": "Shirts"},
        "productType": {"id": "UHJvZHVjdFR5cGU6Mw==", "name": "Top"},
        "collections": [{"id": f"Collection{each}", "name": f"No {each}"} for each in collections],
    }


@pytest.mark.parametrize("turn", [(0, 1), (1, 0), (0, 1, 0)])
def test_the_latest_order_decides_what_is_stored_of_a_product(
    shop: Installation, turn: tuple[int, ...]
) -> None:
    events = [
        (line() | {"variant": {"id": "V", "product": product_of("Old", 1, 2)}}, 1),
        (line() | {"variant": {"id": "V", "product": product_of("New", 2, 3)}}, 2),
    ]
    for index in turn:
        event, step = events[index]
        record_order(shop, order(lines=[event]), at(step))
    known = SoldProduct.objects.get()
    assert (known.name, known.category_name, known.product_type_name) == ("New", "Shirts", "Top")
    assert sorted(known.collections.values_list("saleor_collection_id", flat=True)) == [
        "Collection2",
        "Collection3",
    ]


@pytest.mark.parametrize("turn", [(0, 1), (1, 0)])
def test_a_line_keeps_its_product_after_the_product_was_deleted(
    shop: Installation, turn: tuple[int, ...]
) -> None:
    events = [order(lines=[line()]), order(lines=[line() | {"variant": None}])]
    for index in turn:
        record_order(shop, events[index], at(index + 1))
    [kept] = Contact.objects.get().purchases.get().lines.all()
    assert (kept.saleor_product_id, kept.saleor_variant_id) == (
        "UHJvZHVjdDoxMzQ=",
        "UHJvZHVjdFZhcmlhbnQ6MzQ4",
    )


def test_a_variant_that_the_shop_did_not_name_has_no_name(shop: Installation) -> None:
    """Saleor uses its id instead; so does an order whose variant was deleted."""
    unnamed = line() | {"variantName": "UHJvZHVjdFZhcmlhbnQ6MzQ4"}
    record_order(shop, order(lines=[unnamed, line(2) | unnamed | {"id": "2", "variant": None}]), at(1))
    sold = Contact.objects.get().purchases.get().lines
    assert list(sold.values_list("product_name", "variant_name")) == [("Monospace Tee", "")] * 2
    event = checkout(2)
    event["lines"][0]["variant"]["name"] = "UHJvZHVjdFZhcmlhbnQ6MzQ4"
    record_checkout(shop, event, at(2))
    assert list(
        Cart.objects.get(saleor_checkout_id=event["id"]).lines.values_list("variant_name", flat=True)
    ) == [""]
