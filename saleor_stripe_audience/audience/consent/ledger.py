"""The consent ledger: an append-only list of events; a contact's consent is the result of its ledger and nothing else.

The order in which events arrive does not matter: the latest event counts, and at the same time a withdrawal wins. After
a withdrawal only the owner of the email address can consent again: through a link in an email or from a confirmed
account. Every function here that writes runs under the lock of `lock_shop`.
"""

import hashlib
import ipaddress
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people import bulk
from saleor_stripe_audience.audience.people.audiences import has_one_audience
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import NEVER, Audience, Contact, FormerAddress, Wording
from saleor_stripe_audience.audience.people.status import ConsentState
from saleor_stripe_audience.audience.people.wordings import store_wording
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

WORDING_TOO_LONG = pgettext_lazy(
    "staff", "The wording of the consent (consent_text) is longer than {longest} characters."
)

MAX_WORDING_LENGTH = 10_000


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One consent event, before it is recorded.

    `reference` is its origin (an order, an account, a file), by which a repeated event is recognized. With `is_undated`
    its time is unknown, and `at` is when it was reported; `box` is the metadata key that it was read from. With
    `is_proven` the owner of the email address is known to have acted; with `is_late` an account's order had it long
    after it was placed, and anybody may have written it. An event dated in the future counts from its receipt.
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
    box: str = ""
    is_proven: bool = False
    is_late: bool = False
    wording_origin: str = Consent.WordingOrigin.SENT


@dataclass(frozen=True, slots=True)
class LedgerSum:
    """The result of a ledger."""

    consent: ConsentState
    soft_opt_in: bool


def record(contact: Contact, event: ConsentEvent) -> Consent:
    """Record the event once, however often it is reported, and update the contact.

    A withdrawal applies to every audience of the shop that has the person. `Rejected` for consent without a wording, an
    impossible time, or an invalid IP address.
    """
    check(event)
    consent, is_new = Consent.objects.get_or_create(
        audience_id=contact.audience_id,
        key=_undated_key(contact, event) if event.is_undated else _key(contact.email, event),
        defaults=_fields(contact, event, _wording(contact.audience.installation_id, event.wording)),
    )
    refresh(contact)
    if is_new and event.kind == Consent.Kind.WITHDRAWN:
        carry_withdrawals(contact)
    return consent


def record_many(audience: Audience, events: Sequence[tuple[Contact, ConsentEvent]]) -> set[UUID]:
    """Record checked events of many contacts of one audience; returns the contacts with new events.

    The caller marks the contacts as changed.
    """
    texts = {event.wording for _, event in events}
    wordings = {text: _wording(audience.installation_id, text) for text in texts}
    rows = {
        key: Consent(audience=audience, key=key, **_fields(contact, event, wordings[event.wording]))
        for contact, event in events
        for key in [_key(contact.email, event)]
    }
    existing = Consent.objects.filter(audience=audience, key__in=rows.keys())
    for key in existing.values_list("key", flat=True):
        del rows[key]
    Consent.objects.bulk_create(rows.values(), batch_size=1000)
    contacts = {row.contact_id: row.contact for row in rows.values()}
    _refresh_many(contacts)
    for contact_id in {row.contact_id for row in rows.values() if row.kind == Consent.Kind.WITHDRAWN}:
        carry_withdrawals(contacts[contact_id])
    return set(contacts)


