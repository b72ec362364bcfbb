"""What staff read among the problems about consents that storefronts send, in the language that the operator chose."""

from django.conf import settings

from saleor_stripe_audience.audience.consent.ledger import MAX_WORDING_LENGTH
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import FRENCH, Sentence, language_of

UNKNOWN_WORDING = Sentence(
    "A storefront sends consent with a wording (consent_text) that you did not write for the audience, so it proves "
    "nothing: such consent is pending until it is confirmed from the mailbox. If your storefront shows another wording "
    "than the audience's own, add it with `saleor-stripe-audience audience --add-wording`. If not, a stranger sent it.",
    "Une boutique en ligne envoie un consentement avec un texte (consent_text) que vous n'avez pas écrit pour "
    "l'audience : il ne prouve donc rien, et ces consentements attendent d'être confirmés depuis la boîte aux lettres. "
    "Si votre boutique affiche un autre texte que celui de l'audience, ajoutez-le avec "
    "`saleor-stripe-audience audience --add-wording`. Sinon, un inconnu l'a écrit.",
)
# What `Rejected` says in English, by its code.
_IN_FRENCH = {
    "consent_at": "Un consentement n'a pas de date lisible (consent_at, ou la clé de votre boutique en _at). "
    "Envoyez le moment où il a été donné, avec son fuseau horaire, par exemple 2026-11-23T14:00:00Z.",
    "consent_without_wording": "Un consentement est arrivé sans le texte accepté (consent_text) : il ne prouve donc "
    "rien. Envoyez ce texte ou donnez à l'audience son propre texte de consentement ; `backfill` reprend ensuite ce "
    "qui a été envoyé auparavant.",
    "consent_wording_too_long": f"Le texte d'un consentement (consent_text) dépasse {MAX_WORDING_LENGTH} caractères.",
    "consent_ip": "La consent_ip d'un consentement n'est pas une adresse IP. Envoyez celle de l'acheteur, ou n'en "
    "envoyez pas.",
}


def consent_problem(refused: Rejected) -> str:
    """Why a consent proves nothing."""
    if language_of(settings.STAFF_LANGUAGE) == FRENCH:
        return _IN_FRENCH.get(refused.code, refused.message)
    return refused.message
