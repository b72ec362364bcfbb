"""Lists of contacts and orders over the API: which of them, in which order."""

from enum import Enum
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry
import strawberry_django
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Lower
from django.db.models.lookups import GreaterThan
from strawberry import Info
from strawberry.scalars import JSON

from saleor_stripe_audience.api import ids, types
from saleor_stripe_audience.api.audiences import READ, own_audience
from saleor_stripe_audience.api.context import needs, shop_id
from saleor_stripe_audience.api.enums import ConsentState, LawfulBasis, Status
from saleor_stripe_audience.api.filters import DateRange, Direction, any_of, equal, within
from saleor_stripe_audience.api.paging import LongConnection, ordered
from saleor_stripe_audience.api.people import ErasureReceipt
from saleor_stripe_audience.audience import models
from saleor_stripe_audience.audience.people.addresses import normalised
from saleor_stripe_audience.audience.people.models import LAST_ORDER, NEVER
from saleor_stripe_audience.audience.privacy import erasure, subject

LARGEST_COUNT = 2**31 - 1


@strawberry.input(description="Which contacts.")
class ContactFilter:
    audience: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this audience; of the default one, if left out."
    )
    email: str | None = strawberry.field(default=None, description="This address; capitals do not matter.")
    search: str | None = strawberry.field(
        default=None,
        description="How the address, the first or the last name begins; capitals do not matter.",
    )
    status: list[Status] | None = strawberry.field(default=None, description="Any of these statuses.")
    consent: list[ConsentState] | None = strawberry.field(default=None, description="Any of these.")
    lawful_basis: list[LawfulBasis] | None = strawberry.field(default=None, description="Any of these.")
    tag: list[str] | None = strawberry.field(
        default=None, description="With any of these tags, by name; capitals do not matter."
    )
    country: list[str] | None = strawberry.field(default=None, description="Any of these ISO 3166 codes.")
    language: list[str] | None = strawberry.field(
        default=None, description="Any of these language tags; en finds en-us, too."
    )
    orders_count_gte: int | None = strawberry.field(default=None, description="At least so many paid orders.")
    orders_count_lte: int | None = strawberry.field(default=None, description="At most so many paid orders.")
    last_order_at: DateRange | None = strawberry.field(
        default=None, description="When the last paid order was made."
    )
    created_at: DateRange | None = strawberry.field(
        default=None, description="When the contact was first heard of here."
    )


@strawberry.enum(description="By what contacts can be ordered.")
class ContactOrderField(Enum):
    CREATED_AT = strawberry.enum_value("created_at", description="When the contact was first heard of here.")
    EMAIL = strawberry.enum_value("email", description="The address.")
    LAST_ORDER_AT = strawberry.enum_value(
        "last_order_at",
        description="When the last paid order was made; who never ordered counts as long ago.",
    )
    ORDERS_COUNT = strawberry.enum_value("orders_count", description="How many paid orders.")


@strawberry.input(description="The order of contacts.")
class ContactOrder:
    field: ContactOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.DESC, description="In which direction.")


@strawberry.input(description="Which orders.")
class PurchaseFilter:
    saleor_order_id: str | None = strawberry.field(default=None, description="Saleor's id of the order.")
    number: str | None = strawberry.field(default=None, description="The order's number.")
    channel: list[str] | None = strawberry.field(
        default=None, description="Of any of these channels, by slug."
    )
    currency: str | None = strawberry.field(default=None, description="ISO 4217 code.")
    voucher_code: str | None = strawberry.field(default=None, description="With this voucher.")
    is_paid: bool | None = strawberry.field(
        default=None, description="Only those that count as revenue, or only the others."
    )
    placed_at: DateRange | None = strawberry.field(default=None, description="When the order was made.")

    def narrow(self, rows: QuerySet[models.Purchase]) -> QuerySet[models.Purchase]:
        """Those of the rows that the filter means."""
        found = rows.filter(
            equal(
                saleor_order_id=self.saleor_order_id,
                number=self.number,
                currency=self.currency and self.currency.upper(),
                voucher_code=self.voucher_code,
            )
            & any_of(channel=self.channel)
            & within(placed_at=self.placed_at)
        )
        if self.is_paid is None:
            return found
        paid = Q(charge_status__in=models.PAID) & ~Q(status__in=models.NOT_SALES)
        return found.filter(paid if self.is_paid else ~paid)


_Filter = strawberry.argument(name="filter", description="Which of them; all, if left out.")
_Order = strawberry.argument(description="In which order; newest first, if left out.")
_Email = strawberry.argument(description="The address; capitals do not matter.")
_Direction = strawberry.argument(description="Newest first (DESC), or oldest first.")


def _contacts(
    info: Info,
    filter_: Annotated[ContactFilter | None, _Filter] = None,
    order_by: Annotated[ContactOrder | None, _Order] = None,
) -> list[types.Contact]:
    wanted = filter_ or ContactFilter()
    order = order_by or ContactOrder(field=ContactOrderField.CREATED_AT)
    column = cast("str", order.field.value)
    audience = _audience_key(info, wanted.audience)
    rows = models.Contact.objects.filter(_condition(wanted, audience), audience_id=audience)
    by = LAST_ORDER if column == "last_order_at" else F(column)
    found = ordered(_searched(rows, wanted.search), column, by, descending=order.direction is Direction.DESC)
    return cast("list[types.Contact]", found)


