"""The Python files of the checkout, parsed once."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = "saleor_stripe_audience"
PACKAGES = (PRODUCT, "scripts")


@dataclass(frozen=True)
class Module:
    """One file; `name` is its dotted name, that of the package if it is an `__init__`."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Whether the file is an `__init__`."""
        return self.path.name == "__init__.py"

    @property
    def is_product(self) -> bool:
        """Whether a shop runs it: neither a stand-in nor a script."""
        return self.name.startswith(PRODUCT) and not self.name.startswith(f"{PRODUCT}.sandbox")


@cache
def modules() -> dict[str, Module]:
    """Return every module by name, without migrations."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                name = name_of(path)
                found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return found


def name_of(path: Path) -> str:
    """Return the dotted name under which a file of the checkout is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
