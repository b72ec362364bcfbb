"""Re-encrypt every stored secret with the current SECRET_KEY, so that the old one can be removed.

Set SECRET_KEY to the new key and SECRET_KEY_FALLBACKS to the old one, restart, run this, then remove the old one.
"""

import argparse
from collections.abc import Iterator, Sequence

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models.expressions import RawSQL

from saleor_stripe_audience.vault import EncryptedTextField, is_current

BATCH = 200


def run(arguments: Sequence[str]) -> int:
    """Print how many were encrypted; running it again finds none. It may run while the app is serving."""
    argparse.ArgumentParser(prog="saleor-stripe-audience rotate-keys", description=__doc__).parse_args(
        arguments
    )
    total = 0
    for model, field in encrypted_fields():
        count = rotate(model, field)
        total += count
        print(f"{model._meta.label}.{field}: {count}")  # noqa: SLF001 - Django documents _meta
    print(f"{total} secrets were encrypted again. SECRET_KEY_FALLBACKS can be emptied.")
    return 0


def encrypted_fields() -> Iterator[tuple[type[models.Model], str]]:
    """Every model field that stores a secret."""
    for model in apps.get_models():
        for field in model._meta.local_fields:  # noqa: SLF001 - Django documents _meta
            if isinstance(field, EncryptedTextField):
                yield model, field.name


def rotate(model: type[models.Model], field: str) -> int:
    """Encrypt the field's outdated values again, some rows at a time; returns how many."""
    outdated = [pk for pk, token in _stored(model, field) if token and not is_current(token)]
    for start in range(0, len(outdated), BATCH):
        with transaction.atomic():
            for row in _rows(model).select_for_update().filter(pk__in=outdated[start : start + BATCH]):
                row.save(update_fields=[field])
    return len(outdated)


def _rows(model: type[models.Model]) -> models.Manager[models.Model]:
    return model._default_manager  # noqa: SLF001 - Django documents it


def _stored(model: type[models.Model], field: str) -> list[tuple[object, str]]:
    """The field as it is stored: reading it through the model would decrypt it."""
    [column] = [each.column for each in model._meta.local_fields if each.name == field and each.column]  # noqa: SLF001 - as above
    stored = RawSQL(connection.ops.quote_name(column), [], output_field=models.TextField())  # noqa: S611 - the name of our own column
    return list(_rows(model).annotate(stored=stored).values_list("pk", "stored"))
