"""The consent contract with storefronts: metadata of a checkout, an order or a customer, under these keys.

Saleor has no field for consent. Metadata of a checkout reaches its order whole, so an order tells what was ticked
when it was placed. docs/audience.md explains the keys to whoever builds a storefront.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from saleor_stripe_audience.audience import confirmation, consent
from saleor_stripe_audience.audience.audiences import default_audience
from saleor_stripe_audience.audience.consent import Word
from saleor_stripe_audience.audience.contacts import contact_of, person_of
from saleor_stripe_audience.audience.models import Audience, Consent, Contact
from saleor_stripe_audience.audience.orders import read_account, read_order
from saleor_stripe_audience.audience.purchases import audience_of_order, buyer_of
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.models import Installation

CONSENT = "marketing_consent"
AT = "consent_at"
TEXT = "consent_text"
SOURCE = "consent_source"
IP = "consent_ip"
SOFT_OPT_IN = "soft_opt_in"

_YES = frozenset({"true", "yes", "1", "on", "given"})
_WITHDRAWN = frozenset({"withdrawn"})


def record_order_words(installation: Installation, payload: Mapping[str, Any], issued_at: datetime) -> None:
    """Write down what the buyer agreed to at the checkout, once however many events tell of the order."""
    order = read_order(payload)
    if order.is_anonymous or not _says_something(order.metadata):
        return
    buyer = buyer_of(order, issued_at)
    with transaction.atomic():
        audience = audience_of_order(installation, order)
        words = _words(audience, order.metadata, Consent.Source.CHECKOUT, order.id, order.created)
        _record(contact_of(audience, buyer), words)


def record_account_words(installation: Installation, payload: Mapping[str, Any], issued_at: datetime) -> None:
    """Write down what the owner of a confirmed account agreed to; it goes to the shop's default audience.

    `consent_at` is required here: an account tells its metadata again with every change of anything.
    """
    account = read_account(payload)
    if account.is_confirmed is False or not _says_something(account.metadata):
        return
    person = person_of(account, issued_at)
    with transaction.atomic():
        audience = default_audience(installation)
        words = _words(audience, account.metadata, Consent.Source.ACCOUNT, account.id, None)
        _record(contact_of(audience, person), words)


def _says_something(metadata: Sequence[Any]) -> bool:
    told = _told(metadata)
    return CONSENT in told or SOFT_OPT_IN in told


def _words(
    audience: Audience, metadata: Sequence[Any], source: str, reference: str, at: datetime | None
) -> list[Word]:
    return words_in(
        metadata,
        source=source,
        reference=reference,
        text=audience.consent_text,
        needs_confirmation=audience.double_opt_in,
        at=at,
    )


def _record(contact: Contact | None, words: Sequence[Word]) -> None:
    if contact is None:  # erased
        return
    for word in words:
        written = consent.record(contact, word)
        confirmation.ask_if_needed(contact, written)


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