def record_first_events(audience: Audience, events: Sequence[tuple[UUID, str, ConsentEvent]]) -> None:
    """Record one checked event for each of many new contacts, by id and address.

    The caller creates the contacts with the resulting consent (`sum_ledger`), and carries over the withdrawals of other
    audiences (`carry_withdrawals_of`).
    """
    texts = {event.wording for *_, event in events}
    wordings = {text: _wording(audience.installation_id, text) for text in texts}
    wording_ids = {text: wording.pk if wording else None for text, wording in wordings.items()}
    now = timezone.now()
    columns = (
        "contact_id", "audience_id", "kind", "basis", "at", "recorded_at", "email", "source", "source_detail", "actor",
        "reference", "wording_id", "wording_origin", "ip", "needs_confirmation", "is_proven", "is_late", "key",
    )  # fmt: skip
    bulk.insert(
        Consent,
        columns,
        (
            (
                contact_id, audience.pk, str(event.kind), str(event.basis), min(event.at, now), now, email,
                str(event.source), event.source_detail[:128], event.actor[:128], event.reference[:128],
                wording_ids[event.wording], str(event.wording_origin), event.ip or None,
                event.needs_confirmation, event.is_proven, event.is_late, _key(email, event),
            )
            for contact_id, email, event in events
        ),
    )  # fmt: skip


def _refresh_many(contacts: Mapping[UUID, Contact]) -> None:
    ledgers: dict[UUID, list[Consent]] = {pk: [] for pk in contacts}
    for event in Consent.objects.filter(contact__in=contacts.keys()):
        ledgers[event.contact_id].append(event)
    by_result: dict[tuple[str, bool], list[UUID]] = {}
    for pk, contact in contacts.items():
        result = sum_ledger(ledgers[pk])
        contact.consent, contact.soft_opt_in = result.consent, result.soft_opt_in
        by_result.setdefault((contact.consent, contact.soft_opt_in), []).append(pk)
    for (state, soft_opt_in), some in by_result.items():
        Contact.objects.filter(pk__in=some).update(
            consent=state, soft_opt_in=soft_opt_in, updated_at=timezone.now()
        )


def _fields(contact: Contact, event: ConsentEvent, wording: Wording | None) -> dict[str, Any]:
    return {
        "contact": contact,
        "kind": event.kind,
        "basis": event.basis,
        "at": min(event.at, timezone.now()),
        "email": contact.email,
        "source": event.source,
        "source_detail": event.source_detail[:128],
        "actor": event.actor[:128],
        "reference": event.reference[:128],
        "wording": wording,
        "wording_origin": event.wording_origin,
        "ip": event.ip or None,
        "needs_confirmation": event.needs_confirmation,
        "is_proven": event.is_proven,
        "is_late": event.is_late,
    }


def correct_order(
    order_id: str, mistyped: Contact, corrected: Contact | None, email: str, erased_at: datetime | None
) -> None:
    """Reassign what a guest's order recorded, because its address was corrected to `email` in Saleor.

    The owner of the mistyped address agreed to nothing. What they confirmed themselves stays. Nothing else is left if
    there is no `corrected`, because its owner was erased. An owner who was erased at `erased_at`, and readmitted since,
    has to confirm.
    """
    if Consent.objects.correct_order(order_id, mistyped, corrected, email, erased_at):
        refresh(mistyped)
        if corrected is not None:
            refresh(corrected)


def retract_order(
    order_id: str, audience_ids: Collection[UUID], owner: Contact | None, holder: Contact | None
) -> list[Contact]:
    """Delete what an order recorded as a guest's for others than its `owner`, because an account placed it.

    Only the order's current contact can be the `holder`. If it has none, because it was anonymized, the shop's whole
    ledger is searched. What the others confirmed themselves stays. Returns the contacts that had such rows.
    """
    rows = Consent.objects.filter(
        source=Consent.Source.CHECKOUT, reference=order_id[:128], is_proven=False, is_late=False
    ).exclude(contact=owner)
    rows = rows.filter(audience__in=audience_ids) if holder is None else rows.filter(contact=holder)
    others = list(Contact.objects.filter(pk__in=rows.values("contact")))
    for each in others:
        correct_order(order_id, each, corrected=None, email="", erased_at=None)
    return others


def refresh(contact: Contact) -> None:
    """Set the contact's consent to the result of its ledger."""
    result = sum_ledger(contact.consents.all())
    contact.consent, contact.soft_opt_in = result.consent, result.soft_opt_in
    contact.save(update_fields=["consent", "soft_opt_in", "updated_at"])
    mark_changed(contact)


