"""Money as the API shows it: exact, as text, with its currency."""

from decimal import Decimal
from typing import Any

import strawberry
import strawberry_django

from saleor_stripe_audience import money


@strawberry.type(description="An amount of money.")
class Money:
    amount: Decimal = strawberry.field(description='In whole units of the currency, exact, as text: "12.30".')
    currency: str = strawberry.field(description="ISO 4217 code in capitals.")


def money_of(minor: int, currency: str) -> Money:
    """So many of the currency's smallest unit."""
    exact = money.from_minor(minor, currency)
    return Money(amount=exact.amount, currency=exact.currency)


def money_field(minor: str, description: str) -> Any:
    """A field of Money made of the column `minor` and the row's own currency."""

    def resolve(root: strawberry.Parent[Any]) -> Money:
        return money_of(getattr(root, minor), root.currency)

    return strawberry_django.field(resolver=resolve, description=description, only=[minor, "currency"])
