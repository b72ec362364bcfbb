"""However a task fails, its row contains the failure's type and nothing of its message."""

import json

import pytest
from django.tasks import task
from django_ox.models import OxTask
from django_ox.testing import run_tasks

from saleor_stripe_audience.errors import Rejected
from tests.platform.test_logs import Lines, lines  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)


@task
def fail_unexpectedly(word: str) -> None:
    try:
        int(word)
    except ValueError as error:
        raise LookupError(f"of {word}") from error


@task
def fail_with_a_code(word: str) -> None:
    raise Rejected(f"not {word}", code="a_code")


@pytest.mark.parametrize(
    ("failing", "name"), [(fail_unexpectedly, "LookupError"), (fail_with_a_code, "a_code")]
)
def test_a_failed_task_stores_a_name_and_no_words(
    failing: "object",
    name: str,
    lines: Lines,  # noqa: F811 - a fixture
) -> None:
    failing.enqueue("ada@example.com")  # type: ignore[attr-defined]  # a task of either kind
    run_tasks()
    stored = json.dumps(OxTask.objects.get().errors)
    assert name in stored
    assert "example.com" not in stored
    assert lines()
    assert "example.com" not in json.dumps(lines())
