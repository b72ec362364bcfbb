"""What a real Saleor sent and published; README.md describes each file."""

import json
import lzma
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema, build_schema

FOLDER = Path(__file__).parent


@cache
def read(name: str) -> str:
    """The text of a recording, such as `schema/3.23.graphql`, compressed or not."""
    packed = FOLDER / f"{name}.xz"
    if packed.exists():
        return lzma.decompress(packed.read_bytes()).decode()
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def genuine_schema(version: str) -> GraphQLSchema:
    """Saleor's own GraphQL schema in that version, such as "3.23"; built once for all tests of a process."""
    return build_schema(read(f"schema/{version}.graphql"), assume_valid=True)


def lines(name: str) -> list[dict[str, Any]]:
    """The objects of a recording that has one a line."""
    return [json.loads(line) for line in read(name).splitlines()]


def answer_schema(name: str) -> dict[str, Any] | None:
    """Saleor's schema of an answer, such as `TransactionInitializeSession`; None for one that it has no schema of."""
    file = FOLDER / "response-schemas" / f"{name}.json"
    found: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    return found
