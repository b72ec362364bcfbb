"""Why a payment was declined: a gentle sentence for the shopper, an honest one for the merchant, in two languages.

The codes are Stripe's: "Decline codes" (https://docs.stripe.com/declines/codes) and, where a decline has none of its
own, "Error codes" (https://docs.stripe.com/error-codes). The sentences are ours.

A shopper never reads that a card is known as lost, stolen or fraudulent: the one who holds it may not be its owner.
"""

from dataclasses import dataclass

from saleor_stripe_audience.wording import ENGLISH, Sentence


@dataclass(frozen=True)
class Decline:
    """What one code means to shopper and merchant."""

    shopper: Sentence
    merchant: Sentence


def for_shopper(code: str, language: str = ENGLISH) -> str:
    """Return the shopper's sentence; a general one for a code that is not in the table."""
    found = DECLINES.get(code)
    return (found.shopper if found else _DECLINED).told(language)


def for_merchant(code: str, language: str = ENGLISH) -> str:
    """Return the merchant's sentence; empty without a code, with Stripe's own code where the table has none."""
    if not code:
        return ""
    found = DECLINES.get(code)
    return found.merchant.told(language) if found else _UNKNOWN.told(language).format(code=code)


_DECLINED = Sentence(
    "The card was declined. Please try another card, or ask your bank.",
    "La carte a été refusée. Essayez une autre carte ou demandez à votre banque.",
)
_UNKNOWN = Sentence(
    "The payment was declined; Stripe gives the code “{code}”. Its page of the payment says more.",
    "Le paiement a été refusé ; Stripe donne le code « {code} ». Sa page du paiement en dit plus.",
)
_ANOTHER_CARD = Sentence(
    "This card cannot be used here. Please try another card or another way to pay.",
    "Cette carte ne peut pas être utilisée ici. Essayez une autre carte ou un autre moyen de paiement.",
)
_AMOUNT = Sentence(
    "The bank did not release this amount. Please try another card or another way to pay.",
    "La banque n'a pas débloqué ce montant. Essayez une autre carte ou un autre moyen de paiement.",
)
_EXPIRED = Sentence(
    "This card has expired. Please use another card.",
    "Cette carte a expiré. Utilisez une autre carte.",
)
_NUMBER = Sentence(
    "The card number is not right. Please check it, or use another card.",
    "Le numéro de carte n'est pas correct. Vérifiez-le ou utilisez une autre carte.",
)
_CVC = Sentence(
    "The security code of the card is not right. Please check it and try again.",
    "Le code de sécurité de la carte n'est pas correct. Vérifiez-le et réessayez.",
)
_EXPIRY = Sentence(
    "The expiry date of the card is not right. Please check it and try again.",
    "La date d'expiration de la carte n'est pas correcte. Vérifiez-la et réessayez.",
)
_ADDRESS = Sentence(
    "The address does not match the card's. Please check it and try again.",
    "L'adresse ne correspond pas à celle de la carte. Vérifiez-la et réessayez.",
)
_PIN = Sentence(
    "The PIN is not right or is needed here. Please try again, or use another card.",
    "Le code PIN n'est pas correct ou est demandé ici. Réessayez ou utilisez une autre carte.",
)
_AGAIN = Sentence(
    "The payment did not go through. Please try again in a moment, or use another card.",
    "Le paiement n'a pas abouti. Réessayez dans un instant ou utilisez une autre carte.",
)
_AUTHENTICATE = Sentence(
    "Your bank asks you to confirm this payment. Please try again and follow your bank's steps.",
    "Votre banque vous demande de confirmer ce paiement. Réessayez et suivez les étapes de votre banque.",
)
_NOT_CONFIRMED = Sentence(
    "The payment was not confirmed with your bank. Please try again, or use another card.",
    "Le paiement n'a pas été confirmé auprès de votre banque. Réessayez ou utilisez une autre carte.",
)
_TOO_OFTEN = Sentence(
    "This card was tried too often or reached its limit. Please use another card, or try again later.",
    "Cette carte a été essayée trop souvent ou a atteint son plafond. Utilisez une autre carte ou réessayez plus tard.",
)
_TWICE = Sentence(
    "A payment like this was made a moment ago. Please look at your orders before you try again.",
    "Un paiement semblable vient d'être fait. Consultez vos commandes avant de réessayer.",
)
_OTHER_WAY = Sentence(
    "This way to pay did not work. Please try again, or choose another one.",
    "Ce moyen de paiement n'a pas fonctionné. Réessayez ou choisissez-en un autre.",
)


