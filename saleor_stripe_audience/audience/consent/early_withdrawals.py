"""Withdrawals of people who are not contacts yet: a consent from before may still arrive.

The tasks of one person, and the events of a shop, may be handled in any order; and an old list may be imported later.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.utils import timezone

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent, EarlyWithdrawal
from saleor_stripe_audience.audience.people import bulk
from saleor_stripe_audience.audience.people.audiences import held_shop
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.people.secret import digests_of
from saleor_stripe_audience.shops.models import Installation

KEPT = timedelta(days=30)  # as long as missed events are looked for


def remember(installation: Installation, email: str, at: datetime) -> None:
    """Remember for `KEPT` that the holder of the normalized address withdrew at `at`; the latest time counts.

    Runs under the shop's lock.
    """
    [digest] = _digests(installation, [email])
    known, is_new = EarlyWithdrawal.objects.get_or_create(
        installation=installation, digest=digest, defaults={"withdrawn_at": at}
    )
    if not is_new and known.withdrawn_at < at:
        EarlyWithdrawal.objects.filter(pk=known.pk).update(withdrawn_at=at)
    if (shop := held_shop(installation.pk)) is not None:
        shop.has_early_withdrawals = True


def apply(audience: Audience, emails: Collection[str]) -> None:
    """Record the withdrawals of new contacts of the audience, by their addresses. Repeating it adds nothing."""
    of_shop = EarlyWithdrawal.objects.filter(installation=audience.installation_id)
    if not of_shop.exists():
        return
    email_of = dict(zip(_digests(audience.installation, emails), emails, strict=True))
    known = bulk.filter_in(of_shop, "digest", list(email_of))
    at_of = {email_of[each.digest]: each.withdrawn_at for each in known}
    for contact in bulk.filter_in(audience.contacts.all(), "email", list(at_of)):
        event = ConsentEvent(Consent.Kind.WITHDRAWN, at_of[contact.email], Consent.Source.STOREFRONT)
        ledger.record(contact, event)


def delete_old() -> int:
    """Delete those from before `KEPT`; returns how many."""
    deleted, _ = EarlyWithdrawal.objects.filter(withdrawn_at__lt=timezone.now() - KEPT).delete()
    return deleted


def _digests(installation: Installation, emails: Collection[str]) -> list[str]:
    return digests_of(installation, (f"withdrawal:{each}" for each in emails))
