"""A segment's rule: a tree of conditions, read once from JSON into typed values.

    {"version": 1, "root": {"type": "all", "of": [
        {"type": "purchased", "product": ["UHJvZHVjdDoxMzQ="], "within": {"days": 30}},
        {"type": "not", "of": {"type": "status", "in": ["subscribed"]}}]}}

docs/audience.md documents what the conditions mean; `compile` translates them into queries.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
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
from pydantic_core import ErrorDetails, PydanticCustomError

from saleor_stripe_audience import money
from saleor_stripe_audience.audience.people.status import ConsentState, Status
from saleor_stripe_audience.audience.segments.places import Misplaced, at, place_of
from saleor_stripe_audience.audience.segments.saleor_ids import is_id_of
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.utc import to_utc

VERSION = 1
MAX_DEPTH = 20
MAX_CONDITIONS = 100
MAX_VALUES = 100
MAX_NUMBER = 10**12  # as attributes have them; as an amount, its smallest units fit into every column
MAX_SPAN = timedelta(days=3650)
UNUSABLE = "the text contains a character that databases cannot store"

Json = dict[str, Any]
T = TypeVar("T")


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, extra="forbid", serialize_by_alias=True
    )


class Span(_Part):
    """A duration: the sum of its parts, more than zero and at most ten years."""

    days: int = Field(0, ge=0, le=3650, strict=True)
    hours: int = Field(0, ge=0, le=87_600, strict=True)
    minutes: int = Field(0, ge=0, le=5_256_000, strict=True)

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        if not timedelta() < self.length <= MAX_SPAN:
            raise PydanticCustomError("span", "give more than zero and at most ten years, such as {days: 30}")
        return self

    @model_serializer
    def _serialize(self) -> dict[str, int]:
        parts = {"days": self.days, "hours": self.hours, "minutes": self.minutes}
        return {unit: count for unit, count in parts.items() if count}

    @property
    def length(self) -> timedelta:
        return timedelta(days=self.days, hours=self.hours, minutes=self.minutes)

    def __str__(self) -> str:
        parts = [(self.days, "day"), (self.hours, "hour"), (self.minutes, "minute")]
        return " ".join(f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count)


def _unique[Item](values: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(values))


Several = Annotated[
    tuple[T, ...],
    BeforeValidator(lambda value: value if isinstance(value, list) else [value]),
    Field(min_length=1, max_length=MAX_VALUES),
    AfterValidator(_unique),
]


class _SaleorId:
    """A validator of Saleor ids of one type."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, value: str) -> str:
        if not is_id_of(self.kind, value):
            raise PydanticCustomError(
                "id", "this is not the id of a {kind} from Saleor's API", {"kind": self.kind}
            )
        return value


def _currency(value: str) -> str:
    try:
        return money.known_currency(value)
    except Rejected as error:
        raise PydanticCustomError("money", "{reason}", {"reason": error.message}) from None


def _small_enough(number: Decimal) -> Decimal:
    if abs(number) >= MAX_NUMBER:
        raise PydanticCustomError("number_large", "the number is too large")
    return number


def _storable(text: str) -> str:
    """Refuse what PostgreSQL cannot store, and SQLite compares as if the text ended there."""
    if "\0" in text:
        raise PydanticCustomError("text_unusable", UNUSABLE)
    return text


def _in_calendar(time: datetime) -> datetime:
    """Refuse a time that has no date in UTC, in which the databases compare it."""
    try:
        to_utc(time)
    except ValueError:
        raise PydanticCustomError(
            "time_outside", "the time is before the year 1 or after 9999 in UTC"
        ) from None
    return time


Country = Annotated[str, Field(pattern=r"^[A-Za-z]{2}$"), AfterValidator(str.upper)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$"),
                     AfterValidator(lambda tag: tag.replace("_", "-").lower())]  # fmt: skip
Currency = Annotated[str, Field(max_length=3), AfterValidator(_currency)]
Amount = Annotated[Decimal, BeforeValidator(lambda value: str(value) if isinstance(value, float) else value),
                   AfterValidator(_small_enough)]  # fmt: skip
Moment = Annotated[AwareDatetime, AfterValidator(_in_calendar)]
Count = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
Usable = AfterValidator(_storable)  # pydantic itself refuses half a surrogate pair
Text = Annotated[str, Field(min_length=1, max_length=250), Usable]
ProductId = Annotated[str, Field(max_length=128), AfterValidator(_SaleorId("Product"))]
VariantId = Annotated[str, Field(max_length=128), AfterValidator(_SaleorId("ProductVariant"))]
CollectionId = Annotated[str, Field(max_length=128), AfterValidator(_SaleorId("Collection"))]
CategoryId = Annotated[str, Field(max_length=128), AfterValidator(_SaleorId("Category"))]
ProductTypeId = Annotated[str, Field(max_length=128), AfterValidator(_SaleorId("ProductType"))]


