"""How every task is run: the task engine stores and logs exceptions, whose messages may contain personal data."""

from typing import Any

import structlog
from django_ox.backend import OxBackend
from django_ox.models import OxTask
from django_ox.tasks import PolicyTask

from saleor_stripe_audience.errors import Failure

log = structlog.get_logger(__name__)


def is_waiting(queue: str) -> bool:
    """Whether the queue has a task that no worker has taken yet."""
    return OxTask.objects.filter(queue_name=queue, status=OxTask.Status.READY).exists()


class TaskFailed(Exception):  # noqa: N818 - it says what happened
    """A task failed; the message is the exception's code, or its name if it has none, and nothing more."""


class PrivateTask(PolicyTask[Any, Any]):
    """A task whose failure is stored without the exception's message, which may contain personal data."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task's function; an exception is logged with its places and raised again as `TaskFailed`."""
        try:
            return super().call(*args, **kwargs)
        except Exception as error:
            log.warning("task failed", task=self.module_path, exc_info=error)
            code = error.code if isinstance(error, Failure) else ""
            raise TaskFailed(code or type(error).__name__) from None


class Backend(OxBackend):
    """The task engine, without personal data in its table."""

    task_class = PrivateTask
