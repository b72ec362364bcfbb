"""A CSV file, read row by row, and what of it cannot be taken, with its line."""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from saleor_stripe_audience.errors import Rejected

LONGEST_CELL = 100_000  # characters
BLOCK_BYTES = 1024 * 1024
BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with one row: its line in the file, the field, and what to do."""

    line: int
    field: str
    message: str


def check_readable(file: BinaryIO) -> int:
    """How many rows it has, the header apart; `Rejected`, naming the line, if it is not CSV in UTF-8 to its end."""
    rows = sum(1 for _row in rows_of(file))
    file.seek(0)
    return max(0, rows - 1)


def digest_of(file: BinaryIO) -> str:
    """The SHA-256 of the whole file, by which it is known again."""
    digest = hashlib.sha256()
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()


def rows_of(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line that it ends on; the first is the header, which shows if it is commas or semicolons."""
    lines = _lines(file)
    first = next(lines, "")
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(_again(first, lines), delimiter=_delimiter(first), strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Rejected(_csv_problem(reader.line_num, error), code="import_csv") from None
        if row:
            yield reader.line_num, row


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _lines(file: BinaryIO) -> Iterator[str]:
    """The file's lines as text. One longer than any row may be is not read to its end."""
    longest = LONGEST_CELL * 4
    number = 0
    while line := file.readline(longest):
        number += 1
        if number == 1:
            line = _without_bom(line)
        if len(line) == longest:
            raise Rejected(
                f"Line {number} is longer than {longest:,} bytes. Is this a CSV file?", code="import_csv"
            )
        if b"\0" in line:
            raise Rejected(
                f"Line {number} holds a zero byte. Save the file as CSV in UTF-8.", code="import_csv"
            )
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise Rejected(
                f"Line {number} is not in UTF-8. Save the file as CSV in UTF-8.", code="import_encoding"
            ) from None


def _without_bom(line: bytes) -> bytes:
    for mark, name in BOMS.items():
        if line.startswith(mark):
            raise Rejected(f"The file is in {name}. Save it as CSV in UTF-8.", code="import_encoding")
    return line.removeprefix(b"\xef\xbb\xbf")


def _delimiter(header: str) -> str:
    return ";" if header.count(";") > header.count(",") else ","


def _csv_problem(line: int, error: csv.Error) -> str:
    if "field larger" in str(error):
        return f"Line {line} has a cell of more than {LONGEST_CELL:,} characters."
    return f"Line {line} is not CSV: a quotation mark is missing, or one too many."


def as_file(text: str) -> BinaryIO:
    """CSV in hand as a file."""
    return io.BytesIO(text.encode())
