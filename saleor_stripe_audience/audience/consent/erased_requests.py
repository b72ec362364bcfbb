"""Subscription requests from erased people, encrypted: in a row until the email is sent, then in the email's link."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.utils import timezone

from saleor_stripe_audience import vault
from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.errors import Rejected

MAX_AGE = timedelta(days=30)
_FIELDS = ("kind", "source", "wording", "wording_origin", "reference", "source_detail", "ip")


@dataclass(frozen=True, slots=True)
class ErasedRequest:
    """An erased person's request to subscribe to an audience again."""

    audience: Audience
    email: str
    event: ConsentEvent


def serialize(request: ErasedRequest) -> str:
    """Return the request as JSON. A wording that the merchant did not write is replaced by the audience's own."""
    event = request.event
    if event.wording_origin == Consent.WordingOrigin.UNKNOWN:
        own = wordings.offered_text(request.audience)
        event = replace(event, wording=own, wording_origin=Consent.WordingOrigin.AUDIENCE)
    fields = {name: str(getattr(event, name)) for name in _FIELDS}
    at = event.at.astimezone(UTC).isoformat()
    return json.dumps(fields | {"audience": str(request.audience.pk), "email": request.email, "at": at})


def deserialize(text: str) -> ErasedRequest | None:
    """Read a serialized request; None if its audience was deleted."""
    fields = json.loads(text)
    audience = Audience.objects.filter(pk=UUID(fields["audience"])).select_related("installation").first()
    if audience is None:
        return None
    at = datetime.fromisoformat(fields["at"])
    event = ConsentEvent(at=at, needs_confirmation=True, **{name: fields[name] for name in _FIELDS})
    return ErasedRequest(audience, fields["email"], event)


def token_of(text: str) -> str:
    """Encrypt a serialized request for the link in the email: only this app can read or create one."""
    return vault.encrypt(text).rstrip("=")


def request_of(token: str) -> ErasedRequest | None:
    """Return the request of a link; None if the app did not create it or it has expired."""
    try:
        text = vault.decrypt(token + "=" * (-len(token) % 4))
    except Rejected:
        return None
    request = deserialize(text)
    return request if request is not None and request.event.at > timezone.now() - MAX_AGE else None
