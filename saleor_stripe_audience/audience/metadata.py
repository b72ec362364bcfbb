"""The consent contract with storefronts: metadata of a checkout, an order or a customer, under these keys.

Saleor has no field for consent. Metadata of a checkout reaches its order whole, so an order tells what was ticked
when it was placed. docs/audience.md explains the keys to whoever builds a storefront.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from saleor_stripe_audience.audience.consent import Word
from saleor_stripe_audience.audience.models import Consent
from saleor_stripe_audience.errors import Rejected

CONSENT = "marketing_consent"
AT = "consent_at"
TEXT = "consent_text"
SOURCE = "consent_source"
IP = "consent_ip"
SOFT_OPT_IN = "soft_opt_in"

_YES = frozenset({"true", "yes", "1", "on", "given"})
_WITHDRAWN = frozenset({"withdrawn"})


def words_in(
    metadata: Sequence[Any],
    *,
    source: str,
    reference: str,
    text: str,
    needs_confirmation: bool,
    at: datetime | None = None,
) -> list[Word]:
    """What the metadata says; nothing for an unticked box, which is no withdrawal.

    `text` is the wording where none is sent, `at` the moment where none is sent. `Rejected` names the key that
    cannot be read.
    """
    told = _told(metadata)
    kind = _kind(told.get(CONSENT, ""))
    bases = [Consent.Basis.CONSENT] if kind else []
    if told.get(SOFT_OPT_IN, "").lower() in _YES:
        bases.append(Consent.Basis.SOFT_OPT_IN)
    if not bases:
        return []
    moment = _moment(told.get(AT, ""), at)
    return [
        Word(
            kind=(kind if basis == Consent.Basis.CONSENT else "") or Consent.Kind.GIVEN,
            at=moment,
            source=source,
            wording=told.get(TEXT, "") or text,
            basis=basis,
            reference=reference,
            source_detail=told.get(SOURCE, ""),
            ip=told.get(IP, ""),
            needs_confirmation=needs_confirmation,
        )
        for basis in bases
    ]


def _told(metadata: Sequence[Any]) -> dict[str, str]:
    pairs = [pair for pair in metadata if isinstance(pair, dict)]
    return {str(pair.get("key")): str(pair.get("value") or "").strip() for pair in pairs}


def _kind(value: str) -> str:
    if value.lower() in _YES:
        return Consent.Kind.GIVEN
    return Consent.Kind.WITHDRAWN if value.lower() in _WITHDRAWN else ""


def _moment(value: str, fallback: datetime | None) -> datetime:
    if not value and fallback is not None:
        return fallback
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Rejected(
            f"The consent has no readable {AT}. Send when it was given, with its time zone, such as "
            "2026-11-23T14:00:00Z.",
            code="consent_at",
        )
    return moment
