"""Messages leave the app here, in their reader's language.

Code has them in English, as `pgettext_lazy` constants with the reader as context: "shopper", or "staff" of the shop.
The French is in one catalogue per reader: `locale/shopper/` and `locale/staff/`. Developers read English only.
"""

from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import override

FRENCH = "fr"
ENGLISH = "en"


def language_of(tag: str) -> str:
    """Return the app's language for a reader of the language `tag`, such as "fr-CA" or "FR_CA"; English for others."""
    return FRENCH if tag.replace("_", "-").lower().split("-")[0] == FRENCH else ENGLISH


def in_language(message: Promise, tag: str, **values: Any) -> str:
    """Return the message with its values, in the app's language for a reader of the language `tag`."""
    with override(language_of(tag)):
        return str(message).format(**values)


def for_staff(message: Promise, **values: Any) -> str:
    """Return the message with its values, in the language that the operator chose for staff."""
    return in_language(message, settings.STAFF_LANGUAGE, **values)
