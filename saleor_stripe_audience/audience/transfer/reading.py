"""Reads a CSV file row by row, with the line of every error."""

import codecs
import csv
import hashlib
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, NamedTuple, Self

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.transfer.guessing import guess
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import ENGLISH, Wording, in_language, with_values

MAX_CELL_LENGTH = 100_000  # characters
LARGE_CELL = pgettext_lazy("staff", "Line {line} has a cell of more than {longest} characters.")
NO_CSV = pgettext_lazy("staff", "This is not a CSV file. Export the contacts as CSV, then choose that file.")
WORKBOOK = pgettext_lazy(
    "staff",
    "This is a workbook, not a CSV file. Save it as CSV in UTF-8 (File, Save as), then choose that file.",
)
NOT_CSV = pgettext_lazy(
    "staff", "Line {line} is not valid CSV: a quotation mark is missing, or there is one too many."
)
MAX_LINE_LENGTH = MAX_CELL_LENGTH * 4
MAX_HEADER_LENGTH = 100_000  # characters that are searched for separators
BLOCK_BYTES = 1024 * 1024
SEPARATORS = (",", ";", "\t", "|")
# How files begin that people mistake for CSV: workbooks of Excel and LibreOffice (zipped, or old), and documents.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MARKUP = (
    b"<html",
    b"<!doc",
    b"<?xml",
    b"<tabl",
)  # what shops export as workbooks, with names that end in .xls
_OTHERS = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"{\\rtf", b"\x1f\x8b")
UTF_8 = "utf-8-sig"  # with or without byte order mark
# Longer marks first: UTF-32's starts like UTF-16's.
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
# These consist of ASCII bytes; no other text has their signs for a change of characters.
_WITH_ESCAPES = {b"\x1b$B": "iso2022_jp_ext", b"\x1b$@": "iso2022_jp_ext", b"\x1b$)C": "iso2022_kr"}
_LONGEST_ESCAPE = 4
_ASCII_IN_UTF_16 = 0.25  # of a file's characters, at least: the addresses, separators and line ends
_START_BYTES = 4096
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_OPENING, _CLOSING, _NO_LETTERS = "“‘«‹„‚", "”»›™®…°", "ƒªºˆ˜µ"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # the first line of files made for Excel


@dataclass(frozen=True, slots=True)
class LineError:
    """An error in one row: its line in the file, the field, and a message in no language yet."""

    line: int
    field: str
    message: Wording

    def as_json(self) -> dict[str, Any]:
        """Return the error for a developer."""
        return {"line": self.line, "field": self.field, "message": in_language(self.message, ENGLISH)}


class Record(NamedTuple):
    """One row of the file, with the line that it ends on.

    With wrong quotation marks it `is_damaged`: it is split at separators only, so its cells may have shifted.
    """

    line: int
    cells: list[str]
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """How the file is written. `is_clean` if no cell can contain what a database refuses; `digest` is its SHA-256.

    Without `is_certain` the encoding is guessed, and another may be right; or characters are damaged.
    """

    encoding: str
    separator: str
    digest: str
    is_clean: bool = True
    has_separator_line: bool = False
    is_certain: bool = True

    @property
    def errors(self) -> str:
        """How invalid bytes are decoded: to characters that `rows` reports."""
        if self.encoding == UTF_8:
            return "surrogateescape"
        return "surrogatepass" if self.encoding.startswith("utf") else "replace"


def check_kind(content: bytes) -> None:
    """`Rejected` if a file that begins so is something else that people mistake for CSV."""
    if content.startswith(_WORKBOOKS) or content.removeprefix(codecs.BOM_UTF8).lower().startswith(_MARKUP):
        raise Rejected(WORKBOOK, code="import_csv")
    if content.startswith(_OTHERS):
        raise Rejected(NO_CSV, code="import_csv")


def detect_form(file: BinaryIO, encoding: str = "", separator: str = "") -> Form:
    """Detect how the file is written, unless it is given. `Rejected` for an unknown encoding, and what is no CSV."""
    check_kind(file.read(8))
    file.seek(0)
    return _form(file, _scan(file), encoding, separator)


