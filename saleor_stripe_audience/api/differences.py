"""Changes made in Stripe: listed, applied in Saleor, or overwritten with Saleor's values."""

from datetime import datetime
from enum import StrEnum, auto
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import Q, QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.context import caller_of, needs, shop_id
from saleor_stripe_audience.api.enums import DifferenceKind, DifferenceState, describe
from saleor_stripe_audience.api.errors import Error, ErrorCode, InvalidInput, Payload, error_of, mutation
from saleor_stripe_audience.api.filters import (
    FilterInput,
    OrderDirection,
    StringFilterInput,
    any_of,
    chosen,
    condition,
    equal,
    in_order,
    one_of,
    values_of,
)
from saleor_stripe_audience.api.paging import LongConnection
from saleor_stripe_audience.api.products import Product
from saleor_stripe_audience.api.transfers import Job
from saleor_stripe_audience.catalog import models, refresh
from saleor_stripe_audience.gateway.catalogue import dashboard_url
from saleor_stripe_audience.wording import ENGLISH

MOST_KEPT = 100


def _error(root: strawberry.Parent[models.Difference]) -> str | None:
    text: str | None = root.errors.get(ENGLISH)
    return text


def _text(name: str, description: str) -> Any:
    """Create a field of a column that is null if it is empty."""

    def resolve(root: strawberry.Parent[models.Difference]) -> str | None:
        return getattr(root, name) or None

    return strawberry_django.field(resolver=resolve, only=[name], description=description)


def _may_be_applied(root: strawberry.Parent[models.Difference]) -> bool:
    return root.may_be_applied


def _stripe_url(root: strawberry.Parent[models.Difference]) -> str:
    return dashboard_url(root.account, root.stripe_product_id)