def sum_ledger(events: Iterable[Consent | ConsentEvent]) -> LedgerSum:
    """Return the result of a ledger.

    An event that needs confirmation only changes unknown consent: it neither makes a subscriber pending nor ends a
    withdrawal, because anybody can type an address. Nor does any other unproven event.
    """
    ledger = _Ledger(list(events))
    withdrawn_at = max((event.at for event in ledger.withdrawals()), default=None)
    current = [event for event in ledger.grants() if withdrawn_at is None or event.at > withdrawn_at]
    consents = [event for event in current if event.basis == Consent.Basis.CONSENT]
    if any(ledger.counts(event, was_withdrawn=withdrawn_at is not None) for event in consents):
        state = ConsentState.CONFIRMED
    elif withdrawn_at is not None:
        state = ConsentState.WITHDRAWN
    else:
        state = ConsentState.PENDING if consents else ConsentState.UNKNOWN
    soft = [event for event in current if event.basis == Consent.Basis.SOFT_OPT_IN]
    return LedgerSum(state, soft_opt_in=any(not event.needs_confirmation for event in soft))


class _Ledger:
    """The events of one ledger, and how much each of them counts.

    An order that arrived as a guest's stays a guest's: Saleor assigns guest orders to the account that is confirmed
    under their address later, no matter who placed them. A late event does not make an account's order a guest's.
    """

    def __init__(self, events: Sequence[Consent | ConsentEvent]) -> None:
        self.events = events
        self._guest_orders = {
            event.reference
            for event in events
            if event.source == Consent.Source.CHECKOUT and not event.is_proven and not event.is_late
        }

    def is_proven(self, event: Consent | ConsentEvent) -> bool:
        """Whether the owner of the email address acted."""
        return event.is_proven and not self._is_guests(event)

    def withdrawals(self) -> list[Consent | ConsentEvent]:
        """Return the withdrawals that count for the person: all but those of a guest's checkout."""
        withdrawn = [event for event in self.events if event.kind == Consent.Kind.WITHDRAWN]
        return [event for event in withdrawn if not self._is_guests(event)]

    def grants(self) -> list[Consent | ConsentEvent]:
        """Return what was given or confirmed, except those that the same guest's checkout withdrew later."""
        withdrawn: dict[str, datetime] = {}
        for event in self.events:
            if event.kind == Consent.Kind.WITHDRAWN and self._is_guests(event):
                withdrawn[event.reference] = max(event.at, withdrawn.get(event.reference, event.at))
        return [
            event
            for event in self.events
            if event.kind != Consent.Kind.WITHDRAWN
            and not (
                self._is_guests(event)
                and event.reference in withdrawn
                and event.at <= withdrawn[event.reference]
            )
        ]

    def counts(self, event: Consent | ConsentEvent, *, was_withdrawn: bool) -> bool:
        """Whether the event subscribes the person, depending on whether they had withdrawn before it."""
        if event.kind == Consent.Kind.CONFIRMED:
            return True
        return not event.needs_confirmation and (not was_withdrawn or self.is_proven(event))

    def _is_guests(self, event: Consent | ConsentEvent) -> bool:
        return event.source == Consent.Source.CHECKOUT and event.reference in self._guest_orders


def last_withdrawal(contact: Contact) -> datetime:
    """Return when the person last withdrew consent; `NEVER` if they have not."""
    withdrawals = _Ledger(list(contact.consents.all())).withdrawals()
    return max((event.at for event in withdrawals), default=NEVER)


def was_withdrawn(consent: Consent) -> bool:
    """Whether the consent was withdrawn since: by the person, or in the checkout in which it was given."""
    ledger = _Ledger(list(consent.contact.consents.all()))
    return consent not in ledger.grants() or any(each.at >= consent.at for each in ledger.withdrawals())


