"""Stripe's Customers: one for each signed-in shopper and account, never a second one.

Before a Customer is created, its row is claimed here; Stripe's idempotency key is derived from the row. Stripe stores a
key for a day. A Customer that was created earlier, but whose id was lost, is found by its metadata. Stripe's search is
up to a minute late, but the key is still valid then, so one of the two always finds the Customer.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import structlog
from django.db.models import F

from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import client, failures
from saleor_stripe_audience.gateway.metadata import INSTALLATION, SHOPPER
from saleor_stripe_audience.gateway.models import Customer, StripeAccount
from saleor_stripe_audience.gateway.objects import CreatedCustomer, parse

log = structlog.get_logger(__name__)

Json = dict[str, Any]

GONE = "resource_missing"
LONGEST_NAME, LONGEST_PHONE = 256, 20  # characters, Stripe's limits
_DIGEST = 32  # characters of each of a Customer's two digests


def customer_of(account: StripeAccount, shopper: str) -> str:
    """Return the Stripe id of the shopper's Customer; empty if there is none yet."""
    row = Customer.objects.filter(account=account, shopper=shopper).first()
    return row.customer_id if row is not None else ""


def ensure_customer(account: StripeAccount, shopper: str, email: str = "", person: Json | None = None) -> str:
    """Return the Stripe id of the shopper's Customer, and create the Customer if there is none.

    `person` is name, phone and billing address, in Stripe's form. Changes of these and of the email address, to which
    Stripe may send receipts, are sent to Stripe.
    """
    row, _ = Customer.objects.get_or_create(account=account, shopper=shopper)
    described = _digests(row.described, email, person)
    if row.customer_id:
        # The same details again cost no call.
        if described != row.described and _describe(account, row.customer_id, email, person):
            Customer.objects.filter(pk=row.pk, customer_id=row.customer_id).update(described=described)
        return row.customer_id
    try:
        found = _search(row) or _create_for(row)
    except Unavailable:
        # Another process may be using the key just now, and have stored the id in the meantime.
        if stored := customer_of(account, shopper):
            return stored
        raise
    was_described = _describe(account, found, email, person)
    Customer.objects.filter(pk=row.pk, customer_id="", generation=row.generation).update(
        customer_id=found, described=described if was_described else ""
    )
    return customer_of(account, shopper) or found


def create_guest(account: StripeAccount, key: str, email: str, person: Json) -> str:
    """Create a Customer for a shopper without an account, as the only place for a billing address before the payment.

    One for each `key`, without the details that Stripe refuses; empty if nothing is left, or if Stripe cannot be
    reached: the payment continues without it.
    """
    metadata = {INSTALLATION: str(account.installation_id)}
    details = _details(person, email)

    def create(accepted: Json) -> str:
        own_key = key if accepted == details else f"{key}:{_digest(accepted)[:16]}"
        return _create(account, {**accepted, "metadata": metadata}, own_key)

    try:
        return failures.send_accepted(details, create) or ""
    except Failure as error:
        log.warning("payment created without its billing address", account=str(account.pk), code=error.code)
        return ""


def with_customer[Result](
    account: StripeAccount, shopper: str, email: str, use: Callable[[str], Result]
) -> Result:
    """Call `use` with the shopper's Customer; once more with a new one if the Customer was deleted at Stripe."""
    try:
        return use(ensure_customer(account, shopper, email))
    except Rejected as error:
        if error.code != GONE or not forget_if_gone(account, shopper):
            raise
    return use(ensure_customer(account, shopper, email))


def forget_customer(account: StripeAccount, customer_id: str) -> None:
    """Forget a Customer that was deleted at Stripe: the shopper's next Customer is a new one. Repeating it changes
    nothing.
    """
    known = Customer.objects.filter(account=account, customer_id=customer_id).exclude(customer_id="")
    known.update(customer_id="", described="", generation=F("generation") + 1)


