"""The texts that people agreed to, each stored once per shop."""

import hashlib
from uuid import UUID

from saleor_stripe_audience.audience.people.models import Wording


def store_wording(installation_id: UUID, text: str) -> Wording:
    """Return the stored wording of this text, storing it if it is new."""
    wording, _ = Wording.objects.get_or_create(
        installation_id=installation_id,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        defaults={"text": text},
    )
    return wording
