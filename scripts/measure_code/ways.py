"""Three flows through the product, run once with both stand-ins: their calls and SQL statements.

Nothing here knows the product's modules. A flow starts with a request from outside, recognized by its event, and ends
after the response and the tasks that it enqueued.
"""

import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import chain, groupby
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any
from wsgiref.types import WSGIEnvironment

import requests
from django.core.signals import request_finished, request_started
from django.db import connection
from django.test import Client
from django_ox.testing import run_tasks

from saleor_stripe_audience.sandbox.demo.shopper import (
    ADDRESS,
    CHECKOUT,
    COMPLETE,
    DELIVERY,
    GATEWAY,
    INITIALIZE,
)
from saleor_stripe_audience.sandbox.demo.stage import APP_ID
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY
from scripts.prove_ledger.town import PlayTown, play_town

from .sources import PRODUCT, ROOT, name_of

Json = dict[str, Any]
SAYS = "HTTP_SALEOR_EVENT"
# Events that Saleor sends besides the measured one; they would create the contact before its order arrives.
BESIDE = ("ORDER_", "CHECKOUT_", "CUSTOMER_", "ACCOUNT_")
CONFIRM = {
    "payment_method_data[type]": "card",
    "payment_method_data[card][number]": "4242424242424242",
    "payment_method_data[card][exp_month]": "12",
    "payment_method_data[card][exp_year]": "2034",
    "payment_method_data[card][cvc]": "123",
    "return_url": "https://shop.example.com/checkout",
}


@dataclass
class Trace:
    """The calls of one flow, in order, and its SQL statements."""

    calls: list[CodeType] = field(default_factory=list)
    statements: list[tuple[str, str]] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return counts, the modules in the order in which they were entered, and how often each function was called.

        `entered_again_by_steps` leaves out the calls that only read a property, such as an amount's currency.
        """
        visits, properties = _visits(self.calls), _properties()
        steps = _visits(code for code in self.calls if code not in properties)
        modules = dict.fromkeys(visits)
        makers = [maker for maker, _ in self.statements]
        times = Counter(f"{name_of(Path(code.co_filename))}.{code.co_qualname}" for code in self.calls)
        return {
            "modules_entered": len(modules),
            "modules_entered_again": len(visits) - len(modules),
            "entered_again_by_steps": len(steps) - len(set(steps)),
            "calls": len(self.calls),
            "functions": len(set(self.calls)),
            "sql_statements": len(self.statements),
            "sql_by_module": {each: makers.count(each) for each in sorted(set(makers))},
            "times": {each.removeprefix(f"{PRODUCT}."): count for each, count in times.most_common()},
            "way": [each.removeprefix(f"{PRODUCT}.") for each in visits],
        }


def _visits(calls: Iterable[CodeType]) -> list[str]:
    """Return the modules in the order in which they were entered."""
    return [name for name, _ in groupby(name_of(Path(code.co_filename)) for code in calls)]


def _properties() -> set[CodeType]:
    """Return the code of the properties of the product's classes."""
    modules = [module for name, module in sys.modules.items() if name.startswith(PRODUCT)]
    classes = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    members = list(chain.from_iterable(vars(each).values() for each in classes))
    getters = [
        *(each.fget for each in members if isinstance(each, property)),
        *(each.func for each in members if isinstance(each, cached_property)),
    ]
    return {each.__code__ for each in getters if isinstance(each, FunctionType)}


