"""The rule of a segment: a tree of conditions, read from its JSON once into typed values.

    {"version": 1, "root": {"type": "all", "of": [
        {"type": "purchased", "product": ["UHJvZHVjdDoxMzQ="], "within": {"days": 30}},
        {"type": "not", "of": {"type": "status", "in": ["subscribed"]}}]}}

What a condition means is documented in docs/audience.md; how it is asked of the database stands in `compile`.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel

from saleor_stripe_audience import money
from saleor_stripe_audience.audience.people.status import ConsentState, Status
from saleor_stripe_audience.audience.segments.places import at, place_of
from saleor_stripe_audience.audience.segments.saleor_ids import is_id_of
from saleor_stripe_audience.errors import Rejected

VERSION = 1
DEEPEST = 20
MOST_CONDITIONS = 100
MOST_VALUES = 100
MOST_NUMBER = 10**15
LONGEST_SPAN = timedelta(days=3650)

Json = dict[str, Any]
T = TypeVar("T")


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, extra="forbid", serialize_by_alias=True
    )


class Span(_Part):
    """A length of time: the sum of what is given, more than nothing and at most ten years."""

    days: int = Field(0, ge=0, le=3650, strict=True)
    hours: int = Field(0, ge=0, le=87_600, strict=True)
    minutes: int = Field(0, ge=0, le=5_256_000, strict=True)

    @model_validator(mode="after")
    def _is_some_time(self) -> Self:
        if not timedelta() < self.length <= LONGEST_SPAN:
            raise ValueError("give more than nothing and at most ten years, such as {days: 30}")
        return self

    @model_serializer
    def _as_given(self) -> dict[str, int]:
        given = {"days": self.days, "hours": self.hours, "minutes": self.minutes}
        return {unit: count for unit, count in given.items() if count}

    @property
    def length(self) -> timedelta:
        return timedelta(days=self.days, hours=self.hours, minutes=self.minutes)

    def __str__(self) -> str:
        given = [(self.days, "day"), (self.hours, "hour"), (self.minutes, "minute")]
        return " ".join(f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in given if count)


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _no_twins[Item](values: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(values))


Several = Annotated[
    tuple[T, ...],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=MOST_VALUES),
    AfterValidator(_no_twins),
]


class _SaleorId:
    """A validator of Saleor's ids of one kind of thing."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, value: str) -> str:
        if not is_id_of(self.kind, value):
            raise ValueError(f"this is not Saleor's id of a {self.kind}, as Saleor's API gives it")
        return value


def _currency(value: str) -> str:
    try:
        return money.known_currency(value)
    except Rejected as refused:
        raise ValueError(refused.message) from None


Country = Annotated[str, Field(pattern=r"^[A-Za-z]{2}$"), AfterValidator(str.upper)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$"),
                     AfterValidator(lambda tag: tag.replace("_", "-").lower())]  # fmt: skip
Currency = Annotated[str, Field(max_length=3), AfterValidator(_currency)]
Amount = Annotated[Decimal, BeforeValidator(lambda value: str(value) if isinstance(value, float) else value)]
Count = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
Text = Annotated[str, Field(min_length=1, max_length=250)]
ProductId = Annotated[str, Field(max_length=128), AfterValidator(_SaleorId("Product"))]
VariantId = Annotated[str, Field(max_length=128), AfterValidator(_SaleorId("ProductVariant"))]
CollectionId = Annotated[str, Field(max_length=128), AfterValidator(_SaleorId("Collection"))]
CategoryId = Annotated[str, Field(max_length=128), AfterValidator(_SaleorId("Category"))]
ProductTypeId = Annotated[str, Field(max_length=128), AfterValidator(_SaleorId("ProductType"))]


class All(_Part):
    """Every one of them is true."""

    type: Literal["all"] = "all"
    of: tuple["Node", ...] = Field(min_length=1)


class AnyOf(_Part):
    """At least one of them is true."""

    type: Literal["any"] = "any"
    of: tuple["Node", ...] = Field(min_length=1)


class Not(_Part):
    """It is not true."""

    type: Literal["not"] = "not"
    of: "Node"


class StatusIs(_Part):
    """The status is one of these."""

    type: Literal["status"] = "status"
    in_: Several[Status] = Field(alias="in")


class ConsentIs(_Part):
    """What the person said last about marketing is one of these."""

    type: Literal["consent"] = "consent"
    in_: Several[ConsentState] = Field(alias="in")


