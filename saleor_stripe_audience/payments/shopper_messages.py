"""What a shopper reads of a payment, by its state or by the code of what went wrong, in two languages.

The messages of failures are written for merchants ("paste a new key") or developers. None of them is sent to a
storefront: there the shopper reads the sentence for the failure's code. The only message of a merchant's that shoppers
read is the one that the merchant wrote for them, when pausing a channel.
"""

from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway.accounts import PAUSED
from saleor_stripe_audience.gateway.objects import BANK_TRANSFER, MICRODEPOSITS, NOTIFICATION, PaymentIntent
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.wording import Sentence, language_of

PAUSED_CODE = "paused"
# What only a developer can put right: a storefront's request, or an amount of a shop that is set up wrongly.
FOR_DEVELOPERS = frozenset(
    {"parse_error", "currency", "decimals", "negative_amount", "not_a_number", "unknown_currency"}
)

WAITS_FOR_SHOPPER = Sentence("Waiting for the shopper to pay.", "En attente du paiement de l'acheteur.")
CANCELED = Sentence("The payment was cancelled.", "Le paiement a été annulé.")
ALREADY_PAID = Sentence(
    "This order is already paid: there is nothing left to pay here.",
    "Cette commande est déjà payée : il ne reste rien à payer ici.",
)
REPLACED = Sentence(
    "This attempt failed; the payment was made in another way.",
    "Cette tentative a échoué ; le paiement a été fait autrement.",
)
CHARGED_INSTEAD = Sentence(
    "This way to pay cannot be held, so the amount was charged at once.",
    "Ce moyen de paiement ne permet pas de réserver le montant, qui a donc été débité aussitôt.",
)
AT_THE_BANK = Sentence("The bank is working on the payment.", "La banque traite le paiement.")
_VOUCHER = Sentence(
    "The payment slip was handed out. The order waits until it is paid.",
    "Le bon de paiement a été remis. La commande attend son règlement.",
)
_TRANSFER = Sentence("The order waits for the bank transfer.", "La commande attend le virement bancaire.")
_TRANSFER_IN_PART = Sentence(
    "A part of the bank transfer has arrived; {amount} are still to come.",
    "Une partie du virement est arrivée ; il manque encore {amount}.",
)
_DEPOSITS = Sentence(
    "The bank account is being checked by small deposits. The payment follows.",
    "Le compte bancaire est vérifié par de petits dépôts. Le paiement suivra.",
)
_NOTIFICATION = Sentence(
    "The bank notifies the cardholder about the payment first. The payment follows.",
    "La banque informe d'abord le titulaire de la carte. Le paiement suivra.",
)

UNAVAILABLE = Sentence(
    "This way to pay is not available here just now. Please choose another one, or contact the shop.",
    "Ce moyen de paiement n'est pas disponible pour le moment. Choisissez-en un autre ou contactez la boutique.",
)
UNCLEAR = Sentence(
    "The payment could not be checked just now. Please try again in a moment.",
    "Le paiement n'a pas pu être vérifié pour le moment. Réessayez dans un instant.",
)
_TIMED_OUT = Sentence(
    "The payment service did not answer in time. Please try again in a moment.",
    "Le service de paiement n'a pas répondu à temps. Réessayez dans un instant.",
)
_PAUSED = Sentence(PAUSED, "Les paiements sont momentanément suspendus ici. Revenez un peu plus tard.")
_SIGN_IN = Sentence(
    "Please sign in to keep a payment method or to use one that you keep.",
    "Connectez-vous pour enregistrer un moyen de paiement ou utiliser un moyen enregistré.",
)
_NOT_YOURS = Sentence(
    "This payment method is not among those you have stored.",
    "Ce moyen de paiement ne fait pas partie de ceux que vous avez enregistrés.",
)
_UNKNOWN_PAYMENT = Sentence(
    "This payment is not known here. Please start the payment again.",
    "Ce paiement n'est pas connu ici. Recommencez le paiement.",
)
_NOTHING_TO_PAY = Sentence(
    "There is nothing to pay here: the amount is zero.",
    "Il n'y a rien à payer ici : le montant est nul.",
)
_TOO_SMALL = Sentence(
    "The amount is too small to be paid this way. Please choose another way to pay, or contact the shop.",
    "Le montant est trop faible pour être payé ainsi. Choisissez un autre moyen de paiement ou contactez la boutique.",
)
_TOO_SMALL_BY = Sentence(
    "The amount must be no less than {smallest} to be paid this way; this is {amount}.",
    "Le montant doit être d'au moins {smallest} pour être payé ainsi ; il est de {amount}.",
)
_TOO_LARGE = Sentence(
    "The amount is too large to be paid this way. Please choose another way to pay, or contact the shop.",
    "Le montant est trop élevé pour être payé ainsi. Choisissez un autre moyen de paiement ou contactez la boutique.",
)
_TOO_LARGE_BY = Sentence(
    "The amount must be no more than {largest} to be paid this way; this is {amount}.",
    "Le montant doit être d'au plus {largest} pour être payé ainsi ; il est de {amount}.",
)
_NOT_PAYABLE = Sentence(
    "This amount cannot be paid. Please reload the page and try again, or contact the shop.",
    "Ce montant ne peut pas être payé. Rechargez la page et réessayez, ou contactez la boutique.",
)
_DECLINED = Sentence(
    "The card was declined. Please try another card, or ask your bank.",
    "La carte a été refusée. Essayez une autre carte ou demandez à votre banque.",
)

