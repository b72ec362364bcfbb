"""The lengths of functions, and private functions that are only fragments of their one caller.

A private function that is used once is a fragment if that use is a call. If it is passed to something else instead,
such as a field, a table, a sort or a decorator, it has to be a function, however short it is. Both are counted, and
fragments also by themselves.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .sources import Module, modules

STEPS = (3, 6, 10, 15, 20, 30, 50)
SHORT = 3
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> dict[str, Any]:
    """Return a histogram of the lengths of the product's functions, and how many private ones are used only once.

    Those used once include those called once, the fragments. `which_are_short` lists the short fragments.
    """
    lengths: list[int] = []
    once: list[int] = []
    called: list[int] = []
    short: list[str] = []
    for module in modules().values():
        if not module.is_product:
            continue
        lengths += map(_lines, _functions(module))
        once += map(_lines, _used_once(module))
        fragments = list(_called_once(module))
        called += map(_lines, fragments)
        short += [f"{module.name}.{each.name}" for each in fragments if _lines(each) <= SHORT]
    return {
        "count": len(lengths),
        "lines_of_body": _histogram(lengths),
        "longest": max(lengths),
        "private_used_once": len(once),
        "private_used_once_and_short": sum(each <= SHORT for each in once),
        "private_called_once": len(called),
        "private_called_once_and_short": len(short),
        "which_are_short": short,
    }


def _functions(module: Module) -> Iterator[Function]:
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


def _lines(function: Function) -> int:
    """Return the number of lines from the first statement to the last, without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def _used_once(module: Module) -> Iterator[Function]:
    """Yield private functions that the module uses once, in any way."""
    used = Counter(map(_name, ast.walk(module.tree)))
    for function in _functions(module):
        is_private = function.name.startswith("_") and not function.name.startswith("__")
        if is_private and used[function.name] == 1:
            yield function


def _called_once(module: Module) -> Iterator[Function]:
    """Return private functions whose only use is a direct call."""
    calls = (node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call))
    called = {_name(each) for each in calls if not ast.unparse(each).startswith("super()")}
    return (each for each in _used_once(module) if each.name in called and not each.decorator_list)


def _name(node: ast.AST) -> str | None:
    """Return the name that the node reads, as a variable or as an attribute."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def _histogram(lengths: list[int]) -> dict[str, int]:
    found: dict[str, int] = {}
    lower = 0
    for upper in STEPS:
        found[f"{lower}-{upper}"] = sum(lower <= each <= upper for each in lengths)
        lower = upper + 1
    return found | {f"{lower}-": sum(each >= lower for each in lengths)}
