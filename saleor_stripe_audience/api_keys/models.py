"""The keys of developers' programs."""

from django.db import models

from saleor_stripe_audience.api_keys.scopes import EVERYTHING_READ


def _everything_read() -> list[str]:
    return sorted(EVERYTHING_READ)


class ApiKey(models.Model):
    """A developer's key to one shop's data. Only its SHA-256 is stored; `prefix` distinguishes keys in a list.

    `scopes` are what it gives access to, such as "payments:read"; a key older than scopes reads everything. `form` is
    that of the form that created it, so that the same form sent twice creates one key.
    """

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="api_keys", db_index=False
    )
    name = models.CharField(max_length=200)
    hashed_key = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=16)
    scopes = models.JSONField(default=_everything_read)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    form = models.UUIDField(null=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "form"], name="api_key_once_per_form")]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"
