"""How lists are filtered and sorted, spelled as in Saleor: `filter`, `where` with AND and OR, `sortBy`."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum, StrEnum, auto
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Any, Protocol, cast

import strawberry
from django.db.models import Expression, Q, QuerySet

from saleor_stripe_audience.api.enums import describe
from saleor_stripe_audience.api.paging import ordered
from saleor_stripe_audience.errors import Rejected

MOST_VALUES = 100
MOST_CONDITIONS = 100
DEEPEST = 5
LARGEST_COUNT = 2**31 - 1


class OrderDirection(StrEnum):
    ASC = auto()
    DESC = auto()


describe(
    OrderDirection,
    "OrderDirection",
    "The sort direction.",
    {
        OrderDirection.ASC: "Smallest, earliest or first in the alphabet first.",
        OrderDirection.DESC: "Largest, latest or alphabetically last first.",
    },
)


@strawberry.input(description="A period of time, including both ends; either may be omitted.")
class DateTimeRangeInput:
    gte: datetime | None = strawberry.field(default=None, description="At or after this time.")
    lte: datetime | None = strawberry.field(default=None, description="At or before this time.")

    def condition(self, column: str) -> Q:
        return bounds(column, self.gte, self.lte)


@strawberry.input(description="A range of integers, including both ends; either may be omitted.")
class IntRangeInput:
    gte: int | None = strawberry.field(default=None, description="At least.")
    lte: int | None = strawberry.field(default=None, description="At most.")

    def condition(self, column: str) -> Q:
        return bounds(column, _countable(self.gte), _countable(self.lte))


@strawberry.input(description="Conditions on a string.")
class StringFilterInput:
    eq: str | None = strawberry.field(default=None, description="This value.")
    one_of: list[str] | None = strawberry.field(default=None, description="Any of these values, at most 100.")


@strawberry.input(description="Conditions on an id.")
class GlobalIDFilterInput:
    eq: strawberry.ID | None = strawberry.field(default=None, description="This id.")
    one_of: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Any of these ids, at most 100."
    )


@strawberry.input(description="Conditions on an integer.")
class IntFilterInput:
    eq: int | None = strawberry.field(default=None, description="This value.")
    one_of: list[int] | None = strawberry.field(default=None, description="Any of these values, at most 100.")
    range: IntRangeInput | None = strawberry.field(default=None, description="Within this range.")

    def condition(self, column: str) -> Q:
        if self.range is None:
            return one_of(column, values_of(self), _countable)
        has_values = self.eq is not None or self.one_of is not None
        found = one_of(column, values_of(self) if has_values else None, _countable)
        return found & self.range.condition(column)


@strawberry.input(description="Conditions on one of a set of values.")
class FilterInput[Value]:
    eq: Value | None = strawberry.field(default=None, description="This value.")
    one_of: list[Value] | None = strawberry.field(default=None, description="Any of these values.")


class Choice[Value](Protocol):
    """An input with `eq` and `oneOf`."""

    eq: Value | None
    one_of: list[Value] | None


class Sorting(Protocol):
    """An input with the field and the direction by which a list is sorted."""

    @property
    def field(self) -> StrEnum: ...

    @property
    def direction(self) -> OrderDirection: ...


class Where(Protocol):
    """An input that can be nested with AND and OR."""

    @property
    def and_(self) -> "list[Any] | None": ...

    @property
    def or_(self) -> "list[Any] | None": ...


def values_of[Value](choice: Choice[Value] | None) -> list[Value] | None:
    """Return the values that both `eq` and `oneOf` allow; None for any, without a condition.

    A condition without a value allows none, as in Saleor: a program whose variable is null must not get every row.
    """
    if choice is None:
        return None
    if choice.one_of is None:
        return [] if choice.eq is None else [choice.eq]
    return [each for each in choice.one_of if choice.eq is None or each == choice.eq]


def any_of(values: list[Any] | None) -> Any:
    """Return a filter's list as a condition of `where`."""
    return None if values is None else StringFilterInput(one_of=values)


