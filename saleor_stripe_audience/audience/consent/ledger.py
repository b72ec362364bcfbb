"""What people agreed to, as a ledger of their words; a contact's consent is the ledger's sum and nothing else.

The order in which words arrive does not matter: the latest word counts, and a withdrawal wins over a giving of the
same moment. After a refusal only the mailbox's owner can say yes again: by a link in a mail or from a confirmed
account. Every function here that writes runs under the lock of `default_audience`.
"""

import hashlib
import ipaddress
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people import bulk
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Audience, Contact, FormerAddress, Wording
from saleor_stripe_audience.audience.people.status import ConsentState
from saleor_stripe_audience.audience.people.wordings import store_wording
from saleor_stripe_audience.errors import Rejected

LONGEST_WORDING = 10_000


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One thing that a person said, before it is written down.

    `reference` names where it was said (an order, an account, a file), so that it is known again when told twice.
    With `is_undated` nobody knows when it was said, and `at` is when it came in.
    `is_proven`: the mailbox's owner is known to have said it. One that is dated in the future counts from its receipt.
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
    is_proven: bool = False
    wording_origin: str = Consent.WordingOrigin.SENT


@dataclass(frozen=True, slots=True)
class LedgerSum:
    """What a ledger comes to."""

    consent: ConsentState
    soft_opt_in: bool


def record(contact: Contact, word: ConsentEvent) -> Consent:
    """Write the word down, once however often it is told, and bring the contact up to date.

    A refusal reaches every audience of the shop that knows the person. `Rejected` for a giving without its wording,
    a time that cannot be kept, or an address of no computer.
    """
    check(word)
    written, is_new = Consent.objects.get_or_create(
        audience_id=contact.audience_id,
        key=_key(contact.email, word),
        defaults=_fields(contact, word, _wording(contact.audience.installation_id, word.wording)),
    )
    refresh(contact)
    if is_new and word.kind == Consent.Kind.WITHDRAWN:
        carry_refusals(contact)
    return written


def record_many(audience: Audience, said: Sequence[tuple[Contact, ConsentEvent]]) -> set[UUID]:
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
    for refused in {row.contact_id for row in rows.values() if row.kind == Consent.Kind.WITHDRAWN}:
        carry_refusals(spoken[refused])
    return set(spoken)


