"""Imports contacts from a CSV file, some thousand at a time.

An import changes consent only through events in the ledger. Existing data is kept: an import only fills in empty
fields. Importing the same file twice changes nothing. Erased people are skipped and counted.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import batched, chain, islice
from typing import Any, BinaryIO, Protocol
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent import early_withdrawals, ledger
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import identity, tags
from saleor_stripe_audience.audience.people import bulk
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.changes import mark_all_changed
from saleor_stripe_audience.audience.people.models import (
    Audience,
    Contact,
    ContactTag,
    FormerAddress,
    FormerContact,
)
from saleor_stripe_audience.audience.people.status import Deliverability, Lifecycle, status_of
from saleor_stripe_audience.audience.privacy import erasure, tombstones
from saleor_stripe_audience.audience.transfer.columns import Columns, read_columns
from saleor_stripe_audience.audience.transfer.doubts import check_encoding
from saleor_stripe_audience.audience.transfer.formats import Format, TakenAs, recognize, taken_as
from saleor_stripe_audience.audience.transfer.guessing import GUESSES
from saleor_stripe_audience.audience.transfer.meanings import Meaning, plain_value
from saleor_stripe_audience.audience.transfer.reading import (
    Form,
    LineError,
    Record,
    count_rows,
    detect_form,
    read_rows,
)
from saleor_stripe_audience.audience.transfer.rows import Row, RowOptions, RowReader
from saleor_stripe_audience.database import more_cache
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

BATCH_SIZE = 5_000
START_ROWS = 1_000  # which show what a column contains
MAX_ERRORS = 1_000  # listed in the report; further ones are only counted
DIGEST_BYTES = 8
FILLED_IN = ("first_name", "last_name", "phone", "city", "country", "language")
_BLANK = ("",) * len(FILLED_IN)
NEW_CONTACT = (
    "id", "audience_id", "email", *FILLED_IN, "consent", "soft_opt_in", "deliverability", "lifecycle", "known_at",
    "is_curated", "orders_count", "created_at", "updated_at",
)  # fmt: skip

SAME_ADDRESS = pgettext_lazy("staff", "The same address as in line {first}.")
ERASED_CONSENT = pgettext_lazy("staff", "The person was erased after giving this consent, so it is left out.")

Progress = Callable[[int], None]
Refused = Callable[[Record, LineError], None]


class Keeper(Protocol):
    """Stores the progress of an import; see `import_job`."""

    @property
    def after(self) -> int: ...

    def save_progress(self, report: "Report", line: int) -> bool: ...

    def finish(self, report: "Report") -> None: ...


class _NoKeeper:
    """Stores nothing: an interrupted import starts again."""

    after = 0

    def save_progress(self, _report: "Report", _line: int) -> bool:
        return True

    def finish(self, _report: "Report") -> None: ...


def _no_keeper(_form: Form, _rows: int) -> Keeper:
    return _NoKeeper()


@dataclass
class FileReport:
    """How the file was read: its format and its columns.

    `is_guess` if nothing in the file says that it has this encoding. `defaulted` are fields that the import's options
    filled in for rows without a value.
    """

    format: str = ""
    encoding: str = ""
    is_guess: bool = False
    separator: str = ""
    taken_as: str = ""
    used: dict[str, list[str]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    defaulted: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the report for a command or a response."""
        return {
            "format": self.format,
            "encoding": self.encoding,
            "encoding_guessed": self.is_guess,
            "separator": self.separator,
            "taken_as": self.taken_as,
            "columns": {"used": self.used, "ignored": self.ignored, "defaulted": self.defaulted},
        }


