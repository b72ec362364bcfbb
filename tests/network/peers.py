"""Peers on the loopback that respond unlike any proper server."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Speak = Callable[[socket.socket], None]


@contextmanager
def peer(speak: Speak, *, reads_first: bool = True) -> Iterator[str]:
    """Listen, read the start of each request, and let `speak` do the rest; yield the URL.

    Without `reads_first`, `speak` also reads the request.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_spoken, args=(connected, speak, reads_first), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _spoken(connected: socket.socket, speak: Speak, reads_first: bool) -> None:
    with connected:
        try:
            if reads_first:
                connected.recv(65536)
            speak(connected)
        except OSError:
            return


def dripping(whole: bytes, *, at_once: int = 0, pause: float = 0.05) -> Speak:
    """Send the first bytes at once, the others one by one, each long before a timeout per read would expire."""

    def speak(connected: socket.socket) -> None:
        connected.sendall(whole[:at_once])
        waiting = threading.Event()
        for place in range(at_once, len(whole)):
            waiting.wait(pause)
            connected.sendall(whole[place : place + 1])

    return speak


def send_response(body: bytes, *headers: str, status: str = "200 OK") -> Speak:
    """Send one whole response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return lambda connected: connected.sendall("\r\n".join(lines).encode() + body)
