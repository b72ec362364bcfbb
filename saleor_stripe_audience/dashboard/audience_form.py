"""Reads what staff type about an audience into its settings, and maps errors to fields."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.http import QueryDict
from django.utils.functional import Promise

from saleor_stripe_audience.audience.people.audiences import AudienceSettings
from saleor_stripe_audience.errors import Rejected

DOUBLE, SINGLE = "double", "single"
FORM = "audience-form"
WORDING_FORM = "add-wording"
# The field of each error; any other error is about the whole form.
FIELDS = {
    "name": "name",
    "name_taken": "name",
    "language": "language",
    "email_not_configured": "opt_in",
    "sender_name": "sender_name",
    "cart_silence_minutes": "cart_silence_minutes",
    "consent_keys": "consent_keys",
    "attribute_keys": "attribute_keys",
}
LONGEST_NUMBER = 6  # digits: a longer period is refused anyway


@dataclass(frozen=True, slots=True)
class Refused:
    """A rejected form: what was typed, and the field that is wrong; empty if it is not a single one.

    `lost` are the metadata keys whose values would be deleted.
    """

    form: str
    typed: QueryDict
    field: str
    text: str | Promise
    lost: tuple[str, ...] = ()


def field_of(error: Rejected) -> str:
    return FIELDS.get(error.code, "")


def read_settings(present: AudienceSettings, typed: QueryDict) -> AudienceSettings:
    """Return the current settings with what was typed. They are validated by the audience itself."""
    return replace(
        present,
        name=typed.get("name", ""),
        language=typed.get("language", ""),
        double_opt_in=typed.get("opt_in") == DOUBLE,
        sender_name=typed.get("sender_name", present.sender_name),
        cart_silence_minutes=_number(typed.get("cart_silence_minutes", str(present.cart_silence_minutes))),
        consent_keys=_keys(typed, "consent_keys", present.consent_keys),
        attribute_keys=_keys(typed, "attribute_keys", present.attribute_keys),
        ads_to_buyers=typed.get("ads_to_buyers") == "yes",
    )


def fields_of(settings: AudienceSettings) -> dict[str, str]:
    """Return the settings as the form shows them."""
    return {
        "name": settings.name,
        "language": settings.language,
        "opt_in": DOUBLE if settings.double_opt_in else SINGLE,
        "sender_name": settings.sender_name,
        "cart_silence_minutes": str(settings.cart_silence_minutes),
        "consent_keys": ", ".join(settings.consent_keys),
        "attribute_keys": ", ".join(settings.attribute_keys),
        "ads_to_buyers": "yes" if settings.ads_to_buyers else "",
    }


def typed_fields(settings: AudienceSettings, typed: QueryDict | None) -> Mapping[str, str]:
    """Return what the form shows: what was typed, if anything was; a box that was not ticked is not sent."""
    if typed is None:
        return fields_of(settings)
    return fields_of(settings) | {"ads_to_buyers": ""} | {name: typed.get(name, "") for name in typed}


def _number(text: str) -> int:
    """Return the number; zero, which every limit refuses, for any other text."""
    digits = text.strip()
    return int(digits) if re.fullmatch(rf"[0-9]{{1,{LONGEST_NUMBER}}}", digits) else 0


def _keys(typed: QueryDict, name: str, present: Sequence[str]) -> tuple[str, ...]:
    if name not in typed:
        return tuple(present)
    texts = re.split(r"[,\n]", typed.get(name, ""))
    return tuple(text.strip() for text in texts if text.strip())
