"""Contacts as CSV, streamed: memory use does not grow with the audience. The app's import can read the file."""

import csv
import tempfile
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import batched
from typing import IO, Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.models import (
    Audience,
    Contact,
    ContactQuerySet,
    ContactSpent,
    ContactTag,
)
from saleor_stripe_audience.audience.people.status import ConsentState, Status
from saleor_stripe_audience.audience.segments.membership import members_of
from saleor_stripe_audience.audience.segments.queries import large_queries
from saleor_stripe_audience.audience.segments.store import segment_named
from saleor_stripe_audience.audience.transfer.cells import (
    DANGER,
    LEADING_BREAK,
    PHONE,
    escape,
    escape_phone,
)
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import THREE_DECIMAL, ZERO_DECIMAL, Money
from saleor_stripe_audience.wording import with_values

BATCH_SIZE = 5_000
LINE_END = "\r\n"  # the csv module quotes cells that contain either character
TYPED = (
    "email",
    "first_name",
    "last_name",
    "phone",
    "city",
    "country",
    "language",
)  # entered by people: can contain anything
COUNTED = (
    "status",
    "lawful_basis",
    "orders_count",
    "first_order_at",
    "last_order_at",
    "created_at",
    "consent",
)
HEADER = (*TYPED, *COUNTED, "consent_at", "consent_text", "consent_source", "consent_ip", "spent", "tags")
ABOUT_ORDERS = frozenset({"orders_count", "first_order_at", "last_order_at", "spent"})
WITHOUT_ORDERS = tuple(name for name in HEADER if name not in ABOUT_ORDERS)
_ESCAPES = [escape_phone if name == "phone" else escape for name in TYPED]
WITH_CHOICE = frozenset({ConsentState.CONFIRMED, ConsentState.WITHDRAWN})


class _Line:
    """A file for the csv module that returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line.removesuffix(LINE_END) + "\n"


def chosen(audience: Audience, segment: str = "", statuses: Sequence[str] = ()) -> ContactQuerySet:
    """Select the audience's contacts or a segment's members, optionally only those with certain statuses.

    `Rejected` for an unknown segment or status.
    """
    if unknown := sorted(set(statuses) - set(Status.values)):
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "There is no status {unknown}. There are: {known}."),
                unknown=", ".join(unknown)[:60],
                known=", ".join(Status.values),
            ),
            code="status",
        )
    found = members_of(segment_named(audience, segment)) if segment else audience.contacts.all()
    return found.filter(status__in=statuses) if statuses else found


def export_csv(contacts: QuerySet[Contact], *, has_orders: bool = True) -> Iterator[str]:
    """Yield the header, then some thousand lines at a time, in no particular order.

    Without orders, what the contacts ordered and spent is left out: it includes all channels.
    """
    header = HEADER if has_orders else WITHOUT_ORDERS
    yield csv.writer(_Line(), lineterminator=LINE_END).writerow(header)
    write = copied if connection.vendor == "postgresql" else composed
    yield from write(contacts, header)


def write_to_disk(blocks: Iterator[str], *, is_for_spreadsheets: bool = False) -> IO[bytes]:
    """Write a list to disk before its first byte is sent: a slow client must not keep the transaction open.

    `is_for_spreadsheets`: begin with a byte order mark, without which Excel reads another encoding. Programs that read
    CSV may take the mark for a part of the first column's name.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    if is_for_spreadsheets:
        file.write(BOM_UTF8)
    for block in blocks:
        file.write(block.encode())
    file.seek(0)
    return file


def composed(contacts: QuerySet[Contact], header: Sequence[str] = HEADER) -> Iterator[str]:
    """Yield the lines, composed in Python for databases that cannot write CSV."""
    writer = csv.writer(_Line(), lineterminator=LINE_END)
    places = [HEADER.index(name) for name in header]
    rows = contacts.order_by("pk").values_list("pk", *TYPED, *COUNTED)
    page = list(rows[:BATCH_SIZE])
    while page:
        yield "".join(writer.writerow([row[place] for place in places]) for row in _rows(page))
        # By key, not by offset: the last page is as fast as the first.
        page = list(rows.filter(pk__gt=page[-1][0])[:BATCH_SIZE])


def copied(contacts: QuerySet[Contact], header: Sequence[str] = HEADER) -> Iterator[str]:
    """Yield the lines as PostgreSQL writes them, ten times as fast."""
    try:
        sql, parameters = contacts.order_by().values(found=F("pk")).query.sql_with_params()
    except EmptyResultSet:  # nobody can match
        return
    columns = ", ".join(_COLUMNS[name] for name in header)
    statement = f"COPY ({_SELECT.format(sql=sql, columns=columns)}) TO STDOUT WITH (FORMAT csv)"
    with large_queries(), connection.cursor() as cursor, cursor.copy(statement, parameters) as copy:
        # PostgreSQL returns single lines; yielding them one by one would cost more than everything else.
        for lines in batched(copy, BATCH_SIZE):
            yield b"".join(lines).decode()


def _escape_sql(column: str) -> str:
    """Return `cells.escape` as an SQL expression."""
    inner = rf"regexp_replace({column}, {_text(DANGER)}, '\1''\2', 'g')"
    return rf"regexp_replace({inner}, {_text(LEADING_BREAK)}, '''\1')"


def _text(pattern: str) -> str:
    quoted = pattern.replace("'", "''")
    return f"'{quoted}'"


def _typed(name: str) -> str:
    column = f"c.{name}"
    if name != "phone":
        return _escape_sql(column)
    return f"CASE WHEN {column} ~ {_text(f'^{PHONE}$')} THEN {column} ELSE {_escape_sql(column)} END"


