"""Tags on contacts: by hand, by a rule, by import."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import batched
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Lower

from saleor_stripe_audience.audience.contacts.identity import on_merge
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactTag, Tag
from saleor_stripe_audience.errors import Rejected

LONGEST_NAME = 100
WRITTEN_AT_ONCE = 1000
# Controls, halves of characters, and what ends a line. What joins or turns letters and emoji is part of a name.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_INVISIBLE = frozenset({"Cf", "Zs"})
_BLANKS = re.compile(r"[ \t\r\n\f\v]+")

Origin = ContactTag.Origin


def tag_named(audience: Audience, name: str) -> Tag:
    """The audience's tag of that name, made if it is new; capitals and outer blanks make no other tag."""
    plain = check_name(name)
    found = _named(audience, plain).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return audience.tags.create(name=plain)
    except IntegrityError:  # somebody else made it in the meantime
        return _named(audience, plain).get()


def _named(audience: Audience, plain: str) -> QuerySet[Tag]:
    """Compared as the constraint compares: there are letters whose capitals differ and whose small ones do not."""
    return audience.tags.alias(small=Lower("name")).filter(small=Lower(Value(plain)))


def rename(tag: Tag, name: str) -> Tag:
    """Another name for the tag, wherever it is. `Rejected` if another tag has that name."""
    plain = check_name(name)
    if _named(tag.audience, plain).exclude(pk=tag.pk).exists():
        raise Rejected("Another tag of the audience has this name. Choose another.", code="tag")
    tag.name = plain
    tag.save(update_fields=["name"])
    return tag


def add(tag: Tag, contacts: Iterable[Contact], origin: str = Origin.HAND, actor: str = "") -> int:
    """Put the tag on contacts of its audience; returns on how many it was not yet.

    Where only a rule had put it, it stays for good from now on.
    """
    with transaction.atomic():
        before = tag.contact_tags.count()
        for some in batched(contacts, WRITTEN_AT_ONCE):
            _put_on(tag, some, origin, actor[:128])
            for contact in some:
                mark_changed(contact)
        return tag.contact_tags.count() - before


def _put_on(tag: Tag, contacts: Sequence[Contact], origin: str, actor: str) -> None:
    if any(contact.audience_id != tag.audience_id for contact in contacts):
        raise Rejected("The tag is of another audience than the contact.", code="tag")
    add_to_many(tag, [contact.pk for contact in contacts], origin, actor)


def add_to_many(tag: Tag, contacts: Sequence[UUID], origin: str, actor: str = "") -> None:
    """The same for many of the tag's audience, of whom the caller notes that they changed."""
    rows = [ContactTag(contact_id=pk, tag=tag, origin=origin, actor=actor) for pk in contacts]
    ContactTag.objects.bulk_create(rows, ignore_conflicts=True)
    if origin != Origin.RULE:
        of_rule = tag.contact_tags.filter(contact__in=contacts, origin=Origin.RULE)
        of_rule.update(origin=origin, actor=actor)


def remove(tag: Tag, contacts: Iterable[Contact]) -> int:
    """Take the tag off, whoever put it on; returns off how many. A rule that still fits puts it on again."""
    return _take_off(tag.contact_tags.all(), contacts)


def remove_rule(tag: Tag, contacts: Iterable[Contact]) -> int:
    """The rule fits them no longer: take the tag off where only a rule had put it; returns off how many."""
    return _take_off(tag.contact_tags.filter(origin=Origin.RULE), contacts)


def _take_off(rows: QuerySet[ContactTag], contacts: Iterable[Contact]) -> int:
    taken = 0
    with transaction.atomic():
        for some in batched(contacts, WRITTEN_AT_ONCE):
            count, _ = rows.filter(contact__in=some).delete()
            taken += count
            for contact in some:
                mark_changed(contact)
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
        add(row.tag, [kept], row.origin, row.actor)


def check_name(name: str) -> str:
    """The name as it is kept, in any script; `Rejected`, with the reason, for one that cannot be."""
    plain = _BLANKS.sub(" ", name).strip()
    kinds = {unicodedata.category(each) for each in plain}
    if kinds <= _INVISIBLE:
        raise Rejected("Give the tag a name that can be seen.", code="tag")
    if kinds & _UNPRINTABLE:
        raise Rejected("The tag's name holds a character that cannot be printed. Take it out.", code="tag")
    if len(plain) > LONGEST_NAME:
        raise Rejected(
            f"The tag's name has {len(plain)} characters. Give it at most {LONGEST_NAME}.", code="tag"
        )
    return plain


def join(names: Iterable[str]) -> str:
    """Names in one cell of a file, as `split` takes them apart; a name with a comma in it is quoted."""
    return ", ".join(_quoted(name) if "," in name or '"' in name else name for name in names)


def split(text: str) -> list[str]:
    """The names in one cell: `VIP, Summer`, or as Mailchimp writes them, `"VIP","Summer"`."""
    try:
        [cells] = csv.reader([_BLANKS.sub(" ", text)], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):  # quotation marks that are part of a name
        cells = text.replace('"', "").split(",")
    return [name for name in (each.strip() for each in cells) if name]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
