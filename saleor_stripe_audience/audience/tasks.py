"""The audience's tasks."""

from uuid import UUID

from django.tasks import task

from saleor_stripe_audience.audience.consent import mail
from saleor_stripe_audience.audience.segments import membership


@task
def send_confirmation(mail_id: int) -> None:
    """Ask whether a consent was meant; the engine repeats it while the mail server does not answer."""
    mail.send_confirmation(mail_id)


@task
def work_storefront_request(request: str) -> None:
    """What a shop's page asked; `request` is encrypted, for it holds an address."""
    from saleor_stripe_audience.audience.signup import storefront  # noqa: PLC0415 - it enqueues tasks of this module

    storefront.work(request)


@task
def forget_mail_requests() -> int:
    """Every night: requests of mails that never went."""
    from saleor_stripe_audience.audience.signup import readmission  # noqa: PLC0415 - it enqueues tasks of this module

    return readmission.forget_requests()


@task
def refresh_memberships(contact_id: str) -> None:
    """A contact changed: work out its segments again."""
    membership.refresh_contact(UUID(contact_id))


@task
def refresh_segments() -> int:
    """Every minute, and when one is saved: segments that are due, and contacts whose task was lost."""
    return membership.refresh_due()


@task
def prune_carts() -> int:
    """Every night: carts that nobody came back to are let go of."""
    from saleor_stripe_audience.audience.shopping import carts  # noqa: PLC0415 - carts enqueue tasks of this module

    return carts.prune()
