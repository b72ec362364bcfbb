"""What stands in the way of payments is found and told, and Stripe's endpoints are kept as they should be.

Every shop and account has its turn, whatever is wrong with another.
"""

import structlog
from django.db.models import QuerySet

from saleor_stripe_audience.errors import Blocked, Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import account_state, client, connect, trouble
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.gateway.onboarding import check_scopes, keep_endpoint
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.payments import readiness
from saleor_stripe_audience.payments import staff_messages as words
from saleor_stripe_audience.payments.staff_messages import for_staff
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation, Problem

log = structlog.get_logger(__name__)


def keep_endpoints() -> int:
    """Every connected account in turn; what Stripe refuses is told as a problem of the shop. Returns how many stand."""
    connected = (
        StripeAccount.objects.filter(state=StripeAccount.State.CONNECTED, installation__is_active=True)
        .exclude(kind=StripeAccount.Kind.CONNECT, stripe_id="")
        .order_by("created_at")
    )
    stand = 0
    for account_id in _ids(connected):
        with apart("keeping an endpoint", account=account_id):
            account = StripeAccount.objects.select_related("installation").get(pk=account_id)
            stand += _kept(account)
    return stand


def look_at_accounts() -> None:
    """What is wrong with the shops' accounts and channels is told as problems; what is put right goes."""
    for shop_id in _ids(Installation.objects.filter(is_active=True).order_by("registered_at")):
        with apart("looking at a shop", installation=shop_id):
            look_at_shop(Installation.objects.get(pk=shop_id))


def look_at_shop(shop: Installation) -> None:
    """Ask Stripe about each of the shop's accounts, then tell what keeps shoppers from paying."""
    for account_id in _ids(StripeAccount.objects.filter(installation=shop).order_by("created_at")):
        with apart("looking at an account", account=account_id):
            _look_at(StripeAccount.objects.select_related("installation").get(pk=account_id))
    tell_obstacles(shop)


def tell_obstacles(shop: Installation) -> None:
    """What is written down here of why nobody can pay; nothing is asked of Stripe.

    A shop without any account yet is told on its page, not as a problem.
    """
    found = readiness.obstacles(shop)
    none_yet = not any(each.account.state == StripeAccount.State.CONNECTED for each in _mapped(shop))
    wanted = {
        _key_of(each): each.message
        for each in found
        if each.code in _OF_CHANNELS and not (each.code == readiness.NO_ACCOUNT and none_yet)
    }
    for key, message in wanted.items():
        problems.report(shop, key, message)
    for problem in Problem.objects.filter(installation=shop):
        if problem.key.partition(":")[0] in _CHANNEL_KEYS and problem.key not in wanted:
            problems.clear(shop, problem.key)


_OF_CHANNELS = {
    readiness.NO_ACCOUNT: "channels",
    readiness.TERMS: "terms",
    readiness.TEST_ONLY: "test-only",
    readiness.PAUSED: "paused",
}
_CHANNEL_KEYS = frozenset(_OF_CHANNELS.values())
LONGEST_KEY = 128  # characters, the host's limit


def _key_of(obstacle: readiness.Obstacle) -> str:
    key = _OF_CHANNELS[obstacle.code]
    return f"{key}:{obstacle.about}"[:LONGEST_KEY] if obstacle.about else key


@trouble.hears_of_trouble
def tell_trouble(account: StripeAccount, failure: Failure) -> None:
    """Stripe does not serve the account: one problem of the account, at the first call that shows it."""
    if account.state != StripeAccount.State.CONNECTED:
        return
    if isinstance(failure, Blocked):
        _report_once(account, _key(account), _why_not_served(account, failure))
    elif failure.code == client.CHARGES_DISABLED:
        account_state.note_charges(account, enabled=False)
        _report_once(
            account, _charges(account), for_staff(words.ACCOUNT_MAY_NOT_CHARGE, account=account.name)
        )


def _why_not_served(account: StripeAccount, failure: Failure) -> str:
    return words.key_problem(failure, account.name, is_hosted=account.is_hosted)


def _report_once(account: StripeAccount, key: str, message: str) -> None:
    """Every call shows it again while it lasts: the first time is enough."""
    if not Problem.objects.filter(installation_id=account.installation_id, key=key).exists():
        problems.report(account.installation, key, message)


def _look_at(account: StripeAccount) -> None:
    if account.state != StripeAccount.State.CONNECTED:
        _forget_problems(account)
        return
    if account.is_hosted:
        if not account.stripe_id or account.has_left:
            return
        connect.refresh(account)
    else:
        if not _look_at_key(account):
            return
        account_state.refresh(account)
    trouble.end(account)
    problems.clear(account.installation, _key(account))
    obstacle = readiness.obstacle_of(account)
    problems.report_or_clear(account.installation, _charges(account), obstacle[1] if obstacle else "")


def _look_at_key(account: StripeAccount) -> bool:
    """Whether Stripe takes the key for everything that the app does."""
    try:
        check_scopes(account.secret_key, account.name)
    except Unavailable as error:
        log.warning("key not looked at", account=str(account.pk), code=error.code)
        return False
    except Rejected as error:
        blocked = Blocked(error.message, code=error.code, values=error.values, by=account.pk)
        trouble.note(account, blocked)
        problems.report(account.installation, _key(account), _why_not_served(account, error))
        return False
    return True


def _forget_problems(account: StripeAccount) -> None:
    for key in (_key(account), _charges(account), _endpoint(account)):
        problems.clear(account.installation, key)


def _kept(account: StripeAccount) -> bool:
    try:
        _keep(account)
    except Blocked:
        return False  # told as the account's trouble already
    except Unavailable as error:
        log.warning("endpoint not looked at", account=str(account.pk), code=error.code)
        return False
    except Rejected as error:
        problems.report(account.installation, _endpoint(account), words.endpoint_problem(error, account.name))
        return False
    problems.clear(account.installation, _endpoint(account))
    if account.blocked_at is not None:
        _look_at(account)  # Stripe serves it again, as far as this shows
    return True


def _keep(account: StripeAccount) -> None:
    """An account of the platform has no endpoint of its own; how far it is, is asked in case an event was lost."""
    if account.is_hosted:
        connect.refresh(account)
    else:
        keep_endpoint(account)


def _mapped(shop: Installation) -> list[AccountChannel]:
    return list(AccountChannel.objects.filter(installation=shop).select_related("account"))


def _ids(rows: "QuerySet[StripeAccount] | QuerySet[Installation]") -> list[str]:
    """The keys alone: a row that cannot be read must not keep the others from being read."""
    return [str(each) for each in rows.values_list("pk", flat=True)]


def _key(account: StripeAccount) -> str:
    return f"key-{account.pk}"


def _charges(account: StripeAccount) -> str:
    return f"charges-{account.pk}"


def _endpoint(account: StripeAccount) -> str:
    return f"endpoint-{account.pk}"