@strawberry_django.type(models.Difference, description="A change made in Stripe that Saleor does not have.")
class CatalogueDifference(relay.Node):
    kind: DifferenceKind = strawberry_django.field(description="The kind of change.")
    state: DifferenceState = strawberry_django.field(description="Its state.")
    title: str = strawberry_django.field(description="The product's name in Stripe.")
    stripe_product_id: str = strawberry_django.field(description="Stripe's id of the Product.")
    field: str | None = _text(
        "field",
        "The field that was changed: name, description, images, price …; null for the product itself.",
    )
    stripe_value: str | None = _text(
        "stripe_value", "Stripe's value as text; images are listed one per line."
    )
    saleor_value: str | None = _text("saleor_value", "Saleor's value.")
    is_conflict: bool = strawberry_django.field(
        description="Whether Saleor's value has changed too. If so, Saleor's value is kept."
    )
    may_be_applied: bool = strawberry_django.field(
        resolver=_may_be_applied,
        only=["state", "reason", "is_conflict"],
        description="Whether `catalogueDifferencesApply` can apply it in Saleor.",
    )
    reason: str | None = _text(
        "reason",
        "Why it cannot be applied in Saleor, such as subscription (see docs/catalogue.md); null if it can.",
    )
    error: str | None = strawberry_django.field(
        resolver=_error,
        only=["errors"],
        description="Why applying it failed, or which part could not be applied.",
    )
    found_at: datetime = strawberry_django.field(description="When it was last found.")
    decided_at: datetime | None = strawberry_django.field(description="When it was decided.")
    decided_by: str | None = _text("decided_by", "Who decided it.")
    product: Product | None = strawberry_django.field(description="The variant, if the shop has it.")
    stripe_url: str = strawberry_django.field(
        resolver=_stripe_url,
        only=["stripe_product_id"],
        select_related=["account"],
        description="The Product in Stripe's Dashboard.",
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry.input(description="Conditions on differences, joined by AND and OR.")
class CatalogueDifferenceWhereInput:
    kind: FilterInput[DifferenceKind] | None = strawberry.field(
        default=None, description="The kind of change."
    )
    state: FilterInput[DifferenceState] | None = strawberry.field(default=None, description="Its state.")
    field: StringFilterInput | None = strawberry.field(default=None, description="The field.")
    stripe_product_id: StringFilterInput | None = strawberry.field(
        default=None, description="Stripe's id of the Product."
    )
    saleor_product_id: StringFilterInput | None = strawberry.field(
        default=None, description="Saleor's id of the product."
    )
    may_be_applied: bool | None = strawberry.field(
        default=None, description="True for differences that can be applied in Saleor, false for the others."
    )
    and_: list["CatalogueDifferenceWhereInput"] | None = strawberry.field(
        name="AND", default=None, description="Conditions, all of which must be met."
    )
    or_: list["CatalogueDifferenceWhereInput"] | None = strawberry.field(
        name="OR", default=None, description="Conditions, at least one of which must be met."
    )

    def condition(self) -> Q:
        """Return the condition without AND and OR."""
        found = one_of("kind", values_of(self.kind)) & one_of("state", values_of(self.state))
        found &= one_of("field", values_of(self.field))
        found &= one_of("stripe_product_id", values_of(self.stripe_product_id))
        found &= one_of("product__saleor_product_id", values_of(self.saleor_product_id))
        if self.may_be_applied is None:
            return found
        applicable = Q(state=DifferenceState.OPEN, reason="", is_conflict=False)
        return found & (applicable if self.may_be_applied else ~applicable)


@strawberry.input(description="Conditions on differences; all of them must be met.")
class CatalogueDifferenceFilterInput:
    kind: list[DifferenceKind] | None = strawberry.field(default=None, description="One of these kinds.")
    state: list[DifferenceState] | None = strawberry.field(default=None, description="One of these states.")
    stripe_product_id: str | None = strawberry.field(default=None, description="Stripe's id of the Product.")
    saleor_product_id: str | None = strawberry.field(default=None, description="Saleor's id of the product.")
    may_be_applied: bool | None = strawberry.field(
        default=None, description="True for differences that can be applied in Saleor, false for the others."
    )

    def where(self) -> CatalogueDifferenceWhereInput:
        """The same conditions as `where` has them."""
        return CatalogueDifferenceWhereInput(
            kind=any_of(self.kind),
            state=any_of(self.state),
            stripe_product_id=equal(self.stripe_product_id),
            saleor_product_id=equal(self.saleor_product_id),
            may_be_applied=self.may_be_applied,
        )


class CatalogueDifferenceSortField(StrEnum):
    FOUND_AT = auto()
    TITLE = auto()


describe(
    CatalogueDifferenceSortField,
    "CatalogueDifferenceSortField",
    "The field to sort differences by.",
    {
        CatalogueDifferenceSortField.FOUND_AT: "When it was last found.",
        CatalogueDifferenceSortField.TITLE: "The product's name in Stripe.",
    },
)


@strawberry.input(description="How to sort differences.")
class CatalogueDifferenceSortingInput:
    field: CatalogueDifferenceSortField = strawberry.field(description="The field.")
    direction: OrderDirection = strawberry.field(description="The direction.")


@strawberry.type(description="Differences, page by page.")
class CatalogueDifferenceConnection(LongConnection[CatalogueDifference]):
    pass


@strawberry.type(description="The refresh jobs, one for each account.")
class CatalogueRefreshStart(Payload):
    jobs: list[Job] = strawberry.field(
        default_factory=list, description="The jobs; empty if no account can be queried now."
    )


@strawberry.type(description="A difference after the attempt to apply it.")
class CatalogueDifferenceOutcome:
    difference: CatalogueDifference = strawberry.field(description="The difference.")
    error: Error | None = strawberry.field(description="Why it was not applied; null if it was.")


@strawberry.type(description="The differences after the attempt to apply them.")
class CatalogueDifferencesApply(Payload):
    outcomes: list[CatalogueDifferenceOutcome] = strawberry.field(
        default_factory=list, description="One for each difference; a failure does not stop the others."
    )


@strawberry.type(description="The differences for which Saleor's values were kept.")
class CatalogueDifferencesKeep(Payload):
    differences: list[CatalogueDifference] = strawberry.field(
        default_factory=list, description="The differences."
    )


_Ids = Annotated[list[strawberry.ID], strawberry.argument(description="The differences' ids.")]


def _differences(
    info: Info,
    filter_: Annotated[
        CatalogueDifferenceFilterInput | None,
        strawberry.argument(name="filter", description="Conditions that all must be met."),
    ] = None,
    where: Annotated[
        CatalogueDifferenceWhereInput | None,
        strawberry.argument(description="Conditions that can be combined with AND and OR."),
    ] = None,
    sort_by: Annotated[
        CatalogueDifferenceSortingInput | None,
        strawberry.argument(description="The sort order; most recently found first if omitted."),
    ] = None,
) -> list[CatalogueDifference]:
    found = condition(chosen(filter_, where), CatalogueDifferenceWhereInput.condition)
    rows = models.Difference.objects.filter(found, installation_id=shop_id(info))
    return cast("list[CatalogueDifference]", in_order(rows, sort_by, CatalogueDifferenceSortField.FOUND_AT))


def _own(info: Info, given: list[strawberry.ID], most: int) -> list[models.Difference]:
    """Return the shop's differences in the given order; ids of other shops are not found."""
    numbers = list(dict.fromkeys(ids.number_of(each, "CatalogueDifference", "ids") for each in given))
    if not 1 <= len(numbers) <= most:
        raise InvalidInput(f"Give 1 to {most} ids.", ErrorCode.TOO_MANY_VALUES, "ids")
    rows = models.Difference.objects.filter(installation_id=shop_id(info), pk__in=numbers)
    found = {each.pk: each for each in rows.select_related("account__installation", "product")}
    if len(found) < len(numbers):
        raise ids.not_found("CatalogueDifference", "ids")
    return [found[number] for number in numbers]


def _start(info: Info) -> CatalogueRefreshStart:
    started = refresh.start_all(ids.own_shop(info), caller_of(info).id)
    return CatalogueRefreshStart(jobs=cast("list[Job]", started))


def _apply(
    info: Info,
    ids: _Ids,
    product_type: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="Saleor's id of the product type for new products; the shop's first one if omitted."
        ),
    ] = None,
    category: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="Saleor's id of the category for new products, which is required for them."
        ),
    ] = None,
) -> CatalogueDifferencesApply:
    target = refresh.Target(product_type or "", category or "")
    own = _own(info, ids, refresh.MOST_AT_ONCE)
    outcomes = refresh.apply(_shop(info), own, target, caller_of(info).id)
    return CatalogueDifferencesApply(
        outcomes=[
            CatalogueDifferenceOutcome(
                difference=cast("CatalogueDifference", each.difference),
                error=None if each.error is None else error_of(each.error),
            )
            for each in outcomes
        ]
    )


