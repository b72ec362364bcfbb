"""Segments are previewed, saved, changed and deleted here; whatever is wrong is refused with its place."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from pydantic.alias_generators import to_camel

from saleor_stripe_audience.audience.people.models import Audience, Contact, Tag
from saleor_stripe_audience.audience.segments import membership, ready_made, rules
from saleor_stripe_audience.audience.segments.compile import Compiler
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.segments.questions import large_questions
from saleor_stripe_audience.audience.shopping.models import (
    CartLine,
    PurchaseLine,
    SoldProduct,
    SoldProductCollection,
)
from saleor_stripe_audience.errors import Rejected

LONGEST_NAME = 100
MOST_SEGMENTS = 200
SAMPLE = 10
LONGEST_PREVIEW = 20  # seconds


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule comes to now: how many contacts, some of them, and how long the database took."""

    count: int
    sample: list[Contact]
    milliseconds: float
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Wish:
    """A segment as somebody wants it. `tag` is put on its members.

    With `accept_unknown` it may name what nobody has bought yet; otherwise that is taken for a mistake.
    """

    name: str
    tree: Any
    tag: Tag | None = None
    accept_unknown: bool = False


def preview(audience: Audience, tree: Any) -> Preview:
    """Count and show whom the rule means, without keeping anything.

    `Rejected` with the place of what is wrong; `Unavailable` if the database takes more than 20 seconds. What nobody
    has bought is told in `notes`.
    """
    rule = _resolved(audience, rules.read(tree))
    begun = time.perf_counter()
    with large_questions(LONGEST_PREVIEW):
        fitting = Compiler(audience, timezone.now()).contacts(rule.root)
        count = fitting.count()
        sample = list(fitting[:SAMPLE])
    return Preview(count, sample, (time.perf_counter() - begun) * 1000, list(_unknown(audience, rule)))


def create(audience: Audience, wish: Wish) -> Segment:
    """Keep a new segment; who is in it is worked out in the background. `Rejected` for what cannot be."""
    if audience.segments.count() >= MOST_SEGMENTS:
        raise Rejected(f"An audience has {MOST_SEGMENTS} segments at most. Delete one first.", code="segment")
    return _save(Segment(audience=audience), wish)


def segment_named(audience: Audience, name: str) -> Segment:
    """The audience's segment of that name; `Rejected` if there is none."""
    found = audience.segments.filter(name__iexact=name.strip()).first()
    if found is None:
        raise Rejected("The audience has no segment of this name.", code="segment")
    return found


def change(segment: Segment, wish: Wish) -> Segment:
    """Keep another name, rule or tag for the segment. `Rejected` for what cannot be."""
    return _save(segment, wish)


def delete(segment: Segment) -> None:
    """Let go of the segment; its tag comes off. `Rejected` while another segment names it."""
    with transaction.atomic():
        naming = [each for each in segment.audience.segments.all() if segment.pk in _named_by(each)]
        if naming:
            names = ", ".join(f"“{each}”" for each in naming[:5])
            raise Rejected(
                f"The segment is part of {names}. Change or delete that first.", code="segment_in_use"
            )
        tag = segment.tag
        segment.delete()
    if tag is not None:
        membership.apply_tag(tag)


def install_ready_made(audience: Audience, currency: str, big: str) -> list[Segment]:
    """Keep the segments that come with the app, those that are not kept yet; `big` as in `ready_made`."""
    kept = set(audience.segments.exclude(ready_made="").values_list("ready_made", flat=True))
    made = []
    for key, name in ready_made.NAMES.items():
        if key not in kept:
            rule = ready_made.ready_made(key, currency, big)
            made.append(_save(Segment(audience=audience, ready_made=key), Wish(name, rule.as_json())))
    return made


def check_deletable(tag: Tag) -> None:
    """`Rejected` while a segment asks for the tag or gives it."""
    for segment in tag.audience.segments.all():
        asks = any(
            isinstance(each, rules.HasTag) and each.tag == str(tag.pk) for each in _conditions(segment)
        )
        if asks or segment.tag_id == tag.pk:
            raise Rejected(f"The segment “{segment}” uses the tag. Change that first.", code="tag_in_use")


def _save(segment: Segment, wish: Wish) -> Segment:
    audience = segment.audience
    rule = _resolved(audience, rules.read(wish.tree))
    if not wish.accept_unknown and (unknown := next(_unknown(audience, rule), None)):
        raise Rejected(
            f"{unknown} Save it with acceptUnknown if it is still to be sold.", code="segment_unknown"
        )
    before = segment.tag
    segment.name, segment.tree, segment.tag = _name(wish.name), rule.as_json(), wish.tag
    if wish.tag is not None and wish.tag.audience_id != audience.pk:
        raise Rejected("The tag is of another audience than the segment.", code="tag")
    with transaction.atomic():
        Audience.objects.select_for_update().get(pk=audience.pk)  # two saves must not make a circle together
        _check_circles(segment)
        segment.is_timed = membership.is_timed(segment)
        try:
            with transaction.atomic():
                segment.save()
        except IntegrityError:
            raise Rejected(
                "Another segment of the audience has this name. Choose another.", code="segment"
            ) from None
        membership.soon([segment.pk, *(each.pk for each in _naming(segment))])
    if before is not None and before != wish.tag:
        membership.apply_tag(before)
    return segment


