"""Where something stands in a segment's JSON, as its writer reads it: root.of[1].within.days."""

from collections.abc import Iterable, Sequence


def place_of(steps: Iterable[str | int]) -> str:
    """The place that a validator's steps lead to, without the steps that are types of conditions."""
    path, may_be_type = "", False
    for step in steps:
        if may_be_type and isinstance(step, str):
            may_be_type = (
                False  # after `root`, `of` or a number in it the validator names the type of condition
            )
            continue
        path += f"[{step}]" if isinstance(step, int) else f"{'.' if path else ''}{step}"
        may_be_type = _leads_to_condition(path)
    return path or "the segment"


def _leads_to_condition(path: str) -> bool:
    last = path.rpartition(".")[2]
    return path == "root" or last.startswith("of[") or last == "of"


def at(place: str, indexes: Sequence[int]) -> str:
    """Several conditions of one list, for a sentence."""
    return " and ".join(f"{place}.of[{index}]" for index in indexes)
