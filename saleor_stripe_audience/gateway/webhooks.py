"""The endpoints that receive Stripe's events: verified, stored once, answered with 200.

Each account with its own keys has its endpoint and its secret. All accounts of the operator's platform share one, and
the event says which account it belongs to.
"""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import stripe
import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from saleor_stripe_audience.database import failure_of
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import accounts, catalogue, platform
from saleor_stripe_audience.gateway.events import without_private
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.inbox.handlers import is_handled
from saleor_stripe_audience.refusals import RETRY_SECONDS
from saleor_stripe_audience.strict_json import read_object

log = structlog.get_logger(__name__)

TOLERANCE_SECONDS = 300
LONGEST_ID = 255  # characters; Stripe's documented limit for ids
LATEST = 253_402_300_800  # seconds since 1970: the year 10000, which no date of Python's reaches


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest, account_id: uuid.UUID) -> JsonResponse:
    """Receive a POST from Stripe. Events that the app does not handle get 200 as well, because Stripe would repeat them
    for days.
    """
    return _answered(lambda: _taken_in(request, account_id), str(account_id))


@csrf_exempt
@require_POST
def connect_webhook(request: HttpRequest) -> JsonResponse:
    """Receive a POST from Stripe about an account of the platform. Events about unknown accounts get 200 as well."""
    return _answered(lambda: _taken_in_of_platform(request), "platform")


def _answered(take_in: Callable[[], JsonResponse], whose: str) -> JsonResponse:
    try:
        return take_in()
    except Error as error:
        log.exception("database failed", account=whose)
        failure = failure_of(error)
        if isinstance(failure, Rejected):
            return _refusal(400, failure.code, failure.message)
        return _refusal(503, "database", "Please repeat this later.")
    except Rejected as refusal:
        log.warning("stripe webhook refused", account=whose, code=refusal.code)
        return _refusal(400, refusal.code, refusal.message)
    except RequestDataTooBig:
        return _refusal(413, "too_large", "Larger than 2 MB.")
    except (stripe.SignatureVerificationError, ValueError):
        log.warning("stripe webhook refused", account=whose, code="invalid_signature")
        return _refusal(400, "invalid_signature", "The signature is not Stripe's.")


def _taken_in(request: HttpRequest, account_id: uuid.UUID) -> JsonResponse:
    account = accounts.known_account(account_id)
    if account is None or not account.webhook_secret:
        return _refusal(404, "unknown_account", "No such endpoint.")
    try:
        event = _verified(request, _secrets_of(account))
    except stripe.SignatureVerificationError:
        # Another process may have renewed the endpoint a moment ago.
        account.refresh_from_db()
        event = _verified(request, _secrets_of(account))
    return JsonResponse({"ok": True, "new": _recorded(account, event)})


def _taken_in_of_platform(request: HttpRequest) -> JsonResponse:
    if not platform.is_offered():
        return _refusal(404, "unknown_account", "No such endpoint.")
    event = _verified(request, [settings.STRIPE_PLATFORM_WEBHOOK_SECRET])
    account = _hosted_account(event)
    return JsonResponse({"ok": True, "new": account is not None and _recorded(account, event)})


def _hosted_account(event: dict[str, Any]) -> StripeAccount | None:
    """Return the account that sent the event; None for the platform's own events and for accounts that are not ours.

    A platform's live endpoint also receives the events of its test accounts, so the mode also identifies the account.
    """
    stripe_id, livemode = event.get("account"), event.get("livemode")
    if not isinstance(stripe_id, str) or not stripe_id or not isinstance(livemode, bool):
        return None
    return StripeAccount.objects.filter(
        kind=StripeAccount.Kind.CONNECT, stripe_id=stripe_id, livemode=livemode
    ).first()


def _refusal(status: int, code: str, message: str) -> JsonResponse:
    answer = JsonResponse({"error": {"code": code, "message": message}}, status=status)
    if status == 503:  # noqa: PLR2004 - Service Unavailable
        answer["Retry-After"] = RETRY_SECONDS
    return answer


def _verified(request: HttpRequest, secrets: list[str]) -> dict[str, Any]:
    body = request.body.decode("utf-8")
    signature = request.headers.get("Stripe-Signature", "")
    _check_signature(body, signature, secrets)
    return _event_in(body)


def _event_in(body: str) -> dict[str, Any]:
    """Return the event in a body that Stripe signed; `Rejected` if it is malformed."""
    try:
        event = read_object(body)
    except ValueError:
        raise _unreadable() from None
    event_id = event.get("id")
    if not isinstance(event_id, str) or not 0 < len(event_id) <= LONGEST_ID:
        raise _unreadable()
    return event


def _unreadable() -> Rejected:
    return Rejected("The body is not a Stripe event.", code="unreadable")


def _secrets_of(account: StripeAccount) -> list[str]:
    """The endpoint's secret, and the one before while the endpoint is being renewed."""
    is_renewing = account.old_secret_until is not None and account.old_secret_until > timezone.now()
    old = [account.old_webhook_secret] if account.old_webhook_secret and is_renewing else []
    return [account.webhook_secret, *old]


def _check_signature(body: str, signature: str, secrets: list[str]) -> None:
    # Reject future timestamps: the library only rejects old ones, and a future one could be replayed until then.
    for part in signature.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "t" and int(value) > time.time() + TOLERANCE_SECONDS:
            raise ValueError("the timestamp is in the future")
    *others, last = secrets
    for secret in others:
        with suppress(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS)
            return
    stripe.WebhookSignature.verify_header(body, signature, last, TOLERANCE_SECONDS)


def _recorded(account: StripeAccount, event: dict[str, Any]) -> bool:
    kind = str(event.get("type", ""))
    if not is_handled("stripe", kind) or event.get("livemode") != account.livemode:
        return False
    if catalogue.is_own(event):
        return False  # four for each variant that is sent, and none of them contains anything new
    data = event.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("object"), dict):
        raise _unreadable()
    kept = without_private(event)
    return inbox.record("stripe", account.pk, event["id"], kind, kept, _occurred_at(event))


def _occurred_at(event: dict[str, Any]) -> datetime:
    """Return when Stripe created the event; `Rejected` unless it is given in seconds since 1970."""
    created = event.get("created")
    if isinstance(created, bool) or not isinstance(created, int) or not 0 < created < LATEST:
        raise _unreadable()
    return datetime.fromtimestamp(created, UTC)
