"""What staff read in a payment's history and among the problems, in the language that the operator chose.

Saleor does not say what its staff read: `STAFF_LANGUAGE` does, for the whole installation of the app.
"""

from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway import failures
from saleor_stripe_audience.wording import Sentence, for_staff

__all__ = ["for_staff"]  # its callers know it by this module

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
    "Stripe took {amount} for a checkout that is gone from Saleor, so there is no order for it. Refund the payment, "
    "or create the order yourself: {url}",
    "Stripe a encaissé {amount} pour un panier qui n'existe plus dans Saleor : il n'y a donc pas de commande. "
    "Remboursez le paiement ou créez la commande vous-même : {url}",
)
UNFINISHED = Sentence(
    "Stripe took {amount}, but the checkout did not become an order: the shopper left before the last step. Complete "
    "it with the customer, or refund the payment: {url}",
    "Stripe a encaissé {amount}, mais le panier n'est pas devenu une commande : l'acheteur est parti avant la "
    "dernière étape. Terminez-la avec le client ou remboursez le paiement : {url}",
)
TOO_MUCH = Sentence(
    "{what} was paid {surplus} more than it costs. Refund what is too much; the last payment is {url}",
    "{what} : {surplus} ont été payés en trop. Remboursez le surplus ; le dernier paiement est {url}",
)
CHECKOUT = Sentence("A checkout", "Un panier")
ORDER = Sentence("Order {number}", "Commande {number}")
NO_WAY_TO_PAY = Sentence(
    "No one can pay in the channel “{channel}” with {currency}: enable a payment method for it in Stripe, under "
    "Settings, Payment methods.",
    "Personne ne peut payer en {currency} dans le canal « {channel} » : activez un moyen de paiement pour cette "
    "devise dans Stripe, sous Paramètres, Moyens de paiement.",
)

INQUIRY = Sentence(
    "The customer's bank asks about this payment of {money} (inquiry: {reason}). No money moved. Answer in Stripe "
    "{day}, or refund the payment: an inquiry without an answer becomes a dispute that is lost.",
    "La banque du client se renseigne sur ce paiement de {money} (demande d'information : {reason}). Aucune somme n'a "
    "bougé. Répondez dans Stripe {day} ou remboursez le paiement : une demande sans réponse devient un litige perdu.",
)
DISPUTE = Sentence(
    "The customer disputes {money} ({reason}). Answer in Stripe {day}: a dispute without an answer is lost, and the "
    "money with it.",
    "Le client conteste {money} ({reason}). Répondez dans Stripe {day} : un litige sans réponse est perdu, et "
    "l'argent avec lui.",
)
BY_DAY = Sentence("by {day}", "au plus tard le {day}")
SOON = Sentence("soon", "rapidement")
DISPUTE_STATES = {
    "under_review": Sentence(
        "The bank is looking at your answer to the dispute over {money}. There is nothing to do now.",
        "La banque examine votre réponse au litige sur {money}. Il n'y a rien à faire pour le moment.",
    ),
    "warning_under_review": Sentence(
        "The bank is looking at your answer to its inquiry about {money}. There is nothing to do now.",
        "La banque examine votre réponse à sa demande d'information sur {money}. Il n'y a rien à faire pour le moment.",
    ),
    "won": Sentence(
        "The dispute over {money} was won: the money is yours.",
        "Le litige sur {money} est gagné : l'argent est à vous.",
    ),
    "lost": Sentence(
        "The dispute over {money} was lost: the money stays with the customer.",
        "Le litige sur {money} est perdu : l'argent reste au client.",
    ),
    "warning_closed": Sentence(
        "The bank's inquiry about {money} was closed without a dispute.",
        "La demande d'information de la banque sur {money} est close, sans litige.",
    ),
    "prevented": Sentence("The dispute over {money} was prevented.", "Le litige sur {money} a été évité."),
}
DISPUTE_CHANGED = Sentence(
    "The dispute over {money} changed in Stripe.", "Le litige sur {money} a changé dans Stripe."
)
REFUND_WAITS = Sentence(
    "The refund of {money} waits: the balance of your Stripe account does not cover it. Top up the balance in "
    "Stripe; it is then paid out by itself. Stripe gives up after some time.",
    "Le remboursement de {money} attend : le solde (balance) de votre compte Stripe ne suffit pas. Approvisionnez-le "
    "dans Stripe ; le remboursement partira alors tout seul. Stripe abandonne au bout d'un certain temps.",
)
REFUND_WAITS_NO_MORE = Sentence(
    "The refund of {money} no longer waits for the balance of your Stripe account.",
    "Le remboursement de {money} n'attend plus le solde de votre compte Stripe.",
)
REVIEW = Sentence(
    "This payment is under review in Stripe Radar ({why}). The money was taken; look at the payment in Stripe and "
    "approve or refund it before the goods are sent.",
    "Ce paiement est en cours d'examen (review) dans Stripe Radar ({why}). L'argent a été encaissé ; examinez le "
    "paiement dans Stripe, puis approuvez-le ou remboursez-le avant d'expédier.",
)
REVIEW_REASONS = {
    "rule": Sentence("requested by one of your rules", "demandé par une de vos règles"),
    "manual": Sentence("requested by your team", "demandé par votre équipe"),
}
REVIEW_ASKED_BY_RADAR = Sentence("requested by Stripe", "demandé par Stripe")
REVIEW_ENDS = {
    "approved": Sentence(
        "The review of this payment was closed: it was approved. The goods can be sent.",
        "L'examen de ce paiement est clos : il est approuvé. Vous pouvez expédier.",
    ),
    "refunded": Sentence(
        "The review of this payment was closed: it was refunded.",
        "L'examen de ce paiement est clos : il a été remboursé.",
    ),
    "refunded_as_fraud": Sentence(
        "The review of this payment was closed: it was refunded as fraud. Do not send the goods.",
        "L'examen de ce paiement est clos : il a été remboursé pour fraude. N'expédiez pas.",
    ),
    "disputed": Sentence(
        "The review of this payment was closed: the customer disputes it. Do not send the goods.",
        "L'examen de ce paiement est clos : le client le conteste. N'expédiez pas.",
    ),
    "canceled": Sentence(
        "The review of this payment was closed: the payment was cancelled.",
        "L'examen de ce paiement est clos : le paiement a été annulé.",
    ),
}
REVIEW_CLOSED = Sentence("The review of this payment was closed.", "L'examen de ce paiement est clos.")
FRAUD_WARNING = Sentence(
    "Early fraud warning: the card's bank reports this payment of {money} as fraud ({kind}). A dispute is likely. If "
    "you do not know the customer, do not send the goods, and refund the payment in full now: that prevents the "
    "dispute.",
    "Alerte de fraude : la banque de la carte signale ce paiement de {money} comme frauduleux ({kind}). Un litige "
    "est probable. Si vous ne connaissez pas le client, n'expédiez pas et remboursez tout de suite la totalité : le "
    "litige est ainsi évité.",
)
FRAUD_WARNING_OVER = Sentence(
    "The early fraud warning for this payment is settled: it was refunded or disputed.",
    "L'alerte de fraude pour ce paiement est réglée : il a été remboursé ou contesté.",
)
PAYMENT_AT_STRIPE = Sentence("The payment in Stripe: {url}", "Le paiement dans Stripe : {url}")

