import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Pulse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200, unique=True)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Cursor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("origin", models.UUIDField()),
                ("name", models.CharField(max_length=50)),
                ("at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("origin", "name"), name="inbox_cursor_once")],
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.CharField(max_length=16)),
                ("origin", models.UUIDField()),
                ("key", models.CharField(max_length=255)),
                ("kind", models.CharField(max_length=100)),
                ("payload", models.JSONField(null=True)),
                ("occurred_at", models.DateTimeField()),
                ("received_at", models.DateTimeField(auto_now_add=True)),
                ("handled_at", models.DateTimeField(null=True)),
                ("swept_at", models.DateTimeField(null=True)),
                ("trace", models.CharField(blank=True, default="", max_length=16)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["source", "origin", "-received_at", "-id"],
                        name="inbox_event_newest",
                    ),
                    models.Index(
                        condition=models.Q(("handled_at", None)),
                        fields=["received_at"],
                        name="inbox_event_open",
                    ),
                    models.Index(
                        condition=models.Q(("payload__isnull", False)),
                        fields=["handled_at"],
                        name="inbox_event_prunable",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("source", "origin", "key"), name="inbox_event_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Handling",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("handler", models.CharField(max_length=200)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("done_at", models.DateTimeField(null=True)),
                ("given_up_at", models.DateTimeField(null=True)),
                ("reasons", models.JSONField(blank=True, default=dict)),
                ("waits_for", models.UUIDField(null=True)),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="handlings",
                        to="inbox.event",
                        db_index=False,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("waits_for__isnull", False)),
                        fields=["waits_for"],
                        name="inbox_waits_for",
                    ),
                    models.Index(
                        condition=models.Q(("given_up_at__isnull", False)),
                        fields=["given_up_at"],
                        name="inbox_given_up",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("event", "handler"), name="inbox_handling_once")
                ],
            },
        ),
    ]
