"""The pictures in the documentation: each exists, is used, and is small."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LARGEST = 150_000  # bytes
LARGEST_FULL_PAGE = 300_000  # of the demo, which has no other page to be shown on


def test_each_picture_is_there_used_and_small() -> None:
    used = {
        name
        for page in (ROOT / "README.md", *DOCS.glob("*.md"))
        for name in re.findall(r"!\[[^\]]+\]\((?:docs/)?images/([^)]+)\)", page.read_text("utf-8"))
    }
    sizes = {each.name: each.stat().st_size for each in DOCS.glob("images/*.png")}
    assert used == set(sizes)
    assert sizes.pop("demo.png") <= LARGEST_FULL_PAGE
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}
