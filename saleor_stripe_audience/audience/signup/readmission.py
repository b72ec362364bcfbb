"""Readmission of erased people who subscribe again: the mailbox must confirm before anything is stored.

The request is stored encrypted until the email is sent; from then on only the link in the email contains it.
"""

from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from saleor_stripe_audience.audience.consent import confirmation, erased_requests, ledger
from saleor_stripe_audience.audience.consent.erased_requests import ErasedRequest
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.mail import send_confirmation_task
from saleor_stripe_audience.audience.consent.models import ConfirmationMail
from saleor_stripe_audience.audience.contacts.identity import Person, upsert_contact
from saleor_stripe_audience.audience.people.audiences import hold_shop
from saleor_stripe_audience.audience.people.mailboxes import mailbox_digest
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.errors import Rejected

RETENTION = timedelta(days=1)  # the limits per mailbox look back this far


def request_confirmation(audience: Audience, email: str, event: ConsentEvent) -> None:
    """Send a confirmation email to an erased address that was just subscribed. The caller holds the shop's lock."""
    installation = audience.installation
    event = replace(event, at=min(event.at, timezone.now()))
    if not settings.EMAIL_CONFIGURED or not confirmation.is_fresh(event):
        return
    erased_at = erasure.erased_at(installation, email)
    if erased_at is not None and event.at <= erased_at:
        return
    if confirmation.may_request(installation, email):
        mail = ConfirmationMail.objects.create(
            mailbox=mailbox_digest(installation, email),
            request=erased_requests.serialize(ErasedRequest(audience, email, event)),
            requested_at=timezone.now(),
        )
        send_confirmation_task.enqueue(mail.pk)


def confirm(request: ErasedRequest, *, ip: str = "") -> Contact:
    """Readmit and subscribe the address, as the owner of the email address confirmed. Confirming twice adds nothing.

    `Rejected` if the person was erased, unsubscribed, or changed their address, after the request.
    """
    installation = request.audience.installation
    with hold_shop(installation) as shop:
        erased_at = erasure.erased_at(installation, request.email)
        if erased_at is not None and erased_at >= request.event.at:
            raise Rejected(
                "The address was erased after this email was sent. Subscribe again to get a new one.",
                code="withdrawn_since",
            )
        erasure.readmit(installation, request.email)
        contact = upsert_contact(shop, request.audience, Person(request.email, None, {}, timezone.now()))
        if contact is None:
            raise Rejected("The address cannot be subscribed here.", code="withdrawn_since")
        if contact.email != request.email:
            raise Rejected(
                "The address was changed after this email was sent. Subscribe again to get a new one.",
                code="address_changed",
            )
        consent = ledger.record(contact, request.event)
        confirmation.confirm(consent, ip=ip)
        return contact


def delete_old_requests() -> int:
    """Delete requests whose email was never sent, and those that limits no longer need. Returns how many."""
    before = timezone.now() - RETENTION
    return ConfirmationMail.objects.filter(contact=None, requested_at__lt=before).delete()[0]
