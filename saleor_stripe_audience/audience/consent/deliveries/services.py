"""The mail services that can report to the app, and how each tells a hard bounce from a soft one.

Their reports are read and their signatures checked by django-anymail. It tells bounces apart by their reason only, so
whether one is for good is read from the report itself; each service documents where it stands.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
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

# The library warns where no basic auth is set: here the address itself holds a secret.
warnings.simplefilter("ignore", AnymailInsecureWebhookWarning)


class Kind(StrEnum):
    """What a report says of an address."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that a service said of one address; `key` makes it the same when it is told again."""

    kind: Kind
    recipient: str
    at: datetime
    key: str


class _AmazonSes(AmazonSESTrackingWebhookView):  # type: ignore[misc]  # the library has no types
    """Without Amazon's own client: the subscription is confirmed by `webhooks`."""

    def __init__(self, **kwargs: Any) -> None:
        self.auto_confirm_enabled = False
        AnymailBaseWebhookView.__init__(self, **kwargs)


@dataclass(frozen=True, slots=True)
class Service:
    """`place` leads to what tells a bounce for good, which is one of `hard`; `key_name` is what the library calls the
    service's signing key, and empty where it does not sign.
    """

    view: type[Any]
    place: tuple[str, ...]
    hard: frozenset[str]
    key_name: str = ""
    needs_key: bool = False

    def view_of(self, signing_key: str, url: str) -> Any:
        """The library's view, which checks and reads; `url` is what the service signs, where it signs that."""
        known = {self.key_name: signing_key} if self.key_name and signing_key else {}
        if self.view is MandrillCombinedWebhookView:
            known["webhook_url"] = url
        return self.view(**known)


SERVICES: Mapping[str, Service] = {
    "amazon-ses": Service(_AmazonSes, ("bounce", "bounceType"), frozenset({"Permanent"})),
    "brevo": Service(BrevoTrackingWebhookView, ("event",), frozenset({"hard_bounce", "invalid_email"})),
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
    ),
    "mailjet": Service(MailjetTrackingWebhookView, ("hard_bounce",), frozenset({"True", "1"})),
    "mandrill": Service(
        MandrillCombinedWebhookView, ("event",), frozenset({"hard_bounce"}), "webhook_key", needs_key=True
    ),
    "postmark": Service(PostmarkTrackingWebhookView, ("Type",), frozenset({"HardBounce", "BadEmailAddress"})),
    "resend": Service(ResendTrackingWebhookView, ("data", "bounce", "type"), frozenset({"Permanent"})),
    "sendgrid": Service(
        SendGridTrackingWebhookView, ("type",), frozenset({"bounce"}), "tracking_webhook_verification_key"
    ),
    "sparkpost": Service(
        SparkPostTrackingWebhookView,
        ("msys", "message_event", "bounce_class"),
        frozenset({"10", "30"}),
    ),
}


def reports_in(name: str, view: Any, request: HttpRequest, now: datetime) -> list[Report]:
    """What the request reports of addresses. Raises what the library raises of a body that is none of the service's."""
    read = (_report(name, each, now) for each in view.parse_events(request))
    return [report for report in read if report is not None]


def _report(name: str, event: AnymailTrackingEvent, now: datetime) -> Report | None:
    kind = _kind(SERVICES[name], event)
    if kind is None or not isinstance(event.recipient, str):
        return None
    at = min(event.timestamp, now) if _is_moment(event.timestamp) else now
    told = [name, kind, event.recipient.lower(), event.event_id or event.message_id or ""]
    if _is_moment(event.timestamp):
        told.append(event.timestamp.astimezone(UTC).isoformat())
    return Report(kind, event.recipient, at, "|".join(told))


def _is_moment(told: Any) -> bool:
    return isinstance(told, datetime) and told.tzinfo is not None


def _kind(service: Service, event: AnymailTrackingEvent) -> Kind | None:
    """None for what says nothing of the address, such as an opened mail or one that is still on its way."""
    match event.event_type, event.reject_reason:
        case (EventType.COMPLAINED, _) | (EventType.REJECTED, RejectReason.SPAM):
            return Kind.COMPLAINT
        case (EventType.UNSUBSCRIBED, _) | (EventType.REJECTED, RejectReason.UNSUBSCRIBED):
            return Kind.UNSUBSCRIBE
        case (EventType.DELIVERED, _):
            return Kind.DELIVERED
        case (EventType.REJECTED, RejectReason.BOUNCED | RejectReason.INVALID):
            return Kind.HARD_BOUNCE  # the service knows it from a former bounce
        case (EventType.BOUNCED, _):
            is_hard = _found(event.esp_event, service.place) in service.hard
            return Kind.HARD_BOUNCE if is_hard else Kind.SOFT_BOUNCE
    return None


def _found(told: Any, place: tuple[str, ...]) -> str:
    for step in place:
        told = told.get(step) if hasattr(told, "get") else None
    return "" if told is None else str(told)
