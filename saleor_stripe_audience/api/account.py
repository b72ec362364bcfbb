"""The shop's settings over the API: its Stripe accounts, its keys, what is to be mended."""

from datetime import datetime, timedelta
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import QuerySet
from django.utils import timezone
from strawberry import Info, relay

from saleor_stripe_audience.api import keys, models
from saleor_stripe_audience.api.context import caller_of, shop_id
from saleor_stripe_audience.api.scopes import opens
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import models as gateway
from saleor_stripe_audience.gateway import platform
from saleor_stripe_audience.saleor import models as saleor

LONGEST_LIFE_DAYS = 3650


@strawberry_django.type(
    gateway.AccountChannel, description="A sales channel whose payments an account takes."
)
class AccountChannel:
    channel_slug: str = strawberry_django.field(description="The channel's slug in Saleor.")
    is_paused: bool = strawberry_django.field(description="Whether new payments wait there now.")
    pause_message: str = strawberry_django.field(
        description="What shoppers read meanwhile; empty for the usual words."
    )


def _publishable_key(root: strawberry.Parent[gateway.StripeAccount]) -> str:
    return platform.publishable_key_of(root)


def _requirements(root: strawberry.Parent[gateway.StripeAccount]) -> list[str]:
    return list(root.requirements)


@strawberry_django.type(gateway.StripeAccount, description="A Stripe account that the shop connected.")
class StripeAccount(relay.Node):
    name: str = strawberry_django.field(description="The account's name at Stripe.")
    stripe_id: str = strawberry_django.field(description="Stripe's id of the account.")
    publishable_key: str = strawberry_django.field(
        resolver=_publishable_key,
        only=["kind", "publishable_key"],
        description="The key that storefronts show: of a hosted account it is the app's operator's.",
    )
    livemode: bool = strawberry_django.field(description="Whether it takes real money.")
    state: str = strawberry_django.field(description="connected or disconnected.")
    kind: str = strawberry_django.field(
        description="pasted: by keys of its own. connect: made by Stripe Connect, led through Stripe's own pages."
    )
    connect_state: str = strawberry_django.field(
        description="not_connected, pending, active, restricted or rejected; empty where keys were pasted."
    )
    pending_since: datetime | None = strawberry_django.field(
        description="Since when Stripe asks for something or checks; empty unless it is pending."
    )
    requirements: list[str] = strawberry_django.field(
        resolver=_requirements,
        only=["requirements"],
        description="What Stripe still asks, by Stripe's names.",
    )
    charges_enabled: bool = strawberry_django.field(description="Whether Stripe lets it take payments.")
    created_at: datetime = strawberry_django.field(description="When it was connected first.")
    endpoint_version: str = strawberry_django.field(
        description="Version of Stripe's API that its webhook endpoint speaks; empty if that is not known."
    )
    sends_receipts: bool = strawberry_django.field(description="Whether Stripe sends shoppers a receipt.")
    descriptor_suffix: str = strawberry_django.field(
        description="What a card statement shows after the account's name; empty for nothing."
    )
    channels: list[AccountChannel] = strawberry_django.field(
        description="The channels whose payments it takes."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


def _scopes(root: strawberry.Parent[models.ApiKey]) -> list[str]:
    return list(root.scopes)


@strawberry_django.type(models.ApiKey, description="A key of this API, without its secret.")
class ApiKey(relay.Node):
    name: str = strawberry_django.field(description="What it is for.")
    prefix: str = strawberry_django.field(description="How it begins, to tell keys apart.")
    created_at: datetime = strawberry_django.field(description="When it was made.")
    expires_at: datetime | None = strawberry_django.field(
        description="When it ends by itself; never if empty."
    )
    revoked_at: datetime | None = strawberry_django.field(
        description="When it was ended; empty if it was not."
    )
    last_used_at: datetime | None = strawberry_django.field(
        description="When it was used last, to the minute; empty if never."
    )

    scopes: list[str] = strawberry_django.field(
        resolver=_scopes, only=["scopes"], description="What it opens, such as payments:read."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry_django.type(
    saleor.Problem, description="Something that must be mended; it goes by itself once it is."
)
class Problem:
    key: str = strawberry_django.field(description="What it is about.")
    message: str = strawberry_django.field(description="What to do.")
    since: datetime = strawberry_django.field(description="When it was found first.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry.type(description="A new key.")
class ApiKeyCreated:
    secret: str = strawberry.field(description="The key itself, shown this once: it is kept only as a hash.")
    api_key: ApiKey = strawberry.field(description="The key as it is listed from now on.")


def stripe_accounts() -> list[StripeAccount]:
    return cast(
        "list[StripeAccount]",
        gateway.StripeAccount.objects.exclude(kind="connect", stripe_id="").order_by("state", "created_at"),
    )


def api_keys() -> list[ApiKey]:
    return cast("list[ApiKey]", models.ApiKey.objects.order_by("-created_at", "-pk"))


def problems() -> list[Problem]:
    return cast("list[Problem]", saleor.Problem.objects.order_by("-since", "-pk"))


def api_key_create(
    info: Info,
    name: Annotated[str, strawberry.argument(description="What it is for; at most 200 characters.")],
    scopes: Annotated[
        list[str], strawberry.argument(description="What it shall open, such as payments:read.")
    ],
    expires_in_days: Annotated[
        int | None,
        strawberry.argument(description="After how many days it ends by itself; never if left out."),
    ] = None,
) -> ApiKeyCreated:
    own = caller_of(info).scopes
    if beyond := sorted(scope for scope in scopes if not opens(own, scope)):
        raise Rejected(
            f"A key cannot be given more than its maker has: {', '.join(beyond)[:200]}.",
            code="beyond_own_scopes",
        )
    shop = saleor.Installation.objects.get(pk=shop_id(info))
    secret = keys.create_key(shop, name, _end(expires_in_days), scopes)
    made = keys.find_key(secret)
    return ApiKeyCreated(secret=secret, api_key=cast("ApiKey", made))


def _end(days: int | None) -> datetime | None:
    if days is None:
        return None
    if not 1 <= days <= LONGEST_LIFE_DAYS:
        raise Rejected(f"A key lives from 1 to {LONGEST_LIFE_DAYS} days.", code="expires_in_days")
    return timezone.now() + timedelta(days=days)


def api_key_revoke(
    info: Info,
    id: Annotated[relay.GlobalID, strawberry.argument(description="The key's id.")],  # noqa: A002 - relay names it
) -> ApiKey:
    own = models.ApiKey.objects.filter(installation_id=shop_id(info))
    is_key = id.type_name == "ApiKey" and id.node_id.isdigit() and len(id.node_id) < len(str(2**63))
    key = own.filter(pk=int(id.node_id)).first() if is_key else None
    if key is None:
        raise Rejected("This shop has no such key.", code="not_found")
    keys.revoke(key)
    return cast("ApiKey", key)
