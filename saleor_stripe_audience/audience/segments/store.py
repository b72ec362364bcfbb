"""Previewing, saving, changing and deleting segments; errors name the position in the rule."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import EmptyResultSet
from django.db import IntegrityError, connection, transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import pgettext_lazy
from pydantic.alias_generators import to_camel

from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.models import Audience, Contact, Tag
from saleor_stripe_audience.audience.segments import membership, ready_made, rules
from saleor_stripe_audience.audience.segments.compile import Compiler
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.segments.places import Misplaced
from saleor_stripe_audience.audience.segments.queries import large_queries
from saleor_stripe_audience.audience.shopping.models import (
    CartLine,
    PurchaseLine,
    SoldProduct,
    SoldProductCollection,
)
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.channels import on_rename
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import ENGLISH, Wording, in_language, with_values

MAX_NAME_LENGTH = 100
MAX_SEGMENTS = 200
SAMPLE_SIZE = 10
PREVIEW_SECONDS = 20

TOO_MANY = pgettext_lazy("staff", "An audience can have at most {most} segments. Delete one first.")
IN_USE = pgettext_lazy("staff", "The segment is part of {names}. Change or delete that first.")
FOREIGN_TAG = pgettext_lazy("staff", "The tag and the segment belong to different audiences.")
NAME_TAKEN = pgettext_lazy("staff", "Another segment of the audience has this name. Choose another.")
NAME_NEEDED = pgettext_lazy("staff", "Give the segment a name of 1 to {most} characters.")
CIRCLE = pgettext_lazy(
    "staff",
    "The segment depends on itself: through a segment that it refers to, or through a tag that it adds. Remove that "
    "condition.",
)


@dataclass(frozen=True, slots=True)
class Preview:
    """A rule's current result: the number of contacts, some of them, and how long the query took."""

    count: int
    sample: list[Contact]
    milliseconds: float
    unknown: list["Unknown"]

    @property
    def notes(self) -> list[str]:
        """Describe what the rule refers to that nobody has bought."""
        return [each.message for each in self.unknown]


@dataclass(frozen=True, slots=True)
class Unknown:
    """What a rule refers to at `place` that nobody has bought, or a key that the audience does not store."""

    place: str
    message: str
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class SegmentValues:
    """A segment to save. Its members get `tag`.

    With `accept_unknown` it may refer to products that nobody has bought yet; otherwise that is an error.
    """

    name: str
    tree: Any
    tag: Tag | None = None
    accept_unknown: bool = False


def preview(audience: Audience, tree: Any) -> Preview:
    """Count the contacts that match the rule and show some, without saving anything.

    Products that nobody has bought are listed as `unknown`. `Rejected` with the position of an error; `Unavailable` if
    the query takes more than 20 seconds.
    """
    rule = resolve(audience, tree)
    started = time.perf_counter()
    with large_queries(PREVIEW_SECONDS):
        count, sample = _count_and_sample(Compiler(audience, timezone.now()).contacts(rule.root))
    milliseconds = (time.perf_counter() - started) * 1000
    return Preview(count, sample, milliseconds, list(_find_unknown(audience, rule)))


def _count_and_sample(matching: QuerySet[Contact]) -> tuple[int, list[Contact]]:
    """Return how many contacts there are, and some of them.

    PostgreSQL plans a query for ten as if they were found soon, which takes seconds where few match. So it looks for
    all of them once, which the number needs anyway, and takes some from there.
    """
    if connection.vendor != "postgresql":
        return matching.count(), list(matching[:SAMPLE_SIZE])
    try:
        sql, parameters = matching.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:  # nobody can match
        return 0, []
    statement = (
        f"WITH matching AS MATERIALIZED ({sql}) "  # noqa: S608 - composed by Django
        "SELECT (SELECT COUNT(*) FROM matching), ARRAY(SELECT * FROM matching LIMIT %s)"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, SAMPLE_SIZE])
        count, ids = cursor.fetchone()
    return count, list(Contact.objects.filter(pk__in=ids))


def create(audience: Audience, values: SegmentValues, key: UUID | None = None) -> Segment:
    """Create a segment; its members are evaluated in the background. `Rejected` for invalid values.

    With `key`, that is its id: the same form sent twice finds the segment that it created.
    """
    if audience.segments.count() >= MAX_SEGMENTS:
        raise Rejected(with_values(TOO_MANY, most=MAX_SEGMENTS), code="segment")
    return _save(Segment(pk=key or uuid4(), audience=audience), values)


def segment_named(audience: Audience, name: str) -> Segment:
    """Return the audience's segment of that name. `Rejected` if there is none."""
    segment = audience.segments.filter(name__iexact=name.strip()).first()
    if segment is None:
        raise Rejected(pgettext_lazy("staff", "The audience has no segment with this name."), code="segment")
    return segment


