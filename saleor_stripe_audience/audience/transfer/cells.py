"""Escapes CSV cells so that a spreadsheet does not execute them as formulas, and reverses it.

A spreadsheet may split cells at another separator than the file's comma, so that the middle of a cell becomes the start
of one. So an apostrophe is put before every possible start of a formula: also after white space, a separator, a
quotation mark or a line break. `unescape` removes them again. As advised by
https://owasp.org/www-community/attacks/CSV_Injection.
"""

import re

# Including the full-width and small forms, which East Asian spreadsheets treat alike, and the minus sign.
SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
# All white space and line breaks, listed because PostgreSQL and Python disagree about \s; and invisible characters.
BLANKS = (
    "\t\n\x0b\x0c\r\x1c-\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    "\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
)
BOUNDARIES = f',;|"{BLANKS}'
# A phone number in E.164 or everyday notation is not a formula, and other services expect it unchanged.
PHONE = r"\+[0-9][0-9 ().]*"

DANGER = f"(^|[{BOUNDARIES}])('*[{SIGNS}])"
LEADING_BREAK = "^('*[\t\r\n])"

_DANGER = re.compile(DANGER)
_LEADING_BREAK = re.compile(LEADING_BREAK)
_ESCAPED = re.compile(f"(^|[{BOUNDARIES}])'('*[{SIGNS}])")
_ESCAPED_BREAK = re.compile("^'('*[\t\r\n])")
_PHONE = re.compile(PHONE)


def escape(text: str) -> str:
    """Put an apostrophe before everything that a spreadsheet could execute as a formula.

    An existing apostrophe there gets a second one, so that `unescape` can distinguish them.
    """
    return _LEADING_BREAK.sub(r"'\1", _DANGER.sub(r"\1'\2", text))


def escape_phone(text: str) -> str:
    """Return a phone number unchanged, and escape anything else."""
    return text if _PHONE.fullmatch(text) else escape(text)


def unescape(text: str) -> str:
    """Remove the apostrophes that `escape` added."""
    return _ESCAPED.sub(r"\1\2", _ESCAPED_BREAK.sub(r"\1", text))


def unescape_start(text: str) -> str:
    """Remove an apostrophe at the start only, as other programs put it before the whole cell."""
    return text[1:] if _ESCAPED.match(text) else text
