"""Checks parameters against Stripe's own definitions: the TypedDicts in `stripe.params`.

Each is turned into a pydantic adapter: RequestOptions keys are dropped, hints resolved, unknown keys refused,
and `Literal | str` is reduced to the literals, because `str` only allows for future values. Values arrive as text, from
which integers and booleans are parsed strictly.
"""

import functools
import re
import sys
import types
import typing
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import stripe.params
import typing_extensions
from pydantic import (
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject

from .errors import Refusal, invalid, required

_INTEGER = re.compile(r"^-?\d{1,19}$")
_LONGEST_TEXT = 5000
# Strings that an empty one unsets, by their descriptions; the types of all others say so.
_UNSET_BY_EMPTY = frozenset({("PaymentIntentUpdateParams", "payment_method")})


def _read_int(value: object) -> int:
    if isinstance(value, str) and _INTEGER.match(value):
        return int(value)
    raise PydanticCustomError("stripe_integer", "Invalid integer: {given}", {"given": str(value)})


def _read_bool(value: object) -> bool:
    if value in ("true", "false"):
        return value == "true"
    raise PydanticCustomError("stripe_boolean", "Invalid boolean: {given}", {"given": str(value)})


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("stripe_text", "Invalid string: {given}", {"given": str(value)})
    if value == "":
        raise PydanticCustomError("stripe_empty", "An empty string cannot unset this parameter")
    if len(value) > _LONGEST_TEXT:
        raise PydanticCustomError("stripe_long", "Longer than 5000 characters")
    return value


def _read_list(value: object) -> object:
    """a[0]=x&a[1]=y arrives as {"0": "x", "1": "y"}."""
    if isinstance(value, dict) and all(str(key).isdigit() for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return value


_SCALARS: dict[object, object] = {
    int: Annotated[int, BeforeValidator(_read_int)],
    bool: Annotated[bool, BeforeValidator(_read_bool)],
    str: Annotated[str, BeforeValidator(_read_text)],
    Decimal: Annotated[str, StringConstraints(pattern=r"^-?\d+(\.\d{1,12})?$")],
    float: Annotated[float, BeforeValidator(float)],
}


@functools.cache
def adapter(name: str) -> TypeAdapter[dict[str, Any]]:
    """Return the adapter of a class in `stripe.params`, e.g. "PaymentIntentCreateParams"."""
    return TypeAdapter(_mapping(getattr(stripe.params, name)))


def check(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with integers and booleans parsed; raise Refusal as Stripe would."""
    try:
        return adapter(name).validate_python(given)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False), given) from None


@functools.cache
def _mapping(definition: type[Any]) -> Any:
    """A TypedDict with the same fields, strictly typed, that refuses any other."""
    fields = {
        name: typing_extensions.NotRequired[str]
        if (definition.__name__, name) in _UNSET_BY_EMPTY
        else _strict(hint)
        for name, hint in _hints(definition).items()
    }
    made_at_run_time: Any = typing_extensions.TypedDict
    shape = made_at_run_time(definition.__name__, fields)
    shape.__pydantic_config__ = ConfigDict(extra="forbid")
    return shape


def _hints(definition: type[Any]) -> dict[str, Any]:
    """Return the class's own fields, with forward references resolved in the module that defines them."""
    options = RequestOptions.__annotations__
    own = {name: hint for name, hint in definition.__annotations__.items() if name not in options}
    holder = type(definition.__name__, (), {"__annotations__": own})
    module = vars(sys.modules[definition.__module__])
    return typing.get_type_hints(holder, globalns=module, include_extras=True)


def _strict(hint: Any) -> Any:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if typing_extensions.is_typeddict(hint):
        return _mapping(hint)
    origin = get_origin(hint)
    if origin is typing_extensions.NotRequired:
        return typing_extensions.NotRequired[_strict(get_args(hint)[0])]
    if origin in (Union, types.UnionType):
        return _union(get_args(hint))
    return _container(hint, origin)


def _container(hint: Any, origin: Any) -> Any:
    if origin is list:
        return Annotated[list[_strict(get_args(hint)[0])], BeforeValidator(_read_list)]  # type: ignore[misc]
    if origin is dict:
        value = get_args(hint)[1]
        return dict[str, str if value is str else _strict(value)]  # type: ignore[misc]  # "" deletes a key
    return hint


def _union(members: tuple[Any, ...]) -> Any:
    named = any(get_origin(member) is Literal and any(get_args(member)) for member in members)
    kept = [
        _strict(member)
        for member in members
        if get_origin(member) is not UntypedStripeObject and not (named and member is str)
    ]
    return Union[tuple(kept)]  # noqa: UP007 - built from a tuple


def _refusal(errors: list[ErrorDetails], given: dict[str, Any]) -> Refusal:
    """Return one refusal for what pydantic found: an unknown name first, as Stripe does, then the deepest problem."""
    found = [(_written_path(error, given), error) for error in errors]
    unknown = [path for path, error in found if error["type"] == "extra_forbidden"]
    if unknown:
        names = ", ".join(_bracketed(path) for path in unknown)
        return invalid(f"Received unknown parameter: {names}", _bracketed(unknown[0]), "parameter_unknown")
    path, error = max(found, key=lambda item: (len(item[0]), str(item[1].get("ctx", ""))))
    return _one_refusal(_bracketed(path), error)


def _one_refusal(param: str, error: ErrorDetails) -> Refusal:
    if error["type"] == "missing":
        return required(param)
    if error["type"] == "literal_error":
        expected = error.get("ctx", {}).get("expected", "")
        return invalid(f"Invalid {param}: must be one of {expected}", param)
    code = _CODES.get(error["type"])
    return invalid(f"{error['msg']} ({param})", param, code)


_CODES = {
    "stripe_integer": "parameter_invalid_integer",
    "stripe_empty": "parameter_invalid_empty",
    "stripe_long": "parameter_invalid_string_too_long",
}


def _written_path(error: ErrorDetails, given: Any) -> list[str]:
    """Return pydantic's location without the branches of unions, so that it names what was sent."""
    path: list[str] = []
    current = given
    for position, part in enumerate(error["loc"]):
        last = position == len(error["loc"]) - 1
        if isinstance(current, dict) and str(part) in current:
            current = current[str(part)]
        elif isinstance(current, list) and isinstance(part, int) and part < len(current):
            current = current[part]
        elif not (last and error["type"] == "missing"):
            continue
        path.append(str(part))
    return path


def _bracketed(path: list[str]) -> str:
    return path[0] + "".join(f"[{part}]" for part in path[1:]) if path else ""
