"""One row of an imported file, read into what is to be kept.

A cell that cannot be used is left out and told; the rest of its row is taken. A row is refused where it names nobody,
where its cells have moved, and where it says yes without proof. Whoever says no is taken in any case: of a row whose
cells have moved the refusal alone.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parseaddr, parsedate_to_datetime
from functools import lru_cache

from django.utils import timezone

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.locales import check_country, check_language
from saleor_stripe_audience.audience.people.status import Deliverability, Lifecycle
from saleor_stripe_audience.audience.transfer.cells import unescape, unescape_start
from saleor_stripe_audience.audience.transfer.columns import Columns
from saleor_stripe_audience.audience.transfer.formats import (
    HOMEMADE,
    UNMISTAKABLE,
    USUAL,
    Format,
    Meaning,
    TakenAs,
)
from saleor_stripe_audience.audience.transfer.reading import LineError, Record
from saleor_stripe_audience.errors import Rejected

LONGEST = {"first_name": 256, "last_name": 256, "phone": 128, "city": 256}  # characters, as Contact has them
MOST_TAGS = 50
EARLIEST = 1970  # a consent dated before is a zero date: nobody wrote mails then
# As our own export writes them: whose mail bounced, who complained and who was filed away stays so in a new place.
# The status of a complaint is unsubscribed, with a consent that was not withdrawn.
HELD_BACK = {
    "cleaned": (Deliverability.BOUNCED, Lifecycle.ACTIVE),
    "unsubscribed": (Deliverability.COMPLAINED, Lifecycle.ACTIVE),
    "archived": (Deliverability.OK, Lifecycle.ARCHIVED),
}
_SUPPRESSED = {
    "HARD_BOUNCE": Meaning.BOUNCED, "INVALID_EMAIL": Meaning.BOUNCED, "SPAM_COMPLAINT": Meaning.WITHDRAWN,
    "UNSUBSCRIBE": Meaning.WITHDRAWN, "UNSUBSCRIBED": Meaning.WITHDRAWN, "USER_SUPPRESSED": Meaning.WITHDRAWN,
}  # fmt: skip
# What Go writes of a time: 2025-01-01 10:00:00.5 +0000 UTC; and databases: 2025-01-01 10:00:00 UTC.
_ZONE = re.compile(r"(?P<time>.*\d)\s*(?P<zone>[+-]\d\d:?\d\d|Z|UTC|GMT)(\s+[A-Z]{1,5})?")
_DAY_FIRST = re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
_YEAR_FIRST = re.compile(r"^(\d{4})/(\d\d)/(\d\d)(?!\d)")
_OF_A_MAIL = re.compile(r"([A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d")
_INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060"  # around addresses that were copied from elsewhere
_NO_CONSENT = (Deliverability.OK, Lifecycle.ACTIVE)


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says of a person. `deliverability` and `lifecycle` are for who is new, `bounced_at` for all.

    `left_out` are the cells that could not be used.
    """

    line: int
    email: str
    profile: Mapping[str, str]
    tags: tuple[str, ...]
    word: ConsentEvent | None
    deliverability: Deliverability = Deliverability.OK
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    bounced_at: datetime | None = None
    created_at: datetime | None = None
    left_out: tuple[LineError, ...] = ()

    @property
    def lifts_against_its_status(self) -> bool:
        """Whether it says yes of somebody whom its own status keeps from mail."""
        is_held_back = (self.deliverability, self.lifecycle) != _NO_CONSENT
        return is_held_back and self.word is not None and self.word.kind == Consent.Kind.GIVEN

    @property
    def is_refusal(self) -> bool:
        return self.word is not None and self.word.kind == Consent.Kind.WITHDRAWN


@dataclass(frozen=True, slots=True)
class Manner:
    """How the rows of one file are to be read.

    `text` is the wording and `at` the time of consents whose row brings none; `actor` who imports. `file` is the
    file's digest: with the line it says where a consent is written. `meanings` are values chosen by the merchant.
    """

    text: str = ""
    actor: str = ""
    file: str = ""
    at: datetime | None = None
    found: Format = HOMEMADE
    taken_as: TakenAs | None = None
    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    is_clean: bool = True


