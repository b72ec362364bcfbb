"""Changes to contacts by staff and programs through the API, limited to their own shop and attributed to them.

Each function takes the shop's lock first, so that nothing it reads is merged or erased in between. Each change is
logged with ids, never with personal data.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent import confirmation, early_withdrawals, ledger, links
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import identity, tags
from saleor_stripe_audience.audience.people import lifecycle
from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.locales import check_country, check_language
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactTag, Tag
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.audience.segments import store
from saleor_stripe_audience.audience.transfer.rows import MAX_LENGTHS, is_storable
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and in which shop; `id` is that of an API key or a staff member."""

    installation: Installation
    id: str


@dataclass(frozen=True, slots=True)
class ConsentInput:
    """A choice about marketing that a person expressed to staff at `at`: on paper, by phone, in the shop."""

    kind: str
    at: datetime
    wording: str = ""
    where: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """Profile fields that staff set. None leaves a field unchanged, an empty string clears it."""

    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    city: str | None = None
    country: str | None = None
    language: str | None = None

    def checked(self) -> dict[str, str]:
        """Return the given fields as they are stored. `Rejected` for an invalid value."""
        fields = {name: getattr(self, name) for name in identity.PROFILE}
        return {name: _check(name, text.strip()) for name, text in fields.items() if text is not None}


def not_found(what: str) -> Rejected:
    """Return the error for objects that do not exist or belong to another shop."""
    return Rejected(f"This shop has no such {what}.", code="not_found")


def create_contact(
    actor: Actor, audience_id: UUID, email: str, profile: Profile, consent: ConsentInput | None = None
) -> Contact:
    """Create a contact, not subscribed unless the person gave the `consent`.

    `Rejected` if the audience already has the address, if it was erased, or for a consent that proves nothing.
    """
    address, fields = normalize_email(email), profile.checked()
    with transaction.atomic():
        lock_shop(actor.installation)
        audience = Audience.objects.filter(installation=actor.installation, pk=audience_id).first()
        if audience is None:
            raise not_found("audience")
        if erasure.is_erased(actor.installation, address):
            raise Rejected(
                pgettext_lazy(
                    "staff",
                    "The person with this address was erased. Readmit the address first, at the person's own request.",
                ),
                code="erased",
            )
        if identity.find_by_address(audience, address) is not None:
            raise Rejected(
                pgettext_lazy("staff", "The audience already has a contact with this address."),
                code="contact_exists",
            )
        contact = audience.contacts.create(email=address, is_curated=True)
        _set_fields(contact, fields)
        erasure.adopt_former_links(contact)
        identity.link_to_accounts_elsewhere(audience, [address])
        ledger.carry_withdrawals_of(audience, [address])
        early_withdrawals.apply(audience, [address])
        mark_changed(contact)
        _log(actor, "contact created", contact=contact.pk)
        if consent is not None:
            record_consent(actor, contact.pk, consent)
        return _contact(actor, contact.pk)


def update_contact(actor: Actor, contact_id: UUID, profile: Profile) -> Contact:
    """Change the contact's profile. Newer data from Saleor replaces it later."""
    fields = profile.checked()
    with transaction.atomic():
        contact = _contact(actor, contact_id)
        if _set_fields(contact, fields):
            mark_changed(contact)
            _log(actor, "contact changed", contact=contact_id)
        return _contact(actor, contact_id)


def _set_fields(contact: Contact, fields: Mapping[str, str]) -> bool:
    """Set the fields as of now; returns whether anything changed."""
    changed = {name: value for name, value in fields.items() if getattr(contact, name) != value}
    moment = timezone.now().astimezone(UTC).isoformat(timespec="microseconds")
    for name, value in changed.items():
        setattr(contact, name, value)
        contact.known_at[name] = moment
    if changed:
        contact.is_curated = True
        contact.save(update_fields=[*changed, "known_at", "is_curated", "updated_at"])
    return bool(changed)


def _check(name: str, text: str) -> str:
    if name == "country":
        return check_country(text)
    if name == "language":
        return check_language(text)
    if not is_storable(text):
        raise Rejected(pgettext_lazy("staff", "This contains invalid characters."), code="characters")
    if len(text) > MAX_LENGTHS[name]:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "This is longer than {longest} characters."), longest=MAX_LENGTHS[name]
            ),
            code="too_long",
        )
    return text


def archive(actor: Actor, contact_id: UUID) -> Contact:
    """Archive the contact; repeating it changes nothing."""
    with transaction.atomic():
        lifecycle.archive(_contact(actor, contact_id))
        _log(actor, "contact archived", contact=contact_id)
        return _contact(actor, contact_id)


def restore(actor: Actor, contact_id: UUID) -> Contact:
    """Restore an archived contact; its consent decides its status again."""
    with transaction.atomic():
        lifecycle.restore(_contact(actor, contact_id))
        _log(actor, "contact restored", contact=contact_id)
        return _contact(actor, contact_id)


def renew_links(actor: Actor, contact_id: UUID) -> Contact:
    """Renew the contact's links after old ones fell into the wrong hands: those can only unsubscribe from now on."""
    with transaction.atomic():
        links.renew(_contact(actor, contact_id))
        _log(actor, "links renewed", contact=contact_id)
        return _contact(actor, contact_id)