class All(_Part):
    """All conditions are true."""

    type: Literal["all"] = "all"
    of: tuple["Node", ...] = Field(min_length=1)


class AnyOf(_Part):
    """At least one condition is true."""

    type: Literal["any"] = "any"
    of: tuple["Node", ...] = Field(min_length=1)


class Not(_Part):
    """The condition is not true."""

    type: Literal["not"] = "not"
    of: "Node"


class StatusIs(_Part):
    """The status is one of these."""

    type: Literal["status"] = "status"
    in_: Several[Status] = Field(alias="in")


class ConsentIs(_Part):
    """The person's current choice about marketing is one of these."""

    type: Literal["consent"] = "consent"
    in_: Several[ConsentState] = Field(alias="in")


class CountryIs(_Part):
    """The country (ISO 3166 alpha-2) is one of these."""

    type: Literal["country"] = "country"
    in_: Several[Country] = Field(alias="in")


class LanguageIs(_Part):
    """The language is one of these; `fr` includes `fr-ca`."""

    type: Literal["language"] = "language"
    in_: Several[Language] = Field(alias="in")


class HasTag(_Part):
    """The contact has the tag, given by id or name; the id is stored."""

    type: Literal["tag"] = "tag"
    tag: Text


class InSegment(_Part):
    """The contact matches another segment of the audience, given by id or name; the id is stored."""

    type: Literal["inSegment"] = "inSegment"
    segment: Text


class _Range(_Part):
    """`at_least`, `at_most`, or both."""

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        low, high = getattr(self, "at_least", None), getattr(self, "at_most", None)
        if low is None and high is None:
            raise PydanticCustomError("range_missing", "give atLeast, atMost, or both")
        if low is not None and high is not None and low > high:
            raise PydanticCustomError("range_reversed", "atLeast is more than atMost: nobody can match")
        return self


class OrdersCount(_Range):
    """The number of paid orders, ever."""

    type: Literal["ordersCount"] = "ordersCount"
    at_least: Count | None = None
    at_most: Count | None = None


class _MoneyRange(_Range):
    currency: Currency
    at_least: Amount | None = None
    at_most: Amount | None = None

    @model_validator(mode="after")
    def _check_amounts(self) -> Self:
        for amount in (self.at_least, self.at_most):
            if amount is not None:
                try:
                    money.from_decimal(amount, self.currency)
                except Rejected as error:
                    raise PydanticCustomError("money", "{reason}", {"reason": error.message}) from None
        return self

    def minor(self, amount: Decimal) -> int:
        """Return the amount in the currency's minor unit."""
        return money.from_decimal(amount, self.currency).minor


class Spent(_MoneyRange):
    """The amount paid minus refunds, in one currency; zero for contacts who never paid in it."""

    type: Literal["spent"] = "spent"
    within: Span | None = None


class AverageOrder(_MoneyRange):
    """The amount spent per paid order in one currency; never true without such an order."""

    type: Literal["averageOrder"] = "averageOrder"


class _When(_Part):
    """A time relative to now (`within`, `longer_ago`), or by date (`since`, `before`)."""

    within: Span | None = None
    longer_ago: Span | None = None
    since: Moment | None = None
    before: Moment | None = None

    @model_validator(mode="after")
    def _check_time(self) -> Self:
        if not (self.within or self.longer_ago or self.since or self.before):
            raise PydanticCustomError("time_missing", "give within, longerAgo, since or before")
        if self.within and self.longer_ago and self.within.length <= self.longer_ago.length:
            raise PydanticCustomError(
                "time_reversed", "nothing can be within that time and longer ago at once"
            )
        if self.since and self.before and self.since >= self.before:
            raise PydanticCustomError("time_reversed", "since is not before `before`: nobody can match")
        return self


class FirstOrder(_When):
    """When the first paid order was placed; never true without one."""

    type: Literal["firstOrder"] = "firstOrder"


class LastOrder(_When):
    """When the last paid order was placed; never true without one."""

    type: Literal["lastOrder"] = "lastOrder"


class Joined(_When):
    """When the person became a contact of the audience."""

    type: Literal["joined"] = "joined"


class ConsentGiven(_When):
    """When the current consent was last given or confirmed; never true without confirmed consent."""

    type: Literal["consentGiven"] = "consentGiven"


class OrderedSince(_Part):
    """An order was placed, paid or not: since a date, within a duration, or after an abandoned cart (`cart: true`)."""

    type: Literal["orderedSince"] = "orderedSince"
    since: Moment | None = None
    within: Span | None = None
    cart: Literal[True] | None = None

    @model_validator(mode="after")
    def _check_one_time(self) -> Self:
        if len([each for each in (self.since, self.within, self.cart) if each is not None]) != 1:
            raise PydanticCustomError("time_missing", "give one of since, within and cart")
        return self


