"""The shop's catalogue in Stripe; a table of our own, because Stripe's search index is a minute late."""

from django.db import models


class CatalogProduct(models.Model):
    """A variant of the shop as a Product of one Stripe account.

    `stripe_product_id` is empty while Stripe has none: the variant is not sold yet, waits for the account, or was
    refused. `problems` are what Stripe does not have as the shop does, such as a price below Stripe's minimum;
    `last_error` is why the last push failed. `checked_at` is when Stripe listed it last. At `changes_at` the variant
    starts to be sold in another channel.
    """

    class State(models.TextChoices):
        SYNCED = "synced"  # active in Stripe, as the shop has it
        ARCHIVED = "archived"  # no longer sold or deleted in the shop, and archived in Stripe
        NOT_SOLD = "not_sold"  # never in Stripe: a draft, or without a price
        WAITING = "waiting"  # for an account that Stripe does not serve yet or now
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
    issued_at = models.DateTimeField()
    pushed_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    changes_at = models.DateTimeField(null=True)
    problems = models.JSONField(default=list, blank=True)
    last_error_code = models.CharField(max_length=100, default="", blank=True)
    last_error = models.TextField(default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "saleor_variant_id"], name="catalog_variant_once")
        ]
        indexes = [
            models.Index(fields=["installation", "saleor_product_id"], name="catalog_product"),
            models.Index(fields=["installation", "state"], name="catalog_state"),
            models.Index(fields=["account", "stripe_product_id"], name="catalog_by_stripe_id"),
            models.Index(
                fields=["changes_at"], condition=models.Q(changes_at__isnull=False), name="catalog_changes"
            ),
        ]

    def __str__(self) -> str:
        return self.name


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
    """The name of a category or collection as Stripe's Products have it: a new name changes all of them."""

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
    """A deleted product or variant: an older event that arrives later finds that here."""

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

    `payload` is empty if the product was deleted meanwhile: an older event that arrives later finds that here.
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
    """The price of a variant in one channel; a changed price is a new row, as it is a new Price in Stripe."""

    product = models.ForeignKey(CatalogProduct, on_delete=models.CASCADE, related_name="prices")
    channel_slug = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    stripe_price_id = models.CharField(max_length=200, unique=True)
    lookup_key = models.CharField(max_length=200, default="", blank=True)
    tax_behavior = models.CharField(max_length=16, default="", blank=True)
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
