"""What is done for payments by the clock."""

import uuid
from typing import Any

from django.tasks import task

from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import attempts, reconcile, reporting, surplus, upkeep
from saleor_stripe_audience.shops.models import Installation


@task
def forget_old_attempts() -> int:
    """Every night: what was written down before asking Stripe, and is needed no more."""
    return attempts.forget_old()


@task
def keep_endpoints() -> int:
    """At the start and every hour: keys, channels, and Stripe's endpoint of every account."""
    upkeep.look_at_accounts()
    return upkeep.keep_endpoints()


@task
def follow_source(installation_id: str, transaction_id: str) -> None:
    """At once, when an answer to the host could not wait: the open payments of one checkout or order."""
    installation = Installation.objects.filter(pk=uuid.UUID(installation_id)).first()
    if installation is not None:
        surplus.follow(installation, transaction_id)


@task
def tell_decline(account_id: str, intent_id: str, charge_id: str) -> None:
    """Some minutes after a decline: the host's history has it, whether or not the storefront asked."""
    account = StripeAccount.objects.filter(pk=uuid.UUID(account_id)).first()
    if account is not None:
        reporting.tell_decline(account, intent_id, charge_id)


@task
def look_for_orders() -> int:
    """Every hour: payments of which no order is known here."""
    return surplus.look_for_orders()


@task
def tell_obstacles(installation_id: str) -> None:
    """Something that decides whether shoppers can pay changed: an account, a channel, the terms."""
    shop = Installation.objects.filter(pk=uuid.UUID(installation_id), is_active=True).first()
    if shop is not None:
        upkeep.tell_obstacles(shop)


@task
def reconcile_all() -> list[dict[str, Any]]:
    """At the start and every hour: what was lost is found, and both sides agree again."""
    return [each.as_json() for each in reconcile.reconcile_all()]
