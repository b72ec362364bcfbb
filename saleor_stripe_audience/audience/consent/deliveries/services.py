"""The email services that can report to the app.

django-anymail parses their reports and checks their signatures. What a report means is read from the report itself,
where each service documents it: the library's event types do not separate a filter's judgement from the person's, nor
permanent bounces from others.
"""

import json
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

import structlog
from anymail.exceptions import AnymailConfigurationError, AnymailError, AnymailInsecureWebhookWarning
from anymail.signals import AnymailTrackingEvent
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailersend import MailerSendTrackingWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.mandrill import MandrillCombinedWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.resend import ResendTrackingWebhookView
from anymail.webhooks.sendgrid import SendGridTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from django.http import HttpRequest

from saleor_stripe_audience.audience.consent.deliveries import event_types
from saleor_stripe_audience.audience.consent.deliveries.event_types import Kind, Meaning, decide, values_at

log = structlog.get_logger(__name__)

# What the library raises when it parses a body that is not from the service, or is about an email to the shop.
MALFORMED = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
    AnymailConfigurationError,
    AnymailError,
)

# The library warns if there is no basic auth: here the URL itself contains a secret.
warnings.simplefilter("ignore", AnymailInsecureWebhookWarning)


@dataclass(frozen=True, slots=True)
class Report:
    """One report about one address; `key` identifies it when the service sends it again."""

    kind: Kind
    recipient: str
    at: datetime
    key: str


class _AmazonSes(AmazonSESTrackingWebhookView):  # type: ignore[misc]  # the library has no types
    """Amazon's view without its client library: `webhooks` confirms the subscription."""

    def __init__(self, **kwargs: Any) -> None:
        self.auto_confirm_enabled = False
        AnymailBaseWebhookView.__init__(self, **kwargs)


class _MailerSend(MailerSendTrackingWebhookView):  # type: ignore[misc]  # the library has no types
    """MailerSend also reports on senders, lists and its own maintenance: the library only knows emails."""

    def parse_events(self, request: HttpRequest) -> list[AnymailTrackingEvent]:
        report = json.loads(request.body)
        about_email = str(report["type"]).startswith("activity.")
        return super().parse_events(request) if about_email else []


class _Batch:
    """A service that sends several reports at once. One that the library cannot parse does not stop the others."""

    def esp_to_anymail_event(self, *item: Any) -> AnymailTrackingEvent | None:
        try:
            return super().esp_to_anymail_event(*item)  # type: ignore[misc]  # the library's view comes after
        except MALFORMED:
            return None


class _Brevo(_Batch, BrevoTrackingWebhookView):  # type: ignore[misc]
    def parse_events(self, request: HttpRequest) -> list[AnymailTrackingEvent | None]:
        """Parse batched webhooks too, which the library does not know."""
        body = json.loads(request.body)
        if isinstance(body, list):
            return [self.esp_to_anymail_event(item) for item in body]
        return super().parse_events(request)  # type: ignore[no-any-return]


class _Mailjet(_Batch, MailjetTrackingWebhookView):  # type: ignore[misc]
    pass


class _SendGrid(_Batch, SendGridTrackingWebhookView):  # type: ignore[misc]
    pass


class _SparkPost(_Batch, SparkPostTrackingWebhookView):  # type: ignore[misc]
    def unwrap_event(self, raw_event: Any) -> tuple[Any, Any, Any]:
        """Return the report's class and content. One without them is parsed, and fails, like the others."""
        try:
            return super().unwrap_event(raw_event)  # type: ignore[no-any-return]
        except MALFORMED:
            return "", {}, raw_event


class _Mandrill(_Batch, MandrillCombinedWebhookView):  # type: ignore[misc]
    def parse_events(self, request: HttpRequest) -> list[AnymailTrackingEvent | None]:
        """Leave out emails to the shop: the library does not take both in one request."""
        items = json.loads(request.POST["mandrill_events"])
        outgoing = (item for item in items if not isinstance(item, dict) or item.get("event") != "inbound")
        return [self.esp_to_anymail_event(item) for item in outgoing]


