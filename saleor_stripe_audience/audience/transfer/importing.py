"""Contacts of a CSV file, some thousand at a time.

An import never lifts or lowers anybody without a word in the ledger. What is known of somebody stays: an import fills
in what is empty. The same file twice is once. Whoever was erased is left out and counted.
"""

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import batched
from typing import Any, BinaryIO, Protocol
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people import bulk
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.changes import mark_all_changed
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactTag, FormerAddress
from saleor_stripe_audience.audience.people.status import Deliverability, Lifecycle, status_of
from saleor_stripe_audience.audience.privacy import tombstones
from saleor_stripe_audience.audience.transfer.columns import Columns, read_columns
from saleor_stripe_audience.audience.transfer.formats import Format, Meaning, TakenAs, recognize, taken_as
from saleor_stripe_audience.audience.transfer.reading import (
    Form,
    LineError,
    Record,
    check_readable,
    look_at,
    rows_of,
)
from saleor_stripe_audience.audience.transfer.rows import Manner, Row, RowReader, plain_value
from saleor_stripe_audience.errors import Rejected

AT_ONCE = 5_000
MOST_ERRORS = 1_000  # told one by one; beyond that they are only counted
DIGEST_BYTES = 8
FILLED_IN = ("first_name", "last_name", "phone", "city", "country", "language")
_BLANK = ("",) * len(FILLED_IN)
NEW_CONTACT = (
    "id", "audience_id", "email", *FILLED_IN, "consent", "soft_opt_in", "deliverability", "lifecycle", "known_at",
    "orders_count", "created_at", "updated_at",
)  # fmt: skip

Progress = Callable[[int], None]


class Keeper(Protocol):
    """Keeps how far an import is; see `import_job`."""

    @property
    def after(self) -> int: ...

    def save_progress(self, report: "Report", line: int) -> bool: ...

    def finish(self, report: "Report") -> None: ...


class _Forgetful:
    """Keeps nothing: the import is all or begun anew."""

    after = 0

    def save_progress(self, _report: "Report", _line: int) -> bool:
        return True

    def finish(self, _report: "Report") -> None: ...


def _keeps_nothing(_digest: str, _rows: int) -> Keeper:
    return _Forgetful()


