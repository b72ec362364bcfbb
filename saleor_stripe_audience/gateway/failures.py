"""Maps Stripe's errors to ours: which code each one has, and whether a retry can help."""

import re
from collections.abc import Callable
from typing import Any

import stripe
import structlog
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Blocked, Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.wording import with_values

log = structlog.get_logger(__name__)

Json = dict[str, Any]

KEY_REUSED = "idempotency"
KEY_IN_USE = "idempotency_key_in_use"
MISSING = "resource_missing"
NO_ACCESS = "account_invalid"
KEY_REFUSED = "key_refused"
MISSING_PERMISSION = "missing_permission"
ENDPOINT = "endpoint"  # it was changed or disabled at Stripe
CHARGES_DISABLED = "charges_disabled"
TEST_ONLY = "testmode_charges_only"  # Stripe's code for an account that was never activated
STORED_FAILURE = "stored_failure"
RATE_LIMIT = "rate_limit"
NO_METHOD = "payment_intent_invalid_parameter"  # Stripe's code where no payment method fits the currency
IN_CONFLICT, SERVER_ERROR = 409, 500

IN_PROGRESS = pgettext_lazy(
    "staff", "Stripe is still working on this request. Please check again in a moment."
)
# Stripe gives no code for an account that it restricted later, only a sentence.
CANNOT_CHARGE = re.compile(r"cannot currently make (live )?charges", re.IGNORECASE)
# Refusals that pass, by Stripe's code: https://docs.stripe.com/rate-limits
_TEMPORARY = {
    RATE_LIMIT: pgettext_lazy(
        "staff",
        "Stripe receives more requests from this account than it accepts at once. Nothing was "
        "done; please try again in a moment.",
    ),
    "lock_timeout": pgettext_lazy(
        "staff",
        "Stripe is still working on another request for this payment. Nothing was done; please try again in a moment.",
    ),
    KEY_IN_USE: IN_PROGRESS,
}
NEW = "new account"  # the name of an account before Stripe has returned one
STORED = pgettext_lazy(
    "staff",
    "Stripe failed to process this request, and returns the same error for a day if it is "
    "repeated. Nothing else was done; check the payment in Stripe before you try again.",
)
CANNOT_TAKE_PAYMENTS = pgettext_lazy(
    "staff",
    "Stripe does not currently allow the account “{account}” to accept payments. Open "
    "Stripe's Dashboard to see which documents or details Stripe needs.",
)
REFUSED = pgettext_lazy("staff", "Stripe refused: {reason}")
REFUSED_WITHOUT_REASON = pgettext_lazy("staff", "Stripe refused: no reason given")
NO_ANSWER = pgettext_lazy(
    "staff",
    "Stripe did not respond in time. If it carried this out after all, the result will appear "
    "here automatically; check before trying again.",
)


def failure_of(error: stripe.StripeError, account_name: str, account: StripeAccount | None = None) -> Failure:
    """Return the failure for Stripe's error, with a message for the merchant."""
    code = _code_of(error)
    if code == TEST_ONLY or CANNOT_CHARGE.search(str(error.user_message or "")):
        return Rejected(
            with_values(CANNOT_TAKE_PAYMENTS, account=account_name),
            code=CHARGES_DISABLED,
        )
    if isinstance(error, stripe.AuthenticationError):
        return _key_refused(account_name, account, code)
    if isinstance(error, stripe.PermissionError):
        return _forbidden(error, account_name, account, code)
    return _rejected(error, code) or _unavailable(error, code)


def _key_refused(account_name: str, account: StripeAccount | None, code: str) -> Blocked:
    by = account.pk if account is not None else None
    if account is not None and account.is_hosted:
        return Blocked(
            with_values(
                pgettext_lazy(
                    "staff",
                    "Stripe refused the platform key with which the app acts for “{account}”. Ask the app's operator "
                    "for a new one.",
                ),
                account=account_name,
            ),
            code=code or KEY_REFUSED,
            by=by,
        )
    if account_name == NEW:
        return Blocked(
            pgettext_lazy(
                "staff", "Stripe does not accept this key. Copy the whole key from Stripe again and paste it."
            ),
            code=code or KEY_REFUSED,
        )
    return Blocked(
        with_values(
            pgettext_lazy(
                "staff",
                "Stripe refused the key of account “{account}”. Paste a new restricted key on the app's page.",
            ),
            account=account_name,
        ),
        code=code or KEY_REFUSED,
        by=by,
    )