def change(segment: Segment, values: SegmentValues) -> Segment:
    """Change the segment's name, rule and tag. `Rejected` for invalid values."""
    return _save(segment, values)


def delete(segment: Segment) -> None:
    """Delete the segment and remove its tag from the members. `Rejected` while another segment refers to it."""
    with transaction.atomic():
        referring = [each for each in segment.audience.segments.all() if segment.pk in _references(each)]
        if referring:
            names = ", ".join(f"“{each}”" for each in referring[:5])
            raise Rejected(with_values(IN_USE, names=names), code="segment_in_use")
        tag = segment.tag
        segment.delete()
    if tag is not None:
        membership.apply_tag(tag)


def install_ready_made(audience: Audience, currency: str, big: str) -> list[Segment]:
    """Create the segments that come with the app, or none of them if one is refused; `big` as in `ready_made`.

    Those that exist are skipped, and so are those whose name another segment of the audience has.
    """
    created = []
    with transaction.atomic():
        for key, name in missing_ready_made(audience).items():
            rule = ready_made.ready_made(key, currency, big)
            values = SegmentValues(in_language(name, ENGLISH), rule.as_json())
            try:
                created.append(_save(Segment(audience=audience, ready_made=key), values))
            except Rejected as error:
                if error.code != "name_taken":
                    raise
    return created


def missing_ready_made(audience: Audience) -> dict[str, Wording]:
    """Return the names of the ready-made segments that the audience does not have, by key."""
    existing = set(audience.segments.exclude(ready_made="").values_list("ready_made", flat=True))
    return {key: name for key, name in ready_made.NAMES.items() if key not in existing}


@on_rename
def _follow_channel(installation: Installation, before: str, after: str) -> None:
    """Let the rules about orders in the renamed channel name it as it is called now."""
    lock_shop(installation)
    for segment in Segment.objects.filter(audience__installation=installation):
        tree = _rename_channel(segment.tree, before, after)
        if tree != segment.tree:
            Segment.objects.filter(pk=segment.pk).update(tree=tree)


def _rename_channel(node: Any, before: str, after: str) -> Any:
    if isinstance(node, list):
        return [_rename_channel(each, before, after) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: after if (name, value) == ("channel", before) else _rename_channel(value, before, after)
        for name, value in node.items()
    }


def check_deletable(tag: Tag) -> None:
    """`Rejected` while a segment has a condition on the tag or adds it to its members."""
    for segment in tag.audience.segments.all():
        is_condition = any(
            isinstance(each, rules.HasTag) and each.tag == str(tag.pk) for each in _conditions(segment)
        )
        if is_condition or segment.tag_id == tag.pk:
            raise Rejected(
                with_values(
                    pgettext_lazy("staff", "The segment “{segment}” uses the tag. Change that first."),
                    segment=segment,
                ),
                code="tag_in_use",
            )


def _save(segment: Segment, values: SegmentValues) -> Segment:
    audience = segment.audience
    rule = resolve(audience, values.tree)
    if not values.accept_unknown and (unknown := next(_find_unknown(audience, rule), None)):
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "{unknown} Save it with acceptUnknown if it will be sold later."),
                unknown=unknown.message,
            ),
            code="segment_unknown",
        )
    former_tag = segment.tag
    segment.name, segment.tree, segment.tag = _check_name(values.name), rule.as_json(), values.tag
    if values.tag is not None and values.tag.audience_id != audience.pk:
        raise Rejected(FOREIGN_TAG, code="tag")
    with transaction.atomic():
        # Two saves must not create a circle together, and whoever holds the lock knows which audiences have segments.
        lock_shop(audience.installation)
        _check_circles(segment)
        segment.is_timed = membership.is_timed(segment)
        try:
            with transaction.atomic():
                segment.save()
        except IntegrityError:
            raise Rejected(NAME_TAKEN, code="name_taken") from None
        membership.refresh_soon([segment.pk, *(each.pk for each in _dependents(segment))])
    if former_tag is not None and former_tag != values.tag:
        membership.apply_tag(former_tag)
    return segment


def _check_name(name: str) -> str:
    plain = " ".join(name.split())
    if not plain or len(plain) > MAX_NAME_LENGTH or not plain.isprintable():
        raise Rejected(with_values(NAME_NEEDED, most=MAX_NAME_LENGTH), code="segment")
    return plain


def resolve(audience: Audience, tree: Any) -> rules.Rule:
    """Read the rule, with ids for the names of tags and segments. `Misplaced` if it is invalid or one is unknown."""
    rule = rules.read(tree)
    return rules.Rule(version=rule.version, root=_resolve_node(audience, rule.root, "root"))


