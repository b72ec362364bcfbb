"""Contacts as CSV, streamed: the memory it takes does not grow with the audience. Our import reads it back."""

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import batched
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet

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
from saleor_stripe_audience.audience.segments.questions import large_questions
from saleor_stripe_audience.audience.segments.store import segment_named
from saleor_stripe_audience.audience.transfer.cells import (
    DANGER,
    LEADING_BREAK,
    PHONE,
    harmless,
    harmless_phone,
)
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import THREE_DECIMAL, ZERO_DECIMAL, Money

AT_ONCE = 5_000
LINE_END = "\r\n"  # cells that hold either are quoted
TYPED = (
    "email",
    "first_name",
    "last_name",
    "phone",
    "city",
    "country",
    "language",
)  # by people: may hold anything
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
_WRITERS = [harmless_phone if name == "phone" else harmless for name in TYPED]
SPOKEN = frozenset({ConsentState.CONFIRMED, ConsentState.WITHDRAWN})


class _Line:
    """A file for the csv module that hands on each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line.removesuffix(LINE_END) + "\n"


def chosen(audience: Audience, segment: str = "", statuses: Sequence[str] = ()) -> ContactQuerySet:
    """The audience's contacts, or a segment's members; only those of some statuses, if any are named.

    `Rejected` for a segment or a status that there is not.
    """
    if unknown := sorted(set(statuses) - set(Status.values)):
        raise Rejected(
            f"There is no status {', '.join(unknown)[:60]}. There are: {', '.join(Status.values)}.",
            code="status",
        )
    found = members_of(segment_named(audience, segment)) if segment else audience.contacts.all()
    return found.filter(status__in=statuses) if statuses else found


def export_csv(contacts: QuerySet[Contact]) -> Iterator[str]:
    """The header, then some thousand lines at a time; in no order."""
    yield csv.writer(_Line(), lineterminator=LINE_END).writerow(HEADER)
    yield from copied(contacts) if connection.vendor == "postgresql" else composed(contacts)


def composed(contacts: QuerySet[Contact]) -> Iterator[str]:
    """The lines, put together here: for databases that cannot write CSV themselves."""
    writer = csv.writer(_Line(), lineterminator=LINE_END)
    for some in _pages(contacts):
        yield "".join(map(writer.writerow, _rows(some)))


def copied(contacts: QuerySet[Contact]) -> Iterator[str]:
    """The lines as PostgreSQL writes them itself, ten times as fast."""
    sql, parameters = contacts.order_by().values(found=F("pk")).query.sql_with_params()
    statement = f"COPY ({_SELECT.format(sql=sql)}) TO STDOUT WITH (FORMAT csv)"
    with large_questions(), connection.cursor() as cursor, cursor.copy(statement, parameters) as copy:
        # PostgreSQL hands out single lines; handed on one by one they would cost more than all the rest.
        for lines in batched(copy, AT_ONCE):
            yield b"".join(lines).decode()


def _harmless(column: str) -> str:
    """`cells.harmless` as PostgreSQL writes it."""
    inner = rf"regexp_replace({column}, {_text(DANGER)}, '\1''\2', 'g')"
    return rf"regexp_replace({inner}, {_text(LEADING_BREAK)}, '''\1')"


def _text(pattern: str) -> str:
    quoted = pattern.replace("'", "''")
    return f"'{quoted}'"


def _typed(name: str) -> str:
    column = f"c.{name}"
    if name != "phone":
        return _harmless(column)
    return f"CASE WHEN {column} ~ {_text(f'^{PHONE}$')} THEN {column} ELSE {_harmless(column)} END"


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
    """`tags.join` of one name."""
    return f"""CASE WHEN {name} ~ '[,"]' THEN '"' || replace({name}, '"', '""') || '"' ELSE {name} END"""


# What is wanted comes first: of few contacts what hangs on them is found by index, of all by one pass over each table.
_SELECT = f"""
    WITH wanted AS MATERIALIZED ({{sql}}),
    word AS (
        SELECT DISTINCT ON (said.contact_id) said.contact_id, said.at, wording.text, host(said.ip) AS ip,
            coalesce(nullif(said.source_detail, ''), said.source) AS source
        FROM wanted JOIN audience_consent said ON said.contact_id = wanted.found
        JOIN audience_contact whose ON whose.id = wanted.found
        LEFT JOIN audience_wording wording ON wording.id = said.wording_id
        WHERE (whose.consent = 'withdrawn' AND said.kind = 'withdrawn') OR (whose.consent = 'confirmed'
            AND said.kind <> 'withdrawn' AND said.basis = 'consent'
            AND (said.kind = 'confirmed' OR NOT said.needs_confirmation))
        ORDER BY said.contact_id, said.at DESC, said.id DESC
    ),
    spent AS (
        SELECT contact_id, string_agg({_amount()}, '; ' ORDER BY currency COLLATE "C") AS told
        FROM wanted JOIN audience_contactspent ON contact_id = wanted.found GROUP BY contact_id
    ),
    tags AS (
        SELECT contact_id, string_agg({_quoted("tag.name")}, ', ' ORDER BY tag.name COLLATE "C") AS told
        FROM wanted JOIN audience_contacttag on_it ON on_it.contact_id = wanted.found
        JOIN audience_tag tag ON tag.id = on_it.tag_id GROUP BY contact_id
    )
    SELECT {", ".join(map(_typed, TYPED))}, c.status, c.lawful_basis, c.orders_count,
        {", ".join(_time(f"c.{name}") for name in ("first_order_at", "last_order_at", "created_at"))}, c.consent,
        {_time("word.at")}, {_harmless("word.text")}, {_harmless("word.source")}, word.ip,
        {_harmless("spent.told")}, {_harmless("tags.told")}
    FROM wanted JOIN audience_contact c ON c.id = wanted.found
    LEFT JOIN word ON word.contact_id = c.id
    LEFT JOIN spent ON spent.contact_id = c.id
    LEFT JOIN tags ON tags.contact_id = c.id