def forget_if_gone(account: StripeAccount, shopper: str) -> bool:
    """Return whether Stripe no longer has the Customer that we know; if so, it is forgotten here as well."""
    known = customer_of(account, shopper)
    if not known or not _is_gone(account, known):
        return False
    forget_customer(account, known)
    return True


def list_page(account: StripeAccount, after: str) -> tuple[list[Json], bool]:
    """Return a hundred of the account's customers, newest first, and whether there are more.

    They start after the customer with the id `after`.
    """
    with client.errors_of(account):
        params: Any = {"limit": 100} | ({"starting_after": after} if after else {})
        page = client.stripe_of(account).v1.customers.list(params)
        return [each.to_dict() for each in page.data], page.has_more


def _search(row: Customer) -> str:
    """Return the Customer that was created for the row; empty if there is none, or if Stripe offers no search."""
    query = " AND ".join(f"metadata['{name}']:'{_quoted(value)}'" for name, value in _metadata(row).items())
    try:
        with client.errors_of(row.account):
            found = client.stripe_of(row.account).v1.customers.search({"query": query, "limit": 10}).data
    except Rejected as error:
        log.warning("customers cannot be searched", account=str(row.account_id), code=error.code)
        return ""
    return next((each.id for each in found if not _is_gone(row.account, each.id)), "")


def _create_for(row: Customer) -> str:
    """Create the Customer with details that never change only: the same key must always have the same details."""
    whose = f"{row.account.installation_id}:{row.shopper}:{row.generation}"
    key = f"customer:{hashlib.sha256(whose.encode()).hexdigest()}"
    return _create(row.account, {"metadata": _metadata(row)}, key)


def _create(account: StripeAccount, params: Any, idempotency_key: str) -> str:
    """Create a Customer; returns its id. If Stripe fails halfway, a second one is empty and does no harm."""

    def create(key: str) -> str:
        with client.errors_of(account):
            return parse(CreatedCustomer, client.post(account, "customers", params=params, key=key).fields).id

    return client.under_new_keys(idempotency_key, create)


def _describe(account: StripeAccount, customer_id: str, email: str, person: Json | None) -> bool:
    """Add details for the merchant, and for banks that require them, without those that Stripe refuses. Return whether
    Stripe responded: then they need not be sent again.
    """

    def send(accepted: Json) -> None:
        with client.errors_of(account):
            client.post(account, "customers", customer_id, params=accepted)

    try:
        failures.send_accepted(_details(person or {}, email), send)
    except Failure as error:
        log.warning("customer details not sent", customer=customer_id, code=error.code)
        return False
    return True


def _details(person: Json, email: str) -> Json:
    """Return what Stripe's Customer has of a person, within Stripe's limits."""
    cut = {"name": LONGEST_NAME, "phone": LONGEST_PHONE}
    found = {name: value[: cut[name]] if name in cut else value for name, value in person.items()}
    return {**found, "email": email} if email else found


def _digests(before: str, email: str, person: Json | None) -> str:
    """Return the digests of the person and the address that were sent, so that the data itself is not stored.

    What is not given now is as it was `before`.
    """
    of_person = _digest(person)[:_DIGEST] if person else before[:_DIGEST]
    of_email = _digest({"email": email})[:_DIGEST] if email else before[_DIGEST:]
    return of_person.ljust(_DIGEST, "-") + of_email if of_person or of_email else ""


def _digest(details: Json) -> str:
    return hashlib.sha256(json.dumps(details, sort_keys=True).encode()).hexdigest()


def _is_gone(account: StripeAccount, customer_id: str) -> bool:
    try:
        with client.errors_of(account):
            found = client.get(account, "customers", customer_id, params={}).fields
    except Rejected as error:
        if error.code != GONE:
            raise
        return True
    return bool(found.get("deleted"))


def _metadata(row: Customer) -> dict[str, str]:
    return {INSTALLATION: str(row.account.installation_id), SHOPPER: row.shopper}


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
