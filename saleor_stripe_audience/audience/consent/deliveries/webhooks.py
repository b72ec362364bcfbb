"""The addresses to which mail services report: made for one shop and service, with a secret in each."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from saleor_stripe_audience.audience.consent.deliveries import record, services
from saleor_stripe_audience.audience.consent.deliveries.services import SERVICES
from saleor_stripe_audience.audience.consent.models import MailWebhook
from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

SOURCE = "mail"  # of the inbox's events
PATH = "/api/webhooks/mail/"
SECRET_BYTES = 32
LONGEST_KEY = 2_000
CONFIRM_SECONDS = 10
_AMAZON = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")


@dataclass(frozen=True, slots=True)
class Made:
    """A new webhook and its address; that holds the secret, which is kept nowhere."""

    webhook: MailWebhook
    url: str


def create(installation: Installation, service: str, signing_key: str = "") -> Made:
    """An address for the service to report to. `Rejected` for an unknown service, or one whose key is needed."""
    found = SERVICES.get(service)
    if found is None:
        raise Rejected(f"Give one of these services: {', '.join(SERVICES)}.", code="service")
    _check_key(service, signing_key)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    webhook = MailWebhook.objects.create(
        installation=installation, service=service, secret_digest=_digest(secret), signing_key=signing_key
    )
    return Made(webhook, f"{settings.PUBLIC_URL}{PATH}{secret}")


def revoke(webhook: MailWebhook) -> None:
    """Nothing is taken from the address any more."""
    MailWebhook.objects.filter(pk=webhook.pk, revoked_at=None).update(revoked_at=timezone.now())


def webhooks_of(installation: Installation) -> QuerySet[MailWebhook]:
    """Those that are in use."""
    return MailWebhook.objects.filter(installation=installation, revoked_at=None).order_by("created_at")


def webhook_of(secret: str) -> MailWebhook | None:
    """Whose address holds the secret."""
    usable = MailWebhook.objects.filter(revoked_at=None, installation__is_active=True)
    return usable.filter(secret_digest=_digest(secret)).select_related("installation").first()


def take_in(webhook: MailWebhook, request: HttpRequest, secret: str) -> int:
    """Write down what the service reports of the shop's contacts; returns how much of it is new.

    Raises the library's refusal for a wrong signature, and whatever it raises for a body that is none of the service's.
    """
    url = f"{settings.PUBLIC_URL}{PATH}{secret}"
    view = SERVICES[webhook.service].view_of(webhook.signing_key, url)
    view.run_validators(request)
    if webhook.service == "amazon-ses":
        _confirm_subscription(view, request)
    MailWebhook.objects.filter(pk=webhook.pk).update(heard_at=timezone.now())
    told = services.reports_in(webhook.service, view, request, timezone.now())
    return sum(_written(webhook, report) for report in told)


def _written(webhook: MailWebhook, report: services.Report) -> bool:
    if not record.concerns_somebody(webhook.installation, report.kind, report.recipient):
        return False
    payload = {"recipient": report.recipient, "service": webhook.service}
    return inbox.record(
        SOURCE, webhook.installation_id, _digest(report.key), str(report.kind), payload, report.at
    )


def _check_key(service: str, signing_key: str) -> None:
    found = SERVICES[service]
    if found.needs_key and not signing_key:
        raise Rejected(f"{service} signs its reports. Give its webhook signing key, too.", code="signing_key")
    if signing_key and not found.key_name:
        raise Rejected(f"Reports of {service} are not checked by a key. Leave it out.", code="signing_key")
    if not signing_key.isascii() or len(signing_key) > LONGEST_KEY or not _is_key(service, signing_key):
        raise Rejected("This is no key. Copy it from the service again.", code="signing_key")


def _is_key(service: str, signing_key: str) -> bool:
    """Whether the library can check signatures by it."""
    try:
        SERVICES[service].view_of(signing_key, "")
    except ValueError:
        return False
    return True


def _confirm_subscription(view: object, request: HttpRequest) -> None:
    """Amazon's notification service sends nothing before its own address was asked once."""
    told = view._parse_sns_message(request)  # type: ignore[attr-defined]  # noqa: SLF001 - the library has no other way
    if told.get("Type") != "SubscriptionConfirmation":
        return
    url = urlsplit(str(told.get("SubscribeURL", "")))
    if url.scheme != "https" or not _AMAZON.fullmatch(url.netloc):
        raise ValueError("not Amazon's address")
    leave_database()
    answer = requests.get(url.geturl(), timeout=CONFIRM_SECONDS, allow_redirects=False)
    log.info("mail webhook confirmed", status=answer.status_code)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
