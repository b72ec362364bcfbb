"""The audience's scheduled tasks; `settings.TASKS` has the schedule."""

from django.tasks import task

from saleor_stripe_audience.audience.consent import early_withdrawals
from saleor_stripe_audience.audience.privacy import stored_events
from saleor_stripe_audience.audience.shopping import carts
from saleor_stripe_audience.audience.signup import readmission
from saleor_stripe_audience.audience.transfer import uploads


@task
def forget_mail_requests() -> int:
    """Every night: delete requests whose email was never sent."""
    return readmission.delete_old_requests()


@task
def forget_early_withdrawals() -> int:
    """Every night: delete withdrawals before which no consent can arrive any more."""
    return early_withdrawals.delete_old()


@task
def prune_carts() -> int:
    """Every night: delete old carts."""
    return carts.prune()


@task
def clear_events_of_erased() -> int:
    """Every hour: empty events that arrived after the erasure of the person they mention."""
    return stored_events.clear_later_events()


@task
def forget_import_files() -> int:
    """Every night: delete files of contacts that were uploaded a week ago."""
    return uploads.forget_old()