class RowReader:
    """Reads rows of one file."""

    def __init__(self, columns: Columns, manner: Manner) -> None:
        self._manner = manner
        self._places = columns.places
        self._width = len(columns.header)
        self._now = timezone.now()
        self._meanings = {**(manner.found.values or USUAL), **manner.meanings}
        self._written = unescape if manner.found.is_ours else unescape_start
        self._says_anything = manner.taken_as is not None or any(
            each in columns.places
            for each in ("consent", "status", "withdrawn_at", "bounced_at", "suppressions")
        )
        self._says_anything |= manner.found.given_by_time
        usual: dict[str, Callable[[str], str]] = {"country": check_country, "language": check_language}
        self._profile = [
            (name, columns.places[name], usual.get(name) or _within(LONGEST[name]))
            for name in ("country", "first_name", "last_name", "phone", "city", "language")
            if name in columns.places
        ]

    def read(self, record: Record) -> Row | LineError:
        """The row, or why it is refused."""
        line, cells, is_damaged = record
        if is_damaged:
            told = LineError(line, "row", "A quotation mark is missing, or one too many.")
            return self._refusal_of(told, cells)
        if len(cells) > self._width and any(cells[self._width :]):
            moved = (
                f"The row has {len(cells)} cells, the header {self._width}: an unquoted separator moved them."
            )
            return self._refusal_of(LineError(line, "row", moved), cells)
        try:
            email = self._email(self._cell(cells, "email"))
        except Rejected as refused:
            return LineError(line, "email", refused.message)
        left_out: list[LineError] = []
        profile = self._read_profile(line, cells, left_out)
        meant = self._meant(line, cells, left_out) if self._says_anything else Said()
        if isinstance(meant, LineError):
            return self._refusal_of(meant, cells) if meant.field == "consent" else meant
        named = self._tags(line, cells)
        if isinstance(named, LineError):
            if meant.word is None or meant.word.kind != Consent.Kind.WITHDRAWN:
                return named
            left_out.append(named)
            named = ()
        return Row(
            line, email, profile, named, meant.word, meant.deliverability, meant.lifecycle, meant.bounced_at,
            self._created_at(line, cells, left_out), tuple(left_out),
        )  # fmt: skip

    def _refusal_of(self, problem: LineError, cells: Sequence[str]) -> Row | LineError:
        """Of a row that cannot be taken no more than the refusal, where it is plain whose it is."""
        email = self._only_email(cells)
        if not email or not self._is_refused(cells):
            return problem
        told = replace(problem, message=f"{problem.message} No more than the refusal was taken.")
        word = ConsentEvent(
            kind=Consent.Kind.WITHDRAWN,
            at=self._now,
            source=Consent.Source.IMPORT,
            reference=f"file {self._manner.file}",
            actor=self._manner.actor,
            is_undated=True,
        )
        return Row(problem.line, email, {}, (), word, left_out=(told,))

    def _only_email(self, cells: Sequence[str]) -> str:
        """The first cell, which cannot move, if the address stands there; otherwise the only address of the row."""
        if self._places["email"][0] == 0 and (first := self._email_or_none(cells[0])):
            return first
        emails = {email for cell in cells if (email := self._email_or_none(cell))}
        return emails.pop() if len(emails) == 1 else ""

    def _is_refused(self, cells: Sequence[str]) -> bool:
        """Whether a row says that its person left, wherever in it that now stands."""
        if self._manner.taken_as is TakenAs.UNSUBSCRIBED:
            return True
        chosen = {value for value, meaning in self._manner.meanings.items() if meaning is Meaning.WITHDRAWN}
        if any(plain_value(cell) in UNMISTAKABLE or plain_value(cell) in chosen for cell in cells):
            return True
        if self._meanings.get(plain_value(self._surely(cells, "consent"))) is Meaning.WITHDRAWN:
            return True
        return read_moment(self._surely(cells, "withdrawn_at")) is not None

    def _surely(self, cells: Sequence[str], name: str) -> str:
        """The cell, if it cannot have moved unnoticed: before the address, behind it, or as the last one of all."""
        moved = len(cells) - self._width
        at = self._places["email"][0]
        for place in self._places.get(name, ()):
            if place == self._width - 1 and moved >= 0:
                return cells[-1].strip()
            if place < at < len(cells) and self._email_or_none(cells[at]):
                return cells[place].strip()
            if moved > 0 and place > at and self._email_or_none(cells[at + moved]):
                return cells[place + moved].strip()
        return ""

    def _cell(self, cells: Sequence[str], name: str) -> str:
        for place in self._places.get(name, ()):
            if place < len(cells) and (text := cells[place].strip()):
                if self._manner.found.is_ours and name in LONGEST:
                    return unescape(cells[place])  # with its outer blanks, as it was exported
                return self._written(text).strip() if "'" in text else text
        return ""

    def _email(self, text: str) -> str:
        try:
            self._check_clean(text)
            return normalize_email(parseaddr(text)[1] if text.endswith(">") else text.strip(_INVISIBLE))
        except Rejected:
            raise Rejected("This is no e-mail address.", code="email_invalid") from None

    def _email_or_none(self, text: str) -> str | None:
        try:
            return self._email(text.strip()) if "@" in text else None
        except Rejected:
            return None

    def _check_clean(self, text: str) -> None:
        """`Rejected` for what no database keeps: a zero byte, half a character, bytes of another encoding."""
        if not self._manner.is_clean and not is_storable(text):
            raise Rejected(
                "This holds characters that are none. Save the file as CSV in UTF-8.", code="characters"
            )

    def _read_profile(self, line: int, cells: Sequence[str], left_out: list[LineError]) -> dict[str, str]:
        told: dict[str, str] = {}
        for name, _places, check in self._profile:
            text = self._cell(cells, name)
            if text:
                try:
                    self._check_clean(text)
                    told[name] = check(text)
                except Rejected as refused:
                    left_out.append(LineError(line, name, refused.message))
        if "name" in self._places and "first_name" not in told and "last_name" not in told:
            self._split_name(line, cells, told, left_out)
        return told

    def _split_name(
        self, line: int, cells: Sequence[str], told: dict[str, str], left_out: list[LineError]
    ) -> None:
        """One column holds both: what stands before the first blank is the first name."""
        text = self._cell(cells, "name")
        try:
            self._check_clean(text)
            first, _, last = " ".join(text.split()).partition(" ")
            for name, value in (("first_name", first), ("last_name", last)):
                if value:
                    told[name] = _within(LONGEST[name])(value)
        except Rejected as refused:
            left_out.append(LineError(line, "name", refused.message))

    def _tags(self, line: int, cells: Sequence[str]) -> tuple[str, ...] | LineError:
        text = self._cell(cells, "tags")
        try:
            self._check_clean(text)
            return _tags(text) if text else ()
        except Rejected as refused:
            return LineError(line, "tags", refused.message)

    def _created_at(self, line: int, cells: Sequence[str], left_out: list[LineError]) -> datetime | None:
        text = self._cell(cells, "created_at")
        moment = read_moment(text) if text else None
        if text and (moment is None or moment > self._now):
            left_out.append(LineError(line, "created_at", "This is no time of the past."))
            return None
        return moment

    def _meant(self, line: int, cells: Sequence[str], left_out: list[LineError]) -> "Said | LineError":
        """What the row says of consent, and of whether mail arrives."""
        value = self._cell(cells, "consent")
        withdrawn_at = self._cell(cells, "withdrawn_at")
        meanings = self._said(value, cells)
        if meanings is None:
            unknown = LineError(line, "consent", "Consent is yes, withdrawn, or empty.")
            if not withdrawn_at and not self._status_says_left(cells):
                return unknown
            left_out.append(unknown)
            meanings = {Meaning.WITHDRAWN}
        bounced_at = self._cell(cells, "bounced_at")
        is_refused = bool(withdrawn_at) or Meaning.WITHDRAWN in meanings
        bounced = None
        if bounced_at or Meaning.BOUNCED in meanings:
            bounced = read_moment(bounced_at) or self._now
        held_back = self._held_back(cells, meanings, is_refused=is_refused)
        if bounced:
            held_back = HELD_BACK["cleaned"]
        word: ConsentEvent | LineError | None = None
        if is_refused:
            said = Meaning.WITHDRAWN is self._meanings.get(plain_value(value))
            word = self._withdrawal(line, cells, withdrawn_at, left_out, is_dated=said)
        elif Meaning.GIVEN in meanings:
            word = self._giving(line, cells, left_out)
        if isinstance(word, LineError):
            if self._manner.found is HOMEMADE or self._manner.found.is_ours:
                return word
            left_out.append(word)
            word = None
        return Said(word, *held_back, bounced)

    def _said(self, value: str, cells: Sequence[str]) -> set[Meaning] | None:
        """All that the row says; None for a value of the consent's column that is not understood."""
        taken_as = self._manner.taken_as
        found = self._meanings.get(plain_value(value), None if value else Meaning.NOTHING)
        if taken_as is TakenAs.NONSUBSCRIBED and found in (Meaning.GIVEN, None):
            found = Meaning.NOTHING
        if found is None:
            return None
        said = {found}
        if taken_as is TakenAs.UNSUBSCRIBED:
            said.add(Meaning.WITHDRAWN)
        elif taken_as is TakenAs.CLEANED:
            said.add(Meaning.BOUNCED)
        elif taken_as is TakenAs.SUBSCRIBED or (
            self._manner.found.given_by_time and taken_as is None and self._cell(cells, "consent_at")
        ):
            said.add(Meaning.GIVEN)
        if "suppressions" in self._places:
            told = re.findall(r"[A-Z_]+", self._cell(cells, "suppressions").upper())
            said |= {_SUPPRESSED[reason] for reason in told if reason in _SUPPRESSED}
        if self._status_says_left(cells):
            said.add(Meaning.WITHDRAWN)
        return said

    def _status_says_left(self, cells: Sequence[str]) -> bool:
        """A list made by hand: that somebody left is a word, that somebody is on it is none.

        In our own exports the status follows from the consent, which has a column of its own.
        """
        status = USUAL.get(plain_value(self._cell(cells, "status")))
        return status is Meaning.WITHDRAWN and not self._manner.found.is_ours

    def _held_back(
        self, cells: Sequence[str], meanings: set[Meaning], *, is_refused: bool
    ) -> tuple[Deliverability, Lifecycle]:
        if Meaning.ARCHIVED in meanings:
            return HELD_BACK["archived"]
        status = self._cell(cells, "status").lower() if "status" in self._places else ""
        if status == "unsubscribed" and is_refused:
            return _NO_CONSENT  # the word alone tells
        return HELD_BACK.get(status, _NO_CONSENT)

    def _withdrawal(
        self, line: int, cells: Sequence[str], told_at: str, left_out: list[LineError], *, is_dated: bool
    ) -> ConsentEvent:
        """A refusal is kept whatever else is wrong; without a usable time it counts from now."""
        text = told_at or (self._cell(cells, "consent_at") if is_dated else "")
        moment = read_moment(text)
        if moment is not None and moment > self._now:
            moment = None
        if text and moment is None:
            left_out.append(
                LineError(
                    line, "consent_at", "This is no time of the past: the refusal counts from the import."
                )
            )
        reference = f"file {self._manner.file}"
        return ConsentEvent(
            kind=Consent.Kind.WITHDRAWN,
            at=moment or self._now,
            source=Consent.Source.IMPORT,
            reference=f"{reference} line {line}" if moment else reference,
            wording=self._optional(line, cells, "consent_text", left_out)[: ledger.LONGEST_WORDING],
            source_detail=self._optional(line, cells, "consent_source", left_out),
            actor=self._manner.actor,
            ip=self._ip(line, cells, left_out),
            is_undated=moment is None,
        )

    def _giving(self, line: int, cells: Sequence[str], left_out: list[LineError]) -> ConsentEvent | LineError:
        text = self._cell(cells, "consent_at")
        moment = read_moment(text) if text else self._manner.at
        if moment is None:
            return LineError(
                line, "consent_at", "A consent needs its time (consent_at), such as 2026-11-23T14:00:00Z."
            )
        word = ConsentEvent(
            kind=Consent.Kind.GIVEN,
            at=moment,
            source=Consent.Source.IMPORT,
            reference=f"file {self._manner.file} line {line}",
            wording=self._optional(line, cells, "consent_text", left_out) or self._manner.text,
            source_detail=self._optional(line, cells, "consent_source", left_out),
            actor=self._manner.actor,
            ip=self._ip(line, cells, left_out),
            # The row's own time says that the person said so then, after any earlier refusal. The file's time does not.
            is_proven=bool(text),
        )
        try:
            ledger.check(word)
        except Rejected as refused:
            return LineError(line, "consent", refused.message)
        return word

    def _optional(self, line: int, cells: Sequence[str], name: str, left_out: list[LineError]) -> str:
        text = self._cell(cells, name)
        try:
            self._check_clean(text)
        except Rejected as refused:
            left_out.append(LineError(line, name, refused.message))
            return ""
        return text

    def _ip(self, line: int, cells: Sequence[str], left_out: list[LineError]) -> str:
        text = self._cell(cells, "consent_ip")
        if text and not ledger.is_ip(text):
            left_out.append(LineError(line, "consent_ip", "This is not an IP address."))
            return ""
        return text


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says of consent, and what keeps its person from mail."""

    word: ConsentEvent | None = None
    deliverability: Deliverability = Deliverability.OK
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    bounced_at: datetime | None = None


def is_storable(text: str) -> bool:
    """Whether every database keeps the text: no zero byte, no half of a character."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


