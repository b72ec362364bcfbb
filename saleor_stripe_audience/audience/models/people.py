"""Who buys: contacts of an audience, what they agreed to, what they bought, and what they spent in each currency.

Amounts are counted in the smallest unit of their currency by Stripe's table (see `money`).
"""

import uuid
from datetime import UTC, datetime
from typing import Any, NoReturn

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone

from saleor_stripe_audience.audience import status as facts
from saleor_stripe_audience.vault import EncryptedTextField

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


# By which contacts are listed: who never ordered counts as long ago, so that one index serves both directions.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
LAST_ORDER = Coalesce("last_order_at", NEVER)


class Audience(models.Model):
    """A list of people of one shop. The default one is fed by every channel that feeds no other.

    `consent_text` is the wording of those storefronts that do not send the wording they showed. With
    `double_opt_in` a consent counts once it is confirmed from the mailbox. A cart that nothing was heard of for
    `cart_silence_minutes` counts as abandoned. `sender_name` is the name that its mails and pages bear; empty, they
    bear the shop's own. `consent_keys` are further keys of Saleor's metadata that mean a ticked box. Of Saleor's
    metadata contacts keep the `attribute_keys`. With `ads_to_buyers` lists for advertisers hold non-subscribed buyers
    too.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey(
        "saleor.Installation", on_delete=models.CASCADE, related_name="audiences"
    )
    name = models.CharField(max_length=200)
    is_default = models.BooleanField(default=False)
    language = models.CharField(max_length=35, blank=True, default="")
    double_opt_in = models.BooleanField(default=False)
    consent_text = models.TextField(blank=True, default="")
    cart_silence_minutes = models.PositiveIntegerField(default=60)
    sender_name = models.CharField(max_length=200, blank=True, default="")
    consent_keys = models.JSONField(default=list, blank=True)
    attribute_keys = models.JSONField(default=list, blank=True)
    ads_to_buyers = models.BooleanField(default=False)
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


class ChannelAudience(models.Model):
    """Which audience a sales channel feeds."""

    installation = models.ForeignKey(
        "saleor.Installation", on_delete=models.CASCADE, related_name="channel_audiences"
    )
    channel = models.CharField(max_length=255)
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="channels")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "channel"], name="audience_one_per_channel")
        ]

    def __str__(self) -> str:
        return self.channel


class ContactQuerySet(models.QuerySet["Contact"]):
    def may_receive(self, purpose: str) -> "ContactQuerySet":
        """Those whose status may receive what is sent for the purpose: transactional, marketing or ads."""
        return self.filter(status__in=facts.statuses_for(purpose))


class Contact(models.Model):
    """A person of an audience, known by address. Only the person's choice changes `consent`, never a purchase.

    `known_at` says of each field when Saleor said its present value, so that an older saying never replaces a
    newer one, in whatever order they arrive. `consent` and `soft_opt_in` are the sum of the ledger (see
    `consent.refresh`); `status` and `lawful_basis` are computed by the database and cannot be written.
    `link_generation` is counted up when the links in mails are renewed: older ones then only unsubscribe.
    """

    Status = facts.Status

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="contacts")
    email = models.CharField(max_length=320)
    first_name = models.CharField(max_length=256, blank=True, default="")
    last_name = models.CharField(max_length=256, blank=True, default="")
    phone = models.CharField(max_length=128, blank=True, default="")
    city = models.CharField(max_length=256, blank=True, default="")
    country = models.CharField(max_length=8, blank=True, default="")
    language = models.CharField(max_length=35, blank=True, default="")
    consent = models.CharField(
        max_length=16, choices=facts.ConsentState.choices, default=facts.ConsentState.UNKNOWN
    )
    soft_opt_in = models.BooleanField(default=False)
    deliverability = models.CharField(
        max_length=16, choices=facts.Deliverability.choices, default=facts.Deliverability.OK
    )
    lifecycle = models.CharField(
        max_length=16, choices=facts.Lifecycle.choices, default=facts.Lifecycle.ACTIVE
    )
    status = models.GeneratedField(
        expression=facts.status_expression(),
        output_field=models.CharField(max_length=16, choices=facts.Status.choices),
        db_persist=True,
    )
    lawful_basis = models.GeneratedField(
        expression=facts.lawful_basis_expression(),
        output_field=models.CharField(max_length=16, choices=facts.LawfulBasis.choices),
        db_persist=True,
    )
    saleor_user_id = models.CharField(max_length=128, null=True, blank=True, default=None)
    known_at = models.JSONField(default=dict, blank=True)
    link_generation = models.PositiveIntegerField(default=0, db_default=0)
    orders_count = models.PositiveIntegerField(default=0)
    first_order_at = models.DateTimeField(null=True, blank=True)
    last_order_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["audience", "email"], name="contact_one_per_address"),
            models.UniqueConstraint(fields=["audience", "saleor_user_id"], name="contact_one_per_account"),
        ]
        indexes = [
            models.Index(fields=["audience", "-created_at"], name="contact_newest"),
            models.Index(fields=["audience", "last_order_at"], name="contact_by_last_order"),
            models.Index(fields=["audience", "status", "orders_count"], name="contact_by_status"),
            models.Index(fields=["audience", "orders_count", "id"], name="contact_list_by_orders"),
            models.Index("audience", LAST_ORDER, "id", name="contact_list_by_last_order"),
            models.Index(fields=["audience", "country"], name="contact_by_country"),
            models.Index(fields=["audience", "language"], name="contact_by_language"),
            models.Index(fields=["audience", "consent"], name="contact_by_consent"),
            models.Index(fields=["audience", "lawful_basis"], name="contact_by_basis"),
        ]

    def __str__(self) -> str:
        return str(self.id)  # not the address: instances are printed in logs


class ContactAttribute(models.Model):
    """A value of Saleor's metadata under a key that the audience keeps, as it was at `said_at`; empty once it is gone.

    `number` is the value where it is one, so that it can be compared.
    """

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="attributes")
    key = models.CharField(max_length=128)
    value = models.CharField(max_length=500, blank=True, default="")
    number = models.DecimalField(max_digits=18, decimal_places=3, null=True)
    said_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "key"], name="contact_attribute_once")]
        indexes = [
            models.Index(fields=["key", "value", "contact"], name="contact_attribute_by_value"),
            models.Index(fields=["key", "number", "contact"], name="contact_attribute_by_number"),
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.contact_id}"


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


class FormerContact(models.Model):
    """A contact that was merged into another: links in mails already sent still name it."""

    id = models.UUIDField(primary_key=True, editable=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="former_contacts")

    def __str__(self) -> str:
        return str(self.id)


class ContactSpent(models.Model):
    """What a contact spent in one currency, in `orders_count` paid orders: `spent_minor` is charged less refunded."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="spent")
    currency = models.CharField(max_length=3)
    spent_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    orders_count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contact", "currency"], name="contact_spent_per_currency")
        ]
        indexes = [models.Index(fields=["currency", "spent_minor", "contact"], name="contact_spent_by_sum")]

    def __str__(self) -> str:
        return f"{self.spent_minor} {self.currency}"


