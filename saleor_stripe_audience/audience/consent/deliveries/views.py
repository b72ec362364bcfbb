"""The endpoint for reports from email services: the secret in the URL identifies the shop, a signature the sender."""

import base64
import binascii

import requests
import structlog
from anymail.exceptions import AnymailWebhookValidationFailure
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from saleor_stripe_audience.audience.consent.deliveries import services, webhooks
from saleor_stripe_audience.refusals import RETRY_SECONDS

log = structlog.get_logger(__name__)


@csrf_exempt
@require_http_methods(["POST", "HEAD"])
def mail_webhook(request: HttpRequest, secret: str = "") -> HttpResponse:
    """Receive a POST from an email service. The secret is in the URL, or is the password of basic auth.

    404 for a wrong secret, 403 for a wrong signature, 400 for a body that is not from the service; 200 also for
    reports that change nothing, because services repeat failed ones.
    """
    try:
        return _receive(request, secret)
    except DatabaseError:
        log.exception("database failed")
        return _refusal(503, "database", "Please try again later.")
    except requests.RequestException:
        return _refusal(503, "confirmation", "Please try again later.")
    except RequestDataTooBig:
        return _refusal(413, "too_large", "Larger than 2 MB.")
    except AnymailWebhookValidationFailure:
        log.warning("mail webhook refused")
        return _refusal(403, "invalid_signature", "The signature is not the service's.")
    except services.MALFORMED:
        log.warning("mail webhook not understood")
        return _refusal(400, "bad_request", "This is not a report from the service.")


def _receive(request: HttpRequest, secret: str) -> HttpResponse:
    given_secret = secret or _password(request)
    webhook = webhooks.find_webhook(given_secret) if given_secret else None
    if webhook is None:
        return _refusal(404 if secret else 401, "unknown_webhook", "No such address.")
    if request.method == "HEAD":  # some services probe the URL first
        return HttpResponse()
    return JsonResponse({"ok": True, "new": webhooks.receive(webhook, request, given_secret)})


def _password(request: HttpRequest) -> str:
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _refusal(status: int, code: str, message: str) -> JsonResponse:
    response = JsonResponse({"error": {"code": code, "message": message}}, status=status)
    if status == 401:  # noqa: PLR2004 - HTTP's own number
        response["WWW-Authenticate"] = 'Basic realm="mail webhook"'
    if status == 503:  # noqa: PLR2004 - as above
        response["Retry-After"] = RETRY_SECONDS
    return response
