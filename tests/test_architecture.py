"""What is true of the whole tree."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.measure_code.circles import circles

ROOT = Path(__file__).parent.parent


def test_imports_go_downward_only() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_no_stand_in_and_no_script_imports_in_a_circle() -> None:
    """Neither at the top of modules nor hidden in functions."""
    found = circles()["all"]
    assert [
        knot for knot in found if any(".sandbox." in name or name.startswith("scripts") for name in knot)
    ] == []


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