"""  # noqa: S608 - of our own names, and of Django's own SQL


def _pages(contacts: QuerySet[Contact]) -> Iterator[list[tuple[Any, ...]]]:
    """By key, not by offset: the last page is as quick as the first, and nothing is held between two."""
    rows = contacts.order_by("pk").values_list("pk", *TYPED, *COUNTED)
    page = list(rows[:AT_ONCE])
    while page:
        yield page
        page = list(rows.filter(pk__gt=page[-1][0])[:AT_ONCE])


def _rows(page: Sequence[tuple[Any, ...]]) -> Iterator[list[Any]]:
    own = [row[0] for row in page]
    words = _words([row[0] for row in page if row[-1] in SPOKEN])
    spent, tagged = _spent(own), _tags(own)
    silent = ("", "", "", "")
    typed = len(TYPED) + 1
    for row in page:
        yield [
            *(write(text) for write, text in zip(_WRITERS, row[1:typed], strict=True)),
            *map(_plain, row[typed:]),
            *words.get(row[0], silent),
            spent.get(row[0], ""),
            tagged.get(row[0], ""),
        ]


def _plain(value: Any) -> Any:
    if value is None:
        return ""
    return _moment(value) if isinstance(value, datetime) else value


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def _words(contacts: Sequence[UUID]) -> dict[UUID, tuple[str, str, str, str]]:
    """The latest word of each that made the consent what it is: neither a soft opt-in nor what was never confirmed."""
    said_yes = Q(contact__consent=ConsentState.CONFIRMED, basis=Consent.Basis.CONSENT) & (
        Q(kind=Consent.Kind.CONFIRMED) | Q(kind=Consent.Kind.GIVEN, needs_confirmation=False)
    )
    said_no = Q(contact__consent=ConsentState.WITHDRAWN, kind=Consent.Kind.WITHDRAWN)
    told = Consent.objects.filter(said_yes | said_no, contact__in=contacts).order_by("at", "pk")
    rows = told.values_list("contact", "at", "wording__text", "source_detail", "ip", "source")
    return {
        contact: (_moment(at), harmless(text or ""), harmless(detail or source), ip or "")
        for contact, at, text, detail, ip, source in rows
    }


def _spent(contacts: Sequence[UUID]) -> dict[UUID, str]:
    """Such as 12.30 USD; 5.00 EUR."""
    found: dict[UUID, str] = {}
    rows = ContactSpent.objects.filter(contact__in=contacts).order_by("contact", "currency")
    for contact, minor, currency in rows.values_list("contact", "spent_minor", "currency"):
        told = harmless(str(Money(minor, currency)))
        found[contact] = f"{found[contact]}; {told}" if contact in found else told
    return found


def _tags(contacts: Sequence[UUID]) -> dict[UUID, str]:
    found: dict[UUID, list[str]] = {}
    rows = ContactTag.objects.filter(contact__in=contacts)
    for contact, name in rows.values_list("contact", "tag__name"):
        found.setdefault(contact, []).append(name)
    return {contact: harmless(tags.join(sorted(names))) for contact, names in found.items()}
