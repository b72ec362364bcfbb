"""The merchant's Stripe accounts, and the sales channels that each one is for."""

import uuid
from typing import ClassVar, Self

from django.db import models

from saleor_stripe_audience.recent import RecentManager
from saleor_stripe_audience.vault import EncryptedTextField


class StripeAccount(models.Model):
    """One Stripe account of a shop, connected with keys that the merchant pasted or through the operator's Connect
    platform.

    `connect_state` is for the second kind: how far Stripe's onboarding is, `requirements` what Stripe still needs,
    `fetched_at` when both were last fetched. `stripe_id` is empty until Stripe has created the account.

    `blocked_at` is the time since which Stripe has refused to serve the account, for example because of its key; see
    trouble.py.

    `default_currency` is what Stripe settles in, in upper case; empty if the key may not read it.

    `sends_receipts`: Stripe writes a receipt to the shopper. `descriptor_suffix`: what a card's statement shows
    after the account's own name. While Stripe's endpoint is renewed, events signed with the secret before are taken
    until `old_secret_until`. `endpoint_version` is the API version that the endpoint's events speak.
    """

    class State(models.TextChoices):
        CONNECTED = "connected"
        DISCONNECTED = "disconnected"

    class Kind(models.TextChoices):
        PASTED = "pasted"
        CONNECT = "connect"

    class ConnectState(models.TextChoices):
        NOT_CONNECTED = "not_connected"
        PENDING = "pending"
        ACTIVE = "active"
        RESTRICTED = "restricted"
        REJECTED = "rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.PROTECT, related_name="stripe_accounts", db_index=False
    )
    name = models.CharField(max_length=250)
    publishable_key = models.CharField(max_length=300)
    secret_key = EncryptedTextField()
    stripe_id = models.CharField(max_length=100)
    livemode = models.BooleanField()
    webhook_endpoint_id = models.CharField(max_length=100, default="", blank=True)
    webhook_secret = EncryptedTextField(default="", blank=True)
    old_webhook_secret = EncryptedTextField(default="", blank=True)
    old_secret_until = models.DateTimeField(null=True)
    endpoint_version = models.CharField(max_length=40, default="", blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.CONNECTED)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.PASTED)
    connect_state = models.CharField(max_length=16, choices=ConnectState.choices, default="", blank=True)
    pending_since = models.DateTimeField(null=True, blank=True)
    requirements = models.JSONField(default=list, blank=True)
    charges_enabled = models.BooleanField(default=True)
    fetched_at = models.DateTimeField(null=True, blank=True)
    default_currency = models.CharField(max_length=3, default="", blank=True)
    blocked_at = models.DateTimeField(null=True, blank=True)
    sends_receipts = models.BooleanField(default=False)
    descriptor_suffix = models.CharField(max_length=22, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[RecentManager[Self]] = RecentManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["installation", "stripe_id", "livemode"], name="gateway_account_once"
            ),
            models.UniqueConstraint(
                fields=["stripe_id", "livemode"],
                condition=models.Q(kind="connect") & ~models.Q(stripe_id=""),
                name="gateway_connect_account_of_one_shop",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_hosted(self) -> bool:
        """Whether it is reached through the operator's platform: it has no keys of its own."""
        return self.kind == self.Kind.CONNECT

    @property
    def takes_payments(self) -> bool:
        """Whether payments may begin there, as far as Stripe's onboarding goes."""
        return not self.is_hosted or self.connect_state == self.ConnectState.ACTIVE

    @property
    def has_left(self) -> bool:
        """Whether its owner disconnected it from the platform, which can then no longer make requests for it."""
        return self.is_hosted and self.connect_state == self.ConnectState.NOT_CONNECTED


class AccountChannel(models.Model):
    """The account that takes the payments of a channel, and whether it takes new ones now.

    `pause_message` is what shoppers see while it is paused.
    """

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    account = models.ForeignKey(StripeAccount, on_delete=models.CASCADE, related_name="channels")
    channel_slug = models.CharField(max_length=255)
    is_paused = models.BooleanField(default=False)
    pause_message = models.CharField(max_length=200, default="", blank=True)

    objects: ClassVar[RecentManager[Self]] = RecentManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["installation", "channel_slug"], name="gateway_one_account_a_channel"
            )
        ]

    def __str__(self) -> str:
        return self.channel_slug


class Customer(models.Model):
    """The Stripe Customer of a signed-in shopper at one account. There is never a second one.

    The row is written before the request to Stripe, so that simultaneous requests use the same key, which is derived
    from `generation`: the number of Customers that were deleted at Stripe. `customer_id` is empty until Stripe returned
    it. `described` has two digests of what was last sent to Stripe: of the name and address, and of the email address.
    """

    account = models.ForeignKey(
        StripeAccount, on_delete=models.CASCADE, related_name="customers", db_index=False
    )
    shopper = models.CharField(max_length=200)
    customer_id = models.CharField(max_length=100, default="", blank=True)
    generation = models.PositiveIntegerField(default=0)
    described = models.CharField(max_length=64, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "shopper"], name="gateway_one_customer_a_shopper")
        ]
        indexes = [models.Index(fields=["account", "customer_id"], name="gateway_customer_by_id")]

    def __str__(self) -> str:
        return self.customer_id


class TermsAcceptance(models.Model):
    """Which version of a document someone at the shop accepted, and when. Rows are only ever added."""

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="accepted_terms", db_index=False
    )
    document = models.CharField(max_length=50)
    version = models.CharField(max_length=20)
    accepted_by = models.CharField(max_length=200)
    accepted_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[RecentManager[Self]] = RecentManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "document", "version"], name="gateway_terms_once")
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.version}"