@dataclass
class FileReport:
    """How the file was understood: whose export it is, and which of its columns were read.

    `defaulted` are fields that rows without a value of their own took from the import's own choices.
    """

    format: str = ""
    encoding: str = ""
    separator: str = ""
    taken_as: str = ""
    used: dict[str, list[str]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    defaulted: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For a command or an answer."""
        return {
            "format": self.format,
            "encoding": self.encoding,
            "separator": self.separator,
            "taken_as": self.taken_as,
            "columns": {"used": self.used, "ignored": self.ignored, "defaulted": self.defaulted},
        }


@dataclass
class Report:
    """What an import did, or would do: `lines` read, contacts new and changed, words of consent, statuses."""

    lines: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    erased_left_out: int = 0
    consents: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    errors: list[LineError] = field(default_factory=list)
    left_out: int = 0
    cells: list[LineError] = field(default_factory=list)
    file: FileReport = field(default_factory=FileReport)

    def leave_out(self, cells: Iterable[LineError]) -> None:
        """Note cells that could not be used, of rows that were taken."""
        for cell in cells:
            self.left_out += 1
            if len(self.cells) < MOST_ERRORS:
                self.cells.append(cell)

    def refuse(self, error: LineError) -> None:
        """Note a row that cannot be taken."""
        self.refused += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(error)

    def as_json(self) -> dict[str, Any]:
        """The report for a command or an answer."""
        return {
            "lines": self.lines,
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "erased_left_out": self.erased_left_out,
            "consents": self.consents,
            "statuses": dict(sorted(self.statuses.items())),
            "refused": self.refused,
            "errors": _as_json(self.errors),
            "left_out": self.left_out,
            "cells": _as_json(self.cells),
            "file": self.file.as_json(),
        }


def _as_json(told: Iterable[LineError]) -> list[dict[str, Any]]:
    return [{"line": each.line, "field": each.field, "message": each.message} for each in told]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be taken: which column is what, who imports, and if only to try.

    `consent_text` and `consent_at` are the wording and the time of consents whose row has none. With `taken_as` the
    whole file is a list of such people, unless a row says that its person left. `given` and `withdrawn` are values of
    the consent's column. Encoding and separator are found out, if not told. `file_name` tells apart files that
    differ by nothing else.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    consent_text: str = ""
    actor: str = ""
    dry_run: bool = False
    consent_at: datetime | None = None
    taken_as: str = ""
    given: Sequence[str] = ()
    withdrawn: Sequence[str] = ()
    encoding: str = ""
    separator: str = ""
    file_name: str = ""

    def identity(self) -> list[Any]:
        """What the result depends on, beside the file itself: by this an import is known again."""
        at = self.consent_at.astimezone(UTC).isoformat() if self.consent_at else ""
        chosen: list[Any] = [sorted(self.columns.items()), self.consent_text]
        further = [
            at,
            self.taken_as,
            sorted(self.given),
            sorted(self.withdrawn),
            self.encoding,
            self.separator,
        ]
        return [*chosen, further] if any(further) else chosen


def import_csv(
    audience: Audience,
    file: BinaryIO,
    wishes: ImportOptions,
    progress: Progress = lambda _lines: None,
    keeper_of: Callable[[str, int], Keeper] = _keeps_nothing,
) -> Report:
    """Take a file's contacts into the audience; a dry run writes nothing and says what would happen.

    `Rejected`, before anything is written, for what is no CSV or has no column of addresses. A row that cannot be
    taken is told with its line, and so is a cell; the others are taken. `progress` is told how many lines are done.
    `keeper_of` is asked, with the file's digest and its number of rows, for whoever keeps how far it is.
    """
    _check(wishes)
    form = look_at(file, wishes.encoding, wishes.separator)
    number = check_readable(file, form)
    rows = rows_of(file, form)
    header = next(rows, Record(0, [])).cells
    found = recognize(header)
    columns = read_columns(header, wishes.columns, found)
    manner = _manner(audience, wishes, form, found, header)
    reader, report = RowReader(columns, manner), Report(file=_understood(form, found, columns, manner))
    keeper, goes_on = keeper_of(form.digest, number), True
    for some in _ahead(batched(_read(reader, rows, keeper.after), AT_ONCE)):
        with transaction.atomic():
            lock_shop(audience.installation)
            _Batch(audience, list(_taken(some, report)), report).take()
            goes_on = keeper.save_progress(report, some[-1].line)
            transaction.set_rollback(wishes.dry_run)
        progress(report.lines)
        if not goes_on:
            break
    if not wishes.dry_run:
        mark_all_changed(audience.pk)
    if goes_on:
        keeper.finish(report)
    return report


def _check(wishes: ImportOptions) -> None:
    if wishes.taken_as and wishes.taken_as not in [each.value for each in TakenAs]:
        known = ", ".join(each.value for each in TakenAs)
        raise Rejected(f"A file is taken as one of: {known}.", code="import_as")
    if wishes.separator and (len(wishes.separator) != 1 or wishes.separator in '"\r\n'):
        raise Rejected("The separator is one character, such as ; or a tab.", code="import_separator")
    if wishes.consent_at is not None:
        if timezone.is_naive(wishes.consent_at):
            raise Rejected(
                "Give the time of the consents with its time zone, such as 2026-11-23T14:00:00Z.",
                code="consent_at",
            )
        ledger.check(ledger.ConsentEvent(Consent.Kind.WITHDRAWN, wishes.consent_at, Consent.Source.IMPORT))


def _manner(
    audience: Audience, wishes: ImportOptions, form: Form, found: Format, header: Sequence[str]
) -> Manner:
    meanings = dict.fromkeys(map(plain_value, wishes.given), Meaning.GIVEN)
    meanings |= dict.fromkeys(map(plain_value, wishes.withdrawn), Meaning.WITHDRAWN)
    return Manner(
        text=wishes.consent_text or audience.consent_text,
        actor=wishes.actor,
        file=form.digest,
        at=wishes.consent_at,
        found=found,
        taken_as=TakenAs(wishes.taken_as) if wishes.taken_as else taken_as(found, header, wishes.file_name),
        meanings=meanings,
        is_clean=form.is_clean,
    )


def _understood(form: Form, found: Format, columns: Columns, manner: Manner) -> FileReport:
    says_yes = manner.taken_as is TakenAs.SUBSCRIBED or found.given_by_time or "consent" in columns.places
    chosen = {
        "consent_at": manner.at.isoformat() if manner.at else "",
        "consent_text": manner.text,
        "consent": manner.taken_as.value if manner.taken_as else "",
    }
    return FileReport(
        format=found.name,
        encoding=form.encoding.removesuffix("-sig"),
        separator=form.separator,
        taken_as=manner.taken_as.value if manner.taken_as else "",
        used=columns.used,
        ignored=columns.ignored,
        defaulted={
            name: value for name, value in chosen.items() if value and (says_yes or name == "consent")
        },
    )


def _read(reader: RowReader, rows: Iterator[Record], after: int) -> Iterator[Row | LineError]:
    """Each row, or what is wrong with it.

    Of two rows with one address the first tells of the person; the other counts for its word of consent alone.
    Rows up to the line `after` were taken before; they are read for their addresses only.
    """
    seen: dict[bytes, int] = {}
    for record in rows:
        row = _alone(reader.read(record), seen)
        if record.line > after:
            yield row


def _ahead[Item](items: Iterator[Item]) -> Iterator[Item]:
    """The same, the next one being made ready in a thread while the database takes the present one."""
    with ThreadPoolExecutor(1) as hands:
        coming = hands.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = hands.submit(next, items, None)
            yield item


def _taken(some: Iterable[Row | LineError], report: Report) -> Iterator[Row]:
    """Those that can be taken; what is wrong with the others goes to the report."""
    for row in some:
        report.lines += 1
        if isinstance(row, LineError):
            report.refuse(row)
        else:
            report.leave_out(row.left_out)
            yield row


def _alone(row: Row | LineError, seen: dict[bytes, int]) -> Row | LineError:
    if isinstance(row, LineError):
        return row
    key = hashlib.blake2b(row.email.encode(), digest_size=DIGEST_BYTES).digest()
    before = seen.setdefault(key, row.line)
    if before == row.line:
        return row
    if row.word is None and row.bounced_at is None:
        return LineError(row.line, "email", f"The same address as in line {before}.")
    return replace(row, profile={}, tags=())


def _columns_of(
    standing: ledger.LedgerSum, deliverability: Deliverability, lifecycle: Lifecycle
) -> tuple[str, bool, str, str]:
    return standing.consent.value, standing.soft_opt_in, deliverability.value, lifecycle.value


def _bounce(contact: Contact, at: datetime) -> bool:
    """Note that mail to the contact bounced, unless something newer is known; returns whether that is news."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    if contact.deliverability != Deliverability.OK or moment <= contact.known_at.get("deliverability", ""):
        return False
    contact.deliverability = Deliverability.BOUNCED
    contact.known_at["deliverability"] = moment
    return True


@dataclass
class _Batch:
    """Some thousand rows, taken in one transaction that holds the shop's lock."""

    audience: Audience
    rows: list[Row]
    report: Report

    def take(self) -> None:
        self._leave_out_erased()
        later = self._set_apart_later_rows()
        known = self._known()
        before = {contact.pk: contact.status for contact in known.values()}
        newcomers = [row for row in self.rows if row.email not in known]
        filled_in = self._fill_in(known)
        spoken = self._record_words(known)
        made = self._create(newcomers)
        tagged = self._put_tags({email: contact.pk for email, contact in known.items()} | made)
        self._count(before, (filled_in | spoken | tagged) & set(before), len(made))
        if later:
            _Batch(self.audience, later, self.report).take()

    def _leave_out_erased(self) -> None:
        names = {row.email: tombstones.address(row.email) for row in self.rows}
        erased = tombstones.known(self.audience.installation, names.values())
        if erased:
            present = [row for row in self.rows if names[row.email] not in erased]
            self.report.erased_left_out += len(self.rows) - len(present)
            self.rows = present

    def _set_apart_later_rows(self) -> list[Row]:
        """Keep each address once; further words of a person are taken once the person is known."""
        firsts: dict[str, Row] = {}
        later = [row for row in self.rows if firsts.setdefault(row.email, row) is not row]
        self.rows = list(firsts.values())
        return later

    def _known(self) -> dict[str, Contact]:
        """Who has, or had, one of the addresses."""
        emails = [row.email for row in self.rows]
        found = {each.email: each for each in bulk.filter_in(self.audience.contacts.all(), "email", emails)}
        former = FormerAddress.objects.filter(audience=self.audience)
        if not former.exists():
            return found
        lacking = [email for email in emails if email not in found]
        known = bulk.filter_in(former, "email", lacking).select_related("contact")
        return found | {each.email: each.contact for each in known}

    def _fill_in(self, known: dict[str, Contact]) -> set[UUID]:
        changed: dict[UUID, Contact] = {}
        for row in self.rows:
            contact = known.get(row.email)
            if contact is None:
                continue
            for name, value in row.profile.items():
                if not getattr(contact, name):
                    setattr(contact, name, value)
                    changed[contact.pk] = contact
            if row.bounced_at is not None and contact.email == row.email and _bounce(contact, row.bounced_at):
                changed[contact.pk] = contact
        Contact.objects.bulk_update(
            changed.values(), (*FILLED_IN, "deliverability", "known_at"), batch_size=1000
        )
        return set(changed)

    def _record_words(self, known: dict[str, Contact]) -> set[UUID]:
        said = [
            (known[row.email], row.word)
            for row in self.rows
            if row.email in known and row.word and not row.lifts_against_its_status
        ]
        written = ledger.record_many(self.audience, said)
        self.report.consents += len(written)
        return written

    def _create(self, newcomers: list[Row]) -> dict[str, UUID]:
        """New contacts with what they said; gives their ids by address."""
        now = timezone.now()
        made = {row.email: uuid.uuid4() for row in newcomers}
        silent = ledger.sum_ledger([])
        facts = [
            (ledger.sum_ledger([row.word]) if row.word else silent, row.deliverability, row.lifecycle)
            for row in newcomers
        ]
        written = {each: _columns_of(*each) for each in set(facts)}
        bulk.insert(
            Contact,
            NEW_CONTACT,
            (
                (
                    made[row.email], self.audience.pk, row.email, *map(row.profile.get, FILLED_IN, _BLANK),
                    *written[each], {}, 0, row.created_at or now, now,
                )
                for row, each in zip(newcomers, facts, strict=True)
            ),
        )  # fmt: skip
        spoken = [(made[row.email], row.email, row.word) for row in newcomers if row.word]
        ledger.record_first_events(self.audience, spoken)
        ledger.carry_refusals_of(self.audience, list(made))
        self.report.consents += len(spoken)
        for (standing, deliverability, lifecycle), count in Counter(facts).items():
            status = status_of(standing.consent, deliverability, lifecycle)
            self.report.statuses[f"new → {status.value}"] += count
        return made

    def _put_tags(self, people: dict[str, UUID]) -> set[UUID]:
        wanted: dict[str, list[UUID]] = {}
        for row in self.rows:
            for name in row.tags:
                wanted.setdefault(name, []).append(people[row.email])
        tagged: set[UUID] = set()
        for name, own in wanted.items():
            tag = tags.get_or_create_tag(self.audience, name)
            had = ContactTag.objects.filter(tag=tag, contact__in=own).exclude(origin=tags.Origin.RULE)
            tagged |= set(own) - set(had.values_list("contact", flat=True))
            tags.add_to_many(tag, own, tags.Origin.IMPORT)
        return tagged

    def _count(self, before: dict[UUID, str], changed: set[UUID], new: int) -> None:
        present = dict(Contact.objects.filter(pk__in=changed).values_list("pk", "status"))
        for pk, status in present.items():
            if before[pk] != status:
                self.report.statuses[f"{before[pk]} → {status}"] += 1
        self.report.new += new
        self.report.changed += len(changed)
        self.report.unchanged += len(before) - len(changed)
