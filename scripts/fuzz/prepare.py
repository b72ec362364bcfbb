"""The app's data before the first request: a shop, a Stripe account, keys, an audience with a contact."""

from typing import Any

from django.urls import get_resolver
from django.utils import timezone

from saleor_stripe_audience.api.export import schema_text
from saleor_stripe_audience.api_keys.keys import create_key
from saleor_stripe_audience.api_keys.scopes import EVERYTHING
from saleor_stripe_audience.audience.consent import links
from saleor_stripe_audience.audience.consent.deliveries import webhooks as webhooks_of_mail
from saleor_stripe_audience.audience.consent.deliveries.services import SERVICES
from saleor_stripe_audience.audience.contacts.identity import Person, upsert_contact
from saleor_stripe_audience.audience.people.audiences import audience_of_channel, hold_shop
from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.handlers import event_handlers
from saleor_stripe_audience.saleor import webhooks
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, SECRET_KEY
from saleor_stripe_audience.shops.models import Channel, Installation
from saleor_stripe_audience.storefront.schema import schema as storefront_schema

APP_ID = "QXBwOjE="
WEBHOOK_SECRET = "whsec_fuzz"
CHANNEL = "default-channel"


def prepare(given: dict[str, Any]) -> dict[str, Any]:
    """Create everything; return what a caller with all permissions would know about it."""
    get_resolver().url_patterns  # noqa: B018 - imports every view, and with them every handler
    shop = Installation.objects.create(
        saleor_api_url=given["api_url"],
        app_id=APP_ID,
        token="token",
        schema_version="3.23",
        jwks={"keys": [given["jwk"]]},
        registered_at=timezone.now(),
    )
    Channel.objects.create(installation=shop, slug=CHANNEL, name="Default", currency="USD")
    account = _create_account(shop)
    audience = audience_of_channel(shop, CHANNEL)
    with hold_shop(shop) as held:
        contact = upsert_contact(held, audience, Person("known@example.com", None, {}, timezone.now()))
    if contact is None:
        raise RuntimeError("the contact was not made")
    preferences = links.preferences_url(contact).split("/audience/", 1)[1]
    key = create_key(shop, "fuzz", scopes=EVERYTHING).secret
    return {
        "api_url": shop.saleor_api_url,
        "app_id": APP_ID,
        "api_key": key,
        "storefront_key": storefront.create_key(shop, ["https://shop.example.com"]).key,
        "staff_claims": _claims(shop),
        "account_id": str(account.pk),
        "webhook_secret": WEBHOOK_SECRET,
        "synchronous": sorted(webhooks.sync_webhooks()),
        "asynchronous": sorted(event_handlers()["saleor"]),
        "stripe_kinds": sorted(event_handlers()["stripe"]),
        "links": [f"/audience/{preferences}", f"/audience/{preferences.replace('preferences', 'unsubscribe')}",
                  "/audience/confirm/x", "/dashboard/stripe/x/begin", "/dashboard/stripe/x/back"],
        "mail_addresses": [
            _path(webhooks_of_mail.create(shop, name, "key" if service.needs_key else "").url)
            for name, service in sorted(SERVICES.items())
        ],
        "fragments": _fragments(str(account.pk)),
        "schemas": [schema_text(), storefront_schema.as_str()],
        "given": {"channel": [CHANNEL], "email": ["known@example.com", "new@example.com"]},
    }  # fmt: skip


def _create_account(shop: Installation) -> StripeAccount:
    account = StripeAccount.objects.create(
        installation=shop,
        name="Shop",
        publishable_key=PUBLISHABLE_KEY,
        secret_key=SECRET_KEY,
        stripe_id="acct_1",
        livemode=False,
        webhook_secret=WEBHOOK_SECRET,
    )
    AccountChannel.objects.create(installation=shop, account=account, channel_slug=CHANNEL)
    return account


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def _claims(shop: Installation) -> dict[str, Any]:
    return {
        "owner": "saleor",
        "iss": shop.saleor_api_url,
        "type": "thirdparty",
        "app": shop.app_id,
        "email": "staff@example.com",
        "user_id": "VXNlcjox",
        "is_staff": True,
        "permissions": [],
        "user_permissions": ["MANAGE_APPS", "MANAGE_USERS", "HANDLE_PAYMENTS", "MANAGE_PRODUCTS"],
    }


def _fragments(account: str) -> list[tuple[str, str]]:
    shown = ("", "overview", "accounts", "channels", "payments", "contacts", "problems")
    posted = ("accounts/connect", f"accounts/{account}/settings", "accounts/terms", "channels/save", "channels/read",
              f"channels/{CHANNEL}/pause", "channels/unknown/pause", "problems/1/replay",
              f"problems/{'9' * 30}/replay")  # fmt: skip
    return [("GET", f"/dashboard/{each}") for each in shown] + [
        ("POST", f"/dashboard/{each}") for each in posted
    ]
