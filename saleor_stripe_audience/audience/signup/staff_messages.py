"""What staff see among the problems about consents that storefronts send."""

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent.ledger import MAX_WORDING_LENGTH
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

UNKNOWN_WORDING = pgettext_lazy(
    "staff",
    "A storefront sends consent with a wording (consent_text) that you did not write for the "
    "audience, so it proves nothing: such consent is pending until the person confirms it by "
    "email. If your storefront shows a different wording from the audience's own, add it "
    "under Audiences as a text of your storefront. Otherwise, someone else sent it.",
)
# What is wrong with a consent, by the code of its refusal.
_PROBLEMS = {
    "consent_at": pgettext_lazy(
        "staff",
        "A consent has no valid date (consent_at, or your storefront's key that ends with _at). "
        "Send the time at which it was given, with a time zone, such as 2026-11-23T14:00:00Z.",
    ),
    "consent_without_wording": pgettext_lazy(
        "staff",
        "A storefront sends consent without its text (consent_text), so it proves nothing. Make "
        "it send the text that was agreed to, or add the audience's own text under Audiences. "
        "Consents that were already sent are only recorded once your customers and orders are "
        "imported again.",
    ),
    "consent_wording_too_long": pgettext_lazy(
        "staff", "The wording of the consent (consent_text) is longer than {longest} characters."
    ),
    "consent_ip": pgettext_lazy(
        "staff", "The consent's consent_ip is not an IP address. Send the customer's, or leave it out."
    ),
}


# Where it was written. A problem is resolved by the next valid consent from the same place.
_WHERE = {
    Consent.Source.CHECKOUT: pgettext_lazy("staff", "Orders: {problem}"),
    Consent.Source.ACCOUNT: pgettext_lazy("staff", "Customer accounts: {problem}"),
}


def consent_problem(refused: Rejected, source: str) -> Promise | str:
    """Why a consent from an order or an account proves nothing."""
    return _at(source, refused.code) if refused.code in _PROBLEMS else refused.message


def missing_wording(source: str) -> Promise:
    """Why a consent without a text proves nothing, if the audience has none of its own."""
    return _at(source, "consent_without_wording")


def _at(source: str, code: str) -> Promise:
    problem = with_values(_PROBLEMS[code], longest=MAX_WORDING_LENGTH)
    return with_values(_WHERE[Consent.Source(source)], problem=problem)
