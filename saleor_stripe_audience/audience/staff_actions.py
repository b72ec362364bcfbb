"""What staff and programs do to contacts over the API: found in their own shop, changed once, with who did it.

Each function takes the lock of `default_audience` first, so that nothing it found is merged or erased in between.
Each change leaves a line in the log that names ids, never people.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from saleor_stripe_audience.audience.consent import confirmation, ledger, links
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import identity, tags
from saleor_stripe_audience.audience.people import lifecycle
from saleor_stripe_audience.audience.people.addresses import normalised
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.locales import check_country, check_language
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactTag, Tag
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.audience.segments import store
from saleor_stripe_audience.audience.transfer.rows import LONGEST, is_storable
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Actor:
    """In which shop something is done, and by whom: the id of an API key or of a member of staff."""

    installation: Installation
    actor: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a person told staff of marketing, at `at`: on paper, by telephone, in the shop."""

    kind: str
    at: datetime
    wording: str = ""
    where: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """What staff know of a person. None leaves a field as it is, nothing empties it. Never a status, never consent."""

    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    city: str | None = None
    country: str | None = None
    language: str | None = None

    def checked(self) -> dict[str, str]:
        """The given fields as they are kept; `Rejected` for what a field cannot hold."""
        told = {name: getattr(self, name) for name in identity.PROFILE}
        return {name: _checked(name, text.strip()) for name, text in told.items() if text is not None}


def not_found(what: str) -> Rejected:
    """The same for what never was and for what another shop has."""
    return Rejected(f"This shop has no such {what}.", code="not_found")


def create_contact(doer: Actor, audience_id: UUID, email: str, profile: Profile) -> Contact:
    """Make a contact, non-subscribed; `Rejected` if the audience has one of the address, or the address was erased."""
    address, fields = normalised(email), profile.checked()
    with transaction.atomic():
        lock_shop(doer.installation)
        audience = Audience.objects.filter(installation=doer.installation, pk=audience_id).first()
        if audience is None:
            raise not_found("audience")
        if erasure.is_erased(doer.installation, address):
            raise Rejected(
                "Whoever has this address was erased. Readmit the address first, at the person's own wish.",
                code="erased",
            )
        if identity.holder_of(audience, address) is not None:
            raise Rejected("The audience has a contact of this address already.", code="contact_exists")
        contact = audience.contacts.create(email=address)
        _take_over(contact, fields)
        mark_changed(contact)
        _log(doer, "contact created", contact=contact.pk)
        return _contact(doer, contact.pk)


def update_contact(doer: Actor, contact_id: UUID, profile: Profile) -> Contact:
    """Change what is known of the person. What Saleor says later is newer, and counts then."""
    fields = profile.checked()
    with transaction.atomic():
        contact = _contact(doer, contact_id)
        if _take_over(contact, fields):
            mark_changed(contact)
            _log(doer, "contact changed", contact=contact_id)
        return _contact(doer, contact_id)


def _take_over(contact: Contact, fields: Mapping[str, str]) -> bool:
    """Set the fields as said now; returns whether that changed anything."""
    changed = {name: value for name, value in fields.items() if getattr(contact, name) != value}
    moment = timezone.now().astimezone(UTC).isoformat(timespec="microseconds")
    for name, value in changed.items():
        setattr(contact, name, value)
        contact.known_at[name] = moment
    if changed:
        contact.save(update_fields=[*changed, "known_at", "updated_at"])
    return bool(changed)


def _checked(name: str, text: str) -> str:
    if name == "country":
        return check_country(text)
    if name == "language":
        return check_language(text)
    if not is_storable(text):
        raise Rejected("This holds characters that are none.", code="characters")
    if len(text) > LONGEST[name]:
        raise Rejected(f"This is longer than {LONGEST[name]} characters.", code="too_long")
    return text


def archive(doer: Actor, contact_id: UUID) -> Contact:
    """File the contact away; one that is filed away already stays so."""
    with transaction.atomic():
        lifecycle.archive(_contact(doer, contact_id))
        _log(doer, "contact archived", contact=contact_id)
        return _contact(doer, contact_id)


def restore(doer: Actor, contact_id: UUID) -> Contact:
    """Work with the contact again, with the status that its consent gives it."""
    with transaction.atomic():
        lifecycle.restore(_contact(doer, contact_id))
        _log(doer, "contact restored", contact=contact_id)
        return _contact(doer, contact_id)


def renew_links(doer: Actor, contact_id: UUID) -> Contact:
    """Links in mails to the contact fell into wrong hands: from now on those only unsubscribe."""
    with transaction.atomic():
        links.renew(_contact(doer, contact_id))
        _log(doer, "links renewed", contact=contact_id)
        return _contact(doer, contact_id)


def merge(doer: Actor, kept_id: UUID, absorbed_id: UUID) -> Contact:
    """The two are one person; returns the contact that goes on. Asked again, nothing more happens."""
    with transaction.atomic():
        kept, absorbed = _going_on(doer, kept_id), _going_on(doer, absorbed_id)
        if kept == absorbed and kept_id != absorbed_id:
            return kept
        going_on = identity.merge(kept, absorbed)
        _log(doer, "contacts merged", contact=going_on.pk, absorbed=absorbed_id)
        return going_on


