"""Up to when something was caught up with. A cursor only moves on once everything before it was written down."""

import uuid
from datetime import datetime, timedelta

from saleor_stripe_audience.inbox.models import Cursor

OVERLAP = timedelta(minutes=10)  # what is told twice is known as a double; what is told late is not lost


def begin(origin: uuid.UUID, name: str, otherwise: datetime) -> datetime:
    """From when on to look: a little before where the last look ended, or `otherwise` at the first."""
    cursor = Cursor.objects.filter(origin=origin, name=name).first()
    return cursor.at - OVERLAP if cursor is not None else otherwise


def advance(origin: uuid.UUID, name: str, at: datetime) -> None:
    """Everything before `at` was written down."""
    Cursor.objects.update_or_create(origin=origin, name=name, defaults={"at": at})
