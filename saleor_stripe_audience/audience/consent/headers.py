"""Mail headers that must be sent unchanged."""

from email.header import Header
from email.policy import Policy
from email.utils import formataddr
from typing import Self


class OneLineHeader(str):  # noqa: SLOT000 - it has a name
    """A header whose value is sent on one line and unencoded, however long it is.

    Python's email policies fold long values or encode them (RFC 2047). RFC 8058 forbids that for List-Unsubscribe:
    mailboxes then show no button. The policies leave a value with a `name` to fold itself.
    """

    name: str

    def __new__(cls, name: str, value: str) -> Self:
        """Create the header. ValueError unless the value is printable ASCII."""
        if not value.isascii() or not value.isprintable():
            raise ValueError("a one-line header can contain printable ASCII only")
        made = super().__new__(cls, value)
        made.name = name
        return made

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.name, str(self))

    def fold(self, *, policy: Policy) -> str:
        """Return the line as it is sent; called by the email library."""
        return f"{self.name}: {self}{policy.linesep}"


def encode_mailbox(name: str, address: str) -> str:
    """Return the mailbox for a From header in ASCII, its name quoted or encoded as a whole (RFC 2047)."""
    if name.isascii():
        return formataddr((name, address))
    words = Header(name, "utf-8").encode(linesep="").split()  # each of at most 75 characters
    return f"{' '.join(words)} <{address}>"
