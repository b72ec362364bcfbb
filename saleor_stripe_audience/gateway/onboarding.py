"""Connecting a Stripe account with pasted keys: all possible errors are found and reported at once."""

import re
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import stripe
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import (
    account_state,
    activation,
    changes,
    client,
    failures,
    trouble,
    webhook_endpoints,
)
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.shops.channels import names_in_order, names_of
from saleor_stripe_audience.shops.models import Channel
from saleor_stripe_audience.wording import with_values

OLD_SECRET_IS_TAKEN = timedelta(days=1)
NEW = failures.NEW
PERMISSIONS_MISSING = pgettext_lazy(
    "staff",
    "The restricted key is missing permissions: {missing}. Grant them in Stripe, or paste another key that has them.",
)
PERMISSIONS_MISSING_OF = pgettext_lazy(
    "staff",
    "The restricted key of account “{account}” is missing permissions: {missing}. Grant them in Stripe, or paste "
    "another key that has them.",
)
KEY = re.compile(r"(pk|rk|sk)_(test|live)_\S+")
EVENTS = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.requires_action",
    "payment_intent.partially_funded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.updated",
    "charge.updated",
    "review.opened",
    "review.closed",
    "radar.early_fraud_warning.created",
    "radar.early_fraud_warning.updated",
    "account.updated",
    "customer.deleted",
    "customer_cash_balance_transaction.created",
    "product.created",
    "product.updated",
    "product.deleted",
    "price.created",
    "price.updated",
    "price.deleted",
]


def connect(
    installation: Any, publishable_key: str, secret_key: str, channels: Sequence[str]
) -> StripeAccount:
    """Check the keys, create Stripe's webhook endpoint and map the channels. Repeating it has no further effect.

    `installation` is the shop; `channels` are slugs, at least one for a new account: an existing account keeps its own,
    and its keys are replaced. `Rejected` lists everything that is wrong.
    """
    publishable_key, secret_key = publishable_key.strip(), secret_key.strip()
    livemode = check_pair(publishable_key, secret_key)
    _check_modes(installation, channels, livemode=livemode)
    check_scopes(secret_key)
    found = _own_account(secret_key)
    known = StripeAccount.objects.filter(installation=installation, livemode=livemode)
    if not channels and (found is None or not known.filter(stripe_id=found.id).exists()):
        raise Rejected(
            pgettext_lazy(
                "staff", "The shop has no sales channel yet. Create one in Saleor's Dashboard first."
            ),
            code="no_channel",
        )
    _prove_pair(publishable_key, secret_key)
    account = _kept(installation, publishable_key, secret_key, found, livemode=livemode)
    _ensure_endpoint(account)
    map_channels(account, channels)
    changes.accounts_changed.send(StripeAccount, installation_id=account.installation_id)
    return account


def replace_keys(account: StripeAccount, publishable_key: str, secret_key: str) -> None:
    """Replace the keys of an account that continues to take payments. `Rejected` if they belong to another account."""
    _check_own_keys(account)
    publishable_key, secret_key = publishable_key.strip(), secret_key.strip()
    if check_pair(publishable_key, secret_key) != account.livemode:
        raise Rejected(
            pgettext_lazy(
                "staff", "These keys are for the other mode: test and live payments must be kept separate."
            ),
            code="mode",
        )
    check_scopes(secret_key)
    _prove_pair(publishable_key, secret_key)
    _prove_same_account(account, secret_key)
    account.publishable_key, account.secret_key = publishable_key, secret_key
    account.save(update_fields=["publishable_key", "secret_key"])
    trouble.end(account)


def renew_endpoint(account: StripeAccount) -> None:
    """Create a new endpoint with a new secret and the current API version, then remove the old one.

    Events in transit were signed with the old secret: it is accepted for another day.
    """
    _check_own_keys(account)
    old = account.webhook_endpoint_id
    _make_endpoint(account)
    if old:
        webhook_endpoints.delete(account, old)


