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
_FORM = [
    "business_profile.product_description",
    "business_profile.url",
    "external_account",
    "tos_acceptance.date",
]
_DOCUMENT = ["individual.verification.document"]
# What a connected account's requirements say at each stage of its onboarding.
_DUE: dict[str, Json] = {
    "started": {
        "currently_due": _FORM, "eventually_due": _FORM, "past_due": _FORM,
        "disabled_reason": "requirements.past_due",
    },
    "review": {
        "pending_verification": ["individual.id_number"], "disabled_reason": "requirements.pending_verification",
    },
    "restricted": {
        "currently_due": _DOCUMENT, "eventually_due": _DOCUMENT, "past_due": _DOCUMENT,
        "disabled_reason": "requirements.past_due",
    },
    "rejected": {"disabled_reason": "rejected.fraud"},
}  # fmt: skip


def retrieve(call: Call) -> Json:
    """GET /v1/account and GET /v1/accounts/{id}: the caller's own account, or one that it created."""
    wanted = call.path.get("id", call.account.id)
    other = call.accounts.get(wanted)
    tie = other.connection if other is not None else None
    if other is not None and tie is not None and tie.platform is call.account and not tie.is_revoked:
        return shown(other)
    if wanted != call.account.id:
        message = (
            f"The provided key does not have access to account '{wanted}' (or that account does not exist)."
        )
        raise Refusal(403, "invalid_request_error", message, code="account_invalid")
    return shown(call.account)


def shown(account: Account) -> Json:
    """The account object."""
    tie = account.connection
    stage = "restricted" if account.is_restricted else tie.stage if tie is not None else "active"
    works = "active" if charges_enabled(account) else "inactive"
    return {
        "id": account.id,
        "object": "account",
        "business_profile": {"mcc": None, "name": account.name, "product_description": None, "url": None},
        "business_type": None if stage == "started" else "company",
        "capabilities": {"card_payments": works, "transfers": works, "link_payments": works},
        "charges_enabled": charges_enabled(account),
        "controller": {"type": "account"} if tie is None else _made_by_platform(),
        "country": account.country,
        "created": account.created,
        "default_currency": account.default_currency,
        "details_submitted": stage != "started",
        "email": "merchant@example.com" if tie is None else tie.email,
        "future_requirements": dict(_NOTHING_DUE),
        "metadata": {} if tie is None else dict(tie.metadata),
        "payouts_enabled": charges_enabled(account),
        "requirements": _NOTHING_DUE | _DUE.get(stage, {}),
        "settings": _settings(account),
        "tos_acceptance": {},
        "type": "standard",
    }


def charges_enabled(account: Account) -> bool:
    """Whether the account may accept payments: a connected one only after onboarding, and none while Stripe has
    restricted it.
    """
    return not account.is_restricted and (account.connection is None or account.connection.stage == "active")


def _made_by_platform() -> Json:
    """The controller properties that type=standard is short for. Source: "Migrate to controller properties"."""
    return {
        "type": "application",
        "is_controller": True,
        "fees": {"payer": "account"},
        "losses": {"payments": "stripe"},
        "requirement_collection": "stripe",
        "stripe_dashboard": {"type": "full"},
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
