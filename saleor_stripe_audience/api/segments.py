"""Segments and the timeline over the API. The work is done by `audience.segments` and `audience.timeline`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import QuerySet
from django.utils import timezone
from strawberry import Info, relay
from strawberry.scalars import JSON

from saleor_stripe_audience.api import ids, types
from saleor_stripe_audience.api.amounts import Money, money_of
from saleor_stripe_audience.api.audiences import READ, WRITE, own_audience
from saleor_stripe_audience.api.context import shop_id
from saleor_stripe_audience.api.enums import TimelineKind
from saleor_stripe_audience.api.paging import LongConnection, ordered
from saleor_stripe_audience.api.people import Tag
from saleor_stripe_audience.audience import models, timeline
from saleor_stripe_audience.audience.by_hand import not_found
from saleor_stripe_audience.audience.segments import explain, membership, rules, store
from saleor_stripe_audience.errors import Rejected

MEMBERS_ON_A_PAGE = 100


def _rule(root: strawberry.Parent[models.Segment]) -> JSON:
    return cast("JSON", root.tree)


def _members_count(root: strawberry.Parent[models.Segment]) -> int:
    return root.memberships.count()


def _members(root: strawberry.Parent[models.Segment]) -> Iterable[types.Contact]:
    members = membership.members_of(root).filter(audience=root.audience_id)
    return cast("Iterable[types.Contact]", ordered(members, "email", descending=False))


@strawberry_django.type(models.Segment, description="A rule over an audience's contacts, and who fits it.")
class Segment(relay.Node):
    name: str = strawberry_django.field(description="Its name.")
    rule: JSON = strawberry_django.field(
        resolver=_rule, only=["tree"], description="The rule; docs/audience.md tells its language."
    )
    tag: Tag | None = strawberry_django.field(
        description="The tag that its members have; none if none was chosen."
    )
    ready_made: str = strawberry_django.field(
        description="Which rule that came with the app it is; empty if it is the shop's own."
    )
    refreshed_at: datetime | None = strawberry_django.field(
        description="When it was last looked through whole; nothing until that was done once."
    )
    refresh_due_at: datetime | None = strawberry_django.field(
        description="When that is done next; nothing if only events change it."
    )
    created_at: datetime = strawberry_django.field(description="When it was made.")
    members_count: int = strawberry_django.field(
        resolver=_members_count,
        description="How many contacts are in it, all of them counted: ask if needed.",
    )
    members: LongConnection[types.Contact] = strawberry_django.connection(
        resolver=_members, description="Who is in it, by address.", max_results=MEMBERS_ON_A_PAGE
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(audience__installation_id=shop_id(info)).order_by("name", "pk")


@strawberry.type(description="What a rule comes to now; nothing is kept.")
class SegmentPreview:
    count: int = strawberry.field(description="How many contacts fit.")
    milliseconds: float = strawberry.field(description="How long the database took.")
    notes: list[str] = strawberry.field(
        description="What the rule names and nobody has bought, with its place."
    )
    sample: list[types.Contact] = strawberry.field(description="Some of them, ten at most.")


@strawberry.type(description="One condition of a rule, of one contact.")
class SegmentExplanation:
    place: str = strawberry.field(description="Where it stands, such as root.of[1].of.")
    type: str = strawberry.field(description="The condition's type.")
    holds: bool = strawberry.field(description="Whether it is true of the contact.")
    because: str = strawberry.field(description="What makes it so.")


@strawberry.type(description="One thing that happened with a contact.")
class TimelineEntry:
    at: datetime = strawberry.field(description="When.")
    kind: TimelineKind = strawberry.field(description="What.")
    title: str = strawberry.field(description="The same in words, for a merchant.")
    reference: str = strawberry.field(
        description="The order, checkout or payment by its id; empty if there is none."
    )
    amount: Money | None = strawberry.field(description="How much it was about; nothing if no money was.")
    cursor: str = strawberry.field(description="Where to go on after it.")


@strawberry.type(description="A part of a contact's timeline.")
class Timeline:
    entries: list[TimelineEntry] = strawberry.field(description="Newest first.")
    has_more: bool = strawberry.field(description="Whether there is more after the last of them.")


@strawberry.type(description="The end of something that was deleted.")
class SegmentDeleted:
    name: str = strawberry.field(description="The name that it had.")


_Id = strawberry.argument(description="The segment's id.")
_AudienceId = strawberry.argument(description="The audience's id.")
_Name = strawberry.argument(description="1 to 100 characters; capitals make no other name.")
_RuleArgument = strawberry.argument(description='The rule: {"version": 1, "root": …}; see docs/audience.md.')
_TagId = strawberry.argument(description="Id of the tag that its members shall have; none if left out.")
_AcceptUnknown = strawberry.argument(description="Save it although it names what nobody has bought yet.")


def _segments(info: Info, audience: Annotated[relay.GlobalID, _AudienceId]) -> list[Segment]:
    return cast("list[Segment]", own_audience(info, audience).segments.order_by("name", "pk"))


def _preview(
    info: Info,
    audience: Annotated[relay.GlobalID, _AudienceId],
    rule: Annotated[JSON, _RuleArgument],
) -> SegmentPreview:
    seen = store.preview(own_audience(info, audience), rule)
    sample = cast("list[types.Contact]", seen.sample)
    return SegmentPreview(
        count=seen.count, milliseconds=round(seen.milliseconds, 1), notes=seen.notes, sample=sample
    )


def _explain(
    info: Info,
    segment: Annotated[relay.GlobalID, _Id],
    contact: Annotated[relay.GlobalID, strawberry.argument(description="The contact's id.")],
) -> list[SegmentExplanation]:
    own = _own(info, segment)
    who = models.Contact.objects.filter(audience=own.audience_id, pk=ids.key_of(contact, "Contact")).first()
    if who is None:
        raise not_found("contact")
    told = explain.explain(who, rules.read(own.tree), timezone.now())
    return [
        SegmentExplanation(place=each.place, type=each.type, holds=each.holds, because=each.because)
        for each in told.flat()
    ]


def _timeline(
    info: Info,
    contact: Annotated[relay.GlobalID, strawberry.argument(description="The contact's id.")],
    first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")] = 20,
    after: Annotated[
        str, strawberry.argument(description="The cursor of the last entry known; the newest if left out.")
    ] = "",
) -> Timeline:
    own = models.Contact.objects.filter(audience__installation_id=shop_id(info)).select_related("audience")
    who = own.filter(pk=ids.key_of(contact, "Contact")).first()
    if who is None:
        raise not_found("contact")
    page = timeline.timeline(who, timezone.now(), first, after)
    return Timeline(entries=[_entry(each) for each in page.entries], has_more=page.has_more)


def _entry(entry: timeline.Entry) -> TimelineEntry:
    return TimelineEntry(
        at=entry.at,
        kind=entry.kind,
        title=entry.title,
        reference=entry.reference,
        amount=money_of(entry.amount.minor, entry.amount.currency) if entry.amount else None,
        cursor=entry.cursor,
    )


def _create(
    info: Info,
    audience: Annotated[relay.GlobalID, _AudienceId],
    name: Annotated[str, _Name],
    rule: Annotated[JSON, _RuleArgument],
    tag: Annotated[relay.GlobalID | None, _TagId] = None,
    accept_unknown: Annotated[bool, _AcceptUnknown] = False,
) -> Segment:
    own = own_audience(info, audience)
    wish = store.Wish(name, rule, _tag(own, tag), accept_unknown)
    return cast("Segment", store.create(own, wish))


def _update(
    info: Info,
    id: Annotated[relay.GlobalID, _Id],  # noqa: A002 - relay names the argument
    name: Annotated[str, _Name],
    rule: Annotated[JSON, _RuleArgument],
    tag: Annotated[relay.GlobalID | None, _TagId] = None,
    accept_unknown: Annotated[bool, _AcceptUnknown] = False,
) -> Segment:
    own = _own(info, id)
    wish = store.Wish(name, rule, _tag(own.audience, tag), accept_unknown)
    return cast("Segment", store.change(own, wish))


def _delete(
    info: Info,
    id: Annotated[relay.GlobalID, _Id],  # noqa: A002 - as above
) -> SegmentDeleted:
    own = _own(info, id)
    store.delete(own)
    return SegmentDeleted(name=own.name)


def _install_ready_made(
    info: Info,
    audience: Annotated[relay.GlobalID, _AudienceId],
    currency: Annotated[str, strawberry.argument(description="The currency of big spenders, ISO 4217.")],
    big_spender_from: Annotated[
        str, strawberry.argument(description='From how much somebody is a big spender, such as "500.00".')
    ],
) -> list[Segment]:
    made = store.install_ready_made(own_audience(info, audience), currency, big_spender_from)
    return cast("list[Segment]", made)


def _own(info: Info, given: relay.GlobalID) -> models.Segment:
    """The shop's segment of that id; `Rejected` if it has none."""
    own = models.Segment.objects.filter(audience__installation_id=shop_id(info))
    found = own.filter(pk=ids.key_of(given, "Segment")).select_related("audience", "tag").first()
    if found is None:
        raise not_found("segment")
    return found


