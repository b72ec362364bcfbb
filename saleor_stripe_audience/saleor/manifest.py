"""The manifest: what the app is, what it may do and what it wants to be told, made for the version that asks."""

import json
import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from saleor_stripe_audience import __version__
from saleor_stripe_audience.documents import document_names, read_document

NEWEST = (3, 24)
OLDEST = (3, 21)
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
_SINCE = re.compile(r"#\s*since\s+(\d+)\.(\d+)\s*$")

Version = tuple[int, int]


@require_safe
def manifest_view(request: HttpRequest) -> JsonResponse:
    """GET /api/manifest[?variant=payments-only|audience-only], for the version in Saleor-Schema-Version."""
    variant = request.GET.get("variant", "app")
    if variant not in variants():
        message = f"There is no variant “{variant[:40]}”. Choose one of: {', '.join(variants())}."
        return JsonResponse({"error": {"code": "unknown_variant", "message": message}}, status=400)
    return JsonResponse(manifest(variant, read_version(request.headers.get("Saleor-Schema-Version", ""))))


def variants() -> list[str]:
    """The names of the manifests that can be asked for."""
    return document_names("manifests", ".json")


def manifest(variant: str, version: Version) -> dict[str, Any]:
    """The whole manifest, every address and query filled in."""
    text = read_document(f"manifests/{variant}.json").replace("{base_url}", settings.PUBLIC_URL)
    made: dict[str, Any] = json.loads(text)
    made["id"], made["name"], made["version"] = settings.APP_ID, settings.APP_NAME, __version__
    made["brand"] = {"logo": {"default": settings.PUBLIC_URL + static("saleor/logo.png")}}
    made["webhooks"] = [webhook(event, version) for event in made["webhooks"] if exists(event, version)]
    return made


def exists(event: str, version: Version) -> bool:
    """Whether a host of that version sends the event: its document's first line may say `# since` a later one."""
    return since(_document(event).partition("\n")[0]) <= version


def webhook(event: str, version: Version) -> dict[str, Any]:
    """One webhook of the manifest: an address of its own and the query trimmed to that version."""
    name = event.lower()
    return {
        "name": name.replace("_", " ").capitalize(),
        "identifier": name,
        "syncEvents" if event in SYNCHRONOUS else "asyncEvents": [event],
        "query": trimmed(_document(event), version),
        "targetUrl": f"{settings.PUBLIC_URL}/api/webhooks/saleor/{name.replace('_', '-')}",
        "isActive": True,
    }


def trimmed(document: str, version: Version) -> str:
    """The document without the lines that say `# since` a later version: one unknown field fails the install."""
    return "\n".join(line for line in document.splitlines() if since(line) <= version)


def _document(event: str) -> str:
    return read_document(f"graphql/webhooks/{event}.graphql")


def read_version(text: str) -> Version:
    """Of "3.23": (3, 23); the newest known one when nothing readable is given."""
    found = re.match(r"(\d{1,3})\.(\d{1,3})", text)
    return (int(found[1]), int(found[2])) if found else NEWEST


def since(line: str) -> Version:
    """The version that a line of a document needs: it may end in `# since 3.22`."""
    found = _SINCE.search(line)
    return (int(found[1]), int(found[2])) if found else OLDEST
