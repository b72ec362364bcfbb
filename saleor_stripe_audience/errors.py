"""The two ways in which something fails; both have a message for the merchant and a code, listed in docs/errors.md.

Failure
├── Rejected     a retry cannot help: someone has to change something
│   └── Blocked  the account is refused, whatever the request: once that is fixed, the same request succeeds
└── Unavailable  a retry may help: the other side did not respond, or not in time
"""

import uuid
from collections.abc import Mapping

from django.utils.functional import Promise

from saleor_stripe_audience.wording import ENGLISH, in_language


class Failure(Exception):  # noqa: N818 - "failure" is the term of payments, as in CHARGE_FAILURE
    """A failure: `message` says what a merchant should do, `code` (in lower_snake_case) what happened.

    `message` never contains a secret, personal data or a repr: it is shown and stored. `values` are the amounts and
    names in it, for texts that give the same information to another reader. `translatable` is the message for a page,
    which shows it in its reader's language; `message` is its English.
    """

    def __init__(
        self, message: Promise | str, *, code: str = "", values: Mapping[str, object] | None = None
    ) -> None:
        self.translatable = message
        self.message = message if isinstance(message, str) else in_language(message, ENGLISH)
        super().__init__(self.message)
        self.code = code
        self.values = values or {}


class Rejected(Failure):
    """The request was understood and refused; a retry cannot help."""


class Blocked(Rejected):
    """The account is the problem, not the request, such as a key that is no longer valid.

    `by` is the id of the account's row, None if there is none yet. The event's handler waits for the account.
    """

    def __init__(
        self,
        message: Promise | str,
        *,
        code: str = "",
        values: Mapping[str, object] | None = None,
        by: uuid.UUID | None = None,
    ) -> None:
        super().__init__(message, code=code, values=values)
        self.by = by


class Unavailable(Failure):
    """The other side did not respond, or not in time; a retry under the same key may help."""
