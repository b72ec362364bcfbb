"""Saleor's rich text (EditorJS blocks) as plain text: https://editorjs.io/saving-data/"""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

# What is not shown: comments, scripts and styles, by how they begin and end.
_BEGINNING = re.compile(r"<!--|<(script|style)\b", re.IGNORECASE)
_ENDS = {
    "": re.compile(r"-->"),
    "script": re.compile(r"</script\s*+>", re.IGNORECASE),
    "style": re.compile(r"</style\s*+>", re.IGNORECASE),
}
_BREAK = re.compile(r"<br\s*+/?>", re.IGNORECASE)
_TAG = re.compile(r"<[a-zA-Z/!][^>]*>")
_TOO_LONG_REFERENCE = re.compile(
    r"&#[0-9]{8,}+;?"
)  # no character has such a number; Python refuses the longest
DEEPEST = 20  # of nested lists; nobody writes more


def plain_text(description: str | None) -> str:
    """Return the text of the blocks, one paragraph per line; other programs write a text instead of blocks."""
    if not description:
        return ""
    try:
        read = json.loads(description)
    except (ValueError, RecursionError):
        return strip_tags(description)
    if isinstance(read, str | int | float) and not isinstance(read, bool):
        return strip_tags(str(read))
    blocks = read.get("blocks") if isinstance(read, dict) else None
    if not isinstance(blocks, list):
        return ""
    lines = (line for block in blocks if isinstance(block, dict) for line in _lines(block.get("data")))
    return "\n".join(line for line in lines if line)


def strip_tags(text: str) -> str:
    """The text without HTML; a line break is one. In “< 3 years”, the sign begins no tag."""
    return read_references(_without_tags(with_line_feeds(_without_unshown(text)))).strip()


def read_references(text: str) -> str:
    """The text with a character for each `&amp;` or `&#38;`, and plain spaces."""
    readable = _TOO_LONG_REFERENCE.sub("\N{REPLACEMENT CHARACTER}", text)
    return unescape(readable).replace("\N{NO-BREAK SPACE}", " ")


def with_line_feeds(markup: str) -> str:
    """The markup with a line feed for each `<br>`."""
    return _BREAK.sub("\n", markup)


def end_of_tags(markup: str) -> int:
    """Where the last tag may end. Behind it, a search would look in vain for the end of every `<`."""
    return markup.rfind(">") + 1


def _without_tags(markup: str) -> str:
    end = end_of_tags(markup)
    return _TAG.sub("", markup[:end]) + markup[end:]


def _without_unshown(markup: str) -> str:
    """What begins and does not end is shown. Its end is searched for once: there is none behind a later beginning."""
    kept: list[str] = []
    endless: set[str] = set()
    position = 0
    for beginning in _BEGINNING.finditer(markup):
        kind = (beginning[1] or "").lower()
        if beginning.start() < position or kind in endless:
            continue
        end = _ENDS[kind].search(markup, beginning.end())
        if end is None:
            endless.add(kind)
            continue
        kept.append(markup[position : beginning.start()])
        position = end.end()
    return "".join(kept) + markup[position:]


def _lines(data: Any) -> Iterator[str]:
    """The lines of a paragraph, header, quote, code, list or table; other blocks have no words."""
    if not isinstance(data, dict):
        return
    for name in ("title", "text", "message", "code", "caption"):
        if isinstance(data.get(name), str):
            yield strip_tags(data[name])
    yield from _listed(data.get("items"), DEEPEST)
    rows = data.get("content")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, list):
            yield " | ".join(strip_tags("" if cell is None else str(cell)) for cell in row)


def _listed(items: Any, depth: int) -> Iterator[str]:
    for item in items if isinstance(items, list) and depth else []:
        if isinstance(item, str):
            yield strip_tags(item)
        elif isinstance(item, dict):
            yield strip_tags(str(item.get("content") or item.get("text") or ""))
            yield from _listed(item.get("items"), depth - 1)
