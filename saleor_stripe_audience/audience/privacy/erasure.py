"""Erasing a person permanently: their data is deleted, and a tombstone blocks new data.

An erasure extends to what is learned later: an account that turns out to have had an erased address is the same
person, in whatever order the events arrive. Purchases remain as anonymous figures.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent.models import ConfirmationMail
from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.audiences import delete_contact, lock_shop
from saleor_stripe_audience.audience.people.mailboxes import mailbox_digest
from saleor_stripe_audience.audience.people.models import Contact, FormerAddress, FormerContact
from saleor_stripe_audience.audience.people.payloads import read_account
from saleor_stripe_audience.audience.privacy import stored_events, tombstones
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.shops import people
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

EraseCallback = Callable[[Contact], None]
EraseAddresses = Callable[[Installation, Iterable[str]], int]
_callbacks: list[EraseCallback] = []
_address_callbacks: list[EraseAddresses] = []


def on_erase(callback: EraseCallback) -> EraseCallback:
    """Run `callback(contact)` in the transaction that erases the contact, before its row is deleted.

    It must not use the network: it stores or enqueues what has to be erased elsewhere.
    """
    _callbacks.append(callback)
    return callback


def on_erase_addresses(callback: EraseAddresses) -> EraseAddresses:
    """Run `callback(installation, addresses)` in the transaction that erases them, even if no contact has them.

    It returns how many copies outside the contacts it deleted; it must not use the network.
    """
    _address_callbacks.append(callback)
    return callback


@dataclass
class Traces:
    """A person's addresses, accounts and contacts."""

    addresses: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    contacts: dict[object, Contact] = field(default_factory=dict)

    def names(self) -> set[str]:
        """Return the addresses and accounts as `tombstones` names them."""
        return {tombstones.address(each) for each in self.addresses} | {
            tombstones.account(each) for each in self.accounts
        }


def erase(
    installation: Installation,
    email: str,
    *,
    account_id: str = "",
    reason: str = Erasure.Reason.REQUEST,
    actor: str = "",
) -> Erasure:
    """Erase the current or former holder of the address (or account) from all audiences of the shop.

    Erasing an unknown address blocks it as well. Repeating it returns another receipt, with nothing erased. `Rejected`
    for an invalid address.
    """
    start = Traces({normalize_email(email)} if email else set(), {account_id} if account_id else set())
    if not start.names():
        raise Rejected(
            pgettext_lazy("staff", "Give the email address of the person to erase."), code="email_invalid"
        )
    with transaction.atomic():
        lock_shop(installation)
        return _erase(installation, _expand(installation, start), reason, actor)


def traces_of(installation: Installation, email: str) -> Traces:
    """Return what an erasure of the normalized address would erase."""
    return _expand(installation, Traces({email}))


def erase_deleted_account(
    installation: Installation, payload: Mapping[str, Any], reason: str, event: Event | None = None
) -> Erasure | None:
    """Erase the owner of an account that was deleted in Saleor. None for an account that was never confirmed.

    So registering under another person's address and deleting that account does not erase the other person. If the
    host does not say whether the account was confirmed, it was confirmed if a contact here has it.
    """
    account = read_account(payload)
    is_confirmed = account.is_confirmed
    if is_confirmed is None:
        contacts = Contact.objects.filter(audience__installation=installation)
        is_confirmed = contacts.filter(saleor_user_id=account.id).exists()
    if not is_confirmed:
        return None
    receipt = erase(installation, account.email, account_id=account.id, reason=reason)
    if event is not None:
        # Other handlers of this event may still need to know which account it was, but nothing else.
        user = {name: payload.get(name) for name in ("id", "isConfirmed")}
        Event.objects.filter(pk=event.pk).update(payload={"user": user})
    return receipt


def sources_of(contacts: Iterable[Contact]) -> set[str]:
    """Return Saleor's ids of the contacts' orders and checkouts."""
    found: set[str] = set()
    for contact in contacts:
        for order_and_checkout in contact.purchases.values_list("saleor_order_id", "saleor_checkout_id"):
            found |= set(order_and_checkout)
        found |= set(contact.carts.values_list("saleor_checkout_id", flat=True))
    return found - {""}


