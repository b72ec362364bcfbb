"""Whose contact somebody is: found by account first, then by address; two found to be one person become one.

Every function here runs inside a transaction that holds the lock of `default_audience`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Min, Q, Sum
from django.utils import timezone

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people import attributes
from saleor_stripe_audience.audience.people.addresses import normalised
from saleor_stripe_audience.audience.people.audiences import default_audience, lock_shop
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import (
    Audience,
    Contact,
    ContactSpent,
    ContactTag,
    FormerAddress,
    FormerContact,
)
from saleor_stripe_audience.audience.people.payloads import Account, language_tag, read_account
from saleor_stripe_audience.audience.people.status import Deliverability, Lifecycle
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
PROFILE = ("first_name", "last_name", "phone", "city", "country", "language")

Merge = Callable[[Contact, Contact], None]
_merging: list[Merge] = []


def on_merge(function: Merge) -> Merge:
    """Run `function(absorbed, kept)` where two contacts become one: it moves its own rows to the one kept."""
    _merging.append(function)
    return function


@dataclass(frozen=True, slots=True)
class Person:
    """What Saleor said of somebody at `said_at`: the normalised address, the account if any, the rest.

    `proven` is False of an account that has not shown that the address is its own.
    """

    email: str
    account_id: str | None
    profile: Mapping[str, str]
    said_at: datetime
    proven: bool = True


def record_customer(
    installation: Installation, payload: Mapping[str, Any], issued_at: datetime
) -> Contact | None:
    """Keep what Saleor says of an account; `Rejected` without a usable address, None of one that was erased.

    A change of address keeps the person, with everything bought before, in every audience that knows the person.
    An account that is not confirmed makes no contact: anybody can register under any address.
    """
    account = read_account(payload)
    person = person_of(account, issued_at)
    with transaction.atomic():
        default = default_audience(installation)
        kept = contact_of(default, person)
        if person.proven:
            others = [contact_of(audience, person) for audience in _others_that_know(default, person)]
            for contact in (kept, *others):
                if contact is not None:
                    # A document without metadata says nothing of it; one that has it tells all of it.
                    is_whole = payload.get("metadata") is not None
                    attributes.keep(contact, account.metadata, issued_at, is_whole=is_whole)
        return kept


def person_of(account: Account, said_at: datetime) -> Person:
    """What an account says of its owner; `Rejected` without a usable address."""
    profile = {
        "first_name": account.first_name,
        "last_name": account.last_name,
        "language": language_tag(account.language_code),
    }
    return Person(
        normalised(account.email), account.id, profile, said_at, proven=account.is_confirmed is True
    )


def _others_that_know(default: Audience, person: Person) -> Iterable[Audience]:
    others = Audience.objects.filter(installation_id=default.installation_id).exclude(pk=default.pk)
    of_account = Q(contacts__saleor_user_id=person.account_id)
    at_address = Q(contacts__email=person.email) | Q(former_addresses__email=person.email)
    return others.filter(of_account | at_address).distinct()


def contact_of(audience: Audience, person: Person) -> Contact | None:
    """The person's contact, found or made, with what was said of the person taken over; None once erased.

    None also of an account that is not confirmed, under an address that nobody here has.
    """
    account_id = person.account_id if person.proven else None
    if erasure.concerns_erased(audience.installation, person.email, account_id, person.said_at):
        return None
    if person.account_id and not person.proven:
        # Whoever registers under an address may not be its owner: nothing of the contact there is touched.
        return holder_of(audience, person.email)
    found = _contact_of_account(audience, person) if account_id else holder_of(audience, person.email)
    contact = found or _newcomer(audience, person.email)
    if account_id:
        is_known_here = contact.saleor_user_id == account_id
        _link(contact, person)
        if not is_known_here:
            _learn_from_other_audiences(contact, account_id)
    _take_over_profile(contact, person)
    contact.save()
    mark_changed(contact)
    ledger.carry_refusals(contact)
    return contact


def _newcomer(audience: Audience, email: str) -> Contact:
    contact = audience.contacts.create(email=email)
    erasure.adopt_former_links(contact)
    mark_changed(contact)
    return contact


def delete_if_unknown(contact: Contact | None) -> None:
    """Let go of a contact of whom only carts and orders told that are gone or anonymous since."""
    if contact is None or contact.saleor_user_id is not None:
        return
    if contact.contact_tags.exclude(origin=ContactTag.Origin.RULE).exists():
        return
    if not any(rows.exists() for rows in (contact.purchases, contact.consents, contact.carts)):
        contact.delete()


def refresh_totals(contact: Contact | None) -> None:
    """Count orders and spending again from the purchases; currencies are never added together."""
    if contact is None:
        return
    paid = contact.purchases.paid()
    dates = paid.aggregate(first=Min("placed_at"), last=Max("placed_at"))
    contact.orders_count = paid.count()
    contact.first_order_at, contact.last_order_at = dates["first"], dates["last"]
    contact.save(update_fields=["orders_count", "first_order_at", "last_order_at", "updated_at"])
    ContactSpent.objects.filter(contact=contact).delete()
    ContactSpent.objects.bulk_create(_spent(contact))
    mark_changed(contact)


def _spent(contact: Contact) -> list[ContactSpent]:
    sums = (
        contact.purchases.paid()
        .order_by()
        .values("currency")
        .annotate(charged=Sum("charged_minor"), refunded=Sum("refunded_minor"), orders=Count("pk"))
    )
    return [
        ContactSpent(
            contact=contact,
            currency=row["currency"],
            spent_minor=row["charged"] - row["refunded"],
            refunded_minor=row["refunded"],
            orders_count=row["orders"],
        )
        for row in sums
    ]


def holder_of(audience: Audience, email: str) -> Contact | None:
    """Whose address it is now; failing that, whose it was."""
    return (
        audience.contacts.filter(email=email).first()
        or audience.contacts.filter(former_addresses__email=email).first()
    )


def _contact_of_account(audience: Audience, person: Person) -> Contact | None:
    known = audience.contacts.filter(saleor_user_id=person.account_id).first()
    if known is not None:
        return known
    at_address = audience.contacts.filter(email=person.email).first()
    if at_address is not None:
        return at_address
    # An account that was deleted and made anew under its address is the same person; one that takes over an
    # address which its holder gave up before is not.
    return audience.contacts.filter(
        former_addresses__email=person.email, former_addresses__held_at__gte=person.said_at
    ).first()


def _link(contact: Contact, person: Person) -> None:
    """Account and address of the contact, as the newest saying has them."""
    moment = _moment(person.said_at)
    is_newest = moment >= contact.known_at.get("email", "")
    if contact.email != person.email:
        if is_newest:
            _move_to(contact, person.email)
        else:
            _remember_former(contact, person.email, person.said_at)
    if is_newest:
        contact.saleor_user_id = person.account_id
        contact.known_at["email"] = moment


def _learn_from_other_audiences(contact: Contact, account_id: str) -> None:
    """The account's addresses as they are known elsewhere in the shop: an order may be told after a change of them."""
    twins = Contact.objects.filter(
        audience__installation_id=contact.audience.installation_id, saleor_user_id=account_id
    ).exclude(audience=contact.audience_id)
    for twin in twins:
        for former in twin.former_addresses.all():
            if former.email != contact.email:
                _remember_former(contact, former.email, former.held_at)
        said_at = datetime.fromisoformat(twin.known_at["email"])
        _link(contact, Person(twin.email, account_id, {}, said_at))


