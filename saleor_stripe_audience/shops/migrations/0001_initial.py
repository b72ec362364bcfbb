import django.db.models.deletion
import saleor_stripe_audience.vault
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("saleor_api_url", models.URLField(max_length=500, unique=True)),
                ("app_id", models.CharField(max_length=200)),
                ("domain", models.CharField(blank=True, default="", max_length=300)),
                ("shop_name", models.CharField(blank=True, default="", max_length=200)),
                ("schema_version", models.CharField(blank=True, default="", max_length=20)),
                ("variant", models.CharField(default="app", max_length=40)),
                ("token", saleor_stripe_audience.vault.EncryptedTextField()),
                ("jwks", models.JSONField(default=dict)),
                ("is_active", models.BooleanField(default=True)),
                ("registered_at", models.DateTimeField()),
                ("removed_at", models.DateTimeField(null=True)),
                ("accepts_new_keys_until", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="RegistrationCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("who", models.CharField(max_length=64)),
                ("minute", models.BigIntegerField()),
                ("count", models.PositiveIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("who", "minute"), name="shops_registrations_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Channel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("saleor_id", models.CharField(blank=True, db_default="", default="", max_length=128)),
                ("slug", models.CharField(max_length=255)),
                ("name", models.CharField(max_length=250)),
                ("currency", models.CharField(max_length=3)),
                ("is_deleted", models.BooleanField(db_default=False, default=False)),
                (
                    "installation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="channels",
                        to="shops.installation",
                        db_index=False,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("installation", "slug"), name="shops_channel_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Problem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=128)),
                ("message", models.TextField()),
                ("translations", models.JSONField(default=dict)),
                ("announced", models.TextField(blank=True, default="")),
                ("shown", models.TextField(blank=True, default="")),
                ("since", models.DateTimeField(auto_now_add=True)),
                (
                    "installation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="problems",
                        to="shops.installation",
                        db_index=False,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("installation", "key"), name="shops_problem_once")
                ],
            },
        ),
    ]
