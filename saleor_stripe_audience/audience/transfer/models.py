"""Files of contacts that staff upload to import them: their content, how to read it, and what was found in it."""

import uuid

from django.db import models


class ImportFile(models.Model):
    """A file of contacts. It is read with `choices`, checked, and then imported by `job`.

    `form` is how it is written, as detected; empty until it has arrived completely. `revision` counts the choices: a
    check of former ones stops. `report` is what the check found. `actor` is the staff member's id in Saleor, for the
    ledger. The parts are deleted after a while (`uploads.KEPT`), and most of them after the import.
    """

    class Check(models.TextChoices):
        NONE = ""
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="import_files", db_index=False
    )
    audience = models.ForeignKey("audience.Audience", on_delete=models.CASCADE, related_name="import_files")
    name = models.CharField(max_length=255, blank=True, default="")
    actor = models.CharField(max_length=128)
    actor_name = models.CharField(max_length=128)
    form = models.JSONField(default=dict)
    choices = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=0)
    check_state = models.CharField(max_length=8, choices=Check.choices, blank=True, default=Check.NONE)
    checked = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    report = models.JSONField(default=dict)
    job = models.ForeignKey("jobs.Job", null=True, on_delete=models.SET_NULL, related_name="import_files")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["installation", "-created_at"], name="import_file_newest")]

    def __str__(self) -> str:
        return str(self.id)


class ImportPart(models.Model):
    """A piece of a file, as it was uploaded; with `is_refused`, of the list of its rows that are refused."""

    file = models.ForeignKey(ImportFile, on_delete=models.CASCADE, related_name="parts", db_index=False)
    is_refused = models.BooleanField(default=False)
    position = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "is_refused", "position"], name="import_part_once")
        ]

    def __str__(self) -> str:
        return f"part {self.position} of {self.file_id}"