@dataclass
class Report:
    """What an import did or would do: `lines` read, new and changed contacts, consent events, statuses."""

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
        """Count invalid cells of imported rows."""
        for cell in cells:
            self.left_out += 1
            if len(self.cells) < MAX_ERRORS:
                self.cells.append(cell)

    def refuse(self, error: LineError) -> None:
        """Count a row that cannot be imported."""
        self.refused += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(error)

    def as_json(self) -> dict[str, Any]:
        """Return the report for a command or a response."""
        return {
            "lines": self.lines,
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "erased_left_out": self.erased_left_out,
            "consents": self.consents,
            "statuses": dict(sorted(self.statuses.items())),
            "refused": self.refused,
            "errors": [each.as_json() for each in self.errors],
            "left_out": self.left_out,
            "cells": [each.as_json() for each in self.cells],
            "file": self.file.as_json(),
        }


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import a file: its columns, who imports it, and whether it is a dry run.

    `consent_text`, `consent_at` and `consent_source` are the default wording, time and place of consent. With
    `taken_as` the whole file lists such people, unless a row says that the person unsubscribed. `given` and `withdrawn`
    are values of the consent column. `exactly` are the columns of each field by their position, instead of those with
    usual names. All people get the `tags`. `dates` says whether the day or the month comes first in dates with slashes.
    Encoding and separator are detected unless they are given. `file_name` distinguishes exports that differ only in it.
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
    consent_source: str = ""
    tags: Sequence[str] = ()
    exactly: Mapping[str, Sequence[int]] | None = None
    dates: str = ""

    def identity(self) -> list[Any]:
        """Return everything that the result depends on besides the file, to recognize a repeated import."""
        at = self.consent_at.astimezone(UTC).isoformat() if self.consent_at else ""
        basic: list[Any] = [sorted(self.columns.items()), self.consent_text]
        more = [
            at,
            self.taken_as,
            sorted(self.given),
            sorted(self.withdrawn),
            self.encoding,
            self.separator,
        ]
        exactly = sorted((ours, list(some)) for ours, some in self.exactly.items()) if self.exactly else []
        latest: list[Any] = [self.consent_source, sorted(self.tags), exactly]
        latest += [self.dates] if self.dates else []
        if any(latest):
            return [*basic, more, latest]
        return [*basic, more] if any(more) else basic


def import_csv(
    audience: Audience,
    file: BinaryIO,
    options: ImportOptions,
    progress: Progress = lambda _lines: None,
    keeper_of: Callable[[Form, int], Keeper] = _no_keeper,
    on_refused: Refused = lambda _record, _error: None,
    batch_size: int | None = None,
) -> Report:
    """Import a file's contacts into the audience; a dry run writes nothing and reports what would happen.

    Invalid rows and cells are reported with their line; the others are imported. `progress` is called with the number
    of processed lines. `keeper_of` returns the store of the progress, given the file's form and its number of rows.
    `on_refused` gets each refused row, in its own thread. The shop's lock is held for one batch at a time. `Rejected`,
    before anything is written, for a file that is not CSV or has no column of addresses.
    """
    _check(options)
    form = detect_form(file, options.encoding, options.separator)
    number = count_rows(file, form)
    rows = read_rows(file, form)
    header = next(rows, Record(0, [])).cells
    found = recognize(header)
    columns = read_columns(header, options.columns, found, options.exactly)
    row_options = _row_options(audience, options, form, found, header)
    if _may_subscribe(columns, row_options):
        is_said_of_all = row_options.taken_as is TakenAs.SUBSCRIBED
        check_encoding(file, form, columns, is_said_of_all=is_said_of_all)
    start = list(islice(rows, START_ROWS))
    reader = RowReader(columns, row_options, start)
    report = Report(file=_file_report(form, found, columns, row_options))
    report.file.is_guess = not options.encoding and form.encoding in GUESSES
    keeper, is_running = keeper_of(form, number), True
    batches = batched(_read(reader, chain(start, rows), keeper.after, on_refused), batch_size or BATCH_SIZE)
    with more_cache():
        for some in _prefetch(batches):
            with transaction.atomic():
                lock_shop(audience.installation)
                _Batch(audience, list(_valid(some, report)), report).write()
                is_running = keeper.save_progress(report, some[-1].line)
                transaction.set_rollback(options.dry_run)
            progress(report.lines)
            if not is_running:
                break
    if not options.dry_run:
        mark_all_changed(audience.pk)
    if is_running:
        keeper.finish(report)
    return report


