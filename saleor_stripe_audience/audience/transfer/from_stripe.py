"""What Stripe knows and Saleor does not: customers, and charges that paid no order. Nobody is subscribed by it.

A charge becomes a purchase under an id of its own kind, so it is never taken for an order. Left out is what belongs to
an order: by the metadata that Saleor apps leave on the payment, or where the same person has an order of the same
amount within a day. `cursor`: the account, the phase, and the last object of the page before.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from saleor_stripe_audience import money
from saleor_stripe_audience.audience.contacts.identity import Person, contact_of, holder_of, refresh_totals
from saleor_stripe_audience.audience.people.addresses import normalised
from saleor_stripe_audience.audience.people.audiences import default_audience
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.people.payloads import language_tag
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.audience.transfer.jobs import Json, Page
from saleor_stripe_audience.audience.transfer.models import Job
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import charges, customers
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.shops.models import Installation

OF_STRIPE = "stripe:"  # how the ids of such purchases begin; Saleor's are Base64
OF_SALEOR = "saleor"  # how the metadata of payments begins that Saleor apps made, this one among them
SAME_DAY = timedelta(days=1)
PHASES = ("customers", "charges")

Recording = Callable[[Installation, Json], str]


def work(job: Job) -> Page:
    """The next page; which it is, the job's cursor says."""
    account = _account(job)
    phase, after = job.cursor.get("phase", PHASES[0]), job.cursor.get("after", "")
    fetch = customers.list_page if phase == "customers" else charges.list_page
    record = _record_customer if phase == "customers" else _record_charge
    found, has_more = fetch(account, after)
    page = Page({"account": str(account.pk), "phase": phase, "after": found[-1]["id"] if has_more else ""})
    for each in found:
        try:
            page.counts[f"{phase} {record(job.installation, each)}"] += 1
            page.done += 1
        except Rejected as refused:
            page.failed += 1
            page.problems.append(
                {"of": phase, "id": each["id"], "code": refused.code, "message": refused.message}
            )
            page.differences.append(
                {"of": phase, "id": each["id"], "what": "in Stripe and not here", "why": refused.message}
            )
    page.counts[f"{phase} in Stripe"] += len(found)
    if not has_more:
        _turn(job, account, phase, page)
    return page


def _account(job: Job) -> StripeAccount:
    accounts = _accounts(job.installation)
    named = job.cursor.get("account")
    chosen = [each for each in accounts if named in (None, str(each.pk))]
    if not chosen:
        raise Rejected(
            "The shop has no connected Stripe account to ask, or the one that was being asked was disconnected.",
            code="no_account",
        )
    return chosen[0]


def _accounts(installation: Installation) -> list[StripeAccount]:
    connected = [
        each
        for each in accounts_of(installation.pk)
        if each.state == StripeAccount.State.CONNECTED and not each.has_left
    ]
    return sorted(connected, key=lambda each: str(each.pk))


def _turn(job: Job, account: StripeAccount, phase: str, page: Page) -> None:
    """The account's next phase, the next account, or the end, where both sides are compared."""
    later = [each for each in _accounts(job.installation) if str(each.pk) > str(account.pk)]
    if phase == "customers":
        page.cursor = {"account": str(account.pk), "phase": "charges", "after": ""}
    elif later:
        page.cursor = {"account": str(later[0].pk), "phase": PHASES[0], "after": ""}
    else:
        page.finished = True
        page.cursor = {}
        _compare(job, page)


def _compare(job: Job, page: Page) -> None:
    kept = job.report.get("counts", {}).get("charges kept", 0) + page.counts["charges kept"]
    here = _charges(job.installation).count()
    page.counts["charges here"] = here
    if here != kept:
        told = f"{here} here, and {kept} of those that Stripe's connected accounts list"
        page.differences.append({"of": "charges", "id": "", "what": told, "why": ""})


def _charges(installation: Installation) -> QuerySet[Purchase]:
    return Purchase.objects.filter(installation=installation, saleor_order_id__startswith=OF_STRIPE)


def _record_customer(installation: Installation, customer: Json) -> str:
    if not customer.get("email"):
        return "without an address"
    with transaction.atomic():
        contact = _contact(installation, _person(customer, customer["email"], customer["created"]))
        return "erased" if contact is None else "kept"


