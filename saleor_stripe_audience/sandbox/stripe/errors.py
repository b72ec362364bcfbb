"""Refusals in Stripe's form: {"error": {"type", "code", "param", "message", …}} with the right status.

Source: Stripe's "Errors" and "Error codes" pages. Messages are our own; types, codes and parameters are
Stripe's, because those are what a client acts on.
"""

from typing import Any


class Refusal(Exception):  # noqa: N818 - not an error of the sandbox
    """Stripe refuses. `status` is HTTP's; the other fields are those of Stripe's error object."""

    def __init__(self, status: int, type_: str, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"type": type_, "message": message}
        self.error.update({name: value for name, value in fields.items() if value is not None})

    def body(self) -> dict[str, Any]:
        """The JSON body of the response."""
        error = dict(self.error)
        if "code" in error:
            error["doc_url"] = "https://stripe.com/docs/error-codes/" + error["code"].replace("_", "-")
        return {"error": error}


def invalid(
    message: str, param: str | None = None, code: str | None = None, status: int = 400, **fields: Any
) -> Refusal:
    """An invalid_request_error: the request can never succeed as it is."""
    return Refusal(status, "invalid_request_error", message, param=param, code=code, **fields)


def missing(name: str, identifier: str, param: str, status: int = 400) -> Refusal:
    """The object does not exist: 404 if its id is in the path, 400 if it is in a parameter."""
    return invalid(f"No such {name}: '{identifier}'", param, "resource_missing", status)


def required(param: str) -> Refusal:
    """A required parameter is missing."""
    return invalid(f"Missing required param: {param}.", param, "parameter_missing")


def unexpected_state(message: str, intent: dict[str, Any]) -> Refusal:
    """A PaymentIntent or SetupIntent is not in a status that allows this; the error carries the intent."""
    name = intent["object"]
    return Refusal(400, "invalid_request_error", message, code=f"{name}_unexpected_state", **{name: intent})


def card_error(message: str, code: str, **fields: Any) -> Refusal:
    """The card was declined: HTTP 402."""
    return Refusal(402, "card_error", message, code=code, **fields)
