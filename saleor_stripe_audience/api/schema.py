"""The GraphQL API for developers: one shop's payments, contacts, products and settings, by scope."""

from typing import Annotated, Any

import strawberry
from django.core.exceptions import ValidationError
from graphql import GraphQLError
from strawberry import Info, relay
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry_django.optimizer import DjangoOptimizerExtension
from strawberry_django.utils.typing import get_django_definition

from saleor_stripe_audience.api.account import ApiKey, SettingsMutations, SettingsQueries, StripeAccount
from saleor_stripe_audience.api.audiences import Audience, AudienceMutations, AudienceQueries
from saleor_stripe_audience.api.buyers import Contact, Purchase
from saleor_stripe_audience.api.catalogue_sync import CatalogueSyncMutations, CatalogueSyncQueries
from saleor_stripe_audience.api.contact_mutations import ContactMutations
from saleor_stripe_audience.api.contacts import ContactQueries
from saleor_stripe_audience.api.context import check_scope
from saleor_stripe_audience.api.differences import (
    CatalogueDifference,
    DifferenceMutations,
    DifferenceQueries,
)
from saleor_stripe_audience.api.installation import InstallationQueries
from saleor_stripe_audience.api.mail_webhooks import MailWebhook, MailWebhookMutations, MailWebhookQueries
from saleor_stripe_audience.api.paging import LONGEST_PAGE
from saleor_stripe_audience.api.payments import Payment, PaymentQueries
from saleor_stripe_audience.api.people import ErasureReceipt, Tag
from saleor_stripe_audience.api.product_edits import ProductEditMutations, ProductEditQueries
from saleor_stripe_audience.api.products import Product, ProductQueries
from saleor_stripe_audience.api.purchases import PurchaseQueries
from saleor_stripe_audience.api.segments import Segment, SegmentMutations, SegmentQueries
from saleor_stripe_audience.api.storefront_keys import (
    StorefrontKey,
    StorefrontKeyMutations,
    StorefrontKeyQueries,
)
from saleor_stripe_audience.api.transfers import Job, TransferMutations, TransferQueries

MAX_DEPTH = 12  # contacts → purchases → lines → money, with edges and nodes, is 10
MAX_ALIASES = 15
MAX_TOKENS = 2000

SCOPES: dict[type[relay.Node], str] = {
    Payment: "payments:read",
    Contact: "audience:read",
    Purchase: "audience:read",
    Audience: "audience:read",
    Tag: "audience:read",
    Segment: "audience:read",
    ErasureReceipt: "audience:read",
    Job: "audience:read",
    Product: "catalogue:read",
    CatalogueDifference: "catalogue:read",
    ApiKey: "settings:read",
    MailWebhook: "settings:read",
    StorefrontKey: "settings:read",
    StripeAccount: "settings:read",
}


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


def _kind_of(id: relay.GlobalID, info: Info) -> type[relay.Node] | None:  # noqa: A002 - as above
    """Return the type that the id names; None if there is no such type, or its ids have another form."""
    try:
        kind = id.resolve_type(info)
        key = get_django_definition(kind, strict=True).model._meta.pk  # noqa: SLF001 - Django documents _meta
        key.to_python(id.node_id)
    except (relay.GlobalIDValueError, TypeError, ValidationError):
        return None
    return kind


@strawberry.type
class NodeQueries:
    node: relay.Node | None = strawberry.field(
        resolver=_node,
        description="Any object by its id; null if this shop does not have it. Needs the scope for the "
        "object's type.",
    )


# Resolvers return querysets; strawberry-django limits them to the shop (the types' get_queryset), takes the
# first row if one object is requested, and reads only the columns and relations that the query names.


@strawberry.type(description="Queries for the shop that the caller's key belongs to.")
class Query(
    AudienceQueries,
    ContactQueries,
    InstallationQueries,
    MailWebhookQueries,
    NodeQueries,
    PaymentQueries,
    CatalogueSyncQueries,
    DifferenceQueries,
    ProductEditQueries,
    ProductQueries,
    PurchaseQueries,
    SegmentQueries,
    SettingsQueries,
    StorefrontKeyQueries,
    TransferQueries,
):
    pass


@strawberry.type(description="Mutations for the shop that the caller's key belongs to.")
class Mutation(
    AudienceMutations,
    CatalogueSyncMutations,
    ContactMutations,
    DifferenceMutations,
    MailWebhookMutations,
    ProductEditMutations,
    SegmentMutations,
    SettingsMutations,
    StorefrontKeyMutations,
    TransferMutations,
):
    pass


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Do nothing: `errors.formatted` logs failures of the app, and not the caller's own mistakes."""


schema = Schema(
    query=Query,
    mutation=Mutation,
    config=StrawberryConfig(relay_max_results=LONGEST_PAGE),
    extensions=[
        DjangoOptimizerExtension,
        lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
        lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
    ],
)
