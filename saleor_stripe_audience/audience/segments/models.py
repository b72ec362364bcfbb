"""Segments and their members."""

import uuid

from django.db import models
from django.db.models.functions import Lower

from saleor_stripe_audience.audience.people.models import Audience, Contact, Tag


class Segment(models.Model):
    """A rule over an audience's contacts. `tree` is its versioned JSON (see `segments.rules`).

    A timed segment has conditions that change with time alone: it is evaluated as a whole at `refresh_due_at`. Its
    members get `tag`, if one was chosen. `ready_made` names the rule that came with the app, if it is one.
    `failed_at` is set while the rule cannot be evaluated.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="segments")
    name = models.CharField(max_length=100)
    tree = models.JSONField()
    is_timed = models.BooleanField(default=False)
    tag = models.ForeignKey(Tag, null=True, on_delete=models.SET_NULL, related_name="segments")
    ready_made = models.CharField(max_length=32, blank=True, default="")
    refreshed_at = models.DateTimeField(null=True)
    refresh_due_at = models.DateTimeField(null=True, db_index=True)
    failed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), "audience", name="segment_once_per_audience"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A contact that matches a segment, and since when."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="memberships")
    entered_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "contact"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.segment_id}"
