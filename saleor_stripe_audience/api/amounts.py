"""Money as Saleor types it: a number with its currency."""

from typing import Any

import strawberry
import strawberry_django

from saleor_stripe_audience import money


@strawberry.type(description="An amount of money.")
class Money:
    amount: float = strawberry.field(description="In major units of the currency, such as 12.3.")
    currency: str = strawberry.field(description="ISO 4217 code in upper case.")
    fraction_digits: int = strawberry.field(description="Number of decimal places of the currency.")


def money_of(minor: int, currency: str) -> Money:
    """Return Money for an amount in the smallest unit. A float represents our amounts, up to twelve digits, exactly."""
    exact = money.from_minor(minor, currency)
    return Money(
        amount=float(exact.amount),
        currency=exact.currency,
        fraction_digits=money.decimals_of(exact.currency),
    )


def money_field(minor: str, description: str) -> Any:
    """Create a field of Money from the column `minor` and the row's own currency."""

    def resolve(root: strawberry.Parent[Any]) -> Money:
        return money_of(getattr(root, minor), root.currency)

    return strawberry_django.field(resolver=resolve, description=description, only=[minor, "currency"])
