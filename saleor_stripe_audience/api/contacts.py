"""The contacts of an audience: lists, and everything about one contact."""

from enum import StrEnum, auto
from typing import Annotated, cast
from uuid import UUID

import strawberry
import strawberry_django
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.lookups import GreaterThan
from strawberry import Info
from strawberry.scalars import JSON

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.audiences import READ, own_audience
from saleor_stripe_audience.api.buyers import Contact
from saleor_stripe_audience.api.context import check_all_channels, needs, shop_id
from saleor_stripe_audience.api.enums import ConsentState, LawfulBasis, Status, describe
from saleor_stripe_audience.api.filters import (
    DateTimeRangeInput,
    FilterInput,
    GlobalIDFilterInput,
    IntFilterInput,
    IntRangeInput,
    OrderDirection,
    StringFilterInput,
    any_of,
    check_number,
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
from saleor_stripe_audience.api.people import ErasureReceipt
from saleor_stripe_audience.audience import models
from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.models import LAST_ORDER, NEVER
from saleor_stripe_audience.audience.people.search import search as search_contacts
from saleor_stripe_audience.audience.privacy import erasure, subject


@strawberry.input(description="Conditions on contacts, joined by AND and OR.")
class ContactWhereInput:
    email: StringFilterInput | None = strawberry.field(
        default=None, description="The email address; case-insensitive."
    )
    status: FilterInput[Status] | None = strawberry.field(default=None, description="The status.")
    consent: FilterInput[ConsentState] | None = strawberry.field(
        default=None, description="The person's current choice about marketing."
    )
    lawful_basis: FilterInput[LawfulBasis] | None = strawberry.field(
        default=None, description="The lawful basis for sending marketing."
    )
    tag: StringFilterInput | None = strawberry.field(
        default=None, description="The name of a tag on the contact; case-insensitive."
    )
    segment: GlobalIDFilterInput | None = strawberry.field(
        default=None, description="A segment that the contact is in."
    )
    country: StringFilterInput | None = strawberry.field(default=None, description="ISO 3166 code.")
    language: StringFilterInput | None = strawberry.field(
        default=None, description="Language tag; en also matches en-us."
    )
    orders_count: IntFilterInput | None = strawberry.field(default=None, description="Number of paid orders.")
    last_order_at: DateTimeRangeInput | None = strawberry.field(
        default=None, description="When the last paid order was placed."
    )
    created_at: DateTimeRangeInput | None = strawberry.field(
        default=None, description="When the contact was created in the app."
    )
    and_: list["ContactWhereInput"] | None = strawberry.field(
        name="AND", default=None, description="Conditions, all of which must be met."
    )
    or_: list["ContactWhereInput"] | None = strawberry.field(
        name="OR", default=None, description="Conditions, at least one of which must be met."
    )

    def condition(self, audience: UUID) -> Q:
        """The condition without AND and OR; tags and segments must be the audience's."""
        found = one_of("email", values_of(self.email), normalize_email)
        found &= one_of("status", values_of(self.status))
        found &= one_of("consent", values_of(self.consent))
        found &= one_of("lawful_basis", values_of(self.lawful_basis))
        found &= one_of("country", values_of(self.country), str.upper)
        found &= _in_language(values_of(self.language))
        found &= _with_tag(audience, values_of(self.tag))
        found &= _in_segment(audience, values_of(self.segment))
        found &= within("last_order_at", self.last_order_at) & within("created_at", self.created_at)
        return found & within("orders_count", self.orders_count) & self._only_buyers()

    def is_about_orders(self) -> bool:
        """Whether it, or a condition in it, is about orders."""
        if self.orders_count is not None or self.last_order_at is not None:
            return True
        return any(each.is_about_orders() for each in [*(self.and_ or ()), *(self.or_ or ())])

    def _only_buyers(self) -> Q:
        """State what a condition on orders implies, so that no index scan visits the contacts who never ordered."""
        counts = values_of(self.orders_count)
        least = self.orders_count.range.gte if self.orders_count and self.orders_count.range else None
        has_ordered = (least or 0) > 0 or (bool(counts) and min(counts or [0]) > 0)
        if self.last_order_at is None and not has_ordered:
            return Q()
        return GreaterThan(LAST_ORDER, Value(NEVER)) & Q(orders_count__gte=1)


@strawberry.input(description="Conditions on contacts; all of them must be met.")
class ContactFilterInput:
    email: str | None = strawberry.field(default=None, description="This email address; case-insensitive.")
    status: list[Status] | None = strawberry.field(default=None, description="Any of these statuses.")
    consent: list[ConsentState] | None = strawberry.field(default=None, description="Any of these.")
    lawful_basis: list[LawfulBasis] | None = strawberry.field(default=None, description="Any of these.")
    tag: list[str] | None = strawberry.field(
        default=None, description="Any of these tags, by name; case-insensitive."
    )
    segment: strawberry.ID | None = strawberry.field(default=None, description="Contacts in this segment.")
    country: list[str] | None = strawberry.field(default=None, description="Any of these ISO 3166 codes.")
    language: list[str] | None = strawberry.field(
        default=None, description="Any of these language tags; en also matches en-us."
    )
    orders_count: IntRangeInput | None = strawberry.field(default=None, description="Number of paid orders.")
    last_order_at: DateTimeRangeInput | None = strawberry.field(
        default=None, description="When the last paid order was placed."
    )
    created_at: DateTimeRangeInput | None = strawberry.field(
        default=None, description="When the contact was created in the app."
    )

    def where(self) -> ContactWhereInput:
        """The same conditions as `where` has them."""
        return ContactWhereInput(
            email=equal(self.email),
            status=any_of(self.status),
            consent=any_of(self.consent),
            lawful_basis=any_of(self.lawful_basis),
            tag=any_of(self.tag),
            segment=equal(self.segment),
            country=any_of(self.country),
            language=any_of(self.language),
            orders_count=IntFilterInput(range=self.orders_count) if in_range(self.orders_count) else None,
            last_order_at=in_range(self.last_order_at),
            created_at=in_range(self.created_at),
        )


class ContactSortField(StrEnum):
    CREATED_AT = auto()
    EMAIL = auto()
    LAST_ORDER_AT = auto()
    ORDERS_COUNT = auto()


describe(
    ContactSortField,
    "ContactSortField",
    "The field to sort contacts by.",
    {
        ContactSortField.CREATED_AT: "When the contact was created in the app.",
        ContactSortField.EMAIL: "The email address.",
        ContactSortField.LAST_ORDER_AT: "When the last paid order was placed; contacts without one sort as the oldest.",
        ContactSortField.ORDERS_COUNT: "Number of paid orders.",
    },
)


ABOUT_ORDERS = frozenset({ContactSortField.LAST_ORDER_AT, ContactSortField.ORDERS_COUNT})


@strawberry.input(description="How to sort contacts.")
class ContactSortingInput:
    field: ContactSortField = strawberry.field(description="The field.")
    direction: OrderDirection = strawberry.field(description="The direction.")


@strawberry.type(description="Contacts, page by page.")
class ContactConnection(LongConnection[Contact]):
    pass


_AudienceId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The audience's id; the default audience if omitted."),
]
_Email = Annotated[str, strawberry.argument(description="The email address; case-insensitive.")]


