"""What people agreed to, as a ledger of their words; a contact's consent is the ledger's sum and nothing else.

The order in which words arrive does not matter: the latest word counts, and a withdrawal wins over a giving of the
same moment. Every function here that writes runs under the lock of `default_audience`.
"""

import hashlib
import ipaddress
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from saleor_stripe_audience.audience.changes import touched
from saleor_stripe_audience.audience.models import Audience, Consent, Contact, Wording
from saleor_stripe_audience.audience.status import ConsentState
from saleor_stripe_audience.audience.transfer import bulk
from saleor_stripe_audience.errors import Rejected

CLOCKS_DIFFER = timedelta(minutes=5)  # a storefront's clock may be ahead of ours by this much
LONGEST_WORDING = 10_000


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that a person said, before it is written down.

    `reference` names where it was said (an order, an account, a file), so that it is known again when told twice.
    With `is_undated` nobody knows when it was said, and `at` is when it came in.
    """

    kind: str
    at: datetime
    source: str
    wording: str = ""
    basis: str = Consent.Basis.CONSENT
    reference: str = ""
    source_detail: str = ""
    actor: str = ""
    ip: str = ""
    needs_confirmation: bool = False
    is_undated: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a ledger comes to."""

    consent: ConsentState
    soft_opt_in: bool


def record(contact: Contact, word: Word) -> Consent:
    """Write the word down, once however often it is told, and bring the contact up to date.

    `Rejected` for a word from the future, a giving without its wording, or an address of no computer.
    """
    check(word)
    written, _ = Consent.objects.get_or_create(
        audience_id=contact.audience_id,
        key=_key(contact.email, word),
        defaults=_fields(contact, word, _wording(contact.audience.installation_id, word.wording)),
    )
    refresh(contact)
    return written


def record_many(audience: Audience, said: Sequence[tuple[Contact, Word]]) -> set[UUID]:
    """The same for many contacts of one audience at once, of words that were checked; whose words were new.

    That the contacts changed is noted by the caller.
    """
    wordings = {text: _wording(audience.installation_id, text) for text in {word.wording for _, word in said}}
    rows = {
        key: Consent(audience=audience, key=key, **_fields(contact, word, wordings[word.wording]))
        for contact, word in said
        for key in [_key(contact.email, word)]
    }
    told = Consent.objects.filter(audience=audience, key__in=rows.keys())
    for key in told.values_list("key", flat=True):
        del rows[key]
    Consent.objects.bulk_create(rows.values(), batch_size=1000)
    spoken = {row.contact_id: row.contact for row in rows.values()}
    _refresh_many(spoken)
    return set(spoken)


def record_first_words(audience: Audience, said: Sequence[tuple[UUID, str, Word]]) -> None:
    """Write down what new contacts said, one checked word each, by their ids and addresses.

    Their rows are made with what the word comes to: see `standing_of`.
    """
    wordings = {
        text: _wording(audience.installation_id, text) for text in {word.wording for *_, word in said}
    }
    now = timezone.now()
    columns = (
        "contact_id", "audience_id", "kind", "basis", "at", "recorded_at", "email", "source", "source_detail", "actor",
        "reference", "wording_id", "ip", "needs_confirmation", "key",
    )  # fmt: skip
    bulk.insert(
        Consent,
        columns,
        (
            (
                contact_id, audience.pk, str(word.kind), str(word.basis), word.at, now, email, str(word.source),
                word.source_detail[:128], word.actor[:128], word.reference[:128], _key_of(wordings[word.wording]),
                word.ip or None, word.needs_confirmation, _key(email, word),
            )
            for contact_id, email, word in said
        ),
    )  # fmt: skip


def _key_of(wording: Wording | None) -> int | None:
    return wording.pk if wording is not None else None


def _refresh_many(contacts: Mapping[UUID, Contact]) -> None:
    ledgers: dict[UUID, list[Consent]] = {pk: [] for pk in contacts}
    for word in Consent.objects.filter(contact__in=contacts.keys()):
        ledgers[word.contact_id].append(word)
    for pk, contact in contacts.items():
        standing = standing_of(ledgers[pk])
        contact.consent, contact.soft_opt_in = standing.consent, standing.soft_opt_in
    by_standing: dict[tuple[str, bool], list[UUID]] = {}
    for pk, contact in contacts.items():
        by_standing.setdefault((contact.consent, contact.soft_opt_in), []).append(pk)
    for (state, soft_opt_in), some in by_standing.items():
        Contact.objects.filter(pk__in=some).update(
            consent=state, soft_opt_in=soft_opt_in, updated_at=timezone.now()
        )


