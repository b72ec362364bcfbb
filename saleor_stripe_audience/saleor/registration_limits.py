"""Limits for registrations: anyone can POST one, and each makes the app call the URL in it."""

import ipaddress
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import F
from django.tasks import task
from django.utils.crypto import salted_hmac

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.shops.models import RegistrationCount

TOO_MANY = "too_many_registrations"
PER_CALLER = 30  # a minute; a whole /64 of IPv6 is one caller
PER_SHOP = 10  # a minute
AT_ONCE = 8  # in this process, so that slow shops cannot occupy the threads that take payments
KEPT_MINUTES = 60
SECONDS = 60

_places = threading.BoundedSemaphore(AT_ONCE)
_in_progress: set[str] = set()
_lock = threading.Lock()


@contextmanager
def limited(api_url: str, caller: str) -> Iterator[None]:
    """Register inside. `Rejected` for too many in this minute, `Unavailable` while too many are in progress."""
    network = str(ipaddress.ip_network(f"{caller}/64", strict=False)) if ":" in caller else caller
    for who, most in ((f"caller {network}", PER_CALLER), (f"shop {api_url}", PER_SHOP)):
        if _count(who) > most:
            raise Rejected("Too many registrations. Wait a minute and install the app again.", code=TOO_MANY)
    with _alone(api_url):
        if not _places.acquire(blocking=False):
            raise _busy()
        try:
            yield
        finally:
            _places.release()


@task
def forget_old_counts() -> int:
    """Every night: delete the counts of the minutes before the last hour; returns how many."""
    before = int(time.time()) // SECONDS - KEPT_MINUTES
    return RegistrationCount.objects.filter(minute__lt=before).delete()[0]


@contextmanager
def _alone(api_url: str) -> Iterator[None]:
    """One registration of a shop at a time."""
    with _lock:
        if api_url in _in_progress:
            raise _busy()
        _in_progress.add(api_url)
    try:
        yield
    finally:
        with _lock:
            _in_progress.discard(api_url)


def _busy() -> Unavailable:
    return Unavailable("The app is busy with other registrations. Please try again in a moment.", code="busy")


def _count(who: str) -> int:
    """The number in this minute, including this one; all processes count in the same row."""
    minute = int(time.time()) // SECONDS
    hashed = salted_hmac("saleor.registrations", who, algorithm="sha256").hexdigest()
    mine, _is_new = RegistrationCount.objects.get_or_create(who=hashed, minute=minute)
    RegistrationCount.objects.filter(pk=mine.pk).update(count=F("count") + 1)
    mine.refresh_from_db()
    return mine.count
