"""Two questions of whoever operates the app: does the process answer, and may it be given traffic?"""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """The process answers; nothing else is asked, so that a slow database does not have it restarted."""
    return JsonResponse({"ok": True})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """The database answers and has every migration. The worker is not asked."""
    problem = database_problem()
    return JsonResponse({"ok": not problem, "database": problem or "ready"}, status=503 if problem else 200)


def database_problem() -> str:
    """What is wrong with the database or its migrations, in words; empty when nothing is."""
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "The database does not answer. Check DATABASE_URL."
    return "Migrations are waiting. Run `saleor-stripe-audience migrate`." if waiting else ""
