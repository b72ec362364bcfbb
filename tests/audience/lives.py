"""Generated lives of two shoppers: the events that Saleor would send, in the order in which they happened.

Each shopper has an account and three email addresses; buys as a guest or signed in, changes the address, gives and
withdraws consent, has orders changed, refunded, cancelled, and the address of an order corrected; fills carts,
corrects the address in them, is declined, disputes payments, buys carts or abandons them; deletes the account, or asks
the shop to be erased.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from saleor_stripe_audience.audience.privacy.erasure import erase, erase_deleted_account
from saleor_stripe_audience.audience.shopping.payment_facts import Fact
from saleor_stripe_audience.audience.shopping.payment_facts import record as record_fact
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, line, member, order
from tests.audience.records import (
    record_account_consent,
    record_checkout,
    record_customer,
    record_order,
    record_order_consent,
)
from tests.audience.shopping.checkouts import channel_id, checkout, checkout_id

Delivery = Callable[[Installation], object]

ADDRESSES = {7: ["a1@shop.example", "a2@shop.example", "a3@shop.example"],
             8: ["b1@shop.example", "b2@shop.example", "b3@shop.example"]}  # fmt: skip
WORDS = ["", "true", "false", "withdrawn"]
WORDING = "News, please."
OTHER_CHANNEL = "channel-fr"  # feeds another audience, if there are two


@dataclass
class _Shopper:
    number: int
    address: str
    name: str = "Ada"
    choice: dict[str, str] = field(default_factory=dict)
    has_account: bool = True

    def as_account(self) -> dict[str, Any]:
        metadata = [{"key": key, "value": value} for key, value in self.choice.items()]
        return member(self.number, self.address, firstName=self.name, isConfirmed=True, metadata=metadata)


@dataclass
class _Order:
    owner: _Shopper
    number: int
    address: str
    is_guest: bool
    choice: dict[str, str]
    checkout: str = ""
    channel: str = "default-channel"
    is_corrected: bool = False
    state: dict[str, Any] = field(default_factory=dict)

    def payload(self) -> dict[str, Any]:
        # Saleor assigns a guest's order to the account that has its address, and a corrected one likewise.
        account = self.owner.as_account() if self.owner.has_account else None
        by_address = self.is_guest or self.is_corrected
        user = None if by_address and self.address != self.owner.address else account
        by_account = {"id": member(self.owner.number)["id"], "isConfirmed": True, "isStaff": False}
        metadata = [{"key": key, "value": value} for key, value in self.choice.items()]
        return order(str(self.number), email=self.address, user=user, **self.state) | {
            "metadata": metadata,
            "checkoutId": self.checkout or None,
            "channel": {"id": channel_id(self.channel), "slug": self.channel, "currencyCode": "USD"},
            "events": [{"type": "PLACED", "user": None if self.is_guest or account is None else by_account}],
        }


@dataclass
class _Cart:
    owner: _Shopper
    number: int
    address: str
    is_guest: bool
    lines: int = 1
    is_bought: bool = False

    def payload(self) -> dict[str, Any]:
        user = None if self.is_guest or not self.owner.has_account else self.owner.as_account()
        return checkout(self.number, email=self.address, user=user, lines=self.lines)


def _of_order(payload: dict[str, Any], moment: datetime) -> Delivery:
    def deliver(shop: Installation) -> None:
        record_order(shop, payload, moment)
        record_order_consent(shop, payload, moment)

    return deliver


def _of_account(payload: dict[str, Any], moment: datetime) -> Delivery:
    def deliver(shop: Installation) -> None:
        record_customer(shop, payload, moment)
        record_account_consent(shop, payload, moment)

    return deliver


def _choice(index: int, step: int) -> dict[str, str]:
    value = WORDS[index % len(WORDS)]
    metadata = {"marketing_consent": value, "consent_at": at(step).isoformat(), "consent_text": WORDING}
    return metadata if value else {}


def history(choices: list[tuple[str, int, int]]) -> list[Delivery]:
    """Return the events that Saleor sends for the choices, step by step."""
    shoppers = [_Shopper(number, addresses[0]) for number, addresses in ADDRESSES.items()]
    orders: list[_Order] = []
    carts: list[_Cart] = []
    deliveries: list[Delivery] = []
    for step, (what, who, which) in enumerate(choices, start=1):
        if what in ("cart", "buy the cart", "declined", "disputed"):
            deliveries += _with_cart(what, shoppers[who], which, step, (carts, orders))
        else:
            deliveries += _step(what, shoppers[who], which, step, orders)
    return deliveries


def _with_cart(
    what: str, shopper: _Shopper, which: int, step: int, made: tuple[list[_Cart], list[_Order]]
) -> list[Delivery]:
    carts, orders = made
    if what == "disputed":
        return _disputed([each for each in carts if each.owner is shopper], which, step)
    own = next((each for each in reversed(carts) if each.owner is shopper and not each.is_bought), None)
    if what == "cart":
        if own is None:
            as_guest = which > 5 or not shopper.has_account
            own = _Cart(shopper, len(carts) + 1, "", as_guest)
            carts.append(own)
        own.address = ADDRESSES[shopper.number][which % 3] if own.is_guest else shopper.address
        own.lines = which % 4
        payload = own.payload()
        return [lambda shop: record_checkout(shop, payload, at(step))]
    if own is None:
        return []
    if what == "declined":
        source = checkout_id(own.number)
        fact = Fact("declined", "expired_card", Money(2000, "USD"), at(step), "pi", f"declined:{step}")
        return [lambda shop: record_fact(shop, source, fact, at(step))]
    own.is_bought = True
    order_made = _Order(shopper, len(orders), own.address, own.is_guest, {}, checkout_id(own.number))
    orders.append(order_made)
    return [_of_order(order_made.payload(), at(step))]


def _disputed(own: list[_Cart], which: int, step: int) -> list[Delivery]:
    """The last cart's payment is disputed; the second event decides the dispute."""
    if not own:
        return []
    source, outcome = checkout_id(own[-1].number), ["", "won", "lost"][which % 3]
    key = f"disputed:{own[-1].number}"
    fact = Fact("disputed", "fraudulent", Money(2000, "USD"), at(0), key, key, outcome)
    return [lambda shop: record_fact(shop, source, fact, at(step))]


