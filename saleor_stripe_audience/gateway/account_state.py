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
    asked_at = timezone.now()
    with client.errors_of(account):
        try:
            return client.stripe_of(account).v1.accounts.retrieve_current().to_dict(), asked_at
        except stripe.PermissionError:
            return None


def refresh(account: StripeAccount) -> None:
    """Fetch the account's state from Stripe and save it."""
    if (answer := ask(account)) is not None:
        save(account, *answer)


def save(account: StripeAccount, found: Json, asked_at: datetime) -> None:
    """Save whether the account takes payments, unless something newer is saved."""
    StripeAccount.objects.filter(pk=account.pk, asked_at=None).update(asked_at=asked_at)
    StripeAccount.objects.filter(pk=account.pk, asked_at__lte=asked_at).update(
        charges_enabled=bool(found.get("charges_enabled")),
        asked_at=asked_at,
        default_currency=currency_of(found),
    )
    account.refresh_from_db(fields=["charges_enabled", "asked_at", "default_currency"])


def currency_of(found: Json) -> str:
    """Return the currency that the account settles in, in upper case; empty if Stripe does not say."""
    return str(found.get("default_currency") or "").upper()[:3]


def save_charges(account: StripeAccount, *, enabled: bool) -> None:
    """Save what a payment revealed, regardless of what was fetched before."""
    StripeAccount.objects.filter(pk=account.pk).update(charges_enabled=enabled, asked_at=timezone.now())


def check_charges(account: StripeAccount) -> None:
    """Query Stripe, and raise `Rejected` unless it allows the account to take payments. Nothing is changed."""
    answer = ask(account)
    if answer is not None and not answer[0].get("charges_enabled"):
        raise Rejected(
            with_values(failures.CANNOT_TAKE_PAYMENTS, account=account.name),
            code=failures.CHARGES_DISABLED,
        )
