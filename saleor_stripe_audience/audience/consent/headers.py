"""Headers of mails that must leave as they are."""

from email.policy import Policy
from typing import Self


class OneLineHeader(str):  # noqa: SLOT000 - it has a name
    """A header whose value leaves on one line and unencoded, however long it is.

    Python's e-mail policies break long values, or encode them (RFC 2047), which RFC 8058 does not allow of
    List-Unsubscribe: mailboxes then show no button. They take a value that has a name as one that folds itself.
    """

    name: str

    def __new__(cls, name: str, value: str) -> Self:
        """ValueError for a value that is no plain line."""
        if not value.isascii() or not value.isprintable():
            raise ValueError("a header of one line has printable ASCII only")
        made = super().__new__(cls, value)
        made.name = name
        return made

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.name, str(self))

    def fold(self, *, policy: Policy) -> str:
        """The line as it goes over the wire; called by the e-mail library."""
        return f"{self.name}: {self}{policy.linesep}"
