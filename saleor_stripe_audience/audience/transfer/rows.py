"""Reads one row of an imported file.

An invalid cell is skipped and reported; the rest of its row is imported. A row is refused if it has no valid address,
if its cells have shifted, or if it has consent without proof. A withdrawal is always recorded, and so is a status that
blocks email, without such consent; from a row whose cells have shifted, only the withdrawal.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import pgettext_lazy

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
    DATES_GIVINGS,
    HOMEMADE,
    STATES,
    Format,
    TakenAs,
    plain_header,
)
from saleor_stripe_audience.audience.transfer.headers import (
    Kind,
    is_about_one_list,
    is_loose,
    is_reason,
    kind_of,
    lists_orders,
    may_have_statuses,
    names_statuses,
)
from saleor_stripe_audience.audience.transfer.meanings import (
    NULLS,
    STATUSES,
    UNMISTAKABLE,
    USUAL,
    Meaning,
    ends,
    is_damaged,
    is_denied,
    is_nothing,
    plain_value,
    read_event,
    read_status,
)
from saleor_stripe_audience.audience.transfer.moments import is_date, is_unclear, read_moment
from saleor_stripe_audience.audience.transfer.reading import LineError, Record
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

MAX_LENGTHS = {
    "first_name": 256,
    "last_name": 256,
    "phone": 128,
    "city": 256,
}  # characters, as Contact has them
MAX_TAGS = 50
MOST_STATUSES = 20  # in a column with an unknown name
LONGEST_STATUS = 40
_FLOAT = re.compile(r"(?<=\d{6})\.0$")  # a phone number that a program took for a number
_ORDER_NUMBER = re.compile(r"#(?:[^\W\d]|-)*+\d[\w-]*+")
_AROUND_ADDRESSES = " \"'`’‘“”„«»="  # as programs mark text, and people quote it
_COPIED_START = re.compile(r"^mailto:", re.IGNORECASE)
# Statuses in our own export: bounced, complained and archived contacts stay so after an import. A complaint has the
# status unsubscribed, with consent that was not withdrawn.
STATUS_FACTS = {
    "cleaned": (Deliverability.BOUNCED, Lifecycle.ACTIVE),
    "unsubscribed": (Deliverability.COMPLAINED, Lifecycle.ACTIVE),
    "archived": (Deliverability.OK, Lifecycle.ARCHIVED),
}
_SUPPRESSIONS = {
    "HARD_BOUNCE": Meaning.BOUNCED, "INVALID_EMAIL": Meaning.BOUNCED, "SPAM_COMPLAINT": Meaning.WITHDRAWN,
    "UNSUBSCRIBE": Meaning.WITHDRAWN, "UNSUBSCRIBED": Meaning.WITHDRAWN, "USER_SUPPRESSED": Meaning.WITHDRAWN,
}  # fmt: skip
DAMAGED = pgettext_lazy("staff", "A quotation mark is missing, or there is one too many.")
SHIFTED = pgettext_lazy(
    "staff", "The row has {cells} cells and the header {width}: an unquoted separator has shifted them."
)
ONLY_WITHDRAWAL = pgettext_lazy("staff", "{reason} Only the withdrawal was imported.")
DAMAGED_CELL = pgettext_lazy(
    "staff", "A spreadsheet has replaced the content of this cell, so it is left empty."
)
NOT_PAST = pgettext_lazy("staff", "This is not a time in the past.")
UNCLEAR_DATE = pgettext_lazy(
    "staff", "Choose whether the day or the month comes first in dates such as 04/03/2025."
)
UNKNOWN_CONSENT = pgettext_lazy("staff", "Consent is yes, withdrawn, or empty.")
WITHDRAWN_NOW = pgettext_lazy(
    "staff", "This is not a time in the past: the withdrawal takes effect at the time of the import."
)
BOUNCED_NOW = pgettext_lazy(
    "staff", "This is not a time in the past: the bounce takes effect at the time of the import."
)
UNKNOWN_EVENT = pgettext_lazy(
    "staff",
    "“{value}” in the column “{column}” is neither a date nor yes or no. The row gives no consent, and no withdrawal "
    "was recorded. If the person unsubscribed, write “yes”; otherwise, empty the cell.",
)
NOT_USED = pgettext_lazy(
    "staff",
    "The column “{column}” is not used, but says “{value}”: this looks as if the person had not subscribed, so the row "
    "gives no consent.",
)
UNKNOWN_STATUS = pgettext_lazy(
    "staff",
    "The status “{status}” is not known, so it was ignored. If it means that the person unsubscribed, write "
    "“unsubscribed”.",
)
NOT_SUBSCRIBED = pgettext_lazy(
    "staff", "The row says that the person has not subscribed, so it gives no consent."
)
UNDATED_CONSENT = pgettext_lazy("staff", "Consent needs its time (consent_at), such as 2026-11-23T14:00:00Z.")
NOT_AN_IP = pgettext_lazy("staff", "This is not an IP address.")
_OBJECTIONS = frozenset({Kind.WITHDRAWAL, Kind.BOUNCE, Kind.OBJECTION, Kind.DISABLED})
_STATES = frozenset({Kind.STATUS, Kind.SUBSCRIBED, Kind.ALLOWED})
_NO_RESTRICTION = (Deliverability.OK, Lifecycle.ACTIVE)


class Event(NamedTuple):
    """A cell that says that something happened, such as unsubscribing, or when; or that is not understood."""

    field: str
    column: str
    text: str
    meaning: Meaning


class Row(NamedTuple):
    """The data of one row. `deliverability` and `lifecycle` are for new contacts, `bounced_at` for all.

    `left_out` are the invalid cells. With `is_repeated` an earlier row has the same address.
    """

    line: int
    email: str
    profile: Mapping[str, str]
    tags: tuple[str, ...]
    event: ConsentEvent | None
    deliverability: Deliverability = Deliverability.OK
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    bounced_at: datetime | None = None
    created_at: datetime | None = None
    left_out: tuple[LineError, ...] = ()
    is_repeated: bool = False

    @property
    def contradicts_status(self) -> bool:
        """Whether it gives consent although its own status blocks email."""
        return self.is_restricted and self.event is not None and self.event.kind == Consent.Kind.GIVEN

    @property
    def is_restricted(self) -> bool:
        """Whether its own status blocks email."""
        return (self.deliverability, self.lifecycle) != _NO_RESTRICTION


@dataclass(frozen=True, slots=True)
class RowOptions:
    """How to read the rows of one file.

    `text`, `at` and `source` are the default wording, time and place of consent; `actor` is who imports. `file` is the
    file's digest: with the line it is the reference of a consent event. `meanings` are values chosen by the merchant;
    all people get the `tags`.
    """

    text: str = ""
    source: str = ""
    tags: tuple[str, ...] = ()
    actor: str = ""
    file: str = ""
    at: datetime | None = None
    found: Format = HOMEMADE
    taken_as: TakenAs | None = None
    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    is_clean: bool = True
    dates: str = ""


class RowReader:
    """Reads the rows of one file."""

    def __init__(self, columns: Columns, options: RowOptions, start: Sequence[Record] = ()) -> None:
        """`start` are the file's first rows."""
        self._options = options
        self._is_ours = options.found.is_ours
        self._places = columns.places
        self._header = columns.header
        self._unused = columns.unused
        kinds = dict(enumerate(map(kind_of, columns.header)))
        self._answers = {place for place, kind in kinds.items() if kind in (Kind.SUBSCRIBED, Kind.ALLOWED)}
        self._loose = {
            place
            for place, name in enumerate(columns.header)
            if (place in self._answers and is_loose(name)) or plain_header(name) in STATES
        }
        others = [place for place, kind in columns.unused.items() if kind is Kind.OTHER]
        self._others_with_statuses = {
            place: names_statuses(columns.header[place])
            for place in others
            if not lists_orders(columns.header)
            and may_have_statuses(columns.header[place])
            and _look_like_statuses(place, start)
        }
        self._width = len(columns.header)
        self._dates_givings = any(
            plain_header(columns.header[place]) in DATES_GIVINGS
            for place in columns.places.get("consent_at", ())
        )
        self._now = timezone.now()
        self._meanings = {**USUAL, **options.found.values, **options.meanings}
        self._split_tags = tags.split if self._is_ours else tags.split_list
        self._unescape = unescape if options.found.is_ours else unescape_start
        self._has_consent = options.taken_as is not None or any(
            each in columns.places
            for each in ("consent", "status", "withdrawn_at", "bounced_at", "suppressions")
        )
        self._has_consent |= options.found.given_by_time
        checks: dict[str, Callable[[str], str]] = {"country": check_country, "language": check_language}
        self._profile = [
            (name, checks.get(name) or _length_check(MAX_LENGTHS[name]))
            for name in ("country", "first_name", "last_name", "phone", "city", "language")
            if name in columns.places
        ]

    def read(self, record: Record) -> Row | LineError:
        """Return the row, or the reason why it is refused."""
        line, cells, is_damaged = record
        if is_damaged:
            error = LineError(line, "row", DAMAGED)
            return self._withdrawal_only(error, cells)
        if len(cells) > self._width and any(cells[self._width :]):
            message = with_values(SHIFTED, cells=len(cells), width=self._width)
            return self._withdrawal_only(LineError(line, "row", message), cells)
        try:
            email = self._email(self._cell(cells, "email"))
        except Rejected as error:
            return LineError(line, "email", error.translatable)
        left_out: list[LineError] = []
        profile = self._read_profile(line, cells, left_out)
        consent = self._read_consent(line, cells, left_out) if self._has_consent else RowConsent()
        if isinstance(consent, LineError):
            return self._withdrawal_only(consent, cells, email) if consent.field == "consent" else consent
        names = self._tags(line, cells, left_out)
        if isinstance(names, LineError):
            if not consent.blocks_email:
                return names
            left_out.append(names)
            names = ()
        return Row(
            line, email, profile, names, consent.event, consent.deliverability, consent.lifecycle,
            consent.bounced_at, self._created_at(line, cells, left_out), tuple(left_out),
        )  # fmt: skip

    def _withdrawal_only(self, error: LineError, cells: Sequence[str], email: str = "") -> Row | LineError:
        """Return only the withdrawal from a row that cannot be imported, if it is clear whose it is."""
        email = email or self._only_email(cells)
        if not email or not self._has_withdrawal(cells):
            return error
        error = replace(error, message=with_values(ONLY_WITHDRAWAL, reason=error.message))
        event = ConsentEvent(
            kind=Consent.Kind.WITHDRAWN,
            at=self._now,
            source=Consent.Source.IMPORT,
            reference=f"file {self._options.file}",
            actor=self._options.actor,
            is_undated=True,
        )
        return Row(error.line, email, {}, (), event, left_out=(error,))

    def _only_email(self, cells: Sequence[str]) -> str:
        """Return the address in the first cell, which cannot shift, or else the only address in the row.

        The only address counts where its column is or has shifted to: elsewhere it is another person's.
        """
        at = self._places["email"][0]
        if at == 0 and (first := self._email_or_none(cells[0])):
            return first
        found = {place: email for place, cell in enumerate(cells) if (email := self._email_or_none(cell))}
        is_theirs = at in found or at + max(len(cells) - self._width, 0) in found
        return next(iter(found.values())) if is_theirs and len(set(found.values())) == 1 else ""

    def _has_withdrawal(self, cells: Sequence[str]) -> bool:
        """Whether a row has a withdrawal, even if its cells have shifted."""
        if self._options.taken_as is TakenAs.UNSUBSCRIBED:
            return True
        chosen = {value for value, meaning in self._options.meanings.items() if meaning is Meaning.WITHDRAWN}
        if any(plain_value(cell) in UNMISTAKABLE or plain_value(cell) in chosen for cell in cells):
            return True
        if any(self._is_withdrawn(cell) for cell in self._certain_cells(cells, "consent")):
            return True
        return any(
            is_date(cell) and self._moment(cell) is not None
            for cell in self._certain_cells(cells, "withdrawn_at")
        )

    def _is_withdrawn(self, cell: str) -> bool:
        return self._meanings.get(plain_value(cell)) is Meaning.WITHDRAWN

    def _certain_cells(self, cells: Sequence[str], name: str) -> Iterator[str]:
        """Yield the cells whose position is certain: before or after the address, or the last one of all."""
        shift = len(cells) - self._width
        at = self._places["email"][0]
        for place in self._places.get(name, ()):
            if place == self._width - 1 and shift >= 0:
                yield cells[-1].strip()
            elif place < at < len(cells) and self._email_or_none(cells[at]):
                yield cells[place].strip()
            elif shift > 0 and place > at and self._email_or_none(cells[at + shift]):
                yield cells[place + shift].strip()

    def _cell(self, cells: Sequence[str], name: str) -> str:
        return next(self._placed_cells(cells, name), (0, ""))[1]

    def _cells(self, cells: Sequence[str], name: str) -> Iterator[str]:
        """Yield what the field's columns contain, without empty ones."""
        return (text for _place, text in self._placed_cells(cells, name))

    def _placed_cells(self, cells: Sequence[str], name: str) -> Iterator[tuple[int, str]]:
        for place in self._places.get(name, ()):
            if place < len(cells) and (text := cells[place].strip()) and (self._is_ours or text not in NULLS):
                if self._is_ours and name in MAX_LENGTHS:
                    yield place, unescape(cells[place])  # with its outer white space, as it was exported
                else:
                    yield place, self._unescape(text).strip() if "'" in text else text

    def _events(self, cells: Sequence[str]) -> list[Event]:
        """Return what the columns say that are named after unsubscribing or bouncing, without those that say no."""
        found = []
        for name in ("withdrawn_at", "bounced_at"):
            for place, text in self._placed_cells(cells, name):
                meaning = self._event_meaning(place, text, is_bounce=name == "bounced_at")
                found.append(Event(name, self._header[place], text, meaning))
        for place, text in self._placed_cells(cells, "suppressions"):
            reasons = set(re.findall(r"[A-Z_]+", text.upper())) if not is_nothing(text) else set()
            found += [
                Event("suppressions", self._header[place], text, _SUPPRESSIONS.get(reason, Meaning.UNKNOWN))
                for reason in reasons
            ]
        return [each for each in found if each.meaning is not Meaning.NOTHING]

    def _event_meaning(self, place: int, text: str, *, is_bounce: bool) -> Meaning:
        if self._options.meanings.get(plain_value(text)) is Meaning.WITHDRAWN:
            return Meaning.WITHDRAWN
        return read_event(text, is_bounce=is_bounce, is_reason=is_reason(self._header[place]))

    def _when(self, events: Sequence[Event], meaning: Meaning) -> str:
        """Return the text that says when it happened; of several, the first with a time."""
        texts = [each.text for each in events if each.meaning is meaning]
        dates = [text for text in texts if is_date(text)]
        return next(filter(self._moment, dates), next(iter(dates), ""))

    def _email(self, text: str) -> str:
        try:
            self._check_clean(text)
            address = text.rpartition("<")[2].removesuffix(">") if text.endswith(">") else text
            address = address.strip() if self._is_ours else address.strip(_AROUND_ADDRESSES)
            return normalize_email(_COPIED_START.sub("", address).rstrip(".,;"))
        except Rejected:
            raise Rejected(
                pgettext_lazy("staff", "This is not an email address."), code="email_invalid"
            ) from None

    def _email_or_none(self, text: str) -> str | None:
        try:
            return self._email(text.strip()) if "@" in text else None
        except Rejected:
            return None

    def _check_clean(self, text: str) -> None:
        """`Rejected` for what a spreadsheet has damaged, and for text that databases refuse: a zero byte, a lone
        surrogate, bytes of another encoding.
        """
        if is_damaged(text):
            raise Rejected(DAMAGED_CELL, code="characters")
        if not self._options.is_clean and (not is_storable(text) or "\N{REPLACEMENT CHARACTER}" in text):
            raise Rejected(
                pgettext_lazy("staff", "This contains invalid characters. Save the file as CSV in UTF-8."),
                code="characters",
            )

    def _read_profile(self, line: int, cells: Sequence[str], left_out: list[LineError]) -> dict[str, str]:
        profile: dict[str, str] = {}
        for name, check in self._profile:
            text = self._cell(cells, name)
            if text:
                try:
                    self._check_clean(text)
                    profile[name] = check(_FLOAT.sub("", text) if name == "phone" else text)
                except Rejected as error:
                    left_out.append(LineError(line, name, error.translatable))
        if "name" in self._places and "first_name" not in profile and "last_name" not in profile:
            self._split_name(line, cells, profile, left_out)
        return profile

    def _split_name(
        self, line: int, cells: Sequence[str], profile: dict[str, str], left_out: list[LineError]
    ) -> None:
        """Split a column with the full name: the first name ends at the first space."""
        text = self._cell(cells, "name")
        if _ORDER_NUMBER.fullmatch(text):
            return
        try:
            self._check_clean(text)
            first, _, last = " ".join(text.split()).partition(" ")
            for name, value in (("first_name", first), ("last_name", last)):
                if value:
                    profile[name] = _length_check(MAX_LENGTHS[name])(value)
        except Rejected as error:
            left_out.append(LineError(line, "name", error.translatable))

    def _tags(
        self, line: int, cells: Sequence[str], left_out: list[LineError]
    ) -> tuple[str, ...] | LineError:
        text = self._cell(cells, "tags")
        if is_damaged(text):
            left_out.append(LineError(line, "tags", DAMAGED_CELL))
            text = ""
        try:
            self._check_clean(text)
            own = read_tags(text, self._split_tags) if text else ()
            return tuple(dict.fromkeys((*own, *self._options.tags))) if self._options.tags else own
        except Rejected as error:
            return LineError(line, "tags", error.translatable)

    def _moment(self, text: str) -> datetime | None:
        return read_moment(text, self._options.dates)

    def _is_unclear(self, text: str) -> bool:
        return not self._options.dates and is_unclear(text)

    def _created_at(self, line: int, cells: Sequence[str], left_out: list[LineError]) -> datetime | None:
        text = self._cell(cells, "created_at")
        moment = self._moment(text) if text else None
        if text and (moment is None or moment > self._now):
            reason = UNCLEAR_DATE if self._is_unclear(text) else NOT_PAST
            left_out.append(LineError(line, "created_at", reason))
            return None
        return moment

    def _read_consent(
        self, line: int, cells: Sequence[str], left_out: list[LineError]
    ) -> "RowConsent | LineError":
        """Return the row's consent, and whether email reaches the person."""
        value = self._cell(cells, "consent")
        events = self._events(cells)
        meanings = self._read_meanings(value, cells)
        is_unknown = Meaning.UNKNOWN in meanings
        meanings |= {each.meaning for each in events if each.meaning is not Meaning.UNKNOWN}
        is_withdrawn = Meaning.WITHDRAWN in meanings
        bounced = self._bounce(line, events, left_out) if Meaning.BOUNCED in meanings else None
        if not is_withdrawn and not bounced:
            not_understood = [
                _unknown_event(line, each) for each in events if each.meaning is Meaning.UNKNOWN
            ]
            if not not_understood and Meaning.GIVEN in meanings:
                not_understood = [*self._contrary_status(line, cells), *self._objections(line, cells)]
            left_out += not_understood
            meanings -= {Meaning.GIVEN} if not_understood else set()
        left_out += self._ignored_statuses(line, cells, is_withdrawn=is_withdrawn)
        facts = self._status_facts(cells, meanings, is_withdrawn=is_withdrawn)
        if bounced:
            facts = STATUS_FACTS["cleaned"]
        event: ConsentEvent | LineError | None = None
        if is_withdrawn:
            is_dated = Meaning.WITHDRAWN is self._meanings.get(plain_value(value))
            left_out += [LineError(line, "consent", UNKNOWN_CONSENT)] if is_unknown else []
            withdrawn_at = self._when(events, Meaning.WITHDRAWN)
            event = self._withdrawal(line, cells, withdrawn_at, left_out, is_dated=is_dated)
        elif is_unknown:
            event = LineError(line, "consent", UNKNOWN_CONSENT)
        elif Meaning.GIVEN in meanings:
            event = self._given(line, cells, left_out)
        if isinstance(event, LineError):
            is_strict = is_unknown or self._options.found is HOMEMADE or self._options.found.is_ours
            if is_strict and facts == _NO_RESTRICTION:
                return event
            left_out.append(event)
            event = None
        return RowConsent(event, *facts, bounced)

    def _bounce(self, line: int, events: Sequence[Event], left_out: list[LineError]) -> datetime:
        """Return when email to the person bounced; without a valid time, it counts from now."""
        text = self._when(events, Meaning.BOUNCED)
        moment = self._moment(text)
        if text and moment is None:
            left_out.append(LineError(line, "bounced_at", BOUNCED_NOW))
        return moment or self._now

    def _read_meanings(self, value: str, cells: Sequence[str]) -> set[Meaning]:
        """Return all meanings in the row."""
        taken_as = self._options.taken_as
        found = self._meanings.get(plain_value(value))
        if found is None:
            found = Meaning.NOTHING if is_nothing(value) else Meaning.UNKNOWN
        if taken_as is TakenAs.NONSUBSCRIBED and found in (Meaning.GIVEN, Meaning.UNKNOWN):
            found = Meaning.NOTHING
        meanings = {found}
        if taken_as is TakenAs.UNSUBSCRIBED:
            meanings.add(Meaning.WITHDRAWN)
        elif taken_as is TakenAs.CLEANED:
            meanings.add(Meaning.BOUNCED)
        elif taken_as is TakenAs.SUBSCRIBED:
            if not self._is_denied(cells):
                meanings.add(Meaning.GIVEN)
        elif self._options.found.given_by_time and taken_as is None and self._cell(cells, "consent_at"):
            meanings.add(Meaning.GIVEN)
        all_values = (cells[place] for place in self._places.get("consent", ()) if place < len(cells))
        if self._has_status(cells, Meaning.WITHDRAWN) or any(map(self._is_withdrawn, all_values)):
            meanings.add(Meaning.WITHDRAWN)
        return meanings

    def _contrary_status(self, line: int, cells: Sequence[str]) -> Iterator[LineError]:
        """Yield why a status prevents the consent in its own row: such as pending. It may be another list's."""
        if self._options.taken_as is TakenAs.SUBSCRIBED or self._is_ours or "status" not in self._places:
            return
        for place, text in self._placed_cells(cells, "status"):
            is_unknown = self._status_meaning(place, text) is Meaning.UNKNOWN
            if (is_unknown or is_denied(text)) and not is_about_one_list(self._header[place]):
                yield LineError(line, "consent", NOT_SUBSCRIBED)

    def _objections(self, line: int, cells: Sequence[str]) -> Iterator[LineError]:
        """Yield why columns that are not used prevent the row's consent: their values contradict it."""
        for place, kind in self._unused.items():
            text = cells[place].strip() if place < len(cells) else ""
            if text and text not in NULLS and self._objects(place, kind, text):
                message = with_values(NOT_USED, column=self._header[place][:50], value=text[:50])
                yield LineError(line, "consent", message)

    def _objects(self, place: int, kind: Kind, text: str) -> bool:
        if self._options.meanings.get(plain_value(text)) is Meaning.GIVEN:
            return False
        # Other words may be about another list or account: they only contradict what is said of the whole file.
        is_said_of_all = self._options.taken_as is TakenAs.SUBSCRIBED
        if kind in _OBJECTIONS:
            meaning = self._event_meaning(place, text, is_bounce=kind is Kind.BOUNCE)
            return (is_said_of_all or kind is not Kind.DISABLED) and meaning is not Meaning.NOTHING
        if kind in _STATES:
            is_contrary = self._status_meaning(place, text) not in (Meaning.GIVEN, Meaning.NOTHING)
            return (is_contrary and (is_said_of_all or kind is not Kind.ALLOWED)) or (
                is_said_of_all and is_denied(text)
            )
        if kind is Kind.HINT:
            return is_said_of_all and is_denied(text)
        return is_said_of_all and self._ends(place, text)

    def _ends(self, place: int, text: str) -> bool:
        """Whether a cell says that a subscription ended, in a column whose name says nothing about it."""
        is_status = self._others_with_statuses.get(place)
        return plain_value(text) in UNMISTAKABLE or (
            is_status is not None and ends(text, is_status=is_status)
        )

    def _is_denied(self, cells: Sequence[str]) -> bool:
        """Whether the row says that the person has not subscribed, such as `pending`: then the whole file's kind does
        not apply to it.
        """
        says = [*self._cells(cells, "consent"), *self._statuses(cells)]
        return any(map(is_denied, says)) or bool(self._unknown_status(cells))

    def _has_status(self, cells: Sequence[str], meaning: Meaning) -> bool:
        """Whether the status is a withdrawal or a bounce. A subscribed status gives no consent.

        In our own exports the status follows from the consent, which has its own column.
        """
        return meaning in self._statuses(cells).values()

    def _statuses(self, cells: Sequence[str]) -> dict[str, Meaning]:
        """Return what each status in the row means."""
        if self._is_ours or "status" not in self._places:
            return {}
        return {
            status: self._status_meaning(place, status)
            for place, status in self._placed_cells(cells, "status")
            if plain_value(status) in STATUSES or not is_nothing(status)
        }

    def _status_meaning(self, place: int, status: str) -> Meaning:
        """Return what a status means. An unknown one is nothing where other things than statuses are usual."""
        chosen = self._options.meanings.get(plain_value(status))
        return chosen or read_status(status, is_answer=place in self._answers, is_loose=place in self._loose)

    def _unknown_status(self, cells: Sequence[str]) -> str:
        """Return a status that may be a withdrawal or a bounce by another name; empty if there is none."""
        unknown = (status for status, meaning in self._statuses(cells).items() if meaning is Meaning.UNKNOWN)
        return next((status for status in unknown if status.lower() not in STATUS_FACTS), "")

    def _ignored_statuses(
        self, line: int, cells: Sequence[str], *, is_withdrawn: bool
    ) -> Iterator[LineError]:
        """Yield why a status in the row, or the kind of the whole file, does not apply to the person."""
        if status := self._unknown_status(cells):
            yield LineError(line, "status", with_values(UNKNOWN_STATUS, status=status[:50]))
        if self._options.taken_as is TakenAs.SUBSCRIBED and not is_withdrawn and self._is_denied(cells):
            yield LineError(line, "consent", NOT_SUBSCRIBED)

    def _status_facts(
        self, cells: Sequence[str], meanings: set[Meaning], *, is_withdrawn: bool
    ) -> tuple[Deliverability, Lifecycle]:
        if Meaning.ARCHIVED in meanings:
            return STATUS_FACTS["archived"]
        if self._has_status(cells, Meaning.BOUNCED):
            return STATUS_FACTS["cleaned"]
        status = self._cell(cells, "status").lower() if "status" in self._places else ""
        if status == "unsubscribed" and is_withdrawn:
            return _NO_RESTRICTION  # the event alone decides
        return STATUS_FACTS.get(status, _NO_RESTRICTION)

    def _withdrawal(
        self, line: int, cells: Sequence[str], withdrawn_at: str, left_out: list[LineError], *, is_dated: bool
    ) -> ConsentEvent:
        """Return the withdrawal, which is recorded whatever else is wrong; without a valid time it counts from now."""
        text = withdrawn_at or (self._consent_time(cells) if is_dated else "")
        moment = self._moment(text)
        if moment is not None and moment > self._now:
            moment = None
        if text and moment is None:
            left_out.append(LineError(line, "consent_at", WITHDRAWN_NOW))
        reference = f"file {self._options.file}"
        return ConsentEvent(
            kind=Consent.Kind.WITHDRAWN,
            at=moment or self._now,
            source=Consent.Source.IMPORT,
            reference=f"{reference} line {line}" if moment else reference,
            wording=self._optional(line, cells, "consent_text", left_out)[: ledger.MAX_WORDING_LENGTH],
            source_detail=self._optional(line, cells, "consent_source", left_out),
            actor=self._options.actor,
            ip=self._ip(line, cells, left_out),
            is_undated=moment is None,
        )

    def _consent_time(self, cells: Sequence[str]) -> str:
        """Return when the row's consent changed, if no column says that this was when it was given."""
        return "" if self._dates_givings else self._cell(cells, "consent_at")

    def _given(self, line: int, cells: Sequence[str], left_out: list[LineError]) -> ConsentEvent | LineError:
        text = self._cell(cells, "consent_at") if self._options.found.dates_givings else ""
        moment = self._moment(text) if text else self._options.at
        if moment is None:
            why = UNCLEAR_DATE if self._is_unclear(text) else UNDATED_CONSENT
            return LineError(line, "consent_at", why)
        if moment > self._now:
            return LineError(line, "consent_at", NOT_PAST)
        event = ConsentEvent(
            kind=Consent.Kind.GIVEN,
            at=moment,
            source=Consent.Source.IMPORT,
            reference=f"file {self._options.file} line {line}",
            wording=self._optional(line, cells, "consent_text", left_out) or self._options.text,
            source_detail=self._optional(line, cells, "consent_source", left_out) or self._options.source,
            actor=self._options.actor,
            ip=self._ip(line, cells, left_out),
        )
        try:
            ledger.check(event)
        except Rejected as error:
            return LineError(line, "consent", error.translatable)
        return event

    def _optional(self, line: int, cells: Sequence[str], name: str, left_out: list[LineError]) -> str:
        text = self._cell(cells, name)
        try:
            self._check_clean(text)
        except Rejected as error:
            left_out.append(LineError(line, name, error.translatable))
            return ""
        return text

    def _ip(self, line: int, cells: Sequence[str], left_out: list[LineError]) -> str:
        text = self._cell(cells, "consent_ip")
        if text and not ledger.is_ip(text):
            left_out.append(LineError(line, "consent_ip", NOT_AN_IP))
            return ""
        return text


