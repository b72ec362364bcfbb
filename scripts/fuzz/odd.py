"""Unusual values, and how they mutate JSON, texts and bytes. Everything depends on a seed."""

import json
import random
from typing import Any

TEXTS = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff", "\u202e", "☃", "é", "🇫🇷", "'", '"', "\\", "%00", "%", "../../etc/passwd",
    "<script>", "{{7*7}}", "NaN", "null", "true", "-1", "0", "1e400", "9" * 40, "x" * 300, "x" * 5000, "a\r\nb: c",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", "12:00", "USD", "XXX", "https://[",
    "https://a:b/", "http://127.0.0.1:9/", "QXBwOjE=", "T3JkZXI6MQ==", "VHJhbnNhY3Rpb25JdGVtOjE=",
    "YXJyYXljb25uZWN0aW9uOjk5OTk5OTk5OTk5OTk5OTk5OTk5", "pi_1", "evt_1", "default-channel",
    "a@example.com", "a@" + "x" * 300 + ".com", "ä@exämple.com", "a@b@c", "-" * 40,
    "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**30, 0.1, -0.0, 1e-300, 1e300, 1.005, 10**12, True, False)
RAW = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "9" * 5000,
    "[" * 200 + "]" * 200,
    "[" * 20_000,
    "01",
    "tru",
    "'a'",
    "",
)


def value(chance: random.Random) -> Any:
    """Return an unusual value of any JSON type."""
    kind = chance.randrange(8)
    if kind < 3:
        return chance.choice(TEXTS)
    if kind < 5:
        return chance.choice(NUMBERS)
    return chance.choice((None, [], {}, [None], [[[]]], {"": {"": ""}}, ["x"] * 200, {"a": {"id": 1}}))


def mutated(tree: Any, chance: random.Random) -> bytes:
    """Return the tree's JSON after replacing, removing, adding or breaking some of it."""
    tree = json.loads(json.dumps(tree))
    for _ in range(chance.choice((0, 1, 1, 1, 2, 5))):
        tree = _changed(tree, chance)
    text = json.dumps(tree, ensure_ascii=chance.random() < 0.8)
    body = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        body = _broken(body, chance)
    return body


def text(chance: random.Random) -> str:
    """Return an unusual text."""
    return chance.choice(TEXTS)


def _changed(tree: Any, chance: random.Random) -> Any:
    places = list(_places(tree))
    if not places:
        return value(chance)
    holder, key = chance.choice(places)
    action = chance.randrange(6)
    if action == 0:
        del holder[key]
    elif action == 1 and isinstance(holder, dict):
        holder[chance.choice(TEXTS)] = value(chance)
    elif action == 2:
        holder[key] = [holder[key]] * chance.choice((1, 3))
    else:
        holder[key] = value(chance)
    return tree


def _places(tree: Any) -> Any:
    """Return every position in the tree: the container, and the key or index."""
    keys = tree.keys() if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in list(keys):
        yield tree, key
        yield from _places(tree[key])


def _broken(body: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(body) + 1)
    action = chance.randrange(5)
    if action == 0:
        return body[:place]
    if action == 1:
        return body[:place] + bytes(chance.randrange(256) for _ in range(4)) + body[place:]
    if action == 2:
        return body[:place] + chance.choice(RAW).encode() + body[place:]
    if action == 3:
        return body.replace(b'""', chance.choice(RAW).encode(), 1)
    return chance.choice(RAW).encode()
