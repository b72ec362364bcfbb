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


@strawberry_django.type(models.Tag, description="A label that the shop gives contacts of one audience.")
class Tag(relay.Node):
    name: str = strawberry_django.field(description="The label; unique regardless of case.")
    created_at: datetime = strawberry_django.field(description="When it was created.")
    contacts_count: int = strawberry_django.field(
        resolver=_contacts_count,
        annotate={"contacts_counted": Count("contact_tags")},
        description="How many contacts have it, counted completely.",
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(audience__installation_id=shop_id(info))


@strawberry_django.type(models.ContactTag, description="A tag on a contact.")
class ContactTag:
    tag: Tag = strawberry_django.field(description="Which tag.")
    origin: TagOrigin = strawberry_django.field(description="Who added it.")
    actor: str = strawberry_django.field(
        description="The id of the key or member of staff; empty where a rule did it."
    )
    added_at: datetime = strawberry_django.field(description="When it was added.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(tag__audience__installation_id=shop_id(info)).order_by("added_at", "pk")


@strawberry_django.type(
    models.ContactAttribute, description="A value of Saleor's metadata that the audience stores."
)
class ContactAttribute:
    key: str = strawberry_django.field(description="The key in Saleor's metadata.")
    value: str = strawberry_django.field(description="Its value.")
    said_at: datetime = strawberry_django.field(description="When Saleor last sent it.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        own = queryset.filter(contact__audience__installation_id=shop_id(info))
        return own.exclude(value="").order_by("key")


@strawberry_django.type(models.FormerAddress, description="An address that a contact had before.")
class FormerAddress:
    email: str = strawberry_django.field(description="The address; what comes in under it is the contact's.")
    held_at: datetime = strawberry_django.field(description="When it was last reported as the contact's.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(audience__installation_id=shop_id(info)).order_by("-held_at", "email")


def _wording(root: strawberry.Parent[models.Consent]) -> str | None:
    """A wording that a stranger may have written is not shown."""
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
    at: datetime = strawberry_django.field(description="When it was said.")
    recorded_at: datetime = strawberry_django.field(description="When it was recorded here.")
    email: str = strawberry_django.field(description="The contact's address at that time.")
    source: ConsentSource = strawberry_django.field(description="Where it was said.")
    source_detail: str = strawberry_django.field(description="Where more exactly; empty if not known.")
    actor: str = strawberry_django.field(
        description="Who recorded it, by id; empty if the person did it themselves."
    )
    reference: str = strawberry_django.field(description="The order, account or file it came with.")
    wording: str | None = strawberry_django.field(
        resolver=_wording,
        select_related=["wording"],
        only=["wording__text", "wording_origin"],
        description="What was agreed to, word for word; null for a withdrawal, or if a stranger may have written it.",
    )
    wording_origin: WordingOrigin = strawberry_django.field(
        description="Where the wording is from: only the merchant's words prove anything."
    )
    is_proven: bool = strawberry_django.field(
        description="Whether the mailbox's owner is known to have said it: by a link in a mail, or from a confirmed "
        "account. After a refusal nothing else subscribes anybody."
    )
    ip: str | None = strawberry_django.field(description="The computer's address, if it is known.")
    needs_confirmation: bool = strawberry_django.field(
        description="Whether it counts only once it is confirmed from the mailbox."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(audience__installation_id=shop_id(info)).order_by("at", "pk")


@strawberry.type(description="How much was erased of one kind.")
class ErasedCount:
    what: str = strawberry.field(description="Of what, such as Contact or inbox payloads.")
    count: int = strawberry.field(description="How many.")


def _erased(root: strawberry.Parent[models.Erasure]) -> list[ErasedCount]:
    return [ErasedCount(what=name, count=count) for name, count in root.erased.items()]


def _contact_keys(root: strawberry.Parent[models.Erasure]) -> list[str]:
    return list(root.contact_ids)


@strawberry_django.type(models.Erasure, description="A receipt: what was erased where, but not whose data.")
class ErasureReceipt(relay.Node):
    reason: ErasureReason = strawberry_django.field(description="Why.")
    actor: str = strawberry_django.field(description="Who requested it, by id; empty if an event did.")
    erased_at: datetime = strawberry_django.field(description="When.")
    contact_keys: list[str] = strawberry_django.field(
        resolver=_contact_keys, only=["contact_ids"], description="The keys that the contacts had."
    )
    erased: list[ErasedCount] = strawberry_django.field(
        resolver=_erased, only=["erased"], description="What was erased, and how much of it."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))
