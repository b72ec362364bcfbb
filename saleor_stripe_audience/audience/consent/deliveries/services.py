"""The email services that can report to the app.

django-anymail parses their reports and checks their signatures. What a report means is read from the report itself,
where each service documents it: the library's event types do not separate a filter's judgement from the person's, nor
permanent bounces from others.
"""

import json
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
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
    OSError,  # a time too large for the platform
    AnymailConfigurationError,
    AnymailError,
)

EARLIEST = datetime(
    2000, 1, 1, tzinfo=UTC
)  # a report with an earlier time says zero, and means that it has none
# Where the library finds the time of a report.
TIMES = frozenset({
    "ts_epoch", "time", "ts", "timestamp", "created_at", "Timestamp", "DeliveredAt", "BouncedAt", "ReceivedAt",
    "ChangedAt",
})  # fmt: skip
LONGEST_RECIPIENT = 1000  # characters, with their name

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

    def esp_to_anymail_events(self, *report: Any) -> list[AnymailTrackingEvent]:
        return _parse(super().esp_to_anymail_events, report)  # type: ignore[no-any-return]


class _Single:
    """A service that sends one report at a time."""

    def esp_to_anymail_event(self, *report: Any) -> AnymailTrackingEvent:
        return _parse(super().esp_to_anymail_event, report)  # type: ignore[misc]  # the library's view comes after


class _Mailgun(_Single, MailgunTrackingWebhookView):  # type: ignore[misc]
    pass


class _Postmark(_Single, PostmarkTrackingWebhookView):  # type: ignore[misc]
    pass


class _Resend(_Single, ResendTrackingWebhookView):  # type: ignore[misc]
    pass


class _MailerSend(_Single, MailerSendTrackingWebhookView):  # type: ignore[misc]  # the library has no types
    """MailerSend also reports on senders, lists and its own maintenance: the library only knows emails."""

    def parse_events(self, request: HttpRequest) -> list[AnymailTrackingEvent]:
        report = json.loads(request.body)
        about_email = str(report["type"]).startswith("activity.")
        return super().parse_events(request) if about_email else []


class _Batch:
    """A service that sends several reports at once. One that the library cannot parse does not stop the others."""

    def esp_to_anymail_event(self, *item: Any) -> AnymailTrackingEvent | None:
        try:
            return _parse(super().esp_to_anymail_event, item)  # type: ignore[misc]  # as above
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
        return [self.esp_to_anymail_event(item) for item in items if not self._is_inbound(item)]

    @staticmethod
    def _is_inbound(item: Any) -> bool:
        return isinstance(item, dict) and "inbound" in (item.get("event"), item.get("type"))


def _parse(parse: Callable[..., Any], report: tuple[Any, ...]) -> Any:
    """Parse a report; if that fails, without its times: the library refuses a report for a time that is none."""
    try:
        return parse(*report)
    except MALFORMED:
        return parse(*map(_without_times, report))


def _without_times(value: Any) -> Any:
    if type(value) is not dict:
        return value
    return {key: _without_times(inner) for key, inner in value.items() if key not in TIMES}


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
    "mailgun": Service(_Mailgun, event_types.MAILGUN, "webhook_signing_key", needs_key=True),
    "mailjet": Service(_Mailjet, event_types.MAILJET),
    "mandrill": Service(_Mandrill, event_types.MANDRILL, "webhook_key", needs_key=True, makes_key=True),
    "postmark": Service(_Postmark, event_types.POSTMARK),
    "resend": Service(
        _Resend,
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
    parsed = list(view.parse_events(request))
    events = [event for event in parsed if event is not None]
    named = Counter(id(event.esp_event) for event in events)
    reports: list[Report] = []
    unreadable = len(parsed) - len(events)
    for event in events:
        try:
            report = _read(name, event, now)
        except MALFORMED:
            unreadable += 1
            continue
        # Amazon names everybody who may have complained.
        is_by_person = report is not None and report.kind in (Kind.COMPLAINT, Kind.UNSUBSCRIBE)
        if report is not None and not (is_by_person and named[id(event.esp_event)] > 1):
            reports.append(report)
    if unreadable:
        log.warning("mail reports not understood", service=name, count=unreadable)
        if unreadable == len(parsed):
            raise ValueError("none of them is a report")
    return reports


def _read(name: str, event: AnymailTrackingEvent, now: datetime) -> Report | None:
    """Read one report; None if it means nothing. Without a readable time it counts from its receipt."""
    service = SERVICES[name]
    kind, recipient = decide(service.meaning, event.esp_event), _recipient(service, event)
    if kind is None or not recipient:
        return None
    moment = _moment(service, event)
    identity = "|".join([name, kind, recipient.lower(), _identity(event, moment)])
    return Report(kind, recipient, now if moment is None else min(moment, now), identity)


def _recipient(service: Service, event: AnymailTrackingEvent) -> str:
    """Return the person that the report is about; empty if there is none, or if it may be one of several.

    Some services repeat the recipient as it was written in the email: Ada Buyer <ada@shop.example>.
    """
    written = [value for path in service.recipients for value in values_at(event.esp_event, path)]
    if not service.recipients:
        written = [event.recipient]
    written = [each for each in written if isinstance(each, str) and len(each) <= LONGEST_RECIPIENT]
    addresses = [parseaddr(each)[1] or each for each in written]
    return addresses[0] if len({each.lower() for each in addresses}) == 1 else ""


def _moment(service: Service, event: AnymailTrackingEvent) -> datetime | None:
    """Return the time of the report in UTC; None if it has none, or none that can be read."""
    seconds = values_at(event.esp_event, service.seconds) if service.seconds else []
    try:
        if isinstance(event.timestamp, datetime) and event.timestamp.tzinfo is not None:
            moment = event.timestamp.astimezone(UTC)
        else:
            moment = datetime.fromtimestamp(float(seconds[0]), UTC)
    except (LookupError, TypeError, ValueError, OverflowError, OSError):
        return None
    return moment if moment >= EARLIEST else None


def _identity(event: AnymailTrackingEvent, moment: datetime | None) -> str:
    """Return what a report has in common with its repetitions only."""
    known = event.event_id or event.message_id or ""
    if moment is not None:
        return f"{known}|{moment.isoformat()}"
    return str(known) or json.dumps(event.esp_event, sort_keys=True)