def _contacts(
    info: Info,
    audience: _AudienceId = None,
    filter_: Annotated[
        ContactFilterInput | None,
        strawberry.argument(name="filter", description="Conditions that all must be met."),
    ] = None,
    where: Annotated[
        ContactWhereInput | None,
        strawberry.argument(description="Conditions that can be combined with AND and OR."),
    ] = None,
    search: Annotated[
        str | None,
        strawberry.argument(
            description="The beginning of the email address, first name or last name, both names, or a whole former "
            "address; case-insensitive."
        ),
    ] = None,
    sort_by: Annotated[
        ContactSortingInput | None,
        strawberry.argument(description="The sort order; newest first if omitted."),
    ] = None,
) -> list[Contact]:
    key = _audience_key(info, audience)
    wanted = chosen(filter_, where)
    found = condition(wanted, lambda each: each.condition(key))
    if (wanted is not None and wanted.is_about_orders()) or (sort_by and sort_by.field in ABOUT_ORDERS):
        check_all_channels(info)
    rows = models.Contact.objects.filter(found, audience_id=key)
    if text := (search or "").strip():
        rows = search_contacts(rows, key, text)
    by = {ContactSortField.LAST_ORDER_AT.value: LAST_ORDER}
    return cast("list[Contact]", in_order(rows, sort_by, ContactSortField.CREATED_AT, by=by))


