"""What is done for every shop by the clock."""

import uuid

from django.tasks import task

from saleor_stripe_audience.saleor import removal, upkeep
from saleor_stripe_audience.saleor.models import Installation


@task
def keep_all_up() -> dict[str, str]:
    """At the start and every hour: webhooks, permissions, version, and whether the shop still knows us."""
    return upkeep.keep_all_up()


@task
def keep_up(installation_id: str) -> list[str]:
    """One shop, whose version changed."""
    installation = Installation.objects.filter(pk=uuid.UUID(installation_id)).first()
    return upkeep.keep_up(installation) if installation is not None else []


@task
def forget_removed() -> int:
    """Every night: shops that removed the app more than 30 days ago."""
    return removal.forget_removed()