class PurchaseQuerySet(models.QuerySet["Purchase"]):
    def placed(self) -> "PurchaseQuerySet":
        """Those that stand, paid or not: neither cancelled nor expired, and no drafts."""
        return self.exclude(status__in=NOT_SALES)

    def paid(self) -> "PurchaseQuerySet":
        """Those that are revenue: something is charged, and the order neither cancelled nor expired."""
        return self.filter(charge_status__in=PAID).exclude(status__in=NOT_SALES)


class Purchase(models.Model):
    """An order of Saleor as it stood at `issued_at`.

    `charged_minor` is all that was ever taken, `refunded_minor` what was given back of it: Saleor's own
    `totalCharged` is the difference of the two. It is nobody's once its person was erased, or the order was
    made anonymous in Saleor.
    """

    contact = models.ForeignKey(Contact, null=True, on_delete=models.SET_NULL, related_name="purchases")
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
    saleor_checkout_id = models.CharField(max_length=128, blank=True, default="")
    placed_at = models.DateTimeField()
    issued_at = models.DateTimeField()

    objects = PurchaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "saleor_order_id"], name="purchase_one_per_order")
        ]
        indexes = [
            models.Index(fields=["contact", "placed_at"], name="purchase_by_contact"),
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


class Wording(models.Model):
    """What somebody agreed to, word for word; stored once however many agreed to it."""

    installation = models.ForeignKey(
        "saleor.Installation", on_delete=models.CASCADE, related_name="consent_wordings"
    )
    digest = models.CharField(max_length=64)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "digest"], name="wording_once")]

    def __str__(self) -> str:
        return self.digest