def merge(kept: Contact, absorbed: Contact) -> Contact:
    """Two contacts are one person, as somebody found who knows them; returns the one that goes on.

    The one with an account goes on, for the account tells of itself again. `Rejected` where that cannot be.
    """
    with transaction.atomic():
        lock_shop(kept.audience.installation)
        going_on, going = (Contact.objects.get(pk=each.pk) for each in (kept, absorbed))
        if going_on == going or going_on.audience_id != going.audience_id:
            raise Rejected("Choose two different contacts of one audience.", code="merge")
        if going_on.saleor_user_id and going.saleor_user_id:
            raise Rejected(
                "Both contacts have an account in Saleor, and each account tells of itself again. Delete one of the "
                "accounts in Saleor's Dashboard first.",
                code="merge_two_accounts",
            )
        if going.saleor_user_id:
            going_on, going = going, going_on
        email = going.email
        _merge(going, going_on)
        _keep_former(going_on, email, timezone.now())
        going_on.save()
        ledger.carry_refusals(going_on)
        return going_on


def _move_to(contact: Contact, email: str) -> None:
    """Give the contact its new address; a guest or an older account that has it is the same person."""
    holder = contact.audience.contacts.filter(email=email).exclude(pk=contact.pk).first()
    if contact.deliverability == Deliverability.BOUNCED:
        contact.deliverability = Deliverability.OK  # it was the old address that bounced
    if holder is not None:
        if holder.deliverability == Deliverability.BOUNCED:
            contact.deliverability = Deliverability.BOUNCED
        _merge(holder, contact)
    FormerAddress.objects.filter(audience=contact.audience, email=email).delete()
    # A contact without a moment had no account until now: nobody can have claimed its address since.
    held_at = contact.known_at.get("email")
    _keep_former(contact, contact.email, datetime.fromisoformat(held_at) if held_at else _LONG_AGO)
    contact.email = email


