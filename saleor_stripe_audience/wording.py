"""Messages are translated here, into their reader's language, when they leave the app.

Code has them in English, as `pgettext_lazy` constants with the reader as context: "shopper", or "staff" of the shop.
The French is in one catalogue per reader: `locale/shopper/` and `locale/staff/`. Developers read English only.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol, cast, runtime_checkable

from django.conf import settings
from django.utils.formats import number_format
from django.utils.functional import Promise, lazy
from django.utils.text import format_lazy
from django.utils.translation import get_language, override

FRENCH = "fr"
ENGLISH = "en"
LANGUAGES = (ENGLISH, FRENCH)

Wording = str | Promise  # a finished message, or one that is not translated yet


@runtime_checkable
class Localized(Protocol):
    """A value that each language formats in its own way, such as an amount."""

    def localized(self) -> str:
        """Return the value in the current language's format."""


def language_of(tag: str) -> str:
    """Return the app's language for a reader of the language `tag`, such as "fr-CA" or "FR_CA"; English for others."""
    return FRENCH if tag.replace("_", "-").lower().split("-")[0] == FRENCH else ENGLISH


def with_values(message: Promise | str, /, **values: Any) -> Promise:
    """Return the message with its values, not translated yet: a stored message may be read in any language.

    Amounts and decimals are formatted in the message's language, so pass them as values, not as strings.
    """
    lazily = {
        name: _localize(value) if isinstance(value, Localized | Decimal) else value
        for name, value in values.items()
    }
    return format_lazy(cast("str", message), **lazily)


def _write(value: Localized | Decimal) -> str:
    return number_format(value, force_grouping=True) if isinstance(value, Decimal) else value.localized()


_localize = lazy(_write, str)


def listed(parts: Sequence[Wording]) -> Promise:
    """Return the parts as a list in one text, not translated yet."""
    return cast("Promise", _join(*parts))


def _write_list(*parts: Wording) -> str:
    return ", ".join(map(str, parts))


_join = lazy(_write_list, str)


def in_language(message: Promise | str, tag: str, /, **values: Any) -> str:
    """Return the message with its values, in the app's language for a reader of the language `tag`."""
    language = language_of(tag)
    if language == get_language() and not values:
        return str(message)
    with override(language):
        return str(with_values(message, **values) if values else message)


def in_languages(message: Promise | str) -> dict[str, str]:
    """Return the message in each of the app's languages, because a stored message is read later by an unknown
    reader.
    """
    return {language: in_language(message, language) for language in LANGUAGES}


def text_in(languages: Mapping[str, str]) -> str:
    """Return the text of `in_languages` in the current language; empty if there is none."""
    return languages.get(language_of(get_language() or ENGLISH), "")


def for_staff(message: Promise | str, /, **values: Any) -> str:
    """Return the message with its values, in the language that the operator chose for staff."""
    return in_language(message, settings.STAFF_LANGUAGE, **values)
