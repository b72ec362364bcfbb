"""Maps the columns of a CSV file to contact fields: as chosen by the merchant, or by their usual names."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.transfer.formats import (
    COLUMNS,
    HOMEMADE,
    OF_ADDRESSES,
    OF_PERSONS,
    STATES,
    Format,
    plain_core,
    plain_header,
)
from saleor_stripe_audience.audience.transfer.headers import (
    Kind,
    is_about_emails,
    key_of,
    kind_of,
    lists_orders,
    shown_name,
)
from saleor_stripe_audience.audience.transfer.reading import SEPARATORS
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

KNOWN = COLUMNS
# A withdrawal or a bounce in any of these columns counts.
READ_FROM_ALL = frozenset({"consent", "status", "withdrawn_at", "bounced_at"})
# Of an order, these may say that it was confirmed or blocked.
_MAY_BE_ORDERS = (Kind.DISABLED, Kind.ALLOWED, Kind.HINT)
_SAY_WHO_SUBSCRIBED = frozenset({Kind.WITHDRAWAL, Kind.STATUS, Kind.SUBSCRIBED})
_BY_KIND = {"withdrawn_at": Kind.WITHDRAWAL, "bounced_at": Kind.BOUNCE}


QUOTED_LINES = pgettext_lazy(
    "staff",
    "The file has only one column: each of its lines is one cell. Remove the quotation marks around whole lines, or "
    "choose the separator.",
)
WITHOUT_HEADER = pgettext_lazy(
    "staff",
    "The first line contains an email address, so the file has no line with the names of its columns. Add one, such as "
    "email,first_name, and choose the file again.",
)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of each of our fields. Of several the first with a value counts, and a withdrawal in any.

    `unused` are other columns that may be about emails: what they say can prevent a consent.
    """

    places: Mapping[str, tuple[int, ...]]
    header: tuple[str, ...]
    unused: Mapping[int, Kind] = field(default_factory=dict)

    @property
    def used(self) -> dict[str, list[str]]:
        """Our fields, each with the columns that it is read from."""
        return {ours: [self.header[each] for each in places] for ours, places in self.places.items()}

    @property
    def ignored(self) -> list[str]:
        """The file's other columns."""
        read = {each for places in self.places.values() for each in places}
        return [name for place, name in enumerate(self.header) if place not in read and name]