@dataclass(frozen=True, slots=True)
class Service:
    """How one service reports.

    `meaning` is the table of its event types. `recipients` are the paths of everybody that a report may be about, where
    the library takes the first or none; it must be one person. `seconds` is the path of the time where the library
    finds none. `key_name` is the library's name for the service's signing key, empty if the service does not sign. A
    service with `makes_key` makes it once it knows the webhook's URL.
    """

    view: type[Any]
    meaning: Meaning
    key_name: str = ""
    needs_key: bool = False
    makes_key: bool = False
    recipients: tuple[str, ...] = ()
    seconds: str = ""

    def build_view(self, signing_key: str, url: str) -> Any:
        """Return the library's view, which verifies and parses; `url` is for services that sign their URL."""
        options = {self.key_name: signing_key} if self.key_name and signing_key else {}
        if issubclass(self.view, MandrillCombinedWebhookView):
            options["webhook_url"] = url
        return self.view(**options)


SERVICES: Mapping[str, Service] = {
    "amazon-ses": Service(_AmazonSes, event_types.AMAZON_SES),
    "brevo": Service(_Brevo, event_types.BREVO, seconds="ts_event"),
    "mailersend": Service(
        _MailerSend, event_types.MAILERSEND, "signing_secret", needs_key=True, makes_key=True
    ),
    "mailgun": Service(
        MailgunTrackingWebhookView, event_types.MAILGUN, "webhook_signing_key", needs_key=True
    ),
    "mailjet": Service(_Mailjet, event_types.MAILJET),
    "mandrill": Service(_Mandrill, event_types.MANDRILL, "webhook_key", needs_key=True, makes_key=True),
    "postmark": Service(PostmarkTrackingWebhookView, event_types.POSTMARK),
    "resend": Service(
        ResendTrackingWebhookView,
        event_types.RESEND,
        recipients=("data.email", "data.to", "data.cc", "data.bcc"),
    ),
    "sendgrid": Service(_SendGrid, event_types.SENDGRID, "tracking_webhook_verification_key"),
    "sparkpost": Service(
        _SparkPost,
        event_types.SPARKPOST,
        recipients=("msys.*.rcpt_to", "msys.*.raw_rcpt_to"),
    ),
}


def is_test(name: str, request: HttpRequest) -> bool:
    """Whether the service only wants to know if the URL exists, before it makes the webhook and its key."""
    if name != "mailersend":
        return False
    body = json.loads(request.body)
    return isinstance(body, dict) and body.get("type") == "webhook.test"


def parse_reports(name: str, view: Any, request: HttpRequest, now: datetime) -> list[Report]:
    """Parse the reports in a request. Raises the library's errors if the body is not from the service."""
    service = SERVICES[name]
    parsed = list(view.parse_events(request))
    events = [event for event in parsed if event is not None]
    if len(events) < len(parsed):
        log.warning("mail reports not understood", service=name, count=len(parsed) - len(events))
        if not events:
            raise ValueError("none of them is a report")
    named = Counter(id(event.esp_event) for event in events)
    reports = []
    for event in events:
        kind, recipient = decide(service.meaning, event.esp_event), _recipient(service, event)
        # Amazon names everybody who may have complained.
        is_unclear = kind in (Kind.COMPLAINT, Kind.UNSUBSCRIBE) and named[id(event.esp_event)] > 1
        if kind is not None and recipient and not is_unclear:
            moment = _moment(service, event)
            key = "|".join([name, kind, recipient.lower(), _identity(event, moment)])
            reports.append(Report(kind, recipient, now if moment is None else min(moment, now), key))
    return reports


def _recipient(service: Service, event: AnymailTrackingEvent) -> str:
    """Return the person that the report is about; empty if there is none, or if it may be one of several.

    Some services repeat the recipient as it was written in the email: Ada Buyer <ada@shop.example>.
    """
    written = [value for path in service.recipients for value in values_at(event.esp_event, path)]
    if not service.recipients:
        written = [event.recipient]
    addresses = [parseaddr(each)[1] or each for each in written if isinstance(each, str)]
    return addresses[0] if len({each.lower() for each in addresses}) == 1 else ""


def _moment(service: Service, event: AnymailTrackingEvent) -> datetime | None:
    if isinstance(event.timestamp, datetime) and event.timestamp.tzinfo is not None:
        return event.timestamp
    seconds = values_at(event.esp_event, service.seconds) if service.seconds else []
    return datetime.fromtimestamp(float(seconds[0]), UTC) if seconds else None


def _identity(event: AnymailTrackingEvent, moment: datetime | None) -> str:
    """Return what a report has in common with its repetitions only."""
    known = event.event_id or event.message_id or ""
    if moment is not None:
        return f"{known}|{moment.astimezone(UTC).isoformat()}"
    return str(known) or json.dumps(event.esp_event, sort_keys=True)
