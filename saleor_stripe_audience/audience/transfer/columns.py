"""Which column of a CSV file is what: chosen by the merchant, or known by its usual names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from saleor_stripe_audience.audience.transfer.formats import COLUMNS, HOMEMADE, Format, plain_header
from saleor_stripe_audience.errors import Rejected

KNOWN = COLUMNS


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each of our fields stands in the file; of several places the first that holds something counts."""

    places: Mapping[str, tuple[int, ...]]
    header: tuple[str, ...]

    @property
    def used(self) -> dict[str, list[str]]:
        """Our fields, each with the file's columns that it is read from."""
        return {ours: [self.header[each] for each in places] for ours, places in self.places.items()}

    @property
    def ignored(self) -> list[str]:
        """The file's other columns."""
        read = {each for places in self.places.values() for each in places}
        return [name for place, name in enumerate(self.header) if place not in read and name]


def read_columns(header: Sequence[str], chosen: Mapping[str, str], found: Format = HOMEMADE) -> Columns:
    """What was not chosen is found by the names that the format, or everybody, uses.

    `Rejected` for a column that the file does not have, a field that there is not, and a file without addresses.
    """
    named = tuple(name.strip(" \t\r\n\ufeff") for name in header)
    places: dict[str, tuple[int, ...]] = {
        ours: (_place_chosen(ours, theirs, named),) for ours, theirs in chosen.items()
    }
    taken = {place for some in places.values() for place in some}
    lowered = [plain_header(name) for name in named]
    for ours in KNOWN:
        if ours not in places:
            usual = found.columns.get(ours, KNOWN[ours])
            free = [lowered.index(name) for name in usual if name in lowered]
            free = [place for place in free if place not in taken]
            if free:
                # Only a format knows that two columns are one field; of usual names the first is meant.
                places[ours] = tuple(free) if ours in found.columns else (free[0],)
                taken.update(places[ours])
    if "email" not in places:
        raise Rejected(
            f"The file has no column of addresses. Say which it is; it has: {', '.join(named)[:300] or 'none'}.",
            code="import_column",
        )
    return Columns(places, named)


def columns_of(header: Sequence[str], chosen: Mapping[str, str]) -> dict[str, int]:
    """Where each of our fields stands in a file of no known format; see `read_columns`."""
    return {ours: places[0] for ours, places in read_columns(header, chosen).places.items()}


def _place_chosen(ours: str, theirs: str, named: Sequence[str]) -> int:
    if ours not in KNOWN:
        raise Rejected(f"There is no field {ours[:50]}. There are: {', '.join(KNOWN)}.", code="import_column")
    if theirs.strip() not in named:
        raise Rejected(
            f"The file has no column {theirs[:50]}. It has: {', '.join(named)[:300]}.", code="import_column"
        )
    return named.index(theirs.strip())
