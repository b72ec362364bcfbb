"""Erased addresses and accounts, recognized without being stored."""

from collections.abc import Collection
from datetime import datetime

from django.utils import timezone

from saleor_stripe_audience.audience.people.audiences import Key, held_shop
from saleor_stripe_audience.audience.people.secret import digests_of
from saleor_stripe_audience.audience.privacy.models import Tombstone
from saleor_stripe_audience.shops.models import Installation


def address(email: str) -> str:
    """Return the name of a normalized address for the functions below."""
    return f"address:{email}"


def addresses_in(names: Collection[str]) -> set[str]:
    """Return the addresses among the names."""
    prefix = address("")
    return {name.removeprefix(prefix) for name in names if name.startswith(prefix)}


def account(saleor_user_id: str) -> str:
    """Return the name of a Saleor account for the functions below."""
    return f"account:{saleor_user_id}"


def known(installation: Installation, names: Collection[str], *, with_lifted: bool = False) -> set[str]:
    """Return the names that the shop erased; `with_lifted` includes those that are readmitted."""
    shop, stored = held_shop(installation.pk), Tombstone.objects.filter(installation=installation)
    if not (stored.exists() if shop is None else shop.has_tombstones):  # usually nobody was ever erased
        return set()
    if shop is not None:
        names = [name for name in names if (Key.TOMBSTONE, name) not in shop.absent]
    if not names:
        return set()
    name_of = dict(zip(digests(installation, names), sorted(names), strict=True))
    found = stored.filter(digest__in=name_of)
    if not with_lifted:
        found = found.filter(lifted_at=None)
    return {name_of[digest] for digest in found.values_list("digest", flat=True)}


def erased_at(installation: Installation, name: str) -> datetime | None:
    """Return when the name was erased; None if it was not, or is readmitted."""
    [digest] = digests(installation, [name])
    row = Tombstone.objects.filter(installation=installation, digest=digest, lifted_at=None).first()
    return row.erased_at if row is not None else None


def last_erased(installation: Installation, names: Collection[str]) -> dict[str, datetime]:
    """Return when each of the names was last erased, even if it is readmitted now."""
    erased = known(installation, names, with_lifted=True)
    name_of = dict(zip(digests(installation, erased), sorted(erased), strict=True)) if erased else {}
    rows = Tombstone.objects.filter(installation=installation, digest__in=name_of)
    return {name_of[digest]: at for digest, at in rows.values_list("digest", "erased_at")}


def digests(installation: Installation, names: Collection[str]) -> list[str]:
    """Return the names as tombstones store them, in the order of the sorted names."""
    return digests_of(installation, sorted(names))


def create(installation: Installation, names: Collection[str], *, renew: bool) -> list[str]:
    """Create a tombstone for each name; returns their digests. With `renew`, existing ones count from now on."""
    created = digests(installation, names)
    existing = Tombstone.objects.filter(installation=installation, digest__in=created)
    if not renew:
        existing = existing.exclude(lifted_at=None)
    existing.update(lifted_at=None, erased_at=timezone.now())
    Tombstone.objects.bulk_create(
        [Tombstone(installation=installation, digest=digest) for digest in created], ignore_conflicts=True
    )
    if (shop := held_shop(installation.pk)) is not None:
        shop.has_tombstones = True
        shop.absent -= {(Key.TOMBSTONE, name) for name in names}
    return created


def lift(installation: Installation, digests_to_lift: Collection[str]) -> int:
    """Readmit the names with these digests; returns how many were erased."""
    tombstones = Tombstone.objects.filter(
        installation=installation, digest__in=digests_to_lift, lifted_at=None
    )
    return tombstones.update(lifted_at=timezone.now())
