"""Problems that need the merchant's attention: found by the app, gone once they are solved.

They are shown on the app's page; `saleor.problems` shows them in Saleor's Dashboard too, called by the two signals.
"""

import uuid
from typing import NamedTuple

from django.db import transaction
from django.dispatch import Signal
from django.utils.functional import Promise

from saleor_stripe_audience.recent import Recent
from saleor_stripe_audience.shops.models import Installation, Problem
from saleor_stripe_audience.wording import for_staff, in_languages

# Sent with `problem=`, inside the transaction that stores or deletes it.
problem_reported = Signal()
problem_cleared = Signal()


class _Seen(NamedTuple):
    """The keys of a shop's problems, a moment ago."""

    keys: frozenset[str]


def report(installation: Installation, key: str, message: Promise | str) -> None:
    """Store the problem with this message in each language; it keeps the time at which it was first found."""
    written = {
        "message": for_staff(message),
        "translations": in_languages(message),
    }
    with transaction.atomic():
        problem, _ = Problem.objects.update_or_create(installation=installation, key=key, defaults=written)
        problem_reported.send(Problem, problem=problem)


def clear(installation: Installation, key: str) -> bool:
    """The problem is solved, or was never there; returns whether it was."""
    problem = Problem.objects.filter(installation=installation, key=key).first()
    if problem is None:
        return False
    with transaction.atomic():
        problem_cleared.send(Problem, problem=problem)
        problem.delete()
    return True


def clear_if_seen(installation: Installation, key: str) -> None:
    """As `clear`, for what is called again and again: another process's report may be seen five seconds later."""
    if key in _seen.get(installation.pk).keys:
        clear(installation, key)


def _keys_of(installation_id: uuid.UUID) -> _Seen:
    return _Seen(
        frozenset(Problem.objects.filter(installation_id=installation_id).values_list("key", flat=True))
    )


_seen = Recent(_keys_of, Problem)


def report_or_clear(installation: Installation, key: str, message: Promise | str | None) -> None:
    """Report the problem, or clear it if there is no message."""
    if message is not None:
        report(installation, key, message)
    else:
        clear(installation, key)
