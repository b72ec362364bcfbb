"""The errors that a caller gets.

A mutation returns `errors` in its payload, each with field, message and code, for everything that its input can cause.
Any other failure is a top-level error with `extensions.code`; internal messages are never sent.
"""

import logging
from collections.abc import Callable
from enum import StrEnum, auto
from types import TracebackType
from typing import Any
from uuid import uuid4

import strawberry
from graphql import GraphQLError
from strawberry import Info
from strawberry.extensions import FieldExtension

from saleor_stripe_audience.api.context import forget_facts, needs, note_change
from saleor_stripe_audience.api.enums import describe
from saleor_stripe_audience.database import failure_of
from saleor_stripe_audience.errors import Failure, Rejected, Unavailable

logger = logging.getLogger(__name__)

BAD_PAGE = (
    "A page argument is wrong: give `first` or `last`, from 0 to 100 and never both; `after` and `before` are cursors "
    "of the same list in the same order."
)


class ErrorCode(StrEnum):
    """Each value is the code of the failure that it stands for."""

    BAD_PAGE = auto()
    BAD_REQUEST = auto()
    CHANNEL_MOVED = auto()
    EMAIL_NOT_CONFIGURED = auto()
    ERASED = auto()
    GRAPHQL_ERROR = auto()
    GRAPHQL_VALIDATION_FAILED = auto()
    INTERNAL = auto()
    INVALID = auto()
    INVALID_PERMISSION = auto()
    INVALID_STATUS = auto()
    MERGE_TWO_ACCOUNTS = auto()
    METHOD_NOT_ALLOWED = auto()
    NOT_FOUND = auto()
    OUT_OF_SCOPE_PERMISSION = auto()
    PERMISSION_DENIED = auto()
    REQUIRED = auto()
    SALEOR_FIRST = auto()
    SEGMENT_CIRCLE = auto()
    SEGMENT_IN_USE = auto()
    SEGMENT_TOO_SLOW = auto()
    SEGMENT_UNKNOWN = auto()
    TAG_IN_USE = auto()
    TOO_COMPLEX = auto()
    TOO_LARGE = auto()
    TOO_LONG = auto()
    TOO_MANY_REQUESTS = auto()
    TOO_MANY_VALUES = auto()
    UNAUTHENTICATED = auto()
    UNAVAILABLE = auto()
    UNIQUE = auto()
    UNUSABLE_VALUE = auto()


describe(
    ErrorCode,
    "ErrorCode",
    "What is wrong, for programs to check.",
    {
        ErrorCode.BAD_PAGE: "A page argument is missing or too large, or is not a cursor of this list.",
        ErrorCode.BAD_REQUEST: "The request is not GraphQL over JSON.",
        ErrorCode.CHANNEL_MOVED: "The channel has been moved in the meantime: preview the move again.",
        ErrorCode.EMAIL_NOT_CONFIGURED: "The app has no mail server, and this needs one.",
        ErrorCode.ERASED: "The address was erased: readmit it first, if its owner asks for that.",
        ErrorCode.GRAPHQL_ERROR: "The id is malformed.",
        ErrorCode.GRAPHQL_VALIDATION_FAILED: "The query does not match the schema.",
        ErrorCode.INTERNAL: "A bug in the app: the message contains a reference that is also in the log.",
        ErrorCode.INVALID: "The value is invalid.",
        ErrorCode.INVALID_PERMISSION: "There is no such scope.",
        ErrorCode.INVALID_STATUS: "The object's state does not allow this.",
        ErrorCode.MERGE_TWO_ACCOUNTS: "Both contacts have an account in Saleor.",
        ErrorCode.METHOD_NOT_ALLOWED: "The HTTP method is not supported.",
        ErrorCode.NOT_FOUND: "This shop has no such object.",
        ErrorCode.OUT_OF_SCOPE_PERMISSION: "A scope that the caller does not have.",
        ErrorCode.PERMISSION_DENIED: "The key or staff member does not have the scope.",
        ErrorCode.REQUIRED: "The value is missing.",
        ErrorCode.SALEOR_FIRST: "Import Saleor's customers and orders before Stripe's.",
        ErrorCode.SEGMENT_CIRCLE: "The segment would depend on itself.",
        ErrorCode.SEGMENT_IN_USE: "Another segment refers to this one.",
        ErrorCode.SEGMENT_TOO_SLOW: "The segment takes too long to count.",
        ErrorCode.SEGMENT_UNKNOWN: "The rule refers to something that nobody has bought yet.",
        ErrorCode.TAG_IN_USE: "A segment uses the tag.",
        ErrorCode.TOO_COMPLEX: "The query could return too many objects.",
        ErrorCode.TOO_LARGE: "The request is too large.",
        ErrorCode.TOO_LONG: "The text is too long.",
        ErrorCode.TOO_MANY_REQUESTS: "Too many requests within a minute.",
        ErrorCode.TOO_MANY_VALUES: "Too many values, or none.",
        ErrorCode.UNAUTHENTICATED: "No valid key or token.",
        ErrorCode.UNAVAILABLE: "A service that the app depends on did not respond: try again later.",
        ErrorCode.UNIQUE: "Another object already has this value.",
        ErrorCode.UNUSABLE_VALUE: "The value cannot be stored: it is not valid text, or it exceeds its column.",
    },
)

