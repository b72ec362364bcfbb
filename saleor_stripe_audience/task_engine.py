"""How every task is run: the engine stores and logs the exception of a failed task, whose words may name people."""

from typing import Any

import structlog
from django_ox.backend import OxBackend
from django_ox.tasks import PolicyTask

from saleor_stripe_audience.errors import Failure

log = structlog.get_logger(__name__)


class TaskFailed(Exception):  # noqa: N818 - it says what happened
    """A task did not succeed; the message is the exception's name, or its code where it has one, and nothing more."""


class PrivateTask(PolicyTask[Any, Any]):
    """A task whose failure is stored without the words of the exception, which may hold personal data."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task's function; whatever it raises is logged with its places and raised again as `TaskFailed`."""
        try:
            return super().call(*args, **kwargs)
        except Exception as error:
            log.warning("task failed", task=self.module_path, exc_info=error)
            raise TaskFailed(_name_of(error)) from None


def _name_of(error: Exception) -> str:
    code = error.code if isinstance(error, Failure) else ""
    return code or type(error).__name__


class Backend(OxBackend):
    """The engine with tasks that keep personal data out of its table."""

    task_class = PrivateTask
