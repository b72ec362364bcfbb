"""A shop's sales and new contacts, today and in the last 30 days: one series for each figure and currency.

Amounts in different currencies are never added. Days are in UTC; a payment's refunds and fees count on the day on which
the payment started, because only that day is stored.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, F, Min, QuerySet, Sum
from django.utils.translation import gettext as _

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.dashboard.amounts import format_amount, format_count
from saleor_stripe_audience.dashboard.payments import DECLINED
from saleor_stripe_audience.payments.models import Notice, Payment
from saleor_stripe_audience.payments.notices import OF_DISPUTES
from saleor_stripe_audience.shops.models import Installation

DAYS, ONE_DAY = 30, timedelta(days=1)
START, END = datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC)  # stand for the limits of each day

Values = dict[tuple[str, str, date], int]  # by figure, currency and day


@dataclass(frozen=True, slots=True)
class PaymentSums:
    """The sums of a day's payments in one currency, in the smallest units; fees are in the balance's currency."""

    currency: str
    settled_currency: str
    captured: int
    refunded: int
    fees: int
    declined: int


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
        texts = {value: self.write(value) for value in set(self.values)}  # many days have the same: none
        return [texts[each] for each in self.values]

    def write(self, value: int) -> str:
        return format_amount(value, self.currency) if self.currency else format_count(value)


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
    for day, sums in _payment_rows(own, days):
        _add(values, "sales", sums.currency, day, sums.captured)
        _add(values, "refunds", sums.currency, day, sums.refunded)
        _add(values, "declines", "", day, sums.declined)
        if sums.settled_currency:
            _add(values, "fees", sums.settled_currency, day, sums.fees)
    for day in _dispute_days(shop, own, days[0]):
        _add(values, "disputes", "", day, 1)
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
    contacts = Contact.objects.filter(audience__in=ids)
    given = Consent.objects.filter(
        audience__in=ids,
        kind__in=(Consent.Kind.GIVEN, Consent.Kind.CONFIRMED),
        basis=Consent.Basis.CONSENT,
        needs_confirmation=False,
    )
    values: Values = {}
    for name, rows, column in (("contacts", contacts, "created_at"), ("subscribers", given, "at")):
        for day, (count,) in _each_day(rows.values(found=F("pk")), column, days, "COUNT(*)"):
            _add(values, name, "", day, count)
    return [
        _figure(_("New contacts"), "contacts", values, days),
        _figure(_("New subscribers"), "subscribers", values, days),
    ]


def _payment_rows(own: QuerySet[Payment], days: tuple[date, ...]) -> Iterator[tuple[date, PaymentSums]]:
    """The sums of each day's payments, for each currency and each currency of the account's balance."""
    sums = own.values("currency", "settled_currency").annotate(
        captured=Sum("captured_minor"),
        refunded=Sum("refunded_minor"),
        fees=Sum("fee_minor"),
        declined=Count("amount_minor", filter=DECLINED),
    )
    for day, (currency, settled, *numbers) in _each_day(sums, "created_at", days, "found.*"):
        yield day, PaymentSums(currency, settled, *(int(each or 0) for each in numbers))


def _dispute_days(shop: Installation, own: QuerySet[Payment], first: date) -> Iterator[date]:
    """The day of each dispute's first notice."""
    disputes = Notice.objects.filter(OF_DISPUTES, installation=shop).order_by()
    opened = disputes.values("reference", "payment_intent_id").annotate(at=Min("created_at"))
    recent = opened.filter(at__gte=_midnight(first)).values_list("payment_intent_id", "at")
    found = [(intent, at.astimezone(UTC).date()) for intent, at in recent]
    if not found:
        return
    intents = own.filter(payment_intent_id__in={intent for intent, _day in found})
    shown = set(intents.values_list("payment_intent_id", flat=True))
    yield from (day for intent, day in found if intent in shown)


def _each_day(
    rows: QuerySet[Any], column: str, days: tuple[date, ...], shown: str
) -> Iterator[tuple[date, tuple[Any, ...]]]:
    """Yield what is `shown` of each day's rows, in one statement with a part for each day.

    A day's rows are contiguous in an index. Grouping by day would sort the rows of all days first, which takes several
    times as long.
    """
    limited = rows.filter(**{f"{column}__gte": START, f"{column}__lt": END}).order_by()
    try:
        part, composed = limited.query.sql_with_params()
    except EmptyResultSet:  # of no audience or account
        return
    stored = connection.ops.adapt_datetimefield_value
    parameters = list(composed)
    start, end = (parameters.index(stored(each)) for each in (START, END))
    parts, given = [], []
    for number, day in enumerate(days):
        parameters[start], parameters[end] = stored(_midnight(day)), stored(_midnight(day + ONE_DAY))
        parts.append(f"SELECT {number} AS day, {shown} FROM ({part}) found")  # noqa: S608 - Django's own SQL
        given += parameters
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), given)
        yield from ((days[number], tuple(values)) for number, *values in cursor.fetchall())


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