def _tag(audience: models.Audience, given: relay.GlobalID | None) -> models.Tag | None:
    if given is None:
        return None
    found = audience.tags.filter(pk=ids.key_of(given, "Tag")).first()
    if found is None:
        raise Rejected("The audience has no such tag.", code="not_found")
    return found


@strawberry.type
class SegmentQueries:
    segments: list[Segment] = strawberry_django.field(
        resolver=_segments,
        permission_classes=READ,
        description="The segments of an audience, by name. Needs the scope audience:read.",
    )
    segment_preview: SegmentPreview = strawberry.field(
        resolver=_preview,
        permission_classes=READ,
        description="What a rule comes to; nothing is kept. Needs the scope audience:read.",
    )
    contact_timeline: Timeline = strawberry.field(
        resolver=_timeline,
        permission_classes=READ,
        description="What happened with a contact, newest first. Needs the scope audience:read.",
    )
    segment_explain: list[SegmentExplanation] = strawberry.field(
        resolver=_explain,
        permission_classes=READ,
        description="Why a contact fits a segment, or not: each condition. Needs the scope audience:read.",
    )


@strawberry.type
class SegmentMutations:
    segment_create: Segment = strawberry.field(
        resolver=_create,
        permission_classes=WRITE,
        description="Keep a segment; who is in it is worked out soon after. Needs the scope audience:write.",
    )
    segment_update: Segment = strawberry.field(
        resolver=_update,
        permission_classes=WRITE,
        description="Give a segment another name, rule or tag. Needs the scope audience:write.",
    )
    segment_delete: SegmentDeleted = strawberry.field(
        resolver=_delete,
        permission_classes=WRITE,
        description="Delete a segment; its tag comes off. Refused if another names it. Needs the scope audience:write.",
    )
    segments_install_ready_made: list[Segment] = strawberry.field(
        resolver=_install_ready_made,
        permission_classes=WRITE,
        description="Keep the ready-made segments that are not kept yet. Needs the scope audience:write.",
    )
