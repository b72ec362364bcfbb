"""The audience's emails, in the recipient's language."""

import smtplib
from email.message import EmailMessage
from email.policy import Policy
from email.utils import make_msgid
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.tasks import task
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent import erased_requests, ledger, links, wordings
from saleor_stripe_audience.audience.consent.headers import OneLineHeader, encode_mailbox
from saleor_stripe_audience.audience.consent.models import ConfirmationMail
from saleor_stripe_audience.audience.consent.senders import sender_name
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.people.status import ConsentState, Deliverability
from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.errors import Rejected, Unavailable

log = structlog.get_logger(__name__)

UNSUPPORTED_ADDRESS = "email_not_supported"


class Mail(EmailMultiAlternatives):
    """An email whose From header is exactly one mailbox, whatever the shop's name."""

    def message(self, *, policy: Policy | None = None) -> EmailMessage:
        """Return the message. Python would decode an encoded name and send its commas and signs unquoted."""
        options: dict[str, Any] = {} if policy is None else {"policy": policy}
        message = super().message(**options)
        del message["From"]
        message["From"] = OneLineHeader("From", self.from_email)
        return message


def send_confirmation(mail_id: int) -> None:
    """Send the email, unless it was sent already, there is nothing left to confirm, or the mail server does not support
    the address.

    `Unavailable` while the mail server does not respond.
    """
    mail = ConfirmationMail.objects.select_related(
        "contact__audience__installation", "consent__wording", "consent__audience__installation"
    ).filter(pk=mail_id, sent_at=None).first()  # fmt: skip
    message = _build_message(mail) if mail is not None else None
    if message is None:
        return
    try:
        _send(message)
    except Rejected as error:
        if error.code != UNSUPPORTED_ADDRESS:
            raise
        log.warning("confirmation not sent", mail_id=mail_id, code=error.code)
        return
    ConfirmationMail.objects.filter(pk=mail_id).update(sent_at=timezone.now(), request="")


@task
def send_confirmation_task(mail_id: int) -> None:
    """Run `send_confirmation` in the worker, which retries it while the mail server does not respond."""
    send_confirmation(mail_id)


def language_of(contact: Contact) -> str:
    """Return the person's language, or else the audience's, or else English: the first that the app supports."""
    return supported_language(contact.language, contact.audience.language)


def supported_language(*wanted: str) -> str:
    """Return the first of the languages that the app supports, or else English."""
    for each in wanted:
        try:
            return translation.get_supported_language_variant(each)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


def _build_message(mail: ConfirmationMail) -> Mail | None:
    """Return the message; None if there is nothing left to confirm, or the address has changed or bounced."""
    if mail.contact is not None and mail.consent is not None:
        contact, consent = mail.contact, mail.consent
        if contact.consent == ConsentState.CONFIRMED or ledger.was_withdrawn(consent):
            return None
        if contact.email != consent.email or contact.deliverability == Deliverability.BOUNCED:
            return None
        with translation.override(language_of(contact)):
            context = {
                "wording": wordings.text_to_confirm(consent),
                "confirm": links.confirmation_url(consent),
                "preferences": links.preferences_url(contact),
            }
            return compose_confirmation(
                contact.audience, contact.email, context, links.unsubscribe_headers(contact)
            )
    request = erased_requests.deserialize(mail.request) if mail.request else None
    if request is None:
        return None
    with translation.override(supported_language(request.audience.language)):
        context = {"wording": request.event.wording, "confirm": links.request_url(mail.request)}
        return compose_confirmation(request.audience, request.email, context, {})


def compose_confirmation(
    audience: Audience, address: str, context: dict[str, str], headers: dict[str, str]
) -> Mail:
    """Compose the email in the active language; `context` has the wording and the links, as the templates name them."""
    name, sender = sender_name(audience), settings.DEFAULT_FROM_EMAIL
    context = context | {"audience": name, "language": translation.get_language()}
    message = Mail(
        subject=_("Please confirm: news from %(audience)s") % context,
        body=render_to_string("audience/confirmation.txt", context),
        from_email=encode_mailbox(name, sender),
        to=[address],
        headers={"Message-ID": make_msgid(domain=sender.rpartition("@")[2])} | headers,
    )
    message.attach_alternative(render_to_string("audience/confirmation.html", context), "text/html")
    return message


def _send(message: Mail) -> None:
    if not settings.EMAIL_CONFIGURED:
        raise Rejected(
            pgettext_lazy(
                "staff",
                "The app has no mail server, so consent cannot be confirmed. Ask the operator of the app to set "
                "EMAIL_URL and EMAIL_FROM.",
            ),
            code="email_not_configured",
        )
    leave_database()
    try:
        message.send()
    except (OSError, smtplib.SMTPException):
        raise Unavailable(
            pgettext_lazy("staff", "The mail server did not accept the email. The app will try again."),
            code="mail",
        ) from None
    except ValueError:
        if all(each.rpartition("@")[0].isascii() for each in message.to):
            raise
        raise Rejected(
            pgettext_lazy(
                "staff",
                "The mail server only supports addresses in ASCII, and this one has other letters before the @.",
            ),
            code=UNSUPPORTED_ADDRESS,
        ) from None
