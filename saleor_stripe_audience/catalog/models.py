"""The shop's catalogue in Stripe, in our own tables because Stripe's search index is a minute late."""

from django.db import models

from saleor_stripe_audience.wording import text_in


class CatalogProduct(models.Model):
    """A variant of the shop as a Product of one Stripe account.

    `stripe_product_id` is empty while Stripe has none: the variant is not sold yet, waits for the account, or was
    refused. `sent` is what was last sent to Stripe: if Stripe has other values, they were changed in Stripe. `problems`
    are what could not be synced as it is in Saleor, such as a price below Stripe's minimum; `last_errors` is why the
    last push failed. `checked_at` is when Stripe last listed it. At `changes_at` the variant starts to be sold in
    another channel.
    """

    class State(models.TextChoices):
        SYNCED = "synced"  # active in Stripe and up to date
        ARCHIVED = "archived"  # no longer sold or deleted in the shop, and archived in Stripe
        NOT_SOLD = "not_sold"  # never in Stripe: a draft, or without a price
        SENDING = "sending"  # a new Product: Stripe has it, but perhaps not all of it yet
        WAITING = "waiting"  # for an account that Stripe does not serve yet, or currently
        FAILED = "failed"

    SETTLED = (State.SYNCED, State.ARCHIVED, State.NOT_SOLD)

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="catalog", db_index=False
    )
    account = models.ForeignKey(
        "gateway.StripeAccount", on_delete=models.CASCADE, related_name="catalog", db_index=False
    )
    saleor_product_id = models.CharField(max_length=200)
    saleor_variant_id = models.CharField(max_length=200)
    name = models.CharField(max_length=500)
    sku = models.CharField(max_length=255, default="", blank=True)
    stripe_product_id = models.CharField(max_length=200, default="", blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.SYNCED)
    is_active = models.BooleanField(default=True)
    sent_hash = models.CharField(max_length=64, default="", blank=True)
    sent = models.JSONField(default=dict, blank=True)
    issued_at = models.DateTimeField()
    pushed_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    changes_at = models.DateTimeField(null=True)
    problems = models.JSONField(default=list, blank=True)
    last_error_code = models.CharField(max_length=100, default="", blank=True)
    last_errors = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "saleor_variant_id"], name="catalog_variant_once")
        ]
        indexes = [
            models.Index(fields=["installation", "saleor_product_id"], name="catalog_product"),
            models.Index(fields=["installation", "state", "is_active"], name="catalog_state"),
            models.Index(fields=["installation", "name", "id"], name="catalog_by_name"),
            models.Index(fields=["account", "stripe_product_id"], name="catalog_by_stripe_id"),
            models.Index(
                fields=["changes_at"], condition=models.Q(changes_at__isnull=False), name="catalog_changes"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def last_error(self) -> str:
        """Why the last push failed, in the current language; empty if it did not."""
        return text_in(self.last_errors)


class Turn(models.Model):
    """Which process is sending a variant to an account, and until when at most: see turns.py."""

    account = models.ForeignKey(
        "gateway.StripeAccount", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    saleor_variant_id = models.CharField(max_length=200)
    holder = models.UUIDField()
    until = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "saleor_variant_id"], name="catalog_turn_once")
        ]

    def __str__(self) -> str:
        return self.saleor_variant_id


class Label(models.Model):
    """The name of a category or collection as stored on Stripe's Products: a new name changes all of them."""

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    saleor_id = models.CharField(max_length=200)
    name = models.CharField(max_length=500)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "saleor_id"], name="catalog_label_once")
        ]

    def __str__(self) -> str:
        return self.name


class Deletion(models.Model):
    """A deleted product or variant, so that an older event that arrives later is ignored."""

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    saleor_id = models.CharField(max_length=200)
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "saleor_id"], name="catalog_deletion_once")
        ]

    def __str__(self) -> str:
        return self.saleor_id


