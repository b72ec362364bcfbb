"""Whose contact somebody is: found by account first, then by address; two found to be one person become one.

Every function here runs inside a transaction that holds the lock of `default_audience`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, Min, Sum

from saleor_stripe_audience.audience.addresses import normalised
from saleor_stripe_audience.audience.models import Audience, Contact, ContactSpent, FormerAddress
from saleor_stripe_audience.audience.orders import language_tag, read_account
from saleor_stripe_audience.saleor.models import Installation

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
PROFILE = ("first_name", "last_name", "phone", "country", "language")

# When two contacts turn out to be one person, the first of these that either has is kept: a refusal outlives
# a subscription, and a subscription is not lost to an address that never chose.
_STATUS_KEPT = (
    Contact.Status.UNSUBSCRIBED,
    Contact.Status.ARCHIVED,
    Contact.Status.CLEANED,
    Contact.Status.SUBSCRIBED,
    Contact.Status.PENDING,
    Contact.Status.NONSUBSCRIBED,
)


@dataclass(frozen=True, slots=True)
class Person:
    """What Saleor said of somebody at `said_at`: the normalised address, the account if any, the rest."""

    email: str
    account_id: str | None
    profile: Mapping[str, str]
    said_at: datetime


def record_customer(installation: Installation, payload: Mapping[str, Any], issued_at: datetime) -> Contact:
    """Keep what CUSTOMER_CREATED or CUSTOMER_UPDATED says of an account; `Rejected` without a usable address.

    A change of address keeps the person, with everything bought before.
    """
    account = read_account(payload)
    profile = {
        "first_name": account.first_name,
        "last_name": account.last_name,
        "language": language_tag(account.language_code),
    }
    person = Person(normalised(account.email), account.id, profile, issued_at)
    with transaction.atomic():
        return contact_of(default_audience(installation), person)


def default_audience(installation: Installation) -> Audience:
    """The shop's own audience, made on demand and locked until the transaction ends.

    One lock for all writes of an audience: contacts may merge, and two locks taken in two orders would wait
    for each other for ever.
    """
    audience, _ = Audience.objects.get_or_create(
        installation=installation, is_default=True, defaults={"name": installation.domain or "Customers"}
    )
    return Audience.objects.select_for_update().get(pk=audience.pk)


def contact_of(audience: Audience, person: Person) -> Contact:
    """The person's contact, found or made, with what was said of the person taken over."""
    found = _contact_of_account(audience, person) if person.account_id else _holder_of(audience, person.email)
    contact = found or Contact.objects.create(audience=audience, email=person.email)
    if person.account_id:
        _link(contact, person)
    _take_over_profile(contact, person)
    contact.save()
    return contact


def refresh_totals(contact: Contact) -> None:
    """Count orders and spending again from the purchases; currencies are never added together."""
    paid = contact.purchases.paid()
    dates = paid.aggregate(first=Min("placed_at"), last=Max("placed_at"))
    contact.orders_count = paid.count()
    contact.first_order_at, contact.last_order_at = dates["first"], dates["last"]
    contact.save(update_fields=["orders_count", "first_order_at", "last_order_at", "updated_at"])
    ContactSpent.objects.filter(contact=contact).delete()
    ContactSpent.objects.bulk_create(_spent(contact))


def _spent(contact: Contact) -> list[ContactSpent]:
    sums = (
        contact.purchases.paid()
        .order_by()
        .values("currency")
        .annotate(charged=Sum("charged_minor"), refunded=Sum("refunded_minor"))
    )
    return [
        ContactSpent(
            contact=contact,
            currency=row["currency"],
            spent_minor=row["charged"] - row["refunded"],
            refunded_minor=row["refunded"],
        )
        for row in sums
    ]


def _holder_of(audience: Audience, email: str) -> Contact | None:
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


def _move_to(contact: Contact, email: str) -> None:
    """Give the contact its new address; a guest or an older account that has it is the same person."""
    holder = contact.audience.contacts.filter(email=email).exclude(pk=contact.pk).first()
    if holder is not None:
        _merge(holder, contact)
    FormerAddress.objects.filter(audience=contact.audience, email=email).delete()
    # A contact without a moment had no account until now: nobody can have claimed its address since.
    held_at = contact.known_at.get("email")
    _keep_former(contact, contact.email, datetime.fromisoformat(held_at) if held_at else _LONG_AGO)
    contact.email = email


def _remember_former(contact: Contact, email: str, held_at: datetime) -> None:
    """A late message tells of an address from before: what guests bought under it is this person's."""
    holder = _holder_of(contact.audience, email)
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
    """Move all of `absorbed` to `kept` and delete it; `kept` is saved by the caller."""
    absorbed.purchases.update(contact=kept)
    absorbed.former_addresses.update(contact=kept)
    kept.status = next(status for status in _STATUS_KEPT if status in (absorbed.status, kept.status))
    for field in PROFILE:
        _take_over(kept, field, getattr(absorbed, field), absorbed.known_at.get(field, ""))
    absorbed.delete()
    refresh_totals(kept)


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
