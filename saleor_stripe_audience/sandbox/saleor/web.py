"""The stand-in's endpoints: /graphql/, the JWKS, pictures, and the sandbox's control."""

import json
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from wsgiref.types import WSGIApplication

from graphql import ExecutionResult, GraphQLError, execute_sync, parse, validate
from graphql.language import DocumentNode, OperationDefinitionNode, OperationType
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from . import dashboard
from .access import BadToken, Call, requestor_of
from .control import control, find_app
from .host import Host
from .ids import key_of
from .payload import shown
from .png import square
from .resolvers import executable_schema

_ROUTES = Map(
    [
        Rule("/graphql/", endpoint="graphql", methods=["POST", "OPTIONS"]),
        Rule("/.well-known/jwks.json", endpoint="jwks", methods=["GET"]),
        Rule("/thumbnail/<media>/<int:size>/", endpoint="thumbnail", methods=["GET"]),
        Rule("/sandbox/control", endpoint="control", methods=["GET", "POST"]),
        Rule("/dashboard/extensions/app/<app_id>", endpoint="dashboard", methods=["GET"]),
        Rule("/dashboard/extensions/app/<app_id>/<path:rest>", endpoint="dashboard", methods=["GET"]),
        Rule("/dashboard/orders/<order_id>", endpoint="dashboard_order", methods=["GET"]),
        Rule("/dashboard/customers/<customer_id>", endpoint="dashboard_customer", methods=["GET"]),
        Rule("/dashboard/token/<identifier>", endpoint="dashboard_token", methods=["GET"]),
    ]
)


def application(host: Host) -> WSGIApplication:
    """Return the shop as a WSGI application."""

    @Request.application
    def answer(request: Request) -> Response:
        try:
            endpoint, arguments = _ROUTES.bind_to_environ(request.environ).match()
        except HTTPException as error:
            return as_json({"error": error.description}, error.code or 404)
        response = _ENDPOINTS[endpoint](host, request, **arguments)
        if endpoint == "graphql":
            _allow_origin(request, response)
        return response

    return answer


def _allow_origin(request: Request, response: Response) -> None:
    """Allow any page to call the API, as Saleor does by default."""
    origin = request.headers.get("Origin")
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = (
            "Origin, Content-Type, Accept, Authorization, Authorization-Bearer"
        )
        response.headers["Vary"] = "Origin"


