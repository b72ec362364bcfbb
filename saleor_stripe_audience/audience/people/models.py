"""The audiences of a shop and the people in them."""

import uuid
from datetime import UTC, datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone

from saleor_stripe_audience.audience.people import status as facts
from saleor_stripe_audience.vault import EncryptedTextField

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


LAST_ORDER = Coalesce("last_order_at", NEVER)


class Audience(models.Model):
    """A list of people of one shop. Channels that feed no other audience feed the default one.

    `consent_text` is the wording for storefronts that do not send the wording they showed, entered at
    `consent_text_since`, which is null for a text that was never changed. With `double_opt_in`,
    consent counts once it is confirmed by email. A cart without activity for `cart_silence_minutes` counts as
    abandoned. Emails and pages show `sender_name`, or the shop's name if it is empty. `consent_keys` are additional
    metadata keys that mean a ticked box. Contacts store the `attribute_keys` of Saleor's metadata. With
    `ads_to_buyers`, lists for advertisers include non-subscribed buyers. `configured_at` is when staff chose these
    options; null for a default audience that the first event created.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey("shops.Installation", on_delete=models.CASCADE, related_name="audiences")
    name = models.CharField(max_length=200)
    is_default = models.BooleanField(default=False)
    language = models.CharField(max_length=35, blank=True, default="")
    double_opt_in = models.BooleanField(default=False)
    consent_text = models.TextField(blank=True, default="")
    consent_text_since = models.DateTimeField(null=True)
    cart_silence_minutes = models.PositiveIntegerField(default=60)
    sender_name = models.CharField(max_length=200, blank=True, default="")
    consent_keys = models.JSONField(default=list, blank=True)
    attribute_keys = models.JSONField(default=list, blank=True)
    ads_to_buyers = models.BooleanField(default=False)
    configured_at = models.DateTimeField(null=True)
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
        "shops.Installation", on_delete=models.CASCADE, related_name="channel_audiences", db_index=False
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
        """Filter contacts whose status may receive messages of this purpose: transactional, marketing or ads."""
        return self.filter(status__in=facts.statuses_for(purpose))


class Contact(models.Model):
    """A person in an audience, identified by address. Only the person's choice changes `consent`, never a purchase.

    `known_at` stores for each field when Saleor sent its current value, so that an older event never overwrites a
    newer one, in whatever order they arrive. `consent` and `soft_opt_in` are the result of the ledger (see
    `consent.ledger.refresh`); `status` and `lawful_basis` are computed by the database and cannot be written.
    `link_generation` grows when the links in emails are renewed: older links then only unsubscribe. With `is_curated`
    the merchant added, imported or edited the contact, so it is not deleted with its last cart or order.
    """

    Status = facts.Status

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="contacts", db_index=False)
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
    is_curated = models.BooleanField(default=False, db_default=False)
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
            models.Index(fields=["audience", "-created_at", "-id"], name="contact_newest"),
            models.Index(fields=["audience", "last_order_at"], name="contact_by_last_order"),
            models.Index(fields=["audience", "status", "orders_count"], name="contact_by_status"),
            models.Index(fields=["audience", "orders_count", "id"], name="contact_list_by_orders"),
            models.Index("audience", LAST_ORDER, "id", name="contact_list_by_last_order"),
            models.Index(fields=["audience", "country"], name="contact_by_country"),
            models.Index(fields=["audience", "language"], name="contact_by_language"),
            models.Index(fields=["audience", "consent"], name="contact_by_consent"),
            models.Index(fields=["audience", "lawful_basis"], name="contact_by_basis"),
            models.Index("audience", Lower("first_name"), name="contact_by_first_name"),
            models.Index("audience", Lower("last_name"), name="contact_by_last_name"),
        ]

    def __str__(self) -> str:
        return str(self.id)  # not the address: instances are printed in logs


class ContactAttribute(models.Model):
    """A value of Saleor's metadata under one of the audience's keys, as of `said_at`; empty once it was deleted.

    `number` is the value as a number, if it is one, so that it can be compared.
    """

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="attributes", db_index=False)
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
    """A previous address of a contact. Events that still arrive under it belong to the same person.

    `held_at` is when Saleor last reported that the account, `saleor_user_id`, had it; a later holder is another person.
    The contact's account may be another by now: one that was deleted and created again.
    """

    audience = models.ForeignKey(
        Audience, on_delete=models.CASCADE, related_name="former_addresses", db_index=False
    )
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="former_addresses")
    email = models.CharField(max_length=320)
    held_at = models.DateTimeField()
    saleor_user_id = models.CharField(max_length=128, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["audience", "email"], name="former_address_of_one_contact")
        ]

    def __str__(self) -> str:
        return f"a former address of {self.contact_id}"


class FormerContact(models.Model):
    """A contact that was merged into another: links in emails already sent still refer to it."""

    id = models.UUIDField(primary_key=True, editable=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="former_contacts")

    def __str__(self) -> str:
        return str(self.id)


class Wording(models.Model):
    """The exact text that people agreed to, stored once however many agreed to it."""

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="consent_wordings", db_index=False
    )
    digest = models.CharField(max_length=64)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["installation", "digest"], name="wording_once")]

    def __str__(self) -> str:
        return self.digest


class KnownWording(models.Model):
    """A wording that the merchant wrote for an audience: only these prove consent, and only these are emailed.

    With `is_own` it was the audience's own text from `since` until `until`: without a `language` the current one is on
    the audience, with one it is here, without `until`. The others are shown by storefronts. None is ever removed,
    because consents of its time refer to it.
    """

    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="known_wordings")
    wording = models.ForeignKey(Wording, on_delete=models.RESTRICT, related_name="known_to")
    is_own = models.BooleanField(default=False)
    language = models.CharField(max_length=35, blank=True, default="")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["audience", "wording"], condition=Q(is_own=False), name="known_wording_once"
            ),
            models.UniqueConstraint(
                fields=["audience", "language"],
                condition=Q(is_own=True, until=None),
                name="known_wording_current_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wording} of {self.audience_id}"


class ShopSecret(models.Model):
    """The secret that signs a shop's links and hashes its tombstones.

    Not the app's SECRET_KEY: that changes from time to time, while links in old emails must work for years.
    """

    installation = models.OneToOneField(
        "shops.Installation", on_delete=models.CASCADE, related_name="audience_secret"
    )
    secret = EncryptedTextField()

    def __str__(self) -> str:
        return f"secret of {self.installation_id}"


class Tag(models.Model):
    """A label for contacts of an audience. Names are unique, ignoring case."""

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
    """A tag on a contact. A rule never removes a tag that staff or an import added."""

    class Origin(models.TextChoices):
        STAFF = "staff"
        RULE = "rule"
        IMPORT = "import"

    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="contact_tags", db_index=False
    )
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="contact_tags", db_index=False)
    origin = models.CharField(max_length=8, choices=Origin.choices)
    actor = models.CharField(max_length=128, blank=True, default="")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "tag"], name="contact_tag_once")]
        indexes = [models.Index(fields=["tag", "contact"], name="contact_tag_by_tag")]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.contact_id}"


class ContactSpent(models.Model):
    """What a contact spent in one currency, in `orders_count` paid orders; `spent_minor` is charged minus refunded."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="spent", db_index=False)
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


class StaleContact(models.Model):
    """A contact that changed after its memberships were last evaluated."""

    contact = models.OneToOneField(
        Contact, primary_key=True, on_delete=models.CASCADE, related_name="stale_membership"
    )
    marked_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.contact_id)
