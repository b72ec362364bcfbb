"""`check`: is everything in place? Each line is one thing; nothing is changed."""

import argparse
from collections.abc import Callable

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.onboarding import check_scopes
from saleor_stripe_audience.health import database_problem
from saleor_stripe_audience.saleor.client import fetch_app
from saleor_stripe_audience.saleor.models import Installation


def run(options: argparse.Namespace) -> int:  # noqa: ARG001
    """Print what was found; 1 when something is amiss."""
    print("ok    configuration")  # a wrong one is refused before any command runs
    if not _is_fine("database and migrations", _check_database):
        return 1
    shops = list(Installation.objects.filter(is_active=True).order_by("saleor_api_url"))
    if not shops:
        print("note  no shop has installed the app yet")
    return 0 if all([_shop_is_fine(shop) for shop in shops]) else 1


def _shop_is_fine(shop: Installation) -> bool:
    fine = _is_fine(f"shop {shop.saleor_api_url}", lambda: _check_shop(shop))
    accounts = [each for each in accounts_of(shop.pk) if each.state == StripeAccount.State.CONNECTED]
    if not accounts:
        print("note  no Stripe account is connected to it yet")
    return (
        all(
            [
                _is_fine(f"Stripe account {each.name}", lambda key=each: check_scopes(key.secret_key))
                for each in accounts
            ]
        )
        and fine
    )


def _check_database() -> None:
    if problem := database_problem():
        raise Rejected(problem)


def _check_shop(shop: Installation) -> None:
    found = fetch_app(shop.saleor_api_url, shop.token)
    if found.id != shop.app_id:
        raise Rejected("Saleor knows this token as another app's. Install the app again; its data is kept.")


def _is_fine(name: str, check: Callable[[], object]) -> bool:
    try:
        check()
    except Failure as failure:
        print(f"wrong {name}: {failure.message}")
        return False
    print(f"ok    {name}")
    return True