@lru_cache(maxsize=1024)
def read_moment(text: str) -> datetime | None:
    """The time in UTC, or None for what is none; without a zone it is UTC's, as exports are.

    Days with dots are the Continent's, day first. With slashes nobody can tell 3 April from 4 March: that is no time.
    """
    told = text.strip()
    if (parts := _ZONE.fullmatch(told)) is not None:
        zone = parts["zone"] if parts["zone"][0] in "+-" else "+00:00"
        told = parts["time"] + zone
    told = _YEAR_FIRST.sub(r"\1-\2-\3", _DAY_FIRST.sub(_with_year_first, told))
    try:
        moment = datetime.fromisoformat(told)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return _of_a_mail(text)
    return moment if moment.year >= EARLIEST else None


def _with_year_first(day: re.Match[str]) -> str:
    return f"{day[3]}-{day[2]:0>2}-{day[1]:0>2}"


def _of_a_mail(text: str) -> datetime | None:
    """A time as in the Date of a mail: Tue, 14 Jan 2025 10:00:00 +0000."""
    try:
        moment = parsedate_to_datetime(text) if _OF_A_MAIL.match(text) else None
        moment = moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment and moment.year >= EARLIEST else None


@lru_cache(maxsize=1024)
def plain_value(value: str) -> str:
    """A value as it is compared: capitals, accents, underscores and hyphens make no difference."""
    letters = [
        each for each in unicodedata.normalize("NFKD", value.lower()) if not unicodedata.combining(each)
    ]
    return " ".join("".join(letters).replace("_", " ").replace("-", " ").split())


@lru_cache(maxsize=64)
def _within(longest: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > longest:
            raise Rejected(f"This is longer than {longest} characters.", code="too_long")
        return text

    return check


@lru_cache(maxsize=1024)
def _tags(text: str) -> tuple[str, ...]:
    given = tags.split(text)
    if len(given) > MOST_TAGS:
        raise Rejected(f"These are {len(given)} tags. Give at most {MOST_TAGS}.", code="tags")
    return tuple(dict.fromkeys(tags.check_name(name) for name in given))
