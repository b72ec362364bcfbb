"""What the API counts."""

from django.db import models


class RequestCount(models.Model):
    """How many requests a caller made in one minute; all processes count in the same row."""

    caller = models.CharField(max_length=100)
    minute = models.BigIntegerField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "minute"], name="api_count_once")]

    def __str__(self) -> str:
        return f"{self.caller} {self.minute}"