def record_first_events(audience: Audience, said: Sequence[tuple[UUID, str, ConsentEvent]]) -> None:
    """Write down what new contacts said, one checked word each, by their ids and addresses.

    Their rows are made with what the word comes to: see `standing_of`. Refusals that other audiences of the shop know
    of are not looked at here: see `carry_refusals_of`.
    """
    wordings = {
        text: _wording(audience.installation_id, text) for text in {word.wording for *_, word in said}
    }
    now = timezone.now()
    columns = (
        "contact_id", "audience_id", "kind", "basis", "at", "recorded_at", "email", "source", "source_detail", "actor",
        "reference", "wording_id", "wording_origin", "ip", "needs_confirmation", "is_proven", "key",
    )  # fmt: skip
    bulk.insert(
        Consent,
        columns,
        (
            (
                contact_id, audience.pk, str(word.kind), str(word.basis), min(word.at, now), now, email,
                str(word.source), word.source_detail[:128], word.actor[:128], word.reference[:128],
                _key_of(wordings[word.wording]), str(word.wording_origin), word.ip or None,
                word.needs_confirmation, word.is_proven, _key(email, word),
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
        standing = sum_ledger(ledgers[pk])
        contact.consent, contact.soft_opt_in = standing.consent, standing.soft_opt_in
    by_standing: dict[tuple[str, bool], list[UUID]] = {}
    for pk, contact in contacts.items():
        by_standing.setdefault((contact.consent, contact.soft_opt_in), []).append(pk)
    for (state, soft_opt_in), some in by_standing.items():
        Contact.objects.filter(pk__in=some).update(
            consent=state, soft_opt_in=soft_opt_in, updated_at=timezone.now()
        )


def _fields(contact: Contact, word: ConsentEvent, wording: Wording | None) -> dict[str, Any]:
    return {
        "contact": contact,
        "kind": word.kind,
        "basis": word.basis,
        "at": min(word.at, timezone.now()),
        "email": contact.email,
        "source": word.source,
        "source_detail": word.source_detail[:128],
        "actor": word.actor[:128],
        "reference": word.reference[:128],
        "wording": wording,
        "wording_origin": word.wording_origin,
        "ip": word.ip or None,
        "needs_confirmation": word.needs_confirmation,
        "is_proven": word.is_proven,
    }


def refresh(contact: Contact) -> None:
    """Set the contact's consent to what its ledger comes to."""
    standing = sum_ledger(contact.consents.all())
    contact.consent, contact.soft_opt_in = standing.consent, standing.soft_opt_in
    contact.save(update_fields=["consent", "soft_opt_in", "updated_at"])
    mark_changed(contact)


def sum_ledger(words: Iterable[Consent | ConsentEvent]) -> LedgerSum:
    """The sum of a ledger.

    What still needs a confirmation moves only somebody of whom nothing is known: it neither takes a subscriber
    back to pending nor lifts a refusal, for anybody can type an address. Nor does anything else that is not proven.
    """
    told = _Told(list(words))
    refused_at = max((word.at for word in told.refusals()), default=None)
    counting = [word for word in told.givings() if refused_at is None or word.at > refused_at]
    consents = [word for word in counting if word.basis == Consent.Basis.CONSENT]
    if any(told.counts(word, is_refused=refused_at is not None) for word in consents):
        state = ConsentState.CONFIRMED
    elif refused_at is not None:
        state = ConsentState.WITHDRAWN
    else:
        state = ConsentState.PENDING if consents else ConsentState.UNKNOWN
    soft = [word for word in counting if word.basis == Consent.Basis.SOFT_OPT_IN]
    return LedgerSum(state, soft_opt_in=any(not word.needs_confirmation for word in soft))


class _Told:
    """The words of one ledger, and what each of them is worth.

    An order that was told as a guest's stays a guest's: Saleor gives the orders of guests to the account that is
    confirmed under their address later, whoever made them.
    """

    def __init__(self, words: Sequence[Consent | ConsentEvent]) -> None:
        self.words = words
        self._guest_orders = {
            word.reference for word in words if word.source == Consent.Source.CHECKOUT and not word.is_proven
        }

    def is_proven(self, word: Consent | ConsentEvent) -> bool:
        """Whether the mailbox's owner said it."""
        return word.is_proven and not self._is_guests(word)

    def refusals(self) -> list[Consent | ConsentEvent]:
        """Withdrawals that count for the person: all but what a guest's checkout says."""
        withdrawn = [word for word in self.words if word.kind == Consent.Kind.WITHDRAWN]
        return [word for word in withdrawn if not self._is_guests(word)]

    def givings(self) -> list[Consent | ConsentEvent]:
        """What was given or confirmed, without what the same guest's checkout took back."""
        taken_back: dict[str, datetime] = {}
        for word in self.words:
            if word.kind == Consent.Kind.WITHDRAWN and self._is_guests(word):
                taken_back[word.reference] = max(word.at, taken_back.get(word.reference, word.at))
        return [
            word
            for word in self.words
            if word.kind != Consent.Kind.WITHDRAWN
            and not (
                self._is_guests(word)
                and word.reference in taken_back
                and word.at <= taken_back[word.reference]
            )
        ]

    def counts(self, word: Consent | ConsentEvent, *, is_refused: bool) -> bool:
        """Whether the giving makes a subscriber, of a person who had refused before it or not."""
        if word.kind == Consent.Kind.CONFIRMED:
            return True
        return not word.needs_confirmation and (not is_refused or self.is_proven(word))

    def _is_guests(self, word: Consent | ConsentEvent) -> bool:
        return word.source == Consent.Source.CHECKOUT and word.reference in self._guest_orders


def carry_refusals(contact: Contact) -> None:
    """Write a person's refusals down in every audience of the shop that knows the person.

    Whoever has one of the addresses or the account in another audience is the same person. Doing it again adds
    nothing.
    """
    people = contacts_of_person(contact)
    if len(people) == 1:
        return
    ledgers = {each.pk: list(each.consents.all()) for each in people}
    refusals = {
        _carried_key(word): word
        for ledger in ledgers.values()
        for word in _Told(ledger).refusals()
        if isinstance(word, Consent)
    }
    for each in people:
        lacking = refusals.keys() - {_carried_key(word) for word in ledgers[each.pk]}
        for key in lacking:
            _carry(refusals[key], each)
        if lacking:
            refresh(each)


def carry_refusals_of(audience: Audience, emails: Collection[str]) -> None:
    """The same for many addresses that the audience has learned at once."""
    others = Contact.objects.filter(audience__installation_id=audience.installation_id)
    others = others.exclude(audience=audience)
    if not others.exists():
        return
    here = Consent.objects.filter(audience=audience, kind=Consent.Kind.WITHDRAWN)
    refused_here = set(bulk.filter_in(here, "email", list(emails)).values_list("email", flat=True))
    refused_there = others.filter(consents__kind=Consent.Kind.WITHDRAWN)
    for known, addresses in ((others, refused_here), (refused_there, emails)):
        former = FormerAddress.objects.filter(contact__in=known)
        found = {each.pk: each for each in bulk.filter_in(known, "email", list(addresses)).distinct()}
        found |= {each.contact.pk: each.contact for each in bulk.filter_in(former, "email", list(addresses))}
        for each in found.values():
            carry_refusals(each)


def contacts_of_person(contact: Contact) -> list[Contact]:
    """The person's contacts in all audiences of the shop, this one first."""
    shop = Contact.objects.filter(audience__installation_id=contact.audience.installation_id)
    others = shop.exclude(audience_id=contact.audience_id)
    if not others.exists():
        return [contact]
    found, to_look_at = {contact.pk: contact}, [contact]
    while to_look_at:
        one = to_look_at.pop()
        addresses = [one.email, *one.former_addresses.values_list("email", flat=True)]
        same = Q(email__in=addresses) | Q(former_addresses__email__in=addresses)
        if one.saleor_user_id:
            same |= Q(saleor_user_id=one.saleor_user_id)
        for other in shop.filter(same).exclude(pk__in=found).select_related("audience").distinct():
            found[other.pk] = other
            to_look_at.append(other)
    return list(found.values())


def _carry(refusal: Consent, contact: Contact) -> None:
    """The refusal as a row of this contact's ledger, word for word."""
    Consent.objects.get_or_create(
        audience_id=contact.audience_id,
        key=_digest(["carried", _carried_key(refusal), str(contact.pk)]),
        defaults={
            "contact": contact,
            "kind": refusal.kind,
            "basis": refusal.basis,
            "at": refusal.at,
            "email": refusal.email,
            "source": refusal.source,
            "source_detail": refusal.source_detail,
            "actor": refusal.actor,
            "reference": refusal.reference,
            "ip": refusal.ip,
            "is_proven": refusal.is_proven,
        },
    )


def _carried_key(word: Consent) -> str:
    """What makes a refusal the same one in every audience."""
    return _digest([word.kind, word.at.astimezone(UTC).isoformat(), word.source, word.email])


def check(word: ConsentEvent) -> None:
    """`Rejected` for a giving without its wording, a time that cannot be kept, or an address of no computer."""
    _check_moment(word.at)
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
            "them, or give the audience its default consent text; `backfill` then brings in what was told before.",
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


def _key(email: str, word: ConsentEvent) -> str:
    """What makes the same word one row. In another file, or on another line, it is the same word still.

    A word that turns out to be worth more (its order was an account's, its wording is known now) is another one.
    """
    is_imported = word.source == Consent.Source.IMPORT
    at = word.reference if word.is_undated else word.at.astimezone(UTC).isoformat()
    told = [word.kind, word.basis, at, word.source, email if is_imported else word.reference or email]
    if word.source == Consent.Source.CHECKOUT and word.is_proven:
        told.append("proven")
    if word.wording_origin == Consent.WordingOrigin.UNKNOWN:
        told.append("unknown wording")
    return _digest(told)


def _digest(told: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _wording(installation_id: UUID, text: str) -> Wording | None:
    return store_wording(installation_id, text) if text.strip() else None
