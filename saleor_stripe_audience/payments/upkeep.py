"""Find and report what keeps shoppers from paying, and keep Stripe's webhook endpoints in order.

Every shop and account is checked, whatever is wrong with the others.
"""

from typing import Any
from uuid import UUID

import structlog
from django.db.models import QuerySet
from django.dispatch import receiver
from django.utils.functional import Promise

from saleor_stripe_audience.errors import Blocked, Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import account_state, changes, connect, failures, trouble
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.gateway.onboarding import check_scopes, sync_endpoint
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.payments import cash_balances, readiness
from saleor_stripe_audience.payments import staff_messages as messages
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation, Problem
from saleor_stripe_audience.wording import with_values

log = structlog.get_logger(__name__)


def sync_endpoints() -> int:
    """Sync the endpoint of every connected account; returns how many are in order.

    What Stripe refuses is reported as a problem of the shop.
    """
    connected = (
        StripeAccount.objects.filter(state=StripeAccount.State.CONNECTED, installation__is_active=True)
        .exclude(kind=StripeAccount.Kind.CONNECT, stripe_id="")
        .order_by("created_at")
    )
    in_order = 0
    for account_id in _ids(connected):
        with apart("syncing an endpoint", account=account_id):
            account = StripeAccount.objects.select_related("installation").get(pk=account_id)
            in_order += _sync_endpoint(account)
    return in_order


def check_accounts() -> None:
    """Report what is wrong with the shops' accounts and channels as problems, and clear those that were fixed."""
    for shop_id in _ids(Installation.objects.filter(is_active=True).order_by("registered_at")):
        with apart("checking a shop", installation=shop_id):
            check_shop(Installation.objects.get(pk=shop_id))


def check_shop(shop: Installation) -> None:
    """Ask Stripe about each of the shop's accounts and what is left of bank transfers, then report what keeps shoppers
    from paying.
    """
    for account_id in _ids(StripeAccount.objects.filter(installation=shop).order_by("created_at")):
        with apart("checking an account", account=account_id):
            _check(StripeAccount.objects.select_related("installation").get(pk=account_id))
    cash_balances.check_reported(shop)
    report_obstacles(shop)


def report_obstacles(shop: Installation) -> None:
    """Report why no one can pay, according to what is stored here; no requests are made to Stripe.

    A shop without any account yet, or that has disconnected its only one, reads it on its page, not as a problem.
    """
    found = readiness.obstacles(shop)
    mapped = AccountChannel.objects.filter(installation=shop).select_related("account")
    hosted = StripeAccount.objects.filter(installation=shop, kind=StripeAccount.Kind.CONNECT)
    is_connected = any(each.account.state == StripeAccount.State.CONNECTED for each in mapped)
    has_lost_one = any(each.stripe_id and each.has_left for each in hosted)  # its owner ended the connection
    none_yet = not is_connected and not has_lost_one
    wanted = {
        _OF_CHANNELS[each.code]: each.message
        for each in found
        if each.code in _OF_CHANNELS and not (each.code == readiness.NO_ACCOUNT and none_yet)
    }
    for key, message in wanted.items():
        problems.report(shop, key, message)
    for problem in Problem.objects.filter(installation=shop):
        if problem.key in _CHANNEL_KEYS and problem.key not in wanted:
            problems.clear(shop, problem.key)


_OF_CHANNELS = {
    readiness.NO_ACCOUNT: "channels",
    readiness.TERMS: "terms",
    readiness.TEST_ONLY: "test-only",
    readiness.PAUSED: "paused",
}
_CHANNEL_KEYS = frozenset(_OF_CHANNELS.values())


@receiver(changes.accounts_changed)
def follow_changes(installation_id: UUID, **_signal: Any) -> None:
    """Report what keeps shoppers from paying now, and clear what is solved; no requests are made to Stripe."""
    shop = Installation.objects.filter(pk=installation_id, is_active=True).first()
    if shop is None:
        return
    for account in StripeAccount.objects.filter(installation=shop).order_by("created_at"):
        _clear_solved(account)
    report_obstacles(shop)


