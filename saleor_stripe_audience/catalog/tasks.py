"""The catalogue's scheduled tasks; `settings.TASKS` has the schedule."""

from django.tasks import task

from saleor_stripe_audience.catalog import refetch, refresh, sync
from saleor_stripe_audience.isolation import apart


@task
def push_what_is_due() -> int:
    """Every minute: push the products whose publication or availability date has passed."""
    return refetch.fetch_due()


@task
def sync_all() -> int:
    """Every night: record what was changed in each account, then send Saleor's values for everything that differs."""
    accounts = sync.usable_accounts()
    for account in accounts:
        with apart("syncing a catalogue", account=str(account.pk)):
            refresh.start_night(account)
    return len(accounts)
