"""Writes a description that was changed as plain text into Saleor's rich text without losing its formatting.

Unchanged text keeps its block and markup; in a changed line, so do the unchanged words. Normalized, `plain_text` of the
result is the new text again: otherwise every comparison would find the change again. Comparing takes quadratic time, so
of a very long text or line the formatting is not kept.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape
from typing import Any

from saleor_stripe_audience.catalog.rich_text import (
    DEEPEST,
    end_of_tags,
    plain_text,
    read_references,
    strip_tags,
    with_line_feeds,
)

Json = dict[str, Any]

LONGEST = 100_000  # characters of a text or description whose formatting is kept
MOST_COMPARED = 1_000_000  # pairs of lines in a description, or of words in a line
_WORDS = r"&[#\w]+;|[^<&]+|[<&]"
_TOKENS = re.compile(rf"<[a-zA-Z/!][^>]*>|{_WORDS}")
_TOKENS_WITHOUT_TAGS = re.compile(_WORDS)
_OPENING = re.compile(r"<(b|i|u|s|em|strong|mark|code|a)\b[^>]*>", re.IGNORECASE)
_CLOSING = re.compile(r"</(b|i|u|s|em|strong|mark|code|a)>", re.IGNORECASE)
_TEXTS = ("title", "text", "message", "code", "caption")


def lines_of(text: str) -> list[str]:
    """Return the text as in Saleor's description: one paragraph per line, without empty ones."""
    lines = (line.replace("\N{NO-BREAK SPACE}", " ").strip() for line in text.splitlines())
    return [line for line in lines if line]


def normalized(text: str) -> str:
    """Return the text without anything that rich text cannot represent, so that equal texts can be compared."""
    return "\n".join(lines_of(text))


def rich_text(text: str) -> str:
    """The text as rich text of paragraphs."""
    return _document([_paragraph(line) for line in lines_of(text)])


def rewrite(description: str | None, text: str) -> str:
    """Return the description with the words of `text`, keeping its formatting where the words are unchanged."""
    if max(len(text), len(description or "")) > LONGEST:
        return rich_text(text)
    wanted = normalized(text)
    blocks = _blocks(description)
    for attempt in (_by_lines, _by_blocks):
        written = _document(attempt(blocks, lines_of(text)))
        if normalized(plain_text(written)) == wanted:
            return written
    return rich_text(text)


def _document(blocks: list[Json]) -> str:
    return json.dumps({"blocks": blocks, "version": "2.24.3"}, ensure_ascii=False)


def _paragraph(line: str) -> Json:
    return {"type": "paragraph", "data": {"text": escape(line, quote=False)}}


def _blocks(description: str | None) -> list[Json]:
    if not description:
        return []
    try:
        blocks = json.loads(description)["blocks"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return [each for each in blocks if isinstance(each, dict)] if isinstance(blocks, list) else []


def _lines_of_block(block: Json) -> list[str]:
    return lines_of(plain_text(json.dumps({"blocks": [block]})))


def _by_blocks(blocks: list[Json], lines: list[str]) -> list[Json]:
    """Keep blocks whose lines are all still there in a row, and make paragraphs of the others. Blocks without words are
    kept.
    """
    result: list[Json] = []
    position = 0
    for block in blocks:
        own = _lines_of_block(block)
        if not own:
            result.append(block)
            continue
        places = range(position, len(lines) - len(own) + 1)
        found = next((each for each in places if lines[each : each + len(own)] == own), None)
        if found is None:
            continue
        result += [_paragraph(line) for line in lines[position:found]]
        result.append(block)
        position = found + len(own)
    return result + [_paragraph(line) for line in lines[position:]]


@dataclass
class _Slot:
    """A piece of markup in a block, and how to replace it, remove it, or add lines after it.

    `add` is None if new lines cannot stay in the block: after a paragraph, or the last item of a list.
    """

    block: int
    markup: str
    write: Callable[[str], None]
    remove: Callable[[], None]
    add: Callable[[list[str]], None] | None = None


def _by_lines(blocks: list[Json], lines: list[str]) -> list[Json]:
    """Give each piece of markup the lines that replace its own; new lines become paragraphs after it."""
    copies: list[Json] = json.loads(json.dumps(blocks))
    slots = [each for number, block in enumerate(copies) for each in _slots(number, block)]
    owners = [
        (number, line) for number, slot in enumerate(slots) for line in lines_of(strip_tags(slot.markup))
    ]
    if len(owners) * len(lines) > MOST_COMPARED:
        return []
    given, added = _share(owners, lines)
    # From last to first, so that the positions in lists remain valid.
    for number in reversed(range(len(slots))):
        slot, new = slots[number], given.get(number, [])
        if slot.add is not None and number in added:
            slot.add(added.pop(number))
        if new:
            slot.write(_remarked(slot.markup, "\n".join(new)))
        elif lines_of(strip_tags(slot.markup)):
            slot.remove()
    behind: dict[int, list[str]] = {}
    for number, slot in enumerate(slots):
        behind.setdefault(slot.block, []).extend(added.get(number, []))
    result = [_paragraph(line) for line in added.get(-1, [])]
    for number, block in enumerate(copies):
        if _lines_of_block(block) or not _lines_of_block(blocks[number]):
            result.append(block)
        result += [_paragraph(line) for line in behind.get(number, [])]
    return result


def _share(
    owners: list[tuple[int, str]], lines: list[str]
) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """Return which lines each slot gets, and which new ones come after it (-1: before the first)."""
    given: dict[int, list[str]] = {}
    added: dict[int, list[str]] = {}
    matcher = SequenceMatcher(None, [line for _, line in owners], lines, autojunk=False)
    for _, start, end, first, last in matcher.get_opcodes():
        pairs = min(end - start, last - first)
        for offset in range(pairs):
            given.setdefault(owners[start + offset][0], []).append(lines[first + offset])
        before = owners[start + pairs - 1][0] if start + pairs else -1
        if extra := lines[first + pairs : last]:
            added.setdefault(before, []).extend(extra)
    return given, added


def _slots(number: int, block: Json) -> Iterator[_Slot]:
    """The same places in the same order as `plain_text` reads them."""
    data = block.get("data")
    if not isinstance(data, dict):
        return
    for name in _TEXTS:
        if isinstance(data.get(name), str):
            yield _slot_in(number, data, name)
    yield from _slots_of_items(number, data.get("items"), DEEPEST)
    rows = data.get("content")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, list) and len(row) == 1 and isinstance(row[0], str):
            yield _slot_in(number, row, 0)


