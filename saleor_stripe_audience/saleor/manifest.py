"""The manifest that Saleor reads to install the app: permissions, extensions and webhooks, for the shop's version."""

import json
from functools import cache, lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from saleor_stripe_audience import __version__
from saleor_stripe_audience.documents import document_names, read_document
from saleor_stripe_audience.saleor.documents import NEWEST, Version, is_supported, read_version, subscription
from saleor_stripe_audience.saleor.extensions import extension, is_known

SYNCHRONOUS = frozenset(
    {
        "PAYMENT_GATEWAY_INITIALIZE_SESSION",
        "TRANSACTION_INITIALIZE_SESSION",
        "TRANSACTION_PROCESS_SESSION",
        "TRANSACTION_CHARGE_REQUESTED",
        "TRANSACTION_REFUND_REQUESTED",
        "TRANSACTION_CANCELATION_REQUESTED",
        "LIST_STORED_PAYMENT_METHODS",
        "STORED_PAYMENT_METHOD_DELETE_REQUESTED",
        "PAYMENT_GATEWAY_INITIALIZE_TOKENIZATION_SESSION",
        "PAYMENT_METHOD_INITIALIZE_TOKENIZATION_SESSION",
        "PAYMENT_METHOD_PROCESS_TOKENIZATION_SESSION",
    }
)


@require_safe
def manifest_view(request: HttpRequest) -> HttpResponse:
    """GET /api/manifest[?variant=payments-only|audience-only], for the version in Saleor-Schema-Version."""
    variant = request.GET.get("variant", "app") if request.META.get("QUERY_STRING") else "app"
    if variant not in variants():
        message = f"There is no variant “{variant[:40]}”. Choose one of: {', '.join(variants())}."
        return JsonResponse({"error": {"code": "unknown_variant", "message": message}}, status=400)
    version = min(read_version(request.META.get("HTTP_SALEOR_SCHEMA_VERSION", "")), NEWEST)
    text = _text(
        variant, version, settings.PUBLIC_URL, settings.APP_ID, settings.APP_NAME, settings.STAFF_LANGUAGE
    )
    return HttpResponse(text, content_type="application/json")


@lru_cache(64)
def _text(variant: str, version: Version, *_settings: str) -> bytes:
    return json.dumps(manifest(variant, version)).encode()


@cache
def variants() -> list[str]:
    """The names of the manifests to choose from."""
    return document_names("manifests", ".json")


def manifest(variant: str, version: Version) -> dict[str, Any]:
    """The whole manifest, with every URL and query."""
    text = read_document(f"manifests/{variant}.json").replace("{base_url}", settings.PUBLIC_URL)
    fields: dict[str, Any] = json.loads(text)
    fields["id"], fields["name"], fields["version"] = settings.APP_ID, settings.APP_NAME, __version__
    fields["brand"] = {"logo": {"default": settings.PUBLIC_URL + static("saleor/logo.png")}}
    fields["extensions"] = [
        extension(name, fields["appUrl"]) for name in fields["extensions"] if is_known(name, version)
    ]
    fields["webhooks"] = [
        webhook(event, version) for event in fields["webhooks"] if is_supported(event, version)
    ]
    return fields


def webhook(event: str, version: Version) -> dict[str, Any]:
    """One webhook of the manifest, with its own target URL."""
    name = event.lower()
    return {
        "name": name.replace("_", " ").capitalize(),
        "identifier": name,
        "syncEvents" if event in SYNCHRONOUS else "asyncEvents": [event],
        "query": subscription(event, version),
        "targetUrl": f"{settings.PUBLIC_URL}/api/webhooks/saleor/{name.replace('_', '-')}",
        "isActive": True,
    }