def carry_withdrawals(contact: Contact) -> None:
    """Copy a person's withdrawals to every audience of the shop that has the person. Repeating it adds nothing.

    A contact with one of the addresses or the account in another audience is the same person.
    """
    people = contacts_of_person(contact)
    if len(people) == 1:
        return
    ledgers = {each.pk: list(each.consents.all()) for each in people}
    withdrawals = {
        _carried_key(event): event
        for ledger in ledgers.values()
        for event in _Ledger(ledger).withdrawals()
        if isinstance(event, Consent)
    }
    for each in people:
        missing = withdrawals.keys() - {_carried_key(event) for event in ledgers[each.pk]}
        for key in missing:
            _carry(withdrawals[key], each)
        if missing:
            refresh(each)


def carry_withdrawals_of(audience: Audience, emails: Collection[str]) -> None:
    """Copy withdrawals between the shop's audiences for many addresses that are new to the audience."""
    others = _contacts_elsewhere(audience)
    if not others.exists():
        return
    here = Consent.objects.filter(audience=audience, kind=Consent.Kind.WITHDRAWN)
    withdrawn_here = set(bulk.filter_in(here, "email", list(emails)).values_list("email", flat=True))
    withdrawn_there = others.filter(consents__kind=Consent.Kind.WITHDRAWN)
    for known, addresses in ((others, withdrawn_here), (withdrawn_there, emails)):
        former = FormerAddress.objects.filter(contact__in=known)
        found = {each.pk: each for each in bulk.filter_in(known, "email", list(addresses)).distinct()}
        found |= {each.contact.pk: each.contact for each in bulk.filter_in(former, "email", list(addresses))}
        for each in found.values():
            carry_withdrawals(each)


def _contacts_elsewhere(audience: Audience) -> QuerySet[Contact]:
    """Filter the contacts of the shop's other audiences.

    Filtered by the audiences' ids: by shop, all contacts of a large audience would be read to find that no other has
    any.
    """
    of_shop = Audience.objects.filter(installation=audience.installation_id).exclude(pk=audience.pk)
    return Contact.objects.filter(audience__in=list(of_shop.values_list("pk", flat=True)))


def contacts_of_person(contact: Contact) -> list[Contact]:
    """Return the person's contacts in all audiences of the shop, this one first.

    Another account that took over a former address is another person.
    """
    if has_one_audience(contact.audience.installation_id):
        return [contact]
    if not _contacts_elsewhere(contact.audience).exists():
        return [contact]
    shop = Contact.objects.filter(audience__installation_id=contact.audience.installation_id)
    found, queue, account_id = {contact.pk: contact}, [contact], contact.saleor_user_id
    while queue:
        current = queue.pop()
        addresses = [current.email, *current.former_addresses.values_list("email", flat=True)]
        same = Q(email__in=addresses) | Q(former_addresses__email__in=addresses)
        if current.saleor_user_id:
            same |= Q(saleor_user_id=current.saleor_user_id)
        others = shop.filter(same).exclude(pk__in=found).select_related("audience").distinct()
        # Who has a guest's address now, before who had it.
        for other in sorted(others, key=lambda each: each.email not in addresses):
            if account_id and other.saleor_user_id and other.saleor_user_id != account_id:
                continue
            account_id = account_id or other.saleor_user_id
            found[other.pk] = other
            queue.append(other)
    return list(found.values())


def _carry(withdrawal: Consent, contact: Contact) -> None:
    """Copy the withdrawal to this contact's ledger."""
    Consent.objects.get_or_create(
        audience_id=contact.audience_id,
        key=_digest(["carried", _carried_key(withdrawal), str(contact.pk)]),
        defaults={
            "contact": contact,
            "kind": withdrawal.kind,
            "basis": withdrawal.basis,
            "at": withdrawal.at,
            "email": withdrawal.email,
            "source": withdrawal.source,
            "source_detail": withdrawal.source_detail,
            "actor": withdrawal.actor,
            "reference": withdrawal.reference,
            "ip": withdrawal.ip,
            "is_proven": withdrawal.is_proven,
        },
    )


