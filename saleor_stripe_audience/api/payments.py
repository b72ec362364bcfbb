"""The shop's payments through Stripe."""

from datetime import datetime
from enum import StrEnum, auto
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import Q, QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api.amounts import Money, money_field, money_of
from saleor_stripe_audience.api.context import channels_of_caller, needs, shop_id
from saleor_stripe_audience.api.enums import PaymentStatus, TransactionFlowStrategy, describe, known
from saleor_stripe_audience.api.filters import (
    DateTimeRangeInput,
    FilterInput,
    OrderDirection,
    StringFilterInput,
    any_of,
    chosen,
    condition,
    equal,
    in_order,
    in_range,
    one_of,
    values_of,
    within,
)
from saleor_stripe_audience.api.paging import LongConnection
from saleor_stripe_audience.payments import declines, models

Language = Annotated[
    str, strawberry.argument(description="Language tag; French for fr, English for all others.")
]


def _visible(rows: QuerySet[Any], info: Info) -> QuerySet[Any]:
    """Return those in the channels to which Saleor restricts the caller, if it is a member of staff."""
    slugs = channels_of_caller(info)
    return rows if slugs is None else rows.filter(channel_slug__in=sorted(slugs))


def _status(root: strawberry.Parent[models.Payment]) -> PaymentStatus | None:
    return known(PaymentStatus, root.status)


def _for_merchant(root: strawberry.Parent[models.Payment], language: Language = "en") -> str:
    return declines.for_merchant(root.decline_code, language)


def _for_shopper(root: strawberry.Parent[models.Payment], language: Language = "en") -> str:
    return declines.for_shopper(root.decline_code, language) if root.decline_code else ""


def _settled_field(minor: str, description: str) -> Any:
    """Money of the account's balance; null until Stripe has booked it."""

    def resolve(root: strawberry.Parent[models.Payment]) -> Money | None:
        booked = getattr(root, minor)
        return None if booked is None else money_of(booked, root.settled_currency)

    return strawberry_django.field(
        resolver=resolve, description=description, only=[minor, "settled_currency"]
    )


