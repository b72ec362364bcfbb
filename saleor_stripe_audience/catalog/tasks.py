"""The catalogue's scheduled tasks; `settings.TASKS` has the schedule."""

from django.tasks import task

from saleor_stripe_audience.catalog import refetch


@task
def push_what_is_due() -> int:
    """Every minute: push the products whose date of publication or sale has come."""
    return refetch.fetch_due()