def _check(options: ImportOptions) -> None:
    if options.taken_as and options.taken_as not in [each.value for each in TakenAs]:
        known = ", ".join(each.value for each in TakenAs)
        raise Rejected(
            with_values(pgettext_lazy("staff", "A file can be imported as one of: {known}."), known=known),
            code="import_as",
        )
    if options.separator and (len(options.separator) != 1 or options.separator in '"\r\n'):
        raise Rejected(
            pgettext_lazy("staff", "The separator is one character, such as ; or a tab."),
            code="import_separator",
        )
    if options.consent_at is not None:
        if timezone.is_naive(options.consent_at):
            raise Rejected(
                pgettext_lazy(
                    "staff", "Give the time of the consent with its time zone, such as 2026-11-23T14:00:00Z."
                ),
                code="consent_at",
            )
        ledger.check(ledger.ConsentEvent(Consent.Kind.WITHDRAWN, options.consent_at, Consent.Source.IMPORT))


def _row_options(
    audience: Audience, options: ImportOptions, form: Form, found: Format, header: Sequence[str]
) -> RowOptions:
    meanings = dict.fromkeys(map(plain_value, options.given), Meaning.GIVEN)
    meanings |= dict.fromkeys(map(plain_value, options.withdrawn), Meaning.WITHDRAWN)
    kind = TakenAs(options.taken_as) if options.taken_as else taken_as(found, header, options.file_name)
    return RowOptions(
        text=options.consent_text or audience.consent_text,
        source=options.consent_source,
        tags=tuple(tags.check_name(name) for name in options.tags),
        actor=options.actor,
        file=form.digest,
        at=options.consent_at,
        found=found,
        taken_as=kind,
        meanings=meanings,
        is_clean=form.is_clean,
        dates=options.dates,
    )


def _may_subscribe(columns: Columns, options: RowOptions) -> bool:
    if options.taken_as is None:
        return options.found.given_by_time or "consent" in columns.places
    return options.taken_as is TakenAs.SUBSCRIBED


def _file_report(form: Form, found: Format, columns: Columns, options: RowOptions) -> FileReport:
    has_consent = options.taken_as is TakenAs.SUBSCRIBED or found.given_by_time or "consent" in columns.places
    kind = options.taken_as.value if options.taken_as else ""
    defaults = {
        "consent_at": options.at.isoformat() if options.at else "",
        "consent_text": options.text,
        "consent_source": options.source,
        "consent": kind,
    }
    return FileReport(
        format=found.name,
        encoding=form.encoding.removesuffix("-sig"),
        separator=form.separator,
        taken_as=kind,
        used=columns.used,
        ignored=columns.ignored,
        defaulted={
            name: value for name, value in defaults.items() if value and (has_consent or name == "consent")
        },
    )


def _read(
    reader: RowReader, rows: Iterator[Record], after: int, on_refused: Refused
) -> Iterator[Row | LineError]:
    """Yield each row or its error.

    Of two rows with one address the first has the person's data; the other counts only for its consent and for a status
    that blocks email. Rows up to the line `after` were imported before; only their addresses are read.
    """
    seen: dict[bytes, int] = {}
    for record in rows:
        row = _merge_duplicate(reader.read(record), seen)
        if record.line > after:
            if isinstance(row, LineError):
                on_refused(record, row)
            yield row


