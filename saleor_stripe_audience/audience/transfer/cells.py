"""Cells of a CSV file as they are handed out: a spreadsheet that opens it must not run them."""

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would take for a formula; `as_written` takes it off again.

    As advised by https://owasp.org/www-community/attacks/CSV_Injection. A text that has such an apostrophe already gets
    another, so that both are told apart when they are read.
    """
    return f"'{text}" if text.lstrip("'").startswith(FORMULAS) else text


def as_written(text: str) -> str:
    """The text without the apostrophe that `harmless` put before it."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULAS) else text
