"""Queries whose SQL is composed once return the same as without that."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db.models import Exists, OuterRef, Q, QuerySet, Value

from saleor_stripe_audience import composed
from saleor_stripe_audience.composed import composed_once
from saleor_stripe_audience.inbox.models import Event, Handling

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _event(key: str, origin: UUID, days: int = 0) -> Event:
    return Event.objects.create(
        source="saleor", origin=origin, key=key, kind="order_created", payload={"key": key},
        occurred_at=NOW + timedelta(days=days),
    )  # fmt: skip


def test_rows_are_those_of_the_query() -> None:
    composings = 0

    @composed_once
    def events(origin: UUID, keys: Sequence[str], since: datetime) -> QuerySet[Event]:
        nonlocal composings
        composings += 1
        tried = Exists(Handling.objects.filter(event=OuterRef("pk")))
        found = Event.objects.filter(origin=origin, key__in=keys, occurred_at__gte=since)
        return found.annotate(is_tried=tried).order_by("key")

    one, other = uuid4(), uuid4()
    for origin in (one, other):
        for number, key in enumerate("abc"):
            _event(key, origin, days=number)
    Handling.objects.create(event=Event.objects.get(origin=other, key="b"), handler="h")

    def keys_of(rows: list[Event]) -> list[str]:
        return [row.key for row in rows]

    assert keys_of(events(one, ["a", "b", "c"], NOW)) == ["a", "b", "c"]
    assert keys_of(events(other, ["a", "b"], NOW + timedelta(days=1))) == ["b"]
    [row] = events(other, ["b"], NOW)
    assert (row.origin, row.payload, row.occurred_at) == (other, {"key": "b"}, NOW + timedelta(days=1))
    assert row.is_tried  # type: ignore[attr-defined]
    assert not row._state.adding
    assert keys_of(events(one, ["nothing"], NOW)) == []
    assert keys_of(events(one, ["c", "x"], NOW)) == ["c"]
    assert composings == 6, "twice for each of one, two, and four keys"


def test_tuples_unions_and_conditions() -> None:
    @composed_once
    def keys(pk: int, key: str, latest: datetime) -> QuerySet[Event, tuple[str, str]]:
        by_pk = Event.objects.filter(pk=pk).order_by()
        others = Event.objects.filter(Q(key=key) & Q(occurred_at__lte=latest)).order_by()
        first = by_pk.values_list(Value("by pk"), "key")
        return first.union(others.values_list(Value("by key"), "key"), all=True)

    first, _ = _event("a", uuid4()), _event("b", uuid4(), days=5)
    assert set(keys(first.pk, "b", NOW + timedelta(days=5))) == {("by pk", "a"), ("by key", "b")}
    assert set(keys(first.pk, "b", NOW)) == {("by pk", "a")}
    assert keys(0, "%s", NOW) == []


def test_text_is_never_part_of_the_sql() -> None:
    @composed_once
    def events(key: str) -> QuerySet[Event, str]:
        return Event.objects.filter(key=key).values_list("key", flat=True)

    for key in ("' OR 1=1 --", "%s", "%(x)s", "ü%", ""):
        _event(key, uuid4())
        assert events(key) == [key]


def test_no_values_are_no_rows() -> None:
    @composed_once
    def events(keys: Sequence[str]) -> QuerySet[Event]:
        return Event.objects.filter(key__in=keys)

    _event("a", uuid4())
    assert events([]) == []
    assert len(events(["a"])) == 1


def test_long_sequences_and_many_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    composings = 0

    @composed_once
    def events(keys: Sequence[str]) -> QuerySet[Event, str]:
        nonlocal composings
        composings += 1
        return Event.objects.filter(key__in=keys).values_list("key", flat=True)

    monkeypatch.setattr(composed, "MAX_SHAPES", 2)
    _event("7", uuid4())
    for length in (8, 9, 33, 64, 65, 300):
        assert events([str(number) for number in range(length)]) == ["7"]
    assert composings == 2 * 2 + 4, (
        "twice for each of the two lengths that are kept, once for each other call"
    )


def test_arguments_that_would_change_are_refused() -> None:
    @composed_once
    def upper(key: str) -> QuerySet[Event]:
        return Event.objects.filter(key=key.upper())

    @composed_once
    def first(keys: Sequence[str], limit: int) -> QuerySet[Event]:
        return Event.objects.filter(key__in=keys)[:limit]

    @composed_once
    def flagged(flag: bool) -> QuerySet[Event]:
        return Event.objects.filter(pk=flag)

    with pytest.raises(TypeError, match="must pass its arguments"):
        upper("a")
    with pytest.raises(TypeError, match="must pass its arguments"):
        first(["a"], 1)
    with pytest.raises(TypeError, match="bool"):
        flagged(True)


def test_named_arguments_are_refused() -> None:
    @composed_once
    def events(key: str) -> QuerySet[Event]:
        return Event.objects.filter(key=key)

    with pytest.raises(TypeError, match="positional"):
        events(key="a")
