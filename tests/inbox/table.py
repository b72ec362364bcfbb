"""An empty table of handlers, to which each test adds its own."""

from collections.abc import Callable
from typing import Any

from saleor_stripe_audience.inbox.handlers import Handler, network, transactional

EVENT_HANDLERS: dict[str, dict[str, tuple[Handler, ...]]] = {}


def handles(source: str, *kinds: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Append a transactional handler for these kinds."""
    return _appending(transactional, source, kinds)


def handles_outside(source: str, *kinds: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Append a network handler for these kinds."""
    return _appending(network, source, kinds)


def _appending(
    kind_of_handler: Callable[..., Handler], source: str, kinds: tuple[str, ...]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def append(function: Callable[..., Any]) -> Callable[..., Any]:
        for kind in kinds:
            handlers = EVENT_HANDLERS.setdefault(source, {}).get(kind, ())
            EVENT_HANDLERS[source][kind] = (*handlers, kind_of_handler(function))
        return function

    return append
