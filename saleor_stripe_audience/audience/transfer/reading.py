"""A CSV file, read row by row, and what of it cannot be taken, with its line."""

import codecs
import csv
import hashlib
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Self

from saleor_stripe_audience.errors import Rejected

LONGEST_CELL = 100_000  # characters
LONGEST_LINE = LONGEST_CELL * 4
LONGEST_HEADER = 100_000  # characters that are looked through for separators
BLOCK_BYTES = 1024 * 1024
SEPARATORS = (",", ";", "\t", "|")
UTF_8 = "utf-8-sig"  # with or without its byte order mark
# Longer marks first: that of UTF-32 begins like one of UTF-16.
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
_HALVES = re.compile("[\ud800-\udfff]")  # of a character beyond the first 65,536
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # the first line of files that Excel is to open


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with one row: its line in the file, the field, and what to do."""

    line: int
    field: str
    message: str


class Record(NamedTuple):
    """One row of the file, with the line that it ends on.

    Where quotation marks are wrong, `is_damaged`: the cells are what stands between separators, and may have moved.
    """

    line: int
    cells: list[str]
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """How the file is written. `is_clean` if no cell can hold what a database refuses; `digest` is its SHA-256."""

    encoding: str
    separator: str
    digest: str
    is_clean: bool = True
    has_separator_line: bool = False

    @property
    def errors(self) -> str:
        """What becomes of bytes that are none of the encoding's: marks of which the row's reader complains."""
        if self.encoding == UTF_8:
            return "surrogateescape"
        return "surrogatepass" if self.encoding.startswith("utf") else "replace"


def look_at(file: BinaryIO, encoding: str = "", separator: str = "") -> Form:
    """How the file is written, as told, or as it looks; `Rejected` for an encoding that there is not."""
    digest, is_utf_8, has_zero = _look_through(file)
    if not encoding:
        encoding = _encoding(file, is_utf_8=is_utf_8)
    elif not _is_encoding(encoding):
        raise Rejected(
            f"There is no encoding {encoding[:40]}, such as utf-8 or cp1252.", code="import_encoding"
        )
    is_clean = is_utf_8 and not has_zero and encoding in (UTF_8, "utf-8")
    form = Form(encoding, separator or ",", digest, is_clean)
    begins = _beginning(file, form)
    first, _, _rest = begins.partition("\n")
    told = _SEPARATOR_LINE.fullmatch(first.strip("\r \ufeff"))
    if told is None:
        return Form(encoding, separator or _separator(begins), digest, is_clean)
    return Form(encoding, separator or told[1], digest, is_clean, has_separator_line=True)


def check_readable(file: BinaryIO, form: Form | None = None) -> int:
    """How many rows it has, the header apart; `Rejected`, naming the line, if it is not CSV to its end."""
    rows = sum(1 for _row in rows_of(file, form))
    file.seek(0)
    return max(0, rows - 1)


def digest_of(file: BinaryIO) -> str:
    """The SHA-256 of the whole file, by which it is known again."""
    return _look_through(file)[0]


def rows_of(file: BinaryIO, form: Form | None = None) -> Iterator[Record]:
    """Each row; the first is the header. Wrong quotation marks cost no more than the line that they stand on."""
    form = form or look_at(file)
    lines = _Lines(_lines(file, form))
    if form.has_separator_line:
        next(lines)
        lines.accept()
    csv.field_size_limit(LONGEST_CELL)
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
    """Lines for a CSV reader, which takes as many as a row needs. All but the first of them can be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._waiting: deque[str] = deque()
        self._taken: list[str] = []
        self.number = 0  # of the last line of the last row

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self._taken.append(line)
        return line

    def accept(self) -> None:
        """What was taken is a row."""
        self.number += len(self._taken)
        self._taken.clear()

    def give_back(self) -> str:
        """The first line that was taken; the others are rows of their own."""
        first, *others = self._taken
        self._waiting.extendleft(reversed(others))
        self._taken = [first]
        return first