def names_in_events(installation: Installation, found: Traces) -> stored_events.Names:
    """Return by what the person is found in stored events: also by addresses that others have taken over since."""
    contacts = found.contacts.values()
    former = FormerAddress.objects.filter(contact__in=contacts).values_list("email", flat=True)
    return stored_events.Names(
        installation,
        contacts={contact.pk for contact in contacts},
        addresses=found.addresses.union(former),
        ids=found.accounts | sources_of(contacts),
    )


def receipts(installation: Installation, email: str) -> QuerySet[Erasure]:
    """Return the receipts of all erasures of the address, newest first."""
    return _receipts(
        installation, tombstones.digests(installation, [tombstones.address(normalize_email(email))])
    )


def _receipts(installation: Installation, digests: Iterable[str]) -> QuerySet[Erasure]:
    searchable = installation.erasures.annotate(text=Cast("digests", TextField()))
    matches = Q(pk__in=[])
    for digest in digests:
        matches |= Q(text__contains=digest)
    return searchable.filter(matches).order_by("-erased_at")


def readmit(installation: Installation, email: str) -> bool:
    """Readmit an erased person at their own request; False if the address was not erased.

    The accounts and addresses that were erased with it are readmitted too: they belong to the same person, and would
    erase the address again. No data is restored: the person starts over with the next event or subscription.
    """
    address = tombstones.address(normalize_email(email))
    with transaction.atomic():
        lock_shop(installation)
        if not tombstones.known(installation, [address]):
            return False
        tombstones.lift(installation, _erased_with(installation, address))
        return True


def erased_at(installation: Installation, email: str) -> datetime | None:
    """Return when the normalized address was erased; None if it was not, or is readmitted."""
    return tombstones.erased_at(installation, tombstones.address(email))


def last_erased_at(installation: Installation, contact: Contact) -> datetime | None:
    """Return when the contact's address or account was last erased; None if neither ever was.

    The person is readmitted, so starts over: what they agreed to before that does not count any more.
    """
    names = [tombstones.address(contact.email)]
    if contact.saleor_user_id:
        names.append(tombstones.account(contact.saleor_user_id))
    return max(tombstones.last_erased(installation, names).values(), default=None)


def adopt_former_links(contact: Contact) -> None:
    """Make links in emails from before an erasure lead to the new contact: it is the same mailbox.

    Those that were renewed before it remain invalid.
    """
    installation = contact.audience.installation
    address = tombstones.address(contact.email)
    if not tombstones.known(installation, [address], with_lifted=True):
        return
    receipts = list(_receipts(installation, tombstones.digests(installation, [address])))
    former = {uuid.UUID(pk) for receipt in receipts for pk in receipt.contact_ids}
    generation = max((receipt.link_generation for receipt in receipts), default=0)
    if generation > contact.link_generation:
        contact.link_generation = generation
        contact.save(update_fields=["link_generation"])
    FormerContact.objects.bulk_create(
        [FormerContact(pk=pk, contact=contact) for pk in sorted(former)], ignore_conflicts=True
    )


def _erased_with(installation: Installation, address: str) -> set[str]:
    """Return the digests of all that was erased together with the address."""
    digests = set(tombstones.digests(installation, [address]))
    while True:
        found = {each for receipt in _receipts(installation, digests) for each in receipt.digests}
        if found <= digests:
            return digests
        digests |= found


def is_erased(installation: Installation, email: str) -> bool:
    """Whether the normalized address is erased: imports must skip it."""
    return bool(tombstones.known(installation, [tombstones.address(email)]))


def concerns_erased(
    installation: Installation, email: str, account_id: str | None, said_at: datetime
) -> bool:
    """Whether an event of `said_at` concerns an erased person; what it reveals of that person is erased too."""
    start = Traces({email}, {account_id} if account_id else set())
    erased = tombstones.known(installation, start.names())
    if not erased:
        return False
    if tombstones.address(email) not in erased and _is_reassigned(installation, email, account_id, said_at):
        return True
    if tombstones.account(account_id or "") not in erased and _gave_up(
        installation, email, account_id, said_at
    ):
        return False
    if erased != start.names():
        _erase(installation, _expand(installation, start), Erasure.Reason.FOUND_LATER, "")
    return True