class CountryIs(_Part):
    """The country, ISO 3166 in two letters, is one of these."""

    type: Literal["country"] = "country"
    in_: Several[Country] = Field(alias="in")


class LanguageIs(_Part):
    """The language is one of these; `fr` means `fr-ca`, too."""

    type: Literal["language"] = "language"
    in_: Several[Language] = Field(alias="in")


class HasTag(_Part):
    """The contact has the tag, by its id or its name; the id is what is kept."""

    type: Literal["tag"] = "tag"
    tag: Text


class InSegment(_Part):
    """The contact fits another segment of the audience, by its id or its name; the id is what is kept."""

    type: Literal["inSegment"] = "inSegment"
    segment: Text


class _Range(_Part):
    """`at_least` and `at_most` of something; one of them at the least."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        low, high = getattr(self, "at_least", None), getattr(self, "at_most", None)
        if low is None and high is None:
            raise ValueError("give atLeast, atMost, or both")
        if low is not None and high is not None and low > high:
            raise ValueError("atLeast is more than atMost: nobody can fit")
        return self


class OrdersCount(_Range):
    """How many orders were paid, ever."""

    type: Literal["ordersCount"] = "ordersCount"
    at_least: Count | None = None
    at_most: Count | None = None


class _MoneyRange(_Range):
    currency: Currency
    at_least: Amount | None = None
    at_most: Amount | None = None

    @model_validator(mode="after")
    def _is_money(self) -> Self:
        for amount in (self.at_least, self.at_most):
            if amount is not None:
                try:
                    money.from_decimal(amount, self.currency)
                except Rejected as refused:
                    raise ValueError(refused.message) from None
        return self

    def minor(self, amount: Decimal) -> int:
        """The amount in the smallest unit of the currency."""
        return money.from_decimal(amount, self.currency).minor


class Spent(_MoneyRange):
    """What was paid less what was given back, in one currency. Who never paid in it spent nothing."""

    type: Literal["spent"] = "spent"
    within: Span | None = None


class AverageOrder(_MoneyRange):
    """What was spent in one currency, by the paid orders in it; nobody without such an order."""

    type: Literal["averageOrder"] = "averageOrder"


class _When(_Part):
    """At a time: reckoned from now (`within`, `longer_ago`), or by the calendar (`since`, `before`)."""

    within: Span | None = None
    longer_ago: Span | None = None
    since: AwareDatetime | None = None
    before: AwareDatetime | None = None

    @model_validator(mode="after")
    def _is_a_time(self) -> Self:
        if not (self.within or self.longer_ago or self.since or self.before):
            raise ValueError("give within, longerAgo, since or before")
        if self.within and self.longer_ago and self.within.length <= self.longer_ago.length:
            raise ValueError("nothing is within that time and longer ago at once")
        if self.since and self.before and self.since >= self.before:
            raise ValueError("since is not before `before`: nobody can fit")
        return self


class FirstOrder(_When):
    """When the first paid order was made; nobody without one."""

    type: Literal["firstOrder"] = "firstOrder"


class LastOrder(_When):
    """When the last paid order was made; nobody without one."""

    type: Literal["lastOrder"] = "lastOrder"


class Joined(_When):
    """When the person became a contact of the audience."""

    type: Literal["joined"] = "joined"


class ConsentGiven(_When):
    """When the consent that is in force was last given or confirmed; nobody whose consent is not confirmed."""

    type: Literal["consentGiven"] = "consentGiven"


class OrderedSince(_Part):
    """An order was placed since, paid or not: since a time, within a time, or since a cart was left (`cart: true`)."""

    type: Literal["orderedSince"] = "orderedSince"
    since: AwareDatetime | None = None
    within: Span | None = None
    cart: Literal[True] | None = None

    @model_validator(mode="after")
    def _is_one_time(self) -> Self:
        if len([each for each in (self.since, self.within, self.cart) if each is not None]) != 1:
            raise ValueError("give one of since, within and cart")
        return self


class _Text(_Part):
    """Text compared without capitals: equal to one of several, with something in it, or beginning with something."""

    is_: Several[Text] | None = Field(None, alias="is")
    contains: Text | None = None
    starts_with: Text | None = None

    @model_validator(mode="after")
    def _is_one_comparison(self) -> Self:
        if len([each for each in (self.is_, self.contains, self.starts_with) if each is not None]) != 1:
            raise ValueError("give one of is, contains and startsWith")
        return self


class Named(_Text):
    """The first or the last name, or either of them."""

    type: Literal["name"] = "name"
    part: Literal["first", "last"] | None = None


class LivesIn(_Text):
    """The city, as orders, carts and imports write it."""

    type: Literal["city"] = "city"


class HasAttribute(_Range):
    """A value of Saleor's metadata under a key that the audience keeps; `at_least` and `at_most` compare numbers."""

    type: Literal["attribute"] = "attribute"
    key: Annotated[str, Field(min_length=1, max_length=128)]
    is_: Several[Annotated[str, Field(max_length=500)]] | None = Field(None, alias="is")
    contains: Text | None = None
    exists: bool | None = None
    at_least: Amount | None = None
    at_most: Amount | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        ways = [self.is_ is not None, self.contains is not None, self.exists is not None,
                self.at_least is not None or self.at_most is not None]  # fmt: skip
        if sum(ways) != 1:
            raise ValueError("give one of is, contains, exists, or atLeast and atMost")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("atLeast is more than atMost: nobody can fit")
        if any(each is not None and abs(each) >= MOST_NUMBER for each in (self.at_least, self.at_most)):
            raise ValueError("the number is too large")
        return self


