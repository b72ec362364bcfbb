"""What the values of imported files mean, in the languages and spellings of programs and spreadsheets."""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from saleor_stripe_audience.audience.transfer import languages
from saleor_stripe_audience.audience.transfer.moments import is_date, is_zero_date


class Meaning(StrEnum):
    """What a value says about the person."""

    GIVEN = "given"
    WITHDRAWN = "withdrawn"
    NOTHING = "nothing"
    BOUNCED = "bounced"
    ARCHIVED = "archived"
    UNKNOWN = "unknown"


# 0 and 1 as programs write numbers that were read from a column with empty cells: 1.0, 0,00.
_WHOLE = re.compile(r"([01])[.,]0+|(0)+")
_QUOTED = re.compile(r"""b?(['"])(?P<text>.*)\1""", re.DOTALL)
_LINK = re.compile(r"https?://", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]{2}")


@lru_cache(maxsize=1024)
def plain_value(value: str) -> str:
    """Return a value for comparison: case, accents, underscores, hyphens and outer quotation marks make no difference;
    1.0 is 1.
    """
    quoted = _QUOTED.fullmatch(value.strip())
    text = quoted["text"] if quoted else value
    plain = " ".join(languages.without_accents(text.lower()).replace("_", " ").replace("-", " ").split())
    whole = _WHOLE.fullmatch(plain)
    return (whole[1] or whole[2]) if whole else plain


def _plain(*texts: str) -> frozenset[str]:
    return frozenset(plain_value(each) for text in texts for each in text.split(", ") if each)


def _in_all_languages(field: str) -> frozenset[str]:
    return _plain(*(getattr(each, field) for each in languages.LANGUAGES))


def meanings_of(**values: Iterable[str]) -> dict[str, Meaning]:
    """Return the meaning of each value, given by name: `given=["yes"]`."""
    return {plain_value(value): Meaning(name) for name, some in values.items() for value in some}


YES = _in_all_languages("yes")
NO = _in_all_languages("no")
_SUBSCRIBED = _in_all_languages("subscribed")
_CONFIRMED = _in_all_languages("confirmed")
_NOT_SUBSCRIBED = _in_all_languages("not_subscribed")
# These mean that the person unsubscribed, in any column.
UNMISTAKABLE = _in_all_languages("unsubscribed")
_ENDED = _in_all_languages("ended")
_BOUNCED = _in_all_languages("bounced")
_NEVER = _plain(languages.NEVER)
_EMPTY = _plain(languages.NOTHING, languages.SPREADSHEET_ERRORS) | _NEVER | {""}
# Statuses that say nothing about emails.
_UNREMARKABLE = _in_all_languages("ordinary") - NO - _NOT_SUBSCRIBED
# A box that was not ticked is not a withdrawal: consent given elsewhere stays valid.
_DENIED = NO | _NEVER | _NOT_SUBSCRIBED | _plain(languages.NO_TICK, languages.CROSSES)
# What databases and spreadsheets write for an empty cell; in other spellings it may be a name.
NULLS = frozenset(
    {"NULL", "(NULL)", "(null)", "<NULL>", "<null>", "\\N", "#N/A", "#NV", "#N/D", "NaN", "NaT"}
)
_ERRORS = _plain(languages.SPREADSHEET_ERRORS)
# A column that was too narrow, and a long number that was rounded: 3.36123E+10.
_DAMAGED = re.compile(r"#{3,}|[+-]?\d(?:[.,]\d+)?E\+\d+")
USUAL = meanings_of(
    given=YES | _SUBSCRIBED | _CONFIRMED,
    withdrawn=UNMISTAKABLE | _ENDED,
    nothing=_EMPTY | _DENIED,
    bounced=_BOUNCED,
)
# What statuses mean. In a column that is named after permission a tick is a yes.
STATUSES = meanings_of(nothing=_UNREMARKABLE) | USUAL | meanings_of(given=_plain(languages.TICKS))
# These end a subscription, whatever their column is called, if it has statuses. Hard is also said of other things.
_ENDS = UNMISTAKABLE | _ENDED | _BOUNCED - _plain("hard, cleaned, bounce, bouncing")

_NEGATION = re.compile(
    rf"(?:{'|'.join(sorted(map(re.escape, _in_all_languages('negations')), key=len, reverse=True))}) (?P<rest>.+)"
)
_EVENTS = UNMISTAKABLE | _ENDED | _BOUNCED
_HAPPENED = YES | _ENDED | _plain(languages.TICKS)
_NOT_HAPPENED = NO | _EMPTY | _SUBSCRIBED | _plain(languages.NO_TICK)
_PART = re.compile(r"[^\W_]+")
_DOUBTS = _NOT_HAPPENED | _in_all_languages("negations") | _plain("sms, whatsapp, phone, push")
_POSITIVE = _SUBSCRIBED | _CONFIRMED | YES
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_FIRST_WORD = re.compile(r"(?P<first>[^\W\d_]{2,})\b[ ,.:!]+(?P<rest>\S.*)", re.DOTALL)
_UNCLEAR = _in_all_languages("unclear")
_SAID_YES, _SAID_NO = YES - _plain("on"), NO - _plain("off")
_SOFT = _plain("soft, soft bounce, soft bounced, softbounce, temporary, transient")


