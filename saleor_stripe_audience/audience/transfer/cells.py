"""Cells of a CSV file as they are handed out: a spreadsheet that opens it must not run them."""

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would take for a formula; an import takes it off again.

    As advised by https://owasp.org/www-community/attacks/CSV_Injection.
    """
    return f"'{text}" if text.startswith(FORMULAS) else text
