"""The door to Stripe: one function per call, and the one place where Stripe's errors become ours.

Stripe's own library does the talking; its HTTP client is replaced by one that keeps to the webhook's deadline.
"""

import hashlib
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

import requests
import stripe
from django.conf import settings

from saleor_stripe_audience import network
from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.deadline import remaining, seconds_for_call
from saleor_stripe_audience.errors import Blocked, Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import platform, trouble
from saleor_stripe_audience.gateway.bulkhead import room
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.metrics import timed_stripe_call
from saleor_stripe_audience.network import Answer, NoAnswer

KEY_REUSED = "idempotency"
KEY_IN_USE = "idempotency_key_in_use"
MISSING = "resource_missing"
NO_ACCESS = "account_invalid"
MOST_KINDS = 20
IN_CONFLICT, SERVER_ERROR = 409, 500
MOST_KEYS = 3
REQUEST = "saleor_request"  # the metadata that says which request of the shop a refund answers
LEAST_FOR_RETRY = 4.0  # seconds: a retry is begun only if it may also end in time
KEY_REFUSED = "key_refused"
MISSING_PERMISSION = "missing_permission"
ENDPOINT = "endpoint"  # it was changed or switched off at Stripe
CHARGES_DISABLED = "charges_disabled"
TEST_ONLY = "testmode_charges_only"  # Stripe's code for an account that was never activated
# Stripe gives no code for an account that it has restricted since, only words.
CANNOT_CHARGE = re.compile(r"cannot currently make (live )?charges", re.IGNORECASE)
STORED_FAILURE = "stored_failure"
RATE_LIMIT = "rate_limit"
# Refusals that pass by themselves, by Stripe's code: https://docs.stripe.com/rate-limits
_PASSING = {
    RATE_LIMIT: "Stripe gets more requests from this account than it takes at once. Nothing was done; please try "
    "again in a moment.",
    "lock_timeout": "Stripe is still working on another request for this payment. Nothing was done; please try again "
    "in a moment.",
    KEY_IN_USE: "Stripe is still working on this very request. Please look again in a moment.",
}
STORED = (
    "Stripe failed at this request and gives the same answer to its repeats for a day. Nothing more was done; look at "
    "the payment in Stripe before you try again."
)
NO_ANSWER = (
    "Stripe did not answer in time. If it carried this out after all, the result will appear here by itself; "
    "look before trying again."
)

stripe.enable_telemetry = False


class DeadlineClient(stripe.HTTPClient):
    """One HTTP client for all accounts; a session a thread, each call within what the deadline leaves."""

    name: ClassVar[str] = "requests"

    def __init__(self) -> None:
        super().__init__()
        self._sessions = threading.local()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        seconds = seconds_for_call()
        try:
            with room(_whose(dict(headers or {}))), timed_stripe_call():
                answer = network.exchange(
                    self._session(),
                    method,
                    url,
                    seconds=seconds,
                    headers=dict(headers or {}),
                    data=post_data,
                )
        except NoAnswer as error:
            raise stripe.APIConnectionError("no answer from Stripe", should_retry=True) from error  # type: ignore[no-untyped-call]  # the library's own
        _check_readable(answer)
        return answer.text, answer.status_code, answer.headers

    def close(self) -> None:
        """Sessions end with their threads."""

    def _session(self) -> requests.Session:
        if not hasattr(self._sessions, "session"):
            self._sessions.session = network.make_session()
        session: requests.Session = self._sessions.session
        return session

    def _should_retry(self, *arguments: Any, **named: Any) -> bool:
        return remaining() >= LEAST_FOR_RETRY and bool(super()._should_retry(*arguments, **named))


def _check_readable(answer: Answer) -> None:
    """Stripe's success is an object that names its type. Of anything else nobody knows what Stripe did."""
    if not answer.ok:
        return
    try:
        is_stripes = isinstance(answer.json().get("object"), str)
    except ValueError:
        is_stripes = False
    if not is_stripes:
        raise stripe.APIConnectionError("no readable answer from Stripe", should_retry=True)  # type: ignore[no-untyped-call]  # the library's own


def _whose(headers: dict[str, str]) -> str:
    """What tells accounts apart: the key, and the account that a platform's key acts for."""
    return f"{headers.get('Authorization', '')} {headers.get('Stripe-Account', '')}"


