import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("gateway", "0001_initial"),
        ("shops", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("transaction_id", models.CharField(max_length=200)),
                ("idempotency_key", models.CharField(max_length=600)),
                ("payment_intent_id", models.CharField(max_length=200)),
                ("flow", models.CharField(max_length=20)),
                ("source_id", models.CharField(max_length=200)),
                ("channel_slug", models.CharField(max_length=255)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("status", models.CharField(max_length=40)),
                ("captured_minor", models.BigIntegerField(default=0)),
                ("refunded_minor", models.BigIntegerField(default=0)),
                ("gross_minor", models.BigIntegerField(null=True)),
                ("fee_minor", models.BigIntegerField(null=True)),
                ("net_minor", models.BigIntegerField(null=True)),
                ("settled_currency", models.CharField(blank=True, default="", max_length=3)),
                ("order_id", models.CharField(blank=True, default="", max_length=200)),
                ("order_number", models.CharField(blank=True, default="", max_length=64)),
                ("decline_code", models.CharField(blank=True, default="", max_length=100)),
                ("decline_message", models.CharField(blank=True, default="", max_length=512)),
                ("fetched_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="gateway.stripeaccount",
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="shops.installation",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["installation", "-created_at", "-id"], name="payments_newest"),
                    models.Index(fields=["installation", "source_id"], name="payments_by_source"),
                    models.Index(
                        condition=models.Q(("order_number", ""), _negated=True),
                        fields=["installation", "order_number"],
                        name="payments_by_order",
                    ),
                    models.Index(
                        condition=models.Q(("order_id", ""), _negated=True),
                        fields=["installation", "order_id"],
                        name="payments_by_order_id",
                    ),
                    models.Index(fields=["installation", "amount_minor"], name="payments_by_amount"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "transaction_id"), name="payments_transaction_once"
                    ),
                    models.UniqueConstraint(
                        fields=("account", "payment_intent_id"), name="payments_intent_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StaffRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField()),
                ("kind", models.CharField(max_length=10)),
                ("amount_minor", models.BigIntegerField()),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("requested_by", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "payment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="staff_requests",
                        to="payments.payment",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("payment", "key"), name="payments_staff_request_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ActionRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("transaction_id", models.CharField(max_length=200)),
                ("kind", models.CharField(max_length=10)),
                ("key", models.CharField(max_length=255)),
                ("body", models.CharField(max_length=64)),
                ("answer", models.JSONField(null=True)),
                ("reasons", models.JSONField(blank=True, default=dict)),
                ("unclear_at", models.DateTimeField(null=True)),
                (
                    "repeats",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="repeated_by",
                        to="payments.actionrequest",
                    ),
                ),
                ("received_before", models.BigIntegerField(null=True)),
                ("grant", models.CharField(max_length=200, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="action_requests",
                        to="shops.installation",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["installation", "transaction_id"], name="payments_request_by_payment"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("installation", "key"), name="payments_request_once"),
                    models.UniqueConstraint(
                        fields=("installation", "body"), name="payments_request_body_once"
                    ),
                    models.UniqueConstraint(
                        fields=("installation", "grant"), name="payments_request_grant_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("transaction_id", models.CharField(max_length=200)),
                ("idempotency_key", models.CharField(max_length=255)),
                ("params", models.JSONField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="gateway.stripeaccount",
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="shops.installation",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="payments_attempt_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "transaction_id"), name="payments_attempt_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reference", models.CharField(max_length=200)),
                ("payment_intent_id", models.CharField(max_length=200)),
                ("state", models.CharField(max_length=100)),
                ("message", models.TextField()),
                ("messages", models.JSONField(blank=True, default=dict)),
                ("is_last", models.BooleanField(default=False)),
                ("is_by_staff", models.BooleanField(default=False)),
                ("claimed_at", models.DateTimeField(null=True)),
                ("reported_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="shops.installation",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["installation", "payment_intent_id"], name="payments_notice_by_payment"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "reference", "state"), name="payments_notice_once"
                    )
                ],
            },
        ),
    ]
