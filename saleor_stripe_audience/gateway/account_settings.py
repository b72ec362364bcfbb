"""Settings that a merchant chooses for all payments of a Stripe account.

The rules of the descriptor are Stripe's: https://docs.stripe.com/get-started/account/statement-descriptors, read
November 2026.
"""

import stripe
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.wording import with_values

LONGEST_DESCRIPTOR = 22  # of prefix, "* " and suffix together
BETWEEN = "* "
FORBIDDEN = "<>\\'\"*"
TOO_LONG = pgettext_lazy(
    "staff",
    "Stripe does not accept this statement descriptor. It has {characters} characters; there is room for {room}.",
)
TOO_LONG_BEHIND = pgettext_lazy(
    "staff",
    "Stripe does not accept this statement descriptor. It has {characters} characters; there "
    "is room for {room} after “{prefix}”.",
)


def set_receipts(account: StripeAccount, *, sends: bool) -> None:
    """Set whether Stripe emails receipts to shoppers (for live payments; test payments get none)."""
    account.sends_receipts = sends
    account.save(update_fields=["sends_receipts"])


def set_descriptor_suffix(account: StripeAccount, suffix: str) -> None:
    """Set the suffix that card statements show after the account's name; empty for none. `Rejected` says what is
    wrong.
    """
    suffix = suffix.strip()
    if suffix:
        check_suffix(suffix, _prefix(account))
        _try_at_stripe(account, suffix)
    account.descriptor_suffix = suffix
    account.save(update_fields=["descriptor_suffix"])


def check_suffix(suffix: str, prefix: str = "") -> None:
    """Raise `Rejected` unless the suffix follows Stripe's rules and fits after the prefix."""
    room = LONGEST_DESCRIPTOR - (len(prefix + BETWEEN) if prefix else 0)
    if len(suffix) > room:
        message = TOO_LONG_BEHIND if prefix else TOO_LONG
        raise _bad(message, characters=len(suffix), room=room, prefix=prefix)
    if not suffix.isascii() or not suffix.isprintable():
        raise _bad(
            pgettext_lazy(
                "staff",
                "Stripe does not accept this statement descriptor. It can only contain unaccented Latin "
                "letters, digits and symbols.",
            )
        )
    if found := sorted(set(FORBIDDEN) & set(suffix)):
        message = pgettext_lazy(
            "staff", "Stripe does not accept this statement descriptor. It must not contain {signs}."
        )
        raise _bad(message, signs=" ".join(found))
    if not any(letter.isalpha() for letter in suffix):
        raise _bad(
            pgettext_lazy(
                "staff", "Stripe does not accept this statement descriptor. It needs at least one letter."
            )
        )


def _bad(message: Promise, **values: object) -> Rejected:
    return Rejected(with_values(message, **values), code="descriptor")


def _prefix(account: StripeAccount) -> str:
    """Return the account's own name on statements; empty if the key has no permission to read it, which is not an
    error.
    """
    with client.errors_of(account):
        try:
            found = client.stripe_of(account).v1.accounts.retrieve_current().to_dict()
        except stripe.PermissionError:
            return ""
    cards = (found.get("settings") or {}).get("card_payments") or {}
    return str(cards.get("statement_descriptor_prefix") or "")


def _try_at_stripe(account: StripeAccount, suffix: str) -> None:
    """Create a payment that is never charged, so that Stripe's objections to the suffix show up now and not to a
    shopper.
    """
    with client.errors_of(account):
        intents = client.stripe_of(account).v1.payment_intents
        probe = intents.create(
            {
                "amount": 1000,
                "currency": "usd",
                "description": "Statement descriptor check, never charged",
                "statement_descriptor_suffix": suffix,
            }
        )
        intents.cancel(probe.id)
