"""One HTTP exchange with one deadline, from the name lookup to the last byte, and a limit of size while reading.

The timeouts of `requests` count from one byte to the next, so a peer that sends a byte a second occupies a thread
indefinitely. Here, every wait of an exchange is limited to the time left until one deadline.
"""

import http.client
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from saleor_stripe_audience.strict_json import read_object

CONNECT_SECONDS = 2.0  # for each address of the peer
LARGEST_ANSWER = 8 * 1024 * 1024  # bytes, after decompression
MOST_LOOKUPS = 64  # concurrent name lookups; a lookup cannot be interrupted, only abandoned
_CHUNK = 64 * 1024

_ends_at: ContextVar[float] = ContextVar("exchange_ends_at")
_lookups = threading.BoundedSemaphore(MOST_LOOKUPS)


class NoAnswer(Exception):  # noqa: N818 - it says what happened
    """No complete response within the limits of time and size; the message says why, without any content."""


@dataclass(frozen=True)
class Answer:
    """A complete response; `content` is decompressed."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is a success (2xx)."""
        return 200 <= self.status_code < 300  # noqa: PLR2004 - HTTP's own numbers

    @property
    def is_redirect(self) -> bool:
        """Whether the status is a redirect (3xx)."""
        return 300 <= self.status_code < 400  # noqa: PLR2004 - HTTP's own numbers

    @property
    def text(self) -> str:
        """The content as UTF-8; invalid bytes are replaced."""
        return self.content.decode("utf-8", "replace")

    @cached_property
    def _object(self) -> dict[str, Any]:
        return read_object(self.content)

    def json(self) -> dict[str, Any]:
        """The content as a JSON object, read once; ValueError for anything else, see `strict_json`."""
        return self._object


class _Session(requests.Session):
    """Never follows redirects: `requests` would read the whole body of one, however large."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - the library's signature
        return None


def make_session(adapter: HTTPAdapter | None = None, *, ca_file: str = "") -> requests.Session:
    """Create a session for `exchange`, for one thread; `adapter` is a `TimedAdapter` with more rules.

    Certificates have to be signed by an authority in `ca_file`; without it, by a public one.
    """
    session = _Session()
    session.verify = ca_file or True
    session.trust_env = False  # neither proxies nor credentials of the machine are used
    session.headers["Accept-Encoding"] = "gzip"
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter or TimedAdapter())
    return session


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    seconds: float,
    largest: int = LARGEST_ANSWER,
    **fields: Any,
) -> Answer:
    """Send one request and read the whole response within `seconds`; redirects are not followed.

    `fields` are those of `requests`. Raises `NoAnswer`.
    """
    with within(seconds):
        try:
            with session.request(
                method,
                url,
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                allow_redirects=False,
                stream=True,
                **fields,
            ) as response:
                return Answer(response.status_code, response.headers, _read(response.raw, largest))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise NoAnswer(f"no complete response ({type(error).__name__})") from error


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let every wait inside, in this thread, end when `seconds` are over."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of the name, within the deadline of the current exchange; OSError if there are none.

    The system's lookup has no timeout, so it runs in a thread that is abandoned when time is up.
    """
    found = _in_thread(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), _left())
    return [str(each[4][0]) for each in found]


def _in_thread[Found](function: Callable[[], Found], seconds: float) -> Found:
    if not _lookups.acquire(blocking=False):
        raise OSError("too many names are being looked up")
    found: list[Found] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            found.append(function())
        except Exception as error:  # noqa: BLE001 - raised again in the calling thread
            failed.append(error)
        finally:
            _lookups.release()

    thread = threading.Thread(target=run, name="lookup", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError("the name was not resolved in time")
    return found[0]


def _left() -> float:
    """The current exchange's remaining seconds; outside of one, the limit for a connection."""
    ends_at = _ends_at.get(None)
    if ends_at is None:
        return CONNECT_SECONDS
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("the exchange took too long")
    return left


def _read(response: urllib3.BaseHTTPResponse, largest: int) -> bytes:
    """The body, decompressed piece by piece: a small response may contain gigabytes."""
    parts: list[bytes] = []
    size = 0
    while part := response.read(_CHUNK, decode_content=True):
        size += len(part)
        if size > largest:
            raise NoAnswer(f"the response is larger than {largest} bytes")
        parts.append(part)
    return b"".join(parts)


class _TimedReader(io.RawIOBase):
    """A socket's bytes, each wait limited to what is left of the exchange."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._raw = connected.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(_left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """Reads the status line, the headers and the body within the same deadline."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedReader(sock))


class TimedHTTPConnection(HTTPConnection):
    """Resolves the name and connects within the exchange's deadline, however many addresses there are."""

    response_class = _TimedResponse

    def addresses(self) -> list[str]:
        """The addresses to try, in order; OSError if the name is unknown."""
        return resolve(self._dns_host, self.port or self.default_port)

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            return self._connect_first()
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error
        finally:
            self._dns_host = name  # the certificate is still verified for the name

    def _connect_first(self) -> socket.socket:
        failed: Exception = OSError("the name has no address")
        for address in self.addresses():
            self._dns_host, self.timeout = address, min(CONNECT_SECONDS, _left())
            try:
                connected = super()._new_conn()
            except urllib3.exceptions.HTTPError as error:
                failed = error
            else:
                connected.settimeout(_left())
                return connected
        raise failed


class TimedHTTPSConnection(TimedHTTPConnection, HTTPSConnection):
    """The same with TLS, whose handshake is limited by the socket's own timeout."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = TimedHTTPConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = TimedHTTPSConnection


class TimedAdapter(HTTPAdapter):
    """The adapter of every session for `exchange`."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