class WaitingProduct(models.Model):
    """The latest state of a product for an account that is blocked or cannot accept payments yet.

    `payload` is empty if the product has been deleted, so that an older event that arrives later is ignored.
    """

    account = models.ForeignKey(
        "gateway.StripeAccount", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    saleor_product_id = models.CharField(max_length=200)
    payload = models.JSONField(null=True)
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "saleor_product_id"], name="catalog_waiting_product_once"
            )
        ]

    def __str__(self) -> str:
        return self.saleor_product_id


class CatalogPrice(models.Model):
    """The price of a variant in one channel; a changed price is a new row, as it is a new Price in Stripe.

    One that `is_adopted` was created in Stripe: its lookup key belongs to the merchant and is kept. `checked_at` is
    when Stripe last listed it.
    """

    product = models.ForeignKey(CatalogProduct, on_delete=models.CASCADE, related_name="prices")
    channel_slug = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    stripe_price_id = models.CharField(max_length=200, unique=True)
    lookup_key = models.CharField(max_length=200, default="", blank=True)
    tax_behavior = models.CharField(max_length=16, default="", blank=True)
    is_adopted = models.BooleanField(default=False)
    checked_at = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "channel_slug"],
                condition=models.Q(is_active=True),
                name="catalog_one_price_a_channel",
            )
        ]
        indexes = [models.Index(fields=["lookup_key"], name="catalog_lookup_key")]

    def __str__(self) -> str:
        return self.stripe_price_id


class UploadedImage(models.Model):
    """An image that staff uploaded to a product, so that the same image is not added twice."""

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    saleor_product_id = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    saleor_media_id = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["installation", "saleor_product_id", "digest"], name="catalog_image_once"
            )
        ]

    def __str__(self) -> str:
        return self.saleor_media_id


class Difference(models.Model):
    """Something that was added, changed or removed in Stripe, compared with Saleor; see refresh.py.

    One row for each Product, or field of it: a difference that is found again updates it. `stripe_value` and
    `saleor_value` are for display; `details` is what is needed to apply it. `reason` is why it cannot be applied; empty
    if it can. `is_conflict`: Saleor's value changed too, so it takes precedence. `error` is why applying failed.
    """

    class Kind(models.TextChoices):
        NEW = "new"  # a Product created in Stripe
        CHANGED = "changed"  # a field of one of the app's Products
        GONE = "gone"  # archived or deleted in Stripe, while Saleor sells it
        STRAY = "stray"  # active in Stripe, created by the app, not sold in Saleor
        FOREIGN = "foreign"  # of another shop, or a subscription: left alone

    class State(models.TextChoices):
        OPEN = "open"
        APPLIED = "applied"  # applied in Saleor
        KEPT = "kept"  # staff kept Saleor's value, or left a new Product alone
        OVERRULED = "overruled"  # Saleor's value has been sent again since

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    account = models.ForeignKey(
        "gateway.StripeAccount", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    product = models.ForeignKey(
        CatalogProduct, on_delete=models.SET_NULL, null=True, related_name="differences"
    )
    stripe_product_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    field = models.CharField(max_length=32, default="", blank=True)
    title = models.CharField(max_length=500)
    stripe_value = models.TextField(default="", blank=True)
    saleor_value = models.TextField(default="", blank=True)
    details = models.JSONField(default=dict, blank=True)
    is_conflict = models.BooleanField(default=False)
    reason = models.CharField(max_length=40, default="", blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    errors = models.JSONField(default=dict, blank=True)
    found_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=128, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "stripe_product_id", "field"], name="catalog_difference_once"
            )
        ]
        indexes = [
            models.Index(fields=["installation", "state", "id"], name="catalog_difference_state"),
            models.Index(fields=["installation", "found_at", "id"], name="catalog_difference_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.field} {self.title}"

    @property
    def error(self) -> str:
        """Why it was not applied, or which part was not, in the current language; empty if there is no error."""
        return text_in(self.errors)

    @property
    def may_be_applied(self) -> bool:
        """Whether Stripe's value can be applied in Saleor."""
        return self.state == self.State.OPEN and not self.reason and not self.is_conflict