def _look_through(file: BinaryIO) -> tuple[str, bool, bool]:
    """In one pass: the digest, whether all of it is UTF-8, and whether it holds a zero byte."""
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    is_utf_8, has_zero = True, False
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
        has_zero = has_zero or b"\0" in block
        is_utf_8 = is_utf_8 and _is_decoded(decoder, block)
    is_utf_8 = is_utf_8 and _is_decoded(decoder, b"", final=True)
    file.seek(0)
    return digest.hexdigest(), is_utf_8, has_zero


def _is_decoded(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _encoding(file: BinaryIO, *, is_utf_8: bool) -> str:
    """UTF-8 whenever it can be; by its mark or its zero bytes UTF-16; otherwise what Windows writes in the West."""
    begins = file.read(4)
    file.seek(0)
    for mark, name in _BOMS:
        if begins.startswith(mark):
            return name
    zeros = [byte == 0 for byte in begins]
    if zeros == [False, True, False, True]:
        return "utf-16-le"
    if zeros == [True, False, True, False]:
        return "utf-16-be"
    return UTF_8 if is_utf_8 or _is_damaged_utf_8(file) else "cp1252"


def _is_damaged_utf_8(file: BinaryIO) -> bool:
    """Whether most of what is not ASCII is UTF-8 after all: a few bad bytes must not garble every name."""
    good = bad = 0
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    while block := file.read(BLOCK_BYTES):
        text = decoder.decode(block)
        wrong = len(_NOT_UTF_8.findall(text))
        bad += wrong
        good += sum(not character.isascii() for character in text) - wrong
    file.seek(0)
    return good > bad


def _is_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding  # noqa: SLF001 - what open() itself asks
    except (LookupError, ValueError):
        return False


def _beginning(file: BinaryIO, form: Form) -> str:
    """The first characters, lines ending in line feeds, that show what separates cells."""
    opened = io.TextIOWrapper(file, form.encoding, form.errors, newline=None)
    try:
        return opened.read(LONGEST_HEADER).lstrip("\ufeff")
    except UnicodeError:
        return ""  # reading it whole tells on which line
    finally:
        opened.detach()
        file.seek(0)


def _separator(begins: str) -> str:
    """What stands most often between the header's cells; inside quotation marks it separates nothing."""
    counts = dict.fromkeys(SEPARATORS, 0)
    is_quoted = False
    for character in begins.lstrip():
        if character == '"':
            is_quoted = not is_quoted
        elif is_quoted:
            continue
        elif character == "\n":
            break
        elif character in counts:
            counts[character] += 1
    return max(SEPARATORS, key=lambda each: counts[each])  # of equals the first


def _lines(file: BinaryIO, form: Form) -> Iterator[str]:
    """The file's lines as text, whatever ends them. One longer than any row may be is not read to its end."""
    opened = io.TextIOWrapper(file, form.encoding, form.errors, newline="")
    number = 0
    try:
        while line := opened.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise Rejected(
                    f"Line {number} is longer than {LONGEST_LINE:,} characters. Is this a CSV file?",
                    code="import_csv",
                )
            yield line
    except UnicodeError:
        raise Rejected(
            f"Line {number + 1} is not in {form.encoding.upper()}. Save the file as CSV in UTF-8.",
            code="import_encoding",
        ) from None
    finally:
        if not file.closed:  # otherwise the wrapper would close what is its caller's
            opened.detach()


def _csv_problem(line: int, error: csv.Error) -> str:
    if "field larger" in str(error):
        return f"Line {line} has a cell of more than {LONGEST_CELL:,} characters."
    return f"Line {line} is not CSV: a quotation mark is missing, or one too many."


def as_file(text: str) -> BinaryIO:
    """CSV in hand as a file. Half a character, which JSON can bring, spoils its cell and no other."""
    return io.BytesIO(_HALVES.sub("\0", text).encode())
