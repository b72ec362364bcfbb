"""Remaining words of the old vocabulary, and where they are."""

import re
from collections.abc import Iterator
from pathlib import Path

from .sources import ROOT

# As a word in prose, and as a part of a name (`_told_twice`, `BegunPayment`).
WORDS = (
    "anew", "begun", "by hand", "by_hand", "bygone", "doer", "goes on", "go on", "hitherto", "keep up", "keep_up",
    "lacking", "lacks", "mend", "mended", "mending", "of whom", "shown to be", "that is left", "that are left",
    "told", "untold", "whereof", "whom", "wishes", "wish",
)  # fmt: skip
NAMES = ("Word", "Words", "questions", "heal", "healed")  # good words in prose, but not as names
KINDS = {
    "code": ("saleor_stripe_audience/**/*.py", "scripts/**/*.py"),
    "tests": ("tests/**/*.py",),
    "docs": ("docs/**/*.md", "*.md", "tests/**/*.md"),
    "templates": (
        "saleor_stripe_audience/**/*.html",
        "saleor_stripe_audience/**/*.txt",
        "saleor_stripe_audience/**/*.js",
    ),
    "translations": ("saleor_stripe_audience/**/*.po",),
    "graphql": ("graphql/**/*.graphql", "docs/**/*.graphql"),
    "build": ("Makefile", "Dockerfile", "compose.yaml", "pyproject.toml", ".ci/*"),
}
# This list, its test, and other people's licenses, which cannot be rewritten.
_NOT_PROSE = re.compile(r"scripts/measure_code/words\.py|tests/scripts/test_measure_code\.py|LICENSE\.txt$")


def words() -> dict[str, dict[str, int]]:
    """Count each word in each kind of file; words that do not occur are omitted."""
    texts = {kind: list(_texts(patterns)) for kind, patterns in KINDS.items()}
    found = {}
    for word, pattern in [
        *((word, _prose(word)) for word in WORDS),
        *((name, _name(name)) for name in NAMES),
    ]:
        counts = {
            kind: sum(len(pattern.findall(text)) for text, plain in of_kind if word.lower() in plain)
            for kind, of_kind in texts.items()
        }
        if any(counts.values()):
            found[word] = {kind: count for kind, count in counts.items() if count}
    return found


def files(word: str) -> dict[str, int]:
    """Count a word in each file."""
    pattern = _name(word) if word in NAMES else _prose(word)
    found = {}
    for patterns in KINDS.values():
        for path in _paths(patterns):
            if count := len(pattern.findall(path.read_text(encoding="utf-8"))):
                found[str(path.relative_to(ROOT))] = count
    return found


def _prose(word: str) -> re.Pattern[str]:
    """Match the word alone or as a part of a name, where no letters are around it except a capital after it."""
    spaced = word.replace(" ", r"\s+")
    return re.compile(rf"(?<![a-zA-Z])(?i:{spaced})(?![a-z])|(?<=[a-z]){word.capitalize()}(?![a-z])")


def _name(name: str) -> re.Pattern[str]:
    """Match the definition of a class, function or variable with this name."""
    return re.compile(rf"\b(?:class|def)\s+_?{name}\b|^\s*{name}\s*[:=](?!=)", re.MULTILINE)


def _texts(patterns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield each file's text, and the text in lower case on one line, which quickly excludes most words."""
    for path in _paths(patterns):
        text = path.read_text(encoding="utf-8")
        yield text, " ".join(text.lower().split())


def _paths(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from (
            path
            for path in sorted(ROOT.glob(pattern))
            if path.is_file() and not _NOT_PROSE.search(path.as_posix())
        )
