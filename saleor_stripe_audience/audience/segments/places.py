"""Positions in a segment's JSON, as shown to its author: root.of[1].within.days."""

from collections.abc import Iterable, Sequence

from saleor_stripe_audience.errors import Rejected


class Misplaced(Rejected):
    """A rule is refused for what it has at `place`; `what` is a code for pages, which have their own words."""

    def __init__(self, message: str, place: str, what: str) -> None:
        super().__init__(message, code="segment")
        self.place = place
        self.what = what


def place_of(steps: Iterable[str | int]) -> str:
    """Return the position of a validation error, without the steps that are condition types."""
    path, may_be_type = "", False
    for step in steps:
        if may_be_type and isinstance(step, str):
            may_be_type = False  # after `root`, `of` or an index the validator adds the condition's type
            continue
        path += f"[{step}]" if isinstance(step, int) else f"{'.' if path else ''}{step}"
        last = path.rpartition(".")[2]
        may_be_type = path == "root" or last.startswith("of[") or last == "of"
    return path or "the segment"


def at(place: str, indexes: Sequence[int]) -> str:
    """Return the positions of several conditions of one list, joined for a sentence."""
    return " and ".join(f"{place}.of[{index}]" for index in indexes)
