"""Two purchases, a decline, a partial refund, a consent and an abandoned cart, played to the end without user input."""

import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import requests

from saleor_stripe_audience.sandbox.stripe import SECRET_KEY

from .person import person
from .shopper import Json, Shopper, Staff
from .stage import CALL_SECONDS, CONSENT_TEXT, Stage

PATIENCE_SECONDS = 45
CENT = Decimal("0.01")
GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
BUYER = "robin.vale@example.com"
SUBSCRIBER = "kim.lark@example.com"
FROM_STRIPE = "Mug named in Stripe"
CART_ENTRIES = {"consent", "order", "cart_started", "cart_abandoned"}
REFRESH = "mutation { catalogueRefreshStart { jobs { id } } }"
DIFFERENCES = """query Differences($id: String!) {
  catalogueDifferences(first: 1, where: {stripeProductId: {eq: $id}, mayBeApplied: true}) { edges { node { id } } } }"""
APPLY = """mutation Apply($id: ID!) { catalogueDifferencesApply(ids: [$id]) { outcomes { error { message } } } }"""
IN_SEGMENTS = {"Abandoned carts", "First-time buyers"}
CONTACT = """query Contact($email: String!) {
  contact(email: $email) { status ordersCount spent { spent { amount currency } } } }"""


def play_once(stage: Stage) -> tuple[Json, list[str]]:
    """Return the summary, and the names of what is missing or wrong in it."""
    shopper, staff = Shopper(stage), Staff(stage)
    product = shopper.products()[0]
    variant = product["variants"][0]
    name = f"{product['name']} (new edition)"
    staff.rename(product["id"], name)
    declined = shopper.buy(variant["id"], "declined@example.com", DECLINED_CARD)
    bought = shopper.buy(variant["id"], BUYER, GOOD_CARD)
    if bought.order is None:
        return {"declined_message": declined.message, "message": bought.message}, ["order"]
    order_id = bought.order["id"]
    charged = Decimal(str(staff.order(order_id)["total"]["gross"]["amount"])).quantize(CENT)
    half = (charged / 2).quantize(CENT)
    staff.refund(bought.transaction, str(half))
    shopper.buy(variant["id"], SUBSCRIBER, GOOD_CARD, agrees=True)
    shopper.abandon(variant["id"], SUBSCRIBER)
    order = _until(lambda: staff.order(order_id), lambda seen: _refunded(seen) == half)
    contact = _until(
        lambda: stage.graphql(CONTACT, email=BUYER)["contact"],
        lambda seen: bool(seen) and _amounts(each["spent"] for each in seen["spent"]) == charged - half,
    )
    in_stripe = _until(lambda: _stripe_product(stage, name), bool)
    summary: Json = {
        "order": order["number"],
        "transaction": bought.transaction,
        "charged": str(charged),
        "refunded": str(_refunded(order)),
        "declined_message": declined.message if declined.order is None else "",
        "contact": {
            "status": contact and contact["status"].lower(),
            "orders": contact and contact["ordersCount"],
            "spent": contact and [each["spent"] for each in contact["spent"]],
        },
        "subscriber": find_subscriber(stage),
        "product_in_stripe": in_stripe,
        "renamed_in_stripe": _take_over(stage, shopper, in_stripe) if in_stripe else "",
    }
    return summary, _missing(summary, half, charged - half)


def find_subscriber(stage: Stage) -> Json:
    """Return the shopper who ticked the box, bought something, and abandoned another cart, once all of it is there.

    Each part is a query of its own, so events may arrive between them.
    """
    found: Json = _until(lambda: _subscriber(stage), lambda seen: all(_check_subscriber(seen).values()))
    return found


def _subscriber(stage: Stage) -> Json:
    found = person(stage, SUBSCRIBER) or {}
    return {
        "status": found.get("status", "").lower(),
        "may_receive": [each.lower() for each in found.get("mayReceive", [])],
        "agreed_to": [each["wording"] for each in found.get("consents", [])],
        "timeline": [each["kind"].lower() for each in found.get("timeline", [])],
        "segments": {each["name"]: each["because"] for each in found.get("segments", []) if each["holds"]},
    }


def _check_subscriber(subscriber: Json) -> dict[str, bool]:
    """Return whether each part is as expected."""
    kinds = subscriber["timeline"]
    return {
        "subscriber.status": subscriber["status"] == "subscribed",
        "subscriber.agreed_to": subscriber["agreed_to"] == [CONSENT_TEXT],
        "subscriber.timeline": {*kinds} >= CART_ENTRIES and kinds.count("segment") >= len(IN_SEGMENTS),
        "subscriber.segments": {*subscriber["segments"]} == IN_SEGMENTS,
    }


def _missing(summary: Json, refunded: Decimal, spent: Decimal) -> list[str]:
    contact = summary["contact"]
    wanted = {
        "order": bool(summary["order"]),
        "transaction": bool(summary["transaction"]),
        "charged": Decimal(summary["charged"]) > 0,
        "refunded": Decimal(summary["refunded"]) == refunded,
        "declined_message": bool(summary["declined_message"]),
        "contact.status": contact["status"] == "nonsubscribed",
        "contact.orders": contact["orders"] == 1,
        "contact.spent": _amounts(contact["spent"]) == spent,
        **_check_subscriber(summary["subscriber"]),
        "product_in_stripe": bool(summary["product_in_stripe"]),
        "renamed_in_stripe": summary["renamed_in_stripe"] == FROM_STRIPE,
    }
    return [name for name, there in wanted.items() if not there]


def _refunded(order: Json) -> Decimal:
    given_back = (Decimal(str(each["refundedAmount"]["amount"])) for each in order["transactions"])
    return sum(given_back, Decimal(0)).quantize(CENT)


def _amounts(moneys: Iterable[Json] | None) -> Decimal:
    return sum((Decimal(str(each["amount"])) for each in moneys or []), Decimal(0))


def _stripe_product(stage: Stage, name: str) -> str:
    """Return the id of Stripe's product with that name (a variant's name may follow it), or nothing."""
    found = requests.get(
        f"{stage.stripe_url}/v1/products",
        params={"limit": "100", "active": "true"},
        headers={"Authorization": f"Bearer {SECRET_KEY}"},
        timeout=CALL_SECONDS,
    ).json()["data"]
    return next((product["id"] for product in found if product["name"].startswith(name)), "")


def _take_over(stage: Stage, shopper: Shopper, product_id: str) -> str:
    """Rename the product in Stripe's Dashboard, refresh, and apply the change; returns its name in the storefront."""
    requests.post(
        f"{stage.stripe_url}/v1/products/{product_id}",
        data={"name": FROM_STRIPE},
        headers={"Authorization": f"Bearer {SECRET_KEY}"},
        timeout=CALL_SECONDS,
    ).raise_for_status()
    stage.ask_as_staff(REFRESH)
    found = _until(
        lambda: stage.ask_as_staff(DIFFERENCES, id=product_id)["catalogueDifferences"]["edges"], bool
    )
    for each in found:
        stage.ask_as_staff(APPLY, id=each["node"]["id"])
    return str(next((each["name"] for each in shopper.products() if each["name"] == FROM_STRIPE), ""))


def _until(look: Callable[[], Any], right: Callable[[Any], bool]) -> Any:
    """Return what `look` returns once that is `right`, or its last result when time is up."""
    ends = time.monotonic() + PATIENCE_SECONDS
    seen = look()
    while not right(seen) and time.monotonic() < ends:
        time.sleep(0.2)
        seen = look()
    return seen
