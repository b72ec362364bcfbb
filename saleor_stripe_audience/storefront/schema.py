"""The GraphQL of a shop's pages: a form's texts, subscribing and unsubscribing. It reads nothing of any person."""

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
    """Whose pages ask, and the request they ask with."""

    installation: Installation
    request: HttpRequest


def _context(info: Info) -> Context:
    context: Context = info.context
    return context


@strawberry.type(description="What is wrong with the question; never anything about a person.")
class AudienceError:
    field: str | None = strawberry.field(description="The input's field, if it is one field's fault.")
    code: str = strawberry.field(
        description="EMAIL_INVALID, CHANNEL, LANGUAGE, SOURCE, CONSENT_TEXT, CONSENT_WITHOUT_WORDING, "
        "CONSENT_WORDING_TOO_LONG or RATE_LIMITED."
    )
    message: str = strawberry.field(description="What to do, in English.")


@strawberry.type(description="The same whether the address is known or not.")
class AudienceAnswer:
    accepted: bool = strawberry.field(description="True unless there are errors.")
    errors: list[AudienceError] = strawberry.field(description="What is wrong with the question.")


@strawberry.type(description="What a form that asks for a subscription says.")
class AudienceForm:
    name: str = strawberry.field(description="The audience's name.")
    language: str = strawberry.field(description="The audience's language; empty if it has none of its own.")
    double_opt_in: bool = strawberry.field(description="Whether a mail asks to confirm.")
    consent_text: str = strawberry.field(description="The wording to show beside the box, word for word.")


@strawberry.input(description="Who subscribes, where, and to which words.")
class AudienceSubscribeInput:
    channel: str = strawberry.field(description="The slug of the sales channel.")
    email: str = strawberry.field(description="The address.")
    consent_text: str = strawberry.field(
        default="",
        description="The words that were shown. Left out, they are the audience's own. Words that the merchant did not "
        "write for the audience have to be confirmed from the mailbox.",
    )
    language: str = strawberry.field(default="", description="The reader's language, such as en or fr-CA.")
    source: str = strawberry.field(default="", description="Where it was asked, such as footer.")


@strawberry.input(description="Who unsubscribes, and where.")
class AudienceUnsubscribeInput:
    channel: str = strawberry.field(description="The slug of the sales channel.")
    email: str = strawberry.field(description="The address.")
    source: str = strawberry.field(default="", description="Where it was asked, such as account page.")


def _answered(act: Callable[[], None]) -> AudienceAnswer:
    try:
        act()
    except Rejected as refused:
        error = AudienceError(
            field=_FIELDS.get(refused.code), code=refused.code.upper(), message=refused.message
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
    return _answered(
        lambda: storefront.ask_to_subscribe(
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
    return _answered(
        lambda: storefront.ask_to_unsubscribe(
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
        resolver=_form, description="What to show beside the box; nothing if the shop has no such channel."
    )


@strawberry.type
class Mutation:
    audience_subscribe: AudienceAnswer = strawberry.mutation(
        resolver=_subscribe, description="Subscribe an address to the news of the channel's audience."
    )
    audience_unsubscribe: AudienceAnswer = strawberry.mutation(
        resolver=_unsubscribe, description="Unsubscribe an address from the news of the channel's audience."
    )


def _is_ours(error: GraphQLError) -> bool:
    """Whether the failure is the app's own: its words are for the log, not for a page."""
    return error.original_error is not None and not isinstance(error.original_error, GraphQLError)


class Schema(strawberry.Schema):
    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: ExecutionContext | None = None,  # noqa: ARG002 - the library's interface
    ) -> None:
        """Log the app's own failures by kind alone: a query's text, and a database's words, may hold an address."""
        for error in filter(_is_ours, errors):
            if isinstance(error.original_error, Error):
                raise error.original_error  # answered as any outage is
            log.error("storefront request failed", kind=type(error.original_error).__name__, path=error.path)


schema = Schema(
    query=Query,
    mutation=Mutation,
    extensions=[
        lambda: MaskErrors(should_mask_error=_is_ours, error_message="Something went wrong on our side."),
        lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
        lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
    ],
)