def detect_start(start: bytes, *, is_whole: bool) -> Form:
    """Detect how a file is written from its first bytes, which may end within a character.

    The digest of a file is that of the whole: a start has none, and may be clean where the rest is not.
    """
    file = io.BytesIO(start)
    form = _form(file, _scan(file, is_whole=is_whole))
    return form if is_whole else replace(form, digest="", is_clean=False)


def _form(file: BinaryIO, found: "_Bytes", encoding: str = "", separator: str = "") -> Form:
    is_certain = True
    if not encoding:
        encoding, is_certain = _detect_encoding(file, found)
    elif not _is_encoding(encoding):
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "There is no encoding {encoding}, such as utf-8 or cp1252."),
                encoding=encoding[:40],
            ),
            code="import_encoding",
        )
    is_clean = found.are_utf_8 and not found.have_zero and encoding in (UTF_8, "utf-8")
    form = Form(encoding, separator or ",", found.digest, is_clean, is_certain=is_certain)
    start = _read_start(file, form)
    first_line = start.partition("\n")[0].strip("\r \ufeff")
    separator_line = _SEPARATOR_LINE.fullmatch(first_line)
    if separator_line is None:
        return replace(form, separator=separator or _detect_separator(start))
    return replace(form, separator=separator or separator_line[1], has_separator_line=True)


def count_rows(file: BinaryIO, form: Form) -> int:
    """Read the whole file and count its rows without the header. `Rejected`, naming the line, if it is not CSV."""
    rows = sum(1 for _row in read_rows(file, form))
    file.seek(0)
    return max(0, rows - 1)


def read_rows(file: BinaryIO, form: Form) -> Iterator[Record]:
    """Yield each row; the first is the header. Wrong quotation marks damage only the line that they are on."""
    lines = _Lines(_read_lines(file, form))
    if form.has_separator_line:
        next(lines)
        lines.accept()
    csv.field_size_limit(MAX_CELL_LENGTH)
    reader = csv.reader(lines, delimiter=form.separator, strict=True)
    is_header = True
    while True:
        is_damaged = False
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if is_header:
                raise Rejected(_csv_problem(lines.number + 1, error), code="import_csv") from None
            cells = [each.strip(' "\r\n') for each in lines.give_back().split(form.separator)]
            is_damaged = True
        lines.accept()
        if cells:
            yield Record(lines.number, cells, is_damaged)
            is_header = False


class _Lines:
    """Lines for a CSV reader, which takes as many as a row needs. All but the first can be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._returned: deque[str] = deque()
        self._taken: list[str] = []
        self.number = 0  # of the last line of the last row

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines)
        self._taken.append(line)
        return line

    def accept(self) -> None:
        """Count the taken lines as one row."""
        self.number += len(self._taken)
        self._taken.clear()

    def give_back(self) -> str:
        """Return the first taken line, and give back the others, which are their own rows."""
        first, *others = self._taken
        self._returned.extendleft(reversed(others))
        self._taken = [first]
        return first


class _Bytes(NamedTuple):
    """What is found in a file's bytes: `escape` is the encoding whose sign for a change of characters they contain."""

    digest: str
    are_utf_8: bool
    have_zero: bool
    escape: str


def _scan(file: BinaryIO, *, is_whole: bool = True) -> _Bytes:
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    is_utf_8, has_zero, escape, end = True, False, "", b""
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
        has_zero = has_zero or b"\0" in block
        is_utf_8 = is_utf_8 and _can_decode(decoder, block)
        if not escape and b"\x1b" in (around := end + block):
            escape = next((name for sign, name in _WITH_ESCAPES.items() if sign in around), "")
        end = block[-_LONGEST_ESCAPE:]
    is_utf_8 = is_utf_8 and _can_decode(decoder, b"", final=is_whole)
    file.seek(0)
    return _Bytes(digest.hexdigest(), is_utf_8, has_zero, escape)


