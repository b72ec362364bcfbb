"""The webhooks that email services report to: one per shop and service, with a secret in the URL."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import structlog
from anymail.exceptions import AnymailWebhookValidationFailure
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent.deliveries import record, services
from saleor_stripe_audience.audience.consent.deliveries.services import SERVICES
from saleor_stripe_audience.audience.consent.models import MailWebhook
from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

log = structlog.get_logger(__name__)

SOURCE = "mail"  # of the events in the inbox
PATH = "/api/webhooks/mail/"
SECRET_BYTES = 32
MAX_KEY_LENGTH = 2_000
CONFIRM_SECONDS = 10
LONGEST_URL = 2_000  # characters
_AMAZON_HOST = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.(com|com\.cn|eu)")


@dataclass(frozen=True, slots=True)
class CreatedWebhook:
    """A new webhook and its URL, the only place with the secret: the app stores its hash."""

    webhook: MailWebhook
    url: str


def create(installation: Installation, service: str, signing_key: str = "") -> CreatedWebhook:
    """Create a webhook for the service. `Rejected` for an unknown service, or a missing or invalid signing key.

    A key that the service makes for the URL is given to `set_key`: no report is accepted before.
    """
    if service not in SERVICES:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "Give one of these services: {known}."), known=", ".join(SERVICES)
            ),
            code="service",
        )
    if signing_key or not SERVICES[service].makes_key:
        _check_key(service, signing_key)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    webhook = MailWebhook.objects.create(
        installation=installation, service=service, secret_digest=_digest(secret), signing_key=signing_key
    )
    return CreatedWebhook(webhook, f"{settings.PUBLIC_URL}{PATH}{secret}")


def set_key(webhook: MailWebhook, signing_key: str) -> None:
    """Verify reports with this key from now on. `Rejected` if it is missing or invalid."""
    if not signing_key and SERVICES[webhook.service].key_name:
        raise _missing_key(webhook.service)
    _check_key(webhook.service, signing_key)
    MailWebhook.objects.filter(pk=webhook.pk).update(signing_key=signing_key)


def is_without_key(webhook: MailWebhook) -> bool:
    """Whether no report can be accepted, because the service signs them and its key is not known."""
    return SERVICES[webhook.service].needs_key and not webhook.signing_key


def revoke(webhook: MailWebhook) -> None:
    """Stop accepting reports at the webhook's URL."""
    MailWebhook.objects.filter(pk=webhook.pk, revoked_at=None).update(revoked_at=timezone.now())


def webhooks_of(installation: Installation) -> QuerySet[MailWebhook]:
    """Return the shop's active webhooks, oldest first."""
    return MailWebhook.objects.filter(installation=installation, revoked_at=None).order_by("created_at")


def find_webhook(secret: str) -> MailWebhook | None:
    """Return the active webhook whose URL contains the secret."""
    active = MailWebhook.objects.filter(revoked_at=None, installation__is_active=True)
    return active.filter(secret_digest=_digest(secret)).select_related("installation").first()


def receive(webhook: MailWebhook, request: HttpRequest, secret: str) -> int:
    """Record the reports about the shop's contacts in the inbox; returns how many are new.

    Raises the library's errors for a wrong signature or a body that is not from the service.
    """
    if services.is_test(webhook.service, request):
        return 0
    if is_without_key(webhook):
        raise AnymailWebhookValidationFailure("the key is not known yet")
    url = f"{settings.PUBLIC_URL}{PATH}{secret}"
    view = SERVICES[webhook.service].build_view(webhook.signing_key, url)
    view.run_validators(request)
    if webhook.service == "amazon-ses":
        _confirm_subscription(view, request)
    MailWebhook.objects.filter(pk=webhook.pk).update(heard_at=timezone.now())
    new = 0
    for report in services.parse_reports(webhook.service, view, request, timezone.now()):
        if record.is_relevant(webhook.installation, report.kind, report.recipient):
            payload = {"recipient": report.recipient, "service": webhook.service}
            key, kind = _digest(report.key), str(report.kind)
            new += inbox.record(SOURCE, webhook.installation_id, key, kind, payload, report.at)
    return new


def _check_key(service: str, signing_key: str) -> None:
    options = SERVICES[service]
    if options.needs_key and not signing_key:
        raise _missing_key(service)
    if signing_key and not options.key_name:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "{service} does not sign its reports with a key. Leave it out."),
                service=service,
            ),
            code="signing_key",
        )
    if not signing_key.isascii() or len(signing_key) > MAX_KEY_LENGTH or not _is_key(service, signing_key):
        raise Rejected(
            pgettext_lazy("staff", "This is not a valid key. Copy it from the service again."),
            code="signing_key",
        )


def _missing_key(service: str) -> Rejected:
    return Rejected(
        with_values(
            pgettext_lazy("staff", "{service} signs its reports. Enter its webhook signing key too."),
            service=service,
        ),
        code="signing_key",
    )


def _is_key(service: str, signing_key: str) -> bool:
    """Whether the library can verify signatures with the key."""
    try:
        SERVICES[service].build_view(signing_key, "")
    except ValueError:
        return False
    return True


def _confirm_subscription(view: object, request: HttpRequest) -> None:
    """Confirm the subscription: Amazon's notification service sends no reports before its URL was requested once."""
    message = view._parse_sns_message(request)  # type: ignore[attr-defined]  # noqa: SLF001 - the library has no other way
    if message.get("Type") != "SubscriptionConfirmation":
        return
    url = urlsplit(str(message.get("SubscribeURL", ""))[:LONGEST_URL])
    if url.scheme != "https" or not _AMAZON_HOST.fullmatch(url.netloc):
        raise ValueError("not Amazon's address")
    leave_database()
    response = requests.get(url.geturl(), timeout=CONFIRM_SECONDS, allow_redirects=False)
    log.info("mail webhook confirmed", status=response.status_code)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
