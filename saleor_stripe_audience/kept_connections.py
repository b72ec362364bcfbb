"""Connections to one server, kept open and shared by all threads, for requests that a shopper waits for.

The names, the connections and TLS are those of `network`. The request is written here, and its response is read by
httptools: `http.client` reads the headers with the parser for emails, which takes longer than everything else.
"""

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from socket import socket
from ssl import CERT_REQUIRED, SSLContext
from time import monotonic
from urllib.parse import urlsplit

import httptools
import requests
import urllib3
from urllib3 import HTTPHeaderDict
from urllib3.util.wait import wait_for_read

from saleor_stripe_audience.network import (
    LARGEST_ANSWER,
    Answer,
    NoAnswer,
    TimedHTTPConnection,
    TimedHTTPSConnection,
    within,
)

MOST_RECEIVED = 2 * LARGEST_ANSWER  # bytes for one response, with its headers and the sizes of its chunks
_CHUNK = 64 * 1024
_FIRST_FINAL_STATUS = 200  # those before it are provisional: the response is still to come
_FAILURES = (
    urllib3.exceptions.HTTPError,
    httptools.HttpParserError,
    httptools.HttpParserUpgrade,
    OSError,
)


class KeptConnections:
    """Sends requests to one server."""

    def __init__(self, base: str, most: int) -> None:
        """`base` is the server's address without a path; more than `most` connections are closed after use."""
        parts = urlsplit(base)
        self._is_secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._own = (f"Host: {parts.netloc.rpartition('@')[2]}", "Accept-Encoding: identity")
        self._most = most
        self._idle: deque[socket] = deque()

    def exchange(
        self, method: str, path: str, *, seconds: float, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send one request and read the whole response within `seconds`; raises `NoAnswer`.

        ValueError for a header or path that HTTP cannot carry.
        """
        ends_at = monotonic() + seconds
        request = self._compose(method, path, headers, body)
        try:
            connected = self._take() or self._connect(seconds)
            try:
                connected.settimeout(_left(ends_at))
                connected.sendall(request)
                response = _receive(connected, ends_at)
            except BaseException:
                connected.close()  # the rest of the response must not be read as the next one
                raise
        except _FAILURES as error:
            raise NoAnswer(f"no complete response ({type(error).__name__})") from error
        if response.is_last or len(self._idle) >= self._most:
            connected.close()
        else:
            self._idle.append(connected)
        return Answer(response.status, response.headers, b"".join(response.parts))

    def _compose(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        lines = [
            f"{method} {path} HTTP/1.1",
            *self._own,
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        if body is not None or method == "POST":
            lines.append(f"Content-Length: {len(body or b'')}")
        head = "\r\n".join(lines)
        if head.count("\n") >= len(lines) or head.count("\r") >= len(lines) or "\0" in head:
            raise ValueError("a header or path contains a line break")
        if " " in path:
            raise ValueError("the path contains a space")
        return b"%s\r\n\r\n%s" % (head.encode("latin-1"), body or b"")

    def _take(self) -> socket | None:
        """The connection that was used last; None if there is none that the server has left open."""
        with suppress(IndexError):
            while True:
                connected = self._idle.pop()
                if not wait_for_read(connected, timeout=0):  # readable would mean closed, or out of step
                    return connected
                connected.close()
        return None

    def _connect(self, seconds: float) -> socket:
        if self._is_secure:
            connection: TimedHTTPConnection | TimedHTTPSConnection = TimedHTTPSConnection(
                self._host, self._port, ssl_context=_verifying_context()
            )
        else:
            connection = TimedHTTPConnection(self._host, self._port)
        with within(seconds):
            connection.connect()
        connected: socket = connection.sock
        connection.sock = None  # it is ours now: the library's object would close it
        return connected


class _Response:
    """The response as reported by httptools, with its names; `is_last` if the connection cannot be used again."""

    def __init__(self) -> None:
        self.status = 0
        self.headers = HTTPHeaderDict()
        self.parts: list[bytes] = []
        self.size = 0  # bytes of the content
        self.received = 0
        self.is_complete = False
        self.is_last = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Read the next bytes; raises `NoAnswer` and httptools' errors."""
        self.received += len(data)
        self._parser.feed_data(data)
        if self.size > LARGEST_ANSWER or self.received > MOST_RECEIVED:
            raise NoAnswer(f"the response is larger than {LARGEST_ANSWER} bytes")
        if self.headers.get("content-encoding", "identity") != "identity":
            raise NoAnswer("the response has an encoding that was not requested")

    def end(self) -> None:
        """The server has closed the connection, which is how a response of unknown length ends."""
        is_of_unknown_length = not ("content-length" in self.headers or "transfer-encoding" in self.headers)
        if self.status < _FIRST_FINAL_STATUS or not is_of_unknown_length:
            raise NoAnswer("the response is not complete")
        self.is_complete = self.is_last = True

    def on_message_begin(self) -> None:
        if self.is_complete:
            self.is_last = True  # more than what was asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_complete:
            self.headers.add(name.decode("latin-1"), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        if not self.is_complete:
            self.status = self._parser.get_status_code()
            self.is_last = not self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        if not self.is_complete:
            self.size += len(body)
            self.parts.append(body)

    def on_message_complete(self) -> None:
        if self.status < _FIRST_FINAL_STATUS:
            self.headers = HTTPHeaderDict()
            return
        self.is_complete = True


def _left(ends_at: float) -> float:
    left = ends_at - monotonic()
    if left <= 0:
        raise TimeoutError("the exchange took too long")
    return left


def _receive(connected: socket, ends_at: float) -> _Response:
    response = _Response()
    while not response.is_complete:
        connected.settimeout(_left(ends_at))
        data = connected.recv(_CHUNK)
        if not data:
            response.end()
            break
        response.feed(data)
    return response


@cache
def _verifying_context() -> SSLContext:
    """Return one context for all connections: each would otherwise read the whole list of certificate authorities
    again.
    """
    context: SSLContext = urllib3.util.ssl_.create_urllib3_context()
    context.load_verify_locations(requests.utils.DEFAULT_CA_BUNDLE_PATH)
    context.verify_mode = CERT_REQUIRED
    context.check_hostname = True
    return context