def _unexplained(en: str, fr: str) -> Decline:
    """The bank refuses and leaves the reason to its customer."""
    return Decline(_DECLINED, Sentence(en, fr))


_NO_REASON = _unexplained(
    "The bank declined the card and gave no reason. Only the shopper can ask the bank; another card may work.",
    "La banque a refusé la carte sans donner de raison. Seul l'acheteur peut demander à sa banque ; une autre carte "
    "peut fonctionner.",
)
_STOPPED = _unexplained(
    "The cardholder told the bank to stop payments to you. Do not charge this card again; ask the customer.",
    "Le titulaire a demandé à sa banque d'arrêter les paiements en votre faveur. Ne débitez plus cette carte ; "
    "demandez au client.",
)
_TEST_CARD = Decline(
    _ANOTHER_CARD,
    Sentence(
        "A test card was used for a live payment, or a real card for a test payment.",
        "Une carte de test a été utilisée pour un vrai paiement, ou une vraie carte pour un paiement de test.",
    ),
)
_PIN_NEEDED = Decline(
    _PIN,
    Sentence(
        "The card wants a PIN, which cannot be given online. Another card may work.",
        "La carte exige un code PIN, impossible à saisir en ligne. Une autre carte peut fonctionner.",
    ),
)
_WRONG_PIN = Decline(
    _PIN,
    Sentence("A wrong PIN was given.", "Un code PIN erroné a été saisi."),
)
_WRONG_NUMBER = Decline(
    _NUMBER,
    Sentence("The card number is wrong.", "Le numéro de carte est erroné."),
)
_WRONG_CVC = Decline(
    _CVC,
    Sentence("The card's security code (CVC) is wrong.", "Le code de sécurité (CVC) de la carte est erroné."),
)
_WRONG_EXPIRY = Decline(
    _EXPIRY,
    Sentence("The card's expiry date is wrong.", "La date d'expiration de la carte est erronée."),
)
_WRONG_ADDRESS = Decline(
    _ADDRESS,
    Sentence(
        "The postcode or address given is not the one the bank has for the card.",
        "Le code postal ou l'adresse saisis ne sont pas ceux que la banque connaît pour la carte.",
    ),
)
_NO_AUTHENTICATION = Decline(
    _NOT_CONFIRMED,
    Sentence(
        "The shopper did not pass the bank's check (3-D Secure): given up, refused or timed out.",
        "L'acheteur n'a pas passé le contrôle de sa banque (3-D Secure) : abandon, refus ou délai dépassé.",
    ),
)
_UNREACHABLE = Decline(
    _AGAIN,
    Sentence(
        "The bank could not be reached, or its system failed. The same card may work later.",
        "La banque était injoignable ou son système a échoué. La même carte peut fonctionner plus tard.",
    ),
)

