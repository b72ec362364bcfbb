"""The door through which Stripe's events come: verified, written down once, answered 200."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import stripe
import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox import handlers as inbox

log = structlog.get_logger(__name__)

TOLERANCE_SECONDS = 300


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest, account_id: uuid.UUID) -> JsonResponse:
    """POST from Stripe. Events nobody here handles get 200 as well: else Stripe repeats them for days."""
    try:
        return _taken_in(request, account_id)
    except DatabaseError:
        log.exception("database failed", account=str(account_id))
        return JsonResponse(
            {"error": {"code": "database", "message": "Please repeat this later."}}, status=503
        )


def _taken_in(request: HttpRequest, account_id: uuid.UUID) -> JsonResponse:
    account = StripeAccount.objects.filter(pk=account_id).first()
    if account is None or not account.webhook_secret:
        return JsonResponse(
            {"error": {"code": "unknown_account", "message": "No such endpoint."}}, status=404
        )
    try:
        event = _verified(request, account)
    except RequestDataTooBig:
        return JsonResponse({"error": {"code": "too_large", "message": "Larger than 2 MB."}}, status=413)
    except (stripe.SignatureVerificationError, ValueError):
        log.warning("stripe webhook refused", account=str(account_id))
        refusal = {"code": "invalid_signature", "message": "The signature is not Stripe's."}
        return JsonResponse({"error": refusal}, status=400)
    return JsonResponse({"ok": True, "new": _recorded(account, event)})


def _verified(request: HttpRequest, account: StripeAccount) -> dict[str, Any]:
    body = request.body.decode("utf-8")
    signature = request.headers.get("Stripe-Signature", "")
    _check_signature(body, signature, account)
    event = json.loads(body)
    if not isinstance(event, dict) or not isinstance(event.get("id"), str):
        raise ValueError("not an event")  # noqa: TRY004 - the caller tells bodies apart by ValueError alone
    return event


def _check_signature(body: str, signature: str, account: StripeAccount) -> None:
    """By the endpoint's secret, or by the one before while the endpoint is being renewed."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, account.webhook_secret, TOLERANCE_SECONDS)
    except stripe.SignatureVerificationError:
        is_renewing = account.old_secret_until is not None and account.old_secret_until > timezone.now()
        if not account.old_webhook_secret or not is_renewing:
            raise
        stripe.WebhookSignature.verify_header(body, signature, account.old_webhook_secret, TOLERANCE_SECONDS)


def _recorded(account: StripeAccount, event: dict[str, Any]) -> bool:
    kind = str(event.get("type", ""))
    if not inbox.is_handled("stripe", kind) or event.get("livemode") != account.livemode:
        return False
    occurred_at = datetime.fromtimestamp(int(event["created"]), UTC)
    return inbox.record("stripe", account.pk, event["id"], kind, event, occurred_at)