# Codes of failures that name a field, or mean the same as a code of the API. The others are the API's own.
MEANINGS: dict[str, tuple[ErrorCode, str | None]] = {
    "ads_network": (ErrorCode.INVALID, "ads"),
    "all_channels_needed": (ErrorCode.PERMISSION_DENIED, None),
    "attribute_keys": (ErrorCode.INVALID, "attributeKeys"),
    "audience": (ErrorCode.NOT_FOUND, "audience"),
    "audience_default": (ErrorCode.INVALID_STATUS, "id"),
    "audience_has_channels": (ErrorCode.INVALID_STATUS, "id"),
    "audience_has_contacts": (ErrorCode.INVALID_STATUS, "id"),
    "audience_has_import": (ErrorCode.INVALID_STATUS, "id"),
    "beyond_own_scopes": (ErrorCode.OUT_OF_SCOPE_PERMISSION, "scopes"),
    "cart_silence_minutes": (ErrorCode.INVALID, "cartSilenceMinutes"),
    "category": (ErrorCode.INVALID, "category"),
    "changed_again": (ErrorCode.INVALID_STATUS, None),
    "channel": (ErrorCode.NOT_FOUND, "channel"),
    "channel_moved": (ErrorCode.CHANNEL_MOVED, "source"),
    "characters": (ErrorCode.INVALID, None),
    "conflict": (ErrorCode.INVALID_STATUS, None),
    "consent_at": (ErrorCode.INVALID, "consentAt"),
    "consent_ip": (ErrorCode.INVALID, "ip"),
    "consent_keys": (ErrorCode.INVALID, "consentKeys"),
    "consent_text": (ErrorCode.TOO_LONG, "consentText"),
    "consent_without_wording": (ErrorCode.REQUIRED, "wording"),
    "consent_wording_too_long": (ErrorCode.TOO_LONG, "wording"),
    "contact_exists": (ErrorCode.UNIQUE, "email"),
    "country": (ErrorCode.INVALID, "country"),
    "description_long": (ErrorCode.TOO_LONG, "description"),
    "email_invalid": (ErrorCode.INVALID, "email"),
    "email_not_configured": (ErrorCode.EMAIL_NOT_CONFIGURED, "doubleOptIn"),
    "erased": (ErrorCode.ERASED, "email"),
    "expired_token": (ErrorCode.UNAUTHENTICATED, None),
    "expires_in_days": (ErrorCode.INVALID, "expiresInDays"),
    "image_size": (ErrorCode.TOO_LARGE, "image"),
    "image_type": (ErrorCode.INVALID, "image"),
    "image_unknown": (ErrorCode.NOT_FOUND, "removedImages"),
    "import_as": (ErrorCode.INVALID, "importAs"),
    "import_column": (ErrorCode.INVALID, "columns"),
    "import_csv": (ErrorCode.INVALID, "csv"),
    "import_encoding": (ErrorCode.INVALID, "csv"),
    "import_separator": (ErrorCode.INVALID, "csv"),
    "import_twice": (ErrorCode.INVALID_STATUS, None),
    "job_state": (ErrorCode.INVALID_STATUS, None),
    "language": (ErrorCode.INVALID, "language"),
    "merge": (ErrorCode.INVALID, "absorbed"),
    "merge_two_accounts": (ErrorCode.MERGE_TWO_ACCOUNTS, "absorbed"),
    "missing_scope": (ErrorCode.PERMISSION_DENIED, None),
    "name": (ErrorCode.INVALID, "name"),
    "name_taken": (ErrorCode.UNIQUE, "name"),
    "no_scope": (ErrorCode.REQUIRED, "scopes"),
    "not_applicable": (ErrorCode.INVALID_STATUS, None),
    "origins": (ErrorCode.INVALID, "origins"),
    "overruled": (ErrorCode.INVALID_STATUS, None),
    "price": (ErrorCode.INVALID, "prices"),
    "price_too_small": (ErrorCode.INVALID, "prices"),
    "product_key": (ErrorCode.INVALID, "key"),
    "product_type": (ErrorCode.INVALID, "productType"),
    "product_unknown": (ErrorCode.NOT_FOUND, "product"),
    "saleor_first": (ErrorCode.SALEOR_FIRST, "kind"),
    "segment": (ErrorCode.INVALID, None),
    "segment_unknown": (ErrorCode.SEGMENT_UNKNOWN, "rule"),
    "sender_name": (ErrorCode.INVALID, "senderName"),
    "service": (ErrorCode.INVALID, "service"),
    "signing_key": (ErrorCode.INVALID, "signingKey"),
    "sku": (ErrorCode.TOO_LONG, "sku"),
    "source": (ErrorCode.INVALID, "kind"),
    "status": (ErrorCode.INVALID, "status"),
    "tag": (ErrorCode.INVALID, None),
    "tags": (ErrorCode.TOO_MANY_VALUES, "tags"),
    "title_long": (ErrorCode.TOO_LONG, "title"),
    "title_missing": (ErrorCode.REQUIRED, "title"),
    "unknown_scope": (ErrorCode.INVALID_PERMISSION, "scopes"),
    "variant_unknown": (ErrorCode.NOT_FOUND, "variant"),
    "without_audience": (ErrorCode.PERMISSION_DENIED, "kind"),
}


