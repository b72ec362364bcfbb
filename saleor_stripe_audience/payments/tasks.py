"""What is done for payments by the clock."""

from django.tasks import task

from saleor_stripe_audience.payments import attempts, upkeep


@task
def forget_old_attempts() -> int:
    """Every night: what was written down before asking Stripe, and is needed no more."""
    return attempts.forget_old()


@task
def keep_endpoints() -> int:
    """At the start and every hour: Stripe's endpoint of every account."""
    return upkeep.keep_endpoints()
