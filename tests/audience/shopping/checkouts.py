"""Checkouts as Saleor sends them."""

import base64
from typing import Any

from tests.audience.histories import BEGINNING


def checkout_id(number: int) -> str:
    return base64.b64encode(f"Checkout:{number}".encode()).decode()


def channel_id(slug: str) -> str:
    """Return an id of the channel that differs from those of others."""
    number = 1 if slug == "default-channel" else 2 + sum(slug.encode())
    return base64.b64encode(f"Channel:{number}".encode()).decode()


def checkout(
    number: int = 1,
    *,
    email: str | None = "ada@shop.example",
    user: dict[str, Any] | None = None,
    lines: int = 1,
    channel: str = "default-channel",
    updated: str | None = None,
) -> dict[str, Any]:
    return {
        "id": checkout_id(number),
        "created": BEGINNING.isoformat(),
        "updatedAt": updated or BEGINNING.isoformat(),
        "email": email,
        "languageCode": "EN_US",
        "voucherCode": None,
        "user": user,
        "channel": {"id": channel_id(channel), "slug": channel, "currencyCode": "USD"},
        "billingAddress": None,
        "shippingAddress": {"firstName": "Ada", "lastName": "Buyer", "phone": "", "country": {"code": "US"}},
        "totalPrice": {"gross": {"amount": 20.0 * lines, "currency": "USD"}},
        "lines": [
            {
                "id": f"Q2hlY2tvdXRMaW5lOj{line}",
                "quantity": 1,
                "totalPrice": {"gross": {"amount": 20.0, "currency": "USD"}},
                "variant": {
                    "id": "UHJvZHVjdFZhcmlhbnQ6MzQ4",
                    "name": "S",
                    "sku": "3282",
                    "product": {"id": "UHJvZHVjdDoxMzQ=", "name": "Monospace Tee"},
                },
            }
            for line in range(lines)
        ],
    }
