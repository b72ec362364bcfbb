"""Create a webhook URL for an email service's bounces and complaints about a shop; list, revoke, set a key."""

import argparse
import json
from collections.abc import Sequence
from uuid import UUID

from saleor_stripe_audience.audience.consent.deliveries import webhooks
from saleor_stripe_audience.audience.consent.deliveries.services import SERVICES
from saleor_stripe_audience.audience.consent.models import MailWebhook
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.client import get_installation
from saleor_stripe_audience.shops.models import Installation


def run(arguments: Sequence[str]) -> int:
    """Print the new URL once: it contains a secret that is not stored. Or list, revoke, or set the key."""
    options = _options(arguments)
    shop = get_installation(options.saleor_api_url)
    if options.list:
        print(json.dumps([_as_json(each) for each in webhooks.webhooks_of(shop)], indent=2))
    elif options.revoke:
        webhooks.revoke(_webhook(shop, options.revoke))
    elif options.set_key:
        webhooks.set_key(_webhook(shop, options.set_key), options.signing_key)
    else:
        created = webhooks.create(shop, options.service or "", options.signing_key)
        try:
            print(created.url, flush=True)
        except OSError:
            webhooks.revoke(created.webhook)  # nobody has seen its address
            raise
    return 0


def _webhook(shop: Installation, text: str) -> MailWebhook:
    try:
        found = webhooks.webhooks_of(shop).filter(pk=UUID(text)).first()
    except ValueError:
        found = None
    if found is None:
        raise Rejected("The shop has no such webhook. --list shows them.", code="not_found")
    return found


def _as_json(webhook: MailWebhook) -> dict[str, object]:
    return {
        "id": str(webhook.pk),
        "service": webhook.service,
        "is_signed": bool(webhook.signing_key),
        "created_at": webhook.created_at.isoformat(),
        "heard_at": webhook.heard_at.isoformat() if webhook.heard_at else None,
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience mail-webhook", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--service", choices=sorted(SERVICES), help="the service that sends the shop's email")
    what.add_argument("--list", action="store_true", help="print the active ones")
    what.add_argument(
        "--set-key",
        metavar="ID",
        help="verify this one's reports with --signing-key from now on: MailerSend and Mandrill make the key once they "
        "know the URL",
    )
    what.add_argument("--revoke", metavar="ID", help="stop accepting reports from this one")
    parser.add_argument(
        "--signing-key", default="", metavar="KEY", help="the service's key for signing webhooks"
    )
    return parser.parse_args(arguments)