@cache
def _http_client() -> DeadlineClient:
    return DeadlineClient()


def stripe_of(account: StripeAccount) -> stripe.StripeClient:
    """Stripe's client with the account's secret key, or with the platform's acting for the account."""
    if account.is_hosted:
        platform.check_reach(account)
        return client_with(settings.STRIPE_PLATFORM_SECRET_KEY, account.stripe_id)
    return client_with(account.secret_key)


def platform_client() -> stripe.StripeClient:
    """Stripe's client with the operator's own key, acting for the operator."""
    platform.check_offered()
    return client_with(settings.STRIPE_PLATFORM_SECRET_KEY)


def client_with(key: str, stripe_account: str | None = None) -> stripe.StripeClient:
    """Stripe's client with any key, such as one that was just pasted; for another account if one is named."""
    return stripe.StripeClient(
        key,
        stripe_account=stripe_account,
        base_addresses={"api": settings.STRIPE_API_BASE},
        http_client=_http_client(),
        max_network_retries=1,
    )


@contextmanager
def errors_of(account: StripeAccount | str) -> Iterator[None]:
    """Leave the database, and turn every error of Stripe inside into ours.

    `account` is our row, or what to call one that is not connected yet. That Stripe does not serve one is noted.
    """
    leave_database()
    row, name = (None, account) if isinstance(account, str) else (account, account.name)
    try:
        yield
    except stripe.StripeError as error:
        failure = failure_of(error, name, row)
        if row is not None:
            trouble.note(row, failure)
        raise failure from error
    except Blocked as failure:
        if row is not None:
            trouble.note(row, failure)
        raise


def failure_of(error: stripe.StripeError, account_name: str, account: StripeAccount | None = None) -> Failure:
    """Stripe's error in words for the merchant."""
    code = _code_of(error)
    if code == TEST_ONLY or CANNOT_CHARGE.search(str(error.user_message or "")):
        return _may_not_charge(account_name)
    if isinstance(error, stripe.AuthenticationError):
        return _key_refused(account_name, account, code)
    if isinstance(error, stripe.PermissionError):
        return _forbidden(error, account_name, account, code)
    return _refused(error, code) or _passing(error, code)


def _refused(error: stripe.StripeError, code: str) -> Rejected | None:
    """What Stripe has against the request itself; None where it has nothing."""
    if isinstance(error, stripe.CardError):
        return Rejected(error.user_message or "The card was declined.", code="card_declined")
    if isinstance(error, stripe.IdempotencyError):
        return Rejected("Stripe has seen this request before, with other details.", code=KEY_REUSED)
    if isinstance(error, stripe.InvalidRequestError) and code not in _PASSING:
        return Rejected(f"Stripe refused: {error.user_message or error.code or 'no reason given'}", code=code)
    return None


def _passing(error: stripe.StripeError, code: str) -> Unavailable:
    """What a repeat may mend."""
    if code in _PASSING:
        return Unavailable(_PASSING[code], code=code)
    if isinstance(error, stripe.RateLimitError):
        return Unavailable(_PASSING[RATE_LIMIT], code=RATE_LIMIT)
    if _is_stored(error):
        return Unavailable(STORED, code=STORED_FAILURE)
    return Unavailable(NO_ANSWER, code="stripe_unavailable")


def is_under_way(error: Failure) -> bool:
    """Whether Stripe is still working on an earlier call with the same idempotency key (409)."""
    cause = error.__cause__
    return (
        isinstance(cause, stripe.StripeError)
        and cause.http_status == IN_CONFLICT
        and _code_of(cause) == KEY_IN_USE
    )


def is_refusal(error: Failure) -> bool:
    """Whether Stripe looked at the request and refused it: it did nothing, and will not under this key.

    A dead key, a missing permission, a timeout or an error of Stripe's own is no such answer.
    """
    return isinstance(error.__cause__, stripe.InvalidRequestError | stripe.CardError)


def is_kept_error(error: Failure) -> bool:
    """Whether Stripe repeats an error of its own (5xx) that it keeps under the idempotency key, for a day or more.

    https://docs.stripe.com/api/idempotent_requests: "we save the resulting status code and body of the first request
    … including 500 errors".
    """
    return error.code == STORED_FAILURE


def _is_stored(error: stripe.StripeError) -> bool:
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return headers.get("idempotent-replayed") == "true" and (error.http_status or 0) >= SERVER_ERROR