class Tracer:
    """Traces the product on one thread at a time: that of the awaited request, or the caller's own."""

    def __init__(self) -> None:
        self.trace = Trace()
        self._awaited = ("", "")
        self._has_come = False
        self._thread: int | None = None

    @contextmanager
    def following(self, header: str, value: str) -> Iterator[Trace]:
        """Trace the one request with this header, then the tasks that it enqueues, until the block ends."""
        self.trace, self._awaited, self._has_come = Trace(), (header, value), False
        request_started.connect(self._begin)
        request_finished.connect(self._end)
        try:
            yield self.trace
        finally:
            request_started.disconnect(self._begin)
            request_finished.disconnect(self._end)
        if not self._has_come:
            raise LookupError(f"no request came with {header}: {value}")
        with self._on_this_thread():
            while run_tasks():
                pass

    def _begin(self, environ: WSGIEnvironment, **_: object) -> None:
        name, value = self._awaited
        if not self._has_come and environ.get(name) == value:
            self._has_come = True
            self._start()

    def _end(self, **_: object) -> None:
        if self._thread == threading.get_ident():
            self._stop()

    @contextmanager
    def _on_this_thread(self) -> Iterator[None]:
        self._start()
        try:
            yield
        finally:
            self._stop()

    def _start(self) -> None:
        self._thread = threading.get_ident()
        connection.execute_wrappers.append(self._count)
        sys.monitoring.use_tool_id(sys.monitoring.PROFILER_ID, "measure_code")
        sys.monitoring.register_callback(
            sys.monitoring.PROFILER_ID, sys.monitoring.events.PY_START, self._called
        )
        sys.monitoring.set_events(sys.monitoring.PROFILER_ID, sys.monitoring.events.PY_START)

    def _stop(self) -> None:
        sys.monitoring.set_events(sys.monitoring.PROFILER_ID, sys.monitoring.events.NO_EVENTS)
        sys.monitoring.free_tool_id(sys.monitoring.PROFILER_ID)
        connection.execute_wrappers.remove(self._count)
        self._thread = None

    def _called(self, code: CodeType, _offset: int) -> object:
        if not _is_product(code.co_filename):
            return sys.monitoring.DISABLE
        if self._thread == threading.get_ident() and not code.co_name.startswith("<"):
            self.trace.calls.append(code)
        return None

    def _count(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        self.trace.statements.append((_maker(), sql))
        return execute(sql, *rest)


def _maker() -> str:
    """Return the module of the product's innermost function, or `engine` if only the task engine is running."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the documented way to get the callers
    while frame is not None:
        if _is_product(frame.f_code.co_filename):
            return name_of(Path(frame.f_code.co_filename)).removeprefix(f"{PRODUCT}.")
        frame = frame.f_back
    return "engine"


@cache
def _is_product(file: str) -> bool:
    path = Path(file)
    package = ROOT / PRODUCT
    return path.is_relative_to(package) and not path.is_relative_to(package / "sandbox")


def ways() -> dict[str, Json]:
    """Return the three flows of a second shopper: the first one was the warm-up."""
    Client().get("/healthz")  # imports every view, so that the shop does not have to wait for it
    with play_town() as town:
        for webhook in town.shop.host.store.webhooks():
            others = [each for each in webhook.events if each.startswith(BESIDE) and each != "ORDER_CREATED"]
            webhook.is_active = not others
        _walk(town, Tracer(), "first@example.com")
        traces = _walk(town, Tracer(), "second@example.com")
    return {name: trace.summary() for name, trace in traces.items()}


def _walk(town: PlayTown, tracer: Tracer, email: str) -> dict[str, Trace]:
    """Let one shopper pay and order; Stripe's event arrives before the storefront asks."""
    checkout = _checkout(town, email)
    with tracer.following(SAYS, "transaction_initialize_session") as initialize:
        started = town.shop.gql(
            INITIALIZE, {"id": checkout, "gateway": {"id": APP_ID, "data": None}, "key": str(uuid.uuid4())}
        )["transactionInitialize"]
    _confirm(town, started["data"]["paymentIntent"]["stripeClientSecret"])
    paid = next(each for each in reversed(town.stripe.events()) if each["type"] == "payment_intent.succeeded")
    with tracer.following("CONTENT_TYPE", "application/json") as stripe_event:
        town.deliver(paid)
    town.process(started["transaction"]["id"])
    town.work()
    with tracer.following(SAYS, "order_created") as order:
        made = town.shop.gql(COMPLETE, {"id": checkout})["checkoutComplete"]
        town.shop.drain()
    if made["errors"]:
        raise RuntimeError(made["errors"])
    return {"initialize": initialize, "stripe_event": stripe_event, "order_to_contact": order}


def _checkout(town: PlayTown, email: str) -> str:
    """Return a checkout that is ready to be paid."""
    variant = town.shop.host.store.variants()[0]
    given = {
        "channel": "default-channel", "email": email, "lines": [{"variantId": variant.id, "quantity": 1}],
        "shippingAddress": ADDRESS, "billingAddress": ADDRESS,
    }  # fmt: skip
    made = town.shop.gql(CHECKOUT, {"input": given})["checkoutCreate"]["checkout"]
    method = next(each["id"] for each in made["shippingMethods"] if each["active"])
    town.shop.gql(DELIVERY, {"id": made["id"], "method": method})
    town.shop.gql(GATEWAY, {"id": made["id"], "gateways": [{"id": APP_ID}]})
    town.shop.drain()
    town.work()
    checkout: str = made["id"]
    return checkout


def _confirm(town: PlayTown, secret: str) -> None:
    """Confirm the payment, as Stripe's script does in the shopper's browser."""
    intent = secret.partition("_secret_")[0]
    answer = requests.post(
        f"{town.stripe_url}/v1/payment_intents/{intent}/confirm",
        data=CONFIRM | {"client_secret": secret},
        headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
        timeout=10,
    )
    answer.raise_for_status()