def is_nothing(text: str) -> bool:
    """Whether the text stands for an empty cell, or is a date that means zero."""
    return plain_value(text) in _EMPTY or is_zero_date(text)


def is_damaged(text: str) -> bool:
    """Whether a spreadsheet has replaced the text by something else: `#NAME?`, `########`, `3.36123E+10`."""
    if not text.startswith("#"):
        return "E+" in text and _DAMAGED.fullmatch(text) is not None
    return _DAMAGED.fullmatch(text) is not None or plain_value(text) in _ERRORS


@lru_cache(maxsize=1024)
def read_event(text: str, *, is_bounce: bool = False, is_reason: bool = False) -> Meaning:
    """Return what a column says that is named after an event, such as unsubscribing: a date, yes or no, or a reason.

    Text that means no in a known language is nothing, and so is a date that means zero. Any other text is `UNKNOWN`,
    unless the column has reasons: whoever gave a reason for unsubscribing has unsubscribed.
    """
    plain = plain_value(text)
    is_state = not is_reason and (plain in _UNREMARKABLE or (is_bounce and plain in _SOFT))
    if is_state or _is_no(text, plain):
        return Meaning.NOTHING
    if plain in UNMISTAKABLE or plain in _BOUNCED:
        return USUAL[plain]
    gives_reason = is_reason and plain not in _NOT_SUBSCRIBED and (is_bounce or _LETTERS.search(text))
    if plain in _HAPPENED or is_date(text) or gives_reason or _contains_withdrawal(plain):
        return Meaning.BOUNCED if is_bounce else Meaning.WITHDRAWN
    return Meaning.UNKNOWN


@lru_cache(maxsize=1024)
def is_denied(text: str) -> bool:
    """Whether the text says that the person has not subscribed: no, pending, not given, no thanks."""
    plain = plain_value(text)
    if plain in USUAL:
        return plain in _DENIED
    negated = _NEGATION.fullmatch(plain)
    if negated is not None and negated["rest"] in _POSITIVE | _UNREMARKABLE:
        return True
    said = _FIRST_WORD.match(plain)
    return said is not None and said["first"] in _SAID_NO and said["rest"] not in _EVENTS


@lru_cache(maxsize=1024)
def read_status(text: str, *, is_answer: bool = False, is_loose: bool = False) -> Meaning:
    """Return what a status says. In a column of answers a date is a yes: when the person agreed.

    A text that is not known is `UNKNOWN`; in a loose column, which may also have names of lists and the like, only a
    number is.
    """
    plain = plain_value(text)
    number = _NUMBER.fullmatch(text.strip())
    is_negative = number is not None and text.strip().startswith("-")
    if plain in STATUSES and not is_negative:
        return STATUSES[plain]
    negated = _NEGATION.fullmatch(plain)
    if is_denied(text) or is_zero_date(text) or (negated is not None and negated["rest"] in _EVENTS):
        return Meaning.NOTHING
    said = _FIRST_WORD.match(plain)
    if is_answer and (is_date(text) or (said is not None and said["first"] in _SAID_YES)):
        return Meaning.GIVEN
    if _contains_withdrawal(plain):
        return Meaning.WITHDRAWN
    is_unknown = not is_loose or plain in _UNCLEAR or (is_answer and number is not None)
    return Meaning.UNKNOWN if is_unknown else Meaning.NOTHING


def ends(text: str, *, is_status: bool) -> bool:
    """Whether a value of a column with an unknown name says that a subscription ended; of one of statuses, also that it
    has not started.
    """
    plain = plain_value(text)
    return plain in _ENDS or (is_status and (plain in _NOT_SUBSCRIBED or plain in _UNCLEAR))


def _contains_withdrawal(plain: str) -> bool:
    """Whether a longer text says that the person unsubscribed: `email: unsubscribed`."""
    parts = set(_PART.findall(plain))
    is_named = not parts.isdisjoint(UNMISTAKABLE) or "opted out" in plain or "opt out" in plain
    return is_named and parts.isdisjoint(_DOUBTS)


def _is_no(text: str, plain: str) -> bool:
    negated = _NEGATION.fullmatch(plain)
    if negated is not None and negated["rest"] in _EVENTS:
        return True
    return plain in _NOT_HAPPENED or is_zero_date(text) or _LINK.match(text) is not None
