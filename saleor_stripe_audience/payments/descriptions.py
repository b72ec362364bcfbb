"""What a PaymentIntent contains besides the amount: texts, addresses and names that the merchant can search for at
Stripe.

None of this affects money: what Stripe refuses is left out.

The shipping address is not set before the payment unless the storefront wants it to be. Stripe does not let a browser
change it after a secret key ("The shipping information … was last set with a secret key"), and the Express Checkout
Element and the Address Element always send it. `order_details` adds it once there is an order.
"""

import base64
import binascii
from typing import Any

from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments.payloads import Address, Source

Json = dict[str, Any]

LONGEST = 500  # characters; Stripe accepts more, but nobody would read more
LONGEST_EMAIL = 512


def decorations(account: StripeAccount, source: Source, *, ships: bool = False) -> Json:
    """Return the parameters of a PaymentIntent that describe it; empty ones are left out.

    `ships`: the storefront wants Saleor's shipping address on it before the payment. If the buyer collects the order,
    that is the address of the warehouse, and nothing is shipped.
    """
    found = {
        "description": description_of(source),
        "shipping": shipping_of(source.shippingAddress) if ships and not source.collectionPointName else {},
        "receipt_email": receipt_of(source) if account.sends_receipts else "",
        "statement_descriptor_suffix": account.descriptor_suffix,
    }
    return {name: value for name, value in found.items() if value}


def description_of(source: Source) -> str:
    """Return the order's number, as in "Order 1234"; for a checkout, which has none, its id."""
    if source.number:
        return order_description(source.number)
    return f"Checkout {_plain(source.id)}"[:LONGEST]


def order_description(number: str) -> str:
    """Return the name of the order's payment at Stripe."""
    return f"Order {number}"[:LONGEST]


def language_of(source: Source) -> str:
    """Return the language tag of the shopper; empty if it is not known."""
    return (source.languageCode or source.languageCodeEnum).replace("_", "-").lower()[:35]


def receipt_of(source: Source) -> str:
    """Return the email address for Stripe's receipt; empty if there is none that Stripe accepts."""
    email = source.email or source.userEmail or ""
    name, _, domain = email.rpartition("@")
    is_fit = bool(name) and "." in domain and email.isascii() and email.isprintable() and " " not in email
    return email if is_fit and len(email) <= LONGEST_EMAIL else ""


def shipping_of(address: Address | None) -> Json:
    """Return the shipping address; empty unless it has a name and a street, which Stripe requires."""
    person = person_of(address)
    return person if person.get("address", {}).get("line1") else {}


def person_of(address: Address | None) -> Json:
    """Return name, phone and address as Stripe's Customer has them; empty without a name."""
    if address is None:
        return {}
    name = f"{address.firstName} {address.lastName}".strip() or address.companyName.strip()
    if not name:
        return {}
    place = {
        "line1": address.streetAddress1,
        "line2": address.streetAddress2,
        "city": address.city,
        "state": address.countryArea,
        "postal_code": address.postalCode,
        "country": address.country.code,
    }
    return {"name": name[:LONGEST], **_filled({"phone": address.phone or ""}), "address": _filled(place)}


def _filled(parts: dict[str, str]) -> dict[str, str]:
    """Remove empty values, which Stripe refuses."""
    return {name: text.strip()[:LONGEST] for name, text in parts.items() if text.strip()}


def _plain(identifier: str) -> str:
    """Return the part of Saleor's global id ("Q2hlY2tvdXQ6…") after the type's name; else the id as it is."""
    try:
        plain = base64.b64decode(identifier, validate=True).decode("ascii").rpartition(":")[2]
    except (binascii.Error, ValueError):
        return identifier
    return plain or identifier