NO_ACCOUNT = Sentence(
    "No Stripe account takes payments for {channels}. Choose one on the app's page in Saleor's Dashboard.",
    "Aucun compte Stripe n'encaisse pour {channels}. Choisissez-en un sur la page de l'application dans le Dashboard "
    "de Saleor.",
)
CHANNEL_PAUSED = Sentence(
    "Payments are paused in {channels}: no one can pay there. Accept payments again on the app's page in Saleor's "
    "Dashboard, under Channels.",
    "Les paiements sont suspendus dans {channels} : personne ne peut y payer. Reprenez-les sur la page de "
    "l'application dans le Dashboard de Saleor, sous Canaux.",
)
TERMS = Sentence(
    "No one can pay in {channels} before the terms are accepted. Read and accept them on the app's page in Saleor's "
    "Dashboard.",
    "Personne ne peut payer dans {channels} avant que les conditions soient acceptées. Lisez-les et acceptez-les sur "
    "la page de l'application dans le Dashboard de Saleor.",
)
TEST_ONLY = Sentence(
    "The shop takes live payments, but {channels} takes test payments only. Choose a live account for it on the app's "
    "page in Saleor's Dashboard.",
    "La boutique encaisse réellement, mais {channels} seulement des paiements de test. Choisissez-y un compte réel "
    "sur la page de l'application dans le Dashboard de Saleor.",
)
ACCOUNT_NOT_READY = Sentence(
    "The Stripe account “{account}” does not take payments: Stripe needs something, or has rejected it. See it "
    "on the app's page in Saleor's Dashboard.",
    "Le compte Stripe « {account} » n'encaisse pas : Stripe demande quelque chose ou l'a refusé. Regardez-le sur la "
    "page de l'application dans le Dashboard de Saleor.",
)
ACCOUNT_MAY_NOT_CHARGE = Sentence(
    "Stripe does not let the account “{account}” take payments now: no charges are possible. Open Stripe's "
    "Dashboard: it shows which documents or details Stripe needs.",
    "Stripe n'autorise pas le compte « {account} » à encaisser pour le moment (charges). Ouvrez le Dashboard de "
    "Stripe : il indique quels documents ou informations Stripe demande.",
)
ACCOUNT_NOT_SERVED = Sentence(
    "Stripe does not serve the account “{account}” with the key that the app has. Paste new keys on the app's page in "
    "Saleor's Dashboard; everything that waits then continues.",
    "Stripe refuse la clé que l'application a pour le compte « {account} ». Collez de nouvelles clés sur la page de "
    "l'application dans le Dashboard de Saleor ; tout ce qui attend reprendra alors tout seul.",
)
FOREIGN = Sentence(
    "The payment {payment} in the Stripe account “{account}” names a transaction of the shop that it does not belong "
    "to, or its currency or mode is another. It is not booked in Saleor. Someone may have copied the metadata of "
    "another payment. Look at it in Stripe: refund or cancel it if no one ordered anything with it.",
    "Le paiement {payment} du compte Stripe « {account} » nomme une transaction de la boutique qui n'est pas la "
    "sienne, ou sa devise ou son mode diffère. Il n'est pas enregistré dans Saleor. Quelqu'un a peut-être copié les "
    "métadonnées d'un autre paiement. Regardez-le dans Stripe : remboursez-le ou annulez-le s'il ne correspond à "
    "aucune commande.",
)

