"""The endpoint for a shop's own pages: a public key identifies the shop, the browser's Origin the page."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from strawberry.django.views import GraphQLView

from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.audience.signup.models import StorefrontKey
from saleor_stripe_audience.graphql_fragments import has_undefined_fragments
from saleor_stripe_audience.storefront.schema import MAX_TOKENS, Context, schema
from saleor_stripe_audience.strict_json import read_object

LARGEST_REQUEST_BYTES = 50_000
PREFLIGHT_SECONDS = "600"


@csrf_exempt
def storefront_view(request: HttpRequest) -> HttpResponse:
    """POST of GraphQL with `Authorization: Bearer ssp_…`; no cookie is read or set.

    401 without a key, 403 from a page that is not the shop's, 413 for too much.
    """
    origin = request.headers.get("Origin", "")
    if request.method == "OPTIONS":
        return _preflight(origin)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST", "OPTIONS"])
    scheme, _space, sent = request.headers.get("Authorization", "").partition(" ")
    key = storefront.find_key(sent.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        return _allow_origin(_refuse(401, "UNAUTHENTICATED", "Send the shop's public key."), origin)
    if origin and origin not in key.origins:
        return _refuse(403, "FOREIGN_ORIGIN", "This page's origin is not allowed: add it to the key.")
    return _allow_origin(_respond(request, key), origin)


class _View(GraphQLView[Context, None]):
    def __init__(self, key: StorefrontKey) -> None:
        super().__init__(schema=schema, graphql_ide=None, allow_queries_via_get=False)
        self._key = key

    def get_context(self, request: HttpRequest, response: Any) -> Context:  # noqa: ARG002 - the library's interface
        return Context(self._key.installation, request)


def _respond(request: HttpRequest, key: StorefrontKey) -> HttpResponse:
    if _is_too_large(request):
        return _refuse(413, "TOO_LARGE", "The request is too large.")
    if not _is_graphql(request.body):
        return _refuse(400, "BAD_REQUEST", "Send one GraphQL operation as a JSON object.")
    response = _View(key).dispatch(request)
    return response if isinstance(response, HttpResponse) else _refuse(400, "BAD_REQUEST", "Send a POST.")


def _is_too_large(request: HttpRequest) -> bool:
    try:
        return len(request.body) > LARGEST_REQUEST_BYTES
    except RequestDataTooBig:
        return True


def _is_graphql(body: bytes) -> bool:
    """Whether the body is one operation in the form of GraphQL over HTTP."""
    try:
        operation = read_object(body)
    except ValueError:
        return False
    query = operation.get("query")
    if not isinstance(query, str) or has_undefined_fragments(query, MAX_TOKENS):
        return False
    objects = (operation.get(name) for name in ("variables", "extensions"))
    return all(isinstance(each, dict | None) for each in objects) and isinstance(
        operation.get("operationName"), str | None
    )


def _preflight(origin: str) -> HttpResponse:
    """The browser's preflight request has no key yet, so any shop's own page may continue."""
    if not storefront.is_known_origin(origin):
        return HttpResponse(status=403)
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Methods"] = "POST"
    response["Access-Control-Allow-Headers"] = "authorization, content-type"
    response["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
    return _allow_origin(response, origin)


def _allow_origin(response: HttpResponse, origin: str) -> HttpResponse:
    """Let the requesting page read the response."""
    patch_vary_headers(response, ["Origin"])
    if origin and storefront.is_known_origin(origin):
        response["Access-Control-Allow-Origin"] = origin
    return response


def _refuse(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, status=status)
