"""The consent contract with storefronts: metadata of a checkout, an order or a customer, under these keys.

Saleor has no field for consent. A checkout's metadata is copied to its order, so an order shows what was ticked when it
was placed. docs/audience.md explains the keys to storefront developers.

Anyone can write metadata on a checkout, so a guest's order proves nothing: it subscribes an address that has never
unsubscribed, and nothing more. Nor does what an order's metadata has long after it was placed, because staff and other
apps can write there: a box in a checkout is ticked before the order is placed.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent import confirmation, ledger, wordings
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts.identity import person_of, upsert_contact
from saleor_stripe_audience.audience.people.audiences import LockedShop
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.people.payloads import Account
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.shopping.payloads import Order
from saleor_stripe_audience.audience.shopping.purchases import audience_of, find_purchase
from saleor_stripe_audience.audience.signup import readmission, staff_messages
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation, Problem
from saleor_stripe_audience.wording import in_languages, with_values

NO_MOMENT = pgettext_lazy(
    "staff",
    "The consent has no valid {key}. Send the time at which it was given, with a time zone, "
    "such as 2026-11-23T14:00:00Z.",
)

CONSENT = "marketing_consent"
AT = "consent_at"
TEXT = "consent_text"
SOURCE = "consent_source"
IP = "consent_ip"
SOFT_OPT_IN = "soft_opt_in"
STOCK_STOREFRONT = "paper.marketing_opt_in"  # the newsletter box of Saleor's reference storefront

# Saleor sends an order's first events at once. A worker that is behind may compose them later.
MAX_DELAY = timedelta(hours=1)

_LONGEST = 40  # characters of a value that says what a box means
_YES = frozenset({"true", "yes", "1", "on", "given"})
_WITHDRAWN = frozenset(
    {
        "withdrawn", "withdraw", "withdrew", "unsubscribed", "unsubscribe", "opted out", "opt out", "optout", "revoked",
        "revoke", "désinscrit", "désabonné", "retiré",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys under which a storefront writes the box and the details of its consent."""

    box: str
    at: str
    text: str
    source: str
    ip: str


_OWN = _Keys(CONSENT, AT, TEXT, SOURCE, IP)


def record_order_consent(shop: LockedShop, order: Order, issued_at: datetime) -> None:
    """Record what the buyer agreed to during checkout, once, however many events the order has.

    A late event of a guest's order may have an address that was corrected since: then the consent belongs to the
    order's current contact. That of an account stays with the account, whoever the order is assigned to later.
    """
    values = _as_dict(order.metadata)
    if not values:
        return
    purchase = find_purchase(shop, order)
    audience = audience_of(shop, order, purchase)
    if not _mentions_consent(values, audience):
        return
    buyer = order.buyer(issued_at)
    if buyer is None:  # no valid address
        return
    is_accounts = purchase is not None and purchase.is_placed_by_account
    if (is_accounts or order.was_placed_by_account) and not order.is_placed_by_its_user:
        return
    is_late = purchase is not None and purchase.issued_at > issued_at
    current = purchase if is_late and not (is_accounts or order.is_placed_by_account) else None
    if current is not None and current.contact is None:  # erased, or anonymized in Saleor
        return
    events = _events_in(
        values,
        source=Consent.Source.CHECKOUT,
        reference=order.id,
        audience=audience,
        issued_at=issued_at,
        at=order.created,
        is_proven=order.is_placed_by_account,
    )
    if events:
        with transaction.atomic():
            contact = current.contact if current is not None else upsert_contact(shop, audience, buyer)
            if order.is_placed_by_account:
                events = _date_by_order(events, order, issued_at, contact)
            _record(shop, audience, contact, buyer.email, events)


