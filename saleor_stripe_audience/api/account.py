"""The shop's settings over the API: its Stripe accounts, its keys, problems."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.context import caller_of, needs, shop_id
from saleor_stripe_audience.api.enums import StripeAccountKind, StripeAccountState, StripeConnectState
from saleor_stripe_audience.api.errors import Payload, mutation
from saleor_stripe_audience.api_keys import keys, models
from saleor_stripe_audience.api_keys.scopes import opens
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import models as gateway
from saleor_stripe_audience.gateway import platform
from saleor_stripe_audience.shops import models as saleor


@strawberry_django.type(
    gateway.AccountChannel, description="A sales channel whose payments this account processes."
)
class AccountChannel:
    channel: str = strawberry_django.field(field_name="channel_slug", description="Slug of the channel.")
    is_paused: bool = strawberry_django.field(description="Whether new payments are paused.")
    pause_message: str = strawberry_django.field(
        description="The message that shoppers see while payments are paused; empty for the default text."
    )


def _publishable_key(root: strawberry.Parent[gateway.StripeAccount]) -> str:
    return platform.publishable_key_of(root)


def _connect_state(root: strawberry.Parent[gateway.StripeAccount]) -> StripeConnectState | None:
    return StripeConnectState(root.connect_state) if root.connect_state else None


def _requirements(root: strawberry.Parent[gateway.StripeAccount]) -> list[str]:
    return list(root.requirements)


@strawberry_django.type(gateway.StripeAccount, description="A Stripe account that the shop connected.")
class StripeAccount(relay.Node):
    name: str = strawberry_django.field(description="The account's name at Stripe.")
    stripe_id: str = strawberry_django.field(description="Stripe's id of the account.")
    publishable_key: str = strawberry_django.field(
        resolver=_publishable_key,
        only=["kind", "publishable_key"],
        description="The publishable key for storefronts; for an account connected through Stripe Connect, it "
        "is the key of the app's operator.",
    )
    livemode: bool = strawberry_django.field(description="Whether it is in live mode.")
    state: StripeAccountState = strawberry_django.field(description="Whether it is in use.")
    kind: StripeAccountKind = strawberry_django.field(description="How it was connected.")
    connect_state: StripeConnectState | None = strawberry_django.field(
        resolver=_connect_state,
        only=["connect_state"],
        description="How far Stripe's onboarding has progressed; null if keys were pasted.",
    )
    pending_since: datetime | None = strawberry_django.field(
        description="Since when onboarding has been pending, because Stripe requires something or is "
        "reviewing; null unless it is pending."
    )
    requirements: list[str] = strawberry_django.field(
        resolver=_requirements,
        only=["requirements"],
        description="What Stripe still requires, by Stripe's names.",
    )
    charges_enabled: bool = strawberry_django.field(description="Whether Stripe lets it take payments.")
    created_at: datetime = strawberry_django.field(description="When it was first connected.")
    endpoint_version: str = strawberry_django.field(
        description="The Stripe API version of its webhook endpoint; empty if unknown."
    )
    sends_receipts: bool = strawberry_django.field(description="Whether Stripe sends shoppers a receipt.")
    descriptor_suffix: str = strawberry_django.field(
        description="The suffix that card statements show after the account's name; empty for none."
    )
    channels: list[AccountChannel] = strawberry_django.field(
        description="The channels whose payments it processes."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


def _scopes(root: strawberry.Parent[models.ApiKey]) -> list[str]:
    return list(root.scopes)


@strawberry_django.type(models.ApiKey, description="A key for this API, without its secret.")
class ApiKey(relay.Node):
    name: str = strawberry_django.field(description="What it is for.")
    prefix: str = strawberry_django.field(description="Its first characters, to distinguish keys in a list.")
    created_at: datetime = strawberry_django.field(description="When it was created.")
    expires_at: datetime | None = strawberry_django.field(description="When it expires; null if it does not.")
    revoked_at: datetime | None = strawberry_django.field(
        description="When it was revoked; null if it has not been."
    )
    last_used_at: datetime | None = strawberry_django.field(
        description="When it was last used, to the minute; null if never."
    )

    scopes: list[str] = strawberry_django.field(
        resolver=_scopes, only=["scopes"], description="Its scopes, such as payments:read."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry_django.type(
    saleor.Problem, description="Something that needs attention; it disappears once it is fixed."
)
class Problem:
    key: str = strawberry_django.field(description="What it is about.")
    message: str = strawberry_django.field(description="What to do.")
    since: datetime = strawberry_django.field(description="When it was first found.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


def stripe_accounts() -> list[StripeAccount]:
    return cast(
        "list[StripeAccount]",
        gateway.StripeAccount.objects.exclude(kind="connect", stripe_id="").order_by("state", "created_at"),
    )


def api_keys() -> list[ApiKey]:
    return cast("list[ApiKey]", models.ApiKey.objects.order_by("-created_at", "-pk"))


def problems() -> list[Problem]:
    return cast("list[Problem]", saleor.Problem.objects.order_by("-since", "-pk"))


@strawberry.type(description="The key that was created.")
class ApiKeyCreate(Payload):
    secret: str | None = strawberry.field(
        default=None, description="The key itself. It is shown only once, because only its hash is stored."
    )
    api_key: ApiKey | None = strawberry.field(default=None, description="The key as `apiKeys` lists it.")


@strawberry.type(description="The key that was revoked.")
class ApiKeyRevoke(Payload):
    api_key: ApiKey | None = strawberry.field(default=None, description="The key.")


@strawberry.input(description="A key to create.")
class ApiKeyInput:
    name: str = strawberry.field(description="What it is for; at most 200 characters.")
    scopes: list[str] = strawberry.field(description="Its scopes, such as payments:read.")
    expires_in_days: int | None = strawberry.field(
        default=None, description="Number of days until it expires; it does not expire if omitted."
    )


def _create(
    info: Info,
    input: Annotated[ApiKeyInput, strawberry.argument(description="The key to create.")],  # noqa: A002 - as in Saleor
) -> ApiKeyCreate:
    own = caller_of(info).scopes
    if beyond := sorted(scope for scope in input.scopes if not opens(own, scope)):
        raise Rejected(
            f"A key cannot have scopes that its creator does not have: {', '.join(beyond)[:200]}.",
            code="beyond_own_scopes",
        )
    expires_at = keys.expiry_after(input.expires_in_days)
    created = keys.create_key(ids.own_shop(info), input.name, expires_at, input.scopes)
    return ApiKeyCreate(secret=created.secret, api_key=cast("ApiKey", created.key))


def _revoke(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The key's id.")],  # noqa: A002 - as in Saleor
) -> ApiKeyRevoke:
    own = models.ApiKey.objects.filter(installation_id=shop_id(info))
    key = own.filter(pk=ids.number_of(id, "ApiKey")).first()
    if key is None:
        raise ids.not_found("ApiKey")
    keys.revoke(key)
    return ApiKeyRevoke(api_key=cast("ApiKey", key))


@strawberry.type
class SettingsQueries:
    stripe_accounts: list[StripeAccount] = strawberry_django.field(
        resolver=stripe_accounts,
        permission_classes=[needs("settings:read")],
        description="The Stripe accounts that the shop connected, without their keys. Needs the scope settings:read.",
    )
    api_keys: list[ApiKey] = strawberry_django.field(
        resolver=api_keys,
        permission_classes=[needs("settings:read")],
        description="The API keys, newest first, without their secrets. Needs the scope settings:read.",
    )
    problems: list[Problem] = strawberry_django.field(
        resolver=problems,
        permission_classes=[needs("settings:read")],
        description="What needs attention, newest first. Needs the scope settings:read.",
    )


@strawberry.type
class SettingsMutations:
    api_key_create: ApiKeyCreate = mutation(
        _create, "settings:write", "Create a key. It cannot have a scope that its creator does not have."
    )
    api_key_revoke: ApiKeyRevoke = mutation(
        _revoke, "settings:write", "Revoke a key: it is refused from the next request on."
    )
