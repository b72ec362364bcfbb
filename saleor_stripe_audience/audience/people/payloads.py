"""The base of Saleor's payloads, read once into typed values, and the customer account."""

from collections.abc import Mapping
from typing import Annotated, Any

from django.utils.translation import pgettext_lazy
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

INCOMPLETE = pgettext_lazy(
    "staff",
    "Saleor sent the {name} without required fields: {fields}. Reinstall the app in Saleor's Dashboard so that its "
    "webhooks request them again.",
)

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Metadata = Annotated[list[Any], BeforeValidator(lambda value: [] if value is None else value)]


def language_tag(code: str) -> str:
    """Return Saleor's `EN_US` as a language tag: `en-us`."""
    return code.replace("_", "-").lower()


Language = Annotated[Text, AfterValidator(language_tag)]


class Payload(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")


class Account(Payload):
    """A customer's account in the shop."""

    id: str
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    language: Language = Field("", validation_alias="languageCode")
    is_confirmed: bool | None = None
    is_staff: bool | None = (
        None  # only events say it; Saleor lists staff among its customers once they have ordered
    )
    metadata: list[Any] | None = None  # all of it, or None if the payload says nothing about it


def read_account(payload: Mapping[str, Any]) -> Account:
    """Read the customer of an event. `Rejected`, naming the fields, if it is incomplete."""
    return parse(Account, payload, "customer")


def parse[Parsed: Payload](model: type[Parsed], payload: Mapping[str, Any], name: str) -> Parsed:
    """Read a payload as `model`. `Rejected`, naming the fields, if it is incomplete."""
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        fields = sorted({".".join(str(step) for step in each["loc"]) for each in error.errors()})
        raise Rejected(
            with_values(INCOMPLETE, name=name, fields=", ".join(fields)),
            code="payload",
        ) from None