_CANCELLED = Sentence(
    "This payment was cancelled. Please start the payment again.",
    "Ce paiement a été annulé. Recommencez le paiement.",
)
_CAPPED = Sentence(
    "Only {amount} is left to pay, so the payment is for this amount.",
    "Il ne reste que {amount} à payer : le paiement porte sur ce montant.",
)
_FALLEN = Sentence(
    "{amount} was paid, but only {total} is to be paid. The shop can refund the difference.",
    "{amount} ont été payés, mais seuls {total} sont à payer. La boutique peut rembourser la différence.",
)
_RISEN = Sentence(
    "{amount} was paid, but {total} is to be paid by now. The rest is to be paid separately.",
    "{amount} ont été payés, mais {total} sont désormais à payer. Le reste est à payer séparément.",
)

BY_CODE = {
    "already_covered": ALREADY_PAID,
    "amount_too_large": _TOO_LARGE,
    "amount_too_small": _TOO_SMALL,
    "busy": _TIMED_OUT,
    "cancelled": _CANCELLED,
    "card_declined": _DECLINED,
    "currency": _NOT_PAYABLE,
    "deadline": _TIMED_OUT,
    "decimals": _NOT_PAYABLE,
    "idempotency_key_in_use": _TIMED_OUT,
    "negative_amount": _NOT_PAYABLE,
    "not_a_number": _NOT_PAYABLE,
    "not_owner": _SIGN_IN,
    "nothing_to_pay": _NOTHING_TO_PAY,
    PAUSED_CODE: _PAUSED,
    "stripe_unavailable": _TIMED_OUT,
    "unknown_currency": _NOT_PAYABLE,
    "unknown_method": _NOT_YOURS,
    "unknown_payment": _UNKNOWN_PAYMENT,
}
# The same with the amounts, where the failure knows them.
_WITH_VALUES = {"amount_too_large": _TOO_LARGE_BY, "amount_too_small": _TOO_SMALL_BY}


def for_shopper(error: Failure, language: str, otherwise: Sentence = UNAVAILABLE) -> str:
    """The shopper's sentence, in the language of a tag such as "fr"; `otherwise` for a code that has none."""
    if error.code == PAUSED_CODE and error.message != PAUSED:
        return error.message
    if error.values and (template := _WITH_VALUES.get(error.code)):
        return template.told(language).format(**_localized(error.values, language))
    return BY_CODE.get(error.code, otherwise).told(language)


def for_pending(intent: PaymentIntent) -> str:
    """What a payment waits for that the bank, or the shopper with a voucher or transfer, takes days for."""
    action = intent.next_action
    if intent.status == "processing" or action is None:
        return AT_THE_BANK.told(intent.language)
    if action.type == BANK_TRANSFER:
        transfer = action.display_bank_transfer_instructions
        remaining = transfer.amount_remaining if transfer is not None else None
        if remaining is None or remaining >= intent.amount:
            return _TRANSFER.told(intent.language)
        return _TRANSFER_IN_PART.told(intent.language).format(amount=intent.money(remaining))
    found = {MICRODEPOSITS: _DEPOSITS, NOTIFICATION: _NOTIFICATION}
    return found.get(action.type, _VOUCHER).told(intent.language)


def capped(amount: Money, language: str) -> str:
    """The payment is for less than was asked for: there are gift cards or other payments."""
    return _CAPPED.told(language).format(**_localized({"amount": str(amount)}, language))


def fallen(paid: Money, total: Money, language: str) -> str:
    """More was paid than is now to be paid."""
    amounts = {"amount": str(paid), "total": str(Money(max(0, total.minor), total.currency))}
    return _FALLEN.told(language).format(**_localized(amounts, language))


def risen(paid: Money, total: Money, language: str) -> str:
    """Less was paid than is now to be paid."""
    return _RISEN.told(language).format(**_localized({"amount": str(paid), "total": str(total)}, language))


def _localized(values: dict[str, str], language: str) -> dict[str, str]:
    """Amounts such as "0.50 USD" with the decimal comma of French."""
    is_french = language_of(language) == language_of("fr")
    return {name: text.replace(".", ",") if is_french else text for name, text in values.items()}
