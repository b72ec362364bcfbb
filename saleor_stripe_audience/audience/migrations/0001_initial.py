import datetime
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.utils.timezone
import saleor_stripe_audience.vault
import uuid
from django.db import migrations, models


# How an address or a name begins. PostgreSQL's usual indexes find that in some languages' order only, and Django has
# no name for these ones on an expression. SQLite reads its fewer rows instead.
PREFIXES = {
    "contact_address_begins": "(audience_id, email varchar_pattern_ops)",
    "contact_first_name_begins": "(audience_id, (lower(first_name)) text_pattern_ops)",
    "contact_last_name_begins": "(audience_id, (lower(last_name)) text_pattern_ops)",
}


def index_prefixes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name, of in PREFIXES.items():
            schema_editor.execute(f"CREATE INDEX {name} ON audience_contact {of}")


def drop_prefixes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in PREFIXES:
            schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("jobs", "0001_initial"),
        ("shops", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Audience",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="audiences",
                        to="shops.installation",
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("is_default", models.BooleanField(default=False)),
                ("language", models.CharField(blank=True, default="", max_length=35)),
                ("double_opt_in", models.BooleanField(default=False)),
                ("consent_text", models.TextField(blank=True, default="")),
                ("consent_text_since", models.DateTimeField(null=True)),
                ("cart_silence_minutes", models.PositiveIntegerField(default=60)),
                ("sender_name", models.CharField(blank=True, default="", max_length=200)),
                ("consent_keys", models.JSONField(blank=True, default=list)),
                ("attribute_keys", models.JSONField(blank=True, default=list)),
                ("ads_to_buyers", models.BooleanField(default=False)),
                ("configured_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("installation",),
                        name="audience_one_default_per_installation",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "audience",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contacts",
                        to="audience.audience",
                    ),
                ),
                ("email", models.CharField(max_length=320)),
                ("first_name", models.CharField(blank=True, default="", max_length=256)),
                ("last_name", models.CharField(blank=True, default="", max_length=256)),
                ("phone", models.CharField(blank=True, default="", max_length=128)),
                ("city", models.CharField(blank=True, default="", max_length=256)),
                ("country", models.CharField(blank=True, default="", max_length=8)),
                ("language", models.CharField(blank=True, default="", max_length=35)),
                (
                    "consent",
                    models.CharField(
                        choices=[
                            ("unknown", "Unknown"),
                            ("pending", "Pending"),
                            ("confirmed", "Confirmed"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="unknown",
                        max_length=16,
                    ),
                ),
                ("soft_opt_in", models.BooleanField(default=False)),
                (
                    "deliverability",
                    models.CharField(
                        choices=[("ok", "Ok"), ("bounced", "Bounced"), ("complained", "Complained")],
                        default="ok",
                        max_length=16,
                    ),
                ),
                (
                    "lifecycle",
                    models.CharField(
                        choices=[("active", "Active"), ("archived", "Archived"), ("erased", "Erased")],
                        default="active",
                        max_length=16,
                    ),
                ),
                (
                    "status",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(lifecycle__in=["archived", "erased"], then=models.Value("archived")),
                            models.When(deliverability__in=["bounced"], then=models.Value("cleaned")),
                            models.When(deliverability__in=["complained"], then=models.Value("unsubscribed")),
                            models.When(consent__in=["withdrawn"], then=models.Value("unsubscribed")),
                            models.When(consent__in=["confirmed"], then=models.Value("subscribed")),
                            models.When(consent__in=["pending"], then=models.Value("pending")),
                            default=models.Value("nonsubscribed"),
                        ),
                        output_field=models.CharField(
                            choices=[
                                ("nonsubscribed", "Nonsubscribed"),
                                ("pending", "Pending"),
                                ("subscribed", "Subscribed"),
                                ("unsubscribed", "Unsubscribed"),
                                ("cleaned", "Cleaned"),
                                ("archived", "Archived"),
                            ],
                            max_length=16,
                        ),
                    ),
                ),
                (
                    "lawful_basis",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(deliverability="complained", then=models.Value("none")),
                            models.When(consent="confirmed", then=models.Value("consent")),
                            models.When(
                                models.Q(("consent__in", ["unknown", "pending"]), ("soft_opt_in", True)),
                                then=models.Value("soft_opt_in"),
                            ),
                            default=models.Value("none"),
                        ),
                        output_field=models.CharField(
                            choices=[
                                ("none", "None"),
                                ("consent", "Consent"),
                                ("soft_opt_in", "Soft Opt In"),
                            ],
                            max_length=16,
                        ),
                    ),
                ),
                ("saleor_user_id", models.CharField(blank=True, default=None, max_length=128, null=True)),
                ("known_at", models.JSONField(blank=True, default=dict)),
                ("link_generation", models.PositiveIntegerField(db_default=0, default=0)),
                ("is_curated", models.BooleanField(db_default=False, default=False)),
                ("orders_count", models.PositiveIntegerField(default=0)),
                ("first_order_at", models.DateTimeField(blank=True, null=True)),
                ("last_order_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["audience", "-created_at", "-id"], name="contact_newest"),
                    models.Index(fields=["audience", "last_order_at"], name="contact_by_last_order"),
                    models.Index(fields=["audience", "status", "orders_count"], name="contact_by_status"),
                    models.Index(fields=["audience", "orders_count", "id"], name="contact_list_by_orders"),
                    models.Index(
                        models.F("audience"),
                        django.db.models.functions.comparison.Coalesce(
                            "last_order_at", datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
                        ),
                        models.F("id"),
                        name="contact_list_by_last_order",
                    ),
                    models.Index(fields=["audience", "country"], name="contact_by_country"),
                    models.Index(fields=["audience", "language"], name="contact_by_language"),
                    models.Index(fields=["audience", "consent"], name="contact_by_consent"),
                    models.Index(fields=["audience", "lawful_basis"], name="contact_by_basis"),
                    models.Index(
                        models.F("audience"),
                        django.db.models.functions.text.Lower("first_name"),
                        name="contact_by_first_name",
                    ),
                    models.Index(
                        models.F("audience"),
                        django.db.models.functions.text.Lower("last_name"),
                        name="contact_by_last_name",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("audience", "email"), name="contact_one_per_address"),
                    models.UniqueConstraint(
                        fields=("audience", "saleor_user_id"), name="contact_one_per_account"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RateWindow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("bucket", models.CharField(max_length=64, unique=True)),
                ("count", models.PositiveIntegerField(default=0)),
                ("ends_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="Cart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="carts",
                        to="shops.installation",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="carts",
                        to="audience.contact",
                    ),
                ),
                ("saleor_checkout_id", models.CharField(max_length=128)),
                ("channel", models.CharField(blank=True, default="", max_length=250)),
                ("currency", models.CharField(max_length=3)),
                ("total_minor", models.BigIntegerField()),
                ("voucher_code", models.CharField(blank=True, default="", max_length=255)),
                ("started_at", models.DateTimeField()),
                ("last_active_at", models.DateTimeField()),
                ("issued_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("saleor_order_id", models.CharField(blank=True, default="", max_length=128)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at", None), ("contact__isnull", False)),
                        fields=["last_active_at", "contact"],
                        name="cart_left_open",
                    ),
                    models.Index(fields=["contact", "last_active_at"], name="cart_by_contact"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "saleor_checkout_id"), name="cart_one_per_checkout"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CartLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "cart",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="audience.cart",
                    ),
                ),
                ("saleor_line_id", models.CharField(max_length=128)),
                ("saleor_product_id", models.CharField(blank=True, default="", max_length=128)),
                ("saleor_variant_id", models.CharField(blank=True, default="", max_length=128)),
                ("product_name", models.CharField(blank=True, default="", max_length=386)),
                ("variant_name", models.CharField(blank=True, default="", max_length=255)),
                ("sku", models.CharField(blank=True, default="", max_length=255)),
                ("quantity", models.IntegerField()),
                ("total_minor", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("cart", "saleor_line_id"), name="cart_line_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ChannelAudience",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="channel_audiences",
                        to="shops.installation",
                    ),
                ),
                ("channel", models.CharField(max_length=255)),
                (
                    "audience",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="channels",
                        to="audience.audience",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "channel"), name="audience_one_per_channel"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StaleContact",
            fields=[
                (
                    "contact",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="stale_membership",
                        serialize=False,
                        to="audience.contact",
                    ),
                ),
                ("marked_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="Wording",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="consent_wordings",
                        to="shops.installation",
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("text", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("installation", "digest"), name="wording_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="consents",
                        to="audience.contact",
                    ),
                ),
                (
                    "audience",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="consents",
                        to="audience.audience",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("given", "Given"), ("confirmed", "Confirmed"), ("withdrawn", "Withdrawn")],
                        max_length=16,
                    ),
                ),
                (
                    "basis",
                    models.CharField(
                        choices=[("consent", "Consent"), ("soft_opt_in", "Soft Opt In")],
                        default="consent",
                        max_length=16,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField(auto_now_add=True)),
                ("email", models.CharField(max_length=320)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("checkout", "Checkout"),
                            ("account", "Account"),
                            ("storefront", "Storefront"),
                            ("mail", "Mail"),
                            ("import", "Import"),
                            ("staff", "Staff"),
                            ("mailchimp", "Mailchimp"),
                        ],
                        max_length=16,
                    ),
                ),
                ("source_detail", models.CharField(blank=True, default="", max_length=128)),
                ("actor", models.CharField(blank=True, default="", max_length=128)),
                ("reference", models.CharField(blank=True, default="", max_length=128)),
                (
                    "wording",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="consents",
                        to="audience.wording",
                    ),
                ),
                (
                    "wording_origin",
                    models.CharField(
                        choices=[("sent", "Sent"), ("audience", "Audience"), ("unknown", "Unknown")],
                        default="sent",
                        max_length=8,
                    ),
                ),
                ("ip", models.GenericIPAddressField(null=True)),
                ("needs_confirmation", models.BooleanField(default=False)),
                ("is_proven", models.BooleanField(default=False)),
                ("is_late", models.BooleanField(default=False)),
                ("key", models.CharField(max_length=64)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["contact", "at"], name="consent_by_contact"),
                    models.Index(
                        fields=["audience", "at", "kind", "basis", "needs_confirmation"],
                        name="consent_newest",
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("audience", "key"), name="consent_once")],
            },
        ),
        migrations.CreateModel(
            name="ConfirmationMail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="confirmation_mails",
                        to="audience.contact",
                    ),
                ),
                (
                    "consent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="confirmation_mails",
                        to="audience.consent",
                    ),
                ),
                ("mailbox", models.CharField(default="", max_length=64)),
                ("request", saleor_stripe_audience.vault.EncryptedTextField(blank=True, default="")),
                ("requested_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["mailbox", "requested_at"], name="confirmation_mail_by_mailbox")
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactAttribute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attributes",
                        to="audience.contact",
                    ),
                ),
                ("key", models.CharField(max_length=128)),
                ("value", models.CharField(blank=True, default="", max_length=500)),
                ("number", models.DecimalField(decimal_places=3, max_digits=18, null=True)),
                ("said_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["key", "value", "contact"], name="contact_attribute_by_value"),
                    models.Index(fields=["key", "number", "contact"], name="contact_attribute_by_number"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("contact", "key"), name="contact_attribute_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactSpent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="spent",
                        to="audience.contact",
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("spent_minor", models.BigIntegerField(default=0)),
                ("refunded_minor", models.BigIntegerField(default=0)),
                ("orders_count", models.PositiveIntegerField(default=0)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["currency", "spent_minor", "contact"], name="contact_spent_by_sum")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("contact", "currency"), name="contact_spent_per_currency")
                ],
            },
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="erasures",
                        to="shops.installation",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("request", "Request"),
                            ("customer_deleted", "Customer Deleted"),
                            ("account_deleted", "Account Deleted"),
                            ("found_later", "Found Later"),
                        ],
                        max_length=20,
                    ),
                ),
                ("actor", models.CharField(blank=True, default="", max_length=128)),
                ("contact_ids", models.JSONField(default=list)),
                ("digests", models.JSONField(default=list)),
                ("link_generation", models.PositiveIntegerField(db_default=0, default=0)),
                ("erased", models.JSONField(default=dict)),
                ("erased_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "indexes": [models.Index(fields=["installation", "-erased_at"], name="erasure_newest")],
            },
        ),
        migrations.CreateModel(
            name="FormerAddress",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "audience",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_addresses",
                        to="audience.audience",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_addresses",
                        to="audience.contact",
                    ),
                ),
                ("email", models.CharField(max_length=320)),
                ("held_at", models.DateTimeField()),
                ("saleor_user_id", models.CharField(blank=True, default="", max_length=128)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("audience", "email"), name="former_address_of_one_contact"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FormerContact",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_contacts",
                        to="audience.contact",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MailWebhook",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="mail_webhooks",
                        to="shops.installation",
                    ),
                ),
                ("service", models.CharField(max_length=32)),
                ("secret_digest", models.CharField(max_length=64, unique=True)),
                ("signing_key", saleor_stripe_audience.vault.EncryptedTextField(blank=True, default="")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("heard_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="PaymentFact",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="payment_facts",
                        to="shops.installation",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="payment_facts",
                        to="audience.contact",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("declined", "Declined"), ("disputed", "Disputed")], max_length=16
                    ),
                ),
                ("code", models.CharField(blank=True, default="", max_length=64)),
                ("outcome", models.CharField(blank=True, default="", max_length=32)),
                ("outcome_at", models.DateTimeField(null=True)),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("source_id", models.CharField(blank=True, default="", max_length=128)),
                ("reference", models.CharField(max_length=255)),
                ("key", models.CharField(max_length=255)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["kind", "at", "contact"], name="payment_fact_by_time"),
                    models.Index(fields=["contact", "kind", "at"], name="payment_fact_by_contact"),
                    models.Index(fields=["installation", "source_id"], name="payment_fact_by_source"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("installation", "key"), name="payment_fact_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Purchase",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="purchases",
                        to="audience.contact",
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="purchases",
                        to="shops.installation",
                    ),
                ),
                ("saleor_order_id", models.CharField(max_length=128)),
                ("number", models.CharField(blank=True, default="", max_length=64)),
                ("status", models.CharField(max_length=64)),
                ("charge_status", models.CharField(max_length=32)),
                ("channel", models.CharField(blank=True, default="", max_length=250)),
                ("currency", models.CharField(max_length=3)),
                ("total_minor", models.BigIntegerField()),
                ("charged_minor", models.BigIntegerField()),
                ("refunded_minor", models.BigIntegerField()),
                ("voucher_code", models.CharField(blank=True, default="", max_length=255)),
                ("saleor_user_id", models.CharField(blank=True, default="", max_length=128)),
                ("is_placed_by_account", models.BooleanField(default=False)),
                ("saleor_checkout_id", models.CharField(blank=True, default="", max_length=128)),
                ("placed_at", models.DateTimeField()),
                ("issued_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["contact", "placed_at", "status"], name="purchase_by_contact"),
                    models.Index(fields=["installation", "placed_at", "id"], name="purchase_list"),
                    models.Index(
                        condition=models.Q(("saleor_checkout_id", ""), _negated=True),
                        fields=["installation", "saleor_checkout_id"],
                        name="purchase_by_checkout",
                    ),
                    models.Index(
                        condition=models.Q(("voucher_code", ""), _negated=True),
                        fields=["installation", "voucher_code"],
                        name="purchase_by_voucher",
                    ),
                    models.Index(
                        condition=models.Q(("refunded_minor__gt", 0)),
                        fields=["contact"],
                        name="purchase_refunded",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "saleor_order_id"), name="purchase_one_per_order"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PurchaseLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "purchase",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="audience.purchase",
                    ),
                ),
                ("saleor_line_id", models.CharField(max_length=128)),
                ("saleor_product_id", models.CharField(blank=True, default="", max_length=128)),
                ("saleor_variant_id", models.CharField(blank=True, default="", max_length=128)),
                ("product_name", models.CharField(blank=True, default="", max_length=386)),
                ("variant_name", models.CharField(blank=True, default="", max_length=255)),
                ("sku", models.CharField(blank=True, default="", max_length=255)),
                ("quantity", models.IntegerField()),
                ("quantity_fulfilled", models.IntegerField(default=0)),
                ("unit_minor", models.BigIntegerField()),
                ("total_minor", models.BigIntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["saleor_product_id", "purchase"], name="purchase_line_by_product"),
                    models.Index(fields=["saleor_variant_id", "purchase"], name="purchase_line_by_variant"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("purchase", "saleor_line_id"), name="purchase_line_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "audience",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tags",
                        to="audience.audience",
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("name"),
                        models.F("audience"),
                        name="tag_once_per_audience",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Segment",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "audience",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="segments",
                        to="audience.audience",
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("tree", models.JSONField()),
                ("is_timed", models.BooleanField(default=False)),
                (
                    "tag",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="segments",
                        to="audience.tag",
                    ),
                ),
                ("ready_made", models.CharField(blank=True, default="", max_length=32)),
                ("refreshed_at", models.DateTimeField(null=True)),
                ("refresh_due_at", models.DateTimeField(db_index=True, null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("name"),
                        models.F("audience"),
                        name="segment_once_per_audience",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="audience.segment",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="audience.contact",
                    ),
                ),
                ("entered_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("segment", "contact"), name="membership_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ShopSecret",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "installation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="audience_secret",
                        to="shops.installation",
                    ),
                ),
                ("secret", saleor_stripe_audience.vault.EncryptedTextField()),
            ],
        ),
        migrations.CreateModel(
            name="SoftBounce",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="soft_bounces",
                        to="audience.contact",
                    ),
                ),
                ("day", models.DateField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("contact", "day"), name="soft_bounce_once_a_day")
                ],
            },
        ),
        migrations.CreateModel(
            name="SoldProduct",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sold_products",
                        to="shops.installation",
                    ),
                ),
                ("saleor_product_id", models.CharField(max_length=128)),
                ("name", models.CharField(blank=True, default="", max_length=386)),
                ("saleor_category_id", models.CharField(blank=True, default="", max_length=128)),
                ("category_name", models.CharField(blank=True, default="", max_length=250)),
                ("saleor_product_type_id", models.CharField(blank=True, default="", max_length=128)),
                ("product_type_name", models.CharField(blank=True, default="", max_length=250)),
                ("issued_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["installation", "saleor_category_id"], name="sold_product_by_category"
                    ),
                    models.Index(
                        fields=["installation", "saleor_product_type_id"], name="sold_product_by_type"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "saleor_product_id"), name="sold_product_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SoldProductCollection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="collections",
                        to="audience.soldproduct",
                    ),
                ),
                ("saleor_collection_id", models.CharField(max_length=128)),
                ("name", models.CharField(blank=True, default="", max_length=250)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["saleor_collection_id", "product"], name="sold_in_collection")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("product", "saleor_collection_id"), name="sold_in_collection_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StorefrontKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="storefront_keys",
                        to="shops.installation",
                    ),
                ),
                ("key", models.CharField(max_length=64, unique=True)),
                ("name", models.CharField(blank=True, default="", max_length=200)),
                ("origins", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("form", models.UUIDField(editable=False, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "form"), name="storefront_key_once_per_form"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactTag",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contact_tags",
                        to="audience.contact",
                    ),
                ),
                (
                    "tag",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contact_tags",
                        to="audience.tag",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[("staff", "Staff"), ("rule", "Rule"), ("import", "Import")], max_length=8
                    ),
                ),
                ("actor", models.CharField(blank=True, default="", max_length=128)),
                ("added_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "indexes": [models.Index(fields=["tag", "contact"], name="contact_tag_by_tag")],
                "constraints": [models.UniqueConstraint(fields=("contact", "tag"), name="contact_tag_once")],
            },
        ),
        migrations.CreateModel(
            name="EarlyWithdrawal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="early_withdrawals",
                        to="shops.installation",
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("withdrawn_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["withdrawn_at"], name="early_withdrawal_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("installation", "digest"), name="early_withdrawal_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Tombstone",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tombstones",
                        to="shops.installation",
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("erased_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("lifted_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("installation", "digest"), name="tombstone_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="KnownWording",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "audience",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="known_wordings",
                        to="audience.audience",
                    ),
                ),
                (
                    "wording",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="known_to",
                        to="audience.wording",
                    ),
                ),
                ("is_own", models.BooleanField(default=False)),
                ("language", models.CharField(blank=True, default="", max_length=35)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_own", False)),
                        fields=("audience", "wording"),
                        name="known_wording_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_own", True), ("until", None)),
                        fields=("audience", "language"),
                        name="known_wording_current_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportFile",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(blank=True, default="", max_length=255)),
                ("actor", models.CharField(max_length=128)),
                ("actor_name", models.CharField(max_length=128)),
                ("form", models.JSONField(default=dict)),
                ("choices", models.JSONField(default=dict)),
                ("revision", models.PositiveIntegerField(default=0)),
                (
                    "check_state",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "None"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
                ("checked", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveIntegerField(null=True)),
                ("report", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "audience",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="import_files",
                        to="audience.audience",
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="import_files",
                        to="shops.installation",
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="import_files",
                        to="jobs.job",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["installation", "-created_at"], name="import_file_newest")]
            },
        ),
        migrations.CreateModel(
            name="ImportPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_refused", models.BooleanField(default=False)),
                ("position", models.PositiveIntegerField()),
                ("content", models.BinaryField()),
                (
                    "file",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="audience.importfile",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("file", "is_refused", "position"), name="import_part_once"
                    )
                ]
            },
        ),
        migrations.RunPython(index_prefixes, drop_prefixes),
    ]
