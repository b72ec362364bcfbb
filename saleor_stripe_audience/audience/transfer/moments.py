"""Reads the times that databases, spreadsheets and other programs write into files.

Without a zone a time is UTC, as in most exports. A date is only accepted if it has one meaning: dates with dots have
the day first, but 04/03/2025 is in April or in March, so the import has to say which.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache

from saleor_stripe_audience.audience.transfer.languages import MONTHS, without_accents

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)  # an earlier time is a date that means zero
LATEST_YEAR = 2098  # a later date, such as 9999-12-31, is not when something happened
_SHORT_YEARS = 2000  # the century of years with two digits
# What comes first in dates with slashes or hyphens, unless it is the year.
DAY_FIRST, MONTH_FIRST = "day", "month"
# The number of each month by its name, without accents.
_NAMES = {
    without_accents(name): number
    for number, names in enumerate(MONTHS, start=1)
    for name in names.split(", ")
}
_MONTHS = len(MONTHS)
_NOON = 12  # 12:30 PM is half past twelve, 12:30 AM half past midnight
_MONTH = rf"(?P<name>{'|'.join(sorted(_NAMES, key=len, reverse=True))})(?![a-z])\.?"
_WEEKDAY = r"(?:[a-z]{3,10},? )?"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})(?!\d)",
        r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4}|\d\d)(?!\d)",
        r"(?P<first>\d{1,2})(?P<sign>[-/])(?P<second>\d{1,2})(?P=sign)(?P<year>\d{4}|\d\d)(?!\d)",
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:\.|er)?[- ](?:de )?{_MONTH}(?: del? |[- ,]\s?)(?P<year>\d{{4}})(?!\d)",
        rf"(?P<day>\d{{1,2}})-{_MONTH}-(?P<year>\d\d)(?!\d)",
        rf"{_WEEKDAY}{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})(?!\d)",
    )
)
_UNCLEAR = _DATES[2]
# 3:07 PM; 03:07:09.5 +01:00; and as Go and JavaScript write it: 10:00:00 +0000 UTC; 10:00:00 GMT+0100 (CET).
_TIME = re.compile(
    r"(?:T|,?\s+|,)(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"(?:\s?(?P<half>[ap])\.?m\.?)?"
    r"(?:\s*(?:(?:GMT|UTC)(?=[+-]))?(?P<zone>[+-]\d\d:?(?:\d\d)?|Z|UTC|GMT)"
    r"(?:\s+(?:[A-Z]{1,5}|[+-]\d{2,4}|\([^)]*\)))?)?",
    re.IGNORECASE,
)
_UNIX = re.compile(r"\d{10}(?:\d{3})?(?:\.\d+)?")  # seconds or milliseconds since 1970
_WITHOUT_SIGNS = re.compile(r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?!\d)")
_MIDNIGHT = re.compile(r"(?:0?0:00|12:00(?=.*a\.?m))(?::00)?(?:[.,]0+)?(?:\s?a\.?m\.?)?", re.IGNORECASE)
_BEFORE_1970 = re.compile(r"-\d{5,}(?:\.\d+)?")  # seconds: year 1 and 1900 as some programs write them
# The days since 1900 of a spreadsheet, from 1970 to 2098, and as servers write a time: 20250601100000.
_UNIX_DAYS = re.compile(r"(?:2(?:5569|5[6-9]\d\d|[6-9]\d{3})|[3-6]\d{4}|7[0-2]\d{3})(?:[.,]\d+)?")
_WITHOUT_ANY_SIGNS = re.compile(
    r"(?:19[789]|20\d)\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])(?:[0-5]\d){2}"
)
_NAMED_MONTH = re.compile(rf"(?<![a-z]){_MONTH}", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(?:19[789]\d|20\d\d)(?!\d)")
_NUMBER = re.compile(r"\d+")


@lru_cache(maxsize=1024)
def read_moment(text: str, dates: str = "") -> datetime | None:
    """Return the time in UTC, or None if the text is not a time from `EARLIEST` on.

    `dates` says whether the day or the month comes first in 04/03/2025. Without it such a date is only accepted if
    there is no doubt, as in 31/03/2025.
    """
    plain = _plain(text)
    try:
        moment = _read_iso(plain) or _read_parts(plain, dates) or _read_unix(plain) or _read_mail_date(plain)
        moment = moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment is not None and moment >= EARLIEST else None


@lru_cache(maxsize=1024)
def is_zero_date(text: str) -> bool:
    """Whether the text is how a program writes zero or nothing as a date: 0000-00-00, 1970-01-01, 1899-12-30, 0:00."""
    plain = _plain(text)
    found = next((match for each in (*_DATES, _WITHOUT_SIGNS) if (match := each.match(plain))), None)
    if found is None:
        return bool(_MIDNIGHT.fullmatch(plain) or _BEFORE_1970.fullmatch(plain))
    parts = found.groupdict()
    month = parts.get("month") or parts.get("first") or _NAMES[parts["name"].lower()]
    day = parts.get("day") or parts["second"]
    if int(month) == 0 or int(day) == 0:
        return True
    year = int(parts["year"])
    is_start = (int(month), int(day)) == (1, 1)
    if not _has_century(found):
        return year == EARLIEST.year % 100 and is_start
    return year < EARLIEST.year or (year == EARLIEST.year and is_start)


@lru_cache(maxsize=1024)
def is_date(text: str) -> bool:
    """Whether the text is a date on which something may have happened, even if it is not clear which one.

    So 04/03/2025 is a date, and so is 32.01.2025 or, in any language, 14 janvier 2025.
    """
    if is_zero_date(text):
        return False
    if (moment := read_moment(text)) is not None:
        return moment.year <= LATEST_YEAR
    plain = _plain(text)
    if (found := next((match for each in _DATES if (match := each.match(plain))), None)) is not None:
        year = int(found["year"]) + (0 if _has_century(found) else _SHORT_YEARS)
        return EARLIEST.year <= year <= LATEST_YEAR
    if _UNIX_DAYS.fullmatch(plain) or _WITHOUT_ANY_SIGNS.fullmatch(plain):
        return True
    years = [int(each) for each in _YEAR.findall(plain)]
    has_more = len(_NUMBER.findall(plain)) > len(years)
    has_date = plain[:1].isdecimal() or _NAMED_MONTH.search(plain) is not None
    return has_date and has_more and any(each <= LATEST_YEAR for each in years)


def _plain(text: str) -> str:
    return without_accents(" ".join(text.split()))


def is_unclear(text: str) -> bool:
    """Whether the text is a date that is only accepted if the import says what comes first."""
    found = _UNCLEAR.match(text.strip())
    return found is not None and _order_of(found) == ""


def _read_iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text[:4].isdecimal() else None
    except ValueError:
        return None


def _read_parts(text: str, dates: str) -> datetime | None:
    """Read a date and, if there is one, a time. ValueError for a date that does not exist."""
    found = next((match for pattern in _DATES if (match := pattern.match(text)) is not None), None)
    if found is None:
        return None
    day = _read_day(found, dates)
    rest = text[found.end() :]
    if day is None or not rest:
        return day
    time = _TIME.fullmatch(rest)
    return None if time is None else _at(day, time)


def _read_day(found: re.Match[str], dates: str) -> datetime | None:
    parts = found.groupdict()
    if "first" in parts:
        order = dates or _order_of(found)
        if order not in (DAY_FIRST, MONTH_FIRST):
            return None
        is_day_first = order == DAY_FIRST
        day, month = (parts["first"], parts["second"]) if is_day_first else (parts["second"], parts["first"])
    else:
        day, month = parts["day"], parts.get("month") or _NAMES[parts["name"].lower()]
    year = int(parts["year"]) + (0 if _has_century(found) else _SHORT_YEARS)
    return datetime(year, int(month), int(day))  # noqa: DTZ001 - the zone follows


def _order_of(found: re.Match[str]) -> str:
    """Return what comes first if only one order makes a date; with a year of two digits, nothing is certain."""
    is_first_day, is_second_day = int(found["first"]) > _MONTHS, int(found["second"]) > _MONTHS
    if is_first_day == is_second_day or not _has_century(found):
        return ""
    return DAY_FIRST if is_first_day else MONTH_FIRST


def _has_century(found: re.Match[str]) -> bool:
    return len(found["year"]) > len("25")


def _at(day: datetime, time: re.Match[str]) -> datetime:
    """Return the time on that day. ValueError for a time that does not exist."""
    hour, minute, second = (int(time[name] or 0) for name in ("hour", "minute", "second"))
    if time["half"]:
        if not 1 <= hour <= _NOON:
            raise ValueError("there are twelve hours before noon")
        hour = hour % _NOON + (_NOON if time["half"] in "pP" else 0)
    is_midnight_after = (hour, minute, second) == (24, 0, 0)
    moment = day.replace(
        hour=0 if is_midnight_after else hour,
        minute=minute,
        second=second,
        microsecond=int((time["fraction"] or "")[:6].ljust(6, "0")),
        tzinfo=_read_zone(time["zone"] or ""),
    )
    return moment + timedelta(days=is_midnight_after)


def _read_zone(zone: str) -> timezone:
    if not zone.startswith(("+", "-")):
        return UTC
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if zone[0] == "-" else offset)


def _read_unix(text: str) -> datetime | None:
    if not _UNIX.fullmatch(text):
        return None
    return datetime.fromtimestamp(int(text[:10]), UTC)


def _read_mail_date(text: str) -> datetime | None:
    """Return a time in the format of an email's Date header, for its names of zones: 14 Jan 2025 10:00:00 EST."""
    return (
        parsedate_to_datetime(text)
        if re.match(r"([A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} ", text)
        else None
    )