def _name(name: str) -> str:
    plain = " ".join(name.split())
    if not plain or len(plain) > LONGEST_NAME or not plain.isprintable():
        raise Rejected(f"Give the segment a name of 1 to {LONGEST_NAME} characters.", code="segment")
    return plain


def _resolved(audience: Audience, rule: rules.Rule) -> rules.Rule:
    """The rule with the ids of the tags and segments that it names; `Rejected` if there is no such one."""
    return rules.Rule(version=rule.version, root=_resolved_node(audience, rule.root, "root"))


def _resolved_node(audience: Audience, node: Any, place: str) -> Any:
    if isinstance(node, rules.HasTag):
        return rules.HasTag(tag=_found(audience.tags.all(), node.tag, f"{place}.tag", "tag"))
    if isinstance(node, rules.InSegment):
        return rules.InSegment(
            segment=_found(audience.segments.all(), node.segment, f"{place}.segment", "segment")
        )
    if isinstance(node, rules.Not):
        return rules.Not(of=_resolved_node(audience, node.of, f"{place}.of"))
    if isinstance(node, rules.All | rules.AnyOf):
        beneath = (_resolved_node(audience, each, f"{place}.of[{i}]") for i, each in enumerate(node.of))
        return type(node)(of=tuple(beneath))
    return node


def _found(rows: QuerySet[Any], named: str, place: str, kind: str) -> str:
    wanted = Q(name__iexact=named)
    if _is_uuid(named):
        wanted |= Q(pk=UUID(named))
    row: Model | None = rows.filter(wanted).first()
    if row is None:
        raise Rejected(f"{place}: the audience has no such {kind}.", code="segment")
    return str(row.pk)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _unknown(audience: Audience, rule: rules.Rule) -> Iterator[str]:
    """Sentences about what the rule names and nobody has bought: mistyped, deleted, or not sold yet."""
    for place, node in rules.walk(rule.root):
        if isinstance(node, rules.Purchased) and node.bought is not None:
            kind, ids = node.bought
            step = to_camel(kind)
            for index, each in enumerate(ids):
                if not _was_bought(audience, kind, each):
                    yield f"{place}.{step}[{index}]: nobody has bought it. Was it deleted?"
        elif isinstance(node, rules.HasCart | rules.InCart) and node.holding is not None:
            kind, ids = node.holding
            for index, each in enumerate(ids):
                if not (_was_bought(audience, kind, each) or _is_in_a_cart(audience, kind, each)):
                    yield f"{place}.{kind}[{index}]: nobody has bought it or has it in a cart. Was it deleted?"
        elif isinstance(node, rules.HasAttribute) and node.key not in audience.attribute_keys:
            yield f"{place}.key: the audience keeps no {node.key} of Saleor's metadata. Add it to its attributeKeys."


def _was_bought(audience: Audience, kind: str, saleor_id: str) -> bool:
    shop = audience.installation_id
    if kind in ("product", "variant"):
        lines = PurchaseLine.objects.filter(purchase__installation=shop, **{f"saleor_{kind}_id": saleor_id})
        return lines.exists()
    if kind == "collection":
        return SoldProductCollection.objects.filter(
            product__installation=shop, saleor_collection_id=saleor_id
        ).exists()
    return SoldProduct.objects.filter(installation=shop, **{f"saleor_{kind}_id": saleor_id}).exists()


def _is_in_a_cart(audience: Audience, kind: str, saleor_id: str) -> bool:
    lines = CartLine.objects.filter(cart__installation=audience.installation_id)
    return lines.filter(**{f"saleor_{kind}_id": saleor_id}).exists()


def _check_circles(segment: Segment) -> None:
    """No segment may depend on itself: by naming segments, or by asking for tags that segments give."""
    others = {each.pk: each for each in segment.audience.segments.exclude(pk=segment.pk)}
    everyone = {**others, segment.pk: segment}
    seen: set[UUID] = set()
    todo = [(segment, rules.read(segment.tree))]
    while todo:
        current, _rule = todo.pop()
        for pk in _depends_on(current, everyone.values()):
            if pk == segment.pk:
                raise Rejected(
                    "The segment depends on itself: through a segment that it names, or through a tag that it gives. "
                    "Take that out.",
                    code="segment_circle",
                )
            if pk not in seen:
                seen.add(pk)
                todo.append((everyone[pk], rules.read(everyone[pk].tree)))


def _depends_on(segment: Segment, everyone: Any) -> set[UUID]:
    asked = {UUID(each.tag) for each in _conditions(segment) if isinstance(each, rules.HasTag)}
    return _named_by(segment) | {each.pk for each in everyone if each.tag_id in asked}


def _named_by(segment: Segment) -> set[UUID]:
    return {UUID(each.segment) for each in _conditions(segment) if isinstance(each, rules.InSegment)}


def _naming(segment: Segment) -> list[Segment]:
    """The segments that this one is a part of, however far: they change with it."""
    found: dict[UUID, Segment] = {}
    everyone = list(segment.audience.segments.exclude(pk=segment.pk))
    reached = {segment.pk}
    while fresh := [each for each in everyone if each.pk not in found and _named_by(each) & reached]:
        found |= {each.pk: each for each in fresh}
        reached |= {each.pk for each in fresh}
    return list(found.values())


def _conditions(segment: Segment) -> Iterator[Any]:
    return (node for _place, node in rules.walk(rules.read(segment.tree).root))
