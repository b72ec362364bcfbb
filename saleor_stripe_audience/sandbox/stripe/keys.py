"""Who is calling, and what their key allows.

Source: "API keys", "Restricted API keys", "Errors": 401 without a valid key, 403 with the permission that a
restricted key is missing.
"""

from collections.abc import Iterable

from .errors import Refusal
from .state import Account, ApiKey

_PREFIXES = {"pk": "publishable", "sk": "secret", "rk": "restricted"}

# Stripe's names for permissions: in its messages, and in its Dashboard.
PERMISSIONS = {
    "account": ("accounts_kyc_basic", "Accounts KYC Basic"),
    "payment_intent": ("payment_intent", "PaymentIntents"),
    "setup_intent": ("setup_intent", "SetupIntents"),
    "payment_method": ("payment_method", "PaymentMethods"),
    "charge": ("charge", "Charges and Refunds"),
    "payment_method_domain": ("payment_method_domain", "Payment Method Domains"),
    "customer": ("customer", "Customers"),
    "customer_session": ("customer_session", "Customer Sessions"),
    "product": ("product", "Products"),
    "price": ("plan", "Prices"),
    "webhook_endpoint": ("webhook", "Webhook Endpoints"),
    "event": ("event", "Events"),
    "balance_transaction": ("balance", "Balance"),
    "dispute": ("dispute", "Disputes"),
}


def make_key(text: str, scopes: Iterable[str] | None = None) -> ApiKey:
    """Return a key from its text; `scopes` (with or without "rak_") limit it, like a restricted key."""
    kind = _PREFIXES.get(text.split("_", maxsplit=1)[0])
    if kind is None:
        message = f"A key begins with pk_, sk_ or rk_: {masked(text)}"
        raise ValueError(message)
    allowed = None if scopes is None else frozenset(scope.removeprefix("rak_") for scope in scopes)
    return ApiKey(text, kind, allowed)


def find(accounts: Iterable[Account], text: str | None) -> tuple[Account, ApiKey]:
    """Return the account and key of a request; 401 if there are none."""
    if not text:
        raise _unauthorized(
            "You did not provide an API key. Provide it in the Authorization header, as a Bearer token."
        )
    for account in accounts:
        if text in account.revoked:
            raise _unauthorized(f"Expired API Key provided: {masked(text)}", "api_key_expired")
        if text in account.keys:
            return account, account.keys[text]
    raise _unauthorized(f"Invalid API Key provided: {masked(text)}")


def check(account: Account, key: ApiKey, resource: str, level: str, *, browser: bool) -> None:
    """Refuse what the key does not allow. `level` is read or write; `browser` allows a publishable key, too."""
    if key.is_publishable and not browser:
        raise _unauthorized("This needs a secret key, not a publishable one.", "secret_key_required")
    name, label = PERMISSIONS[resource]
    if key.scopes is None or f"{name}_write" in key.scopes or f"{name}_{level}" in key.scopes:
        return
    message = (
        f"Permission denied. The provided key '{masked(key.text)}' does not have the required permissions "
        f"for this endpoint on account '{account.id}'. Enabling \"{label} {level.title()}\" "
        f"('{name}_{level}') permissions on this key would allow this request to continue."
    )
    raise Refusal(403, "invalid_request_error", message)


def masked(text: str) -> str:
    """Return the key with its middle masked, as Stripe writes it."""
    return f"{text[:8]}***{text[-4:]}" if len(text) > 12 else "***"


def _unauthorized(message: str, code: str | None = None) -> Refusal:
    return Refusal(401, "invalid_request_error", message, code=code)
