"""Segments and the timeline over the API. The work is done by `audience.segments` and `audience.timeline`."""

from copy import copy
from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import Count, QuerySet
from django.utils import timezone
from strawberry import Info, relay
from strawberry.scalars import JSON

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.amounts import Money, money_of
from saleor_stripe_audience.api.audiences import READ, own_audience
from saleor_stripe_audience.api.buyers import Contact
from saleor_stripe_audience.api.context import channels_of_caller, check_all_channels, shop_id
from saleor_stripe_audience.api.enums import TimelineKind
from saleor_stripe_audience.api.errors import Payload, mutation
from saleor_stripe_audience.api.people import Tag
from saleor_stripe_audience.audience import models, timeline
from saleor_stripe_audience.audience.segments import explain, rules, store
from saleor_stripe_audience.wording import ENGLISH, in_language


def _rule(root: strawberry.Parent[models.Segment]) -> JSON:
    return cast("JSON", root.tree)


def _members_count(root: strawberry.Parent[models.Segment]) -> int:
    counted: int | None = getattr(
        root, "members_counted", None
    )  # read with the segment where a list shows it
    return root.memberships.count() if counted is None else counted


@strawberry_django.type(
    models.Segment, description="A rule about an audience's contacts, and the contacts that match it."
)
class Segment(relay.Node):
    name: str = strawberry_django.field(description="Its name.")
    rule: JSON = strawberry_django.field(
        resolver=_rule, only=["tree"], description="The rule; docs/audience.md describes its language."
    )
    tag: Tag | None = strawberry_django.field(
        description="The tag that its members have; null if none was chosen."
    )
    ready_made: str = strawberry_django.field(
        description="The name of the ready-made rule; empty if the rule is the shop's own."
    )
    refreshed_at: datetime | None = strawberry_django.field(
        description="When it was last evaluated completely; null before the first time."
    )
    refresh_due_at: datetime | None = strawberry_django.field(
        description="When it will next be evaluated completely; null if only events change it."
    )
    failed_at: datetime | None = strawberry_django.field(
        description="When it could not be evaluated; null as soon as it is again. Its members stay until then."
    )
    created_at: datetime = strawberry_django.field(description="When it was created.")
    members_count: int = strawberry_django.field(
        resolver=_members_count,
        annotate={"members_counted": Count("memberships")},
        description="The exact number of contacts in it. `contacts(filter: {segment: …})` lists them.",
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(audience__installation_id=shop_id(info)).order_by("name", "pk")


@strawberry.type(description="What a rule matches now; nothing is stored.")
class SegmentPreview:
    count: int = strawberry.field(description="How many contacts match.")
    milliseconds: float = strawberry.field(description="Time that the database took, in milliseconds.")
    notes: list[str] = strawberry.field(
        description="What the rule refers to that nobody has bought, with its position in the rule."
    )
    sample: list[Contact] = strawberry.field(description="A sample of at most ten contacts.")


@strawberry.type(description="How one condition of a rule applies to a contact.")
class SegmentExplanation:
    place: str = strawberry.field(description="Its position, such as root.of[1].of.")
    type: str = strawberry.field(description="The condition's type.")
    holds: bool = strawberry.field(description="Whether the contact meets it.")
    because: str = strawberry.field(description="Why the contact does or does not meet it.")


@strawberry.type(description="An entry in a contact's timeline.")
class TimelineEntry:
    at: datetime = strawberry.field(description="When.")
    kind: TimelineKind = strawberry.field(description="What.")
    title: str = strawberry.field(description="The entry in sentences, for the merchant.")
    reference: str = strawberry.field(
        description="The id of the order, checkout or payment; empty if there is none."
    )
    amount: Money | None = strawberry.field(description="The amount; null if no money is involved.")
    cursor: str = strawberry.field(description="The cursor from which to continue after it.")


@strawberry.type(description="A part of a contact's timeline.")
class Timeline:
    entries: list[TimelineEntry] = strawberry.field(description="Newest first.")
    has_more: bool = strawberry.field(description="Whether there are more entries after the last one.")


@strawberry.input(description="A segment's settings. Omitted settings do not change.")
class SegmentInput:
    name: str | None = strawberry.field(
        default=None, description="1 to 100 characters; unique, ignoring case."
    )
    rule: JSON | None = strawberry.field(
        default=None, description='The rule: {"version": 1, "root": …}; see docs/audience.md.'
    )
    tag: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Id of the tag that its members get; null for none."
    )
    accept_unknown: bool = strawberry.field(
        default=False,
        description="Whether to save it even if the rule refers to something that nobody has bought yet.",
    )


