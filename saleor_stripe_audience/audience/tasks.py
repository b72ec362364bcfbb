"""What the audience does by the clock; `settings.TASKS` says when."""

from django.tasks import task

from saleor_stripe_audience.audience.shopping import carts
from saleor_stripe_audience.audience.signup import readmission
from saleor_stripe_audience.audience.transfer import jobs


@task
def forget_mail_requests() -> int:
    """Every night: delete requests whose mail was never sent."""
    return readmission.forget_requests()


@task
def prune_carts() -> int:
    """Every night: delete carts that nobody came back to."""
    return carts.prune()


@task
def sweep_jobs() -> int:
    """Every minute: continue jobs whose worker was killed."""
    return jobs.sweep()