def _prefetch[Item](items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items, reading the next one in a thread while the database writes the current one."""
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = pool.submit(next, items, None)
            yield item


def _valid(some: Iterable[Row | LineError], report: Report) -> Iterator[Row]:
    """Yield the rows that can be imported, and report the others."""
    for row in some:
        report.lines += 1
        if isinstance(row, LineError):
            report.refuse(row)
        else:
            report.leave_out(row.left_out)
            yield row


def _merge_duplicate(row: Row | LineError, seen: dict[bytes, int]) -> Row | LineError:
    if isinstance(row, LineError):
        return row
    key = hashlib.blake2b(row.email.encode(), digest_size=DIGEST_BYTES).digest()
    first = seen.setdefault(key, row.line)
    if first == row.line:
        return row
    if row.event is None and not row.is_restricted:
        return LineError(row.line, "email", with_values(SAME_ADDRESS, first=first))
    return row._replace(profile={}, tags=(), is_repeated=True)


def _bounce(contact: Contact, at: datetime) -> bool:
    """Record that email to the contact bounced, unless a newer report is stored; returns whether it changed."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    if contact.deliverability != Deliverability.OK or moment <= contact.known_at.get("deliverability", ""):
        return False
    contact.deliverability = Deliverability.BOUNCED
    contact.known_at["deliverability"] = moment
    return True


def _restrict(contact: Contact, row: Row) -> bool:
    """Apply what blocks email in a further row of the contact's address, once; returns whether it changed."""
    moment = timezone.now().astimezone(UTC).isoformat(timespec="microseconds")
    changed = False
    usual = {"deliverability": Deliverability.OK, "lifecycle": Lifecycle.ACTIVE}
    for name, harmless in usual.items():
        value = getattr(row, name)
        if value != harmless and getattr(contact, name) == harmless and name not in contact.known_at:
            setattr(contact, name, value)
            contact.known_at[name] = moment
            changed = True
    return changed


@dataclass
class _Batch:
    """Some thousand rows, written in one transaction that holds the shop's lock."""

    audience: Audience
    rows: list[Row]
    report: Report
    readmitted: set[str] = field(default_factory=set)

    def write(self) -> None:
        self._skip_erased()
        duplicates = self._separate_duplicates()
        known = self._find_contacts()
        before = {contact.pk: contact.status for contact in known.values()}
        new_rows = [row for row in self.rows if row.email not in known]
        filled_in = self._fill_in(known)
        with_events = self._record_events(known)
        created = self._create(new_rows)
        tagged = self._add_tags({email: contact.pk for email, contact in known.items()} | created)
        self._count(before, (filled_in | with_events | tagged) & set(before), len(created))
        if duplicates:
            _Batch(self.audience, duplicates, self.report).write()

    def _skip_erased(self) -> None:
        """Skip erased people, and consent that somebody who is readmitted gave before their erasure."""
        names = {row.email: tombstones.address(row.email) for row in self.rows}
        erased_at = tombstones.last_erased(self.audience.installation, names.values())
        if not erased_at:
            return
        erased = tombstones.known(self.audience.installation, erased_at.keys())
        rows = [row for row in self.rows if names[row.email] not in erased]
        self.report.erased_left_out += len(self.rows) - len(rows)
        self.rows = [self._without_erased_consent(row, erased_at.get(names[row.email])) for row in rows]
        self.readmitted = {email for email, name in names.items() if name in erased_at}

    def _without_erased_consent(self, row: Row, erased_at: datetime | None) -> Row:
        event = row.event
        if erased_at is None or event is None or event.kind != Consent.Kind.GIVEN or event.at > erased_at:
            return row
        self.report.leave_out([LineError(row.line, "consent", ERASED_CONSENT)])
        return row._replace(event=None)

    def _separate_duplicates(self) -> list[Row]:
        """Keep one row per address; further rows of a person are written once the person has a contact."""
        firsts: dict[str, Row] = {}
        duplicates = [row for row in self.rows if firsts.setdefault(row.email, row) is not row]
        self.rows = list(firsts.values())
        return duplicates

    def _find_contacts(self) -> dict[str, Contact]:
        """Return the contacts that have, or had, one of the addresses, as `identity.find_by_address` does.

        A contact is one object even if rows name it by several addresses: what one row changes, another must not undo.
        """
        emails = [row.email for row in self.rows]
        found = {each.email: each for each in bulk.filter_in(self.audience.contacts.all(), "email", emails)}
        former = FormerAddress.objects.filter(audience=self.audience)
        if not former.exists():
            return found
        missing = [email for email in emails if email not in found]
        accounts = identity.accounts_elsewhere(self.audience, missing)
        rows = [
            each
            for each in bulk.filter_in(former, "email", missing).select_related("contact")
            if accounts.get(each.email) in (None, each.contact.saleor_user_id)
        ]
        one_each = {contact.pk: contact for contact in found.values()}
        return found | {each.email: one_each.setdefault(each.contact_id, each.contact) for each in rows}

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
            if row.is_repeated and contact.email == row.email and _restrict(contact, row):
                changed[contact.pk] = contact
        Contact.objects.bulk_update(
            changed.values(), (*FILLED_IN, "deliverability", "lifecycle", "known_at"), batch_size=1000
        )
        uncurated = [contact.pk for contact in known.values() if not contact.is_curated]
        bulk.filter_in(Contact.objects.all(), "id", uncurated).update(is_curated=True)
        return set(changed)

    def _record_events(self, known: dict[str, Contact]) -> set[UUID]:
        events = [
            (known[row.email], row.event)
            for row in self.rows
            if row.email in known and row.event and not row.contradicts_status
        ]
        changed = ledger.record_many(self.audience, events)
        self.report.consents += len(changed)
        return changed

    def _create(self, rows: list[Row]) -> dict[str, UUID]:
        """Create contacts with their consent events; returns their ids by address."""
        now = timezone.now()
        ids = dict(zip((row.email for row in rows), bulk.new_ids(len(rows)), strict=True))
        unknown = ledger.sum_ledger([])
        facts = [
            (ledger.sum_ledger([row.event]) if row.event else unknown, row.deliverability, row.lifecycle)
            for row in rows
        ]
        columns = {
            each: (each[0].consent.value, each[0].soft_opt_in, each[1].value, each[2].value)
            for each in set(facts)
        }
        bulk.insert(
            Contact,
            NEW_CONTACT,
            (
                (
                    ids[row.email], self.audience.pk, row.email, *map(row.profile.get, FILLED_IN, _BLANK),
                    *columns[each], {}, True, 0, row.created_at or now, now,
                )
                for row, each in zip(rows, facts, strict=True)
            ),
        )  # fmt: skip
        events = [(ids[row.email], row.email, row.event) for row in rows if row.event]
        ledger.record_first_events(self.audience, events)
        for contact in Contact.objects.filter(pk__in=[ids[each] for each in self.readmitted & ids.keys()]):
            erasure.adopt_former_links(contact)
        identity.link_to_accounts_elsewhere(self.audience, list(ids))
        ledger.carry_withdrawals_of(self.audience, list(ids))
        early_withdrawals.apply(self.audience, list(ids))
        self.report.consents += len(events)
        for (result, deliverability, lifecycle), count in Counter(facts).items():
            status = status_of(result.consent, deliverability, lifecycle)
            self.report.statuses[f"new → {status.value}"] += count
        # Some may have turned out to be the same person as another contact.
        former = bulk.filter_in(
            FormerContact.objects.filter(contact__audience=self.audience), "id", list(ids.values())
        )
        merged = dict(former.values_list("pk", "contact"))
        return {email: merged.get(pk, pk) for email, pk in ids.items()}

    def _add_tags(self, people: dict[str, UUID]) -> set[UUID]:
        by_name: dict[str, list[UUID]] = {}
        for row in self.rows:
            for name in row.tags:
                by_name.setdefault(name, []).append(people[row.email])
        tagged: set[UUID] = set()
        for name, ids in by_name.items():
            tag = tags.get_or_create_tag(self.audience, name)
            present = ContactTag.objects.filter(tag=tag, contact__in=ids).exclude(origin=tags.Origin.RULE)
            tagged |= set(ids) - set(present.values_list("contact", flat=True))
            tags.add_to_many(tag, ids, tags.Origin.IMPORT)
        return tagged

    def _count(self, before: dict[UUID, str], changed: set[UUID], new: int) -> None:
        statuses = dict(Contact.objects.filter(pk__in=changed).values_list("pk", "status"))
        for pk, status in statuses.items():
            if before[pk] != status:
                self.report.statuses[f"{before[pk]} → {status}"] += 1
        self.report.new += new
        self.report.changed += len(changed)
        self.report.unchanged += len(before) - len(changed)
