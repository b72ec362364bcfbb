"""Double opt-in: an email asks the person to confirm their consent on a page."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from saleor_stripe_audience.audience.consent import ledger, wordings
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.mail import send_confirmation_task
from saleor_stripe_audience.audience.consent.models import ConfirmationMail, Consent
from saleor_stripe_audience.audience.people.mailboxes import mailbox_digest
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import ConsentState, Deliverability
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

MAX_AGE = timedelta(days=1)  # nobody is asked to confirm a box ticked long ago that is only reported now
MIN_INTERVAL = timedelta(minutes=10)
MAX_PER_DAY = 5


def request_if_needed(contact: Contact, consent: Consent) -> None:
    """Send an email for a consent that does not count yet: one email per consent, a few per mailbox.

    A consent needs confirmation if it is pending, or if the person had unsubscribed before.
    """
    if not settings.EMAIL_CONFIGURED or contact.email != consent.email:
        return
    if contact.consent == ConsentState.CONFIRMED or not is_fresh(consent):
        return
    if ledger.was_withdrawn(consent):
        return
    if contact.deliverability == Deliverability.BOUNCED:
        return
    if ConfirmationMail.objects.filter(consent=consent).exists():
        return
    installation = contact.audience.installation
    if may_request(installation, contact.email):
        mail = ConfirmationMail.objects.create(
            contact=contact,
            consent=consent,
            mailbox=mailbox_digest(installation, contact.email),
            requested_at=timezone.now(),
        )
        send_confirmation_task.enqueue(mail.pk)


def may_request(installation: Installation, address: str) -> bool:
    """Whether the limits allow one more email to this mailbox, however the address is spelled."""
    now = timezone.now()
    recent = ConfirmationMail.objects.filter(
        mailbox=mailbox_digest(installation, address), requested_at__gt=now - timedelta(days=1)
    )
    if recent.filter(requested_at__gt=now - MIN_INTERVAL).exists():
        return False
    if recent.count() >= MAX_PER_DAY:
        log.warning("confirmation email withheld", installation=str(installation.pk))
        return False
    return True


def is_fresh(event: Consent | ConsentEvent) -> bool:
    """Whether this consent was just given: nobody is asked to confirm an older one."""
    is_consent = event.kind == Consent.Kind.GIVEN and event.basis == Consent.Basis.CONSENT
    return is_consent and event.at >= timezone.now() - MAX_AGE


def confirm(consent: Consent, *, ip: str = "") -> Consent:
    """Record that the owner of the email address confirmed what the page showed. Confirming twice adds nothing.

    `Rejected` if the person unsubscribed after the email was sent, or has changed their address: the email went to the
    previous one. The caller holds the lock of `lock_shop`.
    """
    if consent.contact.email != consent.email:
        raise Rejected(
            "The address was changed after this email was sent. Subscribe again to get a new one.",
            code="address_changed",
        )
    if ledger.was_withdrawn(consent):
        raise Rejected(
            "The subscription was ended after this email was sent. Subscribe again to get a new one.",
            code="withdrawn_since",
        )
    reference = f"consent {consent.pk}"
    confirmations = consent.contact.consents.filter(kind=Consent.Kind.CONFIRMED, reference=reference)
    return confirmations.first() or ledger.record(
        consent.contact,
        ConsentEvent(
            Consent.Kind.CONFIRMED,
            timezone.now(),
            Consent.Source.MAIL,
            wording=wordings.text_to_confirm(consent),
            reference=reference,
            ip=ip,
            is_proven=True,
        ),
    )
