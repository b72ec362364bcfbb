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
                ("stripe_product_id", models.CharField(max_length=200)),
                ("is_active", models.BooleanField(default=True)),
                ("sent_hash", models.CharField(max_length=64)),
                ("issued_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="catalog",
                        to="gateway.stripeaccount",
                        db_index=False,
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="catalog",
                        to="shops.installation",
                        db_index=False,
                    ),
                ),
            ],
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
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="shops.installation",
                        db_index=False,
                    ),
                ),
            ],
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
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="gateway.stripeaccount",
                        db_index=False,
                    ),
                ),
            ],
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
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="gateway.stripeaccount",
                        db_index=False,
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="catalogproduct",
            index=models.Index(fields=["installation", "saleor_product_id"], name="catalog_product"),
        ),
        migrations.AddConstraint(
            model_name="catalogproduct",
            constraint=models.UniqueConstraint(
                fields=("account", "saleor_variant_id"), name="catalog_variant_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="catalogprice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_active", True)),
                fields=("product", "channel_slug"),
                name="catalog_one_price_a_channel",
            ),
        ),
        migrations.AddConstraint(
            model_name="deletion",
            constraint=models.UniqueConstraint(
                fields=("installation", "saleor_id"), name="catalog_deletion_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="turn",
            constraint=models.UniqueConstraint(
                fields=("account", "saleor_variant_id"), name="catalog_turn_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingproduct",
            constraint=models.UniqueConstraint(
                fields=("account", "saleor_product_id"), name="catalog_waiting_product_once"
            ),
        ),
    ]
