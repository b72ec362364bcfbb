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
        ("5 janvier 2025", "", datetime(2025, 1, 5, tzinfo=UTC)),
        ("1er février 2025", "", datetime(2025, 2, 1, tzinfo=UTC)),
        ("5 août 2025 03:07", "", datetime(2025, 8, 5, 3, 7, tzinfo=UTC)),
        ("14 DÉC. 2025", "", datetime(2025, 12, 14, tzinfo=UTC)),
        ("5 mars 2025", "", datetime(2025, 3, 5, tzinfo=UTC)),
        ("dimanche 5 janvier 2025", "", datetime(2025, 1, 5, tzinfo=UTC)),
        ("5. Januar 2025", "", datetime(2025, 1, 5, tzinfo=UTC)),
        ("14 März 2025", "", datetime(2025, 3, 14, tzinfo=UTC)),
        ("14. Dez. 2025", "", datetime(2025, 12, 14, tzinfo=UTC)),
        ("14 de enero de 2025", "", datetime(2025, 1, 14, tzinfo=UTC)),
        ("14 luglio 2025", "", datetime(2025, 7, 14, tzinfo=UTC)),
        ("14 marraskuu 2025", "", None),
        ("14 Marble 2025", "", None),
        ("05-JAN-25 03.07.00.000000 AM", "", NIGHT),
        ("Sun Jan 05 2025 04:07:00 GMT+0100 (Central European Standard Time)", "", NIGHT),
        ("1736046420", "", NIGHT),
        ("1736046420.0", "", NIGHT),
        ("1970-01-01", "", None),
        ("1970-01-02", "", datetime(1970, 1, 2, tzinfo=UTC)),
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
