"""The consent contract with storefronts: metadata of a checkout, an order or a customer, under these keys.

Saleor has no field for consent. Metadata of a checkout reaches its order whole, so an order tells what was ticked
when it was placed. docs/audience.md explains the keys to whoever builds a storefront.

Anybody can write metadata on a checkout. So what a guest's order says is nobody's proven word: it subscribes an
address of which no refusal is known, and nothing more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from saleor_stripe_audience.audience.consent import confirmation, ledger, wordings
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts.identity import Person, contact_of, person_of
from saleor_stripe_audience.audience.people.audiences import default_audience
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.people.payloads import read_account, read_order
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.shopping.purchases import audience_of_order, buyer_of
from saleor_stripe_audience.audience.signup import readmission
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation

CONSENT = "marketing_consent"
AT = "consent_at"
TEXT = "consent_text"
SOURCE = "consent_source"
IP = "consent_ip"
SOFT_OPT_IN = "soft_opt_in"
STOCK_STOREFRONT = "paper.marketing_opt_in"  # the newsletter box of Saleor's reference storefront

_UNKNOWN_WORDING_MESSAGE = (
    "A storefront sends a consent with words (consent_text) that you did not write for the audience, so they prove "
    "nothing: such consents wait until they are confirmed from the mailbox. If your storefront shows other words than "
    "the audience's own, add them with `saleor-stripe-audience audience --add-wording`. If not, a stranger wrote them."
)

_YES = frozenset({"true", "yes", "1", "on", "given"})
_WITHDRAWN = frozenset({"withdrawn"})


@dataclass(frozen=True, slots=True)
class _Keys:
    """Under which keys one storefront writes a box, and what belongs to it."""

    box: str
    at: str
    text: str
    source: str
    ip: str


_OWN = _Keys(CONSENT, AT, TEXT, SOURCE, IP)


def record_order_consent(installation: Installation, payload: Mapping[str, Any], issued_at: datetime) -> None:
    """Write down what the buyer agreed to at the checkout, once however many events tell of the order."""
    order = read_order(payload)
    if order.is_anonymous or not _told(order.metadata):
        return
    with transaction.atomic():
        audience = audience_of_order(installation, order)
        if not _says_something(order.metadata, audience):
            return
        buyer = buyer_of(order, issued_at)
        if buyer is None:  # nobody who can be written to gave it
            return
        words = consent_events_in(
            order.metadata,
            source=Consent.Source.CHECKOUT,
            reference=order.id,
            audience=audience,
            at=order.created,
            is_proven=buyer.account_id is not None,
        )
        _record(audience, buyer, words)


def record_account_consent(
    installation: Installation, payload: Mapping[str, Any], issued_at: datetime
) -> None:
    """Write down what the owner of a confirmed account agreed to; it goes to the shop's default audience.

    `consent_at` is required here: an account tells its metadata again with every change of anything. An account that
    is not confirmed says nothing yet; it tells its metadata again once it is.
    """
    account = read_account(payload)
    if not account.is_confirmed or not _told(account.metadata):
        return
    with transaction.atomic():
        audience = default_audience(installation)
        if not _says_something(account.metadata, audience):
            return
        person = person_of(account, issued_at)
        words = consent_events_in(
            account.metadata,
            source=Consent.Source.ACCOUNT,
            reference=account.id,
            audience=audience,
            is_proven=True,
        )
        _record(audience, person, words)


def report_problem(installation: Installation, source: str, refused: Rejected) -> None:
    """A consent proves nothing: one problem for the shop and the place it came from, however many events tell it."""
    problems.report(installation, _problem_key(source), refused.message)


def _problem_key(source: str) -> str:
    return f"consent {source}"


def _record(audience: Audience, person: Person, words: Sequence[ConsentEvent]) -> None:
    contact = contact_of(audience, person)
    if contact is None:  # erased
        for word in words:
            readmission.ask(audience, person.email, word)
        return
    was_erased = erasure.was_erased(audience.installation, contact.email)
    for word in words:
        told = replace(word, needs_confirmation=True) if was_erased and not word.is_proven else word
        written = ledger.record(contact, told)
        confirmation.ask_if_needed(contact, written)
        problems.clear(audience.installation, _problem_key(word.source))
        if word.wording_origin == Consent.WordingOrigin.UNKNOWN:
            problems.report(audience.installation, wordings.UNKNOWN_WORDING, _UNKNOWN_WORDING_MESSAGE)


def consent_events_in(
    metadata: Sequence[Any],
    *,
    source: str,
    reference: str,
    audience: Audience,
    at: datetime | None = None,
    is_proven: bool = False,
) -> list[ConsentEvent]:
    """What the metadata says; nothing for an unticked box, which is no withdrawal.

    `at` is the moment where none is sent. `Rejected` names the key that cannot be read.
    """
    told = _told(metadata)
    keys = _keys_used(told, audience)
    kind = _kind(told.get(keys.box, ""))
    is_soft_opt_in = told.get(SOFT_OPT_IN, "").lower() in _YES
    if not kind and not is_soft_opt_in:
        return []
    moment = _moment(told.get(keys.at, ""), at, keys.at)
    said = ConsentEvent(
        kind=Consent.Kind.WITHDRAWN,
        at=moment,
        source=source,
        reference=reference,
        source_detail=told.get(keys.source, ""),
        ip=told.get(keys.ip, ""),
        is_proven=is_proven,
    )
    proof = wordings.proof_of(audience, told.get(keys.text, ""), moment)
    given = replace(
        said,
        kind=Consent.Kind.GIVEN,
        wording=proof.text,
        wording_origin=proof.origin,
        needs_confirmation=audience.double_opt_in or not proof.is_good,
    )
    words = [said] if kind == Consent.Kind.WITHDRAWN else []
    words += [given] if kind == Consent.Kind.GIVEN else []
    if is_soft_opt_in:
        soft = replace(given, basis=Consent.Basis.SOFT_OPT_IN, needs_confirmation=not proof.is_good)
        words.append(soft)
    return words


def _says_something(metadata: Sequence[Any], audience: Audience) -> bool:
    told = _told(metadata)
    return SOFT_OPT_IN in told or any(keys.box in told for keys in _all_keys(audience))


def _all_keys(audience: Audience) -> list[_Keys]:
    """Our own, the stock storefront's, and those that the merchant named; what belongs to a box begins as it does."""
    others = (STOCK_STOREFRONT, *audience.consent_keys)
    return [
        _OWN,
        *(_Keys(box, f"{box}_at", f"{box}_text", f"{box}_source", f"{box}_ip") for box in others),
    ]


def _keys_used(told: Mapping[str, str], audience: Audience) -> _Keys:
    """Those of the first box that says something."""
    used = (keys for keys in _all_keys(audience) if _kind(told.get(keys.box, "")))
    return next(used, _OWN)


def _told(metadata: Sequence[Any]) -> dict[str, str]:
    pairs = [pair for pair in metadata if isinstance(pair, dict)]
    return {str(pair.get("key")): str(pair.get("value") or "").strip() for pair in pairs}


def _kind(value: str) -> str:
    if value.lower() in _YES:
        return Consent.Kind.GIVEN
    return Consent.Kind.WITHDRAWN if value.lower() in _WITHDRAWN else ""


def _moment(value: str, fallback: datetime | None, key: str) -> datetime:
    if not value and fallback is not None:
        return fallback
    try:
        moment = datetime.fromisoformat(value)
        return _checked(moment)
    except (ValueError, OverflowError):
        raise Rejected(
            f"The consent has no readable {key}. Send when it was given, with its time zone, such as "
            "2026-11-23T14:00:00Z.",
            code="consent_at",
        ) from None


def _checked(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment.astimezone(UTC)
