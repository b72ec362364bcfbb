"""Cells of a CSV file as they are handed out: a spreadsheet that opens it must not run them.

A spreadsheet may separate cells by something else than the comma that wrote the file, and then takes the middle of a
cell for the beginning of one. So an apostrophe is put before whatever begins a formula, also after a blank, a
separator, a quotation mark or a line break. `as_written` takes each off again. As advised by
https://owasp.org/www-community/attacks/CSV_Injection.
"""

import re

# With the wide and small forms, which spreadsheets of East Asia take for the same, and the minus sign.
SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
# All blanks and line breaks there are, written out: PostgreSQL and Python do not agree on \s.
BLANKS = "\t\n\x0b\x0c\r\x1c-\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
BOUNDARIES = f',;|"{BLANKS}'
# A telephone number as E.164 and people write it is no formula, and other services want it as it is.
PHONE = r"\+[0-9][0-9 ().]*"

DANGER = f"(^|[{BOUNDARIES}])('*[{SIGNS}])"
LEADING_BREAK = "^('*[\t\r\n])"

_DANGER = re.compile(DANGER)
_LEADING_BREAK = re.compile(LEADING_BREAK)
_WRITTEN = re.compile(f"(^|[{BOUNDARIES}])'('*[{SIGNS}])")
_WRITTEN_BREAK = re.compile("^'('*[\t\r\n])")
_PHONE = re.compile(PHONE)


def harmless(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet could take for a formula.

    Where such an apostrophe stands already it gets another, so that both are told apart when they are read.
    """
    return _LEADING_BREAK.sub(r"'\1", _DANGER.sub(r"\1'\2", text))


def harmless_phone(text: str) -> str:
    """A telephone number as it is; anything else there as `harmless` has it."""
    return text if _PHONE.fullmatch(text) else harmless(text)


def as_written(text: str) -> str:
    """The text without the apostrophes that `harmless` put in."""
    return _WRITTEN.sub(r"\1\2", _WRITTEN_BREAK.sub(r"\1", text))


def leading_as_written(text: str) -> str:
    """The same of a file of others, who put the apostrophe before the whole cell only."""
    return text[1:] if _WRITTEN.match(text) else text