def check_pair(publishable_key: str, secret_key: str) -> bool:
    """Return whether the keys are live keys; `Rejected` unless they look like a pair of the same mode."""
    public, secret = KEY.fullmatch(publishable_key.strip()), KEY.fullmatch(secret_key.strip())
    if public is None or public[1] != "pk":
        raise Rejected(
            pgettext_lazy(
                "staff", "The publishable key begins with pk_test_ or pk_live_. Copy it from Stripe again."
            ),
            code="key",
        )
    if secret is None or secret[1] not in ("rk", "sk"):
        raise Rejected(
            pgettext_lazy(
                "staff",
                "The secret key begins with rk_ (restricted, recommended) or sk_. Copy it from Stripe again.",
            ),
            code="key",
        )
    if public[2] != secret[2]:
        raise Rejected(
            pgettext_lazy(
                "staff",
                "One key is for test payments, the other for live payments. Use two keys of the same mode.",
            ),
            code="mode",
        )
    return public[2] == "live"


def check_scopes(secret_key: str, name: str = NEW) -> None:
    """Raise `Rejected` with every permission that the key is missing, found by reads and writes that change nothing.

    `name` is the account's name, if it is already known.
    """
    missing = [scope for scope, probe in _PROBES.items() if _is_forbidden(secret_key, probe, name)]
    if missing:
        message = PERMISSIONS_MISSING if name == NEW else PERMISSIONS_MISSING_OF
        raise Rejected(
            with_values(message, account=name, missing=", ".join(missing)),
            code=failures.MISSING_PERMISSION,
            values={"why": ", ".join(missing)},
        )


def key_permissions() -> list[tuple[str, bool]]:
    """Return the permissions that a restricted key needs, each with whether it is one to write."""
    return [(name, access == "write") for name, _, access in (each.partition(": ") for each in _PROBES)]


def create_key_url(name: str) -> str:
    """Return the URL of Stripe's form for a new restricted key with that name and the permissions preselected.

    Stripe does not document these parameters and ignores names that it does not know, so the page also lists the
    permissions.
    """
    chosen = [("name", name), *(("permissions[]", each) for each in _PRESET)]
    return f"https://dashboard.stripe.com/apikeys/create?{urlencode(chosen)}"


def check_endpoint(account: StripeAccount) -> None:
    """Raise `Rejected` unless Stripe has our endpoint for the account, enabled, with every event that we handle."""
    url = f"{settings.PUBLIC_URL}/api/webhooks/stripe/{account.pk}"
    try:
        with client.errors_of(account):
            found = client.stripe_of(account).v1.webhook_endpoints.retrieve(
                account.webhook_endpoint_id or "none"
            )
    except Rejected as error:
        if error.code != failures.MISSING:
            raise
        is_well = False
    else:
        is_well = found.status == "enabled" and found.url == url and set(EVENTS) <= set(found.enabled_events)
    if not is_well:
        raise Rejected(
            with_values(
                pgettext_lazy(
                    "staff",
                    "The webhook endpoint of “{account}” at Stripe was changed or disabled. Paste the account's keys "
                    "again on the app's page to fix it.",
                ),
                account=account.name,
            ),
            code=failures.ENDPOINT,
        )


def sync_endpoint(account: StripeAccount) -> None:
    """Bring the account's endpoint up to date with this version of the app: recreate it, enable it or add events."""
    try:
        check_endpoint(account)
    except Rejected as error:
        if error.code not in ("endpoint", "resource_missing"):
            raise
        _ensure_endpoint(account)


def map_channels(account: StripeAccount, channels: Sequence[str]) -> None:
    """Send new payments of these channels to the account; existing ones stay with their account.

    The accounts that got or lost a channel are announced: their catalogues change.
    """
    _check_modes(account.installation, channels, livemode=account.livemode)
    with transaction.atomic():
        known = AccountChannel.objects.filter(
            installation_id=account.installation_id, channel_slug__in=channels
        ).select_related("account")
        former = {each.channel_slug: each.account for each in known}
        for slug in channels:
            AccountChannel.objects.update_or_create(
                installation_id=account.installation_id, channel_slug=slug, defaults={"account": account}
            )
        moved = [slug for slug in channels if former.get(slug) != account]
        changed = {account, *(former[slug] for slug in moved if slug in former)} if moved else set()
        for each in changed:
            activation.announce(each, timezone.now())
    if moved:
        changes.accounts_changed.send(StripeAccount, installation_id=account.installation_id)


