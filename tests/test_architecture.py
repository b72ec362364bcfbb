"""Rules for the whole tree."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import grimp
import pytest

from scripts.measure_code.circles import circles

ROOT = Path(__file__).parent.parent


def test_imports_go_downward_only() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_no_module_imports_in_a_circle() -> None:
    """Neither at the top of modules nor inside functions."""
    assert circles()["all"] == []


PICTURES = {"saleor_stripe_audience": 0, "saleor_stripe_audience.audience": 1}


@pytest.mark.parametrize("package", PICTURES)
def test_the_pictures_show_the_imports(package: str) -> None:
    """Each arrow is an import; each import between two rooms is an arrow or a path along several."""
    pictures = re.findall(
        r"```mermaid\ngraph TD\n(.*?)```", (ROOT / "docs/architecture.md").read_text(), re.DOTALL
    )
    arrows = {
        tuple(line.split(" --> ")) for line in pictures[PICTURES[package]].replace(" " * 4, "").splitlines()
    }
    rooms = {room for arrow in arrows for room in arrow}
    imports = _imports_between(package, rooms)
    assert not arrows - imports, "arrows without an import"
    assert not imports - _reachable(arrows), "imports without an arrow"
    assert (
        rooms
        == {path.parent.name for path in (ROOT / package.replace(".", "/")).glob("*/__init__.py")} - NOT_DRAWN
    )


NOT_DRAWN = {"sandbox", "migrations", "pooled_sqlite3"}  # the last one is below all rooms, as Django requires


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("saleor_stripe_audience", cache_dir=None)


def _imports_between(package: str, rooms: set[str]) -> set[tuple[str, ...]]:
    graph = _graph()
    found = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            ends = tuple(
                each.removeprefix(f"{package}.").split(".")[0] if each.startswith(f"{package}.") else ""
                for each in (module, imported)
            )
            if ends[0] != ends[1] and set(ends) <= rooms:
                found.add(ends)
    return found


def _reachable(arrows: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    found = set(arrows)
    while more := {(a, d) for a, b in found for c, d in arrows if b == c} - found:
        found |= more
    return found


def test_there_is_no_python_among_the_graphql_documents() -> None:
    assert {path.suffix for path in (ROOT / "graphql").rglob("*") if path.is_file()} == {".graphql"}


@pytest.mark.parametrize("path", sorted((ROOT / "manifests").glob("*.json")), ids=lambda path: path.name)
def test_every_manifest_is_a_json_object_with_known_documents(path: Path) -> None:
    manifest = json.loads(path.read_text())
    for event in manifest["webhooks"]:
        assert (ROOT / "graphql" / "webhooks" / f"{event}.graphql").is_file(), event


def test_there_are_three_manifests() -> None:
    assert {path.stem for path in (ROOT / "manifests").glob("*.json")} == {
        "app",
        "audience-only",
        "payments-only",
    }
