from django.db import models


class ApiKey(models.Model):
    """A developer's key to one shop's data. Only its SHA-256 is kept; `prefix` tells keys apart in a list."""

    installation = models.ForeignKey("saleor.Installation", on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=200)
    hashed_key = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=16)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"
