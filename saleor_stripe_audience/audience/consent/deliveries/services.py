"""The email services that can report to the app, and how to distinguish their hard bounces from soft ones.

django-anymail parses their reports and checks their signatures. It classifies bounces only by reason, so whether one
is permanent is read from the report itself, where each service documents it.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr
from enum import StrEnum
from typing import Any

from anymail.exceptions import AnymailInsecureWebhookWarning
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
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

# The library warns if there is no basic auth: here the URL itself contains a secret.
warnings.simplefilter("ignore", AnymailInsecureWebhookWarning)


class Kind(StrEnum):
    """What a report says about an address."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    DELIVERED = "delivered"


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


@dataclass(frozen=True, slots=True)
class Service:
    """How one service reports.

    `path` leads to the value that distinguishes bounces: a hard one has one of `hard_values`. `reason_path` leads to a
    reason that decides what the report means, if it is one of `reasons`: the library has no name for it. `key_name` is
    the library's name for the service's signing key, empty if the service does not sign.
    """

    view: type[Any]
    path: tuple[str, ...]
    hard_values: frozenset[str]
    key_name: str = ""
    needs_key: bool = False
    reason_path: tuple[str, ...] = ()
    reasons: Mapping[str, Kind] = field(default_factory=dict)

    def build_view(self, signing_key: str, url: str) -> Any:
        """Return the library's view, which verifies and parses; `url` is for services that sign their URL."""
        options = {self.key_name: signing_key} if self.key_name and signing_key else {}
        if self.view is MandrillCombinedWebhookView:
            options["webhook_url"] = url
        return self.view(**options)


SERVICES: Mapping[str, Service] = {
    "amazon-ses": Service(_AmazonSes, ("bounce", "bounceType"), frozenset({"Permanent"})),
    "brevo": Service(
        BrevoTrackingWebhookView,
        ("event",),
        frozenset({"hard_bounce", "invalid_email"}),
        reason_path=("event",),
        reasons={"unsubscribed": Kind.UNSUBSCRIBE},
    ),
    "mailersend": Service(
        MailerSendTrackingWebhookView,
        ("data", "type"),
        frozenset({"hard_bounced"}),
        "signing_secret",
        needs_key=True,
    ),
    "mailgun": Service(
        MailgunTrackingWebhookView,
        ("event-data", "reason"),
        frozenset({"bounce", "suppress-bounce"}),
        "webhook_signing_key",
        needs_key=True,
        reason_path=("event-data", "reason"),
        reasons={"suppress-unsubscribe": Kind.UNSUBSCRIBE, "suppress-complaint": Kind.COMPLAINT},
    ),
    "mailjet": Service(MailjetTrackingWebhookView, ("hard_bounce",), frozenset({"True", "1"})),
    "mandrill": Service(
        MandrillCombinedWebhookView, ("event",), frozenset({"hard_bounce"}), "webhook_key", needs_key=True
    ),
    "postmark": Service(
        PostmarkTrackingWebhookView,
        ("Type",),
        frozenset({"HardBounce", "BadEmailAddress"}),
        reason_path=("SuppressionReason",),
        reasons={"HardBounce": Kind.HARD_BOUNCE, "SpamComplaint": Kind.COMPLAINT},
    ),
    "resend": Service(ResendTrackingWebhookView, ("data", "bounce", "type"), frozenset({"Permanent"})),
    "sendgrid": Service(
        SendGridTrackingWebhookView,
        ("type",),
        frozenset({"bounce"}),
        "tracking_webhook_verification_key",
        reason_path=("reason",),
        reasons={"Spam Reporting Address": Kind.COMPLAINT},
    ),
    "sparkpost": Service(
        SparkPostTrackingWebhookView,
        ("msys", "message_event", "bounce_class"),
        frozenset({"10", "30"}),
    ),
}


def parse_reports(name: str, view: Any, request: HttpRequest, now: datetime) -> list[Report]:
    """Parse the reports in a request. Raises the library's errors if the body is not from the service."""
    parsed = (_parse_report(name, event, now) for event in view.parse_events(request))
    return [report for report in parsed if report is not None]


def _parse_report(name: str, event: AnymailTrackingEvent, now: datetime) -> Report | None:
    service = SERVICES[name]
    kind = service.reasons.get(_value_at(event, service.reason_path)) or _classify(service, event)
    if kind is None or not isinstance(event.recipient, str):
        return None
    # Some services repeat the recipient as it was written in the email: Ada Buyer <ada@shop.example>.
    recipient = parseaddr(event.recipient)[1] or event.recipient
    key = [name, kind, recipient.lower(), event.event_id or event.message_id or ""]
    at = now
    if isinstance(event.timestamp, datetime) and event.timestamp.tzinfo is not None:
        at = min(event.timestamp, now)
        key.append(event.timestamp.astimezone(UTC).isoformat())
    return Report(kind, recipient, at, "|".join(key))


def _classify(service: Service, event: AnymailTrackingEvent) -> Kind | None:
    """Return None for events that say nothing about the address, such as an opened or a deferred email."""
    match event.event_type, event.reject_reason:
        case (EventType.COMPLAINED, _) | (EventType.REJECTED, RejectReason.SPAM):
            return Kind.COMPLAINT
        case (EventType.UNSUBSCRIBED, _) | (EventType.REJECTED, RejectReason.UNSUBSCRIBED):
            return Kind.UNSUBSCRIBE
        case (EventType.DELIVERED, _):
            return Kind.DELIVERED
        case (EventType.REJECTED, RejectReason.BOUNCED | RejectReason.INVALID):
            return Kind.HARD_BOUNCE  # the service remembers an earlier bounce
        case (EventType.BOUNCED, _):
            is_hard = _value_at(event, service.path) in service.hard_values
            return Kind.HARD_BOUNCE if is_hard else Kind.SOFT_BOUNCE
    return None


def _value_at(event: AnymailTrackingEvent, path: tuple[str, ...]) -> str:
    """Return a value of the report itself; empty if it is not there, or the service has no such value."""
    value: Any = event.esp_event if path else None
    for step in path:
        value = value.get(step) if hasattr(value, "get") else None
    return "" if value is None else str(value)
