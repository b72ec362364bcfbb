"""Every message to shoppers and staff has a French translation, in the catalogue of its reader."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings
from django.utils import translation

import saleor_stripe_audience

PACKAGE = Path(saleor_stripe_audience.__file__).parent
READERS = ("shopper", "staff")
PYTHON = [path for path in PACKAGE.rglob("*.py") if "sandbox" not in path.parts]
# The only message that the code chooses from its own template (`blocktranslate`) is in neither list.
CALLS = {"gettext": 0, "gettext_lazy": 0, "_": 0, "pgettext_lazy": 1, "pgettext": 1}
# French puts a non-breaking space before these, and inside quotation marks.
BREAKABLE = re.compile(
    r"(?<!\N{NO-BREAK SPACE})[;?!»]|(?<!\N{NO-BREAK SPACE}):(?!\S)|«(?!\N{NO-BREAK SPACE})"
)
IN_TEMPLATE = re.compile(r'{% translate "([^"]+)" %}')


class Entry(NamedTuple):
    context: str
    english: str
    french: str


def entries(reader: str) -> list[Entry]:
    """Return the entries of the reader's catalogue, without its header and messages with plurals."""
    text = (PACKAGE / "locale" / reader / "fr/LC_MESSAGES/django.po").read_text("utf-8")
    found = []
    for block in text.split("\n\n")[1:]:
        if "msgid_plural" in block:
            assert 'msgstr[2] ""' not in block
            continue
        fields = dict(re.findall(r'^(msgctxt|msgid|msgstr) (".*")$', block, re.MULTILINE))
        read = {name: ast.literal_eval(value) for name, value in fields.items()}
        found.append(Entry(read.get("msgctxt", ""), read["msgid"], read["msgstr"]))
    return found


def places(text: str) -> set[str]:
    """Return the names of a message's values."""
    formatted = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    return formatted | set(re.findall(r"%\(\w+\)s", text))


@cache
def messages_in_code() -> frozenset[tuple[str, str]]:
    """Return the context and English text of each message in the code and the templates."""
    return frozenset(_messages_in_code())


def _messages_in_code() -> Iterator[tuple[str, str]]:
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                texts = [each.value if isinstance(each, ast.Constant) else None for each in node.args]
                context = texts[0] if CALLS[node.func.id] else ""
                if isinstance(english := texts[CALLS[node.func.id]], str):
                    yield str(context), english
    for template in PACKAGE.rglob("templates/**/*.html"):
        for english in IN_TEMPLATE.findall(template.read_text("utf-8")):
            yield "", english


def test_the_catalogues_are_those_of_the_settings() -> None:
    assert [Path(each) for each in settings.LOCALE_PATHS] == [PACKAGE / "locale" / each for each in READERS]


@pytest.mark.parametrize("reader", READERS)
def test_each_entry_is_translated_compiled_and_keeps_its_values(reader: str) -> None:
    found = entries(reader)
    assert len(found) > 50
    with translation.override("fr"):
        for context, english, french in found:
            assert context in ("", reader)
            assert french.strip()
            assert places(english) == places(french), english
            compiled = translation.pgettext(context, english) if context else translation.gettext(english)
            assert compiled == french


@pytest.mark.parametrize("reader", READERS)
def test_no_line_of_french_breaks_before_its_punctuation(reader: str) -> None:
    text = (PACKAGE / "locale" / reader / "fr/LC_MESSAGES/django.po").read_text("utf-8")
    french = [
        ast.literal_eval(each) for each in re.findall(r'^msgstr(?:\[\d\])? (".+")$', text, re.MULTILINE)
    ]
    assert len(french) > 50
    assert [each for each in french if BREAKABLE.search(each)] == []


@pytest.mark.parametrize("reader", READERS)
def test_french_has_one_kind_of_apostrophe(reader: str) -> None:
    assert [
        entry.french for entry in entries(reader) if "\N{RIGHT SINGLE QUOTATION MARK}" in entry.french
    ] == []


def test_every_message_has_a_translation_in_its_readers_catalogue() -> None:
    known = {(entry.context, entry.english) for reader in READERS for entry in entries(reader)}
    said = messages_in_code()
    assert len(said) > 200
    assert sorted(said - known) == []


def test_no_translation_is_left_of_a_message_that_is_gone() -> None:
    said = messages_in_code()
    for reader in READERS:
        with_context = {(entry.context, entry.english) for entry in entries(reader) if entry.context}
        assert sorted(with_context - said) == []


OTHER_WORDS = {
    "english": re.compile(r"(?<![-\w])mails?\b(?! server)|\be-mails?\b", re.IGNORECASE),
    "french": re.compile(r"(?<![-\w])mails?\b|courriel|distribuable", re.IGNORECASE),
}


@pytest.mark.parametrize("reader", READERS)
def test_one_thing_has_one_name(reader: str) -> None:
    """Emails are always called emails, and an address that they do not reach has one term in each language."""
    for entry in entries(reader):
        assert not OTHER_WORDS["english"].search(entry.english), entry.english
        assert not OTHER_WORDS["french"].search(entry.french), entry.french
