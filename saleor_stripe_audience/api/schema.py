"""The GraphQL API for developers: one shop's payments, contacts and products, read only."""

from collections.abc import Iterable
from typing import Annotated, Any, cast

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
from strawberry_django.utils.typing import get_django_definition

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


# Resolvers return querysets; strawberry-django limits them to the shop (the types' get_queryset), takes the
# first row where one object is asked for, and reads only the columns and relations that the query names.


def _installation(info: Info) -> types.Installation:
    return cast("types.Installation", saleor.Installation.objects.filter(pk=shop_id(info)))


def _payments() -> Iterable[types.Payment]:
    return cast("Iterable[types.Payment]", payments.Payment.objects.order_by("-created_at", "-pk"))


def _contacts() -> Iterable[types.Contact]:
    return cast("Iterable[types.Contact]", audience.Contact.objects.order_by("-created_at", "-pk"))


def _contact(
    info: Info,
    email: Annotated[str, strawberry.argument(description="The address; capitals do not matter.")],
) -> types.Contact | None:
    found = audience.Contact.objects.filter(
        audience__is_default=True, audience__installation_id=shop_id(info), email=normalised(email)
    )
    return cast("types.Contact | None", found)


def _products() -> Iterable[types.Product]:
    return cast("Iterable[types.Product]", catalog.CatalogProduct.objects.order_by("pk"))


def _node(
    info: Info,
    id: Annotated[  # noqa: A002 - relay names the argument
        relay.GlobalID, strawberry.argument(description="The object's id.")
    ],
) -> relay.Node | None:
    kind = _kind_of(id, info)
    found: Any = kind.resolve_node(id.node_id, info=info, required=False) if kind else None
    return strawberry.cast(kind, found) if kind and found is not None else None


def _kind_of(id: relay.GlobalID, info: Info) -> type[relay.Node] | None:  # noqa: A002 - as above
    """The type that the id names; none if there is no such type, or its ids have another form."""
    try:
        kind = id.resolve_type(info)
        key = get_django_definition(kind, strict=True).model._meta.pk  # noqa: SLF001 - Django documents _meta
        key.to_python(id.node_id)
    except (relay.GlobalIDValueError, TypeError, ValidationError):
        return None
    return kind


@strawberry.type(description="Everything that can be asked. Only the shop of the key that asks is seen.")
class Query:
    installation: types.Installation = strawberry_django.field(
        resolver=_installation, description="The shop this key belongs to."
    )
    payments: DjangoListConnection[types.Payment] = strawberry_django.connection(
        resolver=_payments, description="The shop's payments through Stripe, newest first."
    )
    contacts: DjangoListConnection[types.Contact] = strawberry_django.connection(
        resolver=_contacts, description="The people of the shop's audience, newest first."
    )
    contact: types.Contact | None = strawberry_django.field(
        resolver=_contact, description="One person by address; nothing if the audience has none of it."
    )
    products: DjangoListConnection[types.Product] = strawberry_django.connection(
        resolver=_products, description="The shop's variants that are Products in Stripe."
    )
    node: relay.Node | None = strawberry.field(
        resolver=_node, description="Any object by its id; nothing if this shop has none of it."
    )


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
