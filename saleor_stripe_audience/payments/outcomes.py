"""What a PaymentIntent's state means to the host: the one table of the gateway, and nothing but a table.

A decline that the shopper can mend is *_ACTION_REQUIRED: after *_FAILURE the host sends no further webhook for the
transaction and the shopper is stuck (observed). *_FAILURE is told only when nothing more can come.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import Money, from_decimal, from_minor
from saleor_stripe_audience.payments import declines, delayed
from saleor_stripe_audience.payments.declines import Sentence

CHARGE, AUTHORIZATION = "CHARGE", "AUTHORIZATION"
WAITING = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
LONGEST_MESSAGE = 512
LANGUAGE = "saleor_language"  # the metadata that says what the shopper reads
EXACT = (
    "saleor_amount"  # the metadata with the amount that Saleor asked for, where Stripe takes a rounded one
)
NOTHING_YET = "Waiting for the shopper to pay."
WAITS_FOR_SHOPPER = Sentence(NOTHING_YET, "En attente du paiement de l'acheteur.")
AT_THE_BANK = Sentence("The bank is working on the payment.", "La banque traite le paiement.")
CANCELLED = Sentence("The payment was cancelled.", "Le paiement a été annulé.")
ALREADY_PAID = Sentence(
    "This order is already paid: there is nothing left to pay here.",
    "Cette commande est déjà payée : il ne reste rien à payer ici.",
)
# Stripe's reasons of a cancelation, as the app gives them: https://docs.stripe.com/api/payment_intents/cancel
PAID_OTHERWISE, LEFT = "duplicate", "abandoned"


@dataclass(frozen=True)
class Outcome:
    """What to tell the host: a result, the money it is about, what may be done next.

    `exact` is the host's own amount where Stripe rounded it (5.124 KWD are charged as 5.12): told the rounded one, the
    host would never call the checkout paid.
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
        """The amount to tell the host, in whole units."""
        return self.money.amount if self.exact is None else self.exact

    def answer(self) -> dict[str, Any]:
        """As the answer to a synchronous webhook, without `data`."""
        return {
            "pspReference": self.psp_reference,
            "result": self.result,
            "amount": format(self.amount, "f"),
            "time": datetime.now(UTC).isoformat(),
            "externalUrl": self.external_url,
            "message": self.message[:LONGEST_MESSAGE],
            "actions": list(self.actions),
        }


def outcome_of(intent: dict[str, Any], flow: str) -> Outcome:
    """The table. `intent` is Stripe's object as a dict, its latest charge expanded."""
    outcome = _outcome_of(intent, flow)
    return replace(outcome, exact=exact_amount(intent, outcome.money.minor))


def _outcome_of(intent: dict[str, Any], flow: str) -> Outcome:
    currency = intent["currency"]
    status = intent["status"]
    url, language = dashboard_url(intent), language_of(intent)
    if status == "succeeded":
        received = from_minor(intent["amount_received"], currency)
        return Outcome(
            "CHARGE_SUCCESS", charge_reference(intent, flow), received, actions_of(intent), "", url
        )
    if status == "requires_capture":
        held = from_minor(intent["amount_capturable"], currency)
        return Outcome("AUTHORIZATION_SUCCESS", intent["id"], held, actions_of(intent), "", url)
    asked = from_minor(intent["amount"], currency)
    if status == "processing":
        return Outcome(f"{flow}_REQUEST", intent["id"], asked, (), AT_THE_BANK.told(language), url)
    if delayed.is_handed_out(intent):
        waiting = delayed.message_of(intent, language_of(intent))
        return Outcome(f"{flow}_REQUEST", intent["id"], asked, (), waiting, url)
    if status in WAITING:
        code, message = decline_of(intent)
        return Outcome(f"{flow}_ACTION_REQUIRED", intent["id"], asked, (), message, url, code)
    return Outcome(f"{flow}_FAILURE", intent["id"], asked, (), why_cancelled(intent), url)