def _code_of(error: stripe.StripeError) -> str:
    return str(error.code or getattr(error.error, "code", None) or "")


def refused_parameter(error: Failure) -> str:
    """The parameter that Stripe named in its refusal, such as "payment_method_options[klarna]"; empty if none."""
    return str(getattr(error.__cause__, "param", "") or "")


def _may_not_charge(account_name: str) -> Rejected:
    return Rejected(
        f"Stripe does not let the account “{account_name}” take payments now. Open Stripe's Dashboard: it says there "
        "which papers or details Stripe asks for.",
        code=CHARGES_DISABLED,
    )


def _key_refused(account_name: str, account: StripeAccount | None, code: str) -> Blocked:
    by = account.pk if account is not None else None
    if account is not None and account.is_hosted:
        return Blocked(
            f"Stripe refused the platform key with which the app acts for “{account_name}”. Ask whoever runs the app "
            "to put in a new one.",
            code=code or KEY_REFUSED,
            by=by,
        )
    return Blocked(
        f"Stripe refused the key of account “{account_name}”. Paste a new restricted key on the app's page.",
        code=code or KEY_REFUSED,
        by=by,
    )


def _forbidden(
    error: stripe.PermissionError, account_name: str, account: StripeAccount | None, code: str
) -> Blocked:
    by = account.pk if account is not None else None
    if code == NO_ACCESS:
        return Blocked(
            f"Stripe no longer lets the app act for “{account_name}”. Connect the account again on the app's page.",
            code=NO_ACCESS,
            by=by,
        )
    why = str(error.user_message or "see Stripe")
    return Blocked(
        f"The key of account “{account_name}” lacks a permission: {why}",
        code=MISSING_PERMISSION,
        values={"why": why.rstrip(".")},
        by=by,
    )


def under_new_keys[Result](key: str, ask: Callable[[str], Result]) -> Result:
    """What `ask` gives under the key, or under another where Stripe keeps a failure of its own under this one.

    Only for what is harmless if Stripe carried it out the first time after all. `Unavailable` with the code
    `STORED_FAILURE` if Stripe fails at all of them.
    """
    for number in range(MOST_KEYS):
        try:
            return ask(key if number == 0 else _another_key(key, number))
        except Unavailable as error:
            if error.code != STORED_FAILURE or number == MOST_KEYS - 1:
                raise
    raise AssertionError


def _another_key(key: str, number: int) -> str:
    return f"again-{number}:{hashlib.sha256(key.encode()).hexdigest()}"


def create_payment_intent(
    account: StripeAccount, params: dict[str, Any], idempotency_key: str
) -> stripe.PaymentIntent:
    """A new intent, or the one that this key made before, as it is now."""
    with errors_of(account):
        client = stripe_of(account)
        intent = client.v1.payment_intents.create(params, {"idempotency_key": idempotency_key})  # type: ignore[arg-type]  # built in parts
        if was_replayed(intent):
            return client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
        return intent


def payment_intents_since(account: StripeAccount, created: int) -> Iterator[stripe.PaymentIntent]:
    """The account's intents made since `created` (seconds since 1970), the newest first, page after page."""
    with errors_of(account):
        pages = stripe_of(account).v1.payment_intents.list({"created": {"gte": created}, "limit": 100})
        yield from pages.auto_paging_iter()


def customers_page(account: StripeAccount, after: str) -> tuple[list[dict[str, Any]], bool]:
    """A hundred of the account's customers, the newest first, from the one after `after` on; whether there are more."""
    with errors_of(account):
        params: Any = {"limit": 100} | ({"starting_after": after} if after else {})
        page = stripe_of(account).v1.customers.list(params)
        return [each.to_dict() for each in page.data], page.has_more


def charges_page(account: StripeAccount, after: str) -> tuple[list[dict[str, Any]], bool]:
    """The same of its charges, each with its customer and its PaymentIntent."""
    with errors_of(account):
        expand = ["data.customer", "data.payment_intent"]
        params: Any = {"limit": 100, "expand": expand} | ({"starting_after": after} if after else {})
        page = stripe_of(account).v1.charges.list(params)
        return [each.to_dict() for each in page.data], page.has_more


