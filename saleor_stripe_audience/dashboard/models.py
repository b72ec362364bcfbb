"""What staff chose about the page itself."""

from django.db import models


class ChosenColumns(models.Model):
    """The columns of a list that a staff member chose; `user_id` is Saleor's id of the person."""

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="chosen_columns", db_index=False
    )
    user_id = models.CharField(max_length=255)
    list_name = models.CharField(max_length=32)
    names = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["installation", "user_id", "list_name"], name="chosen_columns_once"
            )
        ]

    def __str__(self) -> str:
        return f"columns of {self.list_name}"
