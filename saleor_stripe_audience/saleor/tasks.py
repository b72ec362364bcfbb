"""What is done for every shop by the clock."""

import uuid

from django.tasks import task

from saleor_stripe_audience.saleor import registration_limits, upkeep
from saleor_stripe_audience.shops import problems, removal
from saleor_stripe_audience.shops.models import Installation, Problem


@task
def sync_all_webhooks() -> dict[str, str]:
    """At the start and every hour: webhooks, permissions, version, and whether the shop still knows us."""
    return upkeep.sync_all_webhooks()


@task
def sync_webhooks(installation_id: str) -> list[str]:
    """One shop, whose version changed."""
    installation = Installation.objects.filter(pk=uuid.UUID(installation_id)).first()
    return upkeep.sync_webhooks(installation) if installation is not None else []


@task
def forget_removed() -> int:
    """Every night: shops that removed the app more than 30 days ago, and registrations that were counted."""
    registration_limits.forget_old()
    return removal.forget_removed()


@task
def show_problem(problem_id: int) -> None:
    """A problem as it is now, unless it is mended already."""
    problem = Problem.objects.select_related("installation").filter(pk=problem_id).first()
    if problem is not None:
        problems.show(problem)


@task
def dismiss_problem(installation_id: str, key: str) -> None:
    """A problem that is mended."""
    installation = Installation.objects.filter(pk=uuid.UUID(installation_id)).first()
    if installation is not None:
        problems.dismiss(installation, key)
