"""List a shop's Stripe accounts; disconnect one, replace its keys or endpoint, register a domain, pause a channel."""

import argparse
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import account_settings, accounts, domains, onboarding
from saleor_stripe_audience.gateway.disconnect import disconnect
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.saleor.client import get_installation
from saleor_stripe_audience.shops.models import Installation


def run(arguments: Sequence[str]) -> int:
    """Apply the options, then print the shop's accounts as JSON, or the domains of one. Repeating it has no further
    effect.
    """
    options = _options(arguments)
    shop = get_installation(options.saleor_api_url)
    if options.domains or options.register_domain:
        print(json.dumps([asdict(each) for each in _domains(shop, options)], indent=2))
        return 0
    _act(shop, options)
    print(json.dumps([_as_json(each) for each in accounts.accounts_of(shop.pk)], indent=2))
    return 0


def _act(shop: Installation, options: argparse.Namespace) -> None:
    if options.disconnect:
        disconnect(_account(shop, options.disconnect))
    if options.replace_keys:
        if not options.publishable_key or not options.secret_key:
            raise Rejected("Give --publishable-key and --secret-key with --replace-keys.", code="key")
        account = _account(shop, options.replace_keys)
        onboarding.replace_keys(account, options.publishable_key, options.secret_key)
    if options.renew_endpoint:
        onboarding.renew_endpoint(_account(shop, options.renew_endpoint))
    if options.settings:
        account = _account(shop, options.settings)
        if options.descriptor_suffix is not None:
            account_settings.set_descriptor_suffix(account, options.descriptor_suffix)
        if options.receipts is not None:
            account_settings.set_receipts(account, sends=options.receipts == "on")
    if options.pause:
        accounts.pause(shop.pk, options.pause, options.message)
    if options.resume:
        accounts.unpause(shop.pk, options.resume)


def _domains(shop: Installation, options: argparse.Namespace) -> list[domains.Domain]:
    if options.domains:
        return domains.domains_of(_account(shop, options.domains))
    if not options.domain:
        raise Rejected("Give --domain with --register-domain.", code="domain")
    return [domains.register_domain(_account(shop, options.register_domain), options.domain)]


def _account(shop: Installation, account_id: str) -> StripeAccount:
    try:
        found = StripeAccount.objects.filter(installation=shop, pk=uuid.UUID(account_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise Rejected(
            f"The shop has no Stripe account {account_id}. Run this without options to see them.",
            code="account",
        )
    return found


def _as_json(account: StripeAccount) -> dict[str, object]:
    return {
        "account": str(account.pk),
        "name": account.name,
        "stripe_account": account.stripe_id,
        "livemode": account.livemode,
        "state": account.state,
        "endpoint_version": account.endpoint_version,
        "receipts": account.sends_receipts,
        "descriptor_suffix": account.descriptor_suffix,
        "channels": {
            each.channel_slug: "paused" if each.is_paused else "open"
            for each in account.channels.order_by("channel_slug")
        },
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience stripe-account", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    parser.add_argument("--disconnect", metavar="ACCOUNT", help="delete its endpoint and free its channels")
    parser.add_argument("--replace-keys", metavar="ACCOUNT", help="new keys of the same account")
    parser.add_argument("--publishable-key", metavar="pk_…")
    parser.add_argument("--secret-key", metavar="rk_…")
    parser.add_argument(
        "--renew-endpoint",
        metavar="ACCOUNT",
        help="a new endpoint in Stripe: new secret, current API version",
    )
    parser.add_argument("--settings", metavar="ACCOUNT", help="change the settings of its payments:")
    parser.add_argument(
        "--receipts", choices=["on", "off"], help="whether Stripe sends receipts to customers by email"
    )
    parser.add_argument(
        "--descriptor-suffix",
        metavar="TEXT",
        help="statement descriptor suffix, shown after the account's name",
    )
    parser.add_argument("--domains", metavar="ACCOUNT", help="list the domains on which wallets are shown")
    parser.add_argument(
        "--register-domain",
        metavar="ACCOUNT",
        help="show Apple Pay, Google Pay and Link on the storefront's domain:",
    )
    parser.add_argument("--domain", metavar="shop.example.com", help="that domain")
    parser.add_argument("--pause", metavar="CHANNEL", help="accept no new payments in this channel")
    parser.add_argument("--message", default="", help="the message for customers, with --pause")
    parser.add_argument("--resume", metavar="CHANNEL", help="accept new payments in this channel again")
    return parser.parse_args(arguments)
