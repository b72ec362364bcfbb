r"""The text on a shopper's statement. Source: "Statement descriptors"."""

from .errors import invalid

LONGEST = 22
SHORTEST = 5
_FORBIDDEN = set("<>\\'\"*")


def check_descriptor(text: str, param: str = "statement_descriptor") -> None:
    """A whole descriptor: 5 to 22 characters with a Latin letter; no < or >, quote, backslash or asterisk."""
    _check(text, SHORTEST, param)


def check_suffix(text: str, param: str = "statement_descriptor_suffix") -> None:
    """The part added to the account's own prefix for cards: up to 22 characters, with a letter."""
    _check(text, 1, param)


def _check(text: str, shortest: int, param: str) -> None:
    if not shortest <= len(text) <= LONGEST:
        raise invalid(f"The statement descriptor must have {shortest} to {LONGEST} characters.", param)
    if _FORBIDDEN & set(text):
        raise invalid("The statement descriptor must not contain < > \\ ' \" *.", param)
    if not any(letter.isalpha() and letter.isascii() for letter in text):
        raise invalid("The statement descriptor must contain at least one Latin letter.", param)