def _unknown_event(line: int, event: Event) -> LineError:
    message = with_values(UNKNOWN_EVENT, value=event.text[:50], column=event.column[:50])
    return LineError(line, event.field, message)


class RowConsent(NamedTuple):
    """A row's consent, and facts that block email."""

    event: ConsentEvent | None = None
    deliverability: Deliverability = Deliverability.OK
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    bounced_at: datetime | None = None

    @property
    def blocks_email(self) -> bool:
        """Whether the row has to be imported, whatever else is wrong with it."""
        is_withdrawn = self.event is not None and self.event.kind == Consent.Kind.WITHDRAWN
        return is_withdrawn or (self.deliverability, self.lifecycle) != _NO_RESTRICTION


def is_storable(text: str) -> bool:
    """Whether databases accept the text: no zero bytes and no lone surrogates."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _look_like_statuses(place: int, rows: Sequence[Record]) -> bool:
    """Whether the column has few distinct and short values: not free text, such as names or notes."""
    values = {plain_value(each.cells[place]) for each in rows if place < len(each.cells)}
    return len(values) <= MOST_STATUSES and all(len(each) <= LONGEST_STATUS for each in values)


@lru_cache(maxsize=64)
def _length_check(max_length: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > max_length:
            raise Rejected(
                with_values(
                    pgettext_lazy("staff", "This is longer than {longest} characters."),
                    longest=max_length,
                ),
                code="too_long",
            )
        return text

    return check


@lru_cache(maxsize=1024)
def read_tags(text: str, split: Callable[[str], list[str]] = tags.split) -> tuple[str, ...]:
    """Return the tags of a text. `Rejected` for too many of them, or one that is too long."""
    names = split(text)
    if len(names) > MAX_TAGS:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "There are {count} tags. Give at most {most}."),
                count=len(names),
                most=MAX_TAGS,
            ),
            code="tags",
        )
    return tuple(dict.fromkeys(tags.check_name(name) for name in names))
