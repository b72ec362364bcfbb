"""What somebody who was erased asks for, as it travels: encrypted, first in a row and then in the link of a mail."""

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

VALID = timedelta(days=30)
_FIELDS = ("kind", "source", "wording", "wording_origin", "reference", "source_detail", "ip")


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants to subscribe to which audience again, and what they agreed to."""

    audience: Audience
    email: str
    word: ConsentEvent


def written(request: Request) -> str:
    """The request as text. Words that the merchant did not write are left out: the mail shows the audience's own."""
    word = request.word
    if word.wording_origin == Consent.WordingOrigin.UNKNOWN:
        own = wordings.offer(request.audience)
        word = replace(word, wording=own, wording_origin=Consent.WordingOrigin.AUDIENCE)
    told = {name: str(getattr(word, name)) for name in _FIELDS}
    at = word.at.astimezone(UTC).isoformat()
    return json.dumps(told | {"audience": str(request.audience.pk), "email": request.email, "at": at})


def read(text: str) -> Request | None:
    """The request as it was written down; None once its audience is gone."""
    told = json.loads(text)
    audience = Audience.objects.filter(pk=UUID(told["audience"])).select_related("installation").first()
    if audience is None:
        return None
    at = datetime.fromisoformat(told["at"])
    word = ConsentEvent(at=at, needs_confirmation=True, **{name: told[name] for name in _FIELDS})
    return Request(audience, told["email"], word)


def token_of(text: str) -> str:
    """The request as the link in the mail holds it: nobody but this app can read or make one."""
    return vault.encrypt(text).rstrip("=")


def request_of(token: str) -> Request | None:
    """The request of a link; None for one that the app did not make, or that is too old."""
    try:
        text = vault.decrypt(token + "=" * (-len(token) % 4))
    except Rejected:
        return None
    request = read(text)
    return request if request is not None and request.word.at > timezone.now() - VALID else None