def record_consent(doer: Actor, contact_id: UUID, said: Said) -> Consent:
    """Write down what the person said; the same word told again is still one row.

    Where the audience wants double opt-in, or the person had refused before, a giving waits for its confirmation here
    too: who asked for it on paper gets the mail. `Rejected` for what proves nothing.
    """
    if timezone.is_naive(said.at):
        raise Rejected(
            "Say when it was said with its time zone, such as 2026-11-23T14:00:00Z.", code="consent_at"
        )
    with transaction.atomic():
        contact = _contact(doer, contact_id)
        given = said.kind == Consent.Kind.GIVEN
        written = ledger.record(
            contact,
            ConsentEvent(
                said.kind,
                said.at,
                Consent.Source.STAFF,
                wording=said.wording,
                source_detail=said.where,
                actor=doer.actor,
                ip=said.ip,
                needs_confirmation=given and contact.audience.double_opt_in,
            ),
        )
        confirmation.ask_if_needed(contact, written)
        return written


def add_tag(doer: Actor, tag_id: UUID, contact_ids: Collection[UUID]) -> tuple[Tag, int]:
    """Put the tag on the contacts, or on none if one of them is not to be had; returns on how many it was not yet."""
    with transaction.atomic():
        tag, found = _tagged(doer, tag_id, contact_ids)
        return tag, tags.add(tag, found, ContactTag.Origin.HAND, doer.actor)


def remove_tag(doer: Actor, tag_id: UUID, contact_ids: Collection[UUID]) -> tuple[Tag, int]:
    """Take the tag off the contacts; returns off how many. A rule that still fits puts it on again."""
    with transaction.atomic():
        tag, found = _tagged(doer, tag_id, contact_ids)
        taken = tags.remove(tag, found)
        _log(doer, "tag taken off", tag=tag_id, contacts=taken)
        return tag, taken


def create_tag(doer: Actor, audience_id: UUID, name: str) -> Tag:
    """The audience's tag of that name, made if it is new."""
    with transaction.atomic():
        lock_shop(doer.installation)
        audience = Audience.objects.filter(installation=doer.installation, pk=audience_id).first()
        if audience is None:
            raise not_found("audience")
        return tags.tag_named(audience, name)


def rename_tag(doer: Actor, tag_id: UUID, name: str) -> Tag:
    """Another name for the tag, wherever it is."""
    with transaction.atomic():
        return tags.rename(_tag(doer, tag_id), name)


def delete_tag(doer: Actor, tag_id: UUID) -> None:
    """Let go of the tag; it comes off everybody. `Rejected` while a segment uses it."""
    with transaction.atomic():
        tag = _tag(doer, tag_id)
        store.check_deletable(tag)
        tag.delete()
        _log(doer, "tag deleted", tag=tag_id)


def erase(doer: Actor, email: str) -> Erasure:
    """Erase whoever has or had the address; the receipt says what went."""
    return erasure.erase(doer.installation, email, actor=doer.actor)


def readmit(doer: Actor, email: str) -> bool:
    """Let an erased address in again; False if it was not erased."""
    was_erased = erasure.readmit(doer.installation, email)
    _log(doer, "address readmitted", was_erased=was_erased)
    return was_erased


def _contact(doer: Actor, contact_id: UUID) -> Contact:
    lock_shop(doer.installation)
    own = Contact.objects.filter(audience__installation=doer.installation).select_related("audience")
    found = own.filter(pk=contact_id).first()
    if found is None:
        raise not_found("contact")
    return found


def _going_on(doer: Actor, contact_id: UUID) -> Contact:
    """The contact, or the one it was merged into before."""
    lock_shop(doer.installation)
    own = Contact.objects.filter(audience__installation=doer.installation).select_related("audience")
    found = own.filter(pk=contact_id).first() or own.filter(former_contacts=contact_id).first()
    if found is None:
        raise not_found("contact")
    return found


def _tag(doer: Actor, tag_id: UUID) -> Tag:
    lock_shop(doer.installation)
    own = Tag.objects.filter(audience__installation=doer.installation).select_related("audience")
    found = own.filter(pk=tag_id).first()
    if found is None:
        raise not_found("tag")
    return found


def _tagged(doer: Actor, tag_id: UUID, contact_ids: Collection[UUID]) -> tuple[Tag, list[Contact]]:
    tag, wanted = _tag(doer, tag_id), set(contact_ids)
    found = list(Contact.objects.filter(audience__installation=doer.installation, pk__in=wanted))
    if len(found) < len(wanted):
        raise not_found("contact")
    return tag, found


def _log(doer: Actor, event: str, **ids: object) -> None:
    told = {name: value if isinstance(value, int) else str(value) for name, value in ids.items()}
    log.info(event, installation=str(doer.installation.pk), actor=doer.actor, **told)
