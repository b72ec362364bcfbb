"""Customers, and the sessions with which the Payment Element shows a customer's saved methods."""

import copy

from . import cash_balances, listing, metadata, payment_methods, searching
from .contact_details import check_country, check_email, check_shipping
from .errors import invalid, required
from .state import Call, Json, new_id

_LONGEST = {"email": 512, "name": 256, "phone": 20}
_SESSION_SECONDS = 30 * 60
_FIELDS = (
    "address",
    "business_name",
    "description",
    "email",
    "individual_name",
    "name",
    "phone",
    "shipping",
    "tax_exempt",
)


def create(call: Call) -> Json:
    """POST /v1/customers"""
    given = call.params
    _check(given)
    customer = _customer(call)
    _change(customer, given)
    call.account.put(customer)
    call.emit("customer.created", customer)
    if "payment_method" in given:
        method = payment_methods.find_or_create(call, given["payment_method"])
        payment_methods.attach_method(call, method, customer["id"])
    return customer


def retrieve(call: Call) -> Json:
    """GET /v1/customers/{id}; a deleted one is shown as deleted."""
    return call.account.addressed("customer", call.path["id"], "customer")


def update(call: Call) -> Json:
    """POST /v1/customers/{id}"""
    customer = _living(call)
    _check(call.params)
    before = copy.deepcopy(customer)
    _change(customer, call.params)
    call.emit("customer.updated", customer, before)
    return customer


def delete(call: Call) -> Json:
    """DELETE /v1/customers/{id}: its saved methods are deleted too."""
    customer = _living(call)
    if cash_balances.exists(call, customer["id"]):
        raise invalid("You cannot delete a customer with a cash balance.")
    call.emit("customer.deleted", customer)
    for method in call.account.table("payment_method").values():
        if method["customer"] == customer["id"]:
            method["customer"] = None
            call.account.used_methods.add(method["id"])
    gone: Json = {"id": customer["id"], "object": "customer", "deleted": True}
    call.account.put(gone)
    return gone


def list_(call: Call) -> Json:
    """GET /v1/customers"""
    return listing.page(call, "customer", ("email",))


def search(call: Call) -> Json:
    """GET /v1/customers/search"""
    return searching.page(call, "customer")


def create_session(call: Call) -> Json:
    """POST /v1/customer_sessions"""
    if "customer" not in call.params:
        raise required("customer")
    customer = call.account.referred("customer", call.params["customer"], "customer")
    return {
        "object": "customer_session",
        "client_secret": new_id("cuss_secret", 40),
        "components": call.params["components"],
        "created": call.now,
        "customer": customer["id"],
        "customer_account": None,
        "expires_at": call.now + _SESSION_SECONDS,
        "livemode": call.account.livemode,
    }


def _living(call: Call) -> Json:
    call.account.addressed("customer", call.path["id"], "customer")
    return call.account.referred("customer", call.path["id"], "customer")


def _check(given: Json) -> None:
    for name, longest in _LONGEST.items():
        if len(given.get(name) or "") > longest:
            message = f"{name} has at most {longest} characters."
            raise invalid(message, name, "parameter_invalid_string_too_long")
    check_email(given)
    check_country(given.get("address"), "address")
    check_shipping(given.get("shipping"))


def _change(customer: Json, given: Json) -> None:
    for name in _FIELDS:
        if name in given:
            customer[name] = given[name] or None
    customer["preferred_locales"] = given.get("preferred_locales", customer["preferred_locales"]) or []
    customer["metadata"] = metadata.merge(customer["metadata"], given.get("metadata"))
    settings = given.get("invoice_settings") or {}
    if "default_payment_method" in settings:
        customer["invoice_settings"]["default_payment_method"] = settings["default_payment_method"] or None


def _customer(call: Call) -> Json:
    name = new_id("cus", 14)
    return {
        "id": name,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": call.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": name[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": call.account.livemode,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
