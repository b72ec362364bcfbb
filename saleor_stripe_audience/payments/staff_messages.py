"""What staff read in a payment's history and among the problems, in the language that the operator chose.

The host does not say what its staff read: `STAFF_LANGUAGE` does, for the whole installation of the app.
"""

from typing import Any

from django.conf import settings

from saleor_stripe_audience.payments.declines import Sentence


def for_staff(sentence: Sentence, **values: Any) -> str:
    """The sentence with its values."""
    return sentence.told(settings.STAFF_LANGUAGE).format(**values)


REFUND_FAILED = Sentence(
    "The refund did not arrive ({reason}); the money stayed with you.",
    "Le remboursement n'est pas arrivé ({reason}) ; l'argent est resté chez vous.",
)
REFUNDED_AT_STRIPE = Sentence("Refunded in Stripe: {reason}.", "Remboursé dans Stripe : {reason}.")
# https://docs.stripe.com/api/refunds/object#refund_object-reason
REFUND_REASONS = {
    "duplicate": Sentence("paid twice", "payé deux fois"),
    "fraudulent": Sentence("fraudulent", "frauduleux"),
    "requested_by_customer": Sentence("requested by the customer", "demandé par le client"),
    "expired_uncaptured_charge": Sentence("the hold expired", "l'autorisation a expiré"),
}

GONE = Sentence(
    "Stripe took {amount} for a checkout that is gone from Saleor, so there is no order for it. Refund the payment, or "
    "make the order by hand: {url}",
    "Stripe a encaissé {amount} pour un panier qui n'existe plus dans Saleor : il n'y a donc pas de commande. "
    "Remboursez le paiement ou créez la commande vous-même : {url}",
)
UNFINISHED = Sentence(
    "Stripe took {amount}, but the checkout did not become an order: the shopper left before the last step. Complete "
    "it with the customer, or refund the payment: {url}",
    "Stripe a encaissé {amount}, mais le panier n'est pas devenu une commande : l'acheteur est parti avant la dernière "
    "étape. Terminez-la avec le client ou remboursez le paiement : {url}",
)
TOO_MUCH = Sentence(
    "{what} was paid {surplus} more than it costs. Refund what is too much; the last payment is {url}",
    "{what} : {surplus} ont été payés en trop. Remboursez le surplus ; le dernier paiement est {url}",
)
CHECKOUT = Sentence("A checkout", "Un panier")
ORDER = Sentence("Order {number}", "Commande {number}")
NO_WAY_TO_PAY = Sentence(
    "Nobody can pay in the channel “{channel}” with {currency}: switch on a payment method for it in Stripe, under "
    "Settings, Payment methods.",
    "Personne ne peut payer en {currency} dans le canal « {channel} » : activez un moyen de paiement pour cette devise "
    "dans Stripe, sous Paramètres, Moyens de paiement.",
)
