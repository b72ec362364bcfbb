"""EMAIL_URL as Django's MAILERS setting."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

WAIT_SECONDS = 10
_DJANGOS = "django.core.mail.backends"
_SMTP = "saleor_stripe_audience.audience.consent.smtp"
_SMTP_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
FORMS = (
    "smtp+tls://user:password@host:587 (STARTTLS), smtps://user:password@host:465, smtp://host:25, "
    "console:// or file:///folder; write / in the password as %2F, ? as %3F, # as %23 and @ as %40"
)


def mailers(url: str) -> dict[str, Any]:
    """Django's MAILERS for the URL; ValueError if it is unreadable.

    Without a URL nothing is sent: check EMAIL_CONFIGURED before sending.
    """
    if not url:
        return _mailer(f"{_DJANGOS}.dummy")
    parts = urlsplit(url)
    if parts.scheme == "console":
        return _mailer(f"{_DJANGOS}.console")
    if parts.scheme == "file" and Path(parts.path).is_absolute():
        return _mailer(f"{_DJANGOS}.filebased", file_path=parts.path)
    # A sign in the password that is not encoded ends the host: the rest would be sent to another one.
    is_only_host = parts.path in ("", "/") and not parts.query and not parts.fragment
    if parts.scheme in _SMTP_PORTS and parts.hostname and is_only_host:
        return _mailer(
            _SMTP,
            host=parts.hostname,
            port=parts.port or _SMTP_PORTS[parts.scheme],
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            use_tls=parts.scheme == "smtp+tls",
            use_ssl=parts.scheme == "smtps",
            timeout=WAIT_SECONDS,
        )
    raise ValueError("not the URL of a mailer")


def _mailer(module: str, **options: Any) -> dict[str, Any]:
    return {"default": {"BACKEND": f"{module}.EmailBackend", "OPTIONS": options}}
