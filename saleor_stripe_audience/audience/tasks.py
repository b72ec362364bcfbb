"""The audience's scheduled tasks; `settings.TASKS` has the schedule."""

from django.tasks import task

from saleor_stripe_audience.audience.shopping import carts
from saleor_stripe_audience.audience.signup import readmission


@task
def forget_mail_requests() -> int:
    """Every night: delete requests whose mail was never sent."""
    return readmission.delete_old_requests()


@task
def prune_carts() -> int:
    """Every night: delete old carts."""
    return carts.prune()
