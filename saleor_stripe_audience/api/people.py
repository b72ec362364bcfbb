"""What belongs to a contact: consent events, former addresses, tags; and receipts of erasures."""

from datetime import datetime
from typing import Any

import strawberry
import strawberry_django
from django.db.models import Count, QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api.context import shop_id
from saleor_stripe_audience.api.enums import (
    ConsentBasis,
    ConsentKind,
    ConsentSource,
    ErasureReason,
    Purpose,
    TagOrigin,
    WordingOrigin,
)
from saleor_stripe_audience.audience import models
from saleor_stripe_audience.audience.people.status import RECEIVES, Status


def purposes(status: str) -> list[Purpose]:
    """Return what a status may receive, in the order of the enumeration."""
    return [each for each in Purpose if each in RECEIVES[Status(status)]]


def _contacts_count(root: strawberry.Parent[models.Tag]) -> int:
    counted: int | None = getattr(root, "contacts_counted", None)  # read with the tag where a list shows it
    return root.contact_tags.count() if counted is None else counted


@strawberry_django.type(models.Tag, description="A label that the shop gives to contacts of one audience.")
class Tag(relay.Node):
    name: str = strawberry_django.field(description="The label; unique, ignoring case.")
    created_at: datetime = strawberry_django.field(description="When it was created.")
    contacts_count: int = strawberry_django.field(
        resolver=_contacts_count,
        annotate={"contacts_counted": Count("contact_tags")},
        description="The exact number of contacts that have it.",
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(audience__installation_id=shop_id(info))


@strawberry_django.type(models.ContactTag, description="A tag on a contact.")
class ContactTag:
    tag: Tag = strawberry_django.field(description="The tag.")
    origin: TagOrigin = strawberry_django.field(description="Who added it.")
    actor: str = strawberry_django.field(
        description="The id of the API key or staff member; empty if a rule added it."
    )
    added_at: datetime = strawberry_django.field(description="When it was added.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(tag__audience__installation_id=shop_id(info)).order_by("added_at", "pk")


@strawberry_django.type(
    models.ContactAttribute, description="A Saleor metadata value that the audience stores."
)
class ContactAttribute:
    key: str = strawberry_django.field(description="The key in Saleor's metadata.")
    value: str = strawberry_django.field(description="Its value.")
    said_at: datetime = strawberry_django.field(description="When Saleor last sent it.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        own = queryset.filter(contact__audience__installation_id=shop_id(info))
        return own.exclude(value="").order_by("key")


@strawberry_django.type(models.FormerAddress, description="A former address of a contact.")
class FormerAddress:
    email: str = strawberry_django.field(description="The address; events for it belong to the contact.")
    held_at: datetime = strawberry_django.field(description="When it was last reported as the contact's.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(audience__installation_id=shop_id(info)).order_by("-held_at", "email")


def _wording(root: strawberry.Parent[models.Consent]) -> str | None:
    """Return the wording, but not one that someone other than the merchant may have written."""
    is_unknown = root.wording_origin == models.Consent.WordingOrigin.UNKNOWN
    return root.wording.text if root.wording and not is_unknown else None


@strawberry_django.type(
    models.Consent, description="One event of a person's consent; never changed, never deleted."
)
class ConsentEvent:
    kind: ConsentKind = strawberry_django.field(description="What the person did.")
    basis: ConsentBasis = strawberry_django.field(
        description="Consent, or soft opt-in, which is not consent."
    )
    at: datetime = strawberry_django.field(description="When the person said it.")
    recorded_at: datetime = strawberry_django.field(description="When the app recorded it.")
    email: str = strawberry_django.field(description="The contact's address at that time.")
    source: ConsentSource = strawberry_django.field(description="Where the person said it.")
    source_detail: str = strawberry_django.field(description="Details about the source; empty if not known.")
    actor: str = strawberry_django.field(
        description="The id of who recorded it; empty if the person did so themselves."
    )
    reference: str = strawberry_django.field(description="The order, account or file it came with.")
    wording: str | None = strawberry_django.field(
        resolver=_wording,
        select_related=["wording"],
        only=["wording__text", "wording_origin"],
        description="The exact text that was agreed to; null for a withdrawal, or if someone other than the "
        "merchant may have written it.",
    )
    wording_origin: WordingOrigin = strawberry_django.field(
        description="Where the wording comes from: only the merchant's own wordings are proof."
    )
    is_proven: bool = strawberry_django.field(
        description="Whether the owner of the email address is known to have said it: through a link in an "
        "email, or from a confirmed account. After a refusal, only proven consent subscribes the "
        "person again."
    )
    ip: str | None = strawberry_django.field(description="The IP address, if known.")
    needs_confirmation: bool = strawberry_django.field(
        description="Whether it takes effect only once it is confirmed by email."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(audience__installation_id=shop_id(info)).order_by("at", "pk")


@strawberry.type(description="How many records of one kind were erased.")
class ErasedCount:
    what: str = strawberry.field(description="The kind of record, such as Contact or inbox payloads.")
    count: int = strawberry.field(description="How many.")


def _erased(root: strawberry.Parent[models.Erasure]) -> list[ErasedCount]:
    return [ErasedCount(what=name, count=count) for name, count in root.erased.items()]


def _contact_keys(root: strawberry.Parent[models.Erasure]) -> list[str]:
    return list(root.contact_ids)


@strawberry_django.type(
    models.Erasure, description="A receipt of what was erased and where, without saying whose data it was."
)
class ErasureReceipt(relay.Node):
    reason: ErasureReason = strawberry_django.field(description="Why.")
    actor: str = strawberry_django.field(
        description="The id of who requested it; empty if an event triggered it."
    )
    erased_at: datetime = strawberry_django.field(description="When.")
    contact_keys: list[str] = strawberry_django.field(
        resolver=_contact_keys, only=["contact_ids"], description="The keys of the erased contacts."
    )
    erased: list[ErasedCount] = strawberry_django.field(
        resolver=_erased, only=["erased"], description="What was erased, and how much of it."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))
