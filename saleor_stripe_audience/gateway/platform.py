"""The operator's own Stripe account, which can create accounts for shops and act for them (Stripe Connect)."""

from typing import Any

from django.conf import settings
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Blocked, Rejected
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.wording import with_values

NOT_CONNECTED = pgettext_lazy(
    "staff", "“{account}” is not connected at Stripe. Connect it on the app's page in Saleor's Dashboard."
)
OWNER_LEFT = pgettext_lazy(
    "staff",
    "The owner of “{account}” ended the app's access in Stripe. Refund or capture its payments in Stripe.",
)
LIVE_ACCOUNT = pgettext_lazy(
    "staff",
    "“{account}” was connected in live mode, and the app's operator now runs Stripe Connect in test mode. Connect an "
    "account in that mode, or ask the operator.",
)
TEST_ACCOUNT = pgettext_lazy(
    "staff",
    "“{account}” was connected in test mode, and the app's operator now runs Stripe Connect in live mode. Connect an "
    "account in that mode, or ask the operator.",
)


def is_offered() -> bool:
    """Whether the operator set the platform's keys; settings.py rejects an incomplete set."""
    return bool(settings.STRIPE_PLATFORM_SECRET_KEY)


def is_live() -> bool:
    """Whether the platform's keys are for live payments."""
    return str(settings.STRIPE_PLATFORM_SECRET_KEY).split("_")[1:2] == ["live"]


def check_offered() -> None:
    """Raise `Rejected` if the operator did not set the platform's keys."""
    if not is_offered():
        raise Rejected(
            pgettext_lazy(
                "staff",
                "This app's operator does not offer Stripe Connect. Paste the account's keys instead.",
            ),
            code="no_platform",
        )


def check_reach(account: StripeAccount) -> None:
    """`Blocked` unless the platform's key may be used for the account."""
    try:
        check_offered()
    except Rejected as error:
        raise Blocked(error.translatable, code=error.code, by=account.pk) from None
    if account.livemode != is_live():
        message = LIVE_ACCOUNT if account.livemode else TEST_ACCOUNT
        raise Blocked(
            with_values(message, account=account.name),
            code="mode",
            by=account.pk,
        )
    if not account.stripe_id or account.has_left:
        message = OWNER_LEFT if account.stripe_id else NOT_CONNECTED
        raise Blocked(with_values(message, account=account.name), code="not_connected", by=account.pk)


def browser_config(account: StripeAccount) -> dict[str, Any]:
    """Return what Stripe's script needs in the browser: a publishable key, and the account for which it acts."""
    if not account.is_hosted:
        return {"stripePublishableKey": account.publishable_key}
    check_reach(account)
    return {
        "stripePublishableKey": settings.STRIPE_PLATFORM_PUBLISHABLE_KEY,
        "stripeAccount": account.stripe_id,
    }


def publishable_key_of(account: StripeAccount) -> str:
    """Return the key that storefronts use for the account."""
    return str(settings.STRIPE_PLATFORM_PUBLISHABLE_KEY) if account.is_hosted else account.publishable_key