@strawberry.input(description="A segment to create.")
class SegmentCreateInput(SegmentInput):
    audience: strawberry.ID = strawberry.field(description="The audience's id.")
    name: str = strawberry.field(description="1 to 100 characters; unique, ignoring case.")
    rule: JSON = strawberry.field(description='The rule: {"version": 1, "root": …}; see docs/audience.md.')


@strawberry.type(description="The segment that was created.")
class SegmentCreate(Payload):
    segment: Segment | None = strawberry.field(default=None, description="The segment.")


@strawberry.type(description="The segment that was changed.")
class SegmentUpdate(Payload):
    segment: Segment | None = strawberry.field(default=None, description="The segment.")


@strawberry.type(description="The segment that was deleted.")
class SegmentDelete(Payload):
    segment: Segment | None = strawberry.field(default=None, description="The segment as it was.")


@strawberry.type(description="The ready-made segments that were created.")
class SegmentsInstallReadyMade(Payload):
    segments: list[Segment] = strawberry.field(
        default_factory=list, description="The segments that did not exist before."
    )


_Id = Annotated[strawberry.ID, strawberry.argument(description="The segment's id.")]
_AudienceId = Annotated[strawberry.ID, strawberry.argument(description="The audience's id.")]
_ContactId = Annotated[strawberry.ID, strawberry.argument(description="The contact's id.")]


def _segments(info: Info, audience: _AudienceId) -> list[Segment]:
    own = own_audience(info, audience, "audience")
    return cast("list[Segment]", own.segments.order_by("name", "pk"))


def _preview(
    info: Info,
    audience: _AudienceId,
    rule: Annotated[
        JSON, strawberry.argument(description='The rule: {"version": 1, "root": …}; see docs/audience.md.')
    ],
) -> SegmentPreview:
    own = own_audience(info, audience, "audience")
    _check_rule(info, rule)
    seen = store.preview(own, rule)
    sample = cast("list[Contact]", seen.sample)
    return SegmentPreview(
        count=seen.count, milliseconds=round(seen.milliseconds, 1), notes=seen.notes, sample=sample
    )


def _explain(info: Info, segment: _Id, contact: _ContactId) -> list[SegmentExplanation]:
    own = _own_segment(info, segment, "segment")
    found = models.Contact.objects.filter(
        audience=own.audience_id, pk=ids.key_of(contact, "Contact", "contact")
    ).first()
    if found is None:
        raise ids.not_found("Contact", "contact")
    if store.depends_on_orders(own):
        check_all_channels(info)
    explanation = explain.explain(found, rules.read(own.tree), timezone.now())
    return [
        SegmentExplanation(
            place=each.place, type=each.type, holds=each.holds, because=in_language(each.because, ENGLISH)
        )
        for each in explanation.flat()
    ]


def _timeline(
    info: Info,
    contact: _ContactId,
    first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")],
    after: Annotated[
        str,
        strawberry.argument(
            description="The cursor of the last entry that you have; starts with the newest entry if omitted."
        ),
    ] = "",
) -> Timeline:
    own = models.Contact.objects.filter(audience__installation_id=shop_id(info)).select_related("audience")
    found = own.filter(pk=ids.key_of(contact, "Contact", "contact")).first()
    if found is None:
        raise ids.not_found("Contact", "contact")
    page = timeline.timeline(found, timezone.now(), first, after, slugs=channels_of_caller(info))
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
    input: Annotated[SegmentCreateInput, strawberry.argument(description="The segment to create.")],  # noqa: A002 - as in Saleor
) -> SegmentCreate:
    audience = own_audience(info, input.audience, "audience")
    tag = _own_tag(audience, input.tag or None)
    _check_rule(info, input.rule)
    made = store.create(audience, store.SegmentValues(input.name, input.rule, tag, input.accept_unknown))
    return SegmentCreate(segment=cast("Segment", made))