def why_cancelled(intent: dict[str, Any]) -> str:
    """The shopper's sentence about a payment that was cancelled, such as in a second tab after the first paid."""
    sentence = ALREADY_PAID if intent.get("cancellation_reason") == PAID_OTHERWISE else CANCELLED
    return sentence.told(language_of(intent))


def exact_amount(intent: dict[str, Any], minor: int) -> Decimal | None:
    """The host's own amount that `minor` is the rounded form of; None where nothing was rounded."""
    asked = (intent.get("metadata") or {}).get(EXACT)
    if not asked:
        return None
    try:
        rounded = from_decimal(asked, intent["currency"])
    except Rejected:
        return None  # somebody edited the metadata at Stripe: what Stripe holds is told
    return Decimal(asked) if rounded.minor == minor else None


def exact_metadata(amount: Decimal, money: Money) -> dict[str, str]:
    """What a PaymentIntent's metadata must say of the host's `amount`; the empty text unsets it."""
    return {EXACT: "" if amount == money.amount else format(amount, "f")}


def charge_reference(intent: dict[str, Any], flow: str) -> str:
    """The pspReference of taken money: a captured hold needs one of its own beside its authorization's."""
    charge = latest_charge(intent)
    return str(charge["id"]) if flow == AUTHORIZATION and charge else str(intent["id"])


def latest_charge(intent: dict[str, Any]) -> dict[str, Any] | None:
    """The expanded latest charge; None when nothing was tried yet."""
    charge = intent.get("latest_charge")
    return charge if isinstance(charge, dict) else None


def refunded_minor(intent: dict[str, Any]) -> int:
    """What was given back of what had been taken. Stripe counts the released rest of a hold as refunded too.

    More may have been captured than was held (https://docs.stripe.com/payments/overcapture): then nothing was released.
    """
    charge = latest_charge(intent)
    if charge is None or not charge.get("captured"):
        return 0
    released = max(0, int(charge["amount"]) - int(charge["amount_captured"]))
    return max(0, int(charge["amount_refunded"]) - released)


def released_minor(intent: dict[str, Any], flow: str) -> int:
    """The part of a hold that was given up: all of it when cancelled, the rest after the last capture."""
    charge = latest_charge(intent)
    if charge is None or charge.get("status") != "succeeded" or flow != AUTHORIZATION:
        return 0
    is_over = intent["status"] in ("canceled", "succeeded")
    return max(0, int(charge["amount"]) - int(charge["amount_captured"])) if is_over else 0


def may_capture_again(intent: dict[str, Any]) -> bool:
    """Whether the hold may be captured in several parts: the card, its network and the account's contract decide."""
    details = (latest_charge(intent) or {}).get("payment_method_details") or {}
    multicapture = (details.get("card") or {}).get("multicapture") or {}
    return multicapture.get("status") == "available"


def actions_of(intent: dict[str, Any]) -> tuple[str, ...]:
    """What staff may do with the payment now."""
    if intent["status"] == "requires_capture":
        return ("CHARGE", "CANCEL")
    left = int(intent.get("amount_received") or 0) - refunded_minor(intent)
    return ("REFUND",) if left > 0 else ()


def decline_of(intent: dict[str, Any]) -> tuple[str, str]:
    """The last decline: its code for the merchant, a sentence for the shopper. No code when nothing was declined."""
    error = intent.get("last_payment_error")
    if not error:
        return "", WAITS_FOR_SHOPPER.told(language_of(intent))
    code = str(error.get("decline_code") or error.get("code") or "")[: declines.LONGEST_CODE]
    return code, declines.for_shopper(code, language_of(intent))


def language_of(intent: dict[str, Any]) -> str:
    """The language tag of the shopper; empty if none was noted."""
    return str((intent.get("metadata") or {}).get(LANGUAGE) or "")


def dashboard_url(intent: dict[str, Any]) -> str:
    """The payment's page at Stripe."""
    mode = "" if intent.get("livemode") else "test/"
    return f"https://dashboard.stripe.com/{mode}payments/{intent['id']}"


def amount_text(money: Money) -> str:
    """The amount as the host reads it, exact: "12.30"."""
    return format(Decimal(money.amount), "f")
