"""Purchases, carts, failed payments and the products that were sold."""

from django.db import models
from django.db.models import Q

from saleor_stripe_audience.audience.people.models import Contact

NOT_SALES = (
    "CANCELED",
    "EXPIRED",
    "DRAFT",
)  # Saleor's order statuses that are never revenue, whatever was charged


PAID = (
    "PARTIAL",
    "FULL",
    "OVERCHARGED",
)  # Saleor's charge statuses; a full refund brings an order back to NONE


class PurchaseQuerySet(models.QuerySet["Purchase"]):
    def placed(self) -> "PurchaseQuerySet":
        """Filter valid orders, paid or not: neither cancelled nor expired nor drafts."""
        return self.exclude(status__in=NOT_SALES)

    def paid(self) -> "PurchaseQuerySet":
        """Filter orders that are revenue: charged, and neither cancelled nor expired nor drafts."""
        return self.filter(charge_status__in=PAID).exclude(status__in=NOT_SALES)


class Purchase(models.Model):
    """A Saleor order as of `issued_at`.

    `charged_minor` is everything ever charged, `refunded_minor` everything refunded of it; Saleor's own `totalCharged`
    is the difference. It has no contact once the person was erased, or the order was anonymized in Saleor.
    `saleor_user_id` is the confirmed account that Saleor assigned the order to; empty for a guest's order.
    `is_placed_by_account` is true once an event showed that a confirmed account placed it while signed in: Saleor's own
    history forgets that when the account is deleted.
    """

    contact = models.ForeignKey(
        Contact, null=True, on_delete=models.SET_NULL, related_name="purchases", db_index=False
    )
    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="purchases", db_index=False
    )
    saleor_order_id = models.CharField(max_length=128)
    number = models.CharField(max_length=64, blank=True, default="")
    status = models.CharField(max_length=64)
    charge_status = models.CharField(max_length=32)
    channel = models.CharField(max_length=250, blank=True, default="")
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    charged_minor = models.BigIntegerField()
    refunded_minor = models.BigIntegerField()
    voucher_code = models.CharField(max_length=255, blank=True, default="")
    saleor_user_id = models.CharField(max_length=128, blank=True, default="")
    is_placed_by_account = models.BooleanField(default=False)
    saleor_checkout_id = models.CharField(max_length=128, blank=True, default="")
    placed_at = models.DateTimeField()
    issued_at = models.DateTimeField()

    objects = PurchaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "saleor_order_id"], name="purchase_one_per_order")
        ]
        indexes = [
            # With the status: whether a cart was followed by an order is read from the index alone.
            models.Index(fields=["contact", "placed_at", "status"], name="purchase_by_contact"),
            models.Index(fields=["installation", "placed_at", "id"], name="purchase_list"),
            models.Index(
                fields=["installation", "saleor_checkout_id"],
                condition=~Q(saleor_checkout_id=""),
                name="purchase_by_checkout",
            ),
            models.Index(
                fields=["installation", "voucher_code"],
                condition=~Q(voucher_code=""),
                name="purchase_by_voucher",
            ),
            models.Index(fields=["contact"], condition=Q(refunded_minor__gt=0), name="purchase_refunded"),
        ]

    def __str__(self) -> str:
        return self.number or self.saleor_order_id

    @property
    def is_paid(self) -> bool:
        """The rule of `PurchaseQuerySet.paid` for one row."""
        return self.charge_status in PAID and self.status not in NOT_SALES


class PurchaseLine(models.Model):
    """One line of a purchase; `total_minor` is for the whole quantity, taxes included."""

    purchase = models.ForeignKey(Purchase, on_delete=models.CASCADE, related_name="lines", db_index=False)
    saleor_line_id = models.CharField(max_length=128)
    saleor_product_id = models.CharField(max_length=128, blank=True, default="")
    saleor_variant_id = models.CharField(max_length=128, blank=True, default="")
    product_name = models.CharField(max_length=386, blank=True, default="")
    variant_name = models.CharField(max_length=255, blank=True, default="")
    sku = models.CharField(max_length=255, blank=True, default="")
    quantity = models.IntegerField()
    quantity_fulfilled = models.IntegerField(default=0)
    unit_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purchase", "saleor_line_id"], name="purchase_line_once")
        ]
        indexes = [
            models.Index(fields=["saleor_product_id", "purchase"], name="purchase_line_by_product"),
            models.Index(fields=["saleor_variant_id", "purchase"], name="purchase_line_by_variant"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product_name}"


class Cart(models.Model):
    """A Saleor checkout as of `issued_at`; open until an order closes it.

    `last_active_at` is when the shopper last changed it: Saleor sends no event for an abandoned cart, so inactivity is
    the only sign. It has no contact once the person was erased.
    """

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="carts", db_index=False
    )
    contact = models.ForeignKey(
        Contact, null=True, on_delete=models.CASCADE, related_name="carts", db_index=False
    )
    saleor_checkout_id = models.CharField(max_length=128)
    channel = models.CharField(max_length=250, blank=True, default="")
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    voucher_code = models.CharField(max_length=255, blank=True, default="")
    started_at = models.DateTimeField()
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

    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="lines", db_index=False)
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
    """A declined or disputed payment, as reported by Stripe.

    `source_id` is Saleor's id of the paid checkout or order, through which the contact is found, now or later. `code`
    is Stripe's decline code or the dispute's reason. `key` makes a fact that is reported twice one row.
    """

    class Kind(models.TextChoices):
        DECLINED = "declined"
        DISPUTED = "disputed"

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="payment_facts", db_index=False
    )
    contact = models.ForeignKey(
        Contact, null=True, on_delete=models.CASCADE, related_name="payment_facts", db_index=False
    )
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
    """A product's category, type and collections, as last reported in an order.

    A product that the shop deletes stays here, so its buyers can still be found.
    """

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="sold_products", db_index=False
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
    """A collection that contains the product."""

    product = models.ForeignKey(
        SoldProduct, on_delete=models.CASCADE, related_name="collections", db_index=False
    )
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
