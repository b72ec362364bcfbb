"""Public keys for the shop's own pages, and the counters of their rate limits."""

from django.db import models


class StorefrontKey(models.Model):
    """A public key: it identifies the shop that a browser's subscription is for, and gives access to nothing else.

    `origins` are the shop's own, such as https://shop.example.com; scripts of other pages are refused. `form` is that
    of the form that created it, so that the same form sent twice creates one key.
    """

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="storefront_keys", db_index=False
    )
    key = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200, blank=True, default="")
    origins = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)
    form = models.UUIDField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "form"], name="storefront_key_once_per_form")
        ]

    def __str__(self) -> str:
        return self.key


class RateWindow(models.Model):
    """The number of requests within one period. `bucket` is a hash: no address is stored."""

    bucket = models.CharField(max_length=64, unique=True)
    count = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at.isoformat()}"
