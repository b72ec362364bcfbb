"""Maps the columns of a CSV file to contact fields: as chosen by the merchant, or by their usual names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.transfer.formats import COLUMNS, HOMEMADE, Format, plain_header
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

KNOWN = COLUMNS
# A withdrawal or a bounce in any of these columns counts.
READ_FROM_ALL = frozenset({"consent", "status", "withdrawn_at", "bounced_at"})


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of each of our fields. Of several the first with a value counts, and a withdrawal in any."""

    places: Mapping[str, tuple[int, ...]]
    header: tuple[str, ...]

    @property
    def used(self) -> dict[str, list[str]]:
        """Our fields, each with the columns that it is read from."""
        return {ours: [self.header[each] for each in places] for ours, places in self.places.items()}

    @property
    def ignored(self) -> list[str]:
        """The file's other columns."""
        read = {each for places in self.places.values() for each in places}
        return [name for place, name in enumerate(self.header) if place not in read and name]


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
    names = tuple(name.strip(" \t\r\n\ufeff") for name in header)
    if exactly is None:
        places = recognize_columns(names, chosen, found)
    else:
        places = {ours: _exact_places(ours, some, names) for ours, some in exactly.items() if some}
    if "email" not in places:
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
    return Columns(places, names)


def recognize_columns(
    names: Sequence[str], chosen: Mapping[str, str], found: Format = HOMEMADE
) -> dict[str, tuple[int, ...]]:
    """Return the columns of each field; there may be none of addresses. `Rejected` as in `read_columns`."""
    places: dict[str, tuple[int, ...]] = {
        ours: (_chosen_place(ours, theirs, names),) for ours, theirs in chosen.items()
    }
    used = {place for some in places.values() for place in some}
    plain_names = [plain_header(name) for name in names]
    for ours in KNOWN:
        if ours not in places:
            usual = found.columns.get(ours, KNOWN[ours])
            if ours in READ_FROM_ALL:
                free = [place for name in usual for place, each in enumerate(plain_names) if each == name]
            else:
                free = [plain_names.index(name) for name in usual if name in plain_names]
            free = [place for place in free if place not in used]
            if free:
                # Other fields have several columns only in a format; of usual names the first counts.
                has_several = ours in found.columns or ours in READ_FROM_ALL
                places[ours] = tuple(free) if has_several else (free[0],)
                used.update(places[ours])
    return places


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
    if theirs.strip() not in names:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "The file has no column {theirs}. It has: {known}."),
                theirs=theirs[:50],
                known=", ".join(names)[:300],
            ),
            code="import_column",
        )
    return names.index(theirs.strip())
