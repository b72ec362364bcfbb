"""The base of the typed values that Saleor's payloads are read into, once, where they arrive."""

from decimal import Decimal
from typing import Annotated, Any

from django.utils.translation import pgettext_lazy
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

UNREADABLE = pgettext_lazy(
    "staff",
    "Saleor's {name} has no valid {fields}. Reinstall the app in Saleor's Dashboard so that "
    "its webhooks request every field again.",
)

# JSON numbers are read as floats; their shortest text is the number that Saleor wrote.
Amount = Annotated[
    Decimal, BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)
]
# What Saleor's schema calls nullable may be null; here it is empty then.
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class Payload(BaseModel):
    """Part of a payload: fields in snake case, read from Saleor's camel case; what is not named here is ignored."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")


class Price(Payload):
    """An amount in whole units of its currency."""

    amount: Amount
    currency: str


def read[Model: BaseModel](model: type[Model], payload: Any, name: str) -> Model:
    """The payload as `model`; `Rejected`, with the fields that are missing or unreadable, if it is not one."""
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) or "object" for each in error.errors()})
        raise Rejected(
            with_values(UNREADABLE, name=name, fields=", ".join(fields)),
            code="payload",
        ) from None