BOUGHT = ("product", "variant", "collection", "category", "product_type")


class Purchased(_Part):
    """Bought, in paid orders: anything, or one of the named products, variants, … `at_least` counts orders."""

    type: Literal["purchased"] = "purchased"
    product: Several[ProductId] | None = None
    variant: Several[VariantId] | None = None
    collection: Several[CollectionId] | None = None
    category: Several[CategoryId] | None = None
    product_type: Several[ProductTypeId] | None = None
    within: Span | None = None
    channel: Text | None = None
    at_least: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1

    @model_validator(mode="after")
    def _names_one_kind(self) -> Self:
        if len([name for name in BOUGHT if getattr(self, name) is not None]) > 1:
            raise ValueError(
                "name products, variants, collections, categories or product types, one kind only"
            )
        return self

    @property
    def bought(self) -> tuple[str, tuple[str, ...]] | None:
        """Which kind of thing, and which of it; None for anything."""
        return next(((name, getattr(self, name)) for name in BOUGHT if getattr(self, name) is not None), None)


class _CartWith(_Part):
    product: Several[ProductId] | None = None
    variant: Several[VariantId] | None = None

    @model_validator(mode="after")
    def _names_one_kind(self) -> Self:
        if self.product is not None and self.variant is not None:
            raise ValueError("name products or variants, one kind only")
        return self

    @property
    def holding(self) -> tuple[str, tuple[str, ...]] | None:
        """Which kind of thing is in the cart, and which of it; None for anything."""
        named = (("product", self.product), ("variant", self.variant))
        return next(((kind, ids) for kind, ids in named if ids is not None), None)


class HasCart(_CartWith):
    """A cart with something in it was left, silent for that long (if left out, the audience's own setting).

    Its shopper placed no order since.
    """

    type: Literal["cart"] = "cart"
    abandoned_for: Span | None = None


class InCart(_CartWith):
    """One of these is in a cart that is open, left or not; `within` is when the cart was last changed."""

    type: Literal["inCart"] = "inCart"
    within: Span | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.holding is None:
            raise ValueError("name products or variants")
        return self


class PaymentDeclined(_Part):
    """A payment was declined: with one of these codes of Stripe, or any."""

    type: Literal["paymentDeclined"] = "paymentDeclined"
    code: Several[Text] | None = None
    within: Span | None = None


class Disputed(_Part):
    """A payment was disputed."""

    type: Literal["disputed"] = "disputed"
    within: Span | None = None


class Refunded(_Part):
    """Something was given back of an order, made within that time if one is given."""

    type: Literal["refunded"] = "refunded"
    within: Span | None = None


class UsedVoucher(_Part):
    """A paid order used one of these vouchers, or any."""

    type: Literal["voucher"] = "voucher"
    code: Several[Text] | None = None
    within: Span | None = None


Condition = (
    StatusIs | ConsentIs | CountryIs | LanguageIs | HasTag | InSegment | OrdersCount | Spent | AverageOrder
    | FirstOrder | LastOrder | Purchased | HasCart | PaymentDeclined | Disputed | Refunded | UsedVoucher
    | Joined | ConsentGiven | OrderedSince | Named | LivesIn | HasAttribute | InCart
)  # fmt: skip
Node = Annotated[All | AnyOf | Not | Condition, Field(discriminator="type")]


