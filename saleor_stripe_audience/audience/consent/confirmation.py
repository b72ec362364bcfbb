"""Double opt-in: a mail asks whether a consent was meant, and a click on its page says yes."""

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

FRESH = timedelta(days=1)  # nobody is asked about what was ticked long ago and is only now told
PAUSE = timedelta(minutes=10)
PER_DAY = 5


def ask_if_needed(contact: Contact, written: Consent) -> None:
    """Have a mail sent for a giving that needs one; not twice for one giving, and no mailbox is flooded.

    One needs it that does not count yet: it waits for its confirmation, or a refusal came before it.
    """
    if not settings.EMAIL_CONFIGURED or not _waits(contact, written) or contact.email != written.email:
        return
    if contact.deliverability == Deliverability.BOUNCED:
        return
    if ConfirmationMail.objects.filter(consent=written).exists():
        return
    installation = contact.audience.installation
    if may_ask(installation, contact.email):
        mail = ConfirmationMail.objects.create(
            contact=contact,
            consent=written,
            mailbox=mailbox_digest(installation, contact.email),
            requested_at=timezone.now(),
        )
        send_confirmation_task.enqueue(mail.pk)


def may_ask(installation: Installation, address: str) -> bool:
    """Whether one more mail may go to the address: its mailbox counts, however the address is spelled."""
    now = timezone.now()
    asked = ConfirmationMail.objects.filter(
        mailbox=mailbox_digest(installation, address), requested_at__gt=now - timedelta(days=1)
    )
    if asked.filter(requested_at__gt=now - PAUSE).exists():
        return False
    if asked.count() >= PER_DAY:
        log.warning("confirmation mail withheld", installation=str(installation.pk))
        return False
    return True


def is_fresh(word: Consent | ConsentEvent) -> bool:
    """Whether somebody has agreed just now: nobody is asked about anything older."""
    is_consent = word.kind == Consent.Kind.GIVEN and word.basis == Consent.Basis.CONSENT
    return is_consent and word.at >= timezone.now() - FRESH


def _waits(contact: Contact, written: Consent) -> bool:
    if contact.consent == ConsentState.CONFIRMED or not is_fresh(written):
        return False
    return not contact.consents.filter(kind=Consent.Kind.WITHDRAWN, at__gte=written.at).exists()


def confirm(given: Consent, *, ip: str = "") -> Consent:
    """The owner of the mailbox confirms what the page showed.

    `Rejected` when the person withdrew since: that is the later word; and when the person has another address now,
    for the mail went to the former one. Runs under the lock of `default_audience`. Confirming twice is confirming once.
    """
    if given.contact.email != given.email:
        raise Rejected(
            "The address was changed after this mail was sent. Subscribe again to get a new one.",
            code="address_changed",
        )
    if given.contact.consents.filter(kind=Consent.Kind.WITHDRAWN, at__gte=given.at).exists():
        raise Rejected(
            "The subscription was ended after this mail was sent. Subscribe again to get a new one.",
            code="withdrawn_since",
        )
    confirmed = given.contact.consents.filter(
        kind=Consent.Kind.CONFIRMED, reference=_reference(given)
    ).first()
    return confirmed or ledger.record(
        given.contact,
        ConsentEvent(
            Consent.Kind.CONFIRMED,
            timezone.now(),
            Consent.Source.MAIL,
            wording=wordings.shown_to_person(given),
            reference=_reference(given),
            ip=ip,
            is_proven=True,
        ),
    )


def _reference(given: Consent) -> str:
    return f"consent {given.pk}"
