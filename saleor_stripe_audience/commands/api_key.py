"""Create, list and revoke API keys, with which programs access one shop's data over GraphQL."""

import argparse
from collections.abc import Sequence

from saleor_stripe_audience.api_keys.keys import create_key, expiry_after, revoke
from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.api_keys.scopes import EVERYTHING, EVERYTHING_READ
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.client import get_installation
from saleor_stripe_audience.shops.models import Installation


def run(arguments: Sequence[str]) -> int:
    """Print a new key, once; only its hash is stored. Or list the keys, or revoke one."""
    options = _options(arguments)
    shop = get_installation(options.saleor_api_url)
    if options.list:
        for key in ApiKey.objects.filter(installation=shop).order_by("created_at"):
            print(_line(key))
    elif options.revoke:
        _revoke(shop, options.revoke)
    else:
        _create(shop, options)
    return 0


def _create(shop: Installation, options: argparse.Namespace) -> None:
    if not options.name:
        raise Rejected("Give --name: what the key is for.", code="name")
    expires_at = expiry_after(options.expires_in_days)
    created = create_key(shop, options.name, expires_at, options.scope or EVERYTHING_READ)
    try:
        print(created.secret, flush=True)
    except OSError:
        revoke(created.key)  # nobody has seen it
        raise


def _revoke(shop: Installation, prefix: str) -> None:
    found = list(ApiKey.objects.filter(installation=shop, prefix=prefix))
    if len(found) != 1:
        raise Rejected(
            f"The shop has {len(found)} keys that begin with {prefix}. See --list.", code="not_found"
        )
    revoke(found[0])
    print(f"{found[0]} is revoked.")


def _line(key: ApiKey) -> str:
    if key.revoked_at:
        status = "revoked"
    else:
        status = f"expires {key.expires_at.isoformat()}" if key.expires_at else "never expires"
    return f"{key.prefix}  {key.name}  {' '.join(key.scopes)}  {status}"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience api-key", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    parser.add_argument("--name", help="what the new key is for")
    parser.add_argument(
        "--scope",
        action="append",
        choices=sorted(EVERYTHING),
        metavar="SCOPE",
        help="what it gives access to, such as payments:read; repeatable (default: read everything)",
    )
    parser.add_argument(
        "--expires-in-days", type=int, metavar="DAYS", help="when it expires (default: never)"
    )
    parser.add_argument("--list", action="store_true", help="list the shop's keys instead")
    parser.add_argument(
        "--revoke", metavar="PREFIX", help="revoke the key with this prefix instead; see --list"
    )
    return parser.parse_args(arguments)
