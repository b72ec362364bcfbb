"""The door to Stripe: its own library, with an HTTP client that respects the webhook's deadline.

Every call is made inside `errors_of`, which turns Stripe's errors into ours. The calls themselves are in one module
for each resource: payment_intents, charges, refunds, disputes, payment_methods, customers, products …
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

import requests
import stripe
import structlog
from django.conf import settings

from saleor_stripe_audience import network
from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.deadline import remaining, seconds_for_call
from saleor_stripe_audience.errors import Blocked, Unavailable
from saleor_stripe_audience.gateway import platform, trouble
from saleor_stripe_audience.gateway.bulkhead import room
from saleor_stripe_audience.gateway.failures import NO_ANSWER, STORED_FAILURE, failure_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import UnreadableObject
from saleor_stripe_audience.metrics import timed_stripe_call
from saleor_stripe_audience.network import Answer, NoAnswer

log = structlog.get_logger(__name__)

MOST_KEYS = 3
LEAST_FOR_RETRY = 4.0  # seconds: a retry is started only if it can also end in time

stripe.enable_telemetry = False


class DeadlineClient(stripe.HTTPClient):
    """One HTTP client for all accounts; a session per thread, each call within what the deadline leaves."""

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
        sent = dict(headers or {})
        # Accounts are identified by the key, and by the account that a platform's key acts for.
        account = f"{sent.get('Authorization', '')} {sent.get('Stripe-Account', '')}"
        try:
            with room(account), timed_stripe_call():
                answer = network.exchange(
                    self._session(), method, url, seconds=seconds, headers=sent, data=post_data
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
    """Stripe's success is an object that names its type. After anything else it is unknown what Stripe did."""
    if not answer.ok:
        return
    try:
        is_stripes = isinstance(answer.json().get("object"), str)
    except ValueError:
        is_stripes = False
    if not is_stripes:
        raise stripe.APIConnectionError("no readable answer from Stripe", should_retry=True)  # type: ignore[no-untyped-call]  # the library's own


@cache
def _http_client() -> DeadlineClient:
    return DeadlineClient()


def stripe_of(account: StripeAccount) -> stripe.StripeClient:
    """Return Stripe's client with the account's secret key, or with the platform's acting for the account."""
    if account.is_hosted:
        platform.check_reach(account)
        return client_with(settings.STRIPE_PLATFORM_SECRET_KEY, account.stripe_id)
    return client_with(account.secret_key)


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
        max_network_retries=1,
    )


@contextmanager
def errors_of(account: StripeAccount | str) -> Iterator[None]:
    """Leave the database, and turn every error of Stripe inside into ours.

    `account` is our row, or the name of an account that is not connected yet. If Stripe does not serve it, that is
    stored.
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
    """Call `ask` with the idempotency key, or with another one where Stripe stored a failure of its own under this one.

    Only for what does no harm if Stripe carried it out the first time after all. `Unavailable` with the code
    `STORED_FAILURE` if Stripe fails under all of them.
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