_NOBODY = "pi_saleor_stripe_audience_probe"  # no object has this id: a write to it is refused or not found, never done
_PROBES: dict[str, Callable[[stripe.StripeClient], object]] = {
    "PaymentIntents: write": lambda api: api.v1.payment_intents.update(_NOBODY, {}),
    "Charges and Refunds: write": lambda api: api.v1.refunds.update(_NOBODY, {}),
    "Products: write": lambda api: api.v1.products.update(_NOBODY, {}),
    "Prices: write": lambda api: api.v1.prices.update(_NOBODY, {}),
    "Webhook Endpoints: write": lambda api: api.v1.webhook_endpoints.update(_NOBODY, {}),
    "Customers: write": lambda api: api.v1.customers.update(_NOBODY, {}),
    "PaymentMethods: write": lambda api: api.v1.payment_methods.detach(_NOBODY),
    "SetupIntents: write": lambda api: api.v1.setup_intents.cancel(_NOBODY),
    "Disputes: read": lambda api: api.v1.disputes.retrieve(_NOBODY),
    "Events: read": lambda api: api.v1.events.retrieve(_NOBODY),
    "Balance: read": lambda api: api.v1.balance_transactions.retrieve(_NOBODY),
}

# The same in the parameters of Stripe's form: Prices are "plan" there, and a balance transaction has two names.
_PRESET = (
    "rak_payment_intent_write",
    "rak_charge_write",
    "rak_product_write",
    "rak_plan_write",
    "rak_webhook_write",
    "rak_customer_write",
    "rak_payment_method_write",
    "rak_setup_intent_write",
    "rak_dispute_read",
    "rak_event_read",
    "rak_balance_read",
    "rak_balance_transaction_source_read",
)


def _is_forbidden(secret_key: str, probe: Callable[[stripe.StripeClient], object], name: str) -> bool:
    with client.errors_of(name):
        try:
            probe(client.client_with(secret_key))
        except stripe.PermissionError:
            return True
        except stripe.InvalidRequestError:
            return False  # there is no such object: the key may write
    return False


def _own_account(secret_key: str) -> stripe.Account | None:
    """Return the key's account; None if a restricted key has no permission to read it, which is not an error."""
    with client.errors_of(NEW):
        try:
            return client.client_with(secret_key).v1.accounts.retrieve_current()
        except stripe.PermissionError:
            return None


def _check_modes(installation: Any, channels: Sequence[str], *, livemode: bool) -> None:
    """Test and live payments must not mix in a channel: a live channel is freed before it is used for tests again."""
    taken = AccountChannel.objects.filter(
        installation=installation, channel_slug__in=channels, account__livemode=True
    )
    if not livemode and (slugs := sorted(taken.values_list("channel_slug", flat=True))):
        names = names_of(Channel.objects.filter(installation=installation))
        raise Rejected(
            with_values(
                pgettext_lazy(
                    "staff",
                    "Live payments are accepted in {channels}. Disconnect the live account before you use test "
                    "payments there.",
                ),
                channels=", ".join(names_in_order(names.get(each, each) for each in slugs)),
            ),
            code="mixed_modes",
        )


def _check_own_keys(account: StripeAccount) -> None:
    if account.is_hosted:
        raise Rejected(
            with_values(
                pgettext_lazy(
                    "staff",
                    "“{account}” is connected through Stripe's own pages, so it has no keys or endpoint of "
                    "its own.",
                ),
                account=account.name,
            ),
            code="hosted",
        )


def _prove_same_account(account: StripeAccount, secret_key: str) -> None:
    """`Rejected` unless the key can read our endpoint: only keys of its account can."""
    with client.errors_of(account.name):
        try:
            client.client_with(secret_key).v1.webhook_endpoints.retrieve(account.webhook_endpoint_id)
        except stripe.InvalidRequestError:
            raise Rejected(
                with_values(
                    pgettext_lazy(
                        "staff",
                        "These keys do not belong to “{account}”. To add another account, connect it as a new "
                        "one.",
                    ),
                    account=account.name,
                ),
                code="other_account",
            ) from None


