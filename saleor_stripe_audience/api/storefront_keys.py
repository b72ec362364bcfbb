"""The public keys of the shop's own pages. The rules are in `audience.signup.storefront`."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.context import needs, shop_id
from saleor_stripe_audience.api.errors import Payload, mutation
from saleor_stripe_audience.audience import models
from saleor_stripe_audience.audience.signup import storefront


def _origins(root: strawberry.Parent[models.StorefrontKey]) -> list[str]:
    return list(root.origins)


@strawberry_django.type(
    models.StorefrontKey,
    description="A public key with which the shop's own pages subscribe and unsubscribe people.",
)
class StorefrontKey(relay.Node):
    key: str = strawberry_django.field(description="The key; it is public.")
    name: str = strawberry_django.field(description="What it is for.")
    origins: list[str] = strawberry_django.field(
        resolver=_origins, only=["origins"], description="The web origins of the shop's pages."
    )
    created_at: datetime = strawberry_django.field(description="When it was created.")
    revoked_at: datetime | None = strawberry_django.field(
        description="When it was revoked; null while it is in use."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry.input(description="A storefront key to create.")
class StorefrontKeyInput:
    origins: list[str] = strawberry.field(
        description="The web origins of the shop's pages, such as https://shop.example.com; at most "
        f"{storefront.MAX_ORIGINS}."
    )
    name: str = strawberry.field(default="", description="What it is for.")


@strawberry.type(description="The storefront key that was created.")
class StorefrontKeyCreate(Payload):
    storefront_key: StorefrontKey | None = strawberry.field(default=None, description="The key.")


@strawberry.type(description="The storefront key that was revoked.")
class StorefrontKeyRevoke(Payload):
    storefront_key: StorefrontKey | None = strawberry.field(default=None, description="The key.")


def _storefront_keys(info: Info) -> list[StorefrontKey]:
    own = models.StorefrontKey.objects.filter(installation_id=shop_id(info))
    return cast("list[StorefrontKey]", own.order_by("created_at", "pk"))


def _create(
    info: Info,
    input: Annotated[StorefrontKeyInput, strawberry.argument(description="The key to create.")],  # noqa: A002 - as in Saleor
) -> StorefrontKeyCreate:
    made = storefront.create_key(ids.own_shop(info), input.origins, input.name)
    return StorefrontKeyCreate(storefront_key=cast("StorefrontKey", made))


def _revoke(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The key's id.")],  # noqa: A002 - as in Saleor
) -> StorefrontKeyRevoke:
    own = models.StorefrontKey.objects.filter(installation_id=shop_id(info))
    key = own.filter(pk=ids.number_of(id, "StorefrontKey")).first()
    if key is None:
        raise ids.not_found("StorefrontKey")
    storefront.revoke_key(key)
    key.refresh_from_db()
    return StorefrontKeyRevoke(storefront_key=cast("StorefrontKey", key))


@strawberry.type
class StorefrontKeyQueries:
    storefront_keys: list[StorefrontKey] = strawberry_django.field(
        resolver=_storefront_keys,
        permission_classes=[needs("settings:read")],
        description="The storefront keys, including revoked ones, oldest first. Needs the scope "
        "settings:read.",
    )


@strawberry.type
class StorefrontKeyMutations:
    storefront_key_create: StorefrontKeyCreate = mutation(
        _create, "settings:write", "Create a public key for the shop's own pages."
    )
    storefront_key_revoke: StorefrontKeyRevoke = mutation(
        _revoke, "settings:write", "Revoke a storefront key."
    )