class KnownWording(models.Model):
    """A wording that the merchant wrote for an audience: only these prove a consent, and only these are mailed.

    With `is_own` it was the audience's own text from `since` until `until`; its present own text stands on the
    audience. The others are what storefronts show. None is ever taken off: consents of its time refer to it.
    """

    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="known_wordings")
    wording = models.ForeignKey(Wording, on_delete=models.RESTRICT, related_name="known_to")
    is_own = models.BooleanField(default=False)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["audience", "wording"], condition=Q(is_own=False), name="known_wording_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.wording} of {self.audience_id}"


class LedgerIsAppendOnly(TypeError):  # noqa: N818 - it says what is true
    """Somebody tried to change or delete what a person said."""

    def __init__(self) -> None:
        super().__init__("The consent ledger is append-only: record another word of the person instead.")


class ConsentQuerySet(models.QuerySet["Consent"]):
    """Rows of the ledger are neither changed nor deleted. Erasing a person takes theirs along, by cascade."""

    def update(self, **_values: Any) -> NoReturn:
        raise LedgerIsAppendOnly

    def delete(self) -> NoReturn:
        raise LedgerIsAppendOnly

    def follow(self, absorbed: Contact, kept: Contact) -> None:
        """Two contacts are one person: what the one said, the other said. Nothing else of a row changes."""
        models.QuerySet(Consent).filter(contact=absorbed).update(contact=kept)


class Consent(models.Model):
    """One word of a person about marketing: when, to what, by which way. Append-only.

    `needs_confirmation` is true of a giving that counts only once it is confirmed from the mailbox. `is_proven` is
    true of what the owner of the mailbox is known to have said: by a link in a mail, or from a confirmed account.
    `key` makes the same word, told twice, one row. `actor` is who wrote it down where that was not the person: a
    member of staff, an import. Soft opt-in is a basis of its own and no consent.
    """

    class Kind(models.TextChoices):
        GIVEN = "given"
        CONFIRMED = "confirmed"
        WITHDRAWN = "withdrawn"

    class Basis(models.TextChoices):
        CONSENT = "consent"
        SOFT_OPT_IN = "soft_opt_in"

    class Source(models.TextChoices):
        CHECKOUT = "checkout"
        ACCOUNT = "account"
        STOREFRONT = "storefront"
        MAIL = "mail"
        IMPORT = "import"
        STAFF = "staff"
        MAILCHIMP = "mailchimp"

    class WordingOrigin(models.TextChoices):
        """Where the wording is from: sent with the word; the audience's own, for none was sent; sent, but unknown."""

        SENT = "sent"
        AUDIENCE = "audience"
        UNKNOWN = "unknown"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents")
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="consents")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    basis = models.CharField(max_length=16, choices=Basis.choices, default=Basis.CONSENT)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    email = models.CharField(max_length=320)
    source = models.CharField(max_length=16, choices=Source.choices)
    source_detail = models.CharField(max_length=128, blank=True, default="")
    actor = models.CharField(max_length=128, blank=True, default="")
    reference = models.CharField(max_length=128, blank=True, default="")
    wording = models.ForeignKey(Wording, null=True, on_delete=models.RESTRICT, related_name="consents")
    wording_origin = models.CharField(max_length=8, choices=WordingOrigin.choices, default=WordingOrigin.SENT)
    ip = models.GenericIPAddressField(null=True)
    needs_confirmation = models.BooleanField(default=False)
    is_proven = models.BooleanField(default=False)
    key = models.CharField(max_length=64)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["audience", "key"], name="consent_once")]
        indexes = [models.Index(fields=["contact", "at"], name="consent_by_contact")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at.isoformat()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise LedgerIsAppendOnly
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise LedgerIsAppendOnly


class ConfirmationMail(models.Model):
    """A mail that asks whether a consent was meant. Kept so that a mailbox is not flooded.

    `mailbox` is an HMAC of the mailbox under the shop's secret. Of an address that was erased there is no contact:
    `request` holds what was asked, until the mail is sent.
    """

    contact = models.ForeignKey(
        Contact, null=True, on_delete=models.CASCADE, related_name="confirmation_mails"
    )
    consent = models.ForeignKey(
        Consent, null=True, on_delete=models.CASCADE, related_name="confirmation_mails"
    )
    mailbox = models.CharField(max_length=64, default="")
    request = EncryptedTextField(blank=True, default="")
    requested_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["mailbox", "requested_at"], name="confirmation_mail_by_mailbox")]

    def __str__(self) -> str:
        return f"for consent {self.consent_id}"


