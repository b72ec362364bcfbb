"""Serves a WSGI application on the loopback, in a thread of the process that asks for it.

The stand-ins are talked to over real HTTP, so that what the product does on the wire is what is tried.
"""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Any, Self
from wsgiref.types import WSGIApplication

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler


class _QuietHandler(WSGIRequestHandler):
    """Keeps connections open as Stripe and Saleor do, and writes no line per request."""

    protocol_version = "HTTP/1.1"
    # Headers and body leave in two writes; without this each answer would wait 40 ms for an acknowledgement.
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's own name
        """Stand-ins keep a log of requests of their own."""


class _Server(ThreadedWSGIServer):
    """Remembers its open connections, so that stopping closes them as a dead server would."""

    def __init__(self, port: int, application: WSGIApplication) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__("127.0.0.1", port, application, handler=_QuietHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Hang up on every client that is still connected."""
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):  # the client may have hung up first
                connection.shutdown(socket.SHUT_RDWR)


class Served:
    """A WSGI application listening on 127.0.0.1.

    `port` 0 takes a free one. `start()` and `stop()` may be called once each; as a context manager both are.
    """

    def __init__(self, application: WSGIApplication, port: int = 0) -> None:
        self._server = _Server(port, application)
        self._thread = threading.Thread(target=self._serve, name=f"served-{self.port}", daemon=True)

    @property
    def port(self) -> int:
        """The TCP port it listens on, known from the start."""
        return int(self._server.server_port)

    @property
    def url(self) -> str:
        """The address without a slash at its end, e.g. http://127.0.0.1:40123."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Begin to answer; requests that came since the object was made have been waiting."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Answer nobody any more: the port is closed and open connections are cut."""
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join(timeout=5)

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
