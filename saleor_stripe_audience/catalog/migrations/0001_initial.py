import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("gateway", "0001_initial"),
        ("shops", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogProduct",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("saleor_product_id", models.CharField(max_length=200)),
                ("saleor_variant_id", models.CharField(max_length=200)),
                ("name", models.CharField(max_length=500)),
                ("sku", models.CharField(blank=True, default="", max_length=255)),
                ("stripe_product_id", models.CharField(blank=True, default="", max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("synced", "Synced"),
                            ("archived", "Archived"),
                            ("not_sold", "Not Sold"),
                            ("sending", "Sending"),
                            ("waiting", "Waiting"),
                            ("failed", "Failed"),
                        ],
                        default="synced",
                        max_length=16,
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("sent_hash", models.CharField(blank=True, default="", max_length=64)),
                ("sent", models.JSONField(blank=True, default=dict)),
                ("issued_at", models.DateTimeField()),
                ("pushed_at", models.DateTimeField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                ("changes_at", models.DateTimeField(null=True)),
                ("problems", models.JSONField(blank=True, default=list)),
                ("last_error_code", models.CharField(blank=True, default="", max_length=100)),
                ("last_errors", models.JSONField(blank=True, default=dict)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="catalog",
                        to="gateway.stripeaccount",
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="catalog",
                        to="shops.installation",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["installation", "saleor_product_id"], name="catalog_product"),
                    models.Index(fields=["installation", "state", "is_active"], name="catalog_state"),
                    models.Index(fields=["installation", "name", "id"], name="catalog_by_name"),
                    models.Index(fields=["account", "stripe_product_id"], name="catalog_by_stripe_id"),
                    models.Index(
                        condition=models.Q(("changes_at__isnull", False)),
                        fields=["changes_at"],
                        name="catalog_changes",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "saleor_variant_id"), name="catalog_variant_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CatalogPrice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("channel_slug", models.CharField(max_length=255)),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("stripe_price_id", models.CharField(max_length=200, unique=True)),
                ("lookup_key", models.CharField(blank=True, default="", max_length=200)),
                ("tax_behavior", models.CharField(blank=True, default="", max_length=16)),
                ("is_adopted", models.BooleanField(default=False)),
                ("checked_at", models.DateTimeField(null=True)),
                ("is_active", models.BooleanField(default=True)),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="prices",
                        to="catalog.catalogproduct",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["lookup_key"], name="catalog_lookup_key")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)),
                        fields=("product", "channel_slug"),
                        name="catalog_one_price_a_channel",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Deletion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("saleor_id", models.CharField(max_length=200)),
                ("issued_at", models.DateTimeField()),
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "saleor_id"), name="catalog_deletion_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Difference",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("stripe_product_id", models.CharField(max_length=200)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("changed", "Changed"),
                            ("gone", "Gone"),
                            ("stray", "Stray"),
                            ("foreign", "Foreign"),
                        ],
                        max_length=16,
                    ),
                ),
                ("field", models.CharField(blank=True, default="", max_length=32)),
                ("title", models.CharField(max_length=500)),
                ("stripe_value", models.TextField(blank=True, default="")),
                ("saleor_value", models.TextField(blank=True, default="")),
                ("details", models.JSONField(blank=True, default=dict)),
                ("is_conflict", models.BooleanField(default=False)),
                ("reason", models.CharField(blank=True, default="", max_length=40)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("applied", "Applied"),
                            ("kept", "Kept"),
                            ("overruled", "Overruled"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("errors", models.JSONField(blank=True, default=dict)),
                ("found_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.CharField(blank=True, default="", max_length=128)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="gateway.stripeaccount",
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
                    "product",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="differences",
                        to="catalog.catalogproduct",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["installation", "state", "id"], name="catalog_difference_state"),
                    models.Index(fields=["installation", "found_at", "id"], name="catalog_difference_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "stripe_product_id", "field"), name="catalog_difference_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Label",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("saleor_id", models.CharField(max_length=200)),
                ("name", models.CharField(max_length=500)),
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
                "constraints": [
                    models.UniqueConstraint(fields=("installation", "saleor_id"), name="catalog_label_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Turn",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("saleor_variant_id", models.CharField(max_length=200)),
                ("holder", models.UUIDField()),
                ("until", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="gateway.stripeaccount",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "saleor_variant_id"), name="catalog_turn_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="UploadedImage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("saleor_product_id", models.CharField(max_length=200)),
                ("digest", models.CharField(max_length=64)),
                ("saleor_media_id", models.CharField(max_length=200)),
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("installation", "saleor_product_id", "digest"), name="catalog_image_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WaitingProduct",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("saleor_product_id", models.CharField(max_length=200)),
                ("payload", models.JSONField(null=True)),
                ("issued_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="gateway.stripeaccount",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "saleor_product_id"), name="catalog_waiting_product_once"
                    )
                ],
            },
        ),
    ]
