"""What staff enter as the proof of a person's choice: how and where, to which wording, and when."""

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.staff_actions import ConsentInput
from saleor_stripe_audience.dashboard.moments import read_moment
from saleor_stripe_audience.errors import Rejected

LONGEST_PLACE = 128  # characters, as the ledger has it
# Which field an error belongs to.
PROOF_FIELDS = {
    "consent_where": "where",
    "consent_without_wording": "wording",
    "consent_wording_too_long": "wording",
    "consent_at": "given_at",
}


def read_proof(sent: QueryDict, kind: Consent.Kind) -> ConsentInput:
    """Return the choice with its proof. `Rejected` if something is missing; a withdrawal needs no wording."""
    where = sent.get("where", "").strip()
    if not where or len(where) > LONGEST_PLACE or "\0" in where:
        message = (
            _("Enter how and where the person agreed, in at most %(most)s characters.")
            if kind == Consent.Kind.GIVEN
            else _("Enter how and where this was said, in at most %(most)s characters.")
        )
        raise Rejected(message % {"most": LONGEST_PLACE}, code="consent_where")
    wording = sent.get("wording", "").strip() if kind == Consent.Kind.GIVEN else ""
    if kind == Consent.Kind.GIVEN and (not wording or "\0" in wording):
        raise Rejected(_("Enter the wording that the person agreed to."), code="consent_without_wording")
    at = read_moment(sent, "given_at")
    if at is None or at > timezone.now():
        message = (
            _("Enter when the person agreed: a date and a time in the past.")
            if kind == Consent.Kind.GIVEN
            else _("Enter when this was said: a date and a time in the past.")
        )
        raise Rejected(message, code="consent_at")
    return ConsentInput(kind, at, wording=wording, where=where)
