"""The pictures in the documentation: each exists, is used, and is small."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
LARGEST = 150_000  # bytes


def test_each_picture_is_there_used_and_small() -> None:
    used = {
        name
        for page in DOCS.glob("*.md")
        for name in re.findall(r"!\[[^\]]+\]\(images/([^)]+)\)", page.read_text("utf-8"))
    }
    sizes = {each.name: each.stat().st_size for each in DOCS.glob("images/*.png")}
    assert used == set(sizes)
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}
