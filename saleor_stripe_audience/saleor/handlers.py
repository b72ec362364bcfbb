"""Saleor's events about the app itself."""

from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor.client import installation_of
from saleor_stripe_audience.shops import removal


def app_deleted(event: Event) -> None:
    """The app was removed. Its token is no longer valid, so only stored data is used.

    A reinstall has another app id: a late event about the old one must not deactivate the new one.
    """
    installation = installation_of(event)
    app = (event.payload or {}).get("app") or {}
    if app.get("id") == installation.app_id:
        removal.mark_removed(installation)
