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
    """Show it, unless a task shows this message already: many events at once find the same cause, each with a worker.

    Saleor counts each message that it is sent, so a problem that is sent twice is shown as one that occurred twice.
    """
    if read_version(problem.installation.schema_version) < SHOWN_SINCE:
        return
    message = _shown_message(problem)
    if Problem.objects.filter(pk=problem.pk).exclude(announced=message).update(announced=message):
        show_problem.enqueue(problem.pk)


def on_problem_cleared(problem: Problem, **_signal: Any) -> None:
    """Dismiss it, if it is shown or about to be."""
    if problem.announced:
        dismiss_problem.enqueue(str(problem.installation_id), problem.key)


def show_again(installation: Installation) -> None:
    """Show every problem of an app that was installed again: with the removed one Saleor forgot them."""
    open_problems = Problem.objects.filter(installation=installation)
    open_problems.update(announced="", shown="")
    for problem in open_problems:
        on_problem_reported(problem)


def _shown_message(problem: Problem) -> str:
    return problem.message[:LONGEST_MESSAGE]


@task
def show_problem(problem_id: int) -> None:
    """Show the problem as it is now, unless it is solved. Saleor before 3.22.36 is not queried again for it."""
    problem = Problem.objects.select_related("installation").filter(pk=problem_id).first()
    if problem is None or problem.shown == _shown_message(problem):
        return
    message = _shown_message(problem)
    try:
        client.show_problem(problem.installation, problem.key, message)
    except Rejected as error:
        log.info("problem not shown in the Dashboard", key=problem.key, code=error.code)
        return
    if not Problem.objects.filter(pk=problem.pk).update(shown=message):
        # Solved while it was sent: the task that dismisses it may have run before Saleor had it.
        dismiss_problem.enqueue(str(problem.installation_id), problem.key)


@task
def dismiss_problem(installation_id: str, key: str) -> None:
    """Remove the problem from the Dashboard, unless it came back in the meantime."""
    installation = Installation.objects.filter(pk=uuid.UUID(installation_id)).first()
    if installation is None or Problem.objects.filter(installation=installation, key=key).exists():
        return
    client.dismiss_problems(installation, [key])
