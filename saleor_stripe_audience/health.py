"""The operator's two health checks: is the process alive, and is it ready for traffic?"""

from collections.abc import Callable
from pathlib import Path

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from saleor_stripe_audience.database_causes import disk_problem
from saleor_stripe_audience.inbox.models import Pulse
from saleor_stripe_audience.refusals import RETRY_SECONDS

READINESS = "readiness"
OUTAGE = "The database does not respond. Check DATABASE_URL."


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """The process is alive; nothing else is checked, so that a slow database does not get it restarted."""
    return JsonResponse({"ok": True})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """The database responds, has every migration and accepts writes. The worker is not checked."""
    problem = database_problem() or storage_problem()
    answer = JsonResponse({"ok": not problem, "database": problem or "ready"}, status=503 if problem else 200)
    if problem:
        answer["Retry-After"] = RETRY_SECONDS
    return answer


def database_problem(explain: Callable[[Error], str] = lambda _: OUTAGE) -> str:
    """A message about what is wrong with the database or its migrations; empty if nothing is.

    Only the operator may see the cause, with hosts and paths: `/readyz` is public.
    """
    if is_database_missing():
        return "There is no database yet. Run `saleor-stripe-audience migrate`."
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:
        return explain(error)
    return "Migrations are waiting. Run `saleor-stripe-audience migrate`." if waiting else ""


def is_database_missing() -> bool:
    """Whether the file of an SQLite database is missing; a query would create an empty one."""
    name = str(connection.settings_dict["NAME"])
    is_file = connection.vendor == "sqlite" and name != ":memory:" and not name.startswith("file:")
    return is_file and not Path(name).exists()


def storage_problem() -> str:
    """Return why the database cannot store anything; empty if it can: one row is written as a test."""
    if disk_problem():
        return "The disk of the database is full or read-only. Free some space on it, or make it writable."
    try:
        Pulse.objects.update_or_create(name=READINESS, defaults={"at": timezone.now()})
    except Error:
        return "The database accepts no writes. Check whether its disk is full, or a lock is not released."
    return ""
