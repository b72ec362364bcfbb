"""The shops that installed the app."""

import uuid
from typing import ClassVar, Self

from django.db import models

from saleor_stripe_audience.recent import RecentManager
from saleor_stripe_audience.vault import EncryptedTextField
from saleor_stripe_audience.wording import text_in


class Installation(models.Model):
    """One shop. A reinstall keeps this row: the app's id and token change, its data and accounts stay.

    `shop_name` is the shop's name in Saleor, `variant` the installed manifest. `removed_at` is when the app was found
    to be removed or deactivated: `is_active` is False then, until the app is back or the row is deleted.
    `accepts_new_keys_until` is until when a registration with other signing keys may take over the row.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    saleor_api_url = models.URLField(max_length=500, unique=True)
    app_id = models.CharField(max_length=200)
    domain = models.CharField(max_length=300, default="", blank=True)
    shop_name = models.CharField(max_length=200, default="", blank=True)
    schema_version = models.CharField(max_length=20, default="", blank=True)
    variant = models.CharField(max_length=40, default="app")
    token = EncryptedTextField()
    jwks = models.JSONField(default=dict)
    is_active = models.BooleanField(default=True)
    registered_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)
    accepts_new_keys_until = models.DateTimeField(null=True)

    objects: ClassVar[RecentManager[Self]] = RecentManager()

    def __str__(self) -> str:
        return self.saleor_api_url


class RegistrationCount(models.Model):
    """The registrations in one minute, of a client or for a shop; `who` is a hash."""

    who = models.CharField(max_length=64)
    minute = models.BigIntegerField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["who", "minute"], name="shops_registrations_once")]

    def __str__(self) -> str:
        return f"{self.who[:8]}… {self.minute}"


class Channel(models.Model):
    """A sales channel of the shop, with its one currency. Staff can change its slug, its `saleor_id` stays.

    One that `is_deleted` in Saleor is kept, for the payments it had.
    """

    installation = models.ForeignKey(
        Installation, on_delete=models.CASCADE, related_name="channels", db_index=False
    )
    saleor_id = models.CharField(max_length=128, default="", db_default="", blank=True)
    slug = models.CharField(max_length=255)
    name = models.CharField(max_length=250)
    currency = models.CharField(max_length=3)
    is_deleted = models.BooleanField(default=False, db_default=False)

    objects: ClassVar[RecentManager[Self]] = RecentManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "slug"], name="shops_channel_once")]

    def __str__(self) -> str:
        return self.slug


class Problem(models.Model):
    """Something that needs the merchant's attention, deleted once it is resolved; `key` is unique within the shop.

    `message` is in the language that the operator chose, `translations` has it in each language of the app. `announced`
    is the message that a task was last queued for, `shown` the one that Saleor's Dashboard shows; both are empty if
    that version of Saleor shows no problems.
    """

    installation = models.ForeignKey(
        Installation, on_delete=models.CASCADE, related_name="problems", db_index=False
    )
    key = models.CharField(max_length=128)
    message = models.TextField()
    translations = models.JSONField(default=dict)
    announced = models.TextField(default="", blank=True)
    shown = models.TextField(default="", blank=True)
    since = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[RecentManager[Self]] = RecentManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "key"], name="shops_problem_once")]

    def __str__(self) -> str:
        return self.key

    @property
    def text(self) -> str:
        """The message in the current language."""
        return text_in(self.translations) or self.message
