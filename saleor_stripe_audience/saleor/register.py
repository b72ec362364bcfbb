"""Registration: Saleor sends the app's token, which is verified with Saleor itself before anything is stored."""

import re
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from saleor_stripe_audience.client_address import client_ip
from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.refusals import RETRY_SECONDS
from saleor_stripe_audience.saleor import client, problems, registration_limits, signatures, trouble
from saleor_stripe_audience.saleor.addresses import check_allowed
from saleor_stripe_audience.saleor.channels import store_channels
from saleor_stripe_audience.saleor.manifest import variants
from saleor_stripe_audience.shops import removal
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.strict_json import read_object

log = structlog.get_logger(__name__)

REGISTER_SECONDS = 15.0
TOKEN = re.compile(r"[!-~]{1,500}")
LONGEST_BODY = 10_000  # bytes; the genuine one has 48


@csrf_exempt
@require_POST
def register_view(request: HttpRequest) -> JsonResponse:
    """POST {"auth_token": …} with the header Saleor-Api-Url. An error is shown to the staff who install the app."""
    try:
        api_url, token, variant = (
            request.headers.get("Saleor-Api-Url", ""),
            _token(request),
            _variant(request),
        )
        check_allowed(api_url)
        with registration_limits.limited(api_url, client_ip(request)), deadline(REGISTER_SECONDS):
            domain = request.headers.get("Saleor-Domain", "")[:300]
            version = request.headers.get("Saleor-Schema-Version", "")[:20]
            register(api_url, token, domain, version, variant)
    except Unavailable as error:
        return _refuse(503, error)
    except Failure as error:
        return _refuse(429 if error.code == registration_limits.TOO_MANY else 403, error)
    return JsonResponse({"success": True})


def register(
    api_url: str, token: str, domain: str, schema_version: str, variant: str = "app"
) -> Installation:
    """Store the shop's token once Saleor confirms that it is ours; a reinstall by the same shop keeps its row.

    `Rejected` if the URL belonged to a shop with different signing keys, until the operator decides.
    """
    identity = client.fetch_app(api_url, token)
    if identity.identifier != settings.APP_ID:
        raise Rejected(
            f"The token belongs to the app “{identity.identifier}”, but this app is “{settings.APP_ID}”. Check APP_ID.",
            code="wrong_app",
        )
    jwks = signatures.fetch_jwks(api_url)
    _check_same_shop(api_url, jwks)
    fetched_at = timezone.now()
    channels = client.fetch_channels(api_url, token)
    values: dict[str, Any] = {
        "app_id": identity.id,
        "token": token,
        "domain": domain,
        "shop_name": identity.shop_name,
        "schema_version": schema_version,
        "variant": variant,
        "jwks": jwks,
        "is_active": True,
        "removed_at": None,
        "accepts_new_keys_until": None,
        "registered_at": timezone.now(),
    }
    with transaction.atomic():
        installation, created = Installation.objects.update_or_create(saleor_api_url=api_url, defaults=values)
        store_channels(installation, channels, fetched_at)
        trouble.resolve(installation)
        problems.show_again(installation)
        if not created:
            removal.announce_return(installation)
    log.info("shop registered", installation=str(installation.pk), reinstalled=not created)
    return installation


def _check_same_shop(api_url: str, jwks: signatures.Jwks) -> None:
    """`Rejected` if data is stored for this URL and it is not of the shop that publishes these keys."""
    before = Installation.objects.filter(saleor_api_url=api_url).first()
    if before is None or signatures.is_same_shop(before, jwks):
        return
    if before.accepts_new_keys_until is not None and before.accepts_new_keys_until > timezone.now():
        log.info("shop handed over by the operator", installation=str(before.pk))
        return
    raise Rejected(
        "This URL belonged to a shop with different signing keys, and its data is still stored. The app's operator "
        "must decide whether it is the same shop: saleor-stripe-audience hand-over --saleor-api-url URL.",
        code="other_shop",
    )


def _token(request: HttpRequest) -> str:
    body = request.body
    if len(body) > LONGEST_BODY:
        raise Rejected("The registration is too large.", code="unreadable")
    try:
        token = read_object(body).get("auth_token")
    except ValueError:
        token = None
    # A token that is not plain ASCII could not be sent back in a header.
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        raise Rejected("The registration has no token. Install the app again.", code="unreadable")
    return token


def _variant(request: HttpRequest) -> str:
    """Which manifest was installed: it is in its registration URL."""
    variant = request.GET.get("variant", "app")
    if variant not in variants():
        raise Rejected("The app has no such manifest. Install the app again.", code="unknown_variant")
    return variant


def _refuse(status: int, error: Failure) -> JsonResponse:
    log.warning("registration refused", code=error.code)
    response = JsonResponse({"error": {"code": error.code, "message": error.message}}, status=status)
    if status in (429, 503):
        response["Retry-After"] = "60" if status == 429 else RETRY_SECONDS  # noqa: PLR2004 - Too Many Requests
    return response
