"""Saleor's rich text (EditorJS blocks) as plain text: https://editorjs.io/saving-data/"""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

_UNSHOWN = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[a-zA-Z/!][^>]*>")
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
    shown = _UNSHOWN.sub("", text)
    with_breaks = re.sub(r"<br\s*/?>", "\n", shown, flags=re.IGNORECASE)
    return unescape(_TAG.sub("", with_breaks)).replace("\N{NO-BREAK SPACE}", " ").strip()


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
