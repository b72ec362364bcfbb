"""The shop that a key belongs to."""

from datetime import datetime
from typing import Any, cast

import strawberry
import strawberry_django
from django.db.models import QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api.context import shop_id
from saleor_stripe_audience.shops import models


@strawberry_django.type(models.Channel, description="A sales channel of the shop.")
class Channel:
    slug: str = strawberry_django.field(description="The channel's slug in Saleor.")
    name: str = strawberry_django.field(description="The channel's name in Saleor.")
    currency: str = strawberry_django.field(description="The channel's currency, ISO 4217.")


@strawberry_django.type(models.Installation, description="The Saleor shop that this key belongs to.")
class Installation(relay.Node):
    saleor_api_url: str = strawberry_django.field(description="The URL of the shop's Saleor GraphQL API.")
    domain: str = strawberry_django.field(description="The shop's domain in Saleor.")
    schema_version: str = strawberry_django.field(
        description="Version of Saleor's API when the app was installed."
    )
    is_active: bool = strawberry_django.field(
        description="False once the app has been removed from the shop."
    )
    registered_at: datetime = strawberry_django.field(description="When the app was installed.")
    channels: list[Channel] = strawberry_django.field(description="The shop's sales channels.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(pk=shop_id(info))


def _installation(info: Info) -> Installation:
    return cast("Installation", models.Installation.objects.filter(pk=shop_id(info)))


@strawberry.type
class InstallationQueries:
    installation: Installation = strawberry_django.field(
        resolver=_installation, description="The shop that this key belongs to. Needs no scope."
    )
