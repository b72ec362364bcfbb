"""Contacts of a CSV file, some thousand at a time.

An import never lifts or lowers anybody without a word in the ledger. What is known of somebody stays: an import fills
in what is empty. The same file twice is once. Whoever was erased is left out and counted.
"""

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, BinaryIO, Protocol
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from saleor_stripe_audience.audience import consent, tags, tombstones
from saleor_stripe_audience.audience.audiences import default_audience
from saleor_stripe_audience.audience.changes import all_touched
from saleor_stripe_audience.audience.models import Audience, Contact, ContactTag, FormerAddress
from saleor_stripe_audience.audience.status import Deliverability, Lifecycle, status_of
from saleor_stripe_audience.audience.transfer import bulk
from saleor_stripe_audience.audience.transfer.columns import columns_of
from saleor_stripe_audience.audience.transfer.reading import LineError, check_readable, digest_of, rows_of
from saleor_stripe_audience.audience.transfer.rows import Row, RowReader

AT_ONCE = 5_000
MOST_ERRORS = 1_000  # told one by one; beyond that they are only counted
DIGEST_BYTES = 8
FILLED_IN = ("first_name", "last_name", "phone", "country", "language")
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

    def through(self, report: "Report", line: int) -> bool: ...

    def end(self, report: "Report") -> None: ...


class _Forgetful:
    """Keeps nothing: the import is all or begun anew."""

    after = 0

    def through(self, _report: "Report", _line: int) -> bool:
        return True

    def end(self, _report: "Report") -> None: ...


