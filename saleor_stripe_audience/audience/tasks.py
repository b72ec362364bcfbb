"""The audience's tasks."""

from django.tasks import task

from saleor_stripe_audience.audience import mail


@task
def send_confirmation(mail_id: int) -> None:
    """Ask whether a consent was meant; the engine repeats it while the mail server does not answer."""
    mail.send_confirmation(mail_id)