def _update(
    info: Info,
    id: _Id,  # noqa: A002 - as in Saleor
    input: Annotated[SegmentInput, strawberry.argument(description="The changes.")],  # noqa: A002 - as in Saleor
) -> SegmentUpdate:
    segment = _own_segment(info, id)
    name = segment.name if input.name is None else input.name
    rule = segment.tree if input.rule is None else input.rule
    tag = segment.tag if input.tag is strawberry.UNSET else _own_tag(segment.audience, input.tag)
    if rule != segment.tree:
        _check_rule(info, rule)
    changed = store.change(segment, store.SegmentValues(name, rule, tag, input.accept_unknown))
    return SegmentUpdate(segment=cast("Segment", changed))


def _delete(info: Info, id: _Id) -> SegmentDelete:  # noqa: A002 - as in Saleor
    segment = _own_segment(info, id)
    before = copy(segment)
    store.delete(segment)
    return SegmentDelete(segment=cast("Segment", before))


def _install_ready_made(
    info: Info,
    audience: _AudienceId,
    currency: Annotated[
        str, strawberry.argument(description="The currency for big spenders, as an ISO 4217 code.")
    ],
    big_spender_from: Annotated[
        str, strawberry.argument(description='The minimum total of a big spender, such as "500.00".')
    ],
) -> SegmentsInstallReadyMade:
    own = own_audience(info, audience, "audience")
    check_all_channels(info)
    made = store.install_ready_made(own, currency, big_spender_from)
    return SegmentsInstallReadyMade(segments=cast("list[Segment]", made))


def _check_rule(info: Info, rule: Any) -> None:
    """`Rejected` for restricted staff if the rule is about orders: who matches would reveal those of other channels."""
    if rules.is_about_orders(rules.read(rule).root):
        check_all_channels(info)


def _own_segment(info: Info, given: strawberry.ID, field: str = "id") -> models.Segment:
    """Return the shop's segment with that id; `InvalidInput` if there is none."""
    own = models.Segment.objects.filter(audience__installation_id=shop_id(info))
    found = own.filter(pk=ids.key_of(given, "Segment", field)).select_related("audience", "tag").first()
    if found is None:
        raise ids.not_found("Segment", field)
    return found


def _own_tag(audience: models.Audience, given: strawberry.ID | None) -> models.Tag | None:
    if given is None:
        return None
    found = audience.tags.filter(pk=ids.key_of(given, "Tag", "tag")).first()
    if found is None:
        raise ids.not_found("Tag", "tag")
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
        description="Preview what a rule matches; nothing is stored. Needs the scope audience:read.",
    )
    contact_timeline: Timeline = strawberry.field(
        resolver=_timeline,
        permission_classes=READ,
        description="A contact's history, newest first. Needs the scope audience:read.",
    )
    segment_explain: list[SegmentExplanation] = strawberry.field(
        resolver=_explain,
        permission_classes=READ,
        description="Explain why a contact does or does not match a segment, condition by condition. Needs "
        "the scope audience:read.",
    )


@strawberry.type
class SegmentMutations:
    segment_create: SegmentCreate = mutation(
        _create, "audience:write", "Create a segment; its members are computed shortly afterwards."
    )
    segment_update: SegmentUpdate = mutation(
        _update, "audience:write", "Change a segment's name, rule or tag."
    )
    segment_delete: SegmentDelete = mutation(
        _delete,
        "audience:write",
        "Delete a segment; its tag is removed. Refused if another segment refers to it.",
    )
    segments_install_ready_made: SegmentsInstallReadyMade = mutation(
        _install_ready_made,
        "audience:write",
        "Create the ready-made segments that do not exist yet, except those whose name another segment has.",
    )
