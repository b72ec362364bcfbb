"""Messages leave the app here, in their reader's language.

Code has them in English, as `pgettext_lazy` constants with the reader as context: "shopper", or "staff" of the shop.
The French is in one catalogue per reader: `locale/shopper/` and `locale/staff/`. Developers read English only.
"""

from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import get_language, override

FRENCH = "fr"
ENGLISH = "en"
LANGUAGES = (ENGLISH, FRENCH)

Wording = str | Promise  # a message that is written, or one that is still in no language


def language_of(tag: str) -> str:
    """Return the app's language for a reader of the language `tag`, such as "fr-CA" or "FR_CA"; English for others."""
    return FRENCH if tag.replace("_", "-").lower().split("-")[0] == FRENCH else ENGLISH


def with_values(message: Promise | str, /, **values: Any) -> Promise:
    """Return the message with its values, in no language yet: one that is stored may be read in each of them."""
    return format_lazy(cast("str", message), **values)


def in_language(message: Promise | str, tag: str, /, **values: Any) -> str:
    """Return the message with its values, in the app's language for a reader of the language `tag`."""
    with override(language_of(tag)):
        return str(with_values(message, **values) if values else message)


def in_languages(message: Promise | str) -> dict[str, str]:
    """Return the message in each language of the app: one that is stored is read by somebody unknown, later."""
    return {language: in_language(message, language) for language in LANGUAGES}


def text_in(languages: Mapping[str, str]) -> str:
    """Return the text of `in_languages` in the current language; empty if there is none."""
    return languages.get(language_of(get_language() or ENGLISH), "")


def for_staff(message: Promise | str, /, **values: Any) -> str:
    """Return the message with its values, in the language that the operator chose for staff."""
    return in_language(message, settings.STAFF_LANGUAGE, **values)
