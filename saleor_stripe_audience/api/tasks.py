"""What is done for the API by the clock."""

from django.tasks import task

from saleor_stripe_audience.api import limits


@task
def forget_old_counts() -> int:
    """Every hour: the counts of minutes that are over."""
    return limits.forget_old_counts()