def _time(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""


def _amount() -> str:
    zero = ", ".join(f"'{each}'" for each in sorted(ZERO_DECIMAL))
    three = ", ".join(f"'{each}'" for each in sorted(THREE_DECIMAL))
    return (
        f"CASE WHEN currency IN ({zero}) THEN spent_minor::text WHEN currency IN ({three}) "
        "THEN round(spent_minor / 1000.0, 3)::text ELSE round(spent_minor / 100.0, 2)::text END || ' ' || currency"
    )


def _quoted(name: str) -> str:
    """Return `tags.join` of one name as an SQL expression."""
    return f"""CASE WHEN {name} ~ '[,"]' THEN '"' || replace({name}, '"', '""') || '"' ELSE {name} END"""


_COLUMNS = {
    **{name: _typed(name) for name in TYPED},
    **{name: _time(f"c.{name}") if name.endswith("_at") else f"c.{name}" for name in COUNTED},
    "consent_at": _time("event.at"),
    "consent_text": _escape_sql("event.text"),
    "consent_source": _escape_sql("event.source"),
    "consent_ip": "event.ip",
    "spent": _escape_sql("spent.amounts"),
    "tags": _escape_sql("tags.names"),
}

# The selected contacts come first: for a few, related rows are found by index; for all, by one scan of each table.
_SELECT = f"""
    WITH selected AS MATERIALIZED ({{sql}}),
    event AS (
        SELECT DISTINCT ON (entry.contact_id) entry.contact_id, entry.at, wording.text, host(entry.ip) AS ip,
            coalesce(nullif(entry.source_detail, ''), entry.source) AS source
        FROM selected JOIN audience_consent entry ON entry.contact_id = selected.found
        JOIN audience_contact contact ON contact.id = selected.found
        LEFT JOIN audience_wording wording ON wording.id = entry.wording_id
        WHERE (contact.consent = 'withdrawn' AND entry.kind = 'withdrawn') OR (contact.consent = 'confirmed'
            AND entry.kind <> 'withdrawn' AND entry.basis = 'consent'
            AND (entry.kind = 'confirmed' OR NOT entry.needs_confirmation))
        ORDER BY entry.contact_id, entry.at DESC, entry.id DESC
    ),
    spent AS (
        SELECT contact_id, string_agg({_amount()}, '; ' ORDER BY currency COLLATE "C") AS amounts
        FROM selected JOIN audience_contactspent ON contact_id = selected.found GROUP BY contact_id
    ),
    tags AS (
        SELECT contact_id, string_agg({_quoted("tag.name")}, ', ' ORDER BY tag.name COLLATE "C") AS names
        FROM selected JOIN audience_contacttag contact_tag ON contact_tag.contact_id = selected.found
        JOIN audience_tag tag ON tag.id = contact_tag.tag_id GROUP BY contact_id
    )
    SELECT {{columns}}
    FROM selected JOIN audience_contact c ON c.id = selected.found
    LEFT JOIN event ON event.contact_id = c.id
    LEFT JOIN spent ON spent.contact_id = c.id
    LEFT JOIN tags ON tags.contact_id = c.id
"""  # noqa: S608 - our own names and Django's own SQL


def _rows(page: Sequence[tuple[Any, ...]]) -> Iterator[list[Any]]:
    ids = [row[0] for row in page]
    events = _consent_events([row[0] for row in page if row[-1] in WITH_CHOICE])
    spent, tagged = _spent(ids), _tags(ids)
    no_event = ("", "", "", "")
    typed = len(TYPED) + 1
    for row in page:
        yield [
            *(escape_cell(text) for escape_cell, text in zip(_ESCAPES, row[1:typed], strict=True)),
            *map(_plain, row[typed:]),
            *events.get(row[0], no_event),
            spent.get(row[0], ""),
            tagged.get(row[0], ""),
        ]


def _plain(value: Any) -> Any:
    if value is None:
        return ""
    return _moment(value) if isinstance(value, datetime) else value


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def _consent_events(contacts: Sequence[UUID]) -> dict[UUID, tuple[str, str, str, str]]:
    """Return each contact's latest event behind its current consent: no soft opt-in, and nothing unconfirmed."""
    is_given = Q(contact__consent=ConsentState.CONFIRMED, basis=Consent.Basis.CONSENT) & (
        Q(kind=Consent.Kind.CONFIRMED) | Q(kind=Consent.Kind.GIVEN, needs_confirmation=False)
    )
    is_withdrawn = Q(contact__consent=ConsentState.WITHDRAWN, kind=Consent.Kind.WITHDRAWN)
    events = Consent.objects.filter(is_given | is_withdrawn, contact__in=contacts).order_by("at", "pk")
    rows = events.values_list("contact", "at", "wording__text", "source_detail", "ip", "source")
    return {
        contact: (_moment(at), escape(text or ""), escape(detail or source), ip or "")
        for contact, at, text, detail, ip, source in rows
    }


def _spent(contacts: Sequence[UUID]) -> dict[UUID, str]:
    """Return the amounts of each contact, such as 12.30 USD; 5.00 EUR."""
    found: dict[UUID, str] = {}
    rows = ContactSpent.objects.filter(contact__in=contacts).order_by("contact", "currency")
    for contact, minor, currency in rows.values_list("contact", "spent_minor", "currency"):
        amount = escape(str(Money(minor, currency)))
        found[contact] = f"{found[contact]}; {amount}" if contact in found else amount
    return found


def _tags(contacts: Sequence[UUID]) -> dict[UUID, str]:
    found: dict[UUID, list[str]] = {}
    rows = ContactTag.objects.filter(contact__in=contacts)
    for contact, name in rows.values_list("contact", "tag__name"):
        found.setdefault(contact, []).append(name)
    return {contact: escape(tags.join(sorted(names))) for contact, names in found.items()}
