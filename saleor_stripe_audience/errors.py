"""The two ways in which something fails; both carry words fit to show a merchant.

Failure
├── Rejected     a retry cannot help: somebody must change something
│   └── Blocked  the account is refused, whatever it asks: once that is put right the same request succeeds
└── Unavailable  a retry may help: the other side did not answer, or not in time
"""

import uuid


class Failure(Exception):  # noqa: N818 - "Failure" is the word of the trade, as in CHARGE_FAILURE
    """A failure that says in `message` what a merchant should do, and in `code` what it is.

    `message` never holds a secret, personal data or a repr: it is shown and stored. `values` are the amounts and
    names in it, for whoever says the same in other words.
    """

    def __init__(self, message: str, *, code: str = "", values: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.values = values or {}


class Rejected(Failure):
    """The request was understood and refused; repeating it cannot help."""


class Blocked(Rejected):
    """The trouble is the account's, not the request's, such as a key that is no longer valid.

    `by` is the id of our row of the account, None where there is none yet. Work that meets it waits for the account.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        values: dict[str, str] | None = None,
        by: uuid.UUID | None = None,
    ) -> None:
        super().__init__(message, code=code, values=values)
        self.by = by


class Unavailable(Failure):
    """The other side did not answer, or not in time; repeating it under the same key may help."""
