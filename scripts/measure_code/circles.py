"""Modules that import one another in a cycle."""

import ast
from collections.abc import Iterator

from .sources import Module, modules

Imports = dict[str, set[str]]


def circles() -> dict[str, list[list[str]]]:
    """Return the import cycles: those of imports at the top of modules, and those of all imports.

    `all` includes imports inside functions and those only for type checkers, which hide a cycle.
    """
    return {"at_module_level": _circles(_imports(hidden=False)), "all": _circles(_imports(hidden=True))}


def _imports(*, hidden: bool) -> Imports:
    known = modules()
    return {
        name: {
            target for node in _statements(module.tree, hidden=hidden) for target in _targets(module, node)
        }
        & (known.keys() - {name})
        for name, module in known.items()
    }


def _statements(tree: ast.Module, *, hidden: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Return the import statements; without `hidden`, only those that run when the module is imported."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif hidden or not (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_typing(node)):
            waiting += ast.iter_child_nodes(node)


def _is_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _targets(module: Module, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Return the imported modules: `from package import module` imports the module, not the package."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        parents = module.name.split(".")[: None if module.is_package else -1]
        kept = parents[: len(parents) - node.level + 1]
        base = ".".join([*kept, base] if base else kept)
    for alias in node.names:
        inner = f"{base}.{alias.name}"
        yield inner if inner in modules() else base


def _circles(imports: Imports) -> list[list[str]]:
    """Return the groups of modules that import each other, directly or not."""
    reached = {name: _reached(imports, name) for name in imports}
    knots = {
        tuple(sorted(other for other in found if name in reached[other]))
        for name, found in reached.items()
        if name in found
    }
    return [list(knot) for knot in sorted(knots)]


def _reached(imports: Imports, start: str) -> set[str]:
    """Return everything that `start` imports, directly or not; itself only if it is in a cycle."""
    found: set[str] = set()
    waiting = list(imports[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += imports[name]
    return found
