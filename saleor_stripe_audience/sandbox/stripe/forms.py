"""Decodes form-encoded bodies and query strings the way Stripe does: a[b][c]=1, list[]=x, list[0][k]=y."""

import re
from collections.abc import Iterable
from typing import Any

from .errors import invalid

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")

type Node = dict[str, Any] | list[Any]


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return nested dictionaries and lists of strings.

    Lists written with numbers (a[0]=…) stay dictionaries keyed by digits: only the parameter's type shows
    whether it is a list or a mapping with numeric keys. Raises Refusal for a key that cannot be read.
    """
    tree: dict[str, Any] = {}
    for key, value in pairs:
        _place(tree, _path(key), value, key)
    return tree


def _path(key: str) -> list[str]:
    match = _KEY.match(key)
    if match is None:
        raise invalid(f"Invalid parameter name: {key}", key)
    return [match.group(1), *_PART.findall(match.group(2))]


def _place(tree: dict[str, Any], path: list[str], value: str, key: str) -> None:
    node: Node = tree
    for position, part in enumerate(path[:-1]):
        node = _descend(node, part, path[position + 1 :], key)
    last = path[-1]
    if isinstance(node, list):
        node.append(value) if last == "" else _grow(node, last, value, key)
    elif isinstance(node.get(last), (dict, list)):
        raise _mixed(key)
    else:
        node[last] = value


def _grow(node: list[Any], last: str, value: str, key: str) -> None:
    """Add `items[][price]=…`: to the list's last mapping, or to a new one if that already has the name."""
    if not node or not isinstance(node[-1], dict) or last in node[-1]:
        node.append({})
    if not isinstance(node[-1], dict):
        raise _mixed(key)
    node[-1][last] = value


def _descend(node: Node, part: str, rest: list[str], key: str) -> Node:
    if isinstance(node, list):
        if part != "" or len(rest) != 1:
            raise _mixed(key)
        return node
    empty: Node = [] if rest[0] == "" else {}
    child = node.setdefault(part, empty)
    if not isinstance(child, type(empty)):
        raise _mixed(key)
    return child


def _mixed(key: str) -> Exception:
    return invalid(f"Parameter {key} is given both as a value and as a structure", key)
