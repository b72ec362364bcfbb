import django.db.models.deletion
import saleor_stripe_audience.vault
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("shops", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="StripeAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stripe_accounts",
                        to="shops.installation",
                    ),
                ),
                ("name", models.CharField(max_length=250)),
                ("publishable_key", models.CharField(max_length=300)),
                ("secret_key", saleor_stripe_audience.vault.EncryptedTextField()),
                ("stripe_id", models.CharField(max_length=100)),
                ("livemode", models.BooleanField()),
                ("webhook_endpoint_id", models.CharField(blank=True, default="", max_length=100)),
                ("webhook_secret", saleor_stripe_audience.vault.EncryptedTextField(blank=True, default="")),
                (
                    "old_webhook_secret",
                    saleor_stripe_audience.vault.EncryptedTextField(blank=True, default=""),
                ),
                ("old_secret_until", models.DateTimeField(null=True)),
                ("endpoint_version", models.CharField(blank=True, default="", max_length=40)),
                (
                    "state",
                    models.CharField(
                        choices=[("connected", "Connected"), ("disconnected", "Disconnected")],
                        default="connected",
                        max_length=16,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("pasted", "Pasted"), ("connect", "Connect")], default="pasted", max_length=8
                    ),
                ),
                (
                    "connect_state",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("not_connected", "Not Connected"),
                            ("pending", "Pending"),
                            ("active", "Active"),
                            ("restricted", "Restricted"),
                            ("rejected", "Rejected"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("pending_since", models.DateTimeField(blank=True, null=True)),
                ("requirements", models.JSONField(blank=True, default=list)),
                ("charges_enabled", models.BooleanField(default=True)),
                ("fetched_at", models.DateTimeField(blank=True, null=True)),
                ("default_currency", models.CharField(blank=True, default="", max_length=3)),
                ("blocked_at", models.DateTimeField(blank=True, null=True)),
                ("sends_receipts", models.BooleanField(default=False)),
                ("descriptor_suffix", models.CharField(blank=True, default="", max_length=22)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "stripe_id", "livemode"), name="gateway_account_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "connect"), models.Q(("stripe_id", ""), _negated=True)),
                        fields=("stripe_id", "livemode"),
                        name="gateway_connect_account_of_one_shop",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Customer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="customers",
                        to="gateway.stripeaccount",
                    ),
                ),
                ("shopper", models.CharField(max_length=200)),
                ("customer_id", models.CharField(blank=True, default="", max_length=100)),
                ("generation", models.PositiveIntegerField(default=0)),
                ("described", models.CharField(blank=True, default="", max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "indexes": [models.Index(fields=["account", "customer_id"], name="gateway_customer_by_id")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "shopper"), name="gateway_one_customer_a_shopper"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AccountChannel",
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
                        related_name="+",
                        to="shops.installation",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="channels",
                        to="gateway.stripeaccount",
                    ),
                ),
                ("channel_slug", models.CharField(max_length=255)),
                ("is_paused", models.BooleanField(default=False)),
                ("pause_message", models.CharField(blank=True, default="", max_length=200)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "channel_slug"), name="gateway_one_account_a_channel"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TermsAcceptance",
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
                        related_name="accepted_terms",
                        to="shops.installation",
                    ),
                ),
                ("document", models.CharField(max_length=50)),
                ("version", models.CharField(max_length=20)),
                ("accepted_by", models.CharField(max_length=200)),
                ("accepted_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "document", "version"), name="gateway_terms_once"
                    )
                ],
            },
        ),
    ]