KEY_REFUSED = Sentence(
    "Stripe refused the key of account “{account}”. Paste a new restricted key on the app's page.",
    "Stripe a refusé la clé du compte « {account} ». Collez une nouvelle clé restreinte sur la page de l'application.",
)
PLATFORM_KEY_REFUSED = Sentence(
    "Stripe refused the platform key with which the app acts for “{account}”. Ask the operator of the app for a new "
    "one.",
    "Stripe a refusé la clé de plateforme avec laquelle l'application agit pour « {account} ». Demandez à la personne "
    "qui exploite l'application d'en mettre une nouvelle.",
)
NO_ACCESS = Sentence(
    "Stripe no longer lets the app act for “{account}”. Connect the account again on the app's page.",
    "Stripe ne laisse plus l'application agir pour « {account} ». Connectez de nouveau le compte sur la page de "
    "l'application.",
)
PERMISSION_MISSING = Sentence(
    "The key of account “{account}” is missing a permission: {why}. Grant it in Stripe, or paste another key that has "
    "it.",
    "Il manque une autorisation à la clé du compte « {account} » : {why}. Accordez-la dans Stripe, ou collez une autre "
    "clé qui l'a.",
)
SECRET_KEY_CHANGED = Sentence(
    "A stored secret of “{account}” cannot be decrypted: the app runs with another SECRET_KEY. Ask the operator of the "
    "app for the former one.",
    "Un secret enregistré de « {account} » ne peut pas être déchiffré : l'application tourne avec une autre "
    "SECRET_KEY. Demandez l'ancienne à la personne qui exploite l'application.",
)
OTHER_MODE = Sentence(
    "“{account}” was connected in another mode, live or test, than the one in which the app now runs Stripe Connect. "
    "Connect an account in that mode, or ask the operator of the app.",
    "« {account} » a été connecté dans un autre mode, réel ou test, que celui dans lequel l'application utilise "
    "maintenant Stripe Connect. Connectez un compte dans ce mode, ou demandez à la personne qui exploite "
    "l'application.",
)
NOT_CONNECTED = Sentence(
    "“{account}” is not connected at Stripe. Connect it on the app's page.",
    "« {account} » n'est pas connecté chez Stripe. Connectez-le sur la page de l'application.",
)
NO_PLATFORM = Sentence(
    "The operator of the app no longer offers Stripe Connect, through which “{account}” was connected. Paste the "
    "account's keys on the app's page instead.",
    "La personne qui exploite l'application ne propose plus Stripe Connect, par lequel « {account} » était connecté. "
    "Collez plutôt les clés du compte sur la page de l'application.",
)
ENDPOINT_CHANGED = Sentence(
    "The webhook endpoint of “{account}” at Stripe was changed or disabled. Paste the account's keys again on the "
    "app's page to fix it.",
    "Le point de terminaison (webhook endpoint) de « {account} » chez Stripe a été modifié ou désactivé. Collez de "
    "nouveau les clés du compte sur la page de l'application : cela le rétablit.",
)
ENDPOINT_REFUSED = Sentence(
    "Stripe refuses the webhook endpoint of “{account}”, so it does not report payments: {why}",
    "Stripe refuse le point de terminaison (webhook endpoint) de « {account} » et ne signale donc pas les paiements : "
    "{why}",
)


_CAUSES = {
    failures.NO_ACCESS: NO_ACCESS,
    "secret_key_changed": SECRET_KEY_CHANGED,
    "mode": OTHER_MODE,
    "not_connected": NOT_CONNECTED,
    "no_platform": NO_PLATFORM,
}


def key_problem(failure: Failure, account_name: str, *, is_hosted: bool) -> str:
    """Why Stripe does not serve an account, as staff read it."""
    if (cause := _CAUSES.get(failure.code)) is not None:
        return for_staff(cause, account=account_name)
    if failure.code == failures.MISSING_PERMISSION:
        return for_staff(PERMISSION_MISSING, account=account_name, why=failure.values["why"])
    return for_staff(PLATFORM_KEY_REFUSED if is_hosted else KEY_REFUSED, account=account_name)


def endpoint_problem(failure: Failure, account_name: str) -> str:
    """What is wrong with Stripe's endpoint of an account, as staff read it."""
    if failure.code == failures.ENDPOINT:
        return for_staff(ENDPOINT_CHANGED, account=account_name)
    return for_staff(ENDPOINT_REFUSED, account=account_name, why=failure.message)
