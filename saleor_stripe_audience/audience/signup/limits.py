"""Rate limits for requests from outside, counted in the database for all processes together."""

from datetime import UTC, datetime, timedelta

from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from saleor_stripe_audience.audience.signup.models import RateWindow


def allow(name: str, limit: int, period: timedelta) -> bool:
    """Count one request of that name in the current period; False once there are more than `limit`.

    Names contain IP addresses and email addresses, so only their HMAC is stored.
    """
    seconds = period.total_seconds()
    start = datetime.fromtimestamp(timezone.now().timestamp() // seconds * seconds, UTC)
    bucket = salted_hmac("audience.limits", f"{name}|{start.isoformat()}", algorithm="sha256").hexdigest()
    if RateWindow.objects.filter(bucket=bucket, count__gte=limit).exists():
        return False  # a flood of refused requests writes nothing
    _window, is_new = RateWindow.objects.get_or_create(bucket=bucket, defaults={"ends_at": start + period})
    if is_new:
        RateWindow.objects.filter(ends_at__lt=timezone.now()).delete()
    RateWindow.objects.filter(bucket=bucket).update(count=F("count") + 1)
    # A window that ended in the meantime may be deleted already, by this request or another.
    return not RateWindow.objects.filter(bucket=bucket, count__gt=limit).exists()
