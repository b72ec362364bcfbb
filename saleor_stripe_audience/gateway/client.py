"""Access to Stripe through its own library, with an HTTP client that respects the webhook's deadline.

Every call is made inside `errors_of`, which turns Stripe's errors into ours. The calls themselves are in one module
for each resource: payment_intents, charges, refunds, disputes, payment_methods, customers, products …

Requests that a shopper waits for are sent by `get` and `post`: the library would build an object for each part of the
response, which would then be turned back into JSON. They raise the library's errors too.
"""

import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote, quote_plus, urlsplit

import stripe
import structlog
from django.conf import settings

from saleor_stripe_audience import __version__
from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.deadline import remaining, seconds_for_call
from saleor_stripe_audience.errors import Blocked, Unavailable
from saleor_stripe_audience.gateway import pace, platform, trouble
from saleor_stripe_audience.gateway.bulkhead import room
from saleor_stripe_audience.gateway.failures import NO_ANSWER, STORED_FAILURE, failure_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import UnreadableObject
from saleor_stripe_audience.kept_connections import KeptConnections
from saleor_stripe_audience.metrics import timed_stripe_call
from saleor_stripe_audience.network import Answer, NoAnswer

log = structlog.get_logger(__name__)

MOST_KEYS = 3
NETWORK_RETRIES = 1
LEAST_FOR_RETRY = 4.0  # seconds: a retry is started only if it can also end in time

_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")  # such text is its own encoding

stripe.enable_telemetry = False


class DeadlineClient(stripe.HTTPClient):
    """One HTTP client for all accounts, with one connection pool; each call is limited to the time left until the
    deadline.
    """

    name: ClassVar[str] = "httptools"

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        answer = self.exchange(method, url, headers or {}, post_data)
        return answer.text, answer.status_code, answer.headers

    def exchange(self, method: str, url: str, headers: Mapping[str, str], post_data: str | None) -> Answer:
        """Send one request, once; raises Stripe's `APIConnectionError` if there is no readable response."""
        # Accounts are identified by the key, and by the account that a platform's key acts for.
        account = f"{headers.get('Authorization', '')} {headers.get('Stripe-Account', '')}"
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        body = None if post_data is None else post_data.encode()
        try:
            pace.wait()
            with room(account), timed_stripe_call():
                answer = _connections(f"{parts.scheme}://{parts.netloc}").exchange(
                    method.upper(), path, seconds=seconds_for_call(), headers=headers, body=body
                )
        except NoAnswer as error:
            raise stripe.APIConnectionError("no response from Stripe", should_retry=True) from error  # type: ignore[no-untyped-call]  # the library's own
        _check_readable(answer)
        return answer

    def close(self) -> None:
        """The connections are kept for the next caller."""

    def _should_retry(self, *arguments: Any, **named: Any) -> bool:
        return bool(super()._should_retry(*arguments, **named)) and remaining() >= LEAST_FOR_RETRY


class _AnswerClient(DeadlineClient):
    """The same, but it returns the response unchanged, because it has already been parsed as JSON."""

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        answer = self.exchange(method, url, headers or {}, post_data)
        return answer, answer.status_code, answer.headers


