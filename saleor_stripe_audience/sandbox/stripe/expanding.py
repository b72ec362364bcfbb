"""Replaces ids with their objects, where `expand[]` requests it. Source: "Expanding responses".

Which fields may be expanded is read from the library's own classes: those whose type is "an id or an object".
"""

import copy
import functools
import typing
from typing import Any, ForwardRef, get_args

import stripe

from .errors import Refusal, invalid
from .state import Account, Json

DEEPEST = 4

_TABLES = {
    "ch": "charge", "pi": "payment_intent", "pm": "payment_method", "cus": "customer",
    "txn": "balance_transaction", "prod": "product", "price": "price", "re": "refund",
    "pyr": "refund", "du": "dispute", "seti": "setup_intent", "py": "charge",
}  # fmt: skip
_CLASSES: dict[str, type[Any]] = {
    "charge": stripe.Charge,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "customer": stripe.Customer,
    "balance_transaction": stripe.BalanceTransaction,
    "product": stripe.Product,
    "price": stripe.Price,
    "refund": stripe.Refund,
    "dispute": stripe.Dispute,
    "setup_intent": stripe.SetupIntent,
}
_KINDS = {definition.__name__: kind for kind, definition in _CLASSES.items()}
# Omitted unless requested, and created only then.
_INCLUDED = {
    ("charge", "refunds"), ("price", "currency_options"), ("price", "tiers"), ("customer", "sources"),
    ("customer", "subscriptions"), ("customer", "tax_ids"), ("customer", "tax"),
}  # fmt: skip


def check(kind: str, paths: list[str], *, in_list: bool) -> None:
    """Refuses paths that cannot be expanded, before anything is done."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > DEEPEST:
            raise invalid(f"You cannot expand more than {DEEPEST} levels: {path}", "expand")
        if in_list and parts.pop(0) != "data":
            raise _unexpandable(path)
        _check_parts(kind, parts, path)


def expanded(account: Account, item: Json, paths: list[str]) -> Json:
    """A copy of the object with the named fields expanded. The paths have been checked."""
    result = copy.deepcopy(item)
    for path in paths:
        _expand(account, result, path.split("."))
    return result


def _check_parts(kind: str, parts: list[str], path: str) -> None:
    for name in parts:
        if (kind, name) in _INCLUDED:
            return
        if kind and name not in expandable(kind):
            raise _unexpandable(path)
        kind = expandable(kind).get(name, "") if kind else ""


def _expand(account: Account, item: Json, parts: list[str]) -> None:
    name, rest = parts[0], parts[1:]
    if item.get("object") == "list" and name == "data":
        for entry in item["data"]:
            _expand(account, entry, rest)
        return
    if (item.get("object"), name) in _INCLUDED:
        item.setdefault(name, _included(account, item, name))
    elif isinstance(item.get(name), str):
        item[name] = _named(account, item[name])
    if rest and isinstance(item.get(name), dict):
        _expand(account, item[name], rest)


def _named(account: Account, identifier: str) -> Any:
    table = _TABLES.get(identifier.split("_", maxsplit=1)[0], "")
    return copy.deepcopy(account.table(table).get(identifier, identifier))


def _included(account: Account, item: Json, name: str) -> Any:
    if name != "refunds":
        return None
    refunds = [entry for entry in account.table("refund").values() if entry["charge"] == item["id"]]
    address = f"/v1/charges/{item['id']}/refunds"
    return {"object": "list", "data": copy.deepcopy(refunds[::-1]), "has_more": False, "url": address}


@functools.cache
def expandable(kind: str) -> dict[str, str]:
    """Return the fields that contain an id or the object itself, and the object's kind ("" if there are several)."""
    definition = _CLASSES.get(kind)
    hints = definition.__annotations__ if definition else {}
    found = {name: _objects(hint) for name, hint in hints.items()}
    return {name: kinds[0] if len(kinds) == 1 else "" for name, kinds in found.items() if kinds}


def _objects(hint: Any) -> list[str]:
    """The kinds that an "id or object" type names; none for any other type."""
    members = get_args(hint) if typing.get_origin(hint) is typing.Union else ()
    if str not in members:
        return []
    return [_KINDS.get(member.__forward_arg__, "") for member in members if isinstance(member, ForwardRef)]


def _unexpandable(path: str) -> Refusal:
    return invalid(f"This property cannot be expanded ({path}).", "expand")
