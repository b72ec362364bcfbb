"""The address for a shop's pages: a public key says which shop, the browser's Origin whose page."""

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
    key = _key_of(request)
    if key is None:
        return _shared(_refused(401, "UNAUTHENTICATED", "Send the shop's public key."), origin)
    if origin and origin not in key.origins:
        return _refused(
            403, "FOREIGN_ORIGIN", "This page is not one of the shop's: add its origin to the key."
        )
    return _shared(_answer(request, key), origin)


class _View(GraphQLView[Context, None]):
    def __init__(self, key: StorefrontKey) -> None:
        super().__init__(schema=schema, graphql_ide=None, allow_queries_via_get=False)
        self._key = key

    def get_context(self, request: HttpRequest, response: Any) -> Context:  # noqa: ARG002 - the library's interface
        return Context(self._key.installation, request)


def _answer(request: HttpRequest, key: StorefrontKey) -> HttpResponse:
    if _is_too_large(request):
        return _refused(413, "TOO_LARGE", "The request is too large.")
    if not _is_graphql(request.body):
        return _refused(400, "BAD_REQUEST", "Send one GraphQL operation as a JSON object.")
    answer = _View(key).dispatch(request)
    return answer if isinstance(answer, HttpResponse) else _refused(400, "BAD_REQUEST", "Send a POST.")


def _is_too_large(request: HttpRequest) -> bool:
    try:
        return len(request.body) > LARGEST_REQUEST_BYTES
    except RequestDataTooBig:
        return True


def _is_graphql(body: bytes) -> bool:
    """Whether the body is one operation, as GraphQL over HTTP has it."""
    try:
        told = read_object(body)
    except ValueError:
        return False
    query = told.get("query")
    if not isinstance(query, str) or has_undefined_fragments(query, MAX_TOKENS):
        return False
    objects = (told.get(name) for name in ("variables", "extensions"))
    return all(isinstance(each, dict | None) for each in objects) and isinstance(
        told.get("operationName"), str | None
    )


def _preflight(origin: str) -> HttpResponse:
    """The browser asks before it sends; the key is not with it yet, so any shop's own page may go on."""
    if not storefront.is_known_origin(origin):
        return HttpResponse(status=403)
    answer = HttpResponse(status=204)
    answer["Access-Control-Allow-Methods"] = "POST"
    answer["Access-Control-Allow-Headers"] = "authorization, content-type"
    answer["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
    return _shared(answer, origin)


def _shared(answer: HttpResponse, origin: str) -> HttpResponse:
    """Let the page that asked read the answer."""
    patch_vary_headers(answer, ["Origin"])
    if origin and storefront.is_known_origin(origin):
        answer["Access-Control-Allow-Origin"] = origin
    return answer


def _key_of(request: HttpRequest) -> StorefrontKey | None:
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    return storefront.find_key(text.strip()) if scheme.lower() == "bearer" else None


def _refused(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, status=status)
