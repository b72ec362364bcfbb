"""Who buys: contacts of an audience, what they bought, and what they spent in each currency.

Amounts are counted in the smallest unit of their currency by Stripe's table (see `money`).
"""

import uuid

from django.db import models
from django.db.models import Q

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


class Audience(models.Model):
    """A list of people of one shop."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey(
        "saleor.Installation", on_delete=models.CASCADE, related_name="audiences"
    )
    name = models.CharField(max_length=200)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["installation"],
                condition=Q(is_default=True),
                name="audience_one_default_per_installation",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A person of an audience, known by address. Only the person's choice changes `status`, never a purchase.

    `known_at` says of each field when Saleor said its present value, so that an older saying never replaces a
    newer one, in whatever order they arrive.
    """

    class Status(models.TextChoices):
        NONSUBSCRIBED = "nonsubscribed"
        PENDING = "pending"
        SUBSCRIBED = "subscribed"
        UNSUBSCRIBED = "unsubscribed"
        CLEANED = "cleaned"
        ARCHIVED = "archived"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="contacts")
    email = models.CharField(max_length=320)
    first_name = models.CharField(max_length=256, blank=True, default="")
    last_name = models.CharField(max_length=256, blank=True, default="")
    phone = models.CharField(max_length=128, blank=True, default="")
    country = models.CharField(max_length=8, blank=True, default="")
    language = models.CharField(max_length=35, blank=True, default="")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.NONSUBSCRIBED)
    saleor_user_id = models.CharField(max_length=128, null=True, blank=True, default=None)
    known_at = models.JSONField(default=dict, blank=True)
    orders_count = models.PositiveIntegerField(default=0)
    first_order_at = models.DateTimeField(null=True, blank=True)
    last_order_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["audience", "email"], name="contact_one_per_address"),
            models.UniqueConstraint(fields=["audience", "saleor_user_id"], name="contact_one_per_account"),
        ]
        indexes = [models.Index(fields=["audience", "-created_at"], name="contact_newest")]

    def __str__(self) -> str:
        return str(self.id)  # not the address: instances are printed in logs


class FormerAddress(models.Model):
    """An address that a contact had before. What still comes in under it belongs to the same person.

    `held_at` is when Saleor last said that the account had it; who has it later is somebody else.
    """

    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="former_addresses")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="former_addresses")
    email = models.CharField(max_length=320)
    held_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["audience", "email"], name="former_address_of_one_contact")
        ]

    def __str__(self) -> str:
        return f"a former address of {self.contact_id}"


class ContactSpent(models.Model):
    """What a contact spent in one currency: `spent_minor` is charged less refunded."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="spent")
    currency = models.CharField(max_length=3)
    spent_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contact", "currency"], name="contact_spent_per_currency")
        ]

    def __str__(self) -> str:
        return f"{self.spent_minor} {self.currency}"


class PurchaseQuerySet(models.QuerySet["Purchase"]):
    def paid(self) -> "PurchaseQuerySet":
        """Those that are revenue: something is charged, and the order neither cancelled nor expired."""
        return self.filter(charge_status__in=PAID).exclude(status__in=NOT_SALES)


class Purchase(models.Model):
    """An order of Saleor as it stood at `issued_at`.

    `charged_minor` is all that was ever taken, `refunded_minor` what was given back of it: Saleor's own
    `totalCharged` is the difference of the two.
    """

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="purchases")
    installation = models.ForeignKey(
        "saleor.Installation", on_delete=models.CASCADE, related_name="purchases"
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
    placed_at = models.DateTimeField()
    issued_at = models.DateTimeField()

    objects = PurchaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "saleor_order_id"], name="purchase_one_per_order")
        ]
        indexes = [models.Index(fields=["contact", "placed_at"], name="purchase_by_contact")]

    def __str__(self) -> str:
        return self.number or self.saleor_order_id

    @property
    def is_paid(self) -> bool:
        """The same rule as `PurchaseQuerySet.paid`, of one row in hand."""
        return self.charge_status in PAID and self.status not in NOT_SALES


class PurchaseLine(models.Model):
    """One line of a purchase; `total_minor` is for the whole quantity, taxes included."""

    purchase = models.ForeignKey(Purchase, on_delete=models.CASCADE, related_name="lines")
    saleor_line_id = models.CharField(max_length=128)
    saleor_product_id = models.CharField(max_length=128, blank=True, default="")
    saleor_variant_id = models.CharField(max_length=128, blank=True, default="")
    product_name = models.CharField(max_length=386, blank=True, default="")
    variant_name = models.CharField(max_length=255, blank=True, default="")
    sku = models.CharField(max_length=255, blank=True, default="")
    quantity = models.IntegerField()
    unit_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purchase", "saleor_line_id"], name="purchase_line_once")
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product_name}"
