"""The shop's catalogue in Stripe; a table of our own, because Stripe's search index is a minute late."""

from django.db import models


class CatalogProduct(models.Model):
    """A variant of the shop as a Product of one Stripe account."""

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
    stripe_product_id = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    sent_hash = models.CharField(max_length=64)
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "saleor_variant_id"], name="catalog_variant_once")
        ]
        indexes = [models.Index(fields=["installation", "saleor_product_id"], name="catalog_product")]

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
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "channel_slug"],
                condition=models.Q(is_active=True),
                name="catalog_one_price_a_channel",
            )
        ]

    def __str__(self) -> str:
        return self.stripe_price_id
