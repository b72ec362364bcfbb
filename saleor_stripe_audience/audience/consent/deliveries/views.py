"""The door for reports of mail services: the secret in the address says whose, a signature who sent it."""

import base64
import binascii

import requests
import structlog
from anymail.exceptions import AnymailError, AnymailWebhookValidationFailure
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from saleor_stripe_audience.audience.consent.deliveries import webhooks
from saleor_stripe_audience.refusals import RETRY_SECONDS

log = structlog.get_logger(__name__)

# What reading a body raises that is none of the service's.
_ODD = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError, AnymailError)


@csrf_exempt
@require_http_methods(["POST", "HEAD"])
def mail_webhook(request: HttpRequest, secret: str = "") -> HttpResponse:
    """POST from a mail service. The secret stands in the address, or is basic auth's password there.

    404 for a wrong secret, 403 for a wrong signature, 400 for a body that is none of the service's; 200 also for
    reports that change nothing, else services repeat them.
    """
    try:
        return _answered(request, secret)
    except DatabaseError:
        log.exception("database failed")
        return _refusal(503, "database", "Please repeat this later.")
    except requests.RequestException:
        return _refusal(503, "confirmation", "Please repeat this later.")
    except RequestDataTooBig:
        return _refusal(413, "too_large", "Larger than 2 MB.")
    except AnymailWebhookValidationFailure:
        log.warning("mail webhook refused")
        return _refusal(403, "invalid_signature", "The signature is not the service's.")
    except _ODD:
        log.warning("mail webhook not understood")
        return _refusal(400, "bad_request", "This is no report of the service.")


def _answered(request: HttpRequest, secret: str) -> HttpResponse:
    given = secret or _password(request)
    webhook = webhooks.webhook_of(given) if given else None
    if webhook is None:
        return _refusal(404 if secret else 401, "unknown_webhook", "No such address.")
    if request.method == "HEAD":  # some services try the address first
        return HttpResponse()
    return JsonResponse({"ok": True, "new": webhooks.take_in(webhook, request, given)})


def _password(request: HttpRequest) -> str:
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _refusal(status: int, code: str, message: str) -> JsonResponse:
    answer = JsonResponse({"error": {"code": code, "message": message}}, status=status)
    if status == 401:  # noqa: PLR2004 - HTTP's own number
        answer["WWW-Authenticate"] = 'Basic realm="mail webhook"'
    if status == 503:  # noqa: PLR2004 - as above
        answer["Retry-After"] = RETRY_SECONDS
    return answer
