"""Stripe Connect: an account that Stripe creates for the shop. The app never sees its keys.

Its owner gives Stripe the details on Stripe's own pages.

not connected → pending (Stripe asks, or checks the details) → active, restricted or rejected. Only an active account
takes payments. Its state is always fetched from Stripe, never taken from an event, because events arrive in any order.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import account_state, activation, changes, client, platform, trouble
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.gateway.onboarding import name_of
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.wording import with_values

log = structlog.get_logger(__name__)

Json = dict[str, Any]
State = StripeAccount.ConnectState

# Until Stripe sends a name, in the language of the person who connects the account.
UNNAMED = pgettext_lazy("staff", "New Stripe account")
STILL_CHECKED = ("requirements.pending_verification", "under_review")


def start(installation: Any, channels: Sequence[str], known: int | None = None) -> StripeAccount:
    """Return the account to set up on Stripe's pages: one that is not finished yet, or a new one.

    `known` is how many such accounts the merchant saw when they requested another one: if one was created since, it is
    returned. Without `known`, no other account is created if one works. A new account gets those of the `channels`
    that have none. One that was disconnected here stays so: see `reconnect`.
    """
    platform.check_offered()
    connected = _ours(installation.pk).filter(state=StripeAccount.State.CONNECTED)
    account = _find_unfinished(connected, known) or _create_row(installation)
    if not account.stripe_id:
        _create_at_stripe(account)
        _take_channels(account, channels)
    platform.check_reach(account)
    return account


def start_or_reconnect(installation: Any, channels: Sequence[str], known: int | None = None) -> StripeAccount:
    """As `start`, and reconnect an account that was disconnected here; it gets the channels, however old it is."""
    platform.check_offered()
    found = _find_unfinished(_ours(installation.pk), known)
    account = found if found is not None and found.stripe_id else start(installation, channels, known)
    reconnect(account, channels)
    return account


def reconnect(account: StripeAccount, channels: Sequence[str]) -> None:
    """Connect the account again that was disconnected here, and give it those of the channels that have none."""
    platform.check_reach(account)
    if account.state != StripeAccount.State.CONNECTED:
        account.state = StripeAccount.State.CONNECTED
        account.save(update_fields=["state"])
    _take_channels(account, channels)


def _take_channels(account: StripeAccount, channels: Sequence[str]) -> None:
    """Give the account, which has just been connected, those of the channels that have none."""
    for slug in channels:
        AccountChannel.objects.get_or_create(
            installation_id=account.installation_id, channel_slug=slug, defaults={"account": account}
        )
    changes.accounts_changed.send(StripeAccount, installation_id=account.installation_id)


def hosted(installation_id: Any) -> int:
    """Return how many accounts the shop has ever started in this mode of the platform."""
    return _ours(installation_id).count()


def disconnected(installation_id: Any) -> int:
    """Return how many of them are disconnected now."""
    return _ours(installation_id).filter(state=StripeAccount.State.DISCONNECTED).count()


def link(account: StripeAccount, *, again: str, back: str) -> str:
    """Return the URL where the account's owner continues at Stripe: valid once, for a few minutes.

    Stripe then redirects to `back` or, if the link has already been used, to `again`.
    """
    platform.check_reach(account)
    if account.connect_state == State.REJECTED:
        raise _not_ready(account)
    with client.errors_of(account):
        made = client.platform_client().v1.account_links.create(
            {
                "account": account.stripe_id,
                "type": "account_onboarding",
                "refresh_url": again,
                "return_url": back,
            }
        )
    return made.url


def ask(account: StripeAccount) -> tuple[Json, datetime]:
    """Return Stripe's account object, and when it was fetched."""
    fetched_at = timezone.now()
    with client.errors_of(account):
        found = client.stripe_of(account).v1.accounts.retrieve_current().to_dict()
    return found, fetched_at


def refresh(account: StripeAccount) -> None:
    """Fetch the account's state from Stripe and save it."""
    found, fetched_at = ask(account)
    before = account.takes_payments, account.charges_enabled
    with transaction.atomic():
        save(account, found, fetched_at)
    trouble.end(account)
    account.refresh_from_db()
    if before != (account.takes_payments, account.charges_enabled):
        changes.accounts_changed.send(StripeAccount, installation_id=account.installation_id)


def save(account: StripeAccount, found: Json, fetched_at: datetime) -> None:
    """Save the account's state, unless something newer is saved; inside the caller's transaction."""
    row = StripeAccount.objects.select_for_update().get(pk=account.pk)
    if row.has_left or (row.fetched_at is not None and row.fetched_at > fetched_at):
        return
    before, row.connect_state = row.connect_state, state_of(found)
    row.requirements, row.charges_enabled = requirements_of(found), bool(found.get("charges_enabled"))
    row.name, row.fetched_at = name_of(found)[:250] or row.name, fetched_at
    row.default_currency = account_state.currency_of(found)
    if row.connect_state == State.PENDING:
        row.pending_since = row.pending_since or fetched_at
    else:
        row.pending_since = None
    row.save(
        update_fields=[
            "connect_state",
            "requirements",
            "charges_enabled",
            "name",
            "fetched_at",
            "default_currency",
            "pending_since",
        ]
    )
    if row.connect_state != before:
        log.info("connect state changed", account=str(row.pk), before=before, now=str(row.connect_state))
    if row.takes_payments and before != State.ACTIVE:
        activation.announce(row, fetched_at)


