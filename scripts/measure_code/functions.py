"""How long functions are, and which private ones are used once though they are short."""

import ast
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .sources import Module, modules

STEPS = (3, 6, 10, 15, 20, 30, 50)
SHORT = 3
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> dict[str, Any]:
    """Of the product alone: how many bodies have up to so many lines, and private functions that are used once."""
    lengths: list[int] = []
    once: list[str] = []
    short: list[str] = []
    for module in modules().values():
        if not module.is_product:
            continue
        used = _uses(module)
        for function in _functions(module):
            lengths.append(length := _lines(function))
            name = function.name
            if name.startswith("_") and not name.startswith("__") and used[name] == 1:
                once.append(name)
                if length <= SHORT:
                    short.append(f"{module.name}.{name}")
    return {
        "count": len(lengths),
        "lines_of_body": _histogram(lengths),
        "longest": max(lengths),
        "private_used_once": len(once),
        "private_used_once_and_short": len(short),
        "which_are_short": short,
    }


def _functions(module: Module) -> Iterator[Function]:
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


def _lines(function: Function) -> int:
    """The lines from the first statement to the last; a docstring is none."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def _uses(module: Module) -> Counter[str]:
    """How often each name is read in the module, as a variable or as an attribute."""
    return Counter(
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name | ast.Attribute)
    )


def _histogram(lengths: list[int]) -> dict[str, int]:
    found: dict[str, int] = {}
    lower = 0
    for upper in STEPS:
        found[f"{lower}-{upper}"] = sum(lower <= each <= upper for each in lengths)
        lower = upper + 1
    return found | {f"{lower}-": sum(each >= lower for each in lengths)}
