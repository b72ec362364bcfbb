"""What `make measure-code` counts."""

import ast

import pytest

from scripts.measure_code import circles, functions, words
from scripts.measure_code.sources import ROOT, Module


def module(text: str, name: str = "saleor_stripe_audience.example") -> Module:
    return Module(name, ROOT / "example.py", ast.parse(text))


def test_modules_that_reach_one_another_are_one_circle() -> None:
    imports = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": {"f"}, "f": {"e"}, "g": set[str]()}
    assert circles._circles(imports) == [["a", "b", "c"], ["e", "f"]]


def test_an_import_that_hides_a_circle_is_counted_apart() -> None:
    tree = module("import top\ndef f():\n    import inner\nif TYPE_CHECKING:\n    import typed\n").tree
    for hidden, names in ((False, {"top"}), (True, {"top", "inner", "typed"})):
        found = {alias.name for node in circles._statements(tree, hidden=hidden) for alias in node.names}
        assert found == names


def test_a_body_is_as_long_as_its_statements() -> None:
    [function] = functions._functions(module('def f():\n    """Says."""\n    a = 1\n\n    return a\n'))
    assert functions._lines(function) == 3


def test_a_fragment_is_a_private_function_that_is_called_once() -> None:
    example = module("""
class Form:
    def shown(self): return self._title()
    def _title(self): return "a fragment"
    def _clean(self): return super()._clean()
def _key(row): return "given to a sort"
def _resolve(): return "given to a field"
@cache
def _table(): return "kept by its decorator"
@hook
def _listen(): return "registered by its decorator, and read nowhere"
def _twice(): return "called twice"
def _half(): return "called, and given to a sort"
def read(rows): return sorted(rows, key=_key), _table(), _twice(), _twice(), sorted(_half(), key=_half)
async def _inner(): return "a fragment"
field = Field(resolver=_resolve), _inner()
""")
    used = {each.name for each in functions._used_once(example)}
    assert used == {"_title", "_clean", "_key", "_resolve", "_table", "_inner"}
    assert {each.name for each in functions._called_once(example)} == {"_title", "_inner"}


@pytest.mark.parametrize(
    ("word", "text", "count"),
    [
        ("told", "it told; TOLD; _told_twice; beTold", 4),
        ("told", "untold, toldo", 0),
        ("by hand", "by\nhand, by hands", 1),
        ("Word", "class Word:\n    pass\nword = 1", 1),
    ],
)
def test_words_are_found_in_prose_and_in_names(word: str, text: str, count: int) -> None:
    pattern = words._name(word) if word in words.NAMES else words._prose(word)
    assert len(pattern.findall(text)) == count


def test_no_outdated_word_is_left() -> None:
    assert {word: words.files(word) for word in words.words()} == {}
