"""What Stripe reports about accounts."""

from saleor_stripe_audience.gateway import account_state, connect
from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.inbox.models import Event


def follow_onboarding(event: Event) -> Write | None:
    """Save what the account may do now, fetched from Stripe because events arrive in any order."""
    account = account_of(event)
    if not account.is_hosted:
        answer = account_state.ask(account)
        return (lambda: account_state.save(account, *answer)) if answer is not None else None
    if account.has_left:
        return None
    found, fetched_at = connect.ask(account)
    return lambda: connect.save(account, found, fetched_at)


def end_connection(event: Event) -> None:
    account = account_of(event)
    if account.is_hosted:
        connect.leave(account)