def _can_decode(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _detect_encoding(file: BinaryIO, found: _Bytes) -> tuple[str, bool]:
    """Return UTF-8 whenever possible, UTF-16 by its mark or zero bytes, and otherwise the encoding that fits best; and
    whether it is certain.
    """
    start = file.read(_START_BYTES)
    file.seek(0)
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name, True
    if found.have_zero and (utf_16 := _utf_16_of(start)):
        return utf_16, True
    if found.escape and found.are_utf_8:
        return found.escape, True
    if found.are_utf_8 or _is_damaged_utf_8(file):
        return UTF_8, found.are_utf_8
    guessed = guess(file)
    return guessed.encoding, guessed.is_certain


def _utf_16_of(start: bytes) -> str:
    """Return the byte order of UTF-16 without a mark, by the zero bytes of its ASCII characters; empty if it is not."""
    pairs = len(start) // 2
    zeros = [start[first : pairs * 2 : 2].count(0) for first in (0, 1)]
    least = pairs * _ASCII_IN_UTF_16
    if zeros[1] >= least and zeros[1] > zeros[0] * 10:
        return "utf-16-le"
    return "utf-16-be" if zeros[0] >= least and zeros[0] > zeros[1] * 10 else ""


def _is_damaged_utf_8(file: BinaryIO) -> bool:
    """Whether most non-ASCII characters are UTF-8: a few bad bytes must not garble every name."""
    good = bad = 0
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    while block := file.read(BLOCK_BYTES):
        text = decoder.decode(block)
        invalid = len(_NOT_UTF_8.findall(text))
        bad += invalid
        good += sum(not character.isascii() for character in text) - invalid
    file.seek(0)
    return good > bad


def _is_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding  # noqa: SLF001 - as open() itself does
    except (LookupError, ValueError):
        return False


def _read_start(file: BinaryIO, form: Form) -> str:
    """Read the first characters, with line feeds as line ends, to detect the separator."""
    opened = io.TextIOWrapper(file, form.encoding, form.errors, newline=None)
    try:
        return opened.read(MAX_HEADER_LENGTH).lstrip("\ufeff")
    except UnicodeError:
        return ""  # reading the whole file will report the line
    finally:
        opened.detach()
        file.seek(0)


def _detect_separator(start: str) -> str:
    """Return the most frequent separator in the header, outside quotation marks."""
    counts = dict.fromkeys(SEPARATORS, 0)
    is_quoted = False
    for character in start.lstrip():
        if character == '"':
            is_quoted = not is_quoted
        elif is_quoted:
            continue
        elif character == "\n":
            break
        elif character in counts:
            counts[character] += 1
    return max(SEPARATORS, key=lambda each: counts[each])  # the first of equally frequent ones


def _read_lines(file: BinaryIO, form: Form) -> Iterator[str]:
    """Yield the file's lines as text, with any line ends. A line that is too long is not read to its end."""
    opened = io.TextIOWrapper(file, form.encoding, form.errors, newline="")
    number = 0
    try:
        while line := opened.readline(MAX_LINE_LENGTH):
            number += 1
            if len(line) == MAX_LINE_LENGTH:
                raise Rejected(
                    with_values(
                        pgettext_lazy(
                            "staff", "Line {number} is longer than {longest} characters. Is this a CSV file?"
                        ),
                        number=number,
                        longest=format(MAX_LINE_LENGTH, ","),
                    ),
                    code="import_csv",
                )
            yield line
    except UnicodeError:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "Line {number} is not in {encoding}. Save the file as CSV in UTF-8."),
                number=number + 1,
                encoding=form.encoding.upper(),
            ),
            code="import_encoding",
        ) from None
    finally:
        if not file.closed:  # otherwise the wrapper would close the caller's file
            opened.detach()


def _csv_problem(line: int, error: csv.Error) -> Promise:
    if "field larger" in str(error):
        return with_values(LARGE_CELL, line=line, longest=f"{MAX_CELL_LENGTH:,}")
    return with_values(NOT_CSV, line=line)


def as_file(text: str) -> BinaryIO:
    """Return the CSV text as a file. A lone surrogate, possible in JSON, invalidates only its cell."""
    return io.BytesIO(_SURROGATES.sub("\0", text).encode())
