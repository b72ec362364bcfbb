"""Which channels a staff member may see. Saleor's permission groups can restrict staff to channels, but never an app.

Neither the token nor the app's own permissions reveal the groups. But Saleor answers about themselves to everyone, so
it is asked with the staff member's own token, and the answer is kept in memory for a minute.
"""

import hashlib
import threading
from time import monotonic
from typing import NamedTuple

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.saleor.client import StaffChannels
from saleor_stripe_audience.saleor.tokens import EXPIRED, MESSAGE, DashboardUser, SessionExpired
from saleor_stripe_audience.saleor.trouble import APP_UNKNOWN
from saleor_stripe_audience.shops.models import Channel

SECONDS = 5.0
KEPT_SECONDS = 60.0
MOST_KEPT = 1_000  # with more, all are asked for again
NEEDS_ALL_CHANNELS = pgettext_lazy(
    "staff", "This covers the orders of all channels, and you have access to some channels only."
)


class ChannelsUnavailable(Unavailable):
    """Saleor did not say which channels the staff member may see: nothing of a channel may be shown or done now."""


class _Kept(NamedTuple):
    found: StaffChannels | None
    until: float


_kept: dict[str, _Kept] = {}
_lock = threading.Lock()


def channels_of(user: DashboardUser, *, is_current: bool = False) -> frozenset[str] | None:
    """The slugs of the channels that the user may see, as they are stored; None if the user is not restricted.

    `is_current` asks Saleor now: before money is moved. `ChannelsUnavailable` if it does not say, `Rejected` if it does
    not accept the user's token any more.
    """
    found = None if is_current else _recall(user)
    if found is None:
        found = _Kept(_fetch(user), monotonic() + KEPT_SECONDS)
        _keep(user, found)
    return None if found.found is None else _stored_slugs(user, found.found)


def forget_all() -> None:
    """Ask Saleor again for everyone."""
    with _lock:
        _kept.clear()


def _recall(user: DashboardUser) -> _Kept | None:
    kept = _kept.get(_key(user))
    return kept if kept is not None and monotonic() < kept.until else None


def _keep(user: DashboardUser, found: _Kept) -> None:
    with _lock:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[_key(user)] = found


def _key(user: DashboardUser) -> str:
    """The token's hash: the token itself is a secret, and the shop's signature makes it the user's alone."""
    return hashlib.sha256(user.token.encode()).hexdigest()


def _fetch(user: DashboardUser) -> StaffChannels | None:
    try:
        with deadline(SECONDS):
            return client.fetch_staff_channels(user.installation.saleor_api_url, user.token)
    except Failure as error:
        if isinstance(error, Rejected) and error.code == APP_UNKNOWN:
            raise SessionExpired(MESSAGE, code=EXPIRED) from None
        raise ChannelsUnavailable(
            pgettext_lazy(
                "staff", "Saleor did not say which channels you have access to. Try again in a minute."
            ),
            code="staff_channels_unknown",
        ) from error


def _stored_slugs(user: DashboardUser, found: StaffChannels) -> frozenset[str]:
    """The slugs under which these channels' payments are stored: a known id decides, as in decision 0023."""
    own = Channel.objects.filter(installation=user.installation).values_list("slug", "saleor_id")
    return frozenset(
        slug for slug, saleor_id in own if (saleor_id in found.ids if saleor_id else slug in found.slugs)
    )
