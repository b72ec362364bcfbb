"""Data shared by many objects of a response: computed once per request, for all audiences of the shop."""

from functools import cached_property
from uuid import UUID

from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.consent.wordings import Version
from saleor_stripe_audience.audience.people import audiences


class ShopFacts:
    """Each fact is read when the first object needs it, and again after a mutation."""

    def __init__(self, installation_id: UUID) -> None:
        self._installation_id = installation_id

    @cached_property
    def channels(self) -> dict[UUID, list[str]]:
        """Return the channels that feed each audience, by slug."""
        return audiences.channels_by_audience(self._installation_id)

    @cached_property
    def contacts_by_status(self) -> dict[UUID, dict[str, int]]:
        """Count the contacts of each audience by status."""
        return audiences.counts_by_audience(self._installation_id)

    @cached_property
    def wordings(self) -> dict[UUID, list[str]]:
        """Return the wordings that prove a consent, for each audience."""
        return wordings.texts_by_audience(self._installation_id)

    @cached_property
    def wording_versions(self) -> dict[UUID, list[Version]]:
        """Return the same wordings with their versions and times, for each audience."""
        return wordings.versions_by_audience(self._installation_id)
