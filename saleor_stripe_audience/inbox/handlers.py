"""How an event finds its handlers: in the table given by the setting EVENT_HANDLERS, as ROOT_URLCONF gives the URLs.

A transactional handler runs inside the transaction that marks it as done, and makes no network call. A network handler
runs with no transaction open, under keys that make a repeat harmless; what it returns runs in that transaction.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings

from saleor_stripe_audience.inbox.models import Event

Write = Callable[[], None]
Transactional = Callable[[Event], None]
Network = Callable[[Event], Write | None]
Within = Callable[[Event], AbstractContextManager[object]]
Concerns = Callable[[Sequence[Event]], Collection[int]]
Ahead = Callable[[Sequence[Event]], None]


@dataclass(frozen=True)
class Handler:
    """One step of an event's handling. `name` is stored with every event that it handled: renaming it runs it again."""

    name: str
    prepare: Network
    is_transactional: bool
    within: Within | None = None
    concerns: Concerns | None = None
    ahead: Ahead | None = None
    is_solitary: bool = False


EventHandlers = Mapping[str, Mapping[str, tuple[Handler, ...]]]  # by source, then by kind


def transactional(
    function: Transactional,
    *,
    within: Within | None = None,
    ahead: Ahead | None = None,
    is_solitary: bool = False,
) -> Handler:
    """A handler that only writes to the database.

    Several events of one sender may be handled in one transaction: `within(event)`, such as a lock, is entered once for
    all of them, then `ahead(events)`, with all the events of the transaction, may read at once what they will need.
    `is_solitary`: it changes stored events, so its own event is handled by itself.
    """
    return Handler(
        _path_of(function),
        lambda event: lambda: function(event),
        is_transactional=True,
        within=within,
        ahead=ahead,
        is_solitary=is_solitary,
    )


def network(function: Network | Callable[[Event], None], *, concerns: Concerns | None = None) -> Handler:
    """A handler that calls Saleor or Stripe.

    `concerns(events)` returns the ids of those of a sender's events for which it may have work to do; for the others,
    it counts as done without running.
    """
    return Handler(_path_of(function), function, is_transactional=False, concerns=concerns)


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
