"""Keys by which a developer's program uses one shop's data over GraphQL.

A key is looked up in the database at every request and cached nowhere, so that a revoked one is refused from the
next request on, in every process.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.api_keys.scopes import EVERYTHING_READ, checked
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

MARK = "ssa_"  # so that a leaked key can be recognized
SECRET_BYTES = 32
SHOWN_CHARACTERS = 10
LONGEST_NAME = 200
LONGEST_LIFE_DAYS = 3650
RESENT_WITHIN = timedelta(hours=1)  # a form that comes again later was left open, not sent twice
LAST_USE_PRECISION = timedelta(minutes=1)  # a write per request would cost more than the request


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key with its secret, which is never shown again: the app stores its hash."""

    key: ApiKey
    secret: str


def create_key(
    installation: Installation,
    name: str,
    expires_at: datetime | None = None,
    scopes: Iterable[str] = EVERYTHING_READ,
    form: UUID | None = None,
) -> CreatedKey:
    """Create a key. `Rejected` for an invalid name, time or scope.

    The same `form` does not create a second key: if nobody has used the key yet, it gets another secret, because the
    first response may not have arrived. A key that is in use keeps its secret.
    """
    if not name.strip() or len(name) > LONGEST_NAME:
        raise Rejected(
            pgettext_lazy("staff", "Give the key a name of at most 200 characters: what it is for."),
            code="name",
        )
    secret = MARK + secrets.token_urlsafe(SECRET_BYTES)
    values = {
        "name": name.strip(),
        "hashed_key": _hashed(secret),
        "prefix": secret[:SHOWN_CHARACTERS],
        "scopes": sorted(checked(scopes)),
        "expires_at": expires_at,
    }
    if form is None:
        return CreatedKey(ApiKey.objects.create(installation=installation, **values), secret)
    key, is_new = ApiKey.objects.get_or_create(installation=installation, form=form, defaults=values)
    if not is_new:
        _replace_secret(key, values)
    return CreatedKey(key, secret)


def _replace_secret(key: ApiKey, values: dict[str, Any]) -> None:
    """Update a key that has not been used with the form's current values. `Rejected` for any other key."""
    recent = ApiKey.objects.filter(pk=key.pk, created_at__gt=timezone.now() - RESENT_WITHIN)
    if not recent.filter(last_used_at=None, revoked_at=None).update(**values):
        message = pgettext_lazy(
            "staff",
            "This form has already created “{name}” and shown its key. If you did not copy it, revoke "
            "it and create another.",
        )
        raise Rejected(with_values(message, name=key.name), code="key_exists")
    key.refresh_from_db()


def expiry_after(days: int | None) -> datetime | None:
    """Return when a key that is valid for this many days expires; None without a number. `Rejected` for an impossible
    number.
    """
    if days is None:
        return None
    if not 1 <= days <= LONGEST_LIFE_DAYS:
        message = pgettext_lazy("staff", "A key can be valid for 1 to {most} days.")
        raise Rejected(with_values(message, most=LONGEST_LIFE_DAYS), code="expires_in_days")
    return timezone.now() + timedelta(days=days)


def revoke(key: ApiKey) -> None:
    """Revoke the key at once. Revoking it again keeps the first time."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    key.refresh_from_db()


def find_key(secret: str) -> ApiKey | None:
    """Return the key with this secret, of an installed shop and neither revoked nor expired. Records its use."""
    now = timezone.now()
    usable = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
    found = (
        usable.filter(hashed_key=_hashed(secret), installation__is_active=True)
        .select_related("installation")
        .first()
    )
    if found is not None:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USE_PRECISION)
        if found.last_used_at is None or found.last_used_at < now - LAST_USE_PRECISION:
            ApiKey.objects.filter(stale, pk=found.pk).update(last_used_at=now)
    return found


def _hashed(secret: str) -> str:
    """Plain SHA-256 is enough: the key has 256 random bits, so guessing is hopeless even without a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
