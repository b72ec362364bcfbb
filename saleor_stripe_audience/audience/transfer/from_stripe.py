"""Imports data from Stripe that Saleor does not have: customers, and charges that do not belong to an order. It never
subscribes anyone.

A charge becomes a purchase with a distinct kind of id, so that it is never mistaken for an order. Charges that belong
to an order are skipped: those with metadata from Saleor apps, and those of a person who has an order of the same amount
within a day. `cursor` has the account, the phase, and the last object of the previous page.
"""

from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience import money
from saleor_stripe_audience.audience.contacts.identity import (
    Person,
    find_by_address,
    upsert_contact,
)
from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.audiences import LockedShop, hold_shop
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.people.payloads import language_tag
from saleor_stripe_audience.audience.shopping import totals
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import charges, customers
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.jobs.engine import Json, Page
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.shops.models import Installation

STRIPE_PREFIX = "stripe:"  # of the ids of such purchases; Saleor's ids are Base64
SALEOR_METADATA_PREFIX = "saleor"  # of metadata keys on payments made by Saleor apps, including this one
SAME_DAY = timedelta(days=1)
PHASES = ("customers", "charges")


def process_page(job: Job) -> Page:
    """Process the page at the job's cursor."""
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
        except Rejected as error:
            page.failed += 1
            page.problems.append(
                {"of": phase, "id": each["id"], "code": error.code, "message": error.message}
            )
            page.differences.append(
                {"of": phase, "id": each["id"], "what": "in Stripe and not here", "why": error.message}
            )
    page.counts[f"{phase} in Stripe"] += len(found)
    if not has_more:
        _finish_phase(job, account, phase, page)
    return page


def _account(job: Job) -> StripeAccount:
    current = job.cursor.get("account")
    for account in _accounts(job.installation):
        if current in (None, str(account.pk)):
            return account
    raise Rejected(
        pgettext_lazy(
            "staff",
            "The shop has no connected Stripe account, or the account of this backfill was disconnected.",
        ),
        code="no_account",
    )


def _accounts(installation: Installation) -> list[StripeAccount]:
    """Return the accounts to import from: once the shop has a live account, test payments do not count."""
    connected = [
        each
        for each in accounts_of(installation.pk)
        if each.state == StripeAccount.State.CONNECTED and not each.has_left
    ]
    is_live = any(each.livemode for each in connected)
    return sorted((each for each in connected if each.livemode == is_live), key=lambda each: str(each.pk))


def _finish_phase(job: Job, account: StripeAccount, phase: str, page: Page) -> None:
    """Continue with the account's next phase or the next account, or compare both sides and finish."""
    later = [each for each in _accounts(job.installation) if str(each.pk) > str(account.pk)]
    if phase == "customers":
        page.cursor = {"account": str(account.pk), "phase": "charges", "after": ""}
    elif later:
        page.cursor = {"account": str(later[0].pk), "phase": PHASES[0], "after": ""}
    else:
        page.finished = True
        page.cursor = {}
        kept = job.report.get("counts", {}).get("charges kept", 0) + page.counts["charges kept"]
        stored = _charges(job.installation).count()
        page.counts["charges here"] = stored
        if stored != kept:
            message = f"{stored} here, and {kept} of those that Stripe's connected accounts list"
            page.differences.append({"of": "charges", "id": "", "what": message, "why": ""})


def _charges(installation: Installation) -> QuerySet[Purchase]:
    return Purchase.objects.filter(installation=installation, saleor_order_id__startswith=STRIPE_PREFIX)


def _record_customer(installation: Installation, customer: Json) -> str:
    if not customer.get("email"):
        return "without an address"
    with hold_shop(installation) as shop:
        contact = _upsert_contact(shop, _person(customer, customer["email"], customer["created"]))
        return "erased" if contact is None else "kept"