def _keeps_nothing(_digest: str, _rows: int) -> Keeper:
    return _Forgetful()


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
            "errors": [
                {"line": each.line, "field": each.field, "message": each.message} for each in self.errors
            ],
        }


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a file is to be taken: which column is what, the wording of its consents, who imports, and if only to try."""

    columns: Mapping[str, str] = field(default_factory=dict)
    consent_text: str = ""
    actor: str = ""
    dry_run: bool = False


def import_csv(
    audience: Audience,
    file: BinaryIO,
    wishes: Wishes,
    progress: Progress = lambda _lines: None,
    keeper_of: Callable[[str, int], Keeper] = _keeps_nothing,
) -> Report:
    """Take a file's contacts into the audience; a dry run writes nothing and says what would happen.

    `Rejected`, before anything is written, for what is no CSV in UTF-8 or has no column of addresses. A row that
    cannot be taken is told with its line; the others are taken. `progress` is told how many lines are done.
    `keeper_of` is asked, with the file's digest and its number of rows, for whoever keeps how far it is.
    """
    number = check_readable(file)
    digest = digest_of(file)
    rows = rows_of(file)
    _line, header = next(rows, (0, []))
    reader = RowReader(
        columns_of(header, wishes.columns), wishes.consent_text or audience.consent_text, wishes.actor, digest
    )
    keeper, report, goes_on = keeper_of(digest, number), Report(), True
    for some in _ahead(batched(_read(reader, rows, keeper.after), AT_ONCE)):
        with transaction.atomic():
            default_audience(audience.installation)
            _Batch(audience, list(_taken(some, report)), report).take()
            goes_on = keeper.through(report, some[-1].line)
            transaction.set_rollback(wishes.dry_run)
        progress(report.lines)
        if not goes_on:
            break
    if not wishes.dry_run:
        all_touched(audience.pk)
    if goes_on:
        keeper.end(report)
    return report


def _read(reader: RowReader, rows: Iterator[tuple[int, list[str]]], after: int) -> Iterator[Row | LineError]:
    """Each row, or what is wrong with it. Of two with one address the first counts: which was meant, nobody can know.

    Rows up to the line `after` were taken before; they are read for their addresses only.
    """
    seen: dict[bytes, int] = {}
    for line, cells in rows:
        row = _alone(reader.read(line, cells), seen)
        if line > after:
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
            yield row


def _alone(row: Row | LineError, seen: dict[bytes, int]) -> Row | LineError:
    if isinstance(row, LineError):
        return row
    key = hashlib.blake2b(row.email.encode(), digest_size=DIGEST_BYTES).digest()
    before = seen.setdefault(key, row.line)
    if before != row.line:
        return LineError(row.line, "email", f"The same address as in line {before}.")
    return row


def _columns_of(
    standing: consent.Standing, deliverability: Deliverability, lifecycle: Lifecycle
) -> tuple[str, bool, str, str]:
    return standing.consent.value, standing.soft_opt_in, deliverability.value, lifecycle.value


@dataclass
class _Batch:
    """Some thousand rows, taken in one transaction that holds the shop's lock."""

    audience: Audience
    rows: list[Row]
    report: Report

    def take(self) -> None:
        self._leave_out_erased()
        known = self._known()
        before = {contact.pk: contact.status for contact in known.values()}
        newcomers = [row for row in self.rows if row.email not in known]
        filled_in = self._fill_in(known)
        spoken = self._record_words(known)
        made = self._create(newcomers)
        tagged = self._put_tags({email: contact.pk for email, contact in known.items()} | made)
        self._count(before, (filled_in | spoken | tagged) & set(before), len(made))

    def _leave_out_erased(self) -> None:
        names = {tombstones.address(row.email): row for row in self.rows}
        erased = tombstones.known(self.audience.installation, names.keys())
        self.report.erased_left_out += len(erased)
        self.rows = [row for name, row in names.items() if name not in erased]

    def _known(self) -> dict[str, Contact]:
        """Who has, or had, one of the addresses."""
        emails = [row.email for row in self.rows]
        found = {each.email: each for each in bulk.among(self.audience.contacts.all(), "email", emails)}
        former = FormerAddress.objects.filter(audience=self.audience)
        if not former.exists():
            return found
        lacking = [email for email in emails if email not in found]
        known = bulk.among(former, "email", lacking).select_related("contact")
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
        Contact.objects.bulk_update(changed.values(), FILLED_IN, batch_size=1000)
        return set(changed)

    def _record_words(self, known: dict[str, Contact]) -> set[UUID]:
        said = [
            (known[row.email], row.word)
            for row in self.rows
            if row.email in known and row.word and not row.lifts_against_its_status
        ]
        written = consent.record_many(self.audience, said)
        self.report.consents += len(written)
        return written

    def _create(self, newcomers: list[Row]) -> dict[str, UUID]:
        """New contacts with what they said; gives their ids by address."""
        now = timezone.now()
        made = {row.email: uuid.uuid4() for row in newcomers}
        silent = consent.standing_of([])
        facts = [
            (consent.standing_of([row.word]) if row.word else silent, row.deliverability, row.lifecycle)
            for row in newcomers
        ]
        written = {each: _columns_of(*each) for each in set(facts)}
        bulk.insert(
            Contact,
            NEW_CONTACT,
            (
                (
                    made[row.email], self.audience.pk, row.email, *map(row.profile.get, FILLED_IN, _BLANK),
                    *written[each], {}, 0, now, now,
                )
                for row, each in zip(newcomers, facts, strict=True)
            ),
        )  # fmt: skip
        spoken = [(made[row.email], row.email, row.word) for row in newcomers if row.word]
        consent.record_first_words(self.audience, spoken)
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
            tag = tags.tag_named(self.audience, name)
            had = ContactTag.objects.filter(tag=tag, contact__in=own).exclude(origin=tags.Origin.RULE)
            tagged |= set(own) - set(had.values_list("contact", flat=True))
            tags.put_on_many(tag, own, tags.Origin.IMPORT)
        return tagged

    def _count(self, before: dict[UUID, str], changed: set[UUID], new: int) -> None:
        present = dict(Contact.objects.filter(pk__in=changed).values_list("pk", "status"))
        for pk, status in present.items():
            if before[pk] != status:
                self.report.statuses[f"{before[pk]} → {status}"] += 1
        self.report.new += new
        self.report.changed += len(changed)
        self.report.unchanged += len(before) - len(changed)