def events_since(account: StripeAccount, created: int, kinds: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The account's events since `created` (seconds since 1970) of these kinds; Stripe keeps them for 30 days.

    Stripe takes 20 kinds at once; the newest of each twenty come first.
    """
    for start in range(0, len(kinds), MOST_KINDS):
        some = list(kinds[start : start + MOST_KINDS])
        with errors_of(account):
            params: Any = {"created": {"gte": created}, "types": some, "limit": 100}
            for event in stripe_of(account).v1.events.list(params).auto_paging_iter():
                yield event.to_dict()


def update_payment_intent(
    account: StripeAccount, intent_id: str, params: dict[str, Any]
) -> stripe.PaymentIntent:
    """Change an intent that is not paid. Without a key of ours: saying the same twice changes nothing more."""
    with errors_of(account):
        return stripe_of(account).v1.payment_intents.update(intent_id, params)  # type: ignore[arg-type]  # built in parts


def update_charge(account: StripeAccount, charge_id: str, params: dict[str, Any]) -> None:
    """Change what a charge says of itself, such as its shipping address: that is possible after the payment as well."""
    with errors_of(account):
        stripe_of(account).v1.charges.update(charge_id, params)  # type: ignore[arg-type]  # built in parts


def retrieve_payment_intent(account: StripeAccount, intent_id: str) -> stripe.PaymentIntent:
    """The intent with its latest charge, as it is now."""
    with errors_of(account):
        return stripe_of(account).v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]})


def payment_intent_of_charge(account: StripeAccount, charge_id: str) -> str:
    """The id of the intent that the charge was made for; empty where there is none."""
    with errors_of(account):
        charge = stripe_of(account).v1.charges.retrieve(charge_id)
    intent = charge.payment_intent
    return intent if isinstance(intent, str) else intent.id if intent is not None else ""


def capture_payment_intent(
    account: StripeAccount,
    intent_id: str,
    amount: int,
    idempotency_key: str,
    *,
    keep_rest: bool,
    received: int | None = None,
) -> stripe.PaymentIntent:
    """Take `amount` (smallest unit) of what is held; the rest stays held if `keep_rest`, else it is released.

    A repeat under the same key gives the intent as it was after the first; `was_replayed` says so. `received` is what
    had been taken before: where Stripe keeps a failure of its own under the key, it shows whether the money was taken
    all the same, and only if not it is asked for under another key.
    """
    params: dict[str, Any] = {"amount_to_capture": amount, "expand": ["latest_charge"]}
    if keep_rest:
        params["final_capture"] = False

    def capture(key: str) -> stripe.PaymentIntent:
        if key != idempotency_key:
            now = retrieve_payment_intent(account, intent_id)
            if now.status != "requires_capture" or (received is not None and now.amount_received != received):
                return now
        with errors_of(account):
            return stripe_of(account).v1.payment_intents.capture(
                intent_id,
                params,  # type: ignore[arg-type]  # built in parts
                {"idempotency_key": key},
            )

    if keep_rest and received is None:
        return capture(
            idempotency_key
        )  # whether it was taken could not be seen: a second time would take it twice
    return under_new_keys(idempotency_key, capture)


def release_rest(account: StripeAccount, intent_id: str, idempotency_key: str) -> stripe.PaymentIntent:
    """End a hold of which parts were captured: nothing more is taken, the rest is released. Twice is once."""

    def release(key: str) -> stripe.PaymentIntent:
        with errors_of(account):
            return stripe_of(account).v1.payment_intents.capture(
                intent_id,
                {"amount_to_capture": 0, "final_capture": True, "expand": ["latest_charge"]},
                {"idempotency_key": key},
            )

    return under_new_keys(idempotency_key, release)


def refunds_of(account: StripeAccount, intent_id: str) -> list[stripe.Refund]:
    """Every refund of the payment, as it is now."""
    with errors_of(account):
        pages = stripe_of(account).v1.refunds.list({"payment_intent": intent_id, "limit": 100})
        return list(pages.auto_paging_iter())


def disputes_of(account: StripeAccount, intent_id: str) -> list[stripe.Dispute]:
    """Every dispute of the payment, as it is now."""
    with errors_of(account):
        pages = stripe_of(account).v1.disputes.list({"payment_intent": intent_id, "limit": 100})
        return list(pages.auto_paging_iter())


def refunded_since(account: StripeAccount, created: int) -> Iterator[str]:
    """The ids of the intents of which a refund was made since `created` (seconds since 1970), at any time of theirs."""
    with errors_of(account):
        for refund in stripe_of(account).v1.refunds.list(_page(created)).auto_paging_iter():
            yield from _id_of(refund.payment_intent)


def disputed_since(account: StripeAccount, created: int) -> Iterator[str]:
    """The same of disputes."""
    with errors_of(account):
        for dispute in stripe_of(account).v1.disputes.list(_page(created)).auto_paging_iter():
            yield from _id_of(dispute.payment_intent)


def _page(created: int) -> Any:
    return {"created": {"gte": created}, "limit": 100}


def _id_of(intent: stripe.PaymentIntent | str | None) -> Iterator[str]:
    if intent is not None:
        yield intent if isinstance(intent, str) else intent.id


def cancel_payment_intent(
    account: StripeAccount, intent_id: str, idempotency_key: str, reason: str = ""
) -> stripe.PaymentIntent:
    """End the intent; what is held is released. Twice is once. `reason` is one of Stripe's, or none."""
    params: Any = {"expand": ["latest_charge"]} | ({"cancellation_reason": reason} if reason else {})

    def cancel(key: str) -> stripe.PaymentIntent:
        if key != idempotency_key:
            now = retrieve_payment_intent(account, intent_id)
            if now.status == "canceled":
                return now
        with errors_of(account):
            return stripe_of(account).v1.payment_intents.cancel(intent_id, params, {"idempotency_key": key})

    return under_new_keys(idempotency_key, cancel)


def create_refund(
    account: StripeAccount, intent_id: str, amount: int, metadata: dict[str, str], idempotency_key: str
) -> stripe.Refund:
    """Give `amount` (smallest unit) back; the refund that this key made before, as it is now.

    The key stands in the refund's metadata too: where Stripe keeps a failure of its own under the key, that shows
    whether the money was given back all the same, and only if not it is asked for under another key.
    """
    mark = hashlib.sha256(idempotency_key.encode()).hexdigest()
    params: dict[str, Any] = {
        "payment_intent": intent_id,
        "amount": amount,
        "metadata": {**metadata, REQUEST: mark},
    }

    def refund(key: str) -> stripe.Refund:
        if key != idempotency_key:
            for each in refunds_of(account, intent_id):
                if (each.to_dict().get("metadata") or {}).get(REQUEST) == mark:
                    return each
        with errors_of(account):
            refunds = stripe_of(account).v1.refunds
            made = refunds.create(params, {"idempotency_key": key})  # type: ignore[arg-type]  # built in parts
            return refunds.retrieve(made.id) if was_replayed(made) else made

    return under_new_keys(idempotency_key, refund)


def retrieve_refund(account: StripeAccount, refund_id: str) -> stripe.Refund:
    """The refund with its charge, as it is now."""
    with errors_of(account):
        return stripe_of(account).v1.refunds.retrieve(refund_id, {"expand": ["charge"]})


def delete_webhook_endpoint(account: StripeAccount) -> None:
    """Stripe sends nothing to the account's endpoint any more."""
    delete_webhook_endpoint_of(account, account.webhook_endpoint_id)


def delete_webhook_endpoint_of(account: StripeAccount, endpoint_id: str) -> None:
    """Stripe sends nothing to that endpoint any more; one that is gone already is as good."""
    with errors_of(account):
        try:
            stripe_of(account).v1.webhook_endpoints.delete(endpoint_id)
        except stripe.InvalidRequestError as error:
            if error.code != MISSING:
                raise


def create_webhook_endpoint(key: str, name: str, url: str, events: list[str]) -> stripe.WebhookEndpoint:
    """An endpoint that speaks the library's API version; its secret is told this once.

    The key is new each time: a repeat must make an endpoint whose secret we can read.
    """
    with errors_of(name):
        params: dict[str, Any] = {
            "url": url,
            "enabled_events": events,
            "api_version": stripe.api_version,
            "description": "saleor-stripe-audience",
        }
        return client_with(key).v1.webhook_endpoints.create(params, {"idempotency_key": str(uuid.uuid4())})  # type: ignore[arg-type]  # built in parts


def was_replayed(made: stripe.StripeObject) -> bool:
    """Whether Stripe gave the answer that it had given before under the same key: it may be out of date."""
    response = getattr(made, "last_response", None)
    return response is not None and response.headers.get("Idempotent-Replayed") == "true"
