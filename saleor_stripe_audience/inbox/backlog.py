"""How many events are waiting in the inbox."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from saleor_stripe_audience.inbox.models import Event, Handling


@dataclass(frozen=True)
class Backlog:
    """`oldest_seconds` is the age of the oldest waiting event, 0 if there is none.

    Events that wait for a blocked account are counted separately: `blocked`.
    """

    waiting: int
    oldest_seconds: float
    given_up: int
    blocked: int


def backlog() -> Backlog:
    """Read it from the database; leaves no connection open, because other libraries' threads call this."""
    try:
        waits = Handling.objects.filter(waits_for__isnull=False)
        open_ones = Event.objects.filter(handled_at=None).exclude(pk__in=waits.values("event_id"))
        oldest = open_ones.order_by("received_at").values_list("received_at", flat=True).first()
        return Backlog(
            waiting=open_ones.count(),
            oldest_seconds=(timezone.now() - oldest).total_seconds() if oldest else 0.0,
            given_up=Handling.objects.given_up().count(),
            blocked=waits.values("event_id").distinct().count(),
        )
    finally:
        if not connection.in_atomic_block:
            connection.close()


class BacklogMetrics(Collector):
    """The backlog for Prometheus, read at each scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = backlog()
        yield GaugeMetricFamily("inbox_waiting", "Events not handled yet.", value=now.waiting)
        yield GaugeMetricFamily(
            "inbox_oldest_seconds", "Age of the oldest of them.", value=now.oldest_seconds
        )
        yield GaugeMetricFamily("inbox_blocked", "Events that wait for a blocked account.", value=now.blocked)
        yield GaugeMetricFamily(
            "inbox_given_up", "Handlings given up and not succeeded since.", value=now.given_up
        )
