"""What the shop tells about the app itself."""

from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor.client import installation_of
from saleor_stripe_audience.shops import removal


def app_deleted(event: Event) -> None:
    """The app was removed. Its token is dead by now, so this is known from what is stored alone.

    A reinstall has another app id: the old one's removal, told late, must not switch the new one off.
    """
    installation = installation_of(event)
    app = (event.payload or {}).get("app") or {}
    if app.get("id") == installation.app_id:
        removal.mark_removed(installation)