class _Text(_Part):
    """A case-insensitive comparison: equal to one of several texts, containing one, or starting with one."""

    is_: Several[Text] | None = Field(None, alias="is")
    contains: Text | None = None
    starts_with: Text | None = None

    @model_validator(mode="after")
    def _check_one_comparison(self) -> Self:
        if len([each for each in (self.is_, self.contains, self.starts_with) if each is not None]) != 1:
            raise PydanticCustomError("comparison_missing", "give one of is, contains and startsWith")
        return self


class Named(_Text):
    """The first name, the last name, or either."""

    type: Literal["name"] = "name"
    part: Literal["first", "last"] | None = None


class LivesIn(_Text):
    """The city, as written in orders, carts and imports."""

    type: Literal["city"] = "city"


class HasAttribute(_Range):
    """A value of Saleor's metadata under one of the audience's keys; `at_least` and `at_most` compare numbers."""

    type: Literal["attribute"] = "attribute"
    key: Annotated[str, Field(min_length=1, max_length=128), Usable]
    is_: Several[Annotated[str, Field(max_length=500), Usable]] | None = Field(None, alias="is")
    contains: Text | None = None
    exists: bool | None = None
    at_least: Amount | None = None
    at_most: Amount | None = None

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        comparisons = [self.is_ is not None, self.contains is not None, self.exists is not None,
                       self.at_least is not None or self.at_most is not None]  # fmt: skip
        if sum(comparisons) != 1:
            raise PydanticCustomError(
                "comparison_missing", "give one of is, contains, exists, or atLeast and atMost"
            )
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise PydanticCustomError("range_reversed", "atLeast is more than atMost: nobody can match")
        return self


BOUGHT = ("product", "variant", "collection", "category", "product_type")


class Purchased(_Part):
    """Bought anything, or one of the given products, variants, …, in at least `at_least` paid orders."""

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
    def _check_one_kind(self) -> Self:
        if len([name for name in BOUGHT if getattr(self, name) is not None]) > 1:
            raise PydanticCustomError(
                "one_kind", "give products, variants, collections, categories or product types, one kind only"
            )
        return self

    @property
    def bought(self) -> tuple[str, tuple[str, ...]] | None:
        """The kind of thing bought and its ids; None for anything."""
        return next(((name, getattr(self, name)) for name in BOUGHT if getattr(self, name) is not None), None)


class _CartWith(_Part):
    product: Several[ProductId] | None = None
    variant: Several[VariantId] | None = None

    @model_validator(mode="after")
    def _check_one_kind(self) -> Self:
        if self.product is not None and self.variant is not None:
            raise PydanticCustomError("one_kind", "give products or variants, one kind only")
        return self

    @property
    def holding(self) -> tuple[str, tuple[str, ...]] | None:
        """The kind of thing in the cart and its ids; None for anything."""
        kinds = (("product", self.product), ("variant", self.variant))
        return next(((kind, ids) for kind, ids in kinds if ids is not None), None)


class HasCart(_CartWith):
    """The contact has an abandoned cart, not empty and without activity for this long.

    Without `abandoned_for`, the audience's setting counts. No order was placed since.
    """

    type: Literal["cart"] = "cart"
    abandoned_for: Span | None = None


class InCart(_CartWith):
    """One of these is in an open cart, abandoned or not; `within` is when the cart was last changed."""

    type: Literal["inCart"] = "inCart"
    within: Span | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.holding is None:
            raise PydanticCustomError("things_missing", "give products or variants")
        return self


class PaymentDeclined(_Part):
    """A payment was declined, with one of these Stripe decline codes or any."""

    type: Literal["paymentDeclined"] = "paymentDeclined"
    code: Several[Text] | None = None
    within: Span | None = None


class Disputed(_Part):
    """A payment was disputed."""

    type: Literal["disputed"] = "disputed"
    within: Span | None = None


class Refunded(_Part):
    """An order, optionally one placed within this duration, was refunded in part or in full."""

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
# All others are about what the contact ordered, put into a cart or paid.
ABOUT_THE_PERSON = (
    StatusIs, ConsentIs, ConsentGiven, CountryIs, LanguageIs, Named, LivesIn, HasAttribute, HasTag, InSegment, Joined,
)  # fmt: skip
Node = Annotated[All | AnyOf | Not | Condition, Field(discriminator="type")]