def _prove_pair(publishable_key: str, secret_key: str) -> None:
    """`Rejected` unless the publishable key can read an intent that the secret key created: both are of one account.

    If Stripe does not currently allow the account to take payments, this is a SetupIntent, which does not move money.
    """
    secret_side, public_side = client.client_with(secret_key).v1, client.client_with(publishable_key).v1
    with client.errors_of(NEW):
        try:
            made: stripe.PaymentIntent | stripe.SetupIntent = secret_side.payment_intents.create(
                {"amount": 1000, "currency": "usd", "description": "Key check, never charged"},
                {"idempotency_key": f"pair-{uuid.uuid4()}"},
            )
        except stripe.InvalidRequestError as error:
            if failures.failure_of(error, NEW).code != failures.CHARGES_DISABLED:
                raise
            made = secret_side.setup_intents.create(
                {"description": "Key check, never used"}, {"idempotency_key": f"pair-{uuid.uuid4()}"}
            )
        is_payment = isinstance(made, stripe.PaymentIntent)
        shown: Any = public_side.payment_intents if is_payment else public_side.setup_intents
        ended: Any = secret_side.payment_intents if is_payment else secret_side.setup_intents
        try:
            shown.retrieve(made.id, {"client_secret": made.client_secret or ""})
        except (stripe.InvalidRequestError, stripe.AuthenticationError, stripe.PermissionError):
            raise Rejected(
                pgettext_lazy(
                    "staff",
                    "The two keys do not belong to the same Stripe account. Copy both from the same page in "
                    "Stripe.",
                ),
                code="pair",
            ) from None
        finally:
            ended.cancel(made.id)


def _kept(
    installation: Any, publishable_key: str, secret_key: str, found: stripe.Account | None, *, livemode: bool
) -> StripeAccount:
    stripe_id = found.id if found is not None else f"by-key-{publishable_key[-24:]}"
    known = StripeAccount.objects.filter(
        installation=installation, stripe_id=stripe_id, livemode=livemode
    ).first()
    account, _ = StripeAccount.objects.update_or_create(
        installation=installation,
        stripe_id=stripe_id,
        livemode=livemode,
        defaults={
            "name": name_of(found.to_dict() if found is not None else {})
            or f"Stripe {'live' if livemode else 'test'} account",
            "publishable_key": publishable_key,
            "secret_key": secret_key,
            "state": StripeAccount.State.CONNECTED,
            # An account that was created through the platform has its own keys from now on.
            "kind": StripeAccount.Kind.PASTED,
            "connect_state": "",
            "pending_since": None,
            "requirements": [],
            # If the key has no permission to read this, it is assumed; a refused payment will show otherwise.
            "charges_enabled": True if found is None else bool(found.charges_enabled),
            "fetched_at": timezone.now(),
            "default_currency": "" if found is None else account_state.currency_of(found.to_dict()),
        },
    )
    trouble.end(account)
    if known is not None and not known.takes_payments:
        activation.announce(account, timezone.now())
    return account


def name_of(stripe_account: dict[str, Any]) -> str:
    """Return the name that the owner gave the account, from Stripe's account object; empty if there is none."""
    profile = stripe_account.get("business_profile") or {}
    dashboard = (stripe_account.get("settings") or {}).get("dashboard") or {}
    return str(profile.get("name") or dashboard.get("display_name") or "")


def _ensure_endpoint(account: StripeAccount) -> None:
    """Make sure that there is an endpoint whose secret we have; one that Stripe no longer has is created again."""
    url = f"{settings.PUBLIC_URL}/api/webhooks/stripe/{account.pk}"
    if not account.webhook_secret or not _endpoint_stands(account, url):
        _make_endpoint(account)
    else:
        changes.endpoint_prepared.send(StripeAccount, account=account)


def _make_endpoint(account: StripeAccount) -> None:
    url = f"{settings.PUBLIC_URL}/api/webhooks/stripe/{account.pk}"
    made = webhook_endpoints.create(account.secret_key, account.name, url, EVENTS)
    if account.webhook_secret:
        account.old_webhook_secret = account.webhook_secret
        account.old_secret_until = timezone.now() + OLD_SECRET_IS_TAKEN
    account.webhook_endpoint_id, account.webhook_secret = made.id, made.secret or ""
    account.endpoint_version = stripe.api_version
    account.save(
        update_fields=[
            "webhook_endpoint_id",
            "webhook_secret",
            "old_webhook_secret",
            "old_secret_until",
            "endpoint_version",
        ]
    )
    changes.endpoint_prepared.send(StripeAccount, account=account)


def _endpoint_stands(account: StripeAccount, url: str) -> bool:
    params: Any = {"enabled_events": EVENTS, "url": url, "disabled": False}
    with client.errors_of(account):
        try:
            found = client.stripe_of(account).v1.webhook_endpoints.update(
                account.webhook_endpoint_id,
                params,
            )
        except stripe.InvalidRequestError:
            return False
    return found.status == "enabled"
