"""Tombstones of erased people, and receipts of erasures."""

import uuid

from django.db import models
from django.utils import timezone


class Tombstone(models.Model):
    """An erased address or account, as an HMAC. Later events about it are not stored.

    From `lifted_at` on they are stored again, at the person's own request.
    """

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="tombstones", db_index=False
    )
    digest = models.CharField(max_length=64)
    erased_at = models.DateTimeField(default=timezone.now)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "digest"], name="tombstone_once")]

    def __str__(self) -> str:
        return self.digest


class Erasure(models.Model):
    """The receipt of an erasure: what was erased and where, but not whose data it was.

    `digests` are the tombstones that it created, so that the receipt can be found by someone who knows the address.
    `link_generation` is how often the links in the person's emails had been renewed.
    """

    class Reason(models.TextChoices):
        REQUEST = "request"
        CUSTOMER_DELETED = "customer_deleted"
        ACCOUNT_DELETED = "account_deleted"
        FOUND_LATER = "found_later"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="erasures", db_index=False
    )
    reason = models.CharField(max_length=20, choices=Reason.choices)
    actor = models.CharField(max_length=128, blank=True, default="")
    contact_ids = models.JSONField(default=list)
    digests = models.JSONField(default=list)
    link_generation = models.PositiveIntegerField(default=0, db_default=0)
    erased = models.JSONField(default=dict)
    erased_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["installation", "-erased_at"], name="erasure_newest")]

    def __str__(self) -> str:
        return str(self.id)
