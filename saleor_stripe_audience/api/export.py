"""The schema as a document, for developers and tools: `python -m saleor_stripe_audience.api.export` writes it.

DJANGO_SETTINGS_MODULE has to be set.
"""

import django

from saleor_stripe_audience.documents import documents_root

PATH = "graphql/schema.graphql"


def schema_text() -> str:
    """Return the schema in GraphQL's schema language. Django must be set up."""
    from saleor_stripe_audience.api.schema import schema  # noqa: PLC0415 - reads models, so only after the set-up

    return schema.as_str().rstrip() + "\n"


def write_schema() -> None:
    """Write it to `graphql/schema.graphql`."""
    (documents_root() / PATH).write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    django.setup()
    write_schema()
