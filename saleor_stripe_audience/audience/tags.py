"""Tags on contacts: by hand, by a rule, by import."""

from collections.abc import Iterable, Sequence
from itertools import batched
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from saleor_stripe_audience.audience.changes import touched
from saleor_stripe_audience.audience.contacts import on_merge
from saleor_stripe_audience.audience.models import Audience, Contact, ContactTag, Tag
from saleor_stripe_audience.errors import Rejected

LONGEST_NAME = 100
WRITTEN_AT_ONCE = 1000

Origin = ContactTag.Origin


def tag_named(audience: Audience, name: str) -> Tag:
    """The audience's tag of that name, made if it is new; capitals and outer blanks make no other tag."""
    plain = _name(name)
    found = audience.tags.filter(name__iexact=plain).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return audience.tags.create(name=plain)
    except IntegrityError:  # somebody else made it in the meantime
        return audience.tags.get(name__iexact=plain)


def rename(tag: Tag, name: str) -> Tag:
    """Another name for the tag, wherever it is. `Rejected` if another tag has that name."""
    plain = _name(name)
    if tag.audience.tags.filter(name__iexact=plain).exclude(pk=tag.pk).exists():
        raise Rejected("Another tag of the audience has this name. Choose another.", code="tag")
    tag.name = plain
    tag.save(update_fields=["name"])
    return tag


def put_on(tag: Tag, contacts: Iterable[Contact], origin: str = Origin.HAND, actor: str = "") -> int:
    """Put the tag on contacts of its audience; returns on how many it was not yet.

    Where only a rule had put it, it stays for good from now on.
    """
    with transaction.atomic():
        before = tag.contact_tags.count()
        for some in batched(contacts, WRITTEN_AT_ONCE):
            _put_on(tag, some, origin, actor[:128])
            for contact in some:
                touched(contact)
        return tag.contact_tags.count() - before


def _put_on(tag: Tag, contacts: Sequence[Contact], origin: str, actor: str) -> None:
    if any(contact.audience_id != tag.audience_id for contact in contacts):
        raise Rejected("The tag is of another audience than the contact.", code="tag")
    put_on_many(tag, [contact.pk for contact in contacts], origin, actor)


def put_on_many(tag: Tag, contacts: Sequence[UUID], origin: str, actor: str = "") -> None:
    """The same for many of the tag's audience, of whom the caller notes that they changed."""
    rows = [ContactTag(contact_id=pk, tag=tag, origin=origin, actor=actor) for pk in contacts]
    ContactTag.objects.bulk_create(rows, ignore_conflicts=True)
    if origin != Origin.RULE:
        of_rule = tag.contact_tags.filter(contact__in=contacts, origin=Origin.RULE)
        of_rule.update(origin=origin, actor=actor)


def take_off(tag: Tag, contacts: Iterable[Contact]) -> int:
    """Take the tag off, whoever put it on; returns off how many. A rule that still fits puts it on again."""
    return _take_off(tag.contact_tags.all(), contacts)


def take_off_rule(tag: Tag, contacts: Iterable[Contact]) -> int:
    """The rule fits them no longer: take the tag off where only a rule had put it; returns off how many."""
    return _take_off(tag.contact_tags.filter(origin=Origin.RULE), contacts)


def _take_off(rows: QuerySet[ContactTag], contacts: Iterable[Contact]) -> int:
    taken = 0
    with transaction.atomic():
        for some in batched(contacts, WRITTEN_AT_ONCE):
            count, _ = rows.filter(contact__in=some).delete()
            taken += count
            for contact in some:
                touched(contact)
    return taken


def apply_rule(tag: Tag, members: QuerySet[Contact]) -> tuple[int, int]:
    """Let the tag be on the members, such as a segment's: returns on how many it was put, off how many taken.

    Only what a rule put on is taken off. They may be many: that they changed is noted by the caller.
    """
    with transaction.atomic():
        own = members.filter(audience=tag.audience_id)
        gone = tag.contact_tags.filter(origin=Origin.RULE).exclude(Exists(own.filter(pk=OuterRef("contact"))))
        taken, _ = gone.delete()
        before = tag.contact_tags.count()
        lacking = own.exclude(Exists(tag.contact_tags.filter(contact=OuterRef("pk"))))
        for some in batched(lacking.iterator(WRITTEN_AT_ONCE), WRITTEN_AT_ONCE):
            _put_on(tag, some, Origin.RULE, "")
        return tag.contact_tags.count() - before, taken


@on_merge
def _move(absorbed: Contact, kept: Contact) -> None:
    """The contact that goes on has the tags of both; the hand wins over the rule."""
    for row in absorbed.contact_tags.select_related("tag"):
        put_on(row.tag, [kept], row.origin, row.actor)


def _name(name: str) -> str:
    plain = " ".join(name.split())
    if not plain or len(plain) > LONGEST_NAME or not plain.isprintable():
        raise Rejected(f"Give the tag a name of 1 to {LONGEST_NAME} characters.", code="tag")
    return plain
