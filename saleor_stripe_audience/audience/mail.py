"""Mails of the audience, in the language of who reads them."""

import smtplib
from email.utils import formataddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from saleor_stripe_audience.audience import links
from saleor_stripe_audience.audience.models import ConfirmationMail, Contact
from saleor_stripe_audience.audience.status import ConsentState
from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.errors import Rejected, Unavailable


def send_confirmation(mail_id: int) -> None:
    """Send the mail, unless it went already or there is nothing to confirm any more.

    `Unavailable` while the mail server does not answer.
    """
    asked = ConfirmationMail.objects.select_related(
        "contact__audience", "consent__wording"
    ).filter(pk=mail_id, sent_at=None).first()  # fmt: skip
    if asked is None or asked.contact.consent == ConsentState.CONFIRMED:
        return
    _send(_confirmation(asked))
    ConfirmationMail.objects.filter(pk=mail_id).update(sent_at=timezone.now())


def language_of(contact: Contact) -> str:
    """One that the app speaks: the person's, else the audience's, else English."""
    for wanted in (contact.language, contact.audience.language):
        try:
            return translation.get_supported_language_variant(wanted)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


def _confirmation(asked: ConfirmationMail) -> EmailMultiAlternatives:
    contact, wording = asked.contact, asked.consent.wording
    facts = {
        "audience": contact.audience.name,
        "wording": wording.text if wording else "",
        "confirm": links.confirmation_url(asked.consent),
        "preferences": links.preferences_url(contact),
    }
    with translation.override(language_of(contact)):
        message = EmailMultiAlternatives(
            subject=_("Please confirm: news from %(audience)s") % facts,
            body=render_to_string("audience/confirmation.txt", facts),
            from_email=formataddr((contact.audience.name, settings.DEFAULT_FROM_EMAIL)),
            to=[contact.email],
            headers=links.unsubscribe_headers(contact),
        )
        message.attach_alternative(
            render_to_string("audience/confirmation.html", facts | {"language": translation.get_language()}),
            "text/html",
        )
    return message


def _send(message: EmailMultiAlternatives) -> None:
    if not settings.EMAIL_CONFIGURED:
        raise Rejected(
            "The app has no mail server, so a consent waits for its confirmation. Ask whoever runs the app to set "
            "EMAIL_URL and EMAIL_FROM.",
            code="email_not_configured",
        )
    leave_database()
    try:
        message.send()
    except (OSError, smtplib.SMTPException):
        raise Unavailable(
            "The mail server did not take the mail. It will be tried again.", code="mail"
        ) from None