class _GivenAnswer(stripe.HTTPClient):
    """Passes a response that has already been received to Stripe's library, which maps it to the right error."""

    name: ClassVar[str] = "given"

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    def request(
        self,
        method: str,  # noqa: ARG002 - the library's signature
        url: str,  # noqa: ARG002 - as above
        headers: Mapping[str, str] | None,  # noqa: ARG002 - as above
        post_data: Any = None,  # noqa: ARG002 - as above
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        return self._answer.text, self._answer.status_code, self._answer.headers


def _check_readable(answer: Answer) -> None:
    """A successful response from Stripe is an object that states its type. After anything else, it is unknown what
    Stripe did.
    """
    if not answer.ok:
        return
    try:
        is_stripes = isinstance(answer.json().get("object"), str)
    except ValueError:
        is_stripes = False
    if not is_stripes:
        raise stripe.APIConnectionError("no readable response from Stripe", should_retry=True)  # type: ignore[no-untyped-call]  # the library's own


@cache
def _connections(base: str) -> KeptConnections:
    return KeptConnections(base, settings.SERVER_THREADS)


# On a connection that two processes use, one may read the other's response.
os.register_at_fork(after_in_child=_connections.cache_clear)


@cache
def _http_client() -> DeadlineClient:
    return DeadlineClient()


@cache
def _answer_client() -> _AnswerClient:
    return _AnswerClient()


class Found(NamedTuple):
    """A Stripe object as JSON; `is_replayed` if it is an earlier response to the same idempotency key."""

    fields: dict[str, Any]
    is_replayed: bool


def get(account: StripeAccount, *path: str, params: Mapping[str, Any]) -> Found:
    """Fetch the object at `path`, such as "payment_intents", "pi_1"; raises Stripe's own errors."""
    query = _form_of(params)
    return _send(account, "get", f"{_path_of(path)}?{query}" if query else _path_of(path), {}, None)


def post(account: StripeAccount, *path: str, params: Mapping[str, Any], key: str = "") -> Found:
    """Send `params` to `path` under the idempotency key; raises Stripe's own errors."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        # A retry after a missing response must not be a second request.
        "Idempotency-Key": key or str(uuid.uuid4()),
    }
    return _send(account, "post", _path_of(path), headers, _form_of(params))


def _send(account: StripeAccount, method: str, path: str, headers: dict[str, str], body: str | None) -> Found:
    key, stripe_account = _key_of(account)
    headers |= {
        "Authorization": f"Bearer {key}",
        "Stripe-Version": stripe.api_version,
        "User-Agent": f"saleor-stripe-audience/{__version__}",
    }
    if stripe_account is not None:
        headers["Stripe-Account"] = stripe_account
    url = settings.STRIPE_API_BASE + path
    answer: Any = _answer_client().request_with_retries(
        method, url, headers, body, max_network_retries=NETWORK_RETRIES
    )[0]
    if not answer.ok:
        _raise_error_of(answer)
    return Found(answer.json(), answer.headers.get("Idempotent-Replayed") == "true")


def _raise_error_of(answer: Answer) -> None:
    stripe.StripeClient("unused", http_client=_GivenAnswer(answer), max_network_retries=0).raw_request(
        "get", "/v1/unused"
    )
    raise stripe.APIError(f"status {answer.status_code}")


def _path_of(parts: tuple[str, ...]) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _form_of(params: Mapping[str, Any]) -> str:
    return "&".join(f"{_name_of(field)}={_value_of(str(value))}" for field, value in _flatten(params))


def _value_of(text: str) -> str:
    return text if _UNRESERVED.fullmatch(text) else quote_plus(text)


@lru_cache(1024)
def _name_of(field: str) -> str:
    return quote_plus(field, safe="[]")


def _flatten(params: Mapping[Any, Any], whole: str = "") -> Iterator[tuple[str, Any]]:
    """Flatten nested parameters into form fields, in Stripe's notation: metadata[order], expand[0]."""
    for name, value in params.items():
        field = f"{whole}[{name}]" if whole else name
        if isinstance(value, dict):
            yield from _flatten(value, field)
        elif isinstance(value, list | tuple):
            yield from _flatten(dict(enumerate(value)), field)
        elif isinstance(value, bool):
            yield field, str(value).lower()
        elif value is not None:
            yield field, value


def _key_of(account: StripeAccount) -> tuple[str, str | None]:
    """The account's secret key, or the platform's and the account that it acts for."""
    if account.is_hosted:
        platform.check_reach(account)
        return settings.STRIPE_PLATFORM_SECRET_KEY, account.stripe_id
    return account.secret_key, None


def stripe_of(account: StripeAccount) -> stripe.StripeClient:
    """Return Stripe's client with the account's secret key, or with the platform's acting for the account."""
    return client_with(*_key_of(account))


def platform_client() -> stripe.StripeClient:
    """Return Stripe's client with the operator's own key, acting for the operator."""
    platform.check_offered()
    return client_with(settings.STRIPE_PLATFORM_SECRET_KEY)


def client_with(key: str, stripe_account: str | None = None) -> stripe.StripeClient:
    """Return Stripe's client with any key, such as one that was just pasted; for another account if one is named."""
    return stripe.StripeClient(
        key,
        stripe_account=stripe_account,
        base_addresses={"api": settings.STRIPE_API_BASE},
        http_client=_http_client(),
        max_network_retries=NETWORK_RETRIES,
    )


@contextmanager
def errors_of(account: StripeAccount | str) -> Iterator[None]:
    """Leave the database, and convert every Stripe error raised inside into one of ours.

    `account` is our row, or the name of an account that is not connected yet. If Stripe does not serve the account,
    this is stored.
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
    except UnreadableObject as error:
        log.warning("Stripe's object cannot be read", account=name, reason=str(error))
        raise Unavailable(NO_ANSWER, code="stripe_unavailable") from error
    except Blocked as failure:
        if row is not None:
            trouble.note(row, failure)
        raise


def under_new_keys[Result](key: str, ask: Callable[[str], Result]) -> Result:
    """Call `ask` with the idempotency key, or with another one if Stripe stored one of its own errors (5xx) under this
    one.

    Only for calls that do no harm if Stripe carried out the first one after all. `Unavailable` with the code
    `STORED_FAILURE` if Stripe fails under all keys.
    """
    for number in range(MOST_KEYS):
        try:
            return ask(key if number == 0 else f"again-{number}:{hashlib.sha256(key.encode()).hexdigest()}")
        except Unavailable as error:
            if error.code != STORED_FAILURE or number == MOST_KEYS - 1:
                raise
    raise AssertionError


def was_replayed(made: stripe.StripeObject) -> bool:
    """Whether Stripe repeated an earlier response to the same idempotency key: it may be out of date."""
    response = getattr(made, "last_response", None)
    return response is not None and response.headers.get("Idempotent-Replayed") == "true"