def as_json(value: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(json.dumps(value), status, mimetype="application/json")


def _jwks(host: Host, _request: Request) -> Response:
    if host.faults.jwks_down:
        return as_json({"error": "The keys are not available."}, 503)
    return as_json({"keys": [host.key.jwk()]})


def _thumbnail(host: Host, _request: Request, media: str, size: int) -> Response:
    key = key_of(media, "ProductMedia")
    pictures = (each for product in host.store.products for each in product.media)
    found = next((each for each in pictures if each.key == key), None)
    if found is None:
        return as_json({"error": "There is no such picture."}, 404)
    if found.content:
        return Response(found.content, mimetype=found.mime_type)
    return Response(square(found.color, min(max(size, 16), 256)), mimetype="image/png")


def _control(host: Host, request: Request) -> Response:
    if request.method == "GET":
        return as_json([each.summary() for each in host.deliveries])
    given = request.get_json(silent=True)
    status, found = control(host, given if isinstance(given, dict) else {})
    return as_json(found, status)


def _graphql(host: Host, request: Request) -> Response:
    if request.method == "OPTIONS":
        return Response(status=200)
    host.calls.append(request.form.get("operations") or request.get_data(as_text=True))
    if host.faults.delay:
        time.sleep(host.faults.delay)
    if host.faults.statuses:
        return as_json(
            {"errors": [{"message": "The sandbox was asked to fail."}]}, host.faults.statuses.pop(0)
        )
    given = _operation(request)
    if not isinstance(given, dict) or not isinstance(given.get("query"), str):
        return _failed("Must provide a query string.")
    with host.store.lock:
        try:
            return execute(host, given, request)
        finally:
            host.flush()


def _operation(request: Request) -> Any:
    """Return the JSON body, or that of a multipart request, with its files where `map` puts them."""
    if request.mimetype != "multipart/form-data":
        return request.get_json(silent=True)
    given = json.loads(request.form.get("operations", "null"))
    for name, places in json.loads(request.form.get("map", "{}")).items():
        for place in places:
            *path, last = place.split(".")
            target = given
            for step in path:
                target = target[step]
            target[last] = request.files[name]
    return given


def _authorization(request: Request) -> str:
    bare = request.headers.get("Authorization-Bearer")
    return f"Bearer {bare}" if bare else request.headers.get("Authorization", "")


def _failed(message: str, code: str = "GraphQLError", status: int = 400) -> Response:
    error = {"message": message, "extensions": {"exception": {"code": code, "stacktrace": []}}}
    return as_json({"errors": [error]}, status)


def execute(host: Host, given: dict[str, Any], request: Request) -> Response:
    """Run one operation; call it while holding the store's lock."""
    if host.faults.refusals:
        return _failed(host.faults.refusals.pop(0), "PermissionDenied", 200)
    try:
        requestor = requestor_of(host, _authorization(request))
    except BadToken as error:
        return _failed(str(error), "InvalidTokenError")
    try:
        document, errors = _checked(host.version, given["query"])
    except GraphQLError as error:
        return as_json({"errors": [shown(error)]}, 400)
    if errors:
        return as_json({"errors": [shown(each) for each in errors]}, 400)
    result = execute_sync(
        executable_schema(host.version),
        document,
        variable_values=given.get("variables") or {},
        operation_name=given.get("operationName"),
        context_value=Call(host, requestor, request.remote_addr or "127.0.0.1"),
    )
    return _answered(result)


@lru_cache(
    maxsize=1000
)  # the same documents are sent again and again, and validating one takes longer than running it
def _checked(version: str, query: str) -> tuple[DocumentNode, list[GraphQLError]]:
    """Return the document and its errors in this version; raise GraphQLError if it cannot be parsed."""
    document = parse(query)
    return document, validate(executable_schema(version), document) or _no_subscription(document)


def _no_subscription(document: Any) -> list[GraphQLError]:
    kinds = [each.operation for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if OperationType.SUBSCRIPTION in kinds:
        return [GraphQLError("Subscriptions are for webhooks only.")]
    return []


def _answered(result: ExecutionResult) -> Response:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body = {"errors": [shown(each) for each in result.errors], "data": result.data}
    # An operation that could not start because of an invalid variable is a bad request.
    began = result.data is not None or any(error.path for error in result.errors or ())
    return as_json(body, 200 if began else 400)


def _dashboard(host: Host, request: Request, app_id: str, rest: str = "") -> Response:
    app = next((each for each in host.store.installed() if each.id == app_id), None)
    if app is None:
        return as_json({"error": f"No app {app_id!r} is installed."}, 404)
    theme, locale, query = _look(request)
    return Response(dashboard.page(host, app, theme, locale, rest, query), mimetype="text/html")


def _look(request: Request) -> tuple[str, str, dict[str, str]]:
    """Return the Dashboard's theme and language, and the rest of the query."""
    own = ("theme", "locale", "permissions", "channels")  # for the stand-in's Dashboard, not for the app
    query = {name: value for name, value in request.args.items() if name not in own}
    return request.args.get("theme", "light"), request.args.get("locale", "en"), query


def _dashboard_order(host: Host, request: Request, order_id: str) -> Response:
    return _entity(host, request, "ORDER_DETAILS_WIDGETS", {"orderId": order_id})


def _dashboard_customer(host: Host, request: Request, customer_id: str) -> Response:
    return _entity(host, request, "CUSTOMER_DETAILS_WIDGETS", {"customerId": customer_id})


def _entity(host: Host, request: Request, mount: str, shown: dict[str, str]) -> Response:
    theme, locale, query = _look(request)
    for app in host.store.installed():
        if url := dashboard.widget_url(host, app, mount, shown, query):
            page = dashboard.entity_page(host, app, theme, locale, url, mount)
            return Response(page, mimetype="text/html")
    return as_json({"error": "No app has a card on this page."}, 404)


def _dashboard_token(host: Host, request: Request, identifier: str) -> Response:
    app = find_app(host, identifier)
    if app is None:
        return as_json({"error": f"No app {identifier!r} is installed."}, 404)
    permissions, channels = request.args.get("permissions"), request.args.get("channels")
    if mount := request.args.get("mount"):
        return as_json({"token": dashboard.widget_token(host, app, mount, permissions, channels)})
    return as_json({"token": dashboard.token(host, app, permissions, channels)})


_ENDPOINTS: dict[str, Callable[..., Response]] = {
    "dashboard_customer": _dashboard_customer,
    "dashboard_order": _dashboard_order,
    "graphql": _graphql,
    "jwks": _jwks,
    "thumbnail": _thumbnail,
    "control": _control,
    "dashboard": _dashboard,
    "dashboard_token": _dashboard_token,
}