def _slot_in(number: int, holder: Any, key: Any) -> _Slot:
    def write(markup: str) -> None:
        holder[key] = markup

    return _Slot(number, holder[key], write, lambda: write(""))


def _slots_of_items(number: int, items: Any, depth: int) -> Iterator[_Slot]:
    for position, item in enumerate(items if isinstance(items, list) and depth else []):
        if isinstance(item, str):
            yield _slot_of_item(number, items, position, item)
        elif isinstance(item, dict):
            name = "content" if item.get("content") else "text"
            if isinstance(item.get(name), str):
                slot = _slot_in(number, item, name)
                if not item.get("items"):
                    slot.add = _adder(items, position, name)
                yield slot
            yield from _slots_of_items(number, item.get("items"), depth - 1)


def _slot_of_item(number: int, items: list[Any], position: int, item: str) -> _Slot:
    def write(markup: str) -> None:
        items[position] = markup

    def remove() -> None:
        del items[position]

    return _Slot(number, item, write, remove, _adder(items, position, ""))


def _adder(items: list[Any], position: int, name: str) -> Callable[[list[str]], None] | None:
    """Adds items after this one: texts, or objects with the text under that name."""
    if position == len(items) - 1:
        return None

    def add(lines: list[str]) -> None:
        texts = [escape(line, quote=False) for line in lines]
        items[position + 1 : position + 1] = [{name: text} for text in texts] if name else texts

    return add


def _remarked(markup: str, text: str) -> str:
    """Return the markup with other words: unchanged words keep their tags."""
    if lines_of(strip_tags(markup)) == lines_of(text):
        return markup
    old, tags = _letters(_tokens(with_line_feeds(markup)))
    written: list[str] = []
    # Words, not letters: half a word in bold is not an unchanged word.
    before, after = _words(old), _words(text)
    if len(before) * len(after) > MOST_COMPARED:
        return _escaped(text)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    position = 0
    for kind, start, end, first, last in matcher.get_opcodes():
        length = sum(map(len, before[start:end]))
        if kind == "equal":
            for offset in range(length):
                written += tags.get(position + offset, [])
                written.append(_escaped(old[position + offset]))
        else:
            inner = [tag for offset in range(length) for tag in tags.get(position + offset, [])]
            # New words get the markup of the first word that they replace.
            written += inner[: len(tags.get(position, []))]
            written.append(_escaped("".join(after[first:last])))
            written += inner[len(tags.get(position, [])) :]
        position += length
    written += tags.get(len(old), [])
    return "".join(_without_empty_tags(written))


def _without_empty_tags(parts: list[str]) -> list[str]:
    """Leave out each tag that is closed right away, and what is empty without it."""
    kept: list[str] = []
    for part in filter(None, parts):
        closing = _CLOSING.fullmatch(part)
        opening = _OPENING.fullmatch(kept[-1]) if closing and kept else None
        if closing and opening and closing[1].lower() == opening[1].lower():
            kept.pop()
        else:
            kept.append(part)
    return kept


def _tokens(markup: str) -> list[str]:
    """The tags in the markup, and what stands between them."""
    end = end_of_tags(markup)
    return _TOKENS.findall(markup[:end]) + _TOKENS_WITHOUT_TAGS.findall(markup[end:])


def _letters(tokens: list[str]) -> tuple[str, dict[int, list[str]]]:
    """The words of the tokens, and which tags stand before which letter."""
    text = ""
    tags: dict[int, list[str]] = {}
    for token in tokens:
        if token.startswith("<") and token.endswith(">"):
            tags.setdefault(len(text), []).append(token)
        else:
            text += read_references(token)
    return text, tags


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)


def _escaped(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br>")