def _fields(contact: Contact, word: Word, wording: Wording | None) -> dict[str, Any]:
    return {
        "contact": contact,
        "kind": word.kind,
        "basis": word.basis,
        "at": word.at,
        "email": contact.email,
        "source": word.source,
        "source_detail": word.source_detail[:128],
        "actor": word.actor[:128],
        "reference": word.reference[:128],
        "wording": wording,
        "ip": word.ip or None,
        "needs_confirmation": word.needs_confirmation,
    }


def refresh(contact: Contact) -> None:
    """Set the contact's consent to what its ledger comes to."""
    standing = standing_of(contact.consents.all())
    contact.consent, contact.soft_opt_in = standing.consent, standing.soft_opt_in
    contact.save(update_fields=["consent", "soft_opt_in", "updated_at"])
    touched(contact)


def standing_of(words: Iterable[Consent | Word]) -> Standing:
    """The sum of a ledger.

    What still needs a confirmation moves only somebody of whom nothing is known: it neither takes a subscriber
    back to pending nor lifts a refusal, for anybody can type an address.
    """
    told = list(words)
    withdrawn_at = max((word.at for word in told if word.kind == Consent.Kind.WITHDRAWN), default=None)
    counting = [word for word in told if withdrawn_at is None or word.at > withdrawn_at]
    consents = [word for word in counting if word.basis == Consent.Basis.CONSENT]
    return Standing(
        consent=_consent(consents, is_withdrawn=withdrawn_at is not None),
        soft_opt_in=any(word.basis == Consent.Basis.SOFT_OPT_IN for word in counting),
    )


def _consent(words: list[Consent | Word], *, is_withdrawn: bool) -> ConsentState:
    if any(word.kind == Consent.Kind.CONFIRMED or not word.needs_confirmation for word in words):
        return ConsentState.CONFIRMED
    if is_withdrawn:
        return ConsentState.WITHDRAWN
    return ConsentState.PENDING if words else ConsentState.UNKNOWN


def check(word: Word) -> None:
    """`Rejected` for a word from the future, a giving without its wording, or an address of no computer."""
    _check_moment(word.at)
    if word.at > timezone.now() + CLOCKS_DIFFER:
        raise Rejected(
            "The consent is dated in the future (consent_at), so it proves nothing. Set the clock of whoever "
            "sends it, then send it again.",
            code="consent_from_the_future",
        )
    if word.kind == Consent.Kind.GIVEN:
        check_wording(word.wording)
    if word.ip:
        _check_ip(word.ip)


def _check_moment(at: datetime) -> None:
    """The first and last hours of the calendar leave it when they are brought to UTC: year 1 at +02:00."""
    try:
        at.astimezone(UTC)
    except OverflowError:
        raise Rejected(
            "The consent's time (consent_at) is outside the calendar. Send when it was given, such as "
            "2026-11-23T14:00:00Z.",
            code="consent_at",
        ) from None


def check_wording(text: str) -> None:
    """`Rejected` unless the text can stand for what somebody agreed to."""
    if not text.strip():
        raise Rejected(
            "The consent came without the words that were agreed to (consent_text), so it proves nothing. Send "
            "them, or give the audience its default consent text, then replay the event.",
            code="consent_without_wording",
        )
    if len(text) > LONGEST_WORDING:
        raise Rejected(
            f"The wording of the consent (consent_text) is longer than {LONGEST_WORDING} characters.",
            code="consent_wording_too_long",
        )


def _check_ip(text: str) -> None:
    if not is_ip(text):
        raise Rejected(
            "The consent's consent_ip is not an IP address. Send the shopper's, or leave it out.",
            code="consent_ip",
        )


def is_ip(text: str) -> bool:
    """Whether it is an IP address. fe80::1%eth0 means something on one computer only, and databases refuse it."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return getattr(address, "scope_id", None) is None


def _key(email: str, word: Word) -> str:
    """What makes the same word one row. In another file, or on another line, it is the same word still."""
    is_imported = word.source == Consent.Source.IMPORT
    at = word.reference if word.is_undated else word.at.astimezone(UTC).isoformat()
    told = [word.kind, word.basis, at, word.source, email if is_imported else word.reference or email]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _wording(installation_id: UUID, text: str) -> Wording | None:
    if not text.strip():
        return None
    wording, _ = Wording.objects.get_or_create(
        installation_id=installation_id,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        defaults={"text": text},
    )
    return wording
