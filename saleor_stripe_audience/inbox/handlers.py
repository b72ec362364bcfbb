"""How an event finds its handlers: in the table that the setting EVENT_HANDLERS names, as ROOT_URLCONF names the URLs.

A transactional handler runs inside the transaction that marks it as done, and makes no network call. A network handler
runs with no transaction open, under keys that make a repeat harmless; what it returns runs in that transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings

from saleor_stripe_audience.inbox.models import Event

Write = Callable[[], None]
Transactional = Callable[[Event], None]
Network = Callable[[Event], Write | None]


@dataclass(frozen=True)
class Handler:
    """One step of an event's handling. `name` is stored with every event that it handled: renaming it runs it again."""

    name: str
    prepare: Network


EventHandlers = Mapping[str, Mapping[str, tuple[Handler, ...]]]  # by source, then by kind


def transactional(function: Transactional) -> Handler:
    """A handler that only writes to the database."""
    return Handler(_path_of(function), lambda event: lambda: function(event))


def network(function: Network | Callable[[Event], None]) -> Handler:
    """A handler that calls Saleor or Stripe."""
    return Handler(_path_of(function), function)


def _path_of(function: Callable[[Event], object]) -> str:
    module = function.__module__.removeprefix("saleor_stripe_audience.")
    return f"{module}.{function.__qualname__}"


def event_handlers() -> EventHandlers:
    """The whole table."""
    table: EventHandlers = import_module(settings.EVENT_HANDLERS).EVENT_HANDLERS
    return table


def handlers_for(source: str, kind: str) -> tuple[Handler, ...]:
    """The handlers of such an event, in the order in which they run; none for a kind that the app ignores."""
    return event_handlers().get(source, {}).get(kind, ())


def is_handled(source: str, kind: str) -> bool:
    """Whether the app does anything with such an event."""
    return bool(handlers_for(source, kind))
