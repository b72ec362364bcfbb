"""Recordings of what a real Saleor sent and published; README.md describes each file."""

import json
import lzma
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema, build_schema

FOLDER = Path(__file__).parent


@cache
def read(name: str) -> str:
    """Return the text of a recording, such as `schema/3.23.graphql`, compressed or not."""
    packed = FOLDER / f"{name}.xz"
    if packed.exists():
        return lzma.decompress(packed.read_bytes()).decode()
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def genuine_schema(version: str) -> GraphQLSchema:
    """Return Saleor's own GraphQL schema of a version such as "3.23"; built once per process."""
    return build_schema(read(f"schema/{version}.graphql"), assume_valid=True, no_location=True)


def lines(name: str) -> list[dict[str, Any]]:
    """Return the objects of a recording with one per line."""
    return [json.loads(line) for line in read(name).splitlines()]


def answer_schema(name: str) -> dict[str, Any] | None:
    """Return Saleor's schema of a response, such as `TransactionInitializeSession`; None if there is none."""
    file = FOLDER / "response-schemas" / f"{name}.json"
    found: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    return found