def _remember_former(contact: Contact, email: str, held_at: datetime) -> None:
    """A late message tells of an address from before: what guests bought under it is this person's."""
    holder = holder_of(contact.audience, email)
    if holder is None or holder == contact:
        _keep_former(contact, email, held_at)
    elif holder.email == email and holder.known_at.get("email", "") < _moment(held_at):
        _merge(holder, contact)
        _keep_former(contact, email, held_at)


def _keep_former(contact: Contact, email: str, held_at: datetime) -> None:
    known = FormerAddress.objects.filter(audience=contact.audience, email=email).first()
    latest = max(held_at, known.held_at) if known else held_at
    FormerAddress.objects.update_or_create(
        audience=contact.audience, email=email, defaults={"contact": contact, "held_at": latest}
    )


def _merge(absorbed: Contact, kept: Contact) -> None:
    """Move all of `absorbed` to `kept` and delete it; `kept` is saved by the caller.

    What both said of marketing is one person's ledger now: the latest word counts.
    """
    absorbed.purchases.update(contact=kept)
    absorbed.former_addresses.update(contact=kept)
    absorbed.former_contacts.update(contact=kept)
    Consent.objects.follow(absorbed, kept)
    attributes.move(absorbed, kept)
    for function in _merging:
        function(absorbed, kept)
    for field in PROFILE:
        _take_over(kept, field, getattr(absorbed, field), absorbed.known_at.get(field, ""))
    if Deliverability.COMPLAINED in (absorbed.deliverability, kept.deliverability):
        kept.deliverability = Deliverability.COMPLAINED
    if absorbed.lifecycle == Lifecycle.ACTIVE:
        kept.lifecycle = Lifecycle.ACTIVE
    FormerContact.objects.create(pk=absorbed.pk, contact=kept)
    absorbed.delete()
    refresh_totals(kept)
    ledger.refresh(kept)


def _take_over_profile(contact: Contact, person: Person) -> None:
    for field in PROFILE:
        _take_over(contact, field, person.profile.get(field, ""), _moment(person.said_at))


def _take_over(contact: Contact, field: str, value: str, moment: str) -> None:
    """Keep the newest value that says something; of two said at one moment the same one in any order."""
    if value and (moment, value) >= (contact.known_at.get(field, ""), getattr(contact, field)):
        setattr(contact, field, value)
        contact.known_at[field] = moment


def _moment(moment: datetime) -> str:
    """A form in which text sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
