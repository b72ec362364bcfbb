"""Domains on which wallets can be shown. Those in `account.unverified_domains` fail Apple's verification.

Source: "Register domains for payment methods"; reference: Payment Method Domains.
"""

import re

from . import listing
from .errors import invalid
from .state import Call, Json, new_id

_DOMAIN = re.compile(r"([a-z0-9-]+\.)+[a-z][a-z0-9-]+", re.IGNORECASE)
_METHODS = ("amazon_pay", "apple_pay", "google_pay", "klarna", "link", "paypal")


def create(call: Call) -> Json:
    """POST /v1/payment_method_domains"""
    name = call.params["domain_name"]
    if not _DOMAIN.fullmatch(name):
        raise invalid(f"Invalid domain name: {name}", "domain_name")
    known = call.account.table("payment_method_domain").values()
    if any(each["domain_name"] == name for each in known):
        raise invalid(f"The domain {name} is already registered.", "domain_name", "resource_already_exists")
    domain: Json = {
        "id": new_id("pmd"),
        "object": "payment_method_domain",
        "created": call.now,
        "domain_name": name,
        "enabled": call.params.get("enabled", True),
        "livemode": call.account.livemode,
    }
    return call.account.put(_checked(call, domain))


def retrieve(call: Call) -> Json:
    """GET /v1/payment_method_domains/{id}"""
    return call.account.addressed("payment_method_domain", call.path["id"], "payment_method_domain")


def update(call: Call) -> Json:
    """POST /v1/payment_method_domains/{id}"""
    domain = retrieve(call)
    domain["enabled"] = call.params.get("enabled", domain["enabled"])
    return domain


def validate(call: Call) -> Json:
    """POST /v1/payment_method_domains/{id}/validate: check it again."""
    return _checked(call, retrieve(call))


def list_(call: Call) -> Json:
    """GET /v1/payment_method_domains"""
    return listing.page(call, "payment_method_domain", ("domain_name", "enabled"))


def _checked(call: Call, domain: Json) -> Json:
    for method in _METHODS:
        domain[method] = {"status": "active"}
    if domain["domain_name"] in call.account.unverified_domains:
        message = "Apple could not verify this domain: the verification file was not found."
        domain["apple_pay"] = {"status": "inactive", "status_details": {"error_message": message}}
    return domain
