"""The API's only endpoint: POST, JSON, a key or a token of Saleor's Dashboard."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import DataError, Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from graphql import GraphQLError, OperationDefinitionNode, parse
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from saleor_stripe_audience.api import errors, limits, request_counts
from saleor_stripe_audience.api.context import Caller, Context
from saleor_stripe_audience.api.errors import ErrorCode
from saleor_stripe_audience.api.schema import MAX_TOKENS, schema
from saleor_stripe_audience.api_keys.keys import MARK, find_key
from saleor_stripe_audience.api_keys.scopes import of_permissions
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.graphql_fragments import undefined_fragments
from saleor_stripe_audience.saleor.signatures import KeysUnavailable
from saleor_stripe_audience.saleor.tokens import verify_dashboard_token
from saleor_stripe_audience.strict_json import read_object

LARGEST_REQUEST_BYTES = 100_000
UNKNOWN_CALLER = (
    "Send a valid API key as `Authorization: Bearer ssa_…`. The shop's owner creates one with "
    "`saleor-stripe-audience api-key`. A page in Saleor's Dashboard sends its token and `Saleor-Api-Url`."
)


@dataclass(frozen=True, slots=True)
class Operation:
    query: str
    variables: dict[str, Any] | None
    name: str | None


@csrf_exempt
def graphql_view(request: HttpRequest) -> HttpResponse:
    """Return 200 with `data` and `errors`.

    401 without a key, 405 for another method, 400 for no GraphQL, 429 for too many requests in this minute, 503 while
    a Dashboard token cannot be checked.
    """
    if request.method == "GET" and settings.GRAPHIQL:
        return render(request, "api/graphiql.html")
    if request.method != "POST":
        return refused(405, "Send the query as a POST.", ErrorCode.METHOD_NOT_ALLOWED, Allow="POST")
    caller = caller_or_refusal(request)
    if isinstance(caller, HttpResponse):
        return caller
    try:
        operation = _operation(request)
    except Rejected as refusal:
        return refused_input(refusal)
    return _answer(operation, Context(caller=caller, request=request))


def caller_or_refusal(request: HttpRequest) -> Caller | HttpResponse:
    """Return the caller and count the request, or else return the refusal.

    401 for an unknown caller, 429 after too many requests in this minute, 503 while a shop's keys cannot be fetched.
    """
    try:
        caller = _find_caller(request)
    except KeysUnavailable as error:
        return refused(503, error.message, ErrorCode.UNAVAILABLE, **{"Retry-After": "10"})
    if caller is None:
        return refused(401, UNKNOWN_CALLER, ErrorCode.UNAUTHENTICATED, **{"WWW-Authenticate": "Bearer"})
    if seconds := request_counts.take_one(caller.id):
        message = (
            f"{settings.API_REQUESTS_PER_MINUTE} requests a minute are the most. Try again in {seconds} s."
        )
        return refused(429, message, ErrorCode.TOO_MANY_REQUESTS, **{"Retry-After": str(seconds)})
    return caller


def _find_caller(request: HttpRequest) -> Caller | None:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        return None
    if not secret.startswith(MARK) and "Saleor-Api-Url" in request.headers:
        return _member_of_staff(request.headers["Saleor-Api-Url"], secret)
    key = find_key(secret)
    return None if key is None else Caller(f"key:{key.pk}", key.installation_id, frozenset(key.scopes))


def _member_of_staff(api_url: str, token: str) -> Caller | None:
    try:
        user = verify_dashboard_token(api_url, token)
    except Rejected:
        return None
    shop = user.installation.pk
    # Staff members are counted by email address; its hash works just as well, and is not personal data.
    who = hashlib.sha256(f"{shop}:{user.email}".encode()).hexdigest()[:32]
    return Caller(f"staff:{who}", shop, of_permissions(user.permissions), user)


def _operation(request: HttpRequest) -> Operation:
    operation = _json(request)
    query, variables, name = (
        operation.get("query"),
        operation.get("variables"),
        operation.get("operationName"),
    )
    if not isinstance(query, str) or not query.strip():
        raise Rejected("The request has no `query`.", code="bad_request")
    if not isinstance(variables, dict | None) or not isinstance(name, str | None):
        raise Rejected("`variables` must be an object and `operationName` a string.", code="bad_request")
    return Operation(query, variables, name)


def _json(request: HttpRequest) -> dict[str, Any]:
    try:
        if request.content_type == "multipart/form-data":
            return _with_files(request)
        return read_object(_body(request))
    except ValueError:
        raise Rejected("The body must be a JSON object with `query`.", code="bad_request") from None


def _with_files(request: HttpRequest) -> dict[str, Any]:
    """The operation of a multipart request, with its files in the variables that `map` names.

    https://github.com/jaydenseric/graphql-multipart-request-spec; the server limits the whole body to 4 MB.
    """
    try:
        operations, places = request.POST.get("operations", ""), request.POST.get("map", "{}")
        if len(operations) > LARGEST_REQUEST_BYTES or len(places) > LARGEST_REQUEST_BYTES:
            raise Rejected(f"The request is larger than {LARGEST_REQUEST_BYTES} bytes.", code="too_large")
        operation = read_object(operations.encode())
        for name, paths in read_object(places.encode()).items():
            for path in paths:
                _put_file(operation, path, request.FILES[name])
    except RequestDataTooBig:
        raise Rejected("The request is too large.", code="too_large") from None
    except (
        AttributeError,
        IndexError,
        KeyError,
        TypeError,
        MultiPartParserError,
        TooManyFilesSent,
        TooManyFieldsSent,
    ):
        message = "A multipart request needs `operations`, and a `map` that puts each file in a variable."
        raise Rejected(message, code="bad_request") from None
    return operation


def _put_file(operation: dict[str, Any], path: str, file: object) -> None:
    first, *steps, last = path.split(".")
    if first != "variables":
        raise KeyError(first)
    target: Any = operation[first]
    for step in steps:
        target = target[int(step)] if isinstance(target, list) else target[step]
    target[int(last) if isinstance(target, list) else last] = file


def _body(request: HttpRequest) -> bytes:
    try:
        body = request.body
    except RequestDataTooBig:
        body = None
    if body is None or len(body) > LARGEST_REQUEST_BYTES:
        raise Rejected(f"The request is larger than {LARGEST_REQUEST_BYTES} bytes.", code="too_large")
    return body


def _answer(operation: Operation, context: Context) -> JsonResponse:
    try:
        _check(operation)
        result = schema.execute_sync(
            operation.query,
            variable_values=operation.variables,
            operation_name=operation.name,
            context_value=context,
            allowed_operation_types={OperationType.QUERY, OperationType.MUTATION},
        )
    except Rejected as refusal:
        return refused_input(refusal)
    except (CannotGetOperationTypeError, InvalidOperationTypeError):
        return refused(
            400,
            "Send a query or a mutation, and name it in `operationName` if there are several.",
            ErrorCode.BAD_REQUEST,
        )
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        if not context.has_changed:
            _raise_outage(result.errors)
        answer["errors"] = [errors.formatted(error) for error in result.errors]
    return JsonResponse(answer)


def _raise_outage(errors: list[GraphQLError]) -> None:
    """Raise the database's failure: without that data a response is useless, and the request can be repeated.

    Not after a mutation has succeeded: what it returned, such as a new key, is shown only once.
    """
    for error in errors:
        if isinstance(error.original_error, Error) and not isinstance(error.original_error, DataError):
            raise error.original_error


def _check(operation: Operation) -> None:
    """`Rejected` for a document that does not say which operation is meant, or whose response could be too large."""
    try:
        document = parse(operation.query, max_tokens=MAX_TOKENS)
    except (GraphQLError, RecursionError):
        return  # the schema says where
    if names := undefined_fragments(document):
        raise Rejected(f"The document has no fragment {names[0][:80]}.", code="graphql_validation_failed")
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if len(operations) > 1 and operation.name is None:
        raise Rejected(
            "The document has several operations: name one in `operationName`.", code="bad_request"
        )
    for each in operations:
        if operation.name in (None, each.name.value if each.name else None):
            limits.check_cost(schema._schema, document, each, operation.variables or {})  # noqa: SLF001 - graphql-core's own


def refused(status: int, message: str, code: ErrorCode, **headers: str) -> JsonResponse:
    """A response to a request that never reached the schema."""
    return JsonResponse(errors.refusal(message, code), status=status, headers=headers)


def refused_input(failure: Failure) -> JsonResponse:
    """Return the response to invalid input."""
    return refused(400, failure.message, errors.code_of(failure))
