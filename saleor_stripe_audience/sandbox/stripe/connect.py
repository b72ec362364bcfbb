"""Connect: a platform creates accounts, sends their owners through the hosted onboarding, and acts for them.

Only what a platform of shops needs is here: Standard accounts, account links, the Stripe-Account header, and the events
that go to the platform. Source: "Connect: Account Links", "Making API calls for connected accounts", "Connect
webhooks", "Standard connected accounts"; reference: Accounts, Account Links.
"""

from typing import Any

from . import metadata
from .account import shown
from .errors import Refusal, invalid, missing
from .state import Account, Call, Connection, Json, Link, new_id, snapshot

LINK_SECONDS = 300
CURRENCIES = {"US": "usd", "GB": "gbp", "JP": "jpy", "PL": "pln", "CH": "chf", "CA": "cad", "SE": "sek"}
EURO = ("AT", "BE", "DE", "ES", "FI", "FR", "IE", "IT", "NL", "PT")
# What the owner can do on the hosted pages, or Stripe afterwards, and the stage that it leads to.
OUTCOMES = {"complete": "active", "review": "review", "restrict": "restricted", "reject": "rejected"}


def acting(accounts: dict[str, Account], caller: Account, other: Any) -> Account:
    """Return the account that a request is for: the key's own, or the one in Stripe-Account, if it is connected to the
    key's platform.
    """
    if other in (None, caller.id):
        return caller
    wanted = accounts.get(str(other))
    tie = wanted.connection if wanted is not None else None
    if wanted is None or tie is None or tie.platform is not caller or tie.is_revoked:
        raise _no_access(str(other))
    return wanted


def create(call: Call) -> Json:
    """POST /v1/accounts: an account whose owner has not entered anything yet."""
    platform, given = call.account, call.params
    if not platform.is_platform:
        raise invalid("You can only create new accounts if you've signed up for Connect.")
    if given.get("type") != "standard":
        raise invalid("This stand-in only creates accounts of type=standard.", "type")
    country = str(given.get("country", platform.country)).upper()
    if country not in CURRENCIES and country not in EURO:
        raise invalid(f"Country '{country}' is unknown. Try using a 2-character code like 'US'.", "country")
    profile = given.get("business_profile") or {}
    currency = given.get("default_currency") or CURRENCIES.get(country, "eur")
    created = Account(
        new_id("acct", 16), profile.get("name", ""), call.now, platform.livemode, country, currency
    )
    created.connection = Connection(
        platform, email=given.get("email"), metadata=metadata.merge({}, given.get("metadata"))
    )
    call.accounts[created.id] = created
    return shown(created)


def create_link(call: Call) -> Json:
    """POST /v1/account_links: a link for one visit to the hosted onboarding, valid for minutes."""
    given = call.params
    account = call.accounts.get(given["account"])
    tie = account.connection if account is not None else None
    if tie is None or tie.platform is not call.account:
        raise missing("account", given["account"], "account")
    if tie.is_revoked:
        raise _no_access(given["account"])
    if given["type"] != "account_onboarding":
        message = "You cannot create `account_update` type Account Links for this account."
        raise invalid(message, "type")
    for name in ("refresh_url", "return_url"):
        _check_url(call, name)
    token = new_id("alink", 20)
    expires_at = call.now + LINK_SECONDS
    tie.links[token] = Link(expires_at, given["refresh_url"], given["return_url"])
    url = f"{call.base_url}/sandbox/connect/{token}"
    return {"object": "account_link", "created": call.now, "expires_at": expires_at, "url": url}


def advance_onboarding(call: Call, outcome: str) -> Json:
    """The onboarding made progress; the platform gets an event."""
    tie = _tie(call.account)
    before = snapshot(shown(call.account))
    tie.stage = OUTCOMES[outcome]
    call.account.name = call.account.name or "Connected Shop"
    after = shown(call.account)
    call.emit("account.updated", after, before)
    return after


def deauthorize(call: Call) -> None:
    """The owner disconnected: the platform gets a last event, and no longer has access to the account."""
    tie = _tie(call.account)
    if not tie.is_revoked:
        application = {
            "id": f"ca_{tie.platform.id[5:]}",
            "object": "application",
            "name": tie.platform.name,
        }
        call.emit("account.application.deauthorized", application)
        tie.is_revoked = True


def find_connected(accounts: dict[str, Account], identifier: str) -> Account:
    """Return an account that a platform created; 404 if there is none."""
    found = accounts.get(identifier)
    if found is None or found.connection is None:
        raise missing("account", identifier, "account", 404)
    return found


def find_link(accounts: dict[str, Account], token: str) -> tuple[Account, Link]:
    """Return the link and its account; 404 if there is none."""
    for account in accounts.values():
        if account.connection is not None and token in account.connection.links:
            return account, account.connection.links[token]
    raise missing("account_link", token, "id", 404)


def _tie(account: Account) -> Connection:
    if account.connection is None:
        raise missing("account", account.id, "account", 404)
    return account.connection


def _check_url(call: Call, name: str) -> None:
    url = call.params.get(name)
    if not url:
        raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    if not url.startswith(("https://", "http://")):
        raise invalid("Not a valid URL", name, "url_invalid")
    if call.account.livemode and not url.startswith("https://"):
        raise invalid("Livemode requests must always be redirected via HTTPS.", name)


def _no_access(identifier: str) -> Refusal:
    message = (
        f"The provided key does not have access to account '{identifier}' (or that account does not exist). "
        "Application access may have been revoked."
    )
    return Refusal(403, "invalid_request_error", message, code="account_invalid")
