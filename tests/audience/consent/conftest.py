from typing import Any

import pytest


@pytest.fixture
def mail_server(settings: Any) -> None:
    """The app has a mail server; what it sends is in `mailoutbox`."""
    settings.EMAIL_CONFIGURED = True
    settings.DEFAULT_FROM_EMAIL = "news@shop.example"
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
