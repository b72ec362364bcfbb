"""Sending the whole catalogue to Stripe, with one job for each account."""

from typing import Annotated, cast

import strawberry
import strawberry_django
from strawberry import Info

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.context import caller_of, needs, shop_id
from saleor_stripe_audience.api.errors import Payload, mutation
from saleor_stripe_audience.api.transfers import MOST_JOBS, Job
from saleor_stripe_audience.catalog import sync
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs import models

_Id = Annotated[strawberry.ID, strawberry.argument(description="The job's id.")]


@strawberry.type(description="The catalogue sync jobs, one for each account.")
class CatalogueSyncStart(Payload):
    jobs: list[Job] = strawberry.field(
        default_factory=list, description="The jobs; empty if no account can receive products now."
    )


@strawberry.type(description="A catalogue sync job after the change.")
class CatalogueSyncChange(Payload):
    job: Job | None = strawberry.field(default=None, description="The job.")


def _syncs(info: Info) -> list[Job]:
    own = models.Job.objects.filter(installation_id=shop_id(info), kind=models.Job.Kind.CATALOGUE)
    return cast("list[Job]", list(own.order_by("-created_at")[:MOST_JOBS]))


def _start(info: Info) -> CatalogueSyncStart:
    accounts = sync.usable_accounts(ids.own_shop(info))
    return CatalogueSyncStart(
        jobs=cast("list[Job]", [sync.start(each, caller_of(info).id) for each in accounts])
    )


def _own_job(info: Info, given: strawberry.ID) -> models.Job:
    own = models.Job.objects.filter(installation_id=shop_id(info), kind=models.Job.Kind.CATALOGUE)
    found = own.filter(pk=ids.key_of(given, "Job")).first()
    if found is None:
        raise ids.not_found("Job")
    return found


def _pause(info: Info, id: _Id) -> CatalogueSyncChange:  # noqa: A002 - as in Saleor
    return CatalogueSyncChange(job=cast("Job", jobs.pause(_own_job(info, id))))


def _resume(info: Info, id: _Id) -> CatalogueSyncChange:  # noqa: A002 - as in Saleor
    job = jobs.resume(_own_job(info, id))
    jobs.start(job)
    return CatalogueSyncChange(job=cast("Job", job))


def _cancel(info: Info, id: _Id) -> CatalogueSyncChange:  # noqa: A002 - as in Saleor
    return CatalogueSyncChange(job=cast("Job", jobs.cancel(_own_job(info, id))))


@strawberry.type
class CatalogueSyncQueries:
    catalogue_syncs: list[Job] = strawberry_django.field(
        resolver=_syncs,
        permission_classes=[needs("catalogue:read")],
        description="The catalogue sync jobs, newest first, at most 50. Needs the scope catalogue:read.",
    )


@strawberry.type
class CatalogueSyncMutations:
    catalogue_sync_start: CatalogueSyncStart = mutation(
        _start,
        "catalogue:write",
        "Send all products to Stripe and compare both sides; unfinished jobs are returned.",
    )
    catalogue_sync_pause: CatalogueSyncChange = mutation(
        _pause, "catalogue:write", "Pause a job after its current page."
    )
    catalogue_sync_resume: CatalogueSyncChange = mutation(
        _resume, "catalogue:write", "Resume a job that was paused or failed."
    )
    catalogue_sync_cancel: CatalogueSyncChange = mutation(
        _cancel, "catalogue:write", "Cancel a job; what was sent stays in Stripe."
    )
