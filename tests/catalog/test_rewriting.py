"""A description that was changed as plain text keeps the formatting that the merchant made in Saleor."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from saleor_stripe_audience.catalog.rewriting import normalized, rewrite, rich_text
from saleor_stripe_audience.catalog.rich_text import plain_text
from tests.examples import play

Json = dict[str, Any]

HEADER = {"type": "header", "data": {"text": "The <b>best</b> mug", "level": 2}}
TEXT = {"type": "paragraph", "data": {"text": "Buy it <i>now</i> &amp; here.<br>Second line"}}
LIST = {"type": "list", "data": {"style": "unordered", "items": ["one <b>bold</b>", "two", "three"]}}
NESTED = {"type": "list", "data": {"items": [{"content": "a", "items": [{"content": "b", "items": []}]}]}}
PICTURE = {"type": "image", "data": {"file": {"url": "https://shop.example.com/x.png"}}}
WHOLE = [HEADER, TEXT, LIST, PICTURE]


def document(*blocks: Json) -> str:
    return json.dumps({"time": 1, "blocks": blocks})


def blocks_of(text: str) -> list[Json]:
    found: list[Json] = json.loads(text)["blocks"]
    return found


def changed(before: str, after: str, *blocks: Json) -> list[Json]:
    """Replace the words in the blocks' text; return the new blocks after checking their text."""
    description = document(*blocks)
    wanted = plain_text(description).replace(before, after)
    written = rewrite(description, wanted)
    assert plain_text(written) == normalized(wanted)
    return blocks_of(written)


def test_the_same_text_changes_nothing() -> None:
    assert changed("best", "best", *WHOLE) == WHOLE


def test_markup_stays_around_a_word_that_was_changed() -> None:
    assert changed("best", "finest", *WHOLE)[0]["data"] == {"text": "The <b>finest</b> mug", "level": 2}


def test_markup_stays_around_the_words_that_stay() -> None:
    [block] = changed("here", "there", TEXT)
    assert block["data"]["text"] == "Buy it <i>now</i> &amp; there.<br>Second line"


def test_an_item_is_removed_changed_and_added() -> None:
    assert changed("two\n", "", *WHOLE)[2]["data"]["items"] == ["one <b>bold</b>", "three"]
    assert changed("two", "2", *WHOLE)[2]["data"]["items"] == ["one <b>bold</b>", "2", "three"]
    assert changed("two", "two\nmore", *WHOLE)[2]["data"]["items"] == [
        "one <b>bold</b>",
        "two",
        "more",
        "three",
    ]


def test_items_of_items_keep_their_place() -> None:
    [block] = changed("b", "c", NESTED)
    assert block["data"]["items"][0]["items"][0]["content"] == "c"


def test_new_lines_are_paragraphs_where_they_stand() -> None:
    first, *rest = changed("The", "New\nThe", *WHOLE)
    assert first == {"type": "paragraph", "data": {"text": "New"}}
    assert rest == WHOLE


@pytest.mark.parametrize(
    "gap", ["<br><br>", "<br> ", "<br>\n", "<br>&nbsp;<br>", "\n\n", "\u2028", "\x85", "\x0b"]
)
def test_an_empty_line_elsewhere_costs_no_formatting(gap: str) -> None:
    """Shift and Enter, twice, in Saleor's editor; InDesign and Word use other line breaks."""
    spaced = {"type": "paragraph", "data": {"text": f"one{gap}two"}}
    last = {"type": "paragraph", "data": {"text": "change me"}}
    description = document(*WHOLE, spaced, last)
    written = rewrite(description, plain_text(description).replace("change", "changed"))
    assert blocks_of(written) == [*WHOLE, spaced, {"type": "paragraph", "data": {"text": "changed me"}}]


def test_a_block_without_words_stays() -> None:
    assert blocks_of(rewrite(document(*WHOLE), "")) == [PICTURE]


def test_markup_in_the_text_is_text() -> None:
    written = rich_text("1 < 2 & <script>alert(1)</script>")
    assert "<script>" not in written
    assert plain_text(written) == "1 < 2 & <script>alert(1)</script>"


@pytest.mark.parametrize(
    "broken", [None, "", "no JSON", "[]", '{"blocks": 7}', '{"blocks": [1, {"data": 2}]}']
)
def test_a_description_that_is_none_is_replaced(broken: str | None) -> None:
    assert plain_text(rewrite(broken, "One\n\nTwo ")) == "One\nTwo"


WORDS = some.text(alphabet="ab<>&; \n\u00a0é", max_size=12)
MARKED = some.lists(
    some.sampled_from(["<b>", "</b>", "<i>", "</i>", "<br>", "one", " ", "&amp;", "two"]), max_size=8
)
BLOCKS = some.lists(
    some.one_of(
        some.builds(lambda parts: {"type": "paragraph", "data": {"text": "".join(parts)}}, MARKED),
        some.builds(lambda items: {"type": "list", "data": {"items": items}}, some.lists(WORDS, max_size=4)),
        some.builds(
            lambda rows: {"type": "table", "data": {"content": rows}},
            some.lists(some.lists(WORDS, max_size=2), max_size=3),
        ),
    ),
    max_size=4,
)


@play(150)
@given(blocks=BLOCKS, text=WORDS)
def test_whatever_was_written_says_what_was_wanted(blocks: list[Json], text: str) -> None:
    written = rewrite(document(*blocks), text)
    assert plain_text(written) == normalized(text)
    assert rewrite(written, plain_text(written)) == written, "repeating it changes nothing"
