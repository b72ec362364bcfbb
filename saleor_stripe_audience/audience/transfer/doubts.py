"""Refuses to subscribe people from a file if another encoding could show who unsubscribed.

Read in a wrong encoding, a column of withdrawals has a name and values that mean nothing.
"""

import re
from typing import BinaryIO

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.transfer.columns import Columns
from saleor_stripe_audience.audience.transfer.reading import UTF_8, Form, read_rows
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

LONGEST_STATUS = 40  # characters
MOST_STATUSES = 20  # different ones, in a column
_BYTES = re.compile("[\ud800-\udfff]")  # that are no characters, as `reading` returns them
DAMAGED = pgettext_lazy(
    "staff",
    "The column “{column}” has characters that are not in UTF-8, and may say who unsubscribed. Save the file as CSV in "
    "UTF-8, then choose that file.",
)
CHOOSE_ENCODING = pgettext_lazy(
    "staff",
    "The file does not say how its characters are encoded, and the column “{column}” may say who unsubscribed. Choose "
    "the encoding of the file (on the command line: --encoding), so that nobody is subscribed by mistake.",
)


def check_encoding(file: BinaryIO, form: Form, columns: Columns, *, is_said_of_all: bool) -> None:
    """`Rejected` if a column that is not used could say who unsubscribed, in another encoding: by its name, or, if the
    whole file is said to have subscribed, by its values.
    """
    if form.is_certain:
        return
    names = (columns.header[each] for each in columns.unused)
    column = next((name for name in names if _is_doubtful(name, form)), "")
    if not column and is_said_of_all:
        column = _column_of_values(file, form, columns)
    if column:
        shown = _BYTES.sub("\N{REPLACEMENT CHARACTER}", column[:50])
        message = DAMAGED if form.encoding == UTF_8 else CHOOSE_ENCODING
        raise Rejected(with_values(message, column=shown), code="import_encoding")


def _is_doubtful(text: str, form: Form) -> bool:
    """Whether the text may be another one. Of UTF-8 only single characters are damaged."""
    return not text.isascii() and (form.encoding != UTF_8 or _BYTES.search(text) is not None)


def _column_of_values(file: BinaryIO, form: Form, columns: Columns) -> str:
    """Return a column whose values may be statuses: few different ones, short, and not all ASCII; empty if there is
    none.
    """
    position = file.tell()  # the rows after the header are still to be read
    file.seek(0)
    values: dict[int, set[str]] = {place: set() for place in columns.unused}
    rows = read_rows(file, form)
    next(rows, None)
    for record in rows:
        for place in list(values):
            text = record.cells[place] if place < len(record.cells) else ""
            if len(text) <= LONGEST_STATUS and _is_doubtful(text, form):
                values[place].add(text)
                if len(values[place]) > MOST_STATUSES:
                    del values[place]
    file.seek(position)
    return next((columns.header[place] or str(place + 1) for place, some in values.items() if some), "")
