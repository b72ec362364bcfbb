"""Mails of the audience, in the language of who reads them."""

import smtplib
from email.utils import formataddr, make_msgid

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.tasks import task
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from saleor_stripe_audience.audience.consent import erased_requests, links, wordings
from saleor_stripe_audience.audience.consent.models import ConfirmationMail
from saleor_stripe_audience.audience.consent.senders import sender_name
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.people.status import ConsentState
from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.errors import Rejected, Unavailable


def send_confirmation(mail_id: int) -> None:
    """Send the mail, unless it went already or there is nothing to confirm any more.

    `Unavailable` while the mail server does not answer.
    """
    asked = ConfirmationMail.objects.select_related(
        "contact__audience__installation", "consent__wording", "consent__audience__installation"
    ).filter(pk=mail_id, sent_at=None).first()  # fmt: skip
    message = _message(asked) if asked is not None else None
    if message is None:
        return
    _send(message)
    ConfirmationMail.objects.filter(pk=mail_id).update(sent_at=timezone.now(), request="")


@task
def send_confirmation_task(mail_id: int) -> None:
    """`send_confirmation` in the worker; the engine repeats it while the mail server does not answer."""
    send_confirmation(mail_id)


def language_of(contact: Contact) -> str:
    """One that the app speaks: the person's, else the audience's, else English."""
    return supported_language(contact.language, contact.audience.language)


def supported_language(*wanted: str) -> str:
    """The first of the languages that the app speaks, else English."""
    for each in wanted:
        try:
            return translation.get_supported_language_variant(each)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


def _message(asked: ConfirmationMail) -> EmailMultiAlternatives | None:
    """The mail; None where there is nothing to confirm, or the person has another address since."""
    if asked.contact is not None and asked.consent is not None:
        contact, given = asked.contact, asked.consent
        if contact.consent == ConsentState.CONFIRMED or contact.email != given.email:
            return None
        with translation.override(language_of(contact)):
            facts = {
                "wording": wordings.shown_to_person(given),
                "confirm": links.confirmation_url(given),
                "preferences": links.preferences_url(contact),
            }
            return _confirmation(contact.audience, contact.email, facts, links.unsubscribe_headers(contact))
    request = erased_requests.read(asked.request) if asked.request else None
    if request is None:
        return None
    with translation.override(supported_language(request.audience.language)):
        facts = {"wording": request.word.wording, "confirm": links.request_url(asked.request)}
        return _confirmation(request.audience, request.email, facts, {})


def _confirmation(
    audience: Audience, address: str, told: dict[str, str], headers: dict[str, str]
) -> EmailMultiAlternatives:
    name, sender = sender_name(audience), settings.DEFAULT_FROM_EMAIL
    facts = told | {"audience": name}
    message = EmailMultiAlternatives(
        subject=_("Please confirm: news from %(audience)s") % facts,
        body=render_to_string("audience/confirmation.txt", facts),
        from_email=formataddr((name, sender)),
        to=[address],
        headers={"Message-ID": make_msgid(domain=sender.rpartition("@")[2])} | headers,
    )
    html = render_to_string("audience/confirmation.html", facts | {"language": translation.get_language()})
    message.attach_alternative(html, "text/html")
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
