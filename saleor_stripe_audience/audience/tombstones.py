"""Addresses and accounts that were erased, known again without being kept."""

import hashlib
import hmac
import secrets
from collections.abc import Collection

from saleor_stripe_audience.audience.models import Tombstone, TombstoneKey
from saleor_stripe_audience.saleor.models import Installation

SECRET_BYTES = 32


def address(email: str) -> str:
    """What stands for a normalised address below."""
    return f"address:{email}"


def account(saleor_user_id: str) -> str:
    """What stands for an account of Saleor below."""
    return f"account:{saleor_user_id}"


def known(installation: Installation, names: Collection[str]) -> set[str]:
    """Those of the names that were erased from the shop."""
    key = TombstoneKey.objects.filter(installation=installation).first()
    if key is None:  # nobody was ever erased
        return set()
    digests = {_digest(key.secret, name): name for name in names}
    found = Tombstone.objects.filter(installation=installation, digest__in=digests)
    return {digests[digest] for digest in found.values_list("digest", flat=True)}


def digests(installation: Installation, names: Collection[str]) -> list[str]:
    """The names as tombstones hold them, sorted; none while nobody was ever erased."""
    key = TombstoneKey.objects.filter(installation=installation).first()
    return sorted(_digest(key.secret, name) for name in names) if key else []


def bury(installation: Installation, names: Collection[str]) -> list[str]:
    """Set a tombstone for each name; returns their digests, sorted."""
    TombstoneKey.objects.get_or_create(
        installation=installation, defaults={"secret": secrets.token_urlsafe(SECRET_BYTES)}
    )
    made = digests(installation, names)
    Tombstone.objects.bulk_create(
        [Tombstone(installation=installation, digest=digest) for digest in made], ignore_conflicts=True
    )
    return made


def lift(installation: Installation, names: Collection[str]) -> int:
    """Let the names in again; returns how many had been erased."""
    lifted, _ = Tombstone.objects.filter(
        installation=installation, digest__in=digests(installation, names)
    ).delete()
    return lifted


def _digest(secret: str, name: str) -> str:
    return hmac.new(secret.encode(), name.encode(), hashlib.sha256).hexdigest()
