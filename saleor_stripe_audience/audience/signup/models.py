"""The door for the shop's own pages."""

from django.db import models


class StorefrontKey(models.Model):
    """A public key: it names the shop to which a browser's subscription belongs, and opens nothing else.

    `origins` are the shop's own, such as https://shop.example.com; other pages' scripts are refused.
    """

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="storefront_keys"
    )
    key = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200, blank=True, default="")
    origins = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.key


class RateWindow(models.Model):
    """How often something was asked within one span of time. `bucket` is a hash: no address is kept."""

    bucket = models.CharField(max_length=64, unique=True)
    count = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at.isoformat()}"
