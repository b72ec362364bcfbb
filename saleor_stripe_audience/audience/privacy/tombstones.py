"""Addresses and accounts that were erased, known again without being kept."""

import hashlib
import hmac
from collections.abc import Collection
from datetime import datetime

from django.utils import timezone

from saleor_stripe_audience.audience.people.secret import secret_of
from saleor_stripe_audience.audience.privacy.models import Tombstone
from saleor_stripe_audience.shops.models import Installation


def address(email: str) -> str:
    """What stands for a normalised address below."""
    return f"address:{email}"


def account(saleor_user_id: str) -> str:
    """What stands for an account of Saleor below."""
    return f"account:{saleor_user_id}"


def known(installation: Installation, names: Collection[str], *, with_lifted: bool = False) -> set[str]:
    """Those of the names that were erased from the shop; `with_lifted` those also that are let in again."""
    buried = Tombstone.objects.filter(installation=installation)
    if not with_lifted:
        buried = buried.filter(lifted_at=None)
    if not buried.exists():  # the rule: nobody was ever erased
        return set()
    named = dict(zip(digests(installation, names), sorted(names), strict=True))
    found = buried.filter(digest__in=named)
    return {named[digest] for digest in found.values_list("digest", flat=True)}


def erased_at(installation: Installation, name: str) -> datetime | None:
    """When the name was erased; None unless it is kept out now."""
    [digest] = digests(installation, [name])
    buried = Tombstone.objects.filter(installation=installation, digest=digest, lifted_at=None).first()
    return buried.erased_at if buried is not None else None


def digests(installation: Installation, names: Collection[str]) -> list[str]:
    """The names as tombstones hold them, in the names' order."""
    secret = secret_of(installation).encode()
    return [hmac.new(secret, name.encode(), hashlib.sha256).hexdigest() for name in sorted(names)]


def bury(installation: Installation, names: Collection[str], *, anew: bool) -> list[str]:
    """Set a tombstone for each name; returns their digests. `anew`: those that are there count from now on."""
    made = digests(installation, names)
    present = Tombstone.objects.filter(installation=installation, digest__in=made)
    if not anew:
        present = present.exclude(lifted_at=None)
    present.update(lifted_at=None, erased_at=timezone.now())
    Tombstone.objects.bulk_create(
        [Tombstone(installation=installation, digest=digest) for digest in made], ignore_conflicts=True
    )
    return made


def lift(installation: Installation, digests_to_lift: Collection[str]) -> int:
    """Let in again what the digests stand for; returns how many had been kept out."""
    buried = Tombstone.objects.filter(installation=installation, digest__in=digests_to_lift, lifted_at=None)
    return buried.update(lifted_at=timezone.now())
