"""How many requests each caller makes in a minute.

Workers delete old counts, so this module is separate from what needs the schema's libraries.
"""

import time

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from saleor_stripe_audience.api.models import RequestCount

SECONDS = 60
KEPT_MINUTES = 60


def take_one(caller: str) -> int:
    """Count one request of the caller; return the seconds to wait if it exceeds this minute's limit, else 0."""
    now = int(time.time())
    minute = now // SECONDS
    if _counted(caller, minute) <= settings.API_REQUESTS_PER_MINUTE:
        return 0
    return SECONDS - now % SECONDS


def _counted(caller: str, minute: int) -> int:
    mine = RequestCount.objects.filter(caller=caller, minute=minute)
    if not mine.update(count=F("count") + 1):
        try:
            with transaction.atomic():
                return RequestCount.objects.create(caller=caller, minute=minute, count=1).count
        except IntegrityError:  # another process was first
            mine.update(count=F("count") + 1)
    return mine.values_list("count", flat=True).get()


def forget_old_counts() -> int:
    """Delete the counts of past minutes; returns how many."""
    before = int(time.time()) // SECONDS - KEPT_MINUTES
    return RequestCount.objects.filter(minute__lt=before).delete()[0]
