"""Which Stripe account has the PaymentIntent of which transaction in Saleor."""

import uuid

from django.db import models

from saleor_stripe_audience.wording import text_in


class Payment(models.Model):
    """One payment. Amounts count the smallest unit of `currency` by Stripe's table.

    The row is a copy: the truth is in Stripe, where the intent's metadata names the transaction. Gross, fee and net are
    the amounts on the account's balance, in `settled_currency`; unknown until Stripe books them. `fetched_at` is when
    the row's data was requested from Stripe. `order_id`, Saleor's, and `order_number` are empty for a checkout, and
    until the order is known.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.PROTECT, related_name="payments", db_index=False
    )
    account = models.ForeignKey(
        "gateway.StripeAccount", on_delete=models.PROTECT, related_name="payments", db_index=False
    )
    transaction_id = models.CharField(max_length=200)
    idempotency_key = models.CharField(max_length=600)
    payment_intent_id = models.CharField(max_length=200)
    flow = models.CharField(max_length=20)
    source_id = models.CharField(max_length=200)
    channel_slug = models.CharField(max_length=255)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=40)
    captured_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    gross_minor = models.BigIntegerField(null=True)
    fee_minor = models.BigIntegerField(null=True)
    net_minor = models.BigIntegerField(null=True)
    settled_currency = models.CharField(max_length=3, default="", blank=True)
    order_id = models.CharField(max_length=200, default="", blank=True)
    order_number = models.CharField(max_length=64, default="", blank=True)
    decline_code = models.CharField(max_length=100, default="", blank=True)
    decline_message = models.CharField(max_length=512, default="", blank=True)
    fetched_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["installation", "transaction_id"], name="payments_transaction_once"
            ),
            models.UniqueConstraint(fields=["account", "payment_intent_id"], name="payments_intent_once"),
        ]
        indexes = [
            models.Index(fields=["installation", "-created_at", "-id"], name="payments_newest"),
            models.Index(fields=["installation", "source_id"], name="payments_by_source"),
            models.Index(
                fields=["installation", "order_number"],
                condition=~models.Q(order_number=""),
                name="payments_by_order",
            ),
            models.Index(
                fields=["installation", "order_id"],
                condition=~models.Q(order_id=""),
                name="payments_by_order_id",
            ),
            models.Index(fields=["installation", "amount_minor"], name="payments_by_amount"),
        ]

    def __str__(self) -> str:
        return self.payment_intent_id


class Attempt(models.Model):
    """The request to Stripe that creates a transaction's PaymentIntent, stored before it is sent.

    Whatever interrupts the app, a repeat sends the same request with the same key, and so finds the same PaymentIntent.
    `params` are Stripe's own.
    """

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="attempts", db_index=False
    )
    account = models.ForeignKey("gateway.StripeAccount", on_delete=models.CASCADE, related_name="attempts")
    transaction_id = models.CharField(max_length=200)
    idempotency_key = models.CharField(max_length=255)
    params = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "transaction_id"], name="payments_attempt_once")
        ]
        indexes = [models.Index(fields=["created_at"], name="payments_attempt_age")]

    def __str__(self) -> str:
        return self.transaction_id


class Notice(models.Model):
    """A state of a Stripe object that is reported to staff: stored beforehand, so that it is reported once.

    `reference` is the object's id at Stripe, such as a dispute's, `payment_intent_id` the payment's. `claimed_at` is
    when a process started to report it, `reported_at` when it was reported; after the one that `is_last` no other state
    of the object is reported. `is_by_staff` is true if staff ended it, not Stripe. `message` is what Saleor has, in the
    operator's language, `messages` the same in each.
    """

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    reference = models.CharField(max_length=200)
    payment_intent_id = models.CharField(max_length=200)
    state = models.CharField(max_length=100)
    message = models.TextField()
    messages = models.JSONField(default=dict, blank=True)
    is_last = models.BooleanField(default=False)
    is_by_staff = models.BooleanField(default=False)
    claimed_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["installation", "reference", "state"], name="payments_notice_once"
            )
        ]
        indexes = [
            models.Index(fields=["installation", "payment_intent_id"], name="payments_notice_by_payment")
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.state}"

    @property
    def text(self) -> str:
        """The message in the current language; what Saleor has if only that was stored."""
        return text_in(self.messages) or self.message


class ActionRequest(models.Model):
    """A charge, refund or cancelation that Saleor requested, with the response; stored as long as the shop's data.

    `key` is Saleor's own key of the request, and Stripe's idempotency key. `body` is the SHA-256 of the request that
    took it. `answer` is null while it is not known what became of the request; `unclear_at` is when a try ended like
    that. `reasons` is why it was refused, in each language of the app. `repeats` is the unclear request that staff made
    again with this one: it is carried out under the key of that one. `received_before` is what the payment had received
    (smallest unit) before a charge was first tried. `grant` is the id of the granted refund that this request alone may
    pay.
    """

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="action_requests", db_index=False
    )
    transaction_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=10)
    key = models.CharField(max_length=255)
    body = models.CharField(max_length=64)
    answer = models.JSONField(null=True)
    reasons = models.JSONField(default=dict, blank=True)
    unclear_at = models.DateTimeField(null=True)
    repeats = models.OneToOneField("self", null=True, on_delete=models.CASCADE, related_name="repeated_by")
    received_before = models.BigIntegerField(null=True)
    grant = models.CharField(max_length=200, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "key"], name="payments_request_once"),
            models.UniqueConstraint(fields=["installation", "body"], name="payments_request_body_once"),
            models.UniqueConstraint(fields=["installation", "grant"], name="payments_request_grant_once"),
        ]
        indexes = [
            models.Index(fields=["installation", "transaction_id"], name="payments_request_by_payment")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.transaction_id}"

    @property
    def reason(self) -> str:
        """Why it was refused, in the current language; what Saleor has if only that was stored, empty if it was not."""
        return text_in(self.reasons) or str((self.answer or {}).get("message", ""))


class StaffRequest(models.Model):
    """A refund or capture that staff requested on the app's page, stored before it was requested in Saleor.

    `key` is the form's: sent twice, it is one request. `sent_at` is when Saleor had taken it, null while that is not
    known. `reason` is free text, erased with the customer.
    """

    payment = models.ForeignKey(
        Payment, on_delete=models.CASCADE, related_name="staff_requests", db_index=False
    )
    key = models.UUIDField()
    kind = models.CharField(max_length=10)
    amount_minor = models.BigIntegerField()
    reason = models.CharField(max_length=500, default="", blank=True)
    requested_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["payment", "key"], name="payments_staff_request_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.payment_id}"