def _date_by_order(
    events: Sequence[ConsentEvent], order: Order, issued_at: datetime, contact: Contact | None
) -> list[ConsentEvent]:
    """Return the events of an account's order, with those that somebody else may have written since marked as late.

    What the order had when it was placed was given before that, even if the shopper's clock says otherwise; later
    events of the order have it too.
    """
    placed_at, ticked = order.created, set(Consent.Basis.values)
    if placed_at is None or issued_at > placed_at + MAX_DELAY:
        ticked = _ticked_at_checkout(contact, order) if contact is not None else set()
    dated = []
    for event in events:
        if event.kind == Consent.Kind.WITHDRAWN:
            dated.append(event)  # a refusal counts whoever wrote it
        elif placed_at is not None and event.basis in ticked:
            dated.append(replace(event, at=min(event.at, placed_at)))
        else:
            dated.append(replace(event, is_proven=False, is_late=True))
    return dated


def _ticked_at_checkout(contact: Contact, order: Order) -> set[str]:
    """Return for which bases the account is known to have ticked a box before it placed the order."""
    given = contact.consents.filter(kind=Consent.Kind.GIVEN, source=Consent.Source.CHECKOUT, is_proven=True)
    return set(given.filter(reference=order.id).values_list("basis", flat=True))


def record_account_consent(shop: LockedShop, account: Account, issued_at: datetime) -> None:
    """Record what the owner of a confirmed account agreed to, in the shop's default audience.

    `consent_at` is required, because Saleor sends an account's metadata again with every change. An unconfirmed
    account is skipped; Saleor sends its metadata again when it is confirmed.

    A withdrawal without a valid time counts once, from its first event, until the account's metadata has given a new
    consent: sent again unchanged, it does not undo a subscription made elsewhere since.
    """
    values = _as_dict(account.metadata or [])
    if not account.is_confirmed or not _mentions_consent(values, shop.default):
        return
    person = person_of(account, issued_at)
    events = _events_in(
        values,
        source=Consent.Source.ACCOUNT,
        reference=account.id,
        audience=shop.default,
        issued_at=issued_at,
        is_proven=True,
    )
    if events:
        with transaction.atomic():
            contact = upsert_contact(shop, shop.default, person)
            _record(shop, shop.default, contact, person.email, events)


def report_problem(installation: Installation, source: str, error: Rejected) -> None:
    """Report consent that proves nothing: one problem per shop and source, however many events there are."""
    problems.report(installation, _problem_key(source), staff_messages.consent_problem(error, source))


def clear_missing_wording(audience: Audience) -> None:
    """Clear the problem that consents come without a text, if the audience has its own by now."""
    if not Audience.objects.filter(pk=audience.pk).exclude(consent_text="").exists():
        return
    installation = audience.installation
    for source in (Consent.Source.CHECKOUT, Consent.Source.ACCOUNT):
        key, missing = _problem_key(source), in_languages(staff_messages.missing_wording(source))
        found = Problem.objects.filter(installation=installation, key=key).first()
        if found is not None and found.translations == missing:
            problems.clear(installation, key)


def _problem_key(source: str) -> str:
    return f"consent {source}"


def _record(
    shop: LockedShop, audience: Audience, contact: Contact | None, email: str, events: Sequence[ConsentEvent]
) -> None:
    if contact is None:  # erased
        for event in events:
            readmission.request_confirmation(audience, email, event)
        return
    erased_at = erasure.last_erased_at(shop.installation, contact)
    for event in events:
        if erased_at is not None and event.kind == Consent.Kind.GIVEN and event.at <= erased_at:
            continue
        must_confirm = event.needs_confirmation or (erased_at is not None and not event.is_proven)
        consent = ledger.record(contact, replace(event, needs_confirmation=must_confirm))
        confirmation.request_if_needed(contact, consent)
        problems.clear(shop.installation, _problem_key(event.source))
        if event.wording_origin == Consent.WordingOrigin.UNKNOWN:
            problems.report(shop.installation, wordings.UNKNOWN_WORDING, staff_messages.UNKNOWN_WORDING)


