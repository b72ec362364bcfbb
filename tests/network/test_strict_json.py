"""Untrusted JSON: one object, or a ValueError that says what is wrong with it."""

import json

import pytest

from saleor_stripe_audience.strict_json import DEEPEST, read_object

DEEP = '{"a":' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1)
REFUSED = {
    "nothing": b"",
    "no JSON": b"<html>",
    "no UTF-8": b'{"a": "\xff"}',
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "a text": b'"x"',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "too large a fraction": b'{"a": 1e999}',
    "too large an integer": b'{"a": 1' + b"0" * 100 + b"}",
    "an endless integer": b'{"a": 1' + b"0" * 10_000 + b"}",
    "too deep": DEEP.encode(),
    "lists too deep": b'{"a":' + b"[" * 500 + b"]" * 500 + b"}",
    "far too deep": b"[" * 200_000,
    "NUL": b'{"a": "\\u0000"}',
    "NUL in a name": b'{"\\u0000": 1}',
    "half a character": b'{"a": ["\\ud800"]}',
    "half a character in a name": b'{"\\udfff": 1}',
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_worked_with_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each fault has its own message, none with the content
        read_object(text)


def test_a_normal_object_is_read_completely() -> None:
    genuine = {
        "name": "Zażółć 👍🏽",
        "amount": 19.99,
        "none": None,
        "wide": [{"a": number} for number in range(500)],
        "yen": 999_999_999_999,
    }
    assert read_object(json.dumps(genuine)) == genuine
    assert read_object(json.dumps(genuine, ensure_ascii=False).encode()) == genuine
    assert read_object('{"a":' * DEEPEST + "1" + "}" * DEEPEST)
