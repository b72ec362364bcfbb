"""The manifests and GraphQL documents: beside the package in a checkout, inside it in a wheel."""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent


@cache
def documents_root() -> Path:
    """The folder that contains `manifests/` and `graphql/`."""
    shipped = _PACKAGE / "shipped"
    return shipped if shipped.is_dir() else _PACKAGE.parent


@cache
def read_document(path: str) -> str:
    """Return the text of a document, such as `graphql/operations/FetchApp.graphql`."""
    return (documents_root() / path).read_text(encoding="utf-8")


def document_names(folder: str, suffix: str) -> list[str]:
    """The sorted names of the documents in `folder`, without the suffix."""
    return sorted(path.name.removesuffix(suffix) for path in (documents_root() / folder).glob(f"*{suffix}"))
