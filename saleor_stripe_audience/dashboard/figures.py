"""What a shop sold and who joined it, today and in the last 30 days: one series for each figure and currency.

Amounts of different currencies are never added. Days are UTC's; a payment's refunds and fees count on the day on which
the payment started, because that is the day that is stored.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import CharField, Count, Func, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.dashboard.amounts import format_amount
from saleor_stripe_audience.dashboard.payments import DECLINED
from saleor_stripe_audience.payments.models import Notice, Payment
from saleor_stripe_audience.shops.models import Installation

DAYS = 30
DISPUTES = Q(reference__startswith="dp_") | Q(
    reference__startswith="du_"
)  # how Stripe's ids of disputes begin

Values = dict[tuple[str, str, date], int]  # by figure, currency and day


class Day(Func):
    """The day of a time in UTC, as text: 2026-11-26. Django's TruncDate calls Python for each row in SQLite."""

    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="SUBSTR(%(expressions)s, 1, 10)", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "TO_CHAR(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
        return self.as_sql(compiler, connection, template=template, **extra)


@dataclass(frozen=True, slots=True)
class Series:
    """One figure by day, oldest first; amounts are in the smallest unit of `currency`, which is empty for counts."""

    title: str
    currency: str
    days: tuple[date, ...]
    values: tuple[int, ...]

    @property
    def today(self) -> str:
        return self.write(self.values[-1])

    @property
    def total(self) -> str:
        return self.write(sum(self.values))

    @property
    def written(self) -> list[str]:
        return [self.write(each) for each in self.values]

    def write(self, value: int) -> str:
        return format_amount(value, self.currency) if self.currency else str(value)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with a series for each currency, at least one."""

    title: str
    series: tuple[Series, ...]


def days_until(now: datetime) -> tuple[date, ...]:
    """The last days in UTC, oldest first; the last one is today."""
    today = now.astimezone(UTC).date()
    return tuple(today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1))


def money_figures(shop: Installation, own: QuerySet[Payment], now: datetime) -> list[Figure]:
    """Sales, refunds, declines, disputes and fees of these payments of the shop."""
    days = days_until(now)
    values: Values = {}
    for row in _payment_rows(own, days[0]):
        day = date.fromisoformat(row["day"])
        _add(values, "sales", row["currency"], day, row["captured"])
        _add(values, "refunds", row["currency"], day, row["refunded"])
        _add(values, "declines", "", day, row["declined"])
        if row["settled_currency"]:
            _add(values, "fees", row["settled_currency"], day, row["fees"] or 0)
    for at in _dispute_days(shop, own, days[0]):
        _add(values, "disputes", "", date.fromisoformat(at), 1)
    return [
        _figure(_("Sales"), "sales", values, days),
        _figure(_("Refunds"), "refunds", values, days),
        _figure(_("Declined payments"), "declines", values, days),
        _figure(_("Disputes"), "disputes", values, days),
        _figure(_("Stripe's fees"), "fees", values, days),
    ]


def people_figures(audience_ids: Iterable[UUID], now: datetime) -> list[Figure]:
    """New contacts of these audiences, and choices to subscribe that count."""
    days, ids = days_until(now), list(audience_ids)
    since = _midnight(days[0])
    contacts = Contact.objects.filter(audience__in=ids, created_at__gte=since)
    given = Consent.objects.filter(
        audience__in=ids,
        at__gte=since,
        kind__in=(Consent.Kind.GIVEN, Consent.Kind.CONFIRMED),
        basis=Consent.Basis.CONSENT,
        needs_confirmation=False,
    )
    values: Values = {}
    for name, found in (("contacts", _by_day(contacts, "created_at")), ("subscribers", _by_day(given, "at"))):
        for day, count in found:
            _add(values, name, "", date.fromisoformat(day), count)
    return [
        _figure(_("New contacts"), "contacts", values, days),
        _figure(_("New subscribers"), "subscribers", values, days),
    ]


def _payment_rows(own: QuerySet[Payment], first: date) -> Iterable[Mapping[str, Any]]:
    recent = own.filter(created_at__gte=_midnight(first)).annotate(day=Day("created_at"))
    return (
        recent.values("day", "currency", "settled_currency")
        .annotate(
            captured=Sum("captured_minor"),
            refunded=Sum("refunded_minor"),
            fees=Sum("fee_minor"),
            declined=Count("pk", filter=DECLINED),
        )
        .order_by()
    )


def _dispute_days(shop: Installation, own: QuerySet[Payment], first: date) -> Iterator[str]:
    """The day of each dispute's first notice; a shop has few of them."""
    found = Notice.objects.filter(DISPUTES, installation=shop).order_by("created_at")
    seen: dict[str, tuple[str, str]] = {}
    for reference, intent, day in found.annotate(day=Day("created_at")).values_list(
        "reference", "payment_intent_id", "day"
    ):
        seen.setdefault(reference, (intent, day))
    recent = {intent: day for intent, day in seen.values() if day >= first.isoformat()}
    shown = (
        set(own.filter(payment_intent_id__in=recent).values_list("payment_intent_id", flat=True))
        if recent
        else ()
    )
    return (day for intent, day in seen.values() if intent in shown and day >= first.isoformat())


def _by_day(rows: Any, column: str) -> Iterable[tuple[str, int]]:
    counted = rows.annotate(day=Day(column)).values("day").annotate(count=Count("pk")).order_by()
    found: Iterable[tuple[str, int]] = counted.values_list("day", "count")
    return found


def _figure(title: str, name: str, values: Values, days: tuple[date, ...]) -> Figure:
    currencies = sorted({currency for figure, currency, _day in values if figure == name}) or [""]
    series = (
        Series(title, currency, days, tuple(values.get((name, currency, day), 0) for day in days))
        for currency in currencies
    )
    return Figure(title, tuple(series))


def _add(values: Values, name: str, currency: str, day: date, value: int) -> None:
    key = (name, currency, day)
    values[key] = values.get(key, 0) + value


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
