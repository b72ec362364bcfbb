"""Who was erased."""

import uuid

from django.db import models
from django.utils import timezone


class Tombstone(models.Model):
    """An address or account that was erased, as an HMAC. What comes in under it later is not kept.

    Since `lifted_at` it is kept again, by the person's own wish.
    """

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="tombstones"
    )
    digest = models.CharField(max_length=64)
    erased_at = models.DateTimeField(default=timezone.now)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "digest"], name="tombstone_once")]

    def __str__(self) -> str:
        return self.digest


class Erasure(models.Model):
    """The receipt of an erasure: what was erased where, and nothing of whom.

    `digests` are the tombstones it set, so that the receipt is found again by who knows the address.
    """

    class Reason(models.TextChoices):
        REQUEST = "request"
        CUSTOMER_DELETED = "customer_deleted"
        ACCOUNT_DELETED = "account_deleted"
        FOUND_LATER = "found_later"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey("shops.Installation", on_delete=models.CASCADE, related_name="erasures")
    reason = models.CharField(max_length=20, choices=Reason.choices)
    actor = models.CharField(max_length=128, blank=True, default="")
    contact_ids = models.JSONField(default=list)
    digests = models.JSONField(default=list)
    erased = models.JSONField(default=dict)
    erased_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["installation", "-erased_at"], name="erasure_newest")]

    def __str__(self) -> str:
        return str(self.id)
