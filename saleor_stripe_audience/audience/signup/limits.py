"""How often something may be asked from outside, counted in the database so that all processes count together."""

from datetime import UTC, datetime, timedelta

from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from saleor_stripe_audience.audience.signup.models import RateWindow


def within(name: str, limit: int, span: timedelta) -> bool:
    """Count one more of that name in the present span of time; False once there are more than `limit`.

    Names hold addresses of computers and people; what is kept is their HMAC.
    """
    begins = _beginning(timezone.now(), span)
    bucket = salted_hmac("audience.limits", f"{name}|{begins.isoformat()}", algorithm="sha256").hexdigest()
    if RateWindow.objects.filter(bucket=bucket, count__gte=limit).exists():
        return False  # a flood of what is refused writes nothing
    _window, is_new = RateWindow.objects.get_or_create(bucket=bucket, defaults={"ends_at": begins + span})
    if is_new:
        RateWindow.objects.filter(ends_at__lt=timezone.now()).delete()
    RateWindow.objects.filter(bucket=bucket).update(count=F("count") + 1)
    return RateWindow.objects.filter(bucket=bucket, count__lte=limit).exists()


def _beginning(now: datetime, span: timedelta) -> datetime:
    seconds = span.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)
