"""What is done for payments by the clock."""

from typing import Any

from django.tasks import task

from saleor_stripe_audience.payments import attempts, reconcile, upkeep


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
def reconcile_all() -> list[dict[str, Any]]:
    """At the start and every hour: what was lost is found, and both sides agree again."""
    return [each.as_json() for each in reconcile.reconcile_all()]
