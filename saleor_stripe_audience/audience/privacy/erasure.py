"""Erasing a person, for good: what is known of them goes, and a tombstone keeps them out.

What was erased grows with what is learnt later: an account that turns out to have had an erased address is the same
person, in whatever order that is told. What remains of purchases are numbers that are nobody's.
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

from saleor_stripe_audience.audience.consent.models import ConfirmationMail
from saleor_stripe_audience.audience.people.addresses import normalised
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.mailboxes import mailbox_digest
from saleor_stripe_audience.audience.people.models import Contact, FormerContact
from saleor_stripe_audience.audience.people.payloads import read_account
from saleor_stripe_audience.audience.privacy import stored_events, tombstones
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

Erasing = Callable[[Contact], None]
_erasing: list[Erasing] = []


def on_erase(function: Erasing) -> Erasing:
    """Run `function(contact)` in the transaction that erases the contact, before its row goes.

    It must not call the network: what is to be erased elsewhere it writes down, or enqueues.
    """
    _erasing.append(function)
    return function


@dataclass
class _Traces:
    """Under which addresses and accounts a person is known, and as which contacts."""

    addresses: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    contacts: dict[object, Contact] = field(default_factory=dict)

    def names(self) -> set[str]:
        """As tombstones name them."""
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
    """Erase whoever has or had the address (or the account) from all audiences of the shop.

    Erasing somebody who is not known keeps them out all the same. `Rejected` if the address is none. Doing it again
    gives another receipt that says that nothing was left.
    """
    start = _Traces({normalised(email)} if email else set(), {account_id} if account_id else set())
    if not start.names():
        raise Rejected("Say whom to erase: an e-mail address.", code="email_invalid")
    with transaction.atomic():
        lock_shop(installation)
        return _erase(installation, _traced(installation, start), reason, actor)


def follow_deletion(
    installation: Installation, payload: Mapping[str, Any], reason: str, event: Event | None = None
) -> Erasure | None:
    """Erase whose account was deleted in Saleor. None for an account that never was confirmed.

    Whoever registers under another's address and goes again takes nothing of that other person along. Where the
    host does not say whether it was confirmed, an account that is known here was.
    """
    account = read_account(payload)
    if not (account.is_confirmed or (account.is_confirmed is None and _is_known(installation, account.id))):
        return None
    receipt = erase(installation, account.email, account_id=account.id, reason=reason)
    if event is not None:
        # Other handlers of this event may still need to know which account it was; nobody needs more.
        user = {name: payload.get(name) for name in ("id", "isConfirmed")}
        Event.objects.filter(pk=event.pk).update(payload={"user": user}, handled_at=event.handled_at)
    return receipt


def _is_known(installation: Installation, account_id: str) -> bool:
    return Contact.objects.filter(audience__installation=installation, saleor_user_id=account_id).exists()


def receipts(installation: Installation, email: str) -> QuerySet[Erasure]:
    """The receipts of everything that was erased of the address, newest first."""
    return _receipts(installation, tombstones.digests(installation, [tombstones.address(normalised(email))]))


def _receipts(installation: Installation, digests: Iterable[str]) -> QuerySet[Erasure]:
    told = installation.erasures.annotate(told=Cast("digests", TextField()))
    named = Q(pk__in=[])
    for digest in digests:
        named |= Q(told__contains=digest)
    return told.filter(named).order_by("-erased_at")


def readmit(installation: Installation, email: str) -> bool:
    """Let an erased person in again, by their own wish; False if the address was not erased.

    The accounts and addresses that were erased with it are let in, too: they are the same person's, and would erase
    the address anew. Nothing comes back: the person begins anew with the next event or subscription.
    """
    address = tombstones.address(normalised(email))
    with transaction.atomic():
        lock_shop(installation)
        if not tombstones.known(installation, [address]):
            return False
        tombstones.lift(installation, _erased_with(installation, address))
        return True


def erased_at(installation: Installation, email: str) -> datetime | None:
    """When the normalised address was erased; None if it was not, or is let in again."""
    return tombstones.erased_at(installation, tombstones.address(email))


def was_erased(installation: Installation, email: str) -> bool:
    """Whether the normalised address was erased at some time, also if it is let in again since."""
    return bool(tombstones.known(installation, [tombstones.address(email)], with_lifted=True))


def adopt_former_links(contact: Contact) -> None:
    """Links in mails from before an erasure are the new contact's: it is the same mailbox."""
    installation = contact.audience.installation
    address = tombstones.address(contact.email)
    if not tombstones.known(installation, [address], with_lifted=True):
        return
    former = {
        uuid.UUID(pk)
        for receipt in _receipts(installation, tombstones.digests(installation, [address]))
        for pk in receipt.contact_ids
    }
    FormerContact.objects.bulk_create(
        [FormerContact(pk=pk, contact=contact) for pk in sorted(former)], ignore_conflicts=True
    )


