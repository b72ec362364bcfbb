"""How Saleor interprets an app's response to a payment webhook, and what makes it reject the whole response."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from .state import PaymentMethod, now

MOST_MESSAGE = 512
ACTIONS = ("CHARGE", "REFUND", "CANCEL")
FINAL = ("AUTHORIZATION", "CHARGE")
_SESSION_SUCCESS = frozenset(f"{kind}_{step}" for kind in FINAL for step in ("SUCCESS", "REQUEST"))
_SESSION_OTHER = frozenset(
    [f"{kind}_{step}" for kind in FINAL for step in ("FAILURE", "ACTION_REQUIRED")] + ["CANCEL_SUCCESS"]
)


@dataclass(frozen=True)
class Answer:
    """A response that Saleor accepts; `type` is None for a bare pspReference, which leaves the action pending."""

    type: str | None
    psp_reference: str | None
    amount: Decimal
    time: datetime
    message: str
    external_url: str
    actions: list[str] | None
    payment_method: PaymentMethod | None


class Unusable(Exception):  # noqa: N818 - named for what happened
    """Saleor rejects the whole response; the message becomes the failure's."""


class _Method(BaseModel):
    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)

    type: str = Field(max_length=32)
    name: str = Field(max_length=256)
    brand: str | None = Field(default=None, max_length=40)
    first_digits: str | None = Field(default=None, max_length=4)
    last_digits: str | None = Field(default=None, max_length=4)
    exp_month: int | None = Field(default=None, ge=1, le=12)
    exp_year: int | None = Field(default=None, ge=2000)
    last_chars: str | None = Field(default=None, max_length=4)

    @field_validator("type")
    @classmethod
    def known(cls, value: str) -> str:
        if value not in {"CARD", "OTHER", "GIFT_CARD"}:
            raise ValueError(f"Unknown payment method type: {value}")
        return value

    def record(self) -> PaymentMethod:
        if self.type != "CARD":
            return PaymentMethod(self.type, self.name, brand=self.brand, last_chars=self.last_chars)
        return PaymentMethod(
            self.type,
            self.name,
            self.brand,
            self.first_digits,
            self.last_digits,
            self.exp_month,
            self.exp_year,
        )


class _Given(BaseModel):
    """Nulls count as omitted."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)

    psp_reference: str | None = None
    amount: Decimal | None = None
    time: datetime | None = None
    external_url: HttpUrl | None = None
    message: str = ""
    actions: list[Any] | None = None
    payment_method_details: _Method | None = None

    @field_validator("time", mode="before")
    @classmethod
    def iso(cls, value: Any) -> Any:
        return datetime.fromisoformat(value) if isinstance(value, str) else value

    @field_validator("message", mode="before")
    @classmethod
    def cut(cls, value: Any) -> str:
        return str(value or "")[:MOST_MESSAGE]


def session_answer(given: dict[str, Any], requested: Decimal) -> Answer:
    """Read the response to an initialize or process session; Unusable if Saleor would reject it."""
    result = given.get("result")
    if result not in _SESSION_SUCCESS | _SESSION_OTHER:
        raise Unusable(f"Missing or invalid value for `result`: {result}.")
    return _read(given, str(result), requested, needs_reference=result in _SESSION_SUCCESS)


def action_answer(given: dict[str, Any], kind: str, requested: Decimal) -> Answer:
    """Read the response to a requested action; `kind` is CHARGE, REFUND or CANCEL."""
    result = given.get("result")
    if result is None:
        return _read(given, None, requested, needs_reference=True)
    if result not in (f"{kind}_SUCCESS", f"{kind}_FAILURE"):
        raise Unusable(f"Missing or invalid value for `result`: {result}.")
    return _read(given, str(result), requested, needs_reference=result == f"{kind}_SUCCESS")


def _read(given: dict[str, Any], result: str | None, requested: Decimal, *, needs_reference: bool) -> Answer:
    try:
        read = _Given.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise Unusable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:MOST_MESSAGE]) from error
    if needs_reference and read.psp_reference is None:
        raise Unusable("pspReference: Field required")
    moment = read.time or now()
    return Answer(
        type=result,
        psp_reference=read.psp_reference,
        # Saleor accepts any amount, even a negative one; if it is missing or zero, the requested amount counts.
        amount=read.amount or requested,
        time=moment if moment.tzinfo else moment.replace(tzinfo=now().tzinfo),
        message=read.message,
        external_url=str(read.external_url or ""),
        actions=None if read.actions is None else [each for each in read.actions if each in ACTIONS],
        payment_method=read.payment_method_details.record() if read.payment_method_details else None,
    )
