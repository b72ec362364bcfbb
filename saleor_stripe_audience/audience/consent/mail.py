"""The audience's emails, in the recipient's language."""

import re
import smtplib
from datetime import timedelta
from email.message import EmailMessage
from email.policy import Policy
from email.utils import make_msgid
from enum import StrEnum
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.tasks import TaskResult, task
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent import erased_requests, ledger, links, wordings
from saleor_stripe_audience.audience.consent.headers import OneLineHeader, encode_mailbox
from saleor_stripe_audience.audience.consent.models import ConfirmationMail
from saleor_stripe_audience.audience.consent.senders import sender_name
from saleor_stripe_audience.audience.consent.smtp import UnsupportedAddress
from saleor_stripe_audience.audience.people import lifecycle
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.people.status import ConsentState, Deliverability
from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

GIVE_UP_AFTER = timedelta(days=1)  # nobody is asked to confirm a box ticked longer ago
PATIENCE = timedelta(hours=1)  # a mail server may be away, or a recipient's may greylist, for a while
MAX_PAUSE_SECONDS = 900
MAX_ATTEMPTS = 150  # more than fit in a day
PROBLEM = "mail_server"

SERVER_AWAY = "mail"
DEFERRED = "mail_deferred"
_PROBLEM_MESSAGE = pgettext_lazy(
    "staff",
    "The mail server does not accept the app's emails, so new subscribers cannot confirm. Ask the operator of the app "
    "to check the mail server, EMAIL_URL and EMAIL_FROM.",
)
_PERMANENT = 500  # SMTP's replies from here on
_STATUS = re.compile(r"\s*(5\.\d{1,3}\.\d{1,3})\b")
# RFC 3463, 7505: no such mailbox or system, not an address, moved without a new address, takes no email at all.
_UNKNOWN_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
_MAILBOX = "5.2."  # full, disabled, or the email is too large for it


class Outcome(StrEnum):
    """What came of an email that is not sent again."""

    SENT = "sent"
    UNKNOWN_ADDRESS = "unknown_address"
    UNSUPPORTED_ADDRESS = "unsupported_address"
    MAILBOX = "mailbox"
    REFUSED = "refused"


class Mail(EmailMultiAlternatives):
    """An audience's email, whose From header is exactly one mailbox, whatever the shop's name."""

    def __init__(self, audience: Audience, **parts: Any) -> None:
        super().__init__(**parts)
        self.audience = audience

    def message(self, *, policy: Policy | None = None) -> EmailMessage:
        """Return the message. Python would decode an encoded name and send its commas and signs unquoted."""
        options: dict[str, Any] = {} if policy is None else {"policy": policy}
        message = super().message(**options)
        del message["From"]
        message["From"] = OneLineHeader("From", self.from_email)
        return message


def send_confirmation(mail_id: int) -> None:
    """Send the email, unless it was sent already, is too old, has nothing left to confirm, or is refused for good.

    `Unavailable` while the mail server does not accept it.
    """
    mail = ConfirmationMail.objects.select_related(
        "contact__audience__installation", "consent__wording", "consent__audience__installation"
    ).filter(pk=mail_id, sent_at=None).first()  # fmt: skip
    if mail is None:
        return
    if mail.requested_at < timezone.now() - GIVE_UP_AFTER:
        log.warning("confirmation given up", mail_id=mail_id)
        return
    message = _build_message(mail)
    if message is None:
        return
    installation = message.audience.installation
    try:
        outcome = _send(message)
    except Unavailable as error:
        if error.code == SERVER_AWAY and mail.requested_at < timezone.now() - PATIENCE:
            problems.report(installation, PROBLEM, _PROBLEM_MESSAGE)
        raise
    if outcome == Outcome.SENT:
        ConfirmationMail.objects.filter(pk=mail_id).update(sent_at=timezone.now(), request="")
        problems.clear_if_seen(installation, PROBLEM)
        return
    log.warning("confirmation not sent", mail_id=mail_id, outcome=outcome.value)
    if outcome == Outcome.UNKNOWN_ADDRESS:
        _mark_bounced(installation, message.to[0])
    elif outcome == Outcome.REFUSED:
        problems.report(installation, PROBLEM, _PROBLEM_MESSAGE)


def _mark_bounced(installation: Installation, address: str) -> None:
    with transaction.atomic():
        lock_shop(installation)
        for contact in Contact.objects.filter(audience__installation=installation, email=address):
            lifecycle.set_deliverability(contact, Deliverability.BOUNCED, timezone.now())


def _pause(error: BaseException, attempt: "TaskResult[Any, Any]") -> int | None:
    """Return the seconds until the next attempt; None to stop. `error` has the code of the failure."""
    attempts: int = attempt.attempts
    is_waiting = str(error) in (SERVER_AWAY, DEFERRED)
    if not is_waiting and attempts >= settings.TASK_MAX_ATTEMPTS:
        return None
    return min(int(2**attempts), MAX_PAUSE_SECONDS)


@task(max_attempts=MAX_ATTEMPTS, backoff=_pause)  # type: ignore[call-overload, untyped-decorator]  # the engine's own
def send_confirmation_task(mail_id: int) -> None:
    """Run `send_confirmation` in the worker, which retries it for a day while the mail server does not accept it."""
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
        audience,
        subject=_("Please confirm: news from %(audience)s") % context,
        body=render_to_string("audience/confirmation.txt", context),
        from_email=encode_mailbox(name, sender),
        to=[address],
        headers={
            "Message-ID": make_msgid(domain=sender.rpartition("@")[2]),
            "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office replies
        }
        | headers,
    )
    message.attach_alternative(render_to_string("audience/confirmation.html", context), "text/html")
    return message


def _send(message: Mail) -> Outcome:
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
    except smtplib.SMTPRecipientsRefused as error:
        return _refusal(*next(iter(error.recipients.values())))
    except smtplib.SMTPDataError as error:
        return _refusal(error.smtp_code, error.smtp_error)
    except (OSError, smtplib.SMTPException):
        raise Unavailable(
            pgettext_lazy("staff", "The mail server did not accept the email. The app will try again."),
            code=SERVER_AWAY,
        ) from None
    except UnsupportedAddress:
        return Outcome.UNSUPPORTED_ADDRESS
    return Outcome.SENT


def _refusal(code: int, answer: bytes | str) -> Outcome:
    """Return what the server's answer to the recipient or the content means; `Unavailable` if it may change.

    Answers are not logged: they often contain the address.
    """
    if code < _PERMANENT:
        raise Unavailable(
            pgettext_lazy(
                "staff", "The recipient's mail server does not accept the email yet. The app will try again."
            ),
            code=DEFERRED,
        )
    found = _STATUS.match(answer.decode(errors="replace") if isinstance(answer, bytes) else answer)
    status = found[1] if found else ""
    log.info("email refused", smtp_code=code, smtp_status=status)
    if status in _UNKNOWN_ADDRESS:
        return Outcome.UNKNOWN_ADDRESS
    return Outcome.MAILBOX if status.startswith(_MAILBOX) else Outcome.REFUSED
