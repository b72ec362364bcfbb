"""Times in UTC, as databases and Stripe compare them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def to_utc(moment: datetime) -> datetime:
    """Return the time in UTC. ValueError for the first and last hours of the calendar, which have no date there."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("there is no such time in UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(to_utc)]