def _audience_key(info: Info, given: strawberry.ID | None) -> UUID:
    """Return the audience's key, with which every index starts; a key that matches nothing if the shop has none."""
    if given is not None:
        return own_audience(info, given, "audience").pk
    default = models.Audience.objects.filter(installation_id=shop_id(info), is_default=True)
    return default.values_list("pk", flat=True).first() or UUID(int=0)


def _in_language(tags: list[str] | None) -> Q:
    if tags is None:
        return Q()
    plain = [each.lower() for each in tags]
    found = one_of("language", plain)
    for each in plain:
        found |= Q(language__startswith=f"{each}-")
    return found


def _with_tag(audience: UUID, names: list[str] | None) -> Q:
    if names is None:
        return Q()
    check_number(names)
    same = Q(pk__in=[])
    for name in names:
        same |= Q(name__iexact=" ".join(name.split()))
    tags = list(models.Tag.objects.filter(same, audience_id=audience).values_list("pk", flat=True))
    return Q(Exists(models.ContactTag.objects.filter(contact=OuterRef("pk"), tag__in=tags)))


def _in_segment(audience: UUID, given: list[strawberry.ID] | None) -> Q:
    if given is None:
        return Q()
    check_number(given)
    keys = [ids.key_of(each, "Segment", "segment") for each in given]
    own = set(models.Segment.objects.filter(audience_id=audience, pk__in=keys).values_list("pk", flat=True))
    if not own.issuperset(keys):
        raise ids.not_found("Segment", "segment")
    return Q(Exists(models.Membership.objects.filter(contact=OuterRef("pk"), segment__in=own)))


def _contact(info: Info, email: _Email, audience: _AudienceId = None) -> Contact | None:
    found = models.Contact.objects.filter(
        audience_id=_audience_key(info, audience), email=normalize_email(email)
    )
    return cast("Contact | None", found)


def _receipts(info: Info, email: _Email) -> list[ErasureReceipt]:
    return cast("list[ErasureReceipt]", erasure.receipts(ids.own_shop(info), email))


def _subject_export(info: Info, email: _Email) -> JSON:
    check_all_channels(info)  # parts of it would be no answer to the person
    return cast("JSON", subject.export(ids.own_shop(info), email))


@strawberry.type
class ContactQueries:
    contacts: ContactConnection = strawberry_django.connection(
        resolver=_contacts,
        permission_classes=READ,
        description="The contacts of one audience. Needs the scope audience:read.",
    )
    contact: Contact | None = strawberry_django.field(
        resolver=_contact,
        permission_classes=READ,
        description="A contact by email address; null if the audience has none with that address. Needs the "
        "scope audience:read.",
    )
    erasure_receipts: list[ErasureReceipt] = strawberry_django.field(
        resolver=_receipts,
        permission_classes=READ,
        description="The receipts of erasures for an address, newest first. Needs the scope audience:read.",
    )
    subject_export: JSON = strawberry.field(
        resolver=_subject_export,
        permission_classes=[needs("audience:write")],
        description=(
            "Everything that is stored about anyone who has or had the address, including stored "
            "events, to hand over to that person. It contains more than the lists do, so it needs the "
            "scope audience:write."
        ),
    )
