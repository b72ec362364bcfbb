"""Tags on contacts, added by staff, by a rule or by an import."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import batched
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Lower
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.contacts.identity import on_merge
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactTag, Tag
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

MAX_NAME_LENGTH = 100
BATCH_SIZE = 1000
# Controls, surrogates and line ends. Characters that join or turn letters and emoji (Cf) may be part of a name.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_INVISIBLE = frozenset({"Cf", "Zs"})
_BRACKETS = re.compile(r"\[[^\[\]]*\]|\{[^{}]*\}")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_WHITE_SPACE = re.compile(r"[ \t\r\n\f\v]+")

Origin = ContactTag.Origin


def get_or_create_tag(audience: Audience, name: str) -> Tag:
    """Return the audience's tag of that name, creating it if needed; case and surrounding whitespace are ignored."""
    checked = check_name(name)
    tag = _with_name(audience, checked).first()
    if tag is not None:
        return tag
    try:
        with transaction.atomic():
            return audience.tags.create(name=checked)
    except IntegrityError:  # created by another process in the meantime
        return _with_name(audience, checked).get()


def _with_name(audience: Audience, name: str) -> QuerySet[Tag]:
    """Compare names as the constraint does: some letters differ in upper case but not in lower case."""
    return audience.tags.alias(lower=Lower("name")).filter(lower=Lower(Value(name)))


def rename(tag: Tag, name: str) -> Tag:
    """Rename the tag. `Rejected` if another tag has that name."""
    checked = check_name(name)
    if _with_name(tag.audience, checked).exclude(pk=tag.pk).exists():
        raise Rejected(
            pgettext_lazy("staff", "Another tag of the audience has this name. Choose another."),
            code="name_taken",
        )
    tag.name = checked
    tag.save(update_fields=["name"])
    return tag


def add(tag: Tag, contacts: Iterable[Contact], origin: str = Origin.STAFF, actor: str = "") -> int:
    """Tag contacts of the tag's audience; returns how many did not have it yet.

    A tag that only a rule had added becomes permanent.
    """
    with transaction.atomic():
        before = tag.contact_tags.count()
        for some in batched(contacts, BATCH_SIZE):
            if any(contact.audience_id != tag.audience_id for contact in some):
                raise Rejected(
                    pgettext_lazy("staff", "The tag and the contact belong to different audiences."),
                    code="tag",
                )
            add_to_many(tag, [contact.pk for contact in some], origin, actor[:128])
            for contact in some:
                mark_changed(contact)
        return tag.contact_tags.count() - before


def add_to_many(tag: Tag, contacts: Sequence[UUID], origin: str, actor: str = "") -> None:
    """Tag many contacts of the tag's audience; the caller marks them as changed."""
    rows = [ContactTag(contact_id=pk, tag=tag, origin=origin, actor=actor) for pk in contacts]
    ContactTag.objects.bulk_create(rows, ignore_conflicts=True)
    if origin != Origin.RULE:
        by_rule = tag.contact_tags.filter(contact__in=contacts, origin=Origin.RULE)
        by_rule.update(origin=origin, actor=actor)


def remove(tag: Tag, contacts: Iterable[Contact]) -> int:
    """Remove the tag, no matter who added it; returns how many had it. A rule that still matches adds it again."""
    return _remove(tag.contact_tags.all(), contacts)


def remove_rule(tag: Tag, contacts: Iterable[Contact]) -> int:
    """Remove the tag where only a rule added it, because the rule no longer matches; returns from how many."""
    return _remove(tag.contact_tags.filter(origin=Origin.RULE), contacts)


def _remove(rows: QuerySet[ContactTag], contacts: Iterable[Contact]) -> int:
    removed = 0
    with transaction.atomic():
        for some in batched(contacts, BATCH_SIZE):
            count, _ = rows.filter(contact__in=some).delete()
            removed += count
            for contact in some:
                mark_changed(contact)
    return removed


def apply_rule(tag: Tag, members: QuerySet[Contact]) -> tuple[int, int]:
    """Tag exactly the members, such as a segment's; returns how many tags were added and how many removed.

    Only tags that a rule added are removed. There may be many contacts: the caller marks them as changed.
    """
    with transaction.atomic():
        own = members.filter(audience=tag.audience_id)
        by_rule = tag.contact_tags.filter(origin=Origin.RULE)
        removed, _ = by_rule.exclude(Exists(own.filter(pk=OuterRef("contact")))).delete()
        before = tag.contact_tags.count()
        untagged = own.exclude(Exists(tag.contact_tags.filter(contact=OuterRef("pk"))))
        for some in batched(untagged.iterator(BATCH_SIZE), BATCH_SIZE):
            add_to_many(tag, [contact.pk for contact in some], Origin.RULE)
        return tag.contact_tags.count() - before, removed


@on_merge
def _move(absorbed: Contact, kept: Contact) -> None:
    """Move the tags to the remaining contact; a tag that staff added wins over a rule's."""
    for row in absorbed.contact_tags.select_related("tag"):
        add(row.tag, [kept], row.origin, row.actor)


def check_name(name: str) -> str:
    """Return the name as it is stored, in any script. `Rejected`, with the reason, for an invalid name."""
    plain = _WHITE_SPACE.sub(" ", name).strip()
    categories = {unicodedata.category(character) for character in plain}
    if categories <= _INVISIBLE:
        raise Rejected(pgettext_lazy("staff", "Give the tag a visible name."), code="tag")
    if categories & _UNPRINTABLE:
        raise Rejected(
            pgettext_lazy("staff", "The tag's name contains an unprintable character. Remove it."), code="tag"
        )
    if len(plain) > MAX_NAME_LENGTH:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "The tag's name has {count} characters. Use at most {longest}."),
                count=len(plain),
                longest=MAX_NAME_LENGTH,
            ),
            code="tag",
        )
    return plain


def join(names: Iterable[str]) -> str:
    """Join names in one CSV cell, for `split` to read; names with a comma are quoted."""
    return ", ".join(
        '"' + name.replace('"', '""') + '"' if "," in name or '"' in name else name for name in names
    )


def split(text: str, quote: str = '"') -> list[str]:
    """Split the names in one cell: `VIP, Summer`, or Mailchimp's `"VIP","Summer"`."""
    try:
        line = _WHITE_SPACE.sub(" ", text)
        [cells] = csv.reader([line], quotechar=quote, skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):  # quotation marks that are part of a name
        cells = text.replace(quote, "").split(",")
    return [name for name in (each.strip() for each in cells) if name]


def split_list(text: str) -> list[str]:
    """Split the names in one cell of another program.

    As `split`, or as JSON (`["VIP","Summer"]`), Python (`['VIP', 'Summer']`), PostgreSQL (`{VIP,Summer}`) and forms
    (`VIP;Summer`) write a list.
    """
    if _BRACKETS.fullmatch(text):
        inner = text[1:-1].strip()
        names = split(inner, "'" if inner.startswith("'") else '"')
        return [_read_escapes(name) for name in names]
    separator = next((each for each in ";|" if "," not in text and each in text), ",")
    return split(text.replace(separator, ","))


def _read_escapes(name: str) -> str:
    """Read letters and emoji that JSON has escaped; those beyond 16 bits are escaped as two halves."""
    letters = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)
    return letters.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