def _record_charge(installation: Installation, charge: Json) -> str:
    if charge["status"] != "succeeded" or not charge["captured"]:
        return "not taken"
    if _is_of_saleor(charge):
        return "of Saleor"
    payer = _payer(charge)
    if payer is None:
        return "without an address"
    with transaction.atomic():
        contact = _contact(installation, payer)
        kept = _charges(installation).filter(saleor_order_id=_id(charge)).select_related("contact").first()
        if contact is None and kept is None:
            return "erased"
        if contact is not None and _has_such_an_order(contact, charge):
            _drop(kept)
            return "also orders"
        holder = kept.contact if kept else None
        Purchase.objects.update_or_create(
            installation=installation,
            saleor_order_id=_id(charge),
            defaults={"contact": contact} | _fields(charge),
        )
        for counted in {contact, holder}:
            refresh_totals(counted)
        return "kept"


def _drop(kept: Purchase | None) -> None:
    """An order of Saleor turned up that the charge paid: it is counted there."""
    if kept is not None:
        kept.delete()
        refresh_totals(kept.contact)


def _is_of_saleor(charge: Json) -> bool:
    intent = charge.get("payment_intent")
    told = [charge.get("metadata") or {}, (intent.get("metadata") or {}) if isinstance(intent, dict) else {}]
    return any(name.startswith(OF_SALEOR) for metadata in told for name in metadata)


def _has_such_an_order(contact: Contact, charge: Json) -> bool:
    at = _time(charge["created"])
    orders = Purchase.objects.filter(
        installation_id=contact.audience.installation_id,
        contact__email=contact.email,
        currency=charge["currency"].upper(),
        placed_at__range=(at - SAME_DAY, at + SAME_DAY),
    ).exclude(saleor_order_id__startswith=OF_STRIPE)
    amounts = Q(total_minor=charge["amount"]) | Q(charged_minor=charge["amount_captured"])
    return orders.filter(amounts).exists()


def _fields(charge: Json) -> Json:
    taken = money.from_minor(charge["amount_captured"], charge["currency"])
    released = charge["amount"] - charge["amount_captured"]  # Stripe counts this as refunded too
    refunded = max(0, charge["amount_refunded"] - released)
    is_given_back = refunded >= taken.minor
    return {
        "number": charge["id"][:64],
        "status": "FULFILLED",
        "charge_status": "NONE" if is_given_back else "FULL",
        "currency": taken.currency,
        "total_minor": taken.minor,
        "charged_minor": taken.minor,
        "refunded_minor": refunded,
        "placed_at": _time(charge["created"]),
        "issued_at": datetime.now(UTC),
    }


def _id(charge: Json) -> str:
    return f"{OF_STRIPE}{charge['id']}"


def _payer(charge: Json) -> Person | None:
    """Whoever paid, by the address nearest to the payment; none if there is none."""
    billing = charge.get("billing_details") or {}
    customer = charge["customer"] if isinstance(charge.get("customer"), dict) else {}
    email = billing.get("email") or charge.get("receipt_email") or customer.get("email")
    return _person(customer | _given(billing), email, charge["created"]) if email else None


def _given(details: Json) -> Json:
    return {name: value for name, value in details.items() if value}


def _person(told: Json, email: str, created: int) -> Person:
    """What was said when the object was made: what Saleor says since is newer."""
    first, _, last = " ".join((told.get("name") or "").split()).partition(" ")
    profile = {
        "first_name": first[:256],
        "last_name": last[:256],
        "phone": (told.get("phone") or "")[:128],
        "country": ((told.get("address") or {}).get("country") or "")[:8],
        "language": language_tag((told.get("preferred_locales") or [""])[0])[:35],
    }
    return Person(normalised(email), None, profile, _time(created))


def _contact(installation: Installation, person: Person) -> Contact | None:
    """In the audience that knows the address, or else in the shop's own; none of who was erased."""
    default = default_audience(installation)
    return contact_of(_audience_of(default, person.email), person)


def _audience_of(default: Audience, email: str) -> Audience:
    if holder_of(default, email) is None:
        for other in Audience.objects.filter(installation_id=default.installation_id).exclude(pk=default.pk):
            if holder_of(other, email) is not None:
                return other
    return default


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
