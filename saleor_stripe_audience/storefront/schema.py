"""The GraphQL API for a shop's own pages: a form's texts, subscribe and unsubscribe. It reads no personal data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import strawberry
import structlog
from django.db import Error
from django.http import HttpRequest
from graphql import GraphQLError
from strawberry import Info
from strawberry.extensions import MaskErrors, MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter
from strawberry.types import ExecutionContext

from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.client_address import client_ip
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

MAX_DEPTH = 5
MAX_ALIASES = 4
MAX_TOKENS = 300

_FIELDS = {
    "email_invalid": "email",
    "channel": "channel",
    "language": "language",
    "source": "source",
    "consent_text": "consentText",
    "consent_without_wording": "consentText",
    "consent_wording_too_long": "consentText",
}


@dataclass(frozen=True, slots=True)
class Context:
    """The shop of the page, and the request."""

    installation: Installation
    request: HttpRequest


def _context(info: Info) -> Context:
    context: Context = info.context
    return context


@strawberry.type(description="What is wrong with the input; never anything about a person.")
class AudienceError:
    field: str | None = strawberry.field(description="The input field with the error, if it is one field.")
    code: str = strawberry.field(
        description="EMAIL_INVALID, CHANNEL, LANGUAGE, SOURCE, CONSENT_TEXT, CONSENT_WITHOUT_WORDING, "
        "CONSENT_WORDING_TOO_LONG or RATE_LIMITED."
    )
    message: str = strawberry.field(description="What to do, in English.")


@strawberry.type(description="The result, which is the same whether or not the address is known.")
class AudienceAnswer:
    accepted: bool = strawberry.field(description="True unless there are errors.")
    errors: list[AudienceError] = strawberry.field(description="What is wrong with the input.")


@strawberry.type(description="What a subscription form shows.")
class AudienceForm:
    name: str = strawberry.field(description="The audience's name.")
    language: str = strawberry.field(description="The audience's language; empty if none was chosen.")
    double_opt_in: bool = strawberry.field(description="Whether an email asks for confirmation.")
    consent_text: str = strawberry.field(
        description="The consent text to show beside the checkbox, unchanged."
    )


@strawberry.input(description="Who subscribes, in which channel, and with which consent text.")
class AudienceSubscribeInput:
    channel: str = strawberry.field(description="The slug of the sales channel.")
    email: str = strawberry.field(description="The email address.")
    consent_text: str = strawberry.field(
        default="",
        description="The consent text that was shown; the audience's own if omitted. A text that the merchant "
        "has not added to the audience must be confirmed by email.",
    )
    language: str = strawberry.field(default="", description="The reader's language, such as en or fr-CA.")
    source: str = strawberry.field(default="", description="Where the form is, such as footer.")


@strawberry.input(description="Who unsubscribes, in which channel.")
class AudienceUnsubscribeInput:
    channel: str = strawberry.field(description="The slug of the sales channel.")
    email: str = strawberry.field(description="The email address.")
    source: str = strawberry.field(default="", description="Where the form is, such as account page.")


def _answer(act: Callable[[], None]) -> AudienceAnswer:
    try:
        act()
    except Rejected as rejected:
        error = AudienceError(
            field=_FIELDS.get(rejected.code), code=rejected.code.upper(), message=rejected.message
        )
        return AudienceAnswer(accepted=False, errors=[error])
    return AudienceAnswer(accepted=True, errors=[])


def _form(
    info: Info, channel: Annotated[str, strawberry.argument(description="The channel's slug.")]
) -> AudienceForm | None:
    try:
        audience = storefront.audience_for(_context(info).installation, channel)
    except Rejected:
        return None
    return AudienceForm(
        name=audience.name,
        language=audience.language,
        double_opt_in=audience.double_opt_in,
        consent_text=audience.consent_text,
    )


def _subscribe(info: Info, input: AudienceSubscribeInput) -> AudienceAnswer:  # noqa: A002 - GraphQL's custom
    context = _context(info)
    return _answer(
        lambda: storefront.enqueue_subscribe(
            context.installation,
            input.channel,
            input.email,
            input.consent_text,
            language=input.language,
            detail=input.source,
            ip=client_ip(context.request),
        )
    )


def _unsubscribe(info: Info, input: AudienceUnsubscribeInput) -> AudienceAnswer:  # noqa: A002 - as above
    context = _context(info)
    return _answer(
        lambda: storefront.enqueue_unsubscribe(
            context.installation,
            input.channel,
            input.email,
            detail=input.source,
            ip=client_ip(context.request),
        )
    )


@strawberry.type
class Query:
    audience_form: AudienceForm | None = strawberry.field(
        resolver=_form, description="What to show beside the checkbox; null if the shop has no such channel."
    )


@strawberry.type
class Mutation:
    audience_subscribe: AudienceAnswer = strawberry.mutation(
        resolver=_subscribe, description="Subscribe an address to the news of the channel's audience."
    )
    audience_unsubscribe: AudienceAnswer = strawberry.mutation(
        resolver=_unsubscribe, description="Unsubscribe an address from the news of the channel's audience."
    )


def _is_internal(error: GraphQLError) -> bool:
    """Whether the failure is the app's own: its message is for the log, not for a page."""
    return error.original_error is not None and not isinstance(error.original_error, GraphQLError)


class Schema(strawberry.Schema):
    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: ExecutionContext | None = None,  # noqa: ARG002 - the library's interface
    ) -> None:
        """Log the app's own failures by type only: a query or a database error may contain an email address."""
        for error in filter(_is_internal, errors):
            if isinstance(error.original_error, Error):
                raise error.original_error  # handled as any outage
            log.error("storefront request failed", kind=type(error.original_error).__name__, path=error.path)


schema = Schema(
    query=Query,
    mutation=Mutation,
    extensions=[
        lambda: MaskErrors(should_mask_error=_is_internal, error_message="Something went wrong on our side."),
        lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
        lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
    ],
)