def _is_reassigned(installation: Installation, email: str, account_id: str | None, said_at: datetime) -> bool:
    """Whether the address of the erased account has belonged to another account since then."""
    moment = said_at.isoformat(timespec="microseconds")
    holders = Contact.objects.filter(audience__installation=installation, email=email)
    others = holders.exclude(saleor_user_id=None).exclude(saleor_user_id=account_id)
    return any(holder.known_at.get("email", "") > moment for holder in others)


def _gave_up(installation: Installation, email: str, account_id: str | None, said_at: datetime) -> bool:
    """Whether the account had given up the erased address, as of a later event than this one.

    Then the erased person is another account, who took it over: otherwise both would have been erased together.
    """
    if account_id is None:
        return False
    moment = said_at.isoformat(timespec="microseconds")
    former = Contact.objects.filter(audience__installation=installation, former_addresses__email=email)
    return any(
        holder.known_at.get("email", "") > moment for holder in former.filter(saleor_user_id=account_id)
    )


def _expand(installation: Installation, found: Traces) -> Traces:
    """Follow addresses and accounts until nothing new is found.

    Once an account is known, another account that only had one of the addresses before is another person.
    """
    contacts = Contact.objects.filter(audience__installation=installation)
    while True:
        size = len(found.names())
        current = Q(email__in=found.addresses) | Q(saleor_user_id__in=found.accounts)
        former = Q(former_addresses__email__in=_unassigned(installation, found.addresses))
        if found.accounts:
            former &= Q(saleor_user_id=None) | Q(saleor_user_id__in=found.accounts)
        for contact in contacts.filter(current | former).distinct():
            found.contacts[contact.pk] = contact
            found.addresses.add(contact.email)
            found.addresses |= _unassigned(
                installation, set(contact.former_addresses.values_list("email", flat=True))
            )
            if contact.saleor_user_id:
                found.accounts.add(contact.saleor_user_id)
        if len(found.names()) == size:
            return found


def _unassigned(installation: Installation, addresses: set[str]) -> set[str]:
    """Return the addresses that no account has now: a former address may belong to somebody else's account.

    A guest who has one, in another audience, is the same person.
    """
    held = Contact.objects.filter(audience__installation=installation, email__in=addresses)
    return addresses - set(held.exclude(saleor_user_id=None).values_list("email", flat=True))


def _erase(installation: Installation, found: Traces, reason: str, actor: str) -> Erasure:
    contacts = list(found.contacts.values())
    erased: Counter[str] = Counter(people.erase(installation, sources_of(contacts)))
    erased["inbox payloads"] = stored_events.clear(names_in_events(installation, found))
    for forget in _address_callbacks:
        erased["files to import"] += forget(installation, found.addresses)
    for contact in contacts:
        erased["purchases made anonymous"] += contact.purchases.update(
            contact=None, voucher_code="", saleor_user_id=""
        )
    mailboxes = [mailbox_digest(installation, address) for address in sorted(found.addresses)]
    ConfirmationMail.objects.filter(mailbox__in=mailboxes, contact=None).delete()
    for contact in contacts:
        for callback in _callbacks:
            callback(contact)
        deleted = delete_contact(contact)
        erased.update({name.removeprefix("audience."): count for name, count in deleted.items()})
    receipt = Erasure.objects.create(
        installation=installation,
        reason=reason,
        actor=actor[:128],
        contact_ids=sorted(str(pk) for pk in found.contacts),
        link_generation=max((each.link_generation for each in contacts), default=0),
        digests=tombstones.create(installation, found.names(), renew=reason != Erasure.Reason.FOUND_LATER),
        erased={name: count for name, count in sorted(erased.items()) if count},
    )
    log.info("person erased", installation=str(installation.pk), receipt=str(receipt.pk), reason=reason)
    return receipt
