"""The terms that a shop accepts before its first live payment: docs/terms.md, or docs/terms.fr.md in French."""

from typing import Any

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.documents import read_document
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import changes
from saleor_stripe_audience.gateway.models import TermsAcceptance
from saleor_stripe_audience.recent import Recent
from saleor_stripe_audience.wording import FRENCH, language_of

DOCUMENT = "terms"
VERSION = "2026-11"  # of both documents; another version must be accepted again
LONGEST_NAME = 200


def text(language: str) -> str:
    """Return the document, as the shop reads it before accepting, for a reader of that language."""
    return read_document("docs/terms.fr.md" if language_of(language) == FRENCH else "docs/terms.md")


def accept(installation: Any, accepted_by: str) -> TermsAcceptance:
    """Record who accepted; the first acceptance of a version is kept. `Rejected` without a name."""
    if not accepted_by.strip():
        raise Rejected(pgettext_lazy("staff", "Enter who accepts the terms."), code="terms")
    accepted, is_new = TermsAcceptance.objects.get_or_create(
        installation=installation,
        document=DOCUMENT,
        version=VERSION,
        defaults={"accepted_by": accepted_by.strip()[:LONGEST_NAME]},
    )
    if is_new:
        changes.accounts_changed.send(TermsAcceptance, installation_id=installation.pk)
    return accepted


def are_accepted(installation_id: Any) -> bool:
    """Whether the shop accepted the current version."""
    return _accepted.get(installation_id)


def _read_acceptance(installation_id: Any) -> bool:
    return TermsAcceptance.objects.filter(
        installation_id=installation_id, document=DOCUMENT, version=VERSION
    ).exists()


_accepted = Recent(_read_acceptance, TermsAcceptance)


def check(installation_id: Any) -> None:
    """Raise `Rejected` unless the shop accepted the current version."""
    if not are_accepted(installation_id):
        raise Rejected(
            pgettext_lazy(
                "staff",
                "Live payments start once the terms are accepted, on the app's page in Saleor's Dashboard.",
            ),
            code="terms",
        )
