"""JSON from outside, parsed strictly: values that could not be stored or processed later are refused here."""

import json
import math
import re
from typing import Any

DEEPEST = 100  # levels; the deepest genuine payload of Saleor or Stripe has fewer than twenty
LONGEST_INTEGER = 40  # characters; twelve digits are the largest amount that either side knows

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_NUL_ESCAPE = re.compile(r"\\u0000")


def read_object(text: bytes | str) -> dict[str, Any]:
    """The JSON object in `text`; ValueError, which names the fault but no content, for anything else.

    Refuses NaN and Infinity, numbers too large for any column, nesting beyond `DEEPEST` levels, and strings that UTF-8
    or PostgreSQL cannot store (lone surrogates, NUL).
    """
    decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    try:
        found = json.loads(
            decoded, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_short_integer
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 - callers expect ValueError for any bad text
    # Most texts can be accepted after a quick check, without walking through their values.
    may_be_deep = decoded.count("[") + decoded.count("{") > DEEPEST
    if may_be_deep or _SURROGATE_ESCAPE.search(decoded) or _NUL_ESCAPE.search(decoded):
        _check_values(found)
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _short_integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ValueError("a number is too large")
    return int(text)


def _check_values(found: Any) -> None:
    waiting = [(found, 1)]
    while waiting:
        value, level = waiting.pop()
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, dict | list):
            if level > DEEPEST:
                raise ValueError("nested too deeply")
            inside = [*value, *value.values()] if isinstance(value, dict) else value
            waiting.extend((each, level + 1) for each in inside)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("a string contains a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a string contains half a surrogate pair") from None
