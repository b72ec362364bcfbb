"""The terms of use as the page shows them."""

import re
from dataclasses import dataclass

from django.utils.translation import get_language

from saleor_stripe_audience.gateway import terms
from saleor_stripe_audience.wording import ENGLISH

LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Document:
    """A document of ours, as the page shows it: its introduction and its numbered articles."""

    introduction: str
    articles: tuple[str, ...]


def read_terms() -> Document:
    """The terms in the language of the page, without what is only for files."""
    _title, introduction, *articles = (
        LINK.sub(r"\1", terms.text(get_language() or ENGLISH)).replace("`", "").split("\n\n")
    )
    listed = re.split(r"\n?^\d+\. ", "\n".join(articles), flags=re.MULTILINE)
    return Document(_joined(introduction), tuple(_joined(each) for each in listed if each.strip()))


def _joined(text: str) -> str:
    return " ".join(text.split())
