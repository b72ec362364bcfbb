"""Look at the installation from end to end and say what to mend."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from django.db import DatabaseError

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.onboarding import check_scopes
from saleor_stripe_audience.health import database_problem
from saleor_stripe_audience.inbox.models import Handling
from saleor_stripe_audience.saleor.client import fetch_app
from saleor_stripe_audience.saleor.models import Installation

Check = tuple[str, Callable[[], object]]


def run(arguments: Sequence[str]) -> int:
    """Print one line a check; exit code 1 if anything is to be mended. Nothing is changed."""
    argparse.ArgumentParser(prog="saleor-stripe-audience check", description=__doc__).parse_args(arguments)
    failed = 0
    for name, check in _checks():
        problem = _problem(check)
        failed += bool(problem)
        print(f"{'MEND' if problem else 'ok  '}  {name}{f': {problem}' if problem else ''}")
    return 1 if failed else 0


def _problem(check: Callable[[], object]) -> str:
    try:
        check()
    except Failure as error:
        return error.message
    except DatabaseError:
        return "The database does not answer as it should. Check DATABASE_URL, then run `migrate`."
    return ""


def _checks() -> Iterator[Check]:
    yield "configuration", lambda: None  # a wrong one was refused before this ran
    yield "database and migrations", _check_database
    if _problem(_check_database):
        return
    yield "a shop has installed the app", _check_installed
    for shop in Installation.objects.filter(is_active=True).order_by("saleor_api_url"):
        yield f"{shop} accepts the app's token", partial(_check_token, shop)
    for account in StripeAccount.objects.filter(state=StripeAccount.State.CONNECTED).order_by("created_at"):
        yield f"Stripe accepts the key of “{account}”", partial(check_scopes, account.secret_key)
    yield "every event was handled", _check_given_up


def _check_database() -> None:
    if problem := database_problem():
        raise Rejected(problem)


def _check_installed() -> None:
    if not Installation.objects.filter(is_active=True).exists():
        raise Rejected("None yet. Install the app in Saleor's Dashboard from PUBLIC_URL/api/manifest.")


def _check_token(shop: Installation) -> None:
    if fetch_app(shop.saleor_api_url, shop.token).id != shop.app_id:
        raise Rejected("Saleor knows this token as another app's. Install the app again; its data is kept.")


def _check_given_up() -> None:
    given_up = Handling.objects.filter(given_up_at__isnull=False, done_at=None).order_by("-given_up_at")
    if first := given_up.first():
        raise Rejected(f"{given_up.count()} were given up; the newest because: {first.reason}")