def _record_charge(installation: Installation, charge: Json) -> str:
    if charge["status"] != "succeeded" or not charge["captured"]:
        return "not taken"
    if _has_saleor_metadata(charge):
        return "of Saleor"
    payer = _payer(charge)
    if payer is None:
        return "without an address"
    order_id = f"{STRIPE_PREFIX}{charge['id']}"
    with hold_shop(installation) as shop:
        contact = _upsert_contact(shop, payer)
        stored = _charges(installation).filter(saleor_order_id=order_id).select_related("contact").first()
        if contact is None and stored is None:
            return "erased"
        if contact is not None and _has_matching_order(contact, charge):
            if stored is not None:  # the order that the charge paid was imported later and is counted instead
                stored.delete()
                totals.refresh_at_end(shop, stored.contact)
            return "also orders"
        previous = stored.contact if stored else None
        Purchase.objects.update_or_create(
            installation=installation,
            saleor_order_id=order_id,
            defaults={"contact": contact} | _fields(charge),
        )
        for each in {contact, previous}:
            totals.refresh_at_end(shop, each)
        return "kept"


def _has_saleor_metadata(charge: Json) -> bool:
    keys = list(charge.get("metadata") or {})
    intent = charge.get("payment_intent")
    if isinstance(intent, dict):
        keys += intent.get("metadata") or {}
    return any(key.startswith(SALEOR_METADATA_PREFIX) for key in keys)


def _has_matching_order(contact: Contact, charge: Json) -> bool:
    at = _time(charge["created"])
    orders = Purchase.objects.filter(
        installation_id=contact.audience.installation_id,
        contact__email=contact.email,
        currency=charge["currency"].upper(),
        placed_at__range=(at - SAME_DAY, at + SAME_DAY),
    ).exclude(saleor_order_id__startswith=STRIPE_PREFIX)
    amounts = Q(total_minor=charge["amount"]) | Q(charged_minor=charge["amount_captured"])
    return orders.filter(amounts).exists()


def _fields(charge: Json) -> Json:
    captured = money.from_minor(charge["amount_captured"], charge["currency"])
    # Stripe counts what was released as refunded, too; more may be captured than was held.
    released = max(0, charge["amount"] - charge["amount_captured"])
    refunded = max(0, charge["amount_refunded"] - released)
    is_refunded = refunded >= captured.minor
    return {
        "number": charge["id"][:64],
        "status": "FULFILLED",
        "charge_status": "NONE" if is_refunded else "FULL",
        "currency": captured.currency,
        "total_minor": captured.minor,
        "charged_minor": captured.minor,
        "refunded_minor": refunded,
        "placed_at": _time(charge["created"]),
        "issued_at": datetime.now(UTC),
    }


def _payer(charge: Json) -> Person | None:
    """Return the payer, by the address closest to the payment; None without an address."""
    billing = {name: value for name, value in (charge.get("billing_details") or {}).items() if value}
    customer = charge["customer"] if isinstance(charge.get("customer"), dict) else {}
    email = billing.get("email") or charge.get("receipt_email") or customer.get("email")
    return _person(customer | billing, email, charge["created"]) if email else None


def _person(details: Json, email: str, created: int) -> Person:
    """Return the person as of the object's creation: Saleor's later data is newer."""
    first, _, last = " ".join((details.get("name") or "").split()).partition(" ")
    profile = {
        "first_name": first[:256],
        "last_name": last[:256],
        "phone": (details.get("phone") or "")[:128],
        "country": ((details.get("address") or {}).get("country") or "")[:8],
        "language": language_tag((details.get("preferred_locales") or [""])[0])[:35],
    }
    return Person(normalize_email(email), None, profile, _time(created))


def _upsert_contact(shop: LockedShop, person: Person) -> Contact | None:
    """Use the audience that has the address, or else the default one; None if the person was erased."""
    contact = upsert_contact(shop, _audience_with(shop, person.email), person)
    if contact is not None and not contact.is_curated:
        contact.is_curated = True
        contact.save(update_fields=["is_curated"])
    return contact


def _audience_with(shop: LockedShop, email: str) -> Audience:
    if find_by_address(shop.default, email) is None:
        for other in Audience.objects.filter(installation=shop.installation).exclude(pk=shop.default.pk):
            if find_by_address(other, email) is not None:
                return other
    return shop.default


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