def _resolve_node(audience: Audience, node: Any, place: str) -> Any:
    if isinstance(node, rules.HasTag):
        return rules.HasTag(tag=_find_id(audience.tags.all(), node.tag, f"{place}.tag", "tag"))
    if isinstance(node, rules.InSegment):
        return rules.InSegment(
            segment=_find_id(audience.segments.all(), node.segment, f"{place}.segment", "segment")
        )
    if isinstance(node, rules.Not):
        return rules.Not(of=_resolve_node(audience, node.of, f"{place}.of"))
    if isinstance(node, rules.All | rules.AnyOf):
        children = (_resolve_node(audience, each, f"{place}.of[{i}]") for i, each in enumerate(node.of))
        return type(node)(of=tuple(children))
    return node


def _find_id(rows: QuerySet[Any], name_or_id: str, place: str, kind: str) -> str:
    matches = Q(name__iexact=name_or_id)
    with suppress(ValueError):
        matches |= Q(pk=UUID(name_or_id))
    row: Model | None = rows.filter(matches).first()
    if row is None:
        raise Misplaced(f"{place}: the audience has no such {kind}.", place, f"{kind}_unknown")
    return str(row.pk)


def _find_unknown(audience: Audience, rule: rules.Rule) -> Iterator[Unknown]:
    """Yield references that nobody has bought: mistyped, deleted, or not sold yet."""
    for place, node in rules.walk(rule.root):
        if isinstance(node, rules.Purchased) and node.bought is not None:
            kind, ids = node.bought
            step = to_camel(kind)
            for index, each in enumerate(ids):
                if not _was_bought(audience, kind, each):
                    position = f"{place}.{step}[{index}]"
                    yield Unknown(position, f"{position}: nobody has bought this. Was it deleted?")
        elif isinstance(node, rules.HasCart | rules.InCart) and node.holding is not None:
            kind, ids = node.holding
            for index, each in enumerate(ids):
                if not (_was_bought(audience, kind, each) or _is_in_a_cart(audience, kind, each)):
                    position = f"{place}.{kind}[{index}]"
                    message = f"{position}: nobody has bought this or has it in a cart. Was it deleted?"
                    yield Unknown(position, message)
        elif isinstance(node, rules.HasAttribute) and node.key not in audience.attribute_keys:
            message = f"{place}.key: the audience does not store the metadata key {node.key}. Add it to attributeKeys."
            yield Unknown(f"{place}.key", message, is_key=True)


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
    """Refuse a segment that depends on itself, through segments that it refers to or tags that segments add."""
    others = {each.pk: each for each in segment.audience.segments.exclude(pk=segment.pk)}
    everyone = {**others, segment.pk: segment}
    seen: set[UUID] = set()
    todo = [segment]
    while todo:
        current = todo.pop()
        tags = {UUID(each.tag) for each in _conditions(current) if isinstance(each, rules.HasTag)}
        adding = {each.pk for each in everyone.values() if each.tag_id in tags}
        for pk in _references(current) | adding:
            if pk == segment.pk:
                raise Rejected(CIRCLE, code="segment_circle")
            if pk not in seen:
                seen.add(pk)
                todo.append(everyone[pk])


def _references(segment: Segment) -> set[UUID]:
    return {UUID(each.segment) for each in _conditions(segment) if isinstance(each, rules.InSegment)}


def depends_on_orders(segment: Segment) -> bool:
    """Whether its rule, or that of a segment that it refers to, directly or not, is about orders, carts or payments."""
    everyone = {each.pk: each for each in segment.audience.segments.all()}
    todo, seen = {segment.pk}, set[UUID]()
    while todo:
        current = everyone[todo.pop()]
        seen.add(current.pk)
        if any(rules.is_about_orders(each) for each in _conditions(current)):
            return True
        todo |= (_references(current) & everyone.keys()) - seen
    return False


def _dependents(segment: Segment) -> list[Segment]:
    """Return the segments that refer to this one, directly or not: they change with it."""
    found: dict[UUID, Segment] = {}
    everyone = list(segment.audience.segments.exclude(pk=segment.pk))
    reached = {segment.pk}
    while new := [each for each in everyone if each.pk not in found and _references(each) & reached]:
        found |= {each.pk: each for each in new}
        reached |= {each.pk for each in new}
    return list(found.values())


def _conditions(segment: Segment) -> list[Any]:
    """Return the parts of its rule; none if it can no longer be read, which must not stop work on other segments."""
    try:
        rule = rules.read(segment.tree)
    except Misplaced:
        return []
    return [node for _place, node in rules.walk(rule.root)]
