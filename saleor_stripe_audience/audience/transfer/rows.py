"""One row of an imported file, read into what is to be kept, or refused field by field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from saleor_stripe_audience.audience import consent
from saleor_stripe_audience.audience.addresses import normalised
from saleor_stripe_audience.audience.consent import Word
from saleor_stripe_audience.audience.models import Consent
from saleor_stripe_audience.audience.status import Deliverability, Lifecycle
from saleor_stripe_audience.audience.transfer.cells import as_written
from saleor_stripe_audience.audience.transfer.countries import COUNTRIES
from saleor_stripe_audience.audience.transfer.reading import LineError
from saleor_stripe_audience.errors import Rejected

GIVEN = frozenset({"true", "yes", "1", "on", "given", "subscribed", "confirmed"})
WITHDRAWN = frozenset({"withdrawn", "unsubscribed"})
# A box that was not ticked is no withdrawal: whoever said yes elsewhere has not taken it back.
SAYS_NOTHING = frozenset({"", "unknown", "pending", "nonsubscribed", "none", "false", "no", "0", "off"})
LONGEST = {
    "first_name": 256,
    "last_name": 256,
    "phone": 128,
    "language": 35,
}  # characters, as Contact has them
MOST_TAGS = 50
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*")
# As our own export writes them: whose mail bounced, who complained and who was filed away stays so in a new place.
# The status of a complaint is unsubscribed, with a consent that was given.
HELD_BACK = {
    "cleaned": (Deliverability.BOUNCED, Lifecycle.ACTIVE),
    "unsubscribed": (Deliverability.COMPLAINED, Lifecycle.ACTIVE),
    "archived": (Deliverability.OK, Lifecycle.ARCHIVED),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says of a person; the last two are for who is new."""

    line: int
    email: str
    profile: Mapping[str, str]
    tags: tuple[str, ...]
    word: Word | None
    deliverability: Deliverability = Deliverability.OK
    lifecycle: Lifecycle = Lifecycle.ACTIVE

    @property
    def lifts_against_its_status(self) -> bool:
        """Whether it says yes of somebody whom its own status keeps from mail."""
        is_held_back = (self.deliverability, self.lifecycle) != (Deliverability.OK, Lifecycle.ACTIVE)
        return is_held_back and self.word is not None and self.word.kind == Consent.Kind.GIVEN


@dataclass(frozen=True)
class RowReader:
    """Reads rows of one file. `text` is the wording of consents whose row brings none; `actor` who imports.

    `file` is the file's digest: with the line it says where a consent is written.
    """

    places: Mapping[str, int]
    text: str
    actor: str
    file: str

    def read(self, line: int, cells: Sequence[str]) -> Row | LineError:
        """The row, or what is wrong with it first."""
        field = "email"
        try:
            email = self._email(cells)
            field = "country"
            profile = {"country": self._country(cells)}
            for field in ("first_name", "last_name", "phone", "language"):
                profile[field] = self._text(cells, field)
            field = "tags"
            tags = self._tags(cells)
            field = "consent"
            word = self._word(line, cells)
        except Rejected as refused:
            return LineError(line, field, refused.message)
        told = {name: value for name, value in profile.items() if value}
        return Row(line, email, told, tags, word, *self._facts(cells, word))

    def _cell(self, cells: Sequence[str], field: str) -> str:
        place = self.places.get(field)
        if place is None or place >= len(cells):
            return ""
        text = cells[place].strip()
        return as_written(text).strip() if text[:1] == "'" else text

    def _facts(self, cells: Sequence[str], word: Word | None) -> tuple[Deliverability, Lifecycle]:
        status = self._cell(cells, "status").lower()
        said_yes = word is not None and word.kind == Consent.Kind.GIVEN
        if status == "unsubscribed" and not said_yes:
            return Deliverability.OK, Lifecycle.ACTIVE  # the word alone tells
        return HELD_BACK.get(status, (Deliverability.OK, Lifecycle.ACTIVE))

    def _email(self, cells: Sequence[str]) -> str:
        try:
            return normalised(self._cell(cells, "email"))
        except Rejected:
            raise Rejected("This is no e-mail address.", code="email_invalid") from None

    def _country(self, cells: Sequence[str]) -> str:
        code = self._cell(cells, "country").upper()
        if code and code not in COUNTRIES:
            raise Rejected("Give the country in two letters that a country has, such as FR.", code="country")
        return code

    def _text(self, cells: Sequence[str], field: str) -> str:
        text = self._cell(cells, field)
        longest = LONGEST[field]
        if len(text) > longest:
            raise Rejected(f"This is longer than {longest} characters.", code="too_long")
        if field != "language" or not text:
            return text
        tag = text.replace("_", "-").lower()
        if not LANGUAGE.fullmatch(tag):
            raise Rejected("Give the language as a tag, such as en or fr-ca.", code="language")
        return tag

    def _tags(self, cells: Sequence[str]) -> tuple[str, ...]:
        return _tags(self._cell(cells, "tags"))

    def _word(self, line: int, cells: Sequence[str]) -> Word | None:
        said = self._cell(cells, "consent").lower()
        if said in SAYS_NOTHING:
            return None
        if said not in GIVEN | WITHDRAWN:
            raise Rejected("Consent is yes, withdrawn, or empty.", code="consent")
        word = Word(
            kind=Consent.Kind.GIVEN if said in GIVEN else Consent.Kind.WITHDRAWN,
            at=_moment(self._cell(cells, "consent_at")),
            source=Consent.Source.IMPORT,
            reference=f"file {self.file} line {line}",
            wording=self._cell(cells, "consent_text") or (self.text if said in GIVEN else ""),
            source_detail=self._cell(cells, "consent_source"),
            actor=self.actor,
            ip=self._cell(cells, "consent_ip"),
        )
        consent.check(word)
        return word


@lru_cache(maxsize=1024)
def _tags(text: str) -> tuple[str, ...]:
    """`"VIP","Summer"` as Mailchimp writes them, or VIP, Summer."""
    names = [name.strip().strip('"').strip() for name in text.split(",")]
    given = tuple(dict.fromkeys(name for name in names if name))
    if len(given) > MOST_TAGS or any(len(name) > 100 or not name.isprintable() for name in given):  # noqa: PLR2004 - a tag's longest name
        raise Rejected(f"Give at most {MOST_TAGS} tags of at most 100 characters.", code="tags")
    return given


def _moment(text: str) -> datetime:
    """When it was said; a date without a zone is UTC's, as Mailchimp's exports are."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Rejected(
            "A consent needs its time (consent_at), such as 2026-11-23T14:00:00Z.", code="consent_at"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