def _erased_with(installation: Installation, address: str) -> set[str]:
    """The digests of everything that was erased of the person who had the address."""
    digests = set(tombstones.digests(installation, [address]))
    while True:
        found = {each for receipt in _receipts(installation, digests) for each in receipt.digests}
        if found <= digests:
            return digests
        digests |= found


def is_erased(installation: Installation, email: str) -> bool:
    """Whether the normalised address was erased: imports must leave it out."""
    return bool(tombstones.known(installation, [tombstones.address(email)]))


def concerns_erased(
    installation: Installation, email: str, account_id: str | None, said_at: datetime
) -> bool:
    """Whether what was said at `said_at` is of an erased person; what it tells of that person is erased, too."""
    start = _Traces({email}, {account_id} if account_id else set())
    erased = tombstones.known(installation, start.names())
    if not erased:
        return False
    if tombstones.address(email) not in erased and _has_moved_on(installation, email, account_id, said_at):
        return True
    if erased != start.names():
        _erase(installation, _traced(installation, start), Erasure.Reason.FOUND_LATER, "")
    return True


def _has_moved_on(installation: Installation, email: str, account_id: str | None, said_at: datetime) -> bool:
    """Whether the address, once the erased account's, is another account's since."""
    moment = said_at.isoformat(timespec="microseconds")
    holders = Contact.objects.filter(audience__installation=installation, email=email)
    others = holders.exclude(saleor_user_id=None).exclude(saleor_user_id=account_id)
    return any(holder.known_at.get("email", "") > moment for holder in others)


def _traced(installation: Installation, found: _Traces) -> _Traces:
    """Follow addresses and accounts until nothing new is found."""
    contacts = Contact.objects.filter(audience__installation=installation)
    while True:
        size = len(found.names())
        at = Q(email__in=found.addresses) | Q(saleor_user_id__in=found.accounts)
        formerly = Q(former_addresses__email__in=_held_by_nobody(installation, found.addresses))
        for contact in contacts.filter(at | formerly).distinct():
            found.contacts[contact.pk] = contact
            found.addresses.add(contact.email)
            found.addresses |= _held_by_nobody(
                installation, set(contact.former_addresses.values_list("email", flat=True))
            )
            if contact.saleor_user_id:
                found.accounts.add(contact.saleor_user_id)
        if len(found.names()) == size:
            return found


def _held_by_nobody(installation: Installation, addresses: set[str]) -> set[str]:
    """Those that are nobody's present address: a former one may have passed on to somebody else."""
    held = Contact.objects.filter(audience__installation=installation, email__in=addresses)
    return addresses - set(held.values_list("email", flat=True))


def _erase(installation: Installation, found: _Traces, reason: str, actor: str) -> Erasure:
    contacts = list(found.contacts.values())
    orders = [
        order for each in contacts for order in each.purchases.values_list("saleor_order_id", flat=True)
    ]
    erased: Counter[str] = Counter()
    erased["inbox payloads"] = stored_events.drop(installation, found.addresses, [*found.accounts, *orders])
    for contact in contacts:
        erased["purchases made anonymous"] += contact.purchases.update(contact=None, voucher_code="")
    mailboxes = [mailbox_digest(installation, address) for address in sorted(found.addresses)]
    ConfirmationMail.objects.filter(mailbox__in=mailboxes, contact=None).delete()
    for contact in contacts:
        for function in _erasing:
            function(contact)
        _total, per_model = contact.delete()
        erased.update({name.removeprefix("audience."): count for name, count in per_model.items()})
    receipt = Erasure.objects.create(
        installation=installation,
        reason=reason,
        actor=actor[:128],
        contact_ids=sorted(str(pk) for pk in found.contacts),
        digests=tombstones.bury(installation, found.names(), anew=reason != Erasure.Reason.FOUND_LATER),
        erased={name: count for name, count in sorted(erased.items()) if count},
    )
    log.info("person erased", installation=str(installation.pk), receipt=str(receipt.pk), reason=reason)
    return receipt
