"""The account itself, as GET /v1/account shows it."""

from .errors import Refusal
from .state import Account, Call, Json

_NOTHING_DUE: Json = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}


def retrieve(call: Call) -> Json:
    """GET /v1/account and GET /v1/accounts/{id}; another account's id is refused as Stripe does."""
    wanted = call.path.get("id", call.account.id)
    if wanted != call.account.id:
        message = (
            f"The provided key does not have access to account '{wanted}' (or that account does not exist)."
        )
        raise Refusal(403, "invalid_request_error", message, code="account_invalid")
    return shown(call.account)


def shown(account: Account) -> Json:
    """The account object."""
    return {
        "id": account.id,
        "object": "account",
        "business_profile": {"mcc": None, "name": account.name, "product_description": None, "url": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active", "link_payments": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": account.country,
        "created": account.created,
        "default_currency": account.default_currency,
        "details_submitted": True,
        "email": "merchant@example.com",
        "future_requirements": dict(_NOTHING_DUE),
        "metadata": {},
        "payouts_enabled": True,
        "requirements": dict(_NOTHING_DUE),
        "settings": _settings(account),
        "tos_acceptance": {},
        "type": "standard",
    }


def _settings(account: Account) -> Json:
    descriptor = account.name.upper()[:22]
    return {
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_payments": {"statement_descriptor_prefix": descriptor[:10]},
        "dashboard": {"display_name": account.name, "timezone": "Etc/UTC"},
        "payments": {"statement_descriptor": descriptor},
        "payouts": {"debit_negative_balances": True, "schedule": {"delay_days": 2, "interval": "daily"}},
    }
