"""What waits in the inbox."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from saleor_stripe_audience.inbox.models import Event, Handling


@dataclass(frozen=True)
class Backlog:
    """`oldest_seconds` is the age of the oldest event that waits, 0 when none does.

    Events that wait for an account to be put right are counted apart: `blocked`.
    """

    waiting: int
    oldest_seconds: float
    given_up: int
    blocked: int


def backlog() -> Backlog:
    """As the database has it now; leaves no connection behind, for it is asked from threads of others."""
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
    """The backlog for Prometheus, read when it is asked for."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = backlog()
        yield GaugeMetricFamily("inbox_waiting", "Events not handled yet.", value=now.waiting)
        yield GaugeMetricFamily(
            "inbox_oldest_seconds", "Age of the oldest of them.", value=now.oldest_seconds
        )
        yield GaugeMetricFamily(
            "inbox_blocked", "Events that wait for an account to be put right.", value=now.blocked
        )
        yield GaugeMetricFamily(
            "inbox_given_up", "Handlings given up and not mended since.", value=now.given_up
        )
