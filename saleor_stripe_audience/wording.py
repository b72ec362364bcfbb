"""A sentence in each language of the app, and the reader's language."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

FRENCH = "fr"
ENGLISH = "en"


@dataclass(frozen=True)
class Sentence:
    """A sentence in each language of the app."""

    en: str
    fr: str

    def told(self, language: str) -> str:
        """Return it in the language of a tag such as "fr", "fr-CA" or "FR_CA"; in English for any other."""
        return self.fr if language_of(language) == FRENCH else self.en


def language_of(tag: str) -> str:
    """Return the app's language for a reader of the language `tag`."""
    return FRENCH if tag.replace("_", "-").lower().split("-")[0] == FRENCH else ENGLISH


def for_staff(sentence: Sentence, **values: Any) -> str:
    """The sentence with its values, in the language that the operator chose for staff."""
    return sentence.told(settings.STAFF_LANGUAGE).format(**values)