def _carried_key(event: Consent) -> str:
    """Return a key that identifies a withdrawal in every audience."""
    return _digest([event.kind, event.at.astimezone(UTC).isoformat(), event.source, event.email])


def check(event: ConsentEvent) -> None:
    """`Rejected` for consent without a wording, an impossible time, or an invalid IP address."""
    try:
        event.at.astimezone(UTC)  # the first and last hours of the calendar overflow in UTC: year 1 at +02:00
    except OverflowError:
        raise Rejected(
            pgettext_lazy(
                "staff",
                "The consent's time (consent_at) is outside the calendar. Send the time at which it was "
                "given, such as 2026-11-23T14:00:00Z.",
            ),
            code="consent_at",
        ) from None
    if event.kind == Consent.Kind.GIVEN:
        check_wording(event.wording)
    if event.ip and not is_ip(event.ip):
        raise Rejected(
            pgettext_lazy(
                "staff",
                "The consent's consent_ip is not an IP address. Send the customer's, or leave it out.",
            ),
            code="consent_ip",
        )


def check_wording(text: str) -> None:
    """`Rejected` unless the text can be the wording of a consent."""
    if not text.strip():
        raise Rejected(
            pgettext_lazy(
                "staff",
                "The consent has no wording (consent_text), so it proves nothing. Send the text that was agreed to, or "
                "give the audience a default consent text; `backfill` then imports what was missed.",
            ),
            code="consent_without_wording",
        )
    if len(text) > MAX_WORDING_LENGTH:
        raise Rejected(
            with_values(WORDING_TOO_LONG, longest=MAX_WORDING_LENGTH),
            code="consent_wording_too_long",
        )


def is_ip(text: str) -> bool:
    """Whether it is an IP address. A scoped one (fe80::1%eth0) is local to one machine, and databases refuse it."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return getattr(address, "scope_id", None) is None


def _undated_key(contact: Contact, event: ConsentEvent) -> str:
    """Return the key of an undated event: a new one after each new consent from the same origin.

    An event recorded since the latest of these consents keeps its key, even if the consent arrived after it.
    """
    given = contact.consents.filter(kind=Consent.Kind.GIVEN, source=event.source, at__lte=event.at)
    given = given.filter(reference=event.reference[:128]).order_by("at")
    moments = list(given.values_list("at", flat=True))
    keys = [_key(contact.email, event, after) for after in (None, *moments)]
    recorded = Consent.objects.filter(audience_id=contact.audience_id, key__in=keys)
    if moments:
        recorded = recorded.filter(at__gte=moments[-1])
    return recorded.values_list("key", flat=True).first() or keys[-1]


def _key(email: str, event: ConsentEvent, after: datetime | None = None) -> str:
    """Return the key that makes a repeated event one row, also from another file or another line.

    An event that turns out to count for more (its order was an account's, its wording is known now) is a new one.
    `after` is the consent that an undated event followed.
    """
    is_imported = event.source == Consent.Source.IMPORT
    at = event.reference if event.is_undated else event.at.astimezone(UTC).isoformat()
    parts = [event.kind, event.basis, at, event.source, email if is_imported else event.reference or email]
    if event.source == Consent.Source.CHECKOUT and event.is_proven:
        parts.append("proven")
    if event.is_late:
        parts.append("late")
    if event.wording_origin == Consent.WordingOrigin.UNKNOWN:
        parts.append("unknown wording")
    if event.box:
        parts.append(event.box)
    if after is not None:
        parts.append(after.astimezone(UTC).isoformat())
    return _digest(parts)


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _wording(installation_id: UUID, text: str) -> Wording | None:
    return store_wording(installation_id, text) if text.strip() else None
