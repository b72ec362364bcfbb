"""Somebody who was erased subscribes again, by their own wish: the mailbox is asked before anything is kept.

What was asked is held encrypted until the mail has gone; from then on only the link in the mail knows it.
"""

from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from saleor_stripe_audience.audience.consent import confirmation, erased_requests, ledger
from saleor_stripe_audience.audience.consent.erased_requests import Request
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.mail import send_confirmation_task
from saleor_stripe_audience.audience.consent.models import ConfirmationMail
from saleor_stripe_audience.audience.contacts.identity import Person, contact_of
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.mailboxes import mailbox_digest
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.errors import Rejected

KEPT = timedelta(days=1)  # a mailbox's limits look back as far


def ask(audience: Audience, email: str, word: ConsentEvent) -> None:
    """Have the mailbox of an erased address asked, if somebody has just subscribed it. Runs under the shop's lock."""
    installation = audience.installation
    said = replace(word, at=min(word.at, timezone.now()))
    if not settings.EMAIL_CONFIGURED or not confirmation.is_fresh(said):
        return
    erased_at = erasure.erased_at(installation, email)
    if erased_at is not None and said.at <= erased_at:
        return
    if confirmation.may_ask(installation, email):
        mail = ConfirmationMail.objects.create(
            mailbox=mailbox_digest(installation, email),
            request=erased_requests.written(Request(audience, email, said)),
            requested_at=timezone.now(),
        )
        send_confirmation_task.enqueue(mail.pk)


def confirm(request: Request, *, ip: str = "") -> Contact:
    """The owner of the mailbox wants it: the address is let in again, and subscribed.

    `Rejected` if the person was erased, or refused, after asking. Confirming twice is confirming once.
    """
    installation = request.audience.installation
    with transaction.atomic():
        lock_shop(installation)
        erased_at = erasure.erased_at(installation, request.email)
        if erased_at is not None and erased_at >= request.word.at:
            raise Rejected(
                "The address was erased after this mail was sent. Subscribe again to get a new one.",
                code="withdrawn_since",
            )
        erasure.readmit(installation, request.email)
        contact = contact_of(request.audience, Person(request.email, None, {}, timezone.now()))
        if contact is None:
            raise Rejected("The address cannot be subscribed here.", code="withdrawn_since")
        given = ledger.record(contact, request.word)
        confirmation.confirm(given, ip=ip)
        return contact


def forget_requests() -> int:
    """Drop requests whose mail never went, and what limits no longer look at. Returns how many."""
    before = timezone.now() - KEPT
    return ConfirmationMail.objects.filter(contact=None, requested_at__lt=before).delete()[0]
