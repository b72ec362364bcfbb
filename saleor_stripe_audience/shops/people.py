"""What is stored about a person outside the audience: exported and erased with the person.

The audience knows who a person is, and the ids of their orders and checkouts in Saleor. The other packages know only
these ids, `sources`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]
Sources = Collection[str]


@dataclass(frozen=True, slots=True)
class PersonalData:
    """One kind of it, by its name in the export and the receipt.

    `export` returns the rows; `erase`, called in the transaction of the erasure, returns how many it made anonymous.
    Rows without `erase` are needed as they are, and deleted after a few days.
    """

    name: str
    export: Callable[[Installation, Sources], list[Json]]
    erase: Callable[[Installation, Sources], int] | None = None


_kinds: list[PersonalData] = []


def register(kind: PersonalData) -> None:
    """Export and erase this with the person."""
    _kinds.append(kind)


def export(installation: Installation, sources: Sources) -> dict[str, list[Json]]:
    """Return what there is, by its name."""
    found = {kind.name: kind.export(installation, sources) for kind in _kinds}
    return {name: rows for name, rows in found.items() if rows}


def erase(installation: Installation, sources: Sources) -> dict[str, int]:
    """Erase it; returns how many there were, by their name."""
    return {kind.name: kind.erase(installation, sources) for kind in _kinds if kind.erase is not None}