def _keep(info: Info, ids: _Ids) -> CatalogueDifferencesKeep:
    own = _own(info, ids, MOST_KEPT)
    refresh.keep_saleors(_shop(info), own, caller_of(info).id)
    return CatalogueDifferencesKeep(differences=cast("list[CatalogueDifference]", own))


_shop = ids.own_shop  # the mutations have an argument of the module's name


@strawberry.type
class DifferenceQueries:
    catalogue_differences: CatalogueDifferenceConnection = strawberry_django.connection(
        resolver=_differences,
        permission_classes=[needs("catalogue:read")],
        description="What was done in Stripe and is not so in Saleor. Needs the scope catalogue:read.",
    )


@strawberry.type
class DifferenceMutations:
    catalogue_refresh_start: CatalogueRefreshStart = mutation(
        _start,
        "catalogue:write",
        "List Stripe's products and compare them with Saleor's; unfinished jobs are returned.",
    )
    catalogue_differences_apply: CatalogueDifferencesApply = mutation(
        _apply,
        "catalogue:write",
        "Apply up to 10 differences in Saleor. Those that were applied stay applied if others fail.",
    )
    catalogue_differences_keep: CatalogueDifferencesKeep = mutation(
        _keep,
        "catalogue:write",
        "Send Saleor's values to Stripe again for up to 100 differences, and leave new products there alone.",
    )
