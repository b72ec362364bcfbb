"""Times as databases, spreadsheets and other programs write them."""

from datetime import UTC, datetime

import pytest

from saleor_stripe_audience.audience.transfer.moments import DAY_FIRST, MONTH_FIRST, is_unclear, read_moment

NIGHT = datetime(2025, 1, 5, 3, 7, tzinfo=UTC)
AFTERNOON = datetime(2025, 1, 5, 15, 7, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "dates", "moment"),
    [
        ("1/5/2025 3:07", MONTH_FIRST, NIGHT),
        ("1/5/25 3:07", MONTH_FIRST, NIGHT),
        ("1/5/2025 3:07:09 PM", MONTH_FIRST, AFTERNOON),
        ("1/5/2025 3:07:09\N{NARROW NO-BREAK SPACE}PM", MONTH_FIRST, AFTERNOON),
        ("1/5/2025, 3:07:09 p.m.", MONTH_FIRST, AFTERNOON),
        ("5/1/2025 10:00 AM", DAY_FIRST, datetime(2025, 1, 5, 10, tzinfo=UTC)),
        ("5/1/2025 12:00 AM", DAY_FIRST, datetime(2025, 1, 5, tzinfo=UTC)),
        ("5/1/2025 12:30 PM", DAY_FIRST, datetime(2025, 1, 5, 12, 30, tzinfo=UTC)),
        ("5/1/2025 13:00 PM", DAY_FIRST, None),
        ("05-01-2025 03:07", DAY_FIRST, NIGHT),
        ("5.1.25", "", datetime(2025, 1, 5, tzinfo=UTC)),
        ("05.01.2025 3:07", "", NIGHT),
        ("5.1.2025 3.07", "", NIGHT),
        ("2025/1/5 3:07", "", NIGHT),
        ("2025-1-5 03:07", "", NIGHT),
        ("2025-01-05 3:07", "", NIGHT),
        ("2025.01.05 03:07", "", NIGHT),
        ("2025-01-04T24:00:00Z", "", datetime(2025, 1, 5, tzinfo=UTC)),
        ("2025-01-04T24:00:01Z", "", None),
        ("31/01/2025", "", datetime(2025, 1, 31, tzinfo=UTC)),
        ("01/31/2025", "", datetime(2025, 1, 31, tzinfo=UTC)),
        ("31/01/2025", MONTH_FIRST, None),
        ("31/01/25", "", None),
        ("04-03-2025", "", None),
        ("05-Jan-2025 03:07", "", NIGHT),
        ("Jan 5, 2025 3:07 AM", "", NIGHT),
        ("January 5th, 2025", "", datetime(2025, 1, 5, tzinfo=UTC)),
        ("5 January 2025", "", datetime(2025, 1, 5, tzinfo=UTC)),
        ("2025-01-05 03:07:00.5 +0000 UTC", "", NIGHT.replace(microsecond=500_000)),
        ("2025-01-05 05:07:00+02", "", NIGHT),
        ("5 Jan 2025 03:07:00 EST", "", datetime(2025, 1, 5, 8, 7, tzinfo=UTC)),
        ("1736046420", "", NIGHT),
        ("1736046420000", "", NIGHT),
        ("17360464200", "", None),
        ("2025-13-01", "", None),
        ("31.02.2025", "", None),
        ("2025-01-05 25:00", "", None),
        ("2025-01-05 in the morning", "", None),
    ],
)
def test_a_time(text: str, dates: str, moment: datetime | None) -> None:
    assert read_moment(text, dates) == moment


@pytest.mark.parametrize(
    ("text", "is_in_doubt"),
    [
        ("04/03/2025", True),
        (" 4-3-2025 10:00", True),
        ("31/01/25", True),
        ("31/01/2025", False),
        ("4.3.2025", False),
    ],
)
def test_a_date_that_needs_the_order_of_day_and_month(text: str, is_in_doubt: bool) -> None:
    assert is_unclear(text) is is_in_doubt
