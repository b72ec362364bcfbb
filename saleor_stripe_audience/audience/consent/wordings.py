"""The wordings that a merchant wrote for an audience. Only they prove a consent, and only they are mailed or shown.

Anybody can write metadata on a checkout, and the storefront's key is public: words that a caller sends are matched
against these, and what is not among them is kept in the ledger, proves nothing and is shown to nobody.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.consent.senders import sender_name
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.models import Audience, KnownWording
from saleor_stripe_audience.audience.people.wordings import store_wording
from saleor_stripe_audience.shops import problems

Origin = Consent.WordingOrigin
UNKNOWN_WORDING = "consent wording"  # the key of the problem that a storefront sends other words


@dataclass(frozen=True, slots=True)
class Proof:
    """The wording that a consent is kept with, and where it is from. Of an unknown one nothing is proven."""

    text: str
    origin: Origin

    @property
    def is_good(self) -> bool:
        """Whether the merchant wrote it."""
        return self.origin != Origin.UNKNOWN


def proof_of(audience: Audience, sent: str, at: datetime) -> Proof:
    """What a storefront's word of `at` is kept with: what it sent, or the audience's own text at that time."""
    text = sent.strip()
    if not text:
        return Proof(own_text(audience, at), Origin.AUDIENCE)
    return Proof(text, Origin.SENT if is_known(audience, text) else Origin.UNKNOWN)


def own_text(audience: Audience, at: datetime) -> str:
    """The audience's own text at that time; the present one where none is known to have been before it."""
    past = audience.known_wordings.filter(is_own=True, since__lte=at, until__gt=at)
    found = past.order_by("-since").select_related("wording").first()
    return found.wording.text if found is not None else audience.consent_text


def is_known(audience: Audience, text: str) -> bool:
    """Whether the merchant wrote the text for this audience, now or before; blanks do not count."""
    return _plain(text) in {_plain(each) for each in texts_of(audience)}


def texts_of(audience: Audience) -> list[str]:
    """The wordings of the audience: its own text first, then the others in the order in which they were added."""
    kept = audience.known_wordings.order_by("since", "pk").values_list("wording__text", flat=True)
    return _own_first(audience.consent_text, kept)


def texts_by_audience(installation_id: UUID) -> dict[UUID, list[str]]:
    """The same of each of the shop's audiences."""
    own = Audience.objects.filter(installation=installation_id).values_list("pk", "consent_text")
    kept: dict[UUID, list[str]] = {}
    rows = KnownWording.objects.filter(audience__installation=installation_id).order_by("since", "pk")
    for audience, text in rows.values_list("audience_id", "wording__text"):
        kept.setdefault(audience, []).append(text)
    return {audience: _own_first(text, kept.get(audience, [])) for audience, text in own}


def _own_first(own: str, others: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*([own] if own else []), *others]))


def add(audience: Audience, text: str) -> None:
    """The merchant's storefront shows this wording: from now on it proves consents. Adding it again does nothing."""
    ledger.check_wording(text)
    with transaction.atomic():
        lock_shop(audience.installation)
        wording = store_wording(audience.installation_id, text.strip())
        KnownWording.objects.get_or_create(
            audience=audience, wording=wording, is_own=False, defaults={"since": timezone.now()}
        )
        problems.clear(audience.installation, UNKNOWN_WORDING)


def shown_to_person(given: Consent) -> str:
    """What the person is asked to confirm, in the language that is active: never a word that a stranger wrote."""
    text = given.wording.text if given.wording else ""
    if text and is_known(given.audience, text):
        return text
    return offer(given.audience)


def offer(audience: Audience) -> str:
    """What one agrees to on the app's own pages: it is shown there, and kept in the ledger word for word."""
    return audience.consent_text or _("I agree to receive news from %(audience)s by e-mail.") % {
        "audience": sender_name(audience)
    }


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
