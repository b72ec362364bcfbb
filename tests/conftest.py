"""What every test of the app may use."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from django_ox.models import OxTask
from django_ox.testing import run_tasks

Work = Callable[[], int]


@pytest.fixture
def worked() -> Work:
    """Run every task that is due, on this thread, as the worker would; returns how many attempts."""
    return lambda: len(run_tasks())


@pytest.fixture
def worked_to_the_end() -> Work:
    """As `worked`, but as if the pauses between attempts had passed: nothing is left to be retried."""

    def work() -> int:
        attempts = 0
        while True:
            OxTask.objects.filter(run_after__gt=timezone.now()).update(run_after=timezone.now())
            ran = len(run_tasks())
            attempts += ran
            if not ran:
                return attempts

    return work


@pytest.fixture
def mail_server(settings: Any) -> None:
    """The app has a mail server; what it sends is in `mailoutbox`."""
    settings.EMAIL_CONFIGURED = True
    settings.DEFAULT_FROM_EMAIL = "news@shop.example"
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