def _audience_key(info: Info, given: strawberry.ID | None) -> UUID:
    """Of one audience, for every index begins with it. A key of none while the shop has no audience yet."""
    if given is not None:
        return own_audience(info, given, "audience").pk
    default = models.Audience.objects.filter(installation_id=shop_id(info), is_default=True)
    return default.values_list("pk", flat=True).first() or UUID(int=0)


def _condition(wanted: ContactFilter, audience: UUID) -> Q:
    found = any_of(
        status=_values(wanted.status),
        consent=_values(wanted.consent),
        lawful_basis=_values(wanted.lawful_basis),
        country=wanted.country and [each.upper() for each in wanted.country],
    )
    found &= within(last_order_at=wanted.last_order_at, created_at=wanted.created_at)
    found &= _counted(orders_count__gte=wanted.orders_count_gte, orders_count__lte=wanted.orders_count_lte)
    if wanted.email is not None:
        found &= Q(email=normalised(wanted.email))
    if wanted.language is not None:
        found &= _in_language(wanted.language)
    if wanted.tag is not None:
        found &= _tagged(audience, wanted.tag)
    return found & _buyers(wanted)


def _buyers(wanted: ContactFilter) -> Q:
    """What a filter on orders implies: said, so that no index is read through all who never ordered."""
    if wanted.last_order_at is None and (wanted.orders_count_gte or 0) < 1:
        return Q()
    return GreaterThan(LAST_ORDER, Value(NEVER)) & Q(orders_count__gte=1)


def _values(given: list[Any] | None) -> list[str] | None:
    return None if given is None else [each.value for each in given]


def _counted(**bounds: int | None) -> Q:
    """The bounds; a number that no column holds is brought to the nearest that one can."""
    near = {name: max(0, min(each, LARGEST_COUNT)) for name, each in bounds.items() if each is not None}
    return Q(**near)


def _in_language(tags: list[str]) -> Q:
    plain = [each.lower() for each in tags]
    found = any_of(language=plain)
    for each in plain:
        found |= Q(language__startswith=f"{each}-")
    return found


def _tagged(audience: UUID, names: list[str]) -> Q:
    any_of(name=names)  # not too many
    same = Q(pk__in=[])
    for name in names:
        same |= Q(name__iexact=" ".join(name.split()))
    tags = list(models.Tag.objects.filter(same, audience_id=audience).values_list("pk", flat=True))
    return Q(Exists(models.ContactTag.objects.filter(contact=OuterRef("pk"), tag__in=tags)))


def _searched(rows: QuerySet[models.Contact], text: str | None) -> QuerySet[models.Contact]:
    """Prefixes only: those an index finds, a part in the middle it does not."""
    begins = (text or "").strip()
    if not begins:
        return rows
    named = rows.alias(first=Lower("first_name"), last=Lower("last_name"))
    low = Lower(Value(begins))
    return named.filter(
        Q(email__startswith=begins.lower()) | Q(first__startswith=low) | Q(last__startswith=low)
    )


def _contact(
    info: Info,
    email: Annotated[str, _Email],
    audience: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="In this audience; the default one, if left out."),
    ] = None,
) -> types.Contact | None:
    found = models.Contact.objects.filter(audience_id=_audience_key(info, audience), email=normalised(email))
    return cast("types.Contact | None", found)


def _purchases(
    info: Info,
    filter_: Annotated[PurchaseFilter | None, _Filter] = None,
    direction: Annotated[Direction, _Direction] = Direction.DESC,
) -> list[types.Purchase]:
    rows = models.Purchase.objects.filter(installation_id=shop_id(info))
    found = filter_.narrow(rows) if filter_ else rows
    return cast("list[types.Purchase]", ordered(found, "placed_at", descending=direction is Direction.DESC))


def _receipts(info: Info, email: Annotated[str, _Email]) -> list[ErasureReceipt]:
    return cast("list[ErasureReceipt]", erasure.receipts(ids.own_shop(info), email))


def _subject_export(info: Info, email: Annotated[str, _Email]) -> JSON:
    return cast("JSON", subject.export(ids.own_shop(info), email))


@strawberry.type(description="Contacts, page by page.")
class ContactConnection(LongConnection[types.Contact]):
    pass


@strawberry.type(description="The shop's orders, page by page.")
class ShopPurchaseConnection(LongConnection[types.Purchase]):
    pass


@strawberry.type
class ContactQueries:
    contacts: ContactConnection = strawberry_django.connection(
        resolver=_contacts,
        permission_classes=READ,
        description="The people of one audience. Needs the scope audience:read.",
    )
    contact: types.Contact | None = strawberry_django.field(
        resolver=_contact,
        permission_classes=READ,
        description="One person by address; nothing if the audience has none of it. Needs the scope audience:read.",
    )
    purchases: ShopPurchaseConnection = strawberry_django.connection(
        resolver=_purchases,
        max_results=types.PURCHASES_ON_A_PAGE,
        permission_classes=READ,
        description="The shop's orders, whoever bought, paid or not. Needs the scope audience:read.",
    )
    erasure_receipts: list[ErasureReceipt] = strawberry_django.field(
        resolver=_receipts,
        permission_classes=READ,
        description="What was erased of an address, newest first. Needs the scope audience:read.",
    )
    subject_export: JSON = strawberry.field(
        resolver=_subject_export,
        permission_classes=[needs("audience:write")],
        description=(
            "All that is held about whoever has or had the address, stored events included, for that person. It "
            "shows more than the lists do, so it needs the scope audience:write."
        ),
    )