class InvalidInput(Rejected):
    """One field of the input is refused."""

    def __init__(self, message: str, code: ErrorCode, field: str) -> None:
        super().__init__(message, code=code.value)
        self.field = field


@strawberry.type(description="One thing that is wrong with the input.")
class Error:
    field: str | None = strawberry.field(
        description="The argument or input field that is wrong; null if the error does not concern a single "
        "one."
    )
    message: str = strawberry.field(description="What to do about it, for people to read.")
    code: ErrorCode = strawberry.field(description="What is wrong, for programs to check.")


@strawberry.type
class Payload:
    """What a mutation returns: the object that it changed, or errors and no object."""

    errors: list[Error] = strawberry.field(
        default_factory=list, description="What is wrong with the input; empty if the mutation succeeded."
    )


class ErrorsInPayload(FieldExtension):
    """Turns what the caller's input caused into the payload's `errors`."""

    def __init__(self, payload: type[Payload]) -> None:
        self.payload = payload

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        forget_facts(info)
        try:
            payload = next_(source, info, **kwargs)
        except Exception as error:
            failure = failure_of(error)
            if not isinstance(failure, Rejected):
                raise
            return self.payload(errors=[error_of(failure)])
        note_change(info)
        return payload


def mutation(resolver: Callable[..., Payload], scope: str, description: str, *, and_scope: str = "") -> Any:
    """A field of the mutation type that needs the scope, or both, and reports errors in the payload that it returns.

    Null if it failed, as in Saleor: the failure of one mutation does not hide what those before it returned.
    """
    payload = resolver.__annotations__["return"]
    scopes = [each for each in (scope, and_scope) if each]
    return strawberry.mutation(
        resolver=resolver,
        graphql_type=payload | None,
        permission_classes=[needs(each) for each in scopes],
        extensions=[ErrorsInPayload(payload)],
        description=f"{description} Needs the scope {' and the scope '.join(scopes)}.",
    )


def error_of(failure: Failure) -> Error:
    """Return the failure as an entry of a payload's `errors`."""
    code, field = _meaning(failure)
    return Error(field=field, message=failure.message, code=code)


def code_of(failure: Failure) -> ErrorCode:
    """Return the failure's code for a top-level error."""
    return _meaning(failure)[0]


def _meaning(failure: Failure) -> tuple[ErrorCode, str | None]:
    code = failure.code.lower()
    if isinstance(failure, InvalidInput):
        return ErrorCode(code), failure.field
    if code in MEANINGS:
        return MEANINGS[code]
    if code in ErrorCode:
        return ErrorCode(code), None
    return (ErrorCode.UNAVAILABLE if isinstance(failure, Unavailable) else ErrorCode.INVALID), None


def refusal(message: str, code: ErrorCode) -> dict[str, Any]:
    """Return the response to a request that never reached the schema."""
    return {"errors": [{"message": message, "extensions": {"code": code.name}}]}


def formatted(error: GraphQLError) -> dict[str, Any]:
    """Return a top-level error in the form of the response. An unexpected one is logged; the caller gets its
    reference.
    """
    message, code = _message_and_code(error)
    extensions: dict[str, Any] = {"code": code.name}
    if code is ErrorCode.PERMISSION_DENIED:
        extensions["exception"] = {"code": "PermissionDenied"}  # as Saleor does, for clients that look for it
    return {**error.formatted, "message": message, "extensions": extensions}


def _message_and_code(error: GraphQLError) -> tuple[str, ErrorCode]:
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return error.message, ErrorCode.GRAPHQL_VALIDATION_FAILED
    if isinstance(cause, ValueError | TypeError) and _raised_by_paging(cause.__traceback__):
        return BAD_PAGE, ErrorCode.BAD_PAGE
    failure = failure_of(cause)
    if failure is not None:
        return failure.message, code_of(failure)
    reference = uuid4().hex[:12]
    logger.error("graphql request failed, reference %s", reference, exc_info=cause)
    message = f"Something went wrong on our side. Give this reference when you ask about it: {reference}."
    return message, ErrorCode.INTERNAL


def _raised_by_paging(trace: TracebackType | None) -> bool:
    """Whether the library refused the page arguments, for which it has no specific exception."""
    last = ""
    while trace is not None:
        last = trace.tb_frame.f_globals.get("__name__", "")
        trace = trace.tb_next
    return last.startswith(("strawberry.relay.", "strawberry_django.relay"))
