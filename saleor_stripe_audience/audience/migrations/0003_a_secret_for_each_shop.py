import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audience", "0002_consent_ledger_audiences_and_erasure"),
    ]

    operations = [
        migrations.RenameModel(old_name="TombstoneKey", new_name="ShopSecret"),
        migrations.AlterField(
            model_name="shopsecret",
            name="installation",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="audience_secret",
                to="saleor.installation",
            ),
        ),
    ]