def _forbidden(
    error: stripe.PermissionError, account_name: str, account: StripeAccount | None, code: str
) -> Blocked:
    by = account.pk if account is not None else None
    if code == NO_ACCESS:
        return Blocked(
            with_values(
                pgettext_lazy(
                    "staff",
                    "Stripe no longer lets the app act for “{account}”. Connect the account again on the app's page.",
                ),
                account=account_name,
            ),
            code=NO_ACCESS,
            by=by,
        )
    why = str(error.user_message or "see Stripe")
    return Blocked(
        with_values(
            pgettext_lazy("staff", "The key of account “{account}” is missing a permission: {why}"),
            account=account_name,
            why=why,
        ),
        code=MISSING_PERMISSION,
        values={"why": why.rstrip(".")},
        by=by,
    )


def _rejected(error: stripe.StripeError, code: str) -> Rejected | None:
    """Return Stripe's objection to the request itself; None if there is none."""
    if isinstance(error, stripe.CardError):
        return Rejected(
            error.user_message or pgettext_lazy("staff", "The card was declined."), code="card_declined"
        )
    if isinstance(error, stripe.IdempotencyError):
        return Rejected(
            pgettext_lazy("staff", "Stripe has already received this request with other details."),
            code=KEY_REUSED,
        )
    if isinstance(error, stripe.InvalidRequestError) and code not in _TEMPORARY:
        reason = error.user_message or error.code
        message = with_values(REFUSED, reason=reason) if reason else REFUSED_WITHOUT_REASON
        return Rejected(message, code=code)
    return None


def _unavailable(error: stripe.StripeError, code: str) -> Unavailable:
    if code in _TEMPORARY:
        return Unavailable(_TEMPORARY[code], code=code)
    if isinstance(error, stripe.RateLimitError):
        return Unavailable(_TEMPORARY[RATE_LIMIT], code=RATE_LIMIT)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if headers.get("idempotent-replayed") == "true" and (error.http_status or 0) >= SERVER_ERROR:
        return Unavailable(STORED, code=STORED_FAILURE)
    return Unavailable(NO_ANSWER, code="stripe_unavailable")


def is_in_progress(error: Failure) -> bool:
    """Whether Stripe is still working on an earlier call with the same idempotency key (409)."""
    cause = error.__cause__
    return (
        isinstance(cause, stripe.StripeError)
        and cause.http_status == IN_CONFLICT
        and _code_of(cause) == KEY_IN_USE
    )


def is_refusal(error: Failure) -> bool:
    """Whether Stripe processed the request and refused it: it did nothing, and never will under this key.

    An invalid key, a missing permission, a timeout or an error on Stripe's side is not a refusal.
    """
    return isinstance(error.__cause__, stripe.InvalidRequestError | stripe.CardError)


def is_stored_failure(error: Failure) -> bool:
    """Whether Stripe repeats one of its own errors (5xx), which it stores under the idempotency key for a day or more.

    https://docs.stripe.com/api/idempotent_requests: "we save the resulting status code and body of the first request
    … including 500 errors".
    """
    return error.code == STORED_FAILURE


def refused_parameter(error: Failure) -> str:
    """Return the parameter that Stripe refused, such as "payment_method_options[klarna]"; empty if it named none."""
    return str(getattr(error.__cause__, "param", "") or "")


def without_refused(details: Json, error: Failure) -> Json:
    """Return the details without the one that Stripe refused, such as "address[country]"; none if it named none of
    them.
    """
    first, *rest = refused_parameter(error).replace("]", "").split("[")
    if first not in details:
        return {}
    others = {name: value for name, value in details.items() if name != first}
    part = _without(details[first], rest)
    return {**others, first: part} if part else others


def _without(part: Any, path: list[str]) -> Json:
    """Return the part without what is at the path; empty if there is nothing: then the part as a whole is refused."""
    if not path or not isinstance(part, dict) or path[0] not in part:
        return {}
    name, *rest = path
    others = {each: value for each, value in part.items() if each != name}
    inner = _without(part[name], rest)
    return {**others, name: inner} if inner else others


def send_accepted[Result](details: Json, send: Callable[[Json], Result]) -> Result | None:
    """Send the details without those that Stripe refuses, one after the other; None if all of them are refused."""
    while details:
        try:
            return send(details)
        except Rejected as error:
            if not is_refusal(error):
                raise
            log.warning("detail left out", parameter=refused_parameter(error), code=error.code)
            details = without_refused(details, error)
    return None


def _code_of(error: stripe.StripeError) -> str:
    return str(error.code or getattr(error.error, "code", None) or "")
