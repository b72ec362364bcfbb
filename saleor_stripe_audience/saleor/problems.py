"""A shop's problems in Saleor's Dashboard, which shows them since 3.22.36."""

import uuid
from typing import Any

import structlog
from django.tasks import task

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.saleor.documents import read_version
from saleor_stripe_audience.shops.models import Installation, Problem

log = structlog.get_logger(__name__)

SHOWN_SINCE = (3, 22)
LONGEST_MESSAGE = 2048  # characters, Saleor's limit


def on_problem_reported(problem: Problem, **_signal: Any) -> None:
    """Show it, unless the Dashboard shows this message already."""
    is_shown = problem.shown == problem.message[:LONGEST_MESSAGE]
    if not is_shown and read_version(problem.installation.schema_version) >= SHOWN_SINCE:
        show_problem.enqueue(problem.pk)


def on_problem_cleared(problem: Problem, **_signal: Any) -> None:
    """Dismiss it, if it was shown."""
    if problem.shown:
        dismiss_problem.enqueue(str(problem.installation_id), problem.key)


def show_again(installation: Installation) -> None:
    """Show every problem of an app that was installed again: with the removed one Saleor forgot them."""
    open_problems = Problem.objects.filter(installation=installation)
    open_problems.update(shown="")
    for problem in open_problems:
        on_problem_reported(problem)


@task
def show_problem(problem_id: int) -> None:
    """Show the problem as it is now, unless it is solved. Saleor before 3.22.36 is not asked again for this message."""
    problem = Problem.objects.select_related("installation").filter(pk=problem_id).first()
    if problem is None or problem.shown == problem.message[:LONGEST_MESSAGE]:
        return
    message = problem.message[:LONGEST_MESSAGE]
    try:
        client.create_problem(problem.installation, problem.key, message)
    except Rejected as error:
        log.info("problem not shown in the Dashboard", key=problem.key, code=error.code)
        return
    Problem.objects.filter(pk=problem.pk).update(shown=message)


@task
def dismiss_problem(installation_id: str, key: str) -> None:
    """Remove the problem from the Dashboard, unless it came back meanwhile."""
    installation = Installation.objects.filter(pk=uuid.UUID(installation_id)).first()
    if installation is None or Problem.objects.filter(installation=installation, key=key).exists():
        return
    client.dismiss_problems(installation, [key])
