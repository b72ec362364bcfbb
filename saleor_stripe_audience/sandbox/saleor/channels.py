"""Products as seen in a channel, which gives them a price."""

from dataclasses import dataclass
from typing import Any

from .state import Channel


@dataclass(frozen=True)
class InChannel:
    """A product or variant requested in a channel, so that it has a price; otherwise it is the record itself."""

    record: Any
    in_channel: Channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self.record, name)


def in_channel(record: Any, channel: Channel | None) -> Any:
    """Return the record as the channel shows it."""
    return record if channel is None or record is None else InChannel(record, channel)


def channel_of(source: Any) -> Channel | None:
    """Return the channel in which a record was requested."""
    return source.in_channel if isinstance(source, InChannel) else None


def plain(source: Any) -> Any:
    """The record without its channel."""
    return source.record if isinstance(source, InChannel) else source
