"""Stripe's metadata: 50 keys of 40 characters, values of 500; an empty value deletes its key. Source: "Metadata"."""

from typing import Any

from .errors import invalid

MOST_KEYS = 50
LONGEST_KEY = 40
LONGEST_VALUE = 500


def merge(current: dict[str, str], given: dict[str, str] | str | None) -> dict[str, str]:
    """Return the metadata after an update: "" clears it, and "" as a value deletes its key."""
    if given is None:
        return current
    if isinstance(given, str):
        return {}
    for name, value in given.items():
        _check(name, value)
    result = {name: value for name, value in {**current, **given}.items() if value != ""}
    if len(result) > MOST_KEYS:
        raise invalid(f"Metadata can have up to {MOST_KEYS} keys; there would be {len(result)}.", "metadata")
    return result


def _check(name: str, value: Any) -> None:
    if len(name) > LONGEST_KEY or "[" in name or "]" in name:
        raise invalid(f"Metadata key '{name}' is longer than {LONGEST_KEY} characters.", "metadata")
    if len(value) > LONGEST_VALUE:
        message = (
            f"Metadata value of '{name}' is longer than {LONGEST_VALUE} characters: it has {len(value)}."
        )
        raise invalid(message, f"metadata[{name}]")
