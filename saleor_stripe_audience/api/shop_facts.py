"""What many objects of a response show alike: worked out once a request, for all audiences of the shop."""

from functools import cached_property
from uuid import UUID

from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.people import audiences


class ShopFacts:
    """Each is read when the first object shows it; a mutation starts afresh."""

    def __init__(self, installation_id: UUID) -> None:
        self._installation_id = installation_id

    @cached_property
    def channels(self) -> dict[UUID, list[str]]:
        """The channels that feed each audience, by slug."""
        return audiences.channels_by_audience(self._installation_id)

    @cached_property
    def contacts_by_status(self) -> dict[UUID, dict[str, int]]:
        """How many contacts each audience has of each status."""
        return audiences.counts_by_audience(self._installation_id)

    @cached_property
    def wordings(self) -> dict[UUID, list[str]]:
        """The wordings that prove a consent, of each audience."""
        return wordings.texts_by_audience(self._installation_id)