def leave(account: StripeAccount) -> None:
    """Free the account's channels after its owner ended the connection at Stripe. Inside the caller's transaction."""
    AccountChannel.objects.filter(account=account).delete()
    StripeAccount.objects.filter(pk=account.pk).update(
        state=StripeAccount.State.DISCONNECTED,
        connect_state=State.NOT_CONNECTED,
        charges_enabled=False,
        pending_since=None,
        requirements=[],
    )
    inbox.resume(account.pk)  # as when staff disconnect it


def state_of(found: Json) -> State:
    """Return the state of an account from Stripe's account object."""
    reason = (found.get("requirements") or {}).get("disabled_reason") or ""
    if reason.startswith("rejected."):
        return State.REJECTED
    if found.get("charges_enabled"):
        return State.ACTIVE
    if not found.get("details_submitted") or reason in STILL_CHECKED:
        return State.PENDING
    return State.RESTRICTED if reason or requirements_of(found) else State.PENDING


def requirements_of(found: Json) -> list[str]:
    """Return what Stripe still requires, by Stripe's names, overdue requirements first."""
    requirements = found.get("requirements") or {}
    named = [*(requirements.get("past_due") or []), *(requirements.get("currently_due") or [])]
    return list(dict.fromkeys(str(each) for each in named))


def check_ready(account: StripeAccount) -> None:
    """`Rejected` unless payments may start at the account."""
    if not account.takes_payments:
        raise _not_ready(account)


def _not_ready(account: StripeAccount) -> Rejected:
    why = _WHY.get(account.connect_state, _WHY[""])
    return Rejected(with_values(why, account=account.name), code="not_ready")


_WHY = {
    State.PENDING: pgettext_lazy(
        "staff",
        "“{account}” is not ready yet: Stripe needs more information, or is reviewing it. "
        "Continue on the app's page in Saleor's Dashboard; payments can start after that.",
    ),
    State.RESTRICTED: pgettext_lazy(
        "staff",
        "Stripe has stopped payments to “{account}” until it gets the information it needs. "
        "Continue on the app's page in Saleor's Dashboard.",
    ),
    State.REJECTED: pgettext_lazy(
        "staff",
        "Stripe has rejected the account “{account}”, so it cannot accept payments. Ask Stripe "
        "why, or connect another account.",
    ),
    "": pgettext_lazy(
        "staff", "“{account}” is not connected at Stripe. Connect it on the app's page in Saleor's Dashboard."
    ),
}


def _ours(installation_id: Any) -> QuerySet[StripeAccount]:
    return StripeAccount.objects.filter(
        installation_id=installation_id, kind=StripeAccount.Kind.CONNECT, livemode=platform.is_live()
    )


def _find_unfinished(accounts: QuerySet[StripeAccount], known: int | None) -> StripeAccount | None:
    """Return which of the shop's accounts to continue with; None if a new one has to be created."""
    usable = [
        each
        for each in accounts.exclude(connect_state=State.REJECTED).order_by("-created_at")
        if not (each.stripe_id and each.has_left)
    ]
    open_ones = [
        each for each in usable if not each.takes_payments or each.state != StripeAccount.State.CONNECTED
    ]
    if open_ones:
        return open_ones[0]
    if not usable:
        return None
    return usable[0] if known is None or hosted(usable[0].installation_id) > known else None


def _create_row(installation: Any) -> StripeAccount:
    """Store the row before the request to Stripe, so that simultaneous requests use one key. Only one row has no Stripe
    id.
    """
    account, _ = StripeAccount.objects.get_or_create(
        installation=installation,
        stripe_id="",
        livemode=platform.is_live(),
        defaults={
            "kind": StripeAccount.Kind.CONNECT,
            "connect_state": State.NOT_CONNECTED,
            "name": str(UNNAMED),
            "charges_enabled": False,
        },
    )
    return account


def _create_at_stripe(account: StripeAccount) -> None:
    """Create the account at Stripe. After a refusal the row is deleted, because Stripe repeats it for the same key for
    a day.
    """
    try:
        with client.errors_of(account.name):
            made = client.platform_client().v1.accounts.create(
                {"type": "standard", "metadata": {"saleor_installation": str(account.installation_id)}},
                {"idempotency_key": f"connect-account:{account.pk}"},
            )
    except Rejected:
        StripeAccount.objects.filter(pk=account.pk, stripe_id="").delete()
        raise
    fetched_at = timezone.now()
    with transaction.atomic():
        StripeAccount.objects.filter(pk=account.pk, stripe_id="").update(
            stripe_id=made.id, connect_state=State.PENDING
        )
        save(account, made.to_dict(), fetched_at)
    account.refresh_from_db()