def _step(what: str, shopper: _Shopper, which: int, step: int, orders: list[_Order]) -> list[Delivery]:
    own = [each for each in orders if each.owner is shopper]
    if what == "erase":
        address = ADDRESSES[shopper.number][which % 3]
        return [lambda shop: erase(shop, address)]
    if what in ("guest buys", "account buys"):
        return [_bought(what == "guest buys", shopper, which, step, orders)]
    if what in ("refund", "cancel", "edit", "correct", "fulfil") and own:
        return [_changed(what, own[which % len(own)], which, step)]
    if what in ("move", "rename", "say") and shopper.has_account:
        return [_altered(what, shopper, which, step)]
    if what == "delete" and shopper.has_account:
        shopper.has_account = False
        payload = member(shopper.number, shopper.address, isConfirmed=True)
        return [lambda shop: erase_deleted_account(shop, payload, "account_deleted")]
    return []


def _bought(is_guest: bool, shopper: _Shopper, which: int, step: int, orders: list[_Order]) -> Delivery:
    as_guest = is_guest or not shopper.has_account
    address = ADDRESSES[shopper.number][which % 3] if as_guest else shopper.address
    channel = OTHER_CHANNEL if (which + step) % 3 == 0 else "default-channel"
    made = _Order(shopper, len(orders), address, as_guest, _choice(which // 3, step), channel=channel)
    orders.append(made)
    return _of_order(made.payload(), at(step))


def _changed(what: str, changed: _Order, which: int, step: int) -> Delivery:
    if what == "refund":
        changed.state |= {"charged": 25.0, "refunded": 5.0, "charge_status": "PARTIAL"}
    elif what == "cancel":
        changed.state["status"] = "CANCELED"
    elif what == "correct":
        addresses = ADDRESSES[changed.owner.number]
        changed.address, changed.is_corrected = addresses[which // 2 % 3], True
    elif what == "fulfil":
        changed.state |= {"status": "FULFILLED", "lines": [line() | {"quantityFulfilled": 2}]}
    else:
        changed.state["lines"] = []
    return _of_order(changed.payload(), at(step))


def _altered(what: str, shopper: _Shopper, which: int, step: int) -> Delivery:
    if what == "move":
        shopper.address = ADDRESSES[shopper.number][which % 3]
    elif what == "rename":
        shopper.name = ["Ada", "Augusta", "Byron"][which % 3]
    else:
        shopper.choice = _choice(which, step) or shopper.choice
    return _of_account(shopper.as_account(), at(step))


WHAT = [
    "cart", "buy the cart", "declined", "disputed", "guest buys", "account buys", "refund", "cancel", "edit",
    "correct", "fulfil", "move", "rename", "say", "delete", "erase",
]  # fmt: skip

lives = st.lists(
    st.tuples(st.sampled_from(WHAT), st.integers(0, 1), st.integers(0, 11)), min_size=1, max_size=12
).map(history)