def _events_in(
    values: Mapping[str, str],
    *,
    source: str,
    reference: str,
    audience: Audience,
    issued_at: datetime,
    at: datetime | None = None,
    is_proven: bool = False,
) -> list[ConsentEvent]:
    """Read the consent events in the metadata; none for an unticked box, which is not a withdrawal.

    Withdrawals win over whatever else the metadata has: one for each box that withdraws. `at` is the time if the
    metadata has none; `issued_at`, when it was sent, is that of a withdrawal without any. `Rejected` names the key of a
    given consent that cannot be read.
    """
    used = [keys for keys in _all_keys(audience) if _kind(values.get(keys.box, ""))]
    withdrawing = [keys for keys in used if _kind(values[keys.box]) == Consent.Kind.WITHDRAWN]
    if withdrawing:
        default = ConsentEvent(
            kind=Consent.Kind.WITHDRAWN,
            at=at or issued_at,
            source=source,
            reference=reference,
            is_undated=at is None,
            is_proven=is_proven,
        )
        return [_withdrawal(values, keys, default) for keys in withdrawing]
    keys = used[0] if used else _OWN
    kind = _kind(values.get(keys.box, ""))
    is_soft_opt_in = values.get(SOFT_OPT_IN, "").lower() in _YES
    if not kind and not is_soft_opt_in:
        return []
    moment = _moment(values.get(keys.at, ""), at, keys.at)
    proof = wordings.proof_of(audience, values.get(keys.text, ""), moment)
    given = ConsentEvent(
        kind=Consent.Kind.GIVEN,
        at=moment,
        source=source,
        reference=reference,
        source_detail=values.get(keys.source, ""),
        ip=values.get(keys.ip, ""),
        is_proven=is_proven,
        wording=proof.text,
        wording_origin=proof.origin,
        needs_confirmation=audience.double_opt_in or not proof.is_good,
    )
    events = [given] if kind == Consent.Kind.GIVEN else []
    if is_soft_opt_in:
        events.append(replace(given, basis=Consent.Basis.SOFT_OPT_IN, needs_confirmation=not proof.is_good))
    return events


def _withdrawal(values: Mapping[str, str], keys: _Keys, default: ConsentEvent) -> ConsentEvent:
    """Return the box's withdrawal, whatever else cannot be read; without a readable time it has the default's."""
    ip = values.get(keys.ip, "")
    event = replace(default, source_detail=values.get(keys.source, ""), ip=ip if ledger.is_ip(ip) else "")
    with suppress(Rejected):
        if moment := values.get(keys.at, ""):
            return replace(event, at=_moment(moment, None, keys.at), is_undated=False)
    return replace(event, box=keys.box) if event.is_undated else event


def _mentions_consent(values: Mapping[str, str], audience: Audience) -> bool:
    return SOFT_OPT_IN in values or any(keys.box in values for keys in _all_keys(audience))


def _all_keys(audience: Audience) -> list[_Keys]:
    """Return our own keys, the reference storefront's, and the merchant's; details have the box's key as a prefix."""
    others = (STOCK_STOREFRONT, *audience.consent_keys)
    return [
        _OWN,
        *(_Keys(box, f"{box}_at", f"{box}_text", f"{box}_source", f"{box}_ip") for box in others),
    ]


def _as_dict(metadata: Sequence[Any]) -> dict[str, str]:
    pairs = [pair for pair in metadata if isinstance(pair, dict)]
    return {str(pair.get("key")): str(pair.get("value") or "").strip() for pair in pairs}


def _kind(value: str) -> str:
    """Return what the box says; empty for an unticked one, and for anything else."""
    if value.lower() in _YES:
        return Consent.Kind.GIVEN
    words = " ".join(
        re.findall(r"\w+", unicodedata.normalize("NFC", value[:_LONGEST]).lower().replace("_", " "))
    )
    return Consent.Kind.WITHDRAWN if words in _WITHDRAWN else ""


def _moment(value: str, fallback: datetime | None, key: str) -> datetime:
    if not value and fallback is not None:
        return fallback
    try:
        moment = datetime.fromisoformat(value)
        is_complete = moment.tzinfo is not None
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        is_complete = False
    if not is_complete:
        raise Rejected(
            with_values(NO_MOMENT, key=key),
            code="consent_at",
        )
    return moment