def merge(actor: Actor, kept_id: UUID, absorbed_id: UUID) -> Contact:
    """Merge two contacts of one person; returns the remaining contact. Repeating it changes nothing."""
    with transaction.atomic():
        kept, absorbed = _contact_or_successor(actor, kept_id), _contact_or_successor(actor, absorbed_id)
        if kept == absorbed and kept_id != absorbed_id:
            return kept
        merged = identity.merge(kept, absorbed)
        _log(actor, "contacts merged", contact=merged.pk, absorbed=absorbed_id)
        return merged


def record_consent(actor: Actor, contact_id: UUID, given: ConsentInput) -> Consent:
    """Record the person's choice; repeating the same one adds nothing.

    If the audience uses double opt-in, or the person had unsubscribed before, consent needs confirmation here too: a
    person who asked on paper gets the email. `Rejected` for consent that proves nothing.
    """
    if timezone.is_naive(given.at):
        raise Rejected(
            pgettext_lazy(
                "staff", "Give the time of the consent with its time zone, such as 2026-11-23T14:00:00Z."
            ),
            code="consent_at",
        )
    with transaction.atomic():
        contact = _contact(actor, contact_id)
        consent = ledger.record(
            contact,
            ConsentEvent(
                given.kind,
                given.at,
                Consent.Source.STAFF,
                wording=given.wording,
                source_detail=given.where,
                actor=actor.id,
                ip=given.ip,
                needs_confirmation=given.kind == Consent.Kind.GIVEN and contact.audience.double_opt_in,
            ),
        )
        confirmation.request_if_needed(contact, consent)
        return consent


def add_tag(actor: Actor, tag_id: UUID, contact_ids: Collection[UUID]) -> tuple[Tag, int]:
    """Tag all of the contacts, or none if one does not exist; returns how many did not have the tag yet."""
    with transaction.atomic():
        tag, contacts = _tag_and_contacts(actor, tag_id, contact_ids)
        return tag, tags.add(tag, contacts, ContactTag.Origin.STAFF, actor.id)


def remove_tag(actor: Actor, tag_id: UUID, contact_ids: Collection[UUID]) -> tuple[Tag, int]:
    """Remove the tag from the contacts; returns from how many. A rule that still matches adds it again."""
    with transaction.atomic():
        tag, contacts = _tag_and_contacts(actor, tag_id, contact_ids)
        removed = tags.remove(tag, contacts)
        _log(actor, "tag removed", tag=tag_id, contacts=removed)
        return tag, removed


def create_tag(actor: Actor, audience_id: UUID, name: str) -> Tag:
    """Return the audience's tag of that name, creating it if needed."""
    with transaction.atomic():
        lock_shop(actor.installation)
        audience = Audience.objects.filter(installation=actor.installation, pk=audience_id).first()
        if audience is None:
            raise not_found("audience")
        return tags.get_or_create_tag(audience, name)


def rename_tag(actor: Actor, tag_id: UUID, name: str) -> Tag:
    """Rename the tag."""
    with transaction.atomic():
        return tags.rename(_tag(actor, tag_id), name)


def delete_tag(actor: Actor, tag_id: UUID) -> None:
    """Delete the tag and remove it from all contacts. `Rejected` while a segment uses it."""
    with transaction.atomic():
        tag = _tag(actor, tag_id)
        store.check_deletable(tag)
        tag.delete()
        _log(actor, "tag deleted", tag=tag_id)


def erase(actor: Actor, email: str) -> Erasure:
    """Erase the current or former holder of the address; the receipt lists what was erased."""
    return erasure.erase(actor.installation, email, actor=actor.id)


def readmit(actor: Actor, email: str) -> bool:
    """Readmit an erased address; False if it was not erased."""
    was_erased = erasure.readmit(actor.installation, email)
    _log(actor, "address readmitted", was_erased=was_erased)
    return was_erased


def _contact(actor: Actor, contact_id: UUID) -> Contact:
    lock_shop(actor.installation)
    own = Contact.objects.filter(audience__installation=actor.installation).select_related("audience")
    contact = own.filter(pk=contact_id).first()
    if contact is None:
        raise not_found("contact")
    return contact


def _contact_or_successor(actor: Actor, contact_id: UUID) -> Contact:
    """Return the contact, or the one that it was merged into before."""
    lock_shop(actor.installation)
    own = Contact.objects.filter(audience__installation=actor.installation).select_related("audience")
    contact = own.filter(pk=contact_id).first() or own.filter(former_contacts=contact_id).first()
    if contact is None:
        raise not_found("contact")
    return contact


def _tag(actor: Actor, tag_id: UUID) -> Tag:
    lock_shop(actor.installation)
    own = Tag.objects.filter(audience__installation=actor.installation).select_related("audience")
    tag = own.filter(pk=tag_id).first()
    if tag is None:
        raise not_found("tag")
    return tag


def _tag_and_contacts(actor: Actor, tag_id: UUID, contact_ids: Collection[UUID]) -> tuple[Tag, list[Contact]]:
    tag, ids = _tag(actor, tag_id), set(contact_ids)
    contacts = list(Contact.objects.filter(audience__installation=actor.installation, pk__in=ids))
    if len(contacts) < len(ids):
        raise not_found("contact")
    return tag, contacts


def _log(actor: Actor, event: str, **ids: object) -> None:
    fields = {name: value if isinstance(value, int) else str(value) for name, value in ids.items()}
    log.info(event, installation=str(actor.installation.pk), actor=actor.id, **fields)
