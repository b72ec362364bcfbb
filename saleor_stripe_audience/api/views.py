"""The one address of the API: POST, JSON, a key."""

import json
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from saleor_stripe_audience.api import problems
from saleor_stripe_audience.api.context import Context
from saleor_stripe_audience.api.keys import find_key
from saleor_stripe_audience.api.models import ApiKey
from saleor_stripe_audience.api.schema import schema
from saleor_stripe_audience.errors import Rejected

LARGEST_REQUEST_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Operation:
    query: str
    variables: dict[str, Any] | None
    name: str | None


@csrf_exempt
def graphql_view(request: HttpRequest) -> JsonResponse:
    """Answers 200 with `data` and `errors`; 401 without a key, 405 for another method, 400 for no GraphQL."""
    if request.method != "POST":
        return _refused(405, "Send the query as a POST.", "METHOD_NOT_ALLOWED", Allow="POST")
    key = _key_of(request)
    if key is None:
        return _refused(
            401,
            "Send a valid API key as `Authorization: Bearer ssa_…`. The shop's owner makes one with "
            "`saleor-stripe-audience api-key`.",
            "UNAUTHENTICATED",
            **{"WWW-Authenticate": "Bearer"},
        )
    try:
        operation = _operation(request)
    except Rejected as refused:
        return _refused(400, refused.message, refused.code)
    return _answer(operation, Context(key=key, request=request))


def _key_of(request: HttpRequest) -> ApiKey | None:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return find_key(secret.strip()) if scheme.lower() == "bearer" and secret.strip() else None


def _operation(request: HttpRequest) -> Operation:
    asked = _json(request)
    query, variables, name = asked.get("query"), asked.get("variables"), asked.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise Rejected("The request has no `query`.", code="BAD_REQUEST")
    if not isinstance(variables, dict | None) or not isinstance(name, str | None):
        raise Rejected("`variables` must be an object and `operationName` a text.", code="BAD_REQUEST")
    return Operation(query, variables, name)


def _json(request: HttpRequest) -> dict[str, Any]:
    try:
        asked = json.loads(_body(request))
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise Rejected("The body must be a JSON object with `query`.", code="BAD_REQUEST")
    return asked


def _body(request: HttpRequest) -> bytes:
    try:
        body = request.body
    except RequestDataTooBig:
        body = None
    if body is None or len(body) > LARGEST_REQUEST_BYTES:
        raise Rejected(f"The request is larger than {LARGEST_REQUEST_BYTES} bytes.", code="TOO_LARGE")
    return body


def _answer(operation: Operation, context: Context) -> JsonResponse:
    try:
        result = schema.execute_sync(
            operation.query,
            variable_values=operation.variables,
            operation_name=operation.name,
            context_value=context,
            allowed_operation_types={OperationType.QUERY},
        )
    except (CannotGetOperationTypeError, InvalidOperationTypeError):
        return _refused(400, "Name one query of the document in `operationName`.", "BAD_REQUEST")
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [problems.formatted(error) for error in result.errors]
    return JsonResponse(answer)


def _refused(status: int, message: str, code: str, **headers: str) -> JsonResponse:
    return JsonResponse(problems.refusal(message, code), status=status, headers=headers)
