"""Serves a WSGI application on the loopback, in a thread of the calling process.

The stand-ins are called over real HTTP, so that the app's actual requests are tested.
"""

import contextlib
import io
import logging
import selectors
import socket
import threading
from types import TracebackType
from typing import Any, Self
from wsgiref.types import WSGIApplication, WSGIEnvironment

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

_log = logging.getLogger(__name__)


class _QuietHandler(WSGIRequestHandler):
    """Keeps connections open as Stripe and Saleor do, and logs no requests."""

    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; without this, each response would wait 40 ms for an acknowledgment.
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Respond to one request and keep the connection; werkzeug's own method closes it after each."""
        environ = self.make_environ()
        # Read completely, so that unread bytes are not mistaken for the next request.
        environ["wsgi.input"] = io.BytesIO(self._body(environ))
        try:
            self._send(*_answered(self.server.app, environ))
        except ConnectionError:  # the client closed the connection, or the application did on purpose
            self.close_connection = True
        except Exception:  # noqa: BLE001 - whatever the application raises, its client gets a response
            _log.exception("The application failed on %s %s", self.command, self.path)
            self._send(
                "500 Internal Server Error", [("Content-Type", "text/plain")], b"The application failed."
            )

    def _body(self, environ: WSGIEnvironment) -> bytes:
        if environ.get("wsgi.input_terminated"):
            return bytes(environ["wsgi.input"].read())
        return self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's own name
        """Log nothing: stand-ins have their own logs."""


def _answered(
    application: WSGIApplication, environ: WSGIEnvironment
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return status, headers and the whole body."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> Any:
        started.append((status, headers))
        return None

    parts = application(environ, start_response)
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    status, headers = started[-1]
    return status, headers, body


class _Server(ThreadedWSGIServer):
    """Tracks its open connections, so that stopping closes them as a dead server would."""

    def __init__(self, port: int, application: WSGIApplication) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        _check_free(port)  # werkzeug would print a hint and end the process
        super().__init__("127.0.0.1", port, application, handler=_QuietHandler)
        self._end, self._ended = socket.socketpair()

    def serve_until_ended(self) -> None:
        """Accept connections until `end` is called; `serve_forever` would check for it many times a second."""
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            selector.register(self._ended, selectors.EVENT_READ)
            while all(key.fileobj is self for key, _ in selector.select()):
                self.handle_request()

    def end(self) -> None:
        """Accept no more connections."""
        self._end.send(b"x")

    def server_close(self) -> None:
        super().server_close()
        self._end.close()
        self._ended.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Close the connections of all clients."""
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):  # the client may have closed it first
                connection.shutdown(socket.SHUT_RDWR)


def _check_free(port: int) -> None:
    """Raise OSError if another program listens on that port of the loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


class Served:
    """A WSGI application listening on 127.0.0.1; OSError if the port is in use.

    `port` 0 means a free one. Call `start()` once, then `stop()`; or use it as a context manager.
    """

    def __init__(self, application: WSGIApplication, port: int = 0) -> None:
        self._server = _Server(port, application)
        self._thread = threading.Thread(
            target=self._server.serve_until_ended, name=f"served-{self.port}", daemon=True
        )

    @property
    def port(self) -> int:
        """The TCP port it listens on, known from the start."""
        return int(self._server.server_port)

    @property
    def url(self) -> str:
        """The URL without a trailing slash, such as http://127.0.0.1:40123."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start responding; requests since the object was created have been waiting."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop responding: the port and open connections are closed."""
        if self._thread.is_alive():  # it may already be stopped
            self._server.end()
            self._thread.join(timeout=5)
        self._server.close_connections()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
