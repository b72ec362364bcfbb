import datetime
import django.db.models.functions.comparison
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
    dependencies = [
        ("audience", "0006_jobs"),
        ("saleor", "0003_shown_problems"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["audience", "orders_count", "id"], name="contact_list_by_orders"),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                models.F("audience"),
                django.db.models.functions.comparison.Coalesce(
                    "last_order_at", datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
                ),
                models.F("id"),
                name="contact_list_by_last_order",
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["audience", "country"], name="contact_by_country"),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["audience", "language"], name="contact_by_language"),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["audience", "consent"], name="contact_by_consent"),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["audience", "lawful_basis"], name="contact_by_basis"),
        ),
        migrations.AddIndex(
            model_name="purchase",
            index=models.Index(fields=["installation", "placed_at", "id"], name="purchase_list"),
        ),
        migrations.RunPython(index_prefixes, drop_prefixes),
    ]
