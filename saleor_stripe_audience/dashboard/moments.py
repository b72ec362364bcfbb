"""Times that staff type: the browser converts them from their own time zone."""

from datetime import UTC, datetime

from django.http import QueryDict

EARLIEST_YEAR = 1970


def read_moment(sent: QueryDict, name: str) -> datetime | None:
    """Return the field's time; None if it is empty or not a time.

    The page's script writes it to the field with the suffix `_utc`. Without that, the time is taken as UTC.
    """
    text = (sent.get(f"{name}_utc", "") or sent.get(name, "")).strip() if sent.get(name, "") else ""
    try:
        moment = datetime.fromisoformat(text[:40])
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= EARLIEST_YEAR else None
