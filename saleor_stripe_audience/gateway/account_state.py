"""Whether Stripe allows an account with its own keys to take payments: always queried, never assumed.

Accounts of the operator's platform have more states: see connect.py.
"""

from datetime import datetime
from typing import Any

import stripe
from django.utils import timezone

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client, failures
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.wording import with_values

Json = dict[str, Any]


def ask(account: StripeAccount) -> tuple[Json, datetime] | None:
    """Return Stripe's account object, and when it was fetched; None if the key has no permission to read it (not an
    error).
    """
    fetched_at = timezone.now()
    with client.errors_of(account):
        try:
            return client.stripe_of(account).v1.accounts.retrieve_current().to_dict(), fetched_at
        except stripe.PermissionError:
            return None


def refresh(account: StripeAccount) -> None:
    """Fetch the account's state from Stripe and save it."""
    if (answer := ask(account)) is not None:
        save(account, *answer)


def save(account: StripeAccount, found: Json, fetched_at: datetime) -> None:
    """Save whether the account takes payments, unless something newer is saved."""
    StripeAccount.objects.filter(pk=account.pk, fetched_at=None).update(fetched_at=fetched_at)
    StripeAccount.objects.filter(pk=account.pk, fetched_at__lte=fetched_at).update(
        charges_enabled=bool(found.get("charges_enabled")),
        fetched_at=fetched_at,
        default_currency=currency_of(found),
    )
    account.refresh_from_db(fields=["charges_enabled", "fetched_at", "default_currency"])


def currency_of(found: Json) -> str:
    """Return the currency that the account settles in, in upper case; empty if Stripe does not say."""
    return str(found.get("default_currency") or "").upper()[:3]


def save_charges(account: StripeAccount, *, enabled: bool) -> None:
    """Save what a payment revealed, regardless of what was fetched before."""
    StripeAccount.objects.filter(pk=account.pk).update(charges_enabled=enabled, fetched_at=timezone.now())


def check_charges(account: StripeAccount) -> None:
    """Query Stripe, and raise `Rejected` unless it allows the account to take payments. Nothing is changed."""
    answer = ask(account)
    if answer is not None and not answer[0].get("charges_enabled"):
        raise Rejected(
            with_values(failures.CANNOT_TAKE_PAYMENTS, account=account.name),
            code=failures.CHARGES_DISABLED,
        )
