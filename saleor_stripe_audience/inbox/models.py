"""Events from outside and how they were handled."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Self

from django.db import models

from saleor_stripe_audience.wording import text_in


class Event(models.Model):
    """An event of Saleor, Stripe or an email service, stored once.

    `origin` is the installation (Saleor) or the Stripe account that sent it; `key` is unique there, so a duplicate
    delivery is recognized. The payload is deleted some time after all handlers are done. `trace` is the id of the
    request that brought it, on every line of the log about it; `swept_at` is when it last got a new task.
    """

    source = models.CharField(max_length=16)
    origin = models.UUIDField()
    key = models.CharField(max_length=255)
    kind = models.CharField(max_length=100)
    payload = models.JSONField(null=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True)
    swept_at = models.DateTimeField(null=True)
    trace = models.CharField(max_length=16, default="", blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "origin", "key"], name="inbox_event_once")]
        indexes = [
            models.Index(fields=["source", "origin", "-received_at", "-id"], name="inbox_event_newest"),
            models.Index(
                fields=["received_at"], condition=models.Q(handled_at=None), name="inbox_event_open"
            ),
            models.Index(
                fields=["handled_at"], condition=models.Q(payload__isnull=False), name="inbox_event_prunable"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.kind} {self.pk}"

    def read_once[Read](self, kind: type[Read], read: Callable[[Any], Read], part: Any) -> Read:
        """Return `part` of the payload as a value of this type, parsed by the first handler that needs it.

        An exception raised by `read` is raised for each of them.
        """
        if kind not in self._read:
            self._read[kind] = read(part)
        value: Read = self._read[kind]
        return value

    @cached_property
    def _read(self) -> dict[type, Any]:
        return {}


class HandlingQuerySet(models.QuerySet["Handling"]):
    """Handlings, and those that need attention."""

    def given_up(self) -> Self:
        """Handlings that were given up and have not succeeded since."""
        return self.filter(given_up_at__isnull=False, done_at=None)


class Handling(models.Model):
    """One handler's work on one event: done, given up with its reason, waiting, or to be retried.

    `reasons` has why it failed, in each language of the app. `waits_for` is the blocked account (or shop). The handler
    is not retried until that is resolved: see `resume`.
    """

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="handlings", db_index=False)
    handler = models.CharField(max_length=200)
    attempts = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    reasons = models.JSONField(default=dict, blank=True)
    waits_for = models.UUIDField(null=True)

    objects = HandlingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "handler"], name="inbox_handling_once")]
        indexes = [
            models.Index(
                fields=["waits_for"], condition=models.Q(waits_for__isnull=False), name="inbox_waits_for"
            ),
            models.Index(
                fields=["given_up_at"], condition=models.Q(given_up_at__isnull=False), name="inbox_given_up"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.handler} of event {self.event_id}"

    @property
    def reason(self) -> str:
        """Why it failed, in the current language; empty if it did not."""
        return text_in(self.reasons)


class Pulse(models.Model):
    """When something was last alive: a worker, named by its machine and process, or the database itself."""

    name = models.CharField(max_length=200, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M:%S}"


class Cursor(models.Model):
    """Up to when something was read, such as a Stripe account's events; `origin` as in Event."""

    origin = models.UUIDField()
    name = models.CharField(max_length=50)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["origin", "name"], name="inbox_cursor_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M}"