@strawberry_django.type(models.Payment, description="A Stripe payment for a Saleor transaction.")
class Payment(relay.Node):
    transaction_id: str = strawberry_django.field(description="Saleor's id of the transaction.")
    payment_intent_id: str = strawberry_django.field(description="Stripe's id of the PaymentIntent.")
    flow: TransactionFlowStrategy = strawberry_django.field(
        description="Whether the amount was charged immediately or authorized first."
    )
    source_id: str = strawberry_django.field(
        description="Saleor's id of the checkout or order that is being paid for."
    )
    channel: str = strawberry_django.field(field_name="channel_slug", description="Slug of the channel.")
    status: PaymentStatus | None = strawberry_django.field(
        resolver=_status,
        only=["status"],
        description="The PaymentIntent's status; null for one that this version does not know.",
    )
    decline_code: str = strawberry_django.field(
        description="Stripe's code for the last decline; empty if none."
    )
    decline_message: str = strawberry_django.field(
        description="The message that the shopper saw; empty if none."
    )
    decline_for_merchant: str = strawberry_django.field(
        resolver=_for_merchant,
        only=["decline_code"],
        description="Why it was declined, for the merchant only; empty if it was not.",
    )
    decline_for_shopper: str = strawberry_django.field(
        resolver=_for_shopper,
        only=["decline_code"],
        description="What a shopper may be shown about the decline; empty if there was none.",
    )
    created_at: datetime = strawberry_django.field(description="When the payment was started.")
    updated_at: datetime = strawberry_django.field(description="When it last changed in the app.")

    amount: Money = money_field("amount_minor", "The amount to pay.")

    captured: Money = money_field("captured_minor", "The amount captured so far.")

    refunded: Money = money_field("refunded_minor", "The amount refunded so far.")

    gross: Money | None = _settled_field(
        "gross_minor",
        "The amount that reached the Stripe balance, in the balance's currency, before fees and "
        "refunds; null until Stripe has booked it.",
    )

    fee: Money | None = _settled_field("fee_minor", "Stripe's fee.")

    net: Money | None = _settled_field(
        "net_minor", "Gross minus fee, before refunds: Stripe books those separately."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return _visible(queryset.filter(installation_id=shop_id(info)), info)


@strawberry.input(description="Conditions on payments, joined by AND and OR.")
class PaymentWhereInput:
    transaction_id: StringFilterInput | None = strawberry.field(
        default=None, description="Saleor's id of the transaction."
    )
    payment_intent_id: StringFilterInput | None = strawberry.field(
        default=None, description="Stripe's id of the PaymentIntent."
    )
    status: FilterInput[PaymentStatus] | None = strawberry.field(
        default=None, description="The PaymentIntent's status."
    )
    flow: FilterInput[TransactionFlowStrategy] | None = strawberry.field(
        default=None, description="Charged immediately or authorized first."
    )
    channel: StringFilterInput | None = strawberry.field(default=None, description="Slug of the channel.")
    currency: StringFilterInput | None = strawberry.field(default=None, description="ISO 4217 code.")
    is_declined: bool | None = strawberry.field(
        default=None, description="True for payments whose last attempt was declined, false for the others."
    )
    created_at: DateTimeRangeInput | None = strawberry.field(
        default=None, description="When the payment was started."
    )
    updated_at: DateTimeRangeInput | None = strawberry.field(
        default=None, description="When it last changed in the app."
    )
    and_: list["PaymentWhereInput"] | None = strawberry.field(
        name="AND", default=None, description="Conditions, all of which must be met."
    )
    or_: list["PaymentWhereInput"] | None = strawberry.field(
        name="OR", default=None, description="Conditions, at least one of which must be met."
    )

    def condition(self) -> Q:
        """Return the condition without AND and OR."""
        found = one_of("transaction_id", values_of(self.transaction_id))
        found &= one_of("payment_intent_id", values_of(self.payment_intent_id))
        found &= one_of("status", values_of(self.status))
        found &= one_of("flow", values_of(self.flow))
        found &= one_of("channel_slug", values_of(self.channel))
        found &= one_of("currency", values_of(self.currency), str.upper)
        if self.is_declined is not None:
            found &= ~Q(decline_code="") if self.is_declined else Q(decline_code="")
        return found & within("created_at", self.created_at) & within("updated_at", self.updated_at)


@strawberry.input(description="Conditions on payments; all of them must be met.")
class PaymentFilterInput:
    transaction_id: str | None = strawberry.field(default=None, description="Saleor's id of the transaction.")
    payment_intent_id: str | None = strawberry.field(
        default=None, description="Stripe's id of the PaymentIntent."
    )
    status: list[PaymentStatus] | None = strawberry.field(default=None, description="Any of these statuses.")
    channel: list[str] | None = strawberry.field(default=None, description="Any of these channels, by slug.")
    currency: str | None = strawberry.field(default=None, description="ISO 4217 code.")
    is_declined: bool | None = strawberry.field(
        default=None, description="True for payments whose last attempt was declined, false for the others."
    )
    created_at: DateTimeRangeInput | None = strawberry.field(
        default=None, description="When the payment was started."
    )
    updated_at: DateTimeRangeInput | None = strawberry.field(
        default=None, description="When it last changed in the app."
    )

    def where(self) -> PaymentWhereInput:
        """The same conditions as `where` has them."""
        return PaymentWhereInput(
            transaction_id=equal(self.transaction_id),
            payment_intent_id=equal(self.payment_intent_id),
            status=any_of(self.status),
            channel=any_of(self.channel),
            currency=equal(self.currency),
            is_declined=self.is_declined,
            created_at=in_range(self.created_at),
            updated_at=in_range(self.updated_at),
        )


class PaymentSortField(StrEnum):
    CREATED_AT = auto()
    UPDATED_AT = auto()
    AMOUNT = "amount_minor"


describe(
    PaymentSortField,
    "PaymentSortField",
    "The field to sort payments by.",
    {
        PaymentSortField.CREATED_AT: "When the payment was started.",
        PaymentSortField.UPDATED_AT: "When it last changed in the app.",
        PaymentSortField.AMOUNT: "The amount to pay, regardless of currency.",
    },
)


@strawberry.input(description="How to sort payments.")
class PaymentSortingInput:
    field: PaymentSortField = strawberry.field(description="The field.")
    direction: OrderDirection = strawberry.field(description="The direction.")


@strawberry.type(description="Payments, page by page.")
class PaymentConnection(LongConnection[Payment]):
    pass


def _payments(
    info: Info,
    filter_: Annotated[
        PaymentFilterInput | None,
        strawberry.argument(name="filter", description="Conditions that all must be met."),
    ] = None,
    where: Annotated[
        PaymentWhereInput | None,
        strawberry.argument(description="Conditions that can be combined with AND and OR."),
    ] = None,
    sort_by: Annotated[
        PaymentSortingInput | None,
        strawberry.argument(description="The sort order; newest first if omitted."),
    ] = None,
) -> list[Payment]:
    found = condition(chosen(filter_, where), PaymentWhereInput.condition)
    rows = _visible(models.Payment.objects.filter(found, installation_id=shop_id(info)), info)
    return cast("list[Payment]", in_order(rows, sort_by, PaymentSortField.CREATED_AT))


@strawberry.type
class PaymentQueries:
    payments: PaymentConnection = strawberry_django.connection(
        resolver=_payments,
        permission_classes=[needs("payments:read")],
        description="The shop's payments through Stripe. Needs the scope payments:read.",
    )
