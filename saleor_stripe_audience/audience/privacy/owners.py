"""Whose a stored event is: several people may have had the address in it, one after the other."""

import json
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.models import Contact, FormerAddress
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation

_SOURCE = re.compile(
    r'"((?:T3JkZXI6|Q2hlY2tvdXQ6)[A-Za-z0-9+/]+=*)"'
)  # Saleor's id of an Order or a Checkout


@dataclass(frozen=True, slots=True)
class Owner:
    """The contacts that an event is about, and the addresses that the event itself shows to be theirs.

    There is one contact per audience; none if the event is about nobody known.
    """

    contacts: set[UUID] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)


class Holders:
    """Which of a shop's contacts had each of some addresses, and until when."""

    def __init__(self, installation: Installation, addresses: Collection[str]) -> None:
        contacts = Contact.objects.filter(audience__installation=installation, email__in=addresses)
        former = FormerAddress.objects.filter(audience__installation=installation, email__in=addresses)
        self._current = list(contacts.values_list("email", "pk"))
        self._former = list(former.order_by("held_at").values_list("email", "contact_id", "held_at"))

    def at(self, address: str, moment: datetime) -> set[UUID]:
        """Return who had the address then: a former holder until Saleor last said so, and then the next one."""
        for email, contact_id, held_at in self._former:
            if email == address and moment <= held_at:
                return {contact_id}
        return {contact_id for email, contact_id in self._current if email == address}

    def ever(self, address: str) -> set[UUID]:
        """Return who has or had the address."""
        former = {contact_id for email, contact_id, _ in self._former if email == address}
        return former | {contact_id for email, contact_id in self._current if email == address}


def owners_of(installation: Installation, payloads: Sequence[Any]) -> list[Owner]:
    """Return for each payload whose order or cart it is about, or else whose account."""
    sources = [set(_SOURCE.findall(json.dumps(payload))) for payload in payloads]
    accounts = [_accounts_in(payload) for payload in payloads]
    by_source = _contacts_by_source(installation, set[str]().union(*sources))
    by_account = _contacts_by_account(installation, {pk for each in accounts for pk in each})
    found = []
    for mentioned, named in zip(sources, accounts, strict=True):
        holders = {pk: by_account.get(pk, set()) for pk in named}
        contacts = set[UUID]().union(*(by_source.get(each, set()) for each in mentioned))
        contacts = contacts or set[UUID]().union(*holders.values())
        addresses = {named[pk] for pk, who in holders.items() if who & contacts}
        found.append(Owner(contacts, addresses))
    return found


def _accounts_in(payload: Any) -> dict[str, str]:
    """Return the accounts that the payload, its order and its checkout belong to, each with its address."""
    found = {}
    whole = payload if isinstance(payload, dict) else {}
    for part in (whole, whole.get("order"), whole.get("checkout")):
        user = part.get("user") if isinstance(part, dict) else None
        if isinstance(user, dict):
            found[str(user.get("id"))] = ""
            with suppress(Rejected):
                found[str(user.get("id"))] = normalize_email(str(user.get("email") or ""))
    return found


def _contacts_by_source(installation: Installation, sources: set[str]) -> dict[str, set[UUID]]:
    found: dict[str, set[UUID]] = {}
    for path in ("purchases__saleor_order_id", "purchases__saleor_checkout_id", "carts__saleor_checkout_id"):
        rows, _, _ = path.partition("__")
        bought = Contact.objects.filter(**{f"{rows}__installation": installation, f"{path}__in": sources})
        for source, contact_id in bought.values_list(path, "pk"):
            found.setdefault(source, set()).add(contact_id)
    return found


def _contacts_by_account(installation: Installation, accounts: set[str]) -> dict[str, set[UUID]]:
    found: dict[str, set[UUID]] = {}
    contacts = Contact.objects.filter(audience__installation=installation, saleor_user_id__in=accounts)
    for account_id, contact_id in contacts.values_list("saleor_user_id", "pk"):
        found.setdefault(str(account_id), set()).add(contact_id)
    return found
