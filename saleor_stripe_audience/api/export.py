"""The schema as a document, kept beside the code so that developers and tools can read it: `python -m … .export`."""

from saleor_stripe_audience.api.schema import schema
from saleor_stripe_audience.documents import documents_root

PATH = "graphql/schema.graphql"


def schema_text() -> str:
    """The schema in GraphQL's own language."""
    return schema.as_str().rstrip() + "\n"


def write_schema() -> None:
    """Write it to `graphql/schema.graphql`."""
    (documents_root() / PATH).write_text(schema_text(), encoding="utf-8")
