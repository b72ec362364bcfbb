"""The host hands over its token: verified with the host itself before anything is kept."""

import json
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.saleor import client, signatures
from saleor_stripe_audience.saleor.addresses import check_allowed
from saleor_stripe_audience.saleor.manifest import variants
from saleor_stripe_audience.saleor.models import Channel, Installation

log = structlog.get_logger(__name__)

REGISTER_SECONDS = 15.0
LONGEST_TOKEN = 500
LONGEST_BODY = 10_000  # bytes; the genuine one has 48


@csrf_exempt
@require_POST
def register_view(request: HttpRequest) -> JsonResponse:
    """POST {"auth_token": …} with the header Saleor-Api-Url. A refusal is shown to the staff who install."""
    try:
        api_url = request.headers.get("Saleor-Api-Url", "")
        check_allowed(api_url)
        with deadline(REGISTER_SECONDS):
            register(
                api_url,
                _token(request),
                _header(request, "Saleor-Domain"),
                _version(request),
                _variant(request),
            )
    except Unavailable as error:
        return _refused(503, error)
    except Failure as error:
        return _refused(403, error)
    return JsonResponse({"success": True})


def register(
    api_url: str, token: str, domain: str, schema_version: str, variant: str = "app"
) -> Installation:
    """Keep the shop's token once the host confirms it is ours; a reinstall keeps the shop's row."""
    identity = client.fetch_app(api_url, token)
    if identity.identifier != settings.APP_ID:
        raise Rejected(
            f"The token belongs to the app “{identity.identifier}”, but this app is “{settings.APP_ID}”. Check APP_ID.",
            code="wrong_app",
        )
    jwks = signatures.fetch_jwks(api_url)
    channels = client.fetch_channels(api_url, token)
    values: dict[str, Any] = {
        "app_id": identity.id,
        "token": token,
        "domain": domain,
        "schema_version": schema_version,
        "variant": variant,
        "jwks": jwks,
        "is_active": True,
        "removed_at": None,
        "registered_at": timezone.now(),
    }
    with transaction.atomic():
        installation, created = Installation.objects.update_or_create(saleor_api_url=api_url, defaults=values)
        keep_channels(installation, channels)
    log.info("shop registered", installation=str(installation.pk), reinstalled=not created)
    return installation


def keep_channels(installation: Installation, channels: list[client.ChannelData]) -> None:
    """Add and update the shop's channels; one that is gone stays known, for the payments it had."""
    for channel in channels:
        Channel.objects.update_or_create(
            installation=installation,
            slug=channel.slug,
            defaults={"name": channel.name, "currency": channel.currency},
        )


def _token(request: HttpRequest) -> str:
    if int(request.headers.get("Content-Length") or 0) > LONGEST_BODY:
        raise Rejected("The registration is too large.", code="unreadable")
    try:
        token = json.loads(request.body)["auth_token"]
    except (ValueError, KeyError, TypeError, RecursionError):
        token = None
    if not isinstance(token, str) or not token or len(token) > LONGEST_TOKEN:
        raise Rejected("The registration came without a token. Install the app again.", code="unreadable")
    return token


def _variant(request: HttpRequest) -> str:
    """Which manifest was installed: its registration address says so."""
    variant = request.GET.get("variant", "app")
    if variant not in variants():
        raise Rejected("The app has no such manifest. Install the app again.", code="unknown_variant")
    return variant


def _header(request: HttpRequest, name: str) -> str:
    return request.headers.get(name, "")[:300]


def _version(request: HttpRequest) -> str:
    return request.headers.get("Saleor-Schema-Version", "")[:20]


def _refused(status: int, error: Failure) -> JsonResponse:
    log.warning("registration refused", code=error.code)
    return JsonResponse({"error": {"code": error.code, "message": error.message}}, status=status)