class Rule(_Part):
    """A complete rule and the version of its language."""

    version: Literal[1]
    root: Node

    def as_json(self) -> Json:
        """Return the rule as it is stored and shown, without fields that were left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=False)


def read(tree: Any) -> Rule:
    """Read a rule from its JSON. `Misplaced`, naming the position, if it is invalid."""
    _check_size(tree)
    try:
        rule = Rule.model_validate(tree)
    except ValidationError as error:
        [first, *_] = error.errors(include_url=False, include_input=False)
        place = place_of(first["loc"])
        raise Misplaced(_message(first, place), place, first["type"]) from None
    for place, _node in walk(rule.root):
        if place.count(".") >= MAX_DEPTH:
            raise _too_deep(place)
    _check_contradictions(rule.root, "root")
    return rule


def children(node: Any) -> list[tuple[str, Any]]:
    """Return the conditions directly below a node, each with the step that leads to it."""
    if isinstance(node, All | AnyOf):
        return [(f".of[{index}]", child) for index, child in enumerate(node.of)]
    return [(".of", node.of)] if isinstance(node, Not) else []


def walk(node: Any, place: str = "root") -> Iterator[tuple[str, Any]]:
    """Yield the node and all nodes below it, each with its position, such as root.of[1].of."""
    yield place, node
    for step, child in children(node):
        yield from walk(child, place + step)


def is_about_orders(node: Any) -> bool:
    """Whether a condition, apart from the segments that it refers to, is about orders, carts or payments."""
    groups = (All, AnyOf, Not)
    return any(not isinstance(each, (*groups, *ABOUT_THE_PERSON)) for _place, each in walk(node))


def is_timed(node: Any) -> bool:
    """Whether its result can change with time alone, apart from the segments that it refers to."""
    return any(
        isinstance(each, HasCart) or getattr(each, "within", None) or getattr(each, "longer_ago", None)
        for _place, each in walk(node)
    )


def _check_size(tree: Any) -> None:
    """Limit size and depth before anything recurses: JSON can be nested at any depth."""
    level, conditions = [tree], 0
    # A condition and its list are two levels, and the last condition has values of its own.
    for _ in range(MAX_DEPTH * 2 + 4):
        if not level:
            return
        conditions += sum(isinstance(each, Mapping) and "type" in each for each in level)
        if conditions > MAX_CONDITIONS:
            raise Misplaced(
                f"The segment has more than {MAX_CONDITIONS} conditions. Split it into several segments and combine "
                "them with inSegment.",
                "root",
                "too_many",
            )
        level = [value for each in level for value in _values(each)]
    raise _too_deep("root.of.of.of…")


def _values(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def _too_deep(place: str) -> Misplaced:
    return Misplaced(
        f"{place}: the segment is nested more than {MAX_DEPTH} levels deep. Make the inner part a segment of its own "
        "and use it with inSegment.",
        place,
        "too_deep",
    )


_MESSAGES = {
    "model_type": "give an object, such as {days: 30} for a duration",
    "too_short": "give at least one",
    "too_long": f"give at most {MAX_VALUES}",
    "missing": "this is required",
    "string_unicode": UNUSABLE,
    "timezone_aware": "give the time with its time zone, such as 2026-11-23T00:00:00Z",
}


def _message(first: ErrorDetails, place: str) -> str:
    if first["type"] == "union_tag_invalid":
        return f"{place}: there is no such type of condition."
    if first["type"] == "union_tag_not_found":
        return f"{place}: give the type of the condition."
    if first["type"] == "extra_forbidden":
        return f"{place}: a condition of this type has no such field."
    if first["type"] == "literal_error" and place == "version":
        return f"version: the app supports version {VERSION} of segments."
    message = _MESSAGES.get(first["type"], first["msg"])
    return f"{place}: {message[:1].lower()}{message[1:].rstrip('.')}."


def _check_contradictions(node: Any, place: str) -> None:
    """Refuse conditions that nobody can ever match: they are mistakes."""
    if isinstance(node, All):
        _check_single_values(node, place)
        _check_opposites(node, place)
    for step, child in children(node):
        _check_contradictions(child, place + step)


# A contact has one of each. Languages are different: a contact can match both `fr` and `fr-ca`.
SINGLE = (StatusIs, ConsentIs, CountryIs)


def _check_single_values(node: All, place: str) -> None:
    for kind in SINGLE:
        found = [(index, child) for index, child in enumerate(node.of) if isinstance(child, kind)]
        if found and not set.intersection(*(set(child.in_) for _index, child in found)):
            places = at(place, [index for index, _child in found])
            raise Misplaced(
                f"{places} contradict each other: nobody has two of these at once. Use `any`, or one list.",
                f"{place}.of[{found[-1][0]}]",
                "contradiction",
            )


def _check_opposites(node: All, place: str) -> None:
    for index, child in enumerate(node.of):
        if isinstance(child, Not) and child.of in node.of:
            places = at(place, sorted([node.of.index(child.of), index]))
            raise Misplaced(
                f"{places} contradict each other: one is the other's opposite.",
                f"{place}.of[{index}]",
                "contradiction",
            )
