"""The GraphQL API for developers: one shop's payments, contacts, products and settings, by scope."""

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
from strawberry_django.utils.typing import get_django_definition

from saleor_stripe_audience.api import account, filters, types
from saleor_stripe_audience.api.audiences import Audience, AudienceMutations, AudienceQueries
from saleor_stripe_audience.api.contact_mutations import ContactMutations
from saleor_stripe_audience.api.contacts import ContactQueries
from saleor_stripe_audience.api.context import check_scope, needs, shop_id
from saleor_stripe_audience.api.paging import NumberedConnection
from saleor_stripe_audience.api.people import ErasureReceipt, Tag
from saleor_stripe_audience.api.segments import Segment, SegmentMutations, SegmentQueries
from saleor_stripe_audience.api.transfers import Job, TransferMutations, TransferQueries
from saleor_stripe_audience.catalog import models as catalog
from saleor_stripe_audience.payments import models as payments
from saleor_stripe_audience.shops import models as saleor

MAX_DEPTH = 12  # contacts → purchases → lines → money, with edges and nodes, is 10
MAX_ALIASES = 15
MAX_TOKENS = 2000
MAX_ON_A_PAGE = 100


# Resolvers return querysets; strawberry-django limits them to the shop (the types' get_queryset), takes the
# first row where one object is asked for, and reads only the columns and relations that the query names.


def _installation(info: Info) -> types.Installation:
    return cast("types.Installation", saleor.Installation.objects.filter(pk=shop_id(info)))


_Filter = strawberry.argument(name="filter", description="Which of them; all, if left out.")
_Order = strawberry.argument(description="In which order; newest first, if left out.")
_ByName = strawberry.argument(description="In which order; oldest first, if left out.")


def _payments(
    filter_: Annotated[filters.PaymentFilter | None, _Filter] = None,
    order_by: Annotated[filters.PaymentOrder | None, _Order] = None,
) -> Iterable[types.Payment]:
    rows = payments.Payment.objects.all()
    return cast("Iterable[types.Payment]", filters.narrowed(rows, filter_, order_by, "-created_at"))


def _products(
    filter_: Annotated[filters.ProductFilter | None, _Filter] = None,
    order_by: Annotated[filters.ProductOrder | None, _ByName] = None,
) -> Iterable[types.Product]:
    rows = catalog.CatalogProduct.objects.all()
    return cast("Iterable[types.Product]", filters.narrowed(rows, filter_, order_by, "pk"))


def _node(
    info: Info,
    id: Annotated[  # noqa: A002 - relay names the argument
        relay.GlobalID, strawberry.argument(description="The object's id.")
    ],
) -> relay.Node | None:
    kind = _kind_of(id, info)
    if kind in SCOPES:
        check_scope(info, SCOPES[kind])
    found: Any = kind.resolve_node(id.node_id, info=info, required=False) if kind else None
    return strawberry.cast(kind, found) if kind and found is not None else None


SCOPES: dict[type[relay.Node], str] = {
    types.Payment: "payments:read",
    types.Contact: "audience:read",
    types.Purchase: "audience:read",
    Audience: "audience:read",
    Tag: "audience:read",
    Segment: "audience:read",
    ErasureReceipt: "audience:read",
    Job: "audience:read",
    types.Product: "catalogue:read",
    account.ApiKey: "settings:read",
    account.StripeAccount: "settings:read",
}


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
class Query(AudienceQueries, ContactQueries, TransferQueries, SegmentQueries):
    installation: types.Installation = strawberry_django.field(
        resolver=_installation, description="The shop this key belongs to. Needs no scope."
    )
    payments: NumberedConnection[types.Payment] = strawberry_django.connection(
        resolver=_payments,
        permission_classes=[needs("payments:read")],
        description="The shop's payments through Stripe. Needs the scope payments:read.",
    )
    products: NumberedConnection[types.Product] = strawberry_django.connection(
        resolver=_products,
        permission_classes=[needs("catalogue:read")],
        description="The shop's variants that are Products in Stripe. Needs the scope catalogue:read.",
    )
    stripe_accounts: list[account.StripeAccount] = strawberry_django.field(
        resolver=account.stripe_accounts,
        permission_classes=[needs("settings:read")],
        description="The Stripe accounts that the shop connected, without their keys. Needs the scope settings:read.",
    )
    api_keys: list[account.ApiKey] = strawberry_django.field(
        resolver=account.api_keys,
        permission_classes=[needs("settings:read")],
        description="The keys of this API, newest first, without their secrets. Needs the scope settings:read.",
    )
    problems: list[account.Problem] = strawberry_django.field(
        resolver=account.problems,
        permission_classes=[needs("settings:read")],
        description="What must be mended, newest first. Needs the scope settings:read.",
    )
    node: relay.Node | None = strawberry.field(
        resolver=_node,
        description="Any object by its id; nothing if this shop has none of it. Needs the scope of the object's kind.",
    )


@strawberry.type(description="Everything that can be changed. Only the shop of the key that asks is touched.")
class Mutation(
    AudienceMutations, ContactMutations, TransferMutations, SegmentMutations, account.SettingsMutations
):
    pass


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing here: `errors.formatted` logs what deserves it, without the caller's own mistakes."""


schema = Schema(
    query=Query,
    mutation=Mutation,
    types=[types.Purchase],
    config=StrawberryConfig(relay_max_results=MAX_ON_A_PAGE),
    extensions=[
        DjangoOptimizerExtension,
        lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
        lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
    ],
)
