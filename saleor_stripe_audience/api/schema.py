"""The GraphQL API for developers: one shop's payments, contacts and products, read only."""

from collections.abc import Iterable
from typing import Annotated, Any

import strawberry
import strawberry_django
from django.core.exceptions import ValidationError
from graphql import GraphQLError
from strawberry import Info, relay
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry_django.optimizer import DjangoOptimizerExtension
from strawberry_django.relay import DjangoListConnection

from saleor_stripe_audience.api import types
from saleor_stripe_audience.api.context import shop_id
from saleor_stripe_audience.audience import models as audience
from saleor_stripe_audience.audience.addresses import normalised
from saleor_stripe_audience.catalog import models as catalog
from saleor_stripe_audience.payments import models as payments
from saleor_stripe_audience.saleor import models as saleor

MAX_DEPTH = 12  # contacts → purchases → lines → money, with edges and nodes, is 10
MAX_ALIASES = 15
MAX_TOKENS = 2000
MAX_ON_A_PAGE = 100


@strawberry.type(description="Everything that can be asked. Only the shop of the key that asks is seen.")
class Query:
    @strawberry_django.field(description="The shop this key belongs to.")
    def installation(self, info: Info) -> types.Installation:
        return saleor.Installation.objects.filter(pk=shop_id(info))  # type: ignore[return-value]  # made one row by strawberry-django

    @strawberry_django.connection(
        DjangoListConnection[types.Payment], description="The shop's payments through Stripe, newest first."
    )
    def payments(self) -> Iterable[types.Payment]:
        return payments.Payment.objects.order_by("-created_at", "-pk")  # type: ignore[return-value]  # rows stand for their type

    @strawberry_django.connection(
        DjangoListConnection[types.Contact], description="The people of the shop's audience, newest first."
    )
    def contacts(self) -> Iterable[types.Contact]:
        return audience.Contact.objects.order_by("-created_at", "-pk")  # type: ignore[return-value]  # rows stand for their type

    @strawberry_django.field(description="One person by address; nothing if the audience has none of it.")
    def contact(
        self,
        info: Info,
        email: Annotated[str, strawberry.argument(description="The address; capitals do not matter.")],
    ) -> types.Contact | None:
        return audience.Contact.objects.filter(  # type: ignore[return-value]  # made one row by strawberry-django
            audience__is_default=True, audience__installation_id=shop_id(info), email=normalised(email)
        )

    @strawberry_django.connection(
        DjangoListConnection[types.Product], description="The shop's variants that are Products in Stripe."
    )
    def products(self) -> Iterable[types.Product]:
        return catalog.CatalogProduct.objects.order_by("pk")  # type: ignore[return-value]  # rows stand for their type

    @strawberry.field(description="Any object by its id; nothing if this shop has none of it.")
    def node(
        self, info: Info, id: Annotated[relay.GlobalID, strawberry.argument(description="The object's id.")]
    ) -> relay.Node | None:
        try:
            kind = id.resolve_type(info)
            found: Any = kind.resolve_node(id.node_id, info=info, required=False)
        except (relay.GlobalIDValueError, ValidationError, ValueError):
            return None  # an id of no type, or not of its type's form, names nothing
        return None if found is None else strawberry.cast(kind, found)


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing here: `problems.formatted` logs what deserves it, without the caller's own mistakes."""


schema = Schema(
    query=Query,
    types=[types.Purchase],
    config=StrawberryConfig(relay_max_results=MAX_ON_A_PAGE),
    extensions=[
        DjangoOptimizerExtension,
        lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
        lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
    ],
)