class Rule(_Part):
    """A whole rule and the version of its language."""

    version: Literal[1]
    root: Node

    def as_json(self) -> Json:
        """The rule as it is stored and shown: what was left out stays out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=False)


def read(tree: Any) -> Rule:
    """The rule of its JSON; `Rejected`, naming the place, where it is none."""
    _check_size(tree)
    try:
        rule = Rule.model_validate(tree)
    except ValidationError as refused:
        raise Rejected(_told(refused), code="segment") from None
    _check_depth(rule)
    _check_contradictions(rule.root, "root")
    return rule


def children(node: Any) -> list[tuple[str, Any]]:
    """The conditions beneath a node, each with the step that leads to it."""
    if isinstance(node, All | AnyOf):
        return [(f".of[{index}]", child) for index, child in enumerate(node.of)]
    return [(".of", node.of)] if isinstance(node, Not) else []


def walk(node: Any, place: str = "root") -> Iterator[tuple[str, Any]]:
    """The node and all beneath it, each with its place, such as root.of[1].of."""
    yield place, node
    for step, child in children(node):
        yield from walk(child, place + step)


def is_timed(node: Any) -> bool:
    """Whether the passing of time alone makes it true or false; the segments that it names apart."""
    return any(
        isinstance(each, HasCart) or getattr(each, "within", None) or getattr(each, "longer_ago", None)
        for _place, each in walk(node)
    )


def _check_size(tree: Any) -> None:
    """Before anything recurses: JSON nests as far as its sender likes."""
    level, conditions = [tree], 0
    for _ in range(
        DEEPEST * 2 + 4
    ):  # a condition and its list are two steps, and the last one has values of its own
        if not level:
            return
        conditions += sum(isinstance(each, Mapping) and "type" in each for each in level)
        if conditions > MOST_CONDITIONS:
            raise Rejected(
                f"The segment has more than {MOST_CONDITIONS} conditions. Make several segments of it, and name them "
                "with inSegment.",
                code="segment",
            )
        level = [beneath for each in level for beneath in _beneath(each)]
    raise _too_deep("root.of.of.of…")


def _check_depth(rule: "Rule") -> None:
    for place, _node in walk(rule.root):
        if place.count(".") >= DEEPEST:
            raise _too_deep(place)


def _too_deep(place: str) -> Rejected:
    return Rejected(
        f"{place}: the segment is nested more than {DEEPEST} deep. Make a segment of its inner part, and name it with "
        "inSegment.",
        code="segment",
    )


def _beneath(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


_WORDS = {
    "model_type": "give an object, such as {days: 30} for a length of time",
    "too_short": "give at least one",
    "too_long": f"give {MOST_VALUES} at most",
    "missing": "this is needed",
    "timezone_aware": "give the time with its zone, such as 2026-11-23T00:00:00Z",
}


def _told(refused: ValidationError) -> str:
    [first, *_] = refused.errors(include_url=False, include_input=False)
    place = place_of(first["loc"])
    if first["type"] == "union_tag_invalid":
        return f"{place}: there is no such type of condition."
    if first["type"] == "union_tag_not_found":
        return f"{place}: say the type of the condition."
    if first["type"] == "extra_forbidden":
        return f"{place}: a condition of this type has no such part."
    if first["type"] == "literal_error" and place == "version":
        return f"version: the app knows version {VERSION} of segments."
    words = _WORDS.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{place}: {words[:1].lower()}{words[1:].rstrip('.')}."


def _check_contradictions(node: Any, place: str) -> None:
    """What nobody can ever fit is a mistake, and is told where it stands."""
    if isinstance(node, All):
        _check_single_values(node, place)
        _check_opposites(node, place)
    for step, child in children(node):
        _check_contradictions(child, place + step)


SINGLE = (
    StatusIs,
    ConsentIs,
    CountryIs,
)  # a contact has one of each; of languages, `fr` and `fr-ca` fit together


def _check_single_values(node: All, place: str) -> None:
    for kind in SINGLE:
        told = [(index, child) for index, child in enumerate(node.of) if isinstance(child, kind)]
        if told and not set.intersection(*(set(child.in_) for _index, child in told)):
            places = at(place, [index for index, _child in told])
            raise Rejected(
                f"{places} contradict each other: nobody has two of that at once. Use `any`, or one list.",
                code="segment",
            )


def _check_opposites(node: All, place: str) -> None:
    for index, child in enumerate(node.of):
        if isinstance(child, Not) and child.of in node.of:
            places = at(place, sorted([node.of.index(child.of), index]))
            raise Rejected(f"{places} contradict each other: one is the other's opposite.", code="segment")
