"""Erasing a person, for good: what is known of them goes, and a tombstone keeps them out.

What was erased grows with what is learnt later: an account that turns out to have had an erased address is the same
person, in whatever order that is told. What remains of purchases are numbers that are nobody's.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from saleor_stripe_audience.audience import payloads, tombstones
from saleor_stripe_audience.audience.addresses import normalised
from saleor_stripe_audience.audience.audiences import default_audience
from saleor_stripe_audience.audience.models import Contact, Erasure, Purchase
from saleor_stripe_audience.audience.orders import read_account
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor.models import Installation

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
        default_audience(installation)
        return _erase(installation, _traced(installation, start), reason, actor)


def follow_deletion(
    installation: Installation, payload: Mapping[str, Any], reason: str, event: Event | None = None
) -> Erasure | None:
    """Erase whose account was deleted in Saleor. None for an account that never was confirmed.

    Whoever registers under another's address and goes again takes nothing of that other person along.
    """
    account = read_account(payload)
    if account.is_confirmed is False:
        return None
    receipt = erase(installation, account.email, account_id=account.id, reason=reason)
    if event is not None:
        # Other handlers of this event may still need to know which account it was; nobody needs more.
        user = {name: payload.get(name) for name in ("id", "isConfirmed")}
        Event.objects.filter(pk=event.pk).update(payload={"user": user}, handled_at=event.handled_at)
    return receipt


def receipts(installation: Installation, email: str) -> QuerySet[Erasure]:
    """The receipts of everything that was erased of the address, newest first."""
    [digest] = tombstones.digests(installation, [tombstones.address(normalised(email))])
    told = installation.erasures.annotate(told=Cast("digests", TextField()))
    return told.filter(told__contains=digest).order_by("-erased_at")


def readmit(installation: Installation, email: str) -> bool:
    """Let an erased address in again, by the person's own wish; False if it was not erased.

    Nothing comes back: the person begins anew with the next event or subscription.
    """
    with transaction.atomic():
        default_audience(installation)
        return tombstones.lift(installation, [tombstones.address(normalised(email))]) > 0


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
    purchases = Purchase.objects.filter(contact__in=list(found.contacts))
    orders = list(purchases.values_list("saleor_order_id", flat=True))
    erased: Counter[str] = Counter()
    erased["inbox payloads"] = payloads.drop(installation, found.addresses, [*found.accounts, *orders])
    erased["purchases made anonymous"] = purchases.update(contact=None, voucher_code="")
    for contact in found.contacts.values():
        for function in _erasing:
            function(contact)
        _total, per_model = contact.delete()
        erased.update({name.removeprefix("audience."): count for name, count in per_model.items()})
    receipt = Erasure.objects.create(
        installation=installation,
        reason=reason,
        actor=actor[:128],
        contact_ids=sorted(str(pk) for pk in found.contacts),
        digests=tombstones.bury(installation, found.names()),
        erased={name: count for name, count in sorted(erased.items()) if count},
    )
    log.info("person erased", installation=str(installation.pk), receipt=str(receipt.pk), reason=reason)
    return receipt
