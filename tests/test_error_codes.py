"""Every error code has one spelling and is listed, with its meaning, in docs/errors.md; the API lists its own."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "saleor_stripe_audience"
FAILURES = {
    "Failure",
    "Rejected",
    "Blocked",
    "Unavailable",
    "KeysUnavailable",
    "ChannelsUnavailable",
    "SessionExpired",
}
SPELLING = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def modules() -> Iterator[ast.Module]:
    for path in PACKAGE.rglob("*.py"):
        if not {"sandbox", "api"} & set(path.relative_to(PACKAGE).parts):
            yield ast.parse(path.read_text())


def constants() -> dict[str, str]:
    """Return the package's module-level strings by name, such as APP_UNKNOWN."""
    return {
        target.id: str(node.value.value)
        for module in modules()
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


@cache
def codes() -> frozenset[str]:
    """Return the codes of every failure that the package raises, without Stripe's own codes, which it passes on."""
    named = constants()
    found = set()
    for module in modules():
        for node in ast.walk(module):
            if not isinstance(node, ast.Call) or _name(node.func) not in FAILURES:
                continue
            for part in (
                part for each in node.keywords if each.arg == "code" for part in ast.walk(each.value)
            ):
                if isinstance(part, ast.Constant):
                    found.add(str(part.value))
                elif isinstance(part, ast.expr) and _name(part) in named:
                    found.add(named[_name(part)])
    return frozenset(found - {""})


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def listed() -> list[str]:
    text = (ROOT / "docs" / "errors.md").read_text()
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def test_every_code_is_listed_once_and_in_order() -> None:
    assert sorted(codes()) == listed()


def test_every_code_is_in_lower_snake_case() -> None:
    assert [code for code in sorted(codes()) if not SPELLING.fullmatch(code)] == []
