"""Stripe's endpoints are kept as they should be: an account that was connected long ago learns of new events too."""

import structlog

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway import connect
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.gateway.onboarding import check_scopes, keep_endpoint
from saleor_stripe_audience.saleor import problems
from saleor_stripe_audience.saleor.models import Channel, Installation

log = structlog.get_logger(__name__)


def keep_endpoints() -> int:
    """Every connected account in turn; what Stripe refuses is told as a problem of the shop. Returns how many stand."""
    connected = (
        StripeAccount.objects.filter(state=StripeAccount.State.CONNECTED, installation__is_active=True)
        .exclude(kind=StripeAccount.Kind.CONNECT, stripe_id="")
        .select_related("installation")
    )
    return sum(_kept(account) for account in connected.order_by("created_at"))


def look_at_accounts() -> None:
    """What is wrong with the shops' accounts and channels is told as problems; what is mended goes."""
    for shop in Installation.objects.filter(is_active=True):
        problems.report_or_clear(shop, "channels", _without_account(shop))
    for account in StripeAccount.objects.filter(installation__is_active=True).select_related("installation"):
        is_connected = account.state == StripeAccount.State.CONNECTED
        if not is_connected:
            _forget_problems(account)
        elif not account.is_hosted:
            _look_at_key(account)


def _without_account(shop: Installation) -> str:
    """Channels in which nobody can pay. A shop without any account yet is told on its page, not as a problem."""
    mapped = AccountChannel.objects.filter(
        installation=shop, account__state=StripeAccount.State.CONNECTED
    ).values("channel_slug")
    without = Channel.objects.filter(installation=shop).exclude(slug__in=mapped).order_by("slug")
    slugs = ", ".join(without.values_list("slug", flat=True)) if mapped.exists() else ""
    return f"No Stripe account takes payments for {slugs}. Choose one on the app's page." if slugs else ""


def _look_at_key(account: StripeAccount) -> None:
    try:
        check_scopes(account.secret_key)
    except Unavailable as error:
        log.warning("key not looked at", account=str(account.pk), code=error.code)
    except Rejected as error:
        problems.report(account.installation, f"key-{account.pk}", f"{account.name}: {error.message}")
    else:
        problems.clear(account.installation, f"key-{account.pk}")


def _forget_problems(account: StripeAccount) -> None:
    for key in (f"key-{account.pk}", _problem(account)):
        problems.clear(account.installation, key)


def _kept(account: StripeAccount) -> bool:
    try:
        _keep(account)
    except Unavailable as error:
        log.warning("endpoint not looked at", account=str(account.pk), code=error.code)
        return False
    except Rejected as error:
        problems.report(account.installation, _problem(account), error.message)
        return False
    problems.clear(account.installation, _problem(account))
    return True


def _keep(account: StripeAccount) -> None:
    """An account of the platform has no endpoint of its own; how far it is, is asked in case an event was lost."""
    if account.is_hosted:
        connect.refresh(account)
    else:
        keep_endpoint(account)


def _problem(account: StripeAccount) -> str:
    return f"endpoint-{account.pk}"