DECLINES: dict[str, Decline] = {
    "approve_with_id": Decline(
        _AGAIN,
        Sentence(
            "The bank could not authorize the payment. It may work a second time; if not, the shopper asks the bank.",
            "La banque n'a pas pu autoriser le paiement. Un second essai peut réussir ; sinon, l'acheteur demande à "
            "sa banque.",
        ),
    ),
    "authentication_required": Decline(
        _AUTHENTICATE,
        Sentence(
            "The bank wants the cardholder to confirm the payment (3-D Secure). Ask the shopper to pay it in person "
            "at the shop.",
            "La banque veut que le titulaire confirme le paiement (3-D Secure). Demandez à l'acheteur de le payer "
            "lui-même dans la boutique.",
        ),
    ),
    "authentication_not_handled": _NO_AUTHENTICATION,
    "call_issuer": _NO_REASON,
    "card_declined": _NO_REASON,
    "card_not_supported": Decline(
        _ANOTHER_CARD,
        Sentence(
            "The card is not made for this kind of purchase, such as one online or abroad.",
            "La carte ne permet pas ce type d'achat, par exemple en ligne ou à l'étranger.",
        ),
    ),
    "card_velocity_exceeded": Decline(
        _TOO_OFTEN,
        Sentence(
            "The card was used too often in a short time, or is over its limit.",
            "La carte a été utilisée trop souvent en peu de temps, ou a dépassé son plafond.",
        ),
    ),
    "charge_exceeds_source_limit": Decline(
        _AMOUNT,
        Sentence(
            "The amount is above what this way to pay allows in a period.",
            "Le montant dépasse ce que ce moyen de paiement permet sur une période.",
        ),
    ),
    "currency_not_supported": Decline(
        _ANOTHER_CARD,
        Sentence(
            "The card cannot pay in this currency.", "La carte ne permet pas de payer dans cette devise."
        ),
    ),
    "do_not_honor": _NO_REASON,
    "do_not_try_again": _unexplained(
        "The bank declined the card for good. Trying the same card again is of no use.",
        "La banque a refusé la carte définitivement. Il est inutile de réessayer la même carte.",
    ),
    "duplicate_transaction": Decline(
        _TWICE,
        Sentence(
            "The same amount was charged to this card a moment ago. Look whether the order is paid already.",
            "Le même montant vient d'être débité de cette carte. Vérifiez si la commande est déjà payée.",
        ),
    ),
    "expired_card": Decline(_EXPIRED, Sentence("The card has expired.", "La carte a expiré.")),
    "fraudulent": _unexplained(
        "Stripe or the bank suspects fraud and blocked the payment. Do not send the goods before you have checked.",
        "Stripe ou la banque soupçonne une fraude et a bloqué le paiement. N'expédiez rien avant d'avoir vérifié.",
    ),
    "generic_decline": _unexplained(
        "The bank, or one of your Radar rules, declined the card and gave no reason.",
        "La banque, ou l'une de vos règles Radar, a refusé la carte sans donner de raison.",
    ),
    "incorrect_address": _WRONG_ADDRESS,
    "incorrect_cvc": _WRONG_CVC,
    "incorrect_number": _WRONG_NUMBER,
    "incorrect_pin": _WRONG_PIN,
    "incorrect_zip": _WRONG_ADDRESS,
    "insufficient_funds": Decline(
        _AMOUNT,
        Sentence(
            "There is not enough money on the card or account.",
            "La carte ou le compte n'est pas assez approvisionné.",
        ),
    ),
    "invalid_account": Decline(
        _ANOTHER_CARD,
        Sentence(
            "The card, or the account behind it, is not valid (any more).",
            "La carte, ou le compte qui s'y rattache, n'est pas (ou plus) valide.",
        ),
    ),
    "invalid_amount": Decline(
        _AMOUNT,
        Sentence(
            "The amount is not valid for this card, or above what it may pay at once.",
            "Le montant n'est pas valable pour cette carte, ou dépasse ce qu'elle permet en une fois.",
        ),
    ),
    "invalid_cvc": _WRONG_CVC,
    "invalid_expiry_month": _WRONG_EXPIRY,
    "invalid_expiry_year": _WRONG_EXPIRY,
    "invalid_number": _WRONG_NUMBER,
    "invalid_pin": _WRONG_PIN,
    "issuer_not_available": _UNREACHABLE,
    "live_mode_test_card": _TEST_CARD,
    "lost_card": _unexplained(
        "The card is reported as lost. Do not tell the shopper; check before you send anything.",
        "La carte est déclarée perdue. Ne le dites pas à l'acheteur ; vérifiez avant d'expédier.",
    ),
    "merchant_blacklist": _unexplained(
        "The card is on your own block list in Stripe. Do not tell the shopper.",
        "La carte figure sur votre propre liste de blocage dans Stripe. Ne le dites pas à l'acheteur.",
    ),
    "mobile_device_authentication_required": Decline(
        _AUTHENTICATE,
        Sentence(
            "The wallet wants the cardholder to confirm on the telephone.",
            "Le portefeuille exige une confirmation du titulaire sur son téléphone.",
        ),
    ),
    "new_account_information_available": Decline(
        _ANOTHER_CARD,
        Sentence(
            "The bank has given the cardholder a new card or account. The old one cannot be used.",
            "La banque a donné au titulaire une nouvelle carte ou un nouveau compte. L'ancien est inutilisable.",
        ),
    ),
    "no_action_taken": _NO_REASON,
    "not_permitted": _unexplained(
        "The bank does not permit this payment.", "La banque ne permet pas ce paiement."
    ),
    "offline_pin_required": _PIN_NEEDED,
    "online_or_offline_pin_required": _PIN_NEEDED,
    "payment_intent_authentication_failure": _NO_AUTHENTICATION,
    "payment_intent_payment_attempt_expired": Decline(
        _AGAIN,
        Sentence("The payment was not finished in time.", "Le paiement n'a pas été terminé à temps."),
    ),
    "payment_intent_payment_attempt_failed": Decline(
        _OTHER_WAY,
        Sentence(
            "The attempt to pay failed. Stripe's page of the payment says why.",
            "La tentative de paiement a échoué. La page du paiement chez Stripe dit pourquoi.",
        ),
    ),
    "payment_method_customer_decline": Decline(
        _OTHER_WAY,
        Sentence(
            "The shopper broke the payment off at the provider.",
            "L'acheteur a interrompu le paiement chez le prestataire.",
        ),
    ),
    "payment_method_not_available": Decline(
        _OTHER_WAY,
        Sentence(
            "The provider of this way to pay does not answer just now.",
            "Le prestataire de ce moyen de paiement ne répond pas pour le moment.",
        ),
    ),
    "payment_method_provider_decline": Decline(
        _OTHER_WAY,
        Sentence(
            "The provider of this way to pay declined, or a debit was returned.",
            "Le prestataire de ce moyen de paiement a refusé, ou un prélèvement a été rejeté.",
        ),
    ),
    "payment_method_provider_timeout": Decline(
        _OTHER_WAY,
        Sentence(
            "The provider of this way to pay did not answer in time.",
            "Le prestataire de ce moyen de paiement n'a pas répondu à temps.",
        ),
    ),
    "pickup_card": _unexplained(
        "The bank wants the card withdrawn: it may be lost or stolen. Do not tell the shopper.",
        "La banque veut retirer la carte : elle est peut-être perdue ou volée. Ne le dites pas à l'acheteur.",
    ),
    "pin_try_exceeded": Decline(
        _TOO_OFTEN,
        Sentence("A wrong PIN was given too often.", "Un code PIN erroné a été saisi trop souvent."),
    ),
    "processing_error": Decline(
        _AGAIN,
        Sentence(
            "Something failed while the card was processed. The same card may work in a moment.",
            "Une erreur s'est produite pendant le traitement de la carte. La même carte peut fonctionner sous peu.",
        ),
    ),
    "reenter_transaction": _UNREACHABLE,
    "restricted_card": _unexplained(
        "The card is restricted: it may be lost or stolen, or not for this use. Do not tell the shopper.",
        "La carte est restreinte : elle est peut-être perdue, volée ou impropre à cet usage. Ne le dites pas à "
        "l'acheteur.",
    ),
    "revocation_of_all_authorizations": _STOPPED,
    "revocation_of_authorization": _STOPPED,
    "security_violation": _NO_REASON,
    "service_not_allowed": _NO_REASON,
    "setup_intent_authentication_failure": _NO_AUTHENTICATION,
    "stolen_card": _unexplained(
        "The card is reported as stolen. Do not tell the shopper; check before you send anything.",
        "La carte est déclarée volée. Ne le dites pas à l'acheteur ; vérifiez avant d'expédier.",
    ),
    "stop_payment_order": _STOPPED,
    "test_mode_live_card": _TEST_CARD,
    "testmode_decline": _TEST_CARD,
    "transaction_not_allowed": _unexplained(
        "The bank does not allow this kind of payment with the card.",
        "La banque ne permet pas ce type de paiement avec la carte.",
    ),
    "try_again_later": _UNREACHABLE,
    "withdrawal_count_limit_exceeded": Decline(
        _TOO_OFTEN,
        Sentence(
            "The card is over the number or sum of payments that its bank allows.",
            "La carte a dépassé le nombre ou le total des paiements que sa banque autorise.",
        ),
    ),
}
