"""What the merchant must mend: found by the app, shown on its page and in Saleor's Dashboard, gone once mended."""

import structlog
from django.db import transaction

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.saleor.manifest import read_version
from saleor_stripe_audience.shops.models import Installation, Problem

log = structlog.get_logger(__name__)

SHOWN_SINCE = (3, 22)
LONGEST_MESSAGE = 2048  # characters, the host's limit


def report(installation: Installation, key: str, message: str) -> None:
    """The problem is there, in these words; it keeps the time at which it was first found."""
    from saleor_stripe_audience.saleor.tasks import show_problem  # noqa: PLC0415 - tasks call back into this module

    with transaction.atomic():
        problem, _ = Problem.objects.update_or_create(
            installation=installation, key=key, defaults={"message": message}
        )
        if problem.shown != message[:LONGEST_MESSAGE] and _shows(installation):
            show_problem.enqueue(problem.pk)


def clear(installation: Installation, key: str) -> None:
    """The problem is not, or no longer, there."""
    from saleor_stripe_audience.saleor.tasks import dismiss_problem  # noqa: PLC0415 - as above

    problem = Problem.objects.filter(installation=installation, key=key).first()
    if problem is None:
        return
    with transaction.atomic():
        if problem.shown:
            dismiss_problem.enqueue(str(installation.pk), key)
        problem.delete()


def report_or_clear(installation: Installation, key: str, message: str) -> None:
    """The problem is there if `message` says so, and gone if it is empty."""
    if message:
        report(installation, key, message)
    else:
        clear(installation, key)


def show(problem: Problem) -> None:
    """Tell Saleor's Dashboard. A host that knows no problems (before 3.22.36) is not asked again for these words."""
    message = problem.message[:LONGEST_MESSAGE]
    if problem.shown == message:
        return
    try:
        client.create_problem(problem.installation, problem.key, message)
    except Rejected as error:
        log.info("problem not shown in the Dashboard", key=problem.key, code=error.code)
        return
    Problem.objects.filter(pk=problem.pk).update(shown=message)


def dismiss(installation: Installation, key: str) -> None:
    """Take it off Saleor's Dashboard, unless it came back meanwhile."""
    if not Problem.objects.filter(installation=installation, key=key).exists():
        client.dismiss_problems(installation, [key])


def _shows(installation: Installation) -> bool:
    return read_version(installation.schema_version) >= SHOWN_SINCE
