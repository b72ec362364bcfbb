"""Countries and languages as people and exports write them, converted to the codes that contacts store.

Names come from Unicode's CLDR (Babel) and from ISO 3166 with its translations (pycountry): English first, then every
other language. A name that means different countries in different languages is not recognized.
"""

# ruff: noqa: PLC0415 - the libraries are loaded when a name is first looked up: few processes ever need them
import gettext
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.people.countries import COUNTRIES
from saleor_stripe_audience.errors import Rejected

if TYPE_CHECKING:
    from babel import Locale
    from pycountry.db import Country

LONGEST_LANGUAGE = 35  # characters, as Contact has them
LONGEST_NAME = 200  # characters; the longest name that the libraries know has fewer than a hundred
_TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*")
_NATIONS = frozenset({"Country", "Nation", "Province"})  # of the United Kingdom
# Names in common use that neither library has: a reserved code, the EU's code for Greece, and colloquial names.
_COLLOQUIAL = {"uk": "GB", "el": "GR", "great britain": "GB", "holland": "NL"}


def country_code(text: str) -> str:
    """Return the two-letter country code, or an empty string. `UK`, `Deutschland` and `USA` are recognized."""
    plain = text.strip()
    return _country_code(plain) if len(plain) <= LONGEST_NAME else ""


@lru_cache(maxsize=4096)
def _country_code(text: str) -> str:
    code = text.upper()
    if code in COUNTRIES:
        return code
    return _country_named(text) or _country_named(_split_brackets(text)[0])


def language_of(text: str) -> str:
    """Return the language tag in lower case, such as fr-ca, or an empty string if the text is not a language."""
    plain = text.strip()
    return _language_of(plain) if len(plain) <= LONGEST_NAME else ""


@lru_cache(maxsize=4096)
def _language_of(text: str) -> str:
    tag = text.replace("_", "-").lower()
    if len(tag) <= LONGEST_LANGUAGE and _TAG.fullmatch(tag):
        primary, hyphen, rest = tag.partition("-")
        code = _canonical_language(primary)
        if code:
            return f"{code}{hyphen}{rest}"
    if found := _language_named(text):
        return found
    name, inner = _split_brackets(text)
    language = _language_named(name)
    country = _country_code(inner) if language else ""
    return f"{language}-{country.lower()}" if country else ""


def _split_brackets(text: str) -> tuple[str, str]:
    """Return what stands before and inside the brackets of `French (Canada)`; two empty texts if there are none."""
    before, _, inner = text.removesuffix(")").partition("(")
    return (before.strip(), inner.strip()) if text.endswith(")") and inner else ("", "")


def check_language(text: str) -> str:
    """Return `language_of` the text. `Rejected` if it is neither empty nor a language."""
    found = language_of(text) if text.strip() else ""
    if text.strip() and not found:
        raise Rejected(
            pgettext_lazy("staff", "Give the language as a tag, such as en or fr-ca."), code="language"
        )
    return found


def check_country(text: str) -> str:
    """Return the `country_code` of the text. `Rejected` if it is neither empty nor a country."""
    found = country_code(text) if text.strip() else ""
    if text.strip() and not found:
        raise Rejected(
            pgettext_lazy("staff", "Give the country as its two-letter code, such as FR."), code="country"
        )
    return found


def _fold(name: str) -> str:
    """Return the name for comparison: case, dots, kinds of spaces and apostrophes make no difference."""
    folded = unicodedata.normalize("NFKC", name).casefold().replace("’", "'").replace("&", "and")
    return " ".join(folded.replace(".", "").split())


def _country_named(name: str) -> str:
    folded = _fold(name)
    return (
        _COLLOQUIAL.get(folded) or _english_names().get(folded) or _names_in_all_languages().get(folded, "")
    )


@cache
def _english_names() -> dict[str, str]:
    import pycountry
    from babel import Locale

    found: dict[str, str] = {}
    for country in pycountry.countries:
        for name in (country.alpha_3, *_iso_names(country)):
            found.setdefault(_fold(name), country.alpha_2)
    for code, name in Locale("en").territories.items():
        if code in COUNTRIES:
            found.setdefault(_fold(name), code)
    for part in pycountry.subdivisions:
        if part.country_code == "GB" and part.type in _NATIONS and part.parent_code is None:
            found.setdefault(_fold(part.name), "GB")
    return found


@cache
def _names_in_all_languages() -> dict[str, str]:
    """Takes some seconds, once, and only if a name was not English."""
    named: dict[str, set[str]] = {}
    for locale in _official_locales():
        for code, name in locale.territories.items():
            if code in COUNTRIES:
                named.setdefault(_fold(name), set()).add(code)
    for name, code in _translated_names():
        named.setdefault(_fold(name), set()).add(code)
    return {name: next(iter(codes)) for name, codes in named.items() if len(codes) == 1}


def _official_locales() -> "Iterator[Locale]":
    """Yield the official languages of all countries that CLDR has data for.

    Babel keeps what it loaded: 60 MB for all of these. Each is dropped again once its names are read.
    """
    from babel import Locale, UnknownLocaleError, localedata
    from babel.languages import get_official_languages

    for language in sorted({each for code in COUNTRIES for each in get_official_languages(code)}):
        try:
            yield Locale.parse(language)
        except (UnknownLocaleError, ValueError):
            continue
        localedata._cache.pop(language, None)  # noqa: SLF001 - it has no public way


def _translated_names() -> Iterator[tuple[str, str]]:
    import pycountry

    for file in sorted(Path(pycountry.LOCALES_DIR).glob("*/LC_MESSAGES/iso3166-1.mo")):
        with file.open("rb") as opened:
            translated = gettext.GNUTranslations(opened)
        for country in pycountry.countries:
            yield from ((translated.gettext(name), country.alpha_2) for name in _iso_names(country))


def _iso_names(country: "Country") -> Iterable[str]:
    names = (getattr(country, each, None) for each in ("name", "common_name", "official_name"))
    return [name for name in names if name]


def _canonical_language(code: str) -> str:
    """Return CLDR's code for the language (`eng` becomes en), or an empty string if there is none."""
    from babel import Locale
    from babel.core import get_global

    aliased = get_global("language_aliases").get(code, code)
    return aliased if aliased in Locale("en").languages else ""


def _language_named(name: str) -> str:
    folded = _fold(name)
    return _english_language_names().get(folded) or _native_language_names().get(folded, "")


@cache
def _english_language_names() -> dict[str, str]:
    from babel import Locale

    return {_fold(name): _as_tag(code) for code, name in Locale("en").languages.items()}


@cache
def _native_language_names() -> dict[str, str]:
    names = ((locale.languages.get(locale.language), locale.language) for locale in _official_locales())
    return {_fold(name): _as_tag(code) for name, code in names if name}


def _as_tag(code: str) -> str:
    return code.replace("_", "-").lower()
