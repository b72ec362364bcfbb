"""Up to when something was read. A cursor only advances once everything before it is stored."""

import uuid
from datetime import datetime, timedelta

from saleor_stripe_audience.inbox.models import Cursor

OVERLAP = timedelta(minutes=10)  # duplicates are recognized; late events are not lost


def begin(origin: uuid.UUID, name: str, otherwise: datetime) -> datetime:
    """Return where to start: shortly before the last end, or `otherwise` the first time."""
    cursor = Cursor.objects.filter(origin=origin, name=name).first()
    return cursor.at - OVERLAP if cursor is not None else otherwise


def reached(origin: uuid.UUID, name: str) -> datetime | None:
    """Return up to when everything is stored, without an overlap; None before the first time."""
    return Cursor.objects.filter(origin=origin, name=name).values_list("at", flat=True).first()


def advance(origin: uuid.UUID, name: str, at: datetime) -> None:
    """Record that everything before `at` is stored."""
    Cursor.objects.update_or_create(origin=origin, name=name, defaults={"at": at})
