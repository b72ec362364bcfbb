"""Scheduled tasks of the API."""

from django.tasks import task

from saleor_stripe_audience.api import request_counts


@task
def forget_old_counts() -> int:
    """Every hour: delete the request counts of past minutes."""
    return request_counts.forget_old_counts()