@receiver(changes.endpoint_prepared)
def follow_endpoint(account: StripeAccount, **_signal: Any) -> None:
    """Clear the problem that Stripe did not send its events."""
    problems.clear(account.installation, _endpoint(account))


def _clear_solved(account: StripeAccount) -> None:
    """Clear the account's problems that are over, according to what is stored here."""
    if account.state != StripeAccount.State.CONNECTED:
        for key in (_key(account), _charges(account), _endpoint(account)):
            problems.clear(account.installation, key)
        return
    if account.blocked_at is None:
        problems.clear(account.installation, _key(account))
    if readiness.obstacle_of(account) is None:
        problems.clear(account.installation, _charges(account))


@trouble.on_trouble
def report_trouble(account: StripeAccount, failure: Failure) -> None:
    """Report that Stripe does not serve the account, as one problem at the first failing call."""
    if account.state != StripeAccount.State.CONNECTED:
        return
    if isinstance(failure, Blocked):
        _report_once(account, _key(account), _why_not_served(account, failure))
    elif failure.code == failures.CHARGES_DISABLED:
        account_state.save_charges(account, enabled=False)
        _report_once(
            account, _charges(account), with_values(messages.ACCOUNT_MAY_NOT_CHARGE, account=account.name)
        )


def _why_not_served(account: StripeAccount, failure: Failure) -> Promise:
    return messages.key_problem(failure, account.name, is_hosted=account.is_hosted)


def _report_once(account: StripeAccount, key: str, message: Promise) -> None:
    """While it lasts every call shows it again: the first time is enough."""
    if not Problem.objects.filter(installation_id=account.installation_id, key=key).exists():
        problems.report(account.installation, key, message)


def _check(account: StripeAccount) -> None:
    if account.state != StripeAccount.State.CONNECTED:
        _clear_solved(account)
        return
    if account.is_hosted:
        if not account.stripe_id or account.has_left:
            return
        connect.refresh(account)
    else:
        if not _check_key(account):
            return
        account_state.refresh(account)
    trouble.end(account)
    problems.clear(account.installation, _key(account))
    report_readiness(account)


def report_readiness(account: StripeAccount) -> None:
    """Report that the account cannot charge, or clear the problem, according to its stored state."""
    obstacle = readiness.obstacle_of(account)
    problems.report_or_clear(account.installation, _charges(account), obstacle[1] if obstacle else None)


def _check_key(account: StripeAccount) -> bool:
    """Whether Stripe accepts the key for everything that the app does."""
    try:
        check_scopes(account.secret_key, account.name)
    except Unavailable as error:
        log.warning("key not checked", account=str(account.pk), code=error.code)
        return False
    except Rejected as error:
        blocked = Blocked(error.translatable, code=error.code, values=error.values, by=account.pk)
        trouble.note(account, blocked)
        problems.report(account.installation, _key(account), _why_not_served(account, error))
        return False
    return True


def _sync_endpoint(account: StripeAccount) -> bool:
    """Whether it is in order. An account of the platform has none: its state is fetched, in case an event was lost."""
    try:
        if account.is_hosted:
            connect.refresh(account)
        else:
            sync_endpoint(account)
    except Blocked:
        return False  # reported as the account's trouble already
    except Unavailable as error:
        log.warning("endpoint not checked", account=str(account.pk), code=error.code)
        return False
    except Rejected as error:
        problems.report(
            account.installation, _endpoint(account), messages.endpoint_problem(error, account.name)
        )
        return False
    problems.clear(account.installation, _endpoint(account))
    if account.blocked_at is not None:
        _check(account)  # this shows that Stripe serves it again
    return True


def _ids(rows: "QuerySet[StripeAccount] | QuerySet[Installation]") -> list[str]:
    """Return the keys only: a row that cannot be read must not stop the others."""
    return [str(each) for each in rows.values_list("pk", flat=True)]


def _key(account: StripeAccount) -> str:
    return f"key-{account.pk}"


def _charges(account: StripeAccount) -> str:
    return f"charges-{account.pk}"


def _endpoint(account: StripeAccount) -> str:
    return f"endpoint-{account.pk}"