def read_header(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns. `Rejected` if the first line is not a header but already a person."""
    names = tuple(map(shown_name, cells))
    if any(map(_is_address, names)):
        raise Rejected(WITHOUT_HEADER, code="import_csv")
    return names


def _is_address(name: str) -> bool:
    try:
        return "@" in name and bool(normalize_email(name))
    except Rejected:
        return False


def read_columns(
    header: Sequence[str],
    chosen: Mapping[str, str],
    found: Format = HOMEMADE,
    exactly: Mapping[str, Sequence[int]] | None = None,
) -> Columns:
    """Find the column of each field: the chosen one, or one with a name that the format, or most programs, use.

    With `exactly` these columns, by their position, and no other. `Rejected` for a chosen column or field that does not
    exist, and for a file without a column of addresses.
    """
    names = read_header(header)
    if exactly is None:
        places = recognize_columns(names, chosen, found)
    else:
        places = {ours: _exact_places(ours, some, names) for ours, some in exactly.items() if some}
    if "email" not in places:
        if len(names) == 1 and any(each in names[0] for each in SEPARATORS):
            raise Rejected(QUOTED_LINES, code="import_csv")
        raise Rejected(
            with_values(
                pgettext_lazy(
                    "staff",
                    "The file has no column with email addresses. Choose one; its columns are: {known}.",
                ),
                known=", ".join(names)[:300] or "none",
            ),
            code="import_column",
        )
    used = {each for some in places.values() for each in some}
    return Columns(places, names, {} if found.is_ours else _unused(names, used))


def _unused(names: Sequence[str], used: Collection[int]) -> dict[int, Kind]:
    """Return the kinds of the columns that are not used, but may be about emails."""
    statuses = _status_places(names)
    beside_orders = lists_orders(names)
    found = {}
    for place, name in enumerate(names):
        kind = kind_of(name)
        if kind in (Kind.STATUS, Kind.OTHER):  # a status may be an order's
            kind = Kind.STATUS if place in statuses else Kind.OTHER
        elif kind in _MAY_BE_ORDERS and not is_about_emails(name, kind, beside_orders=beside_orders):
            kind = Kind.OTHER
        if kind is not None and place not in used:
            found[place] = kind
    says_who_subscribed = not _SAY_WHO_SUBSCRIBED.isdisjoint(map(kind_of, names))
    return {place: kind for place, kind in found.items() if kind is not Kind.HINT or not says_who_subscribed}


def recognize_columns(
    names: Sequence[str], chosen: Mapping[str, str], found: Format = HOMEMADE
) -> dict[str, tuple[int, ...]]:
    """Return the columns of each field; there may be none of addresses. `Rejected` as in `read_columns`."""
    places: dict[str, tuple[int, ...]] = {
        ours: (_chosen_place(ours, theirs, names),) for ours, theirs in chosen.items()
    }
    used = {place for some in places.values() for place in some}
    has_orders = lists_orders(names)
    for ours in KNOWN:
        if ours not in places:
            free = [
                place
                for place in _usual_places(ours, names, found, has_orders=has_orders)
                if place not in used
            ]
            if free:
                # Other fields have several columns only in a format; of usual names the first counts.
                has_several = ours in found.columns or ours in READ_FROM_ALL
                places[ours] = tuple(dict.fromkeys(free)) if has_several else (free[0],)
                used.update(places[ours])
    return places


def _usual_places(ours: str, names: Sequence[str], found: Format, *, has_orders: bool) -> list[int]:
    """Return the columns of the field by their usual names, then those whose names say it in other words."""
    usual = found.columns.get(ours, KNOWN[ours])
    plain = [plain_header(name) for name in names]
    exact = [place for name in usual for place, each in enumerate(plain) if each == name]
    if ours in OF_PERSONS:
        cores = [plain_core(name) for name in names]
        around = [
            place
            for name in usual
            for place, each in enumerate(cores)
            if each == name and plain[place] != name
        ]
        # Of an order, `Name` may be its number.
        return [*around, *exact] if has_orders and ours == "name" else [*exact, *around]
    if found.is_ours or ours in found.columns:
        return exact
    if ours == "status":
        return _status_places(names)
    if ours == "created_at" and has_orders:
        return []  # when the order was created
    kind = _BY_KIND.get(ours)
    if kind is None:
        return exact
    return exact + [
        place for place, name in enumerate(names) if is_about_emails(name, kind, beside_orders=has_orders)
    ]


def _status_places(names: Sequence[str]) -> list[int]:
    """Return the columns with statuses of subscriptions to emails.

    A column `status` or `state` may also have those of orders, or be part of an address.
    """
    beside_orders = lists_orders(names)
    has_addresses = any(plain_header(name) in OF_ADDRESSES for name in names)
    plain = [
        place
        for usual in KNOWN["status"]
        for place, name in enumerate(names)
        if plain_header(name) == usual and not beside_orders and not (usual in STATES and has_addresses)
    ]
    named = [
        place
        for place, name in enumerate(names)
        if is_about_emails(name, Kind.STATUS, beside_orders=beside_orders)
    ]
    subscribed = [place for place, name in enumerate(names) if kind_of(name) is Kind.SUBSCRIBED]
    return [*plain, *named, *subscribed]


def _exact_places(ours: str, some: Sequence[int], names: Sequence[str]) -> tuple[int, ...]:
    if ours not in KNOWN or not all(0 <= place < len(names) for place in some):
        raise Rejected(
            pgettext_lazy("staff", "The file's columns have changed. Choose their fields again."),
            code="import_column",
        )
    return tuple(some)


def _chosen_place(ours: str, theirs: str, names: Sequence[str]) -> int:
    if ours not in KNOWN:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "There is no field {ours}. There are: {known}."),
                ours=ours[:50],
                known=", ".join(KNOWN),
            ),
            code="import_column",
        )
    name = shown_name(theirs)
    place = names.index(name) if name in names else next(iter(_same(name, names)), None)
    if place is None:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "The file has no column {theirs}. It has: {known}."),
                theirs=theirs[:50],
                known=", ".join(names)[:300],
            ),
            code="import_column",
        )
    return place


def _same(theirs: str, names: Sequence[str]) -> Iterator[int]:
    """Yield the columns whose names only differ in case, accents or signs."""
    return (place for place, name in enumerate(names) if key_of(theirs) and key_of(name) == key_of(theirs))
