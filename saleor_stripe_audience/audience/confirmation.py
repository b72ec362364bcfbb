"""Double opt-in: a mail asks whether a consent was meant, and a click on its page says yes."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from saleor_stripe_audience.audience import consent
from saleor_stripe_audience.audience.consent import Word
from saleor_stripe_audience.audience.models import ConfirmationMail, Consent, Contact
from saleor_stripe_audience.audience.status import ConsentState
from saleor_stripe_audience.audience.tasks import send_confirmation
from saleor_stripe_audience.errors import Rejected

log = structlog.get_logger(__name__)

FRESH = timedelta(days=1)  # nobody is asked about what was ticked long ago and is only now told
PAUSE = timedelta(minutes=10)
PER_DAY = 5


def ask_if_needed(contact: Contact, written: Consent) -> None:
    """Have a mail sent for a giving that needs one; not twice for one giving, and no mailbox is flooded."""
    if not _needs_a_mail(contact, written):
        return
    mail = ConfirmationMail.objects.create(contact=contact, consent=written, requested_at=timezone.now())
    send_confirmation.enqueue(mail.pk)


def _needs_a_mail(contact: Contact, written: Consent) -> bool:
    now = timezone.now()
    if not settings.EMAIL_CONFIGURED or not written.needs_confirmation:
        return False
    if contact.consent == ConsentState.CONFIRMED or written.at < now - FRESH:
        return False
    asked = contact.confirmation_mails.filter(requested_at__gt=now - timedelta(days=1))
    if asked.filter(consent=written).exists() or asked.filter(requested_at__gt=now - PAUSE).exists():
        return False
    if asked.count() >= PER_DAY:
        log.warning("confirmation mail withheld", contact=str(contact.pk))
        return False
    return True


def confirm(given: Consent, *, ip: str = "") -> Consent:
    """The owner of the mailbox confirms. `Rejected` when the person withdrew since: that is the later word.

    Runs under the lock of `default_audience`. Confirming twice is confirming once.
    """
    if given.contact.consents.filter(kind=Consent.Kind.WITHDRAWN, at__gte=given.at).exists():
        raise Rejected(
            "The subscription was ended after this mail was sent. Subscribe again to get a new one.",
            code="withdrawn_since",
        )
    confirmed = given.contact.consents.filter(
        kind=Consent.Kind.CONFIRMED, reference=_reference(given)
    ).first()
    return confirmed or consent.record(
        given.contact,
        Word(
            Consent.Kind.CONFIRMED,
            timezone.now(),
            Consent.Source.MAIL,
            wording=given.wording.text if given.wording else "",
            reference=_reference(given),
            ip=ip,
        ),
    )


def _reference(given: Consent) -> str:
    return f"consent {given.pk}"
