"""Addresses and accounts that were erased, known again without being kept."""

import hashlib
import hmac
from collections.abc import Collection

from saleor_stripe_audience.audience.models import Tombstone
from saleor_stripe_audience.audience.secret import secret_of
from saleor_stripe_audience.saleor.models import Installation


def address(email: str) -> str:
    """What stands for a normalised address below."""
    return f"address:{email}"


def account(saleor_user_id: str) -> str:
    """What stands for an account of Saleor below."""
    return f"account:{saleor_user_id}"


def known(installation: Installation, names: Collection[str]) -> set[str]:
    """Those of the names that were erased from the shop."""
    tombstones = Tombstone.objects.filter(installation=installation)
    if not tombstones.exists():  # the rule: nobody was ever erased
        return set()
    named = dict(zip(digests(installation, names), sorted(names), strict=True))
    found = tombstones.filter(digest__in=named)
    return {named[digest] for digest in found.values_list("digest", flat=True)}


def digests(installation: Installation, names: Collection[str]) -> list[str]:
    """The names as tombstones hold them, in the names' order."""
    secret = secret_of(installation).encode()
    return [hmac.new(secret, name.encode(), hashlib.sha256).hexdigest() for name in sorted(names)]


def bury(installation: Installation, names: Collection[str]) -> list[str]:
    """Set a tombstone for each name; returns their digests."""
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
