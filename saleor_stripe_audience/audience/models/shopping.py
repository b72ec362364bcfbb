"""What people do in the shop besides ordering: carts, payments that went wrong; and what is known of products.

Amounts are counted in the smallest unit of their currency by Stripe's table (see `money`).
"""

from django.db import models
from django.db.models import Q

from saleor_stripe_audience.audience.models.people import Contact


class Cart(models.Model):
    """A checkout of Saleor as it stood at `issued_at`; open until an order closes it.

    `last_active_at` is when the shopper last changed it: Saleor sends nothing for a cart that is left, so silence
    is the only sign. It has no contact until the shopper gives an address.
    """

    installation = models.ForeignKey("saleor.Installation", on_delete=models.CASCADE, related_name="carts")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.CASCADE, related_name="carts")
    saleor_checkout_id = models.CharField(max_length=128)
    channel = models.CharField(max_length=250, blank=True, default="")
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    voucher_code = models.CharField(max_length=255, blank=True, default="")
    begun_at = models.DateTimeField()
    last_active_at = models.DateTimeField()
    issued_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    saleor_order_id = models.CharField(max_length=128, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["installation", "saleor_checkout_id"], name="cart_one_per_checkout"
            )
        ]
        indexes = [
            models.Index(
                fields=["last_active_at", "contact"],
                condition=Q(closed_at=None, contact__isnull=False),
                name="cart_left_open",
            ),
            models.Index(fields=["contact", "last_active_at"], name="cart_by_contact"),
        ]

    def __str__(self) -> str:
        return self.saleor_checkout_id


class CartLine(models.Model):
    """One line of a cart; `total_minor` is for the whole quantity, taxes included."""

    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="lines")
    saleor_line_id = models.CharField(max_length=128)
    saleor_product_id = models.CharField(max_length=128, blank=True, default="")
    saleor_variant_id = models.CharField(max_length=128, blank=True, default="")
    product_name = models.CharField(max_length=386, blank=True, default="")
    variant_name = models.CharField(max_length=255, blank=True, default="")
    sku = models.CharField(max_length=255, blank=True, default="")
    quantity = models.IntegerField()
    total_minor = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cart", "saleor_line_id"], name="cart_line_once")]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product_name}"


class PaymentFact(models.Model):
    """Something that went wrong with a payment, as Stripe told it: declined, disputed.

    `source_id` is Saleor's id of the checkout or order that was paid; the contact is found by it, then or later.
    `code` is Stripe's decline code, or the reason of the dispute. `key` makes what is told twice one row.
    """

    class Kind(models.TextChoices):
        DECLINED = "declined"
        DISPUTED = "disputed"

    installation = models.ForeignKey(
        "saleor.Installation", on_delete=models.CASCADE, related_name="payment_facts"
    )
    contact = models.ForeignKey(Contact, null=True, on_delete=models.CASCADE, related_name="payment_facts")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    code = models.CharField(max_length=64, blank=True, default="")
    outcome = models.CharField(max_length=32, blank=True, default="")
    outcome_at = models.DateTimeField(null=True)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    at = models.DateTimeField()
    source_id = models.CharField(max_length=128, blank=True, default="")
    reference = models.CharField(max_length=255)
    key = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "key"], name="payment_fact_once")]
        indexes = [
            models.Index(fields=["kind", "at", "contact"], name="payment_fact_by_time"),
            models.Index(fields=["contact", "kind", "at"], name="payment_fact_by_contact"),
            models.Index(fields=["installation", "source_id"], name="payment_fact_by_source"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class SoldProduct(models.Model):
    """What orders told last of a product: whoever bought it bought of its category, type and collections.

    A product that the shop deletes stays known, and so does who bought it.
    """

    installation = models.ForeignKey(
        "saleor.Installation", on_delete=models.CASCADE, related_name="sold_products"
    )
    saleor_product_id = models.CharField(max_length=128)
    name = models.CharField(max_length=386, blank=True, default="")
    saleor_category_id = models.CharField(max_length=128, blank=True, default="")
    category_name = models.CharField(max_length=250, blank=True, default="")
    saleor_product_type_id = models.CharField(max_length=128, blank=True, default="")
    product_type_name = models.CharField(max_length=250, blank=True, default="")
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "saleor_product_id"], name="sold_product_once")
        ]
        indexes = [
            models.Index(fields=["installation", "saleor_category_id"], name="sold_product_by_category"),
            models.Index(fields=["installation", "saleor_product_type_id"], name="sold_product_by_type"),
        ]

    def __str__(self) -> str:
        return self.name or self.saleor_product_id


class SoldProductCollection(models.Model):
    """A collection that the product is in."""

    product = models.ForeignKey(SoldProduct, on_delete=models.CASCADE, related_name="collections")
    saleor_collection_id = models.CharField(max_length=128)
    name = models.CharField(max_length=250, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "saleor_collection_id"], name="sold_in_collection_once"
            )
        ]
        indexes = [models.Index(fields=["saleor_collection_id", "product"], name="sold_in_collection")]

    def __str__(self) -> str:
        return self.name or self.saleor_collection_id
