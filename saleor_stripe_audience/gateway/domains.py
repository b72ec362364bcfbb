"""The storefront's domains: Apple Pay, Google Pay, Link and some others only appear on registered domains.

https://docs.stripe.com/payments/payment-methods/pmd-registration and https://docs.stripe.com/api/payment_method_domains
"""

import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.gateway.models import StripeAccount

Json = dict[str, Any]

LONGEST = 253  # characters of a domain name
METHODS = {
    "apple_pay": "Apple Pay",
    "google_pay": "Google Pay",
    "link": "Link",
    "amazon_pay": "Amazon Pay",
    "klarna": "Klarna",
    "paypal": "PayPal",
}
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"({_LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])")


@dataclass(frozen=True)
class Domain:
    """A registered domain: which methods appear there, and why others do not, in Stripe's words."""

    name: str
    is_enabled: bool
    active: tuple[str, ...]
    inactive: dict[str, str]


def register_domain(account: StripeAccount, name: str) -> Domain:
    """Register or re-enable the domain, and have Stripe verify it again. Repeating it has no further effect.

    `Rejected` if it is not a domain, or with Stripe's reason for refusing it.
    """
    name = check_domain(name)
    with client.errors_of(account):
        api = client.stripe_of(account).v1.payment_method_domains
        known = api.list({"domain_name": name}).data
        found = known[0] if known else api.create({"domain_name": name})
        if not found.enabled:
            api.update(found.id, {"enabled": True})
        # What could not be verified at registration may be verifiable now.
        return _read(api.validate(found.id).to_dict())


def domains_of(account: StripeAccount) -> list[Domain]:
    """Every registered domain of the account, by name."""
    with client.errors_of(account):
        pages = client.stripe_of(account).v1.payment_method_domains.list({"limit": 100})
        found = [_read(each.to_dict()) for each in pages.auto_paging_iter()]
    return sorted(found, key=lambda each: each.name)


def check_domain(name: str) -> str:
    """The name in lower case; `Rejected` unless it is a domain such as shop.example.com."""
    name = name.strip().lower().rstrip(".")
    if len(name) > LONGEST or not _DOMAIN.fullmatch(name):
        raise Rejected(
            pgettext_lazy(
                "staff",
                "Enter only the domain of your storefront, such as shop.example.com, without https://, "
                "path or port.",
            ),
            code="domain",
        )
    return name


def _read(domain: Json) -> Domain:
    states = {label: domain[kind] for kind, label in METHODS.items() if kind in domain}
    return Domain(
        name=domain["domain_name"],
        is_enabled=bool(domain["enabled"]),
        active=tuple(label for label, state in states.items() if state["status"] == "active"),
        inactive={
            label: str((state.get("status_details") or {}).get("error_message") or "")
            for label, state in states.items()
            if state["status"] != "active"
        },
    )
