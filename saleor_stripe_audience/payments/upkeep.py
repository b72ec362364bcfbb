"""Stripe's endpoints are kept as they should be: an account that was connected long ago learns of new events too."""

import structlog

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.onboarding import keep_endpoint
from saleor_stripe_audience.saleor import problems

log = structlog.get_logger(__name__)


def keep_endpoints() -> int:
    """Every connected account in turn; what Stripe refuses is told as a problem of the shop. Returns how many stand."""
    connected = StripeAccount.objects.filter(
        state=StripeAccount.State.CONNECTED, installation__is_active=True
    ).select_related("installation")
    return sum(_kept(account) for account in connected.order_by("created_at"))


def _kept(account: StripeAccount) -> bool:
    try:
        keep_endpoint(account)
    except Unavailable as error:
        log.warning("endpoint not looked at", account=str(account.pk), code=error.code)
        return False
    except Rejected as error:
        problems.report(account.installation, _problem(account), error.message)
        return False
    problems.clear(account.installation, _problem(account))
    return True


def _problem(account: StripeAccount) -> str:
    return f"endpoint-{account.pk}"