class ShopSecret(models.Model):
    """What one shop's tombstones and links are made with: without it they tell nothing, and open nothing.

    Not the app's SECRET_KEY: that one changes now and then, while links in old mails must work for years.
    """

    installation = models.OneToOneField(
        "saleor.Installation", on_delete=models.CASCADE, related_name="audience_secret"
    )
    secret = EncryptedTextField()

    def __str__(self) -> str:
        return f"of {self.installation_id}"


class Tombstone(models.Model):
    """An address or account that was erased, as an HMAC. What comes in under it later is not kept.

    Since `lifted_at` it is kept again, by the person's own wish.
    """

    installation = models.ForeignKey(
        "saleor.Installation", on_delete=models.CASCADE, related_name="tombstones"
    )
    digest = models.CharField(max_length=64)
    erased_at = models.DateTimeField(default=timezone.now)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "digest"], name="tombstone_once")]

    def __str__(self) -> str:
        return self.digest


class Erasure(models.Model):
    """The receipt of an erasure: what was erased where, and nothing of whom.

    `digests` are the tombstones it set, so that the receipt is found again by who knows the address.
    """

    class Reason(models.TextChoices):
        REQUEST = "request"
        CUSTOMER_DELETED = "customer_deleted"
        ACCOUNT_DELETED = "account_deleted"
        FOUND_LATER = "found_later"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey("saleor.Installation", on_delete=models.CASCADE, related_name="erasures")
    reason = models.CharField(max_length=20, choices=Reason.choices)
    actor = models.CharField(max_length=128, blank=True, default="")
    contact_ids = models.JSONField(default=list)
    digests = models.JSONField(default=list)
    erased = models.JSONField(default=dict)
    erased_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["installation", "-erased_at"], name="erasure_newest")]

    def __str__(self) -> str:
        return str(self.id)


class StorefrontKey(models.Model):
    """A public key: it names the shop to which a browser's subscription belongs, and opens nothing else.

    `origins` are the shop's own, such as https://shop.example.com; other pages' scripts are refused.
    """

    installation = models.ForeignKey(
        "saleor.Installation", on_delete=models.CASCADE, related_name="storefront_keys"
    )
    key = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200, blank=True, default="")
    origins = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.key


class SoftBounce(models.Model):
    """A mail to the contact was turned away for a reason that may pass; forgotten once one arrives."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="soft_bounces")
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "day"], name="soft_bounce_once_a_day")]

    def __str__(self) -> str:
        return f"{self.contact_id} on {self.day}"


class MailWebhook(models.Model):
    """The address to which a mail service reports bounces and complaints of a shop's mails.

    `secret_digest` is the SHA-256 of the secret in its address. `signing_key` is the service's own, if it signs.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey(
        "saleor.Installation", on_delete=models.CASCADE, related_name="mail_webhooks"
    )
    service = models.CharField(max_length=32)
    secret_digest = models.CharField(max_length=64, unique=True)
    signing_key = EncryptedTextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.service} {self.pk}"


class RateWindow(models.Model):
    """How often something was asked within one span of time. `bucket` is a hash: no address is kept."""

    bucket = models.CharField(max_length=64, unique=True)
    count = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at.isoformat()}"


class Tag(models.Model):
    """A word that a shop puts on contacts of an audience. Names differ by more than capitals."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), "audience", name="tag_once_per_audience"),
        ]

    def __str__(self) -> str:
        return self.name


class ContactTag(models.Model):
    """A tag on a contact. What was put on by hand or import is never taken off by a rule."""

    class Origin(models.TextChoices):
        HAND = "hand"
        RULE = "rule"
        IMPORT = "import"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="contact_tags")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="contact_tags")
    origin = models.CharField(max_length=8, choices=Origin.choices)
    actor = models.CharField(max_length=128, blank=True, default="")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "tag"], name="contact_tag_once")]
        indexes = [models.Index(fields=["tag", "contact"], name="contact_tag_by_tag")]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.contact_id}"