def equal(value: Any) -> Any:
    """Return a filter's single value as a condition of `where`."""
    return None if value is None else StringFilterInput(eq=value)


def in_range[Range: (DateTimeRangeInput, IntRangeInput)](wanted: Range | None) -> Range | None:
    """Return a filter's range as a condition of `where`; without bounds, it restricts nothing."""
    return None if wanted is None or (wanted.gte is None and wanted.lte is None) else wanted


def one_of(column: str, values: Iterable[Any] | None, spell: Callable[[Any], Any] = lambda value: value) -> Q:
    """Return a condition that the column has one of the values, each normalized by `spell`; None restricts nothing.
    `Rejected` for too many.
    """
    if values is None:
        return Q()
    given = [spell(each.value if isinstance(each, Enum) else each) for each in values]
    check_number(given)
    return Q(**{f"{column}__in": given})


def check_number(values: list[Any]) -> None:
    """`Rejected` for more values than a list of conditions may have."""
    if len(values) > MOST_VALUES:
        raise Rejected(f"A filter accepts at most {MOST_VALUES} values.", code="too_many_values")


def bounds(column: str, gte: Any, lte: Any) -> Q:
    """The column is between the two; None restricts nothing, but without both there is none."""
    if gte is None and lte is None:
        return Q(pk__in=[])
    wanted = {f"{column}__gte": gte, f"{column}__lte": lte}
    return Q(**{name: value for name, value in wanted.items() if value is not None})


def within(column: str, wanted: DateTimeRangeInput | IntFilterInput | None) -> Q:
    """The column is in the range; None restricts nothing."""
    return Q() if wanted is None else wanted.condition(column)


def chosen[Narrowed: Where](filter_: Any, where: Narrowed | None) -> Narrowed | None:
    """Return the filter or `where`. `Rejected` for both, as in Saleor."""
    if filter_ is not None and where is not None:
        raise Rejected("Use `filter` or `where`, not both.", code="invalid")
    return cast("Narrowed", filter_.where()) if filter_ is not None else where


def condition[Narrowed: Where](where: Narrowed | None, of_one: Callable[[Narrowed], Q]) -> Q:
    """Return the condition on the rows: the fields of each part as `of_one` reads them, joined by AND and OR."""
    if where is None:
        return Q()
    if _size(where, 1) > MOST_CONDITIONS:
        raise Rejected(f"`where` accepts at most {MOST_CONDITIONS} parts.", code="too_many_values")
    return _joined(where, of_one)


def in_order(
    rows: QuerySet[Any],
    sort_by: Sorting | None,
    otherwise: StrEnum,
    *,
    descending: bool = True,
    by: Mapping[str, Expression] = MappingProxyType({}),
) -> QuerySet[Any]:
    """Return the rows as sorted by the caller, or by `otherwise`, in the direction of `descending`.

    A field's value is the column, unless `by` has an expression for it.
    """
    column = otherwise.value
    if sort_by is not None:
        column, descending = sort_by.field.value, sort_by.direction is OrderDirection.DESC
    return ordered(rows, column, by.get(column), descending=descending)


def _joined[Narrowed: Where](where: Narrowed, of_one: Callable[[Narrowed], Q]) -> Q:
    found = of_one(where)
    for each in where.and_ or []:
        found &= _joined(each, of_one)
    branches = [_joined(each, of_one) for each in where.or_ or []]
    if branches and all(branches):  # a branch without a condition matches everything
        found &= reduce(or_, branches)
    return found


def _size(where: Where, depth: int) -> int:
    """Count the parts on all levels."""
    if depth > DEEPEST:
        raise Rejected(f"`where` can be nested at most {DEEPEST} levels deep.", code="too_complex")
    return 1 + sum(_size(each, depth + 1) for each in [*(where.and_ or []), *(where.or_ or [])])


def _countable(number: int | None) -> int | None:
    """Return the nearest number that a column of counts can hold."""
    return None if number is None else max(0, min(number, LARGEST_COUNT))
