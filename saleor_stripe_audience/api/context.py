"""Who asks: every resolver sees one shop's rows only, through `shop_id`."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest
from strawberry import Info

from saleor_stripe_audience.api.models import ApiKey


@dataclass(frozen=True, slots=True)
class Context:
    """What a request carries into the schema; `request` is there because strawberry-django asks for it."""

    key: ApiKey
    request: HttpRequest


def shop_id(info: Info) -> UUID:
    """The installation whose data this key opens."""
    context: Context = info.context
    return context.key.installation_id
