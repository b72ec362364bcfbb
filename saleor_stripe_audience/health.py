"""The operator's two health checks: is the process alive, and is it ready for traffic?"""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from saleor_stripe_audience.inbox.models import Pulse
from saleor_stripe_audience.refusals import RETRY_SECONDS

READINESS = "readiness"
LEAST_FREE = 32 * 1024 * 1024  # bytes on the disk of an SQLite database


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


def database_problem() -> str:
    """A message about what is wrong with the database or its migrations; empty if nothing is."""
    if is_database_missing():
        return "There is no database yet. Run `saleor-stripe-audience migrate`."
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return "The database does not respond. Check DATABASE_URL."
    return "Migrations are waiting. Run `saleor-stripe-audience migrate`." if waiting else ""


def is_database_missing() -> bool:
    """Whether the file of an SQLite database is missing; a query would create an empty one."""
    name = str(connection.settings_dict["NAME"])
    is_file = connection.vendor == "sqlite" and name != ":memory:" and not name.startswith("file:")
    return is_file and not Path(name).exists()


def storage_problem() -> str:
    """Return why the database cannot store anything; empty if it can: one row is written as a test."""
    if connection.vendor == "sqlite":
        folder = Path(settings.DATABASES["default"]["NAME"]).parent
        if shutil.disk_usage(folder).free < LEAST_FREE:
            return "The disk of the database is full. Free some space on it."
    try:
        Pulse.objects.update_or_create(name=READINESS, defaults={"at": timezone.now()})
    except Error:
        return "The database accepts no writes. Check whether its disk is full, or a lock is not released."
    return ""
