"""Each index slows down every write, so none may duplicate another one."""

from collections.abc import Iterator

from django.apps import apps
from django.db import models

PACKAGE = "saleor_stripe_audience."


def _beginnings(model: type[models.Model]) -> Iterator[str]:
    """Yield the first columns of the model's indexes over all rows."""
    for constraint in model._meta.constraints:
        if (
            isinstance(constraint, models.UniqueConstraint)
            and constraint.condition is None
            and constraint.fields
        ):
            yield constraint.fields[0]
    for index in model._meta.indexes:
        if index.condition is None and index.fields and not index.opclasses:
            yield index.fields[0].lstrip("-")


def _repeated() -> Iterator[str]:
    for model in apps.get_models():
        if model.__module__.startswith(PACKAGE):
            beginnings = set(_beginnings(model))
            for field in model._meta.local_fields:
                has_own = (
                    isinstance(field, models.ForeignKey)
                    and getattr(field, "db_index", False)
                    and not field.unique
                )
                if has_own and field.name in beginnings:
                    yield f"{model.__name__}.{field.name}: give it db_index=False"


def test_no_foreign_key_has_an_index_that_another_one_begins_with() -> None:
    assert list(_repeated()) == []
