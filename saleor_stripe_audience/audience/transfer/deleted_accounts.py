"""Accounts whose deletion in Saleor went unnoticed: their owners are erased, as the event would have done.

Nothing is delivered while the app is deactivated, and before 3.23 Saleor sends nothing usable when staff delete a
customer. So contacts' accounts are looked up in Saleor: at night, because a short interruption is not always noticed,
and when a shop accepts the app again.

Saleor lists customers only, and staff without orders are not customers. So an account that is missing from the list was
deleted only if Saleor still has orders that were assigned to it, and none of them has an account any more. Orders that
its owner placed as a guest prove nothing: they never had one.
"""

import uuid
from collections.abc import Iterator
from itertools import batched
from zlib import crc32

import structlog
from django.tasks import task
from django.utils import timezone

from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy.erasure import erase
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.saleor import listing
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.shops.removal import on_return
from saleor_stripe_audience.task_engine import AFTER_EVENTS, enqueue_once

log = structlog.get_logger(__name__)

MOST_AT_NIGHT = 10_000  # accounts that are looked up every night; with more, each in one of these nights
NIGHTS = 7
READ_AT_ONCE = 1000
MOST_ORDERS = 20  # the newest ones are enough to show whether the account exists


@task
def erase_deleted_accounts() -> int:
    """Every night: look up each shop's accounts, or a seventh of very many; returns how many were erased."""
    tonight = timezone.now().toordinal() % NIGHTS
    erased = 0
    for installation in Installation.objects.filter(is_active=True):
        with apart("looking for deleted accounts", installation=str(installation.pk)):
            accounts = Contact.objects.filter(audience__installation=installation, saleor_user_id__gt="")
            has_many = accounts[MOST_AT_NIGHT : MOST_AT_NIGHT + 1].exists()
            erased += erase_deleted(installation, tonight if has_many else None)
    return erased


@task
def erase_deleted_accounts_of(installation_id: str) -> int:
    """Look up all accounts of one shop, which has accepted the app again."""
    installation = Installation.objects.filter(pk=uuid.UUID(installation_id), is_active=True).first()
    return erase_deleted(installation) if installation is not None else 0


@on_return
def _catch_up(installation: Installation) -> None:
    """A reinstall, for example, is announced twice."""
    shop = str(installation.pk)
    enqueue_once(erase_deleted_accounts_of, f"deleted accounts {shop}", shop, priority=AFTER_EVENTS)


def erase_deleted(installation: Installation, night: int | None = None) -> int:
    """Erase the owners of accounts that were deleted in Saleor; returns how many accounts.

    With `night`, 0 to 6, only the accounts whose turn it is are looked up; none, if the app has no access to customers.
    `Rejected` or `Unavailable` if the shop cannot be queried; what was erased until then stays erased.
    """
    accounts = Contact.objects.filter(audience__installation=installation, saleor_user_id__gt="")
    if not accounts.exists():
        return 0
    if not listing.may_list(installation, "customers"):
        log.warning("deleted accounts not looked for", installation=str(installation.pk))
        return 0
    erased = unclear = 0
    for ids in batched(_accounts(installation, night), listing.LARGEST_PAGE):
        for account_id in sorted(set(ids) - listing.fetch_present(installation, "customers", ids)):
            if _is_deleted(installation, account_id):
                erase(installation, "", account_id=account_id, reason=Erasure.Reason.CUSTOMER_DELETED)
                erased += 1
            else:
                unclear += 1
    if erased or unclear:
        log.info("accounts missing", installation=str(installation.pk), erased=erased, unclear=unclear)
    return erased


def _accounts(installation: Installation, night: int | None) -> Iterator[str]:
    """Return the ids of the contacts' accounts, without keeping a query open while some are erased.

    By audience, because an index has each audience's accounts in this order.
    """
    for audience in Audience.objects.filter(installation=installation):
        after = ""
        while True:
            later = audience.contacts.filter(saleor_user_id__gt=after).order_by("saleor_user_id")
            rows = later.values_list("saleor_user_id", flat=True)[:READ_AT_ONCE]
            ids = [each for each in rows if each]
            if not ids:
                break
            yield from (each for each in ids if night is None or crc32(each.encode()) % NIGHTS == night)
            after = ids[-1]


def _is_deleted(installation: Installation, account_id: str) -> bool:
    """Whether Saleor has orders that were the account's, and none of them has an account now."""
    contacts = Contact.objects.filter(audience__installation=installation, saleor_user_id=account_id)
    orders = Purchase.objects.filter(contact__in=contacts, saleor_user_id=account_id)
    ids = list(orders.order_by("-placed_at").values_list("saleor_order_id", flat=True)[:MOST_ORDERS])
    owners = listing.fetch_owners(installation, ids) if ids else []
    return bool(owners) and not any(owners)
