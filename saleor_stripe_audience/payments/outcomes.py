"""Maps a PaymentIntent's state to Saleor's results: a table, and nothing else.

A decline that the shopper can do something about is *_ACTION_REQUIRED: after *_FAILURE Saleor sends no further webhook
for the transaction and the shopper is stuck (observed). *_FAILURE is only reported when no payment can follow any more.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise

from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.metadata import AUTHORIZATION
from saleor_stripe_audience.gateway.objects import DUPLICATE, PaymentIntent
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import declines
from saleor_stripe_audience.payments import shopper_messages as messages
from saleor_stripe_audience.wording import in_language

LONGEST_MESSAGE = 512


@dataclass(frozen=True)
class Outcome:
    """What to report to Saleor: a result, its amount, and the actions that are possible next.

    `exact` is Saleor's own amount where Stripe rounded it (5.124 KWD are charged as 5.12): with the rounded one Saleor
    would never call the checkout paid.
    """

    result: str
    psp_reference: str
    money: Money
    actions: tuple[str, ...] = ()
    message: str = ""
    external_url: str = ""
    decline_code: str = ""
    exact: Decimal | None = None

    @property
    def amount(self) -> Decimal:
        """The amount to report to Saleor, in whole units."""
        return self.money.amount if self.exact is None else self.exact

    def as_response(self) -> dict[str, Any]:
        """Return the response to a synchronous webhook, without `data`.

        Without `time`: Saleor orders events by it, and dates others by its own clock, from which ours may differ.
        """
        return {
            "pspReference": self.psp_reference,
            "result": self.result,
            "amount": format(self.amount, "f"),
            "externalUrl": self.external_url,
            "message": self.message[:LONGEST_MESSAGE],
            "actions": list(self.actions),
        }


def outcome_of(intent: PaymentIntent, flow: str) -> Outcome:
    """Return what the state of the intent, its latest charge expanded, means in that flow."""
    amount = intent.money(intent.amount)
    if intent.status == "succeeded":
        received = intent.money(intent.amount_received)
        outcome = Outcome("CHARGE_SUCCESS", charge_reference(intent, flow), received, actions_of(intent))
    elif intent.status == "requires_capture":
        held = intent.money(intent.amount_capturable)
        outcome = Outcome("AUTHORIZATION_SUCCESS", intent.id, held, actions_of(intent))
    elif intent.status == "processing" or intent.is_delayed:
        outcome = Outcome(
            f"{flow}_REQUEST",
            intent.id,
            amount,
            message=in_language(messages.for_pending(intent), intent.language),
        )
    elif intent.is_payable:
        code, message = decline_of(intent)
        outcome = Outcome(f"{flow}_ACTION_REQUIRED", intent.id, amount, message=message, decline_code=code)
    else:
        outcome = Outcome(
            f"{flow}_FAILURE", intent.id, amount, message=in_language(why_canceled(intent), intent.language)
        )
    exact = intent.exact_amount(outcome.money.minor)
    return replace(outcome, external_url=intent.dashboard_url, exact=exact)


def covers(result: str) -> bool:
    """Whether the money was captured, held or is on its way."""
    return result.endswith(("_SUCCESS", "_REQUEST"))


def charge_reference(intent: PaymentIntent, flow: str) -> str:
    """Return the pspReference of captured money: a captured hold needs its own, in addition to the authorization's."""
    return intent.charge.id if flow == AUTHORIZATION and intent.charge is not None else intent.id


def actions_of(intent: PaymentIntent) -> tuple[str, ...]:
    """Return what staff may do with the payment now."""
    if intent.status == "requires_capture":
        return ("CHARGE", "CANCEL")
    return ("REFUND",) if intent.refundable_minor > 0 else ()


def decline_of(intent: PaymentIntent) -> tuple[str, str]:
    """Return the last decline: its code for the merchant, a sentence for the shopper. The code is empty if there is
    none.
    """
    if intent.last_payment_error is None:
        return "", in_language(messages.WAITS_FOR_SHOPPER, intent.language)
    return intent.decline_code, declines.for_shopper(intent.decline_code, intent.language)


def why_canceled(intent: PaymentIntent) -> Promise:
    """Return the sentence about a canceled payment: one that failed before another one paid, or that was never tried,
    such as in a second tab.
    """
    if intent.cancellation_reason != DUPLICATE:
        return messages.CANCELED
    return messages.REPLACED if intent.has_failed else messages.ALREADY_PAID


def exact_metadata(amount: Decimal, money: Money) -> dict[str, str]:
    """Return what a PaymentIntent's metadata must say of Saleor's `amount`; the empty text unsets it."""
    return {names.AMOUNT: "" if amount == money.amount else format(amount, "f")}
