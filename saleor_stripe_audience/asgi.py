"""The ASGI application that `serve` runs; `make_application` is a factory for `granian --interface asginl --factory`.

A request's body is read in the event loop, with a deadline and two limits of size, before the request takes one of
Django's threads. A client that sends half a request therefore occupies a socket for a few seconds, never a thread.
Large responses, such as exports, are sent from the event loop too: a slow reader occupies no thread either.
"""

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

import structlog
from django.conf import settings
from django.db import close_old_connections, connection
from django.urls import resolve

from saleor_stripe_audience.orphans import end_with_parent
from saleor_stripe_audience.wsgi import application as django_application

log = structlog.get_logger(__name__)

resolve("/healthz")  # imports all views now, not while the first shopper waits

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Environ = dict[str, Any]

BODY_SECONDS = 10.0  # from the end of the headers to the end of the body
BLOCK_SECONDS = 60.0  # for a client to accept the next block of a long response
LARGEST_BODY = (
    4 * 1024 * 1024
)  # bytes; above DATA_UPLOAD_MAX_MEMORY_SIZE, Django refuses with each endpoint's own message
LARGEST_BODIES = 256 * 1024 * 1024  # bytes of all bodies in memory at the same time

_ENVIRON: Environ = {
    "SCRIPT_NAME": "",
    "wsgi.errors": sys.stderr,
    "wsgi.multiprocess": False,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}


class _Refused(Exception):  # noqa: N818 - it is a response, not an error
    """The request is refused here and never reaches Django."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


class _ClientLeft(Exception):  # noqa: N818 - as above
    """The client closed the connection before the body was complete."""


class _Response(NamedTuple):
    """Django's response. A long one has no `body` yet but `blocks`, which must be closed in the end."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    blocks: Any = None


class BufferedApplication:
    """A synchronous WSGI application, called in `threads` threads with bodies that are already complete."""

    def __init__(
        self, application: WSGIApplication, *, threads: int, body_seconds: float = BODY_SECONDS
    ) -> None:
        self._application = application
        self._body_seconds = body_seconds
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._held = 0  # bytes of bodies, counted in the event loop only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of connection, such as WebSockets, are not served."""
        if scope["type"] != "http":
            return
        body = bytearray()
        try:
            await self._read(scope, receive, body)
            response = await self._in_thread(self._respond, _environ(scope, body))
        except _ClientLeft:
            return
        except _Refused as refusal:
            response = _refusal(refusal)
        finally:
            self._held -= len(body)
        await self._send(response, send)

    async def _read(self, scope: Scope, receive: Receive, body: bytearray) -> None:
        """Fill `body` with the request's; `_Refused` if it is too large or takes too long."""
        # The headers announce a body, if there is one (RFC 9112, 6.3).
        announced = {name for name, value in scope["headers"] if value != b"0"}
        if announced.isdisjoint((b"content-length", b"transfer-encoding")):
            return
        try:
            async with asyncio.timeout(self._body_seconds):
                while await self._read_part(receive, body):
                    pass
        except TimeoutError:
            raise _Refused(
                408, "too_slow", f"The request's body took longer than {self._body_seconds:g} seconds."
            ) from None

    async def _read_part(self, receive: Receive, body: bytearray) -> bool:
        message = await receive()
        if message["type"] != "http.request":
            raise _ClientLeft
        part = message.get("body", b"")
        body += part
        self._held += len(part)
        if len(body) > LARGEST_BODY:
            raise _Refused(413, "too_large", f"The request is larger than {LARGEST_BODY // 2**20} MB.")
        if self._held > LARGEST_BODIES:
            raise _Refused(
                503, "overloaded", "Too many large requests at the same time. Please try again shortly."
            )
        return bool(message.get("more_body", False))

    async def _in_thread[Result](self, function: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _respond(self, environ: Environ) -> _Response:
        """Run Django, in one of the threads."""
        started: list[tuple[int, list[tuple[bytes, bytes]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> Any:
            encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            started.append((int(status[:3]), encoded))

        blocks = self._application(environ, start_response)
        status, headers = started[-1]
        if getattr(blocks, "streaming", False):
            close_old_connections()  # the connection is this thread's; the blocks are read in others
            return _Response(status, headers, b"", blocks)
        try:
            return _Response(status, headers, b"".join(blocks))
        finally:
            _close(blocks)

    async def _send(self, answer: _Response, send: Send) -> None:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        if answer.blocks is None:
            await send({"type": "http.response.body", "body": answer.body})
            return
        try:
            await self._send_blocks(iter(answer.blocks), send)
        finally:
            await self._in_thread(_close, answer.blocks)

    async def _send_blocks(self, blocks: Iterator[bytes], send: Send) -> None:
        try:
            while block := await self._in_thread(_next, blocks):
                async with asyncio.timeout(BLOCK_SECONDS):
                    await send({"type": "http.response.body", "body": block, "more_body": True})
        except TimeoutError:
            log.info("response not read in time")
            return
        await send({"type": "http.response.body", "body": b""})


def _environ(scope: Scope, body: bytearray) -> Environ:
    """The request as WSGI has it (PEP 3333)."""
    host, port = scope.get("server") or ("", 0)
    environ = _ENVIRON | {
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("", 0))[0],
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
    }
    for name, value in scope["headers"]:
        if b"_" in name:
            continue  # it would pass for the one with hyphens
        key = f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"
        text = value.decode("latin-1")
        separator = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{separator}{text}" if key in environ else text
    if (kind := environ.pop("HTTP_CONTENT_TYPE", None)) is not None:
        environ["CONTENT_TYPE"] = kind
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ["CONTENT_LENGTH"] = str(len(body))  # also of a chunked body, which came without
    return environ


def _refusal(refusal: _Refused) -> _Response:
    body = json.dumps({"error": {"code": refusal.code, "message": refusal.message}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    # The rest of the body is not read, so nothing else can follow on this connection.
    headers.append((b"connection", b"close"))
    if refusal.status == 503:  # noqa: PLR2004 - Service Unavailable
        headers.append((b"retry-after", b"5"))
    return _Response(refusal.status, headers, body)


def _next(blocks: Iterator[bytes]) -> bytes:
    """The next block with something in it; empty at the end."""
    return next((block for block in blocks if block), b"")


def _close(blocks: Iterable[bytes]) -> None:
    close = getattr(blocks, "close", None)
    if close is not None:
        close()


def make_application() -> BufferedApplication:
    """Return the application of this process, which serves requests from now on."""
    end_with_parent()
    if connection.vendor == "postgresql":
        from saleor_stripe_audience.connection_pool import fail_fast  # noqa: PLC0415 - its library is only needed here

        fail_fast()
    return BufferedApplication(django_application, threads=settings.SERVER_THREADS)
