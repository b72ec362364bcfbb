"""Ports that this product listens on, looked at before it does."""

import errno
import socket
import time

from saleor_stripe_audience.errors import Rejected

SECONDS_TO_BE_FREE = 25.0  # what an ending process of ours may still finish
PAUSE_SECONDS = 0.25


def check_free(host: str, port: int, setting: str, seconds: float = SECONDS_TO_BE_FREE) -> None:
    """`Rejected`, naming the setting, if another process listens there and does not end within `seconds`.

    The server itself would share the port with it, and each would get some of the requests.
    """
    ends_at = time.monotonic() + seconds
    while not _is_free(host, port):
        if time.monotonic() >= ends_at:
            raise in_use(port, setting)
        time.sleep(PAUSE_SECONDS)


def in_use(port: int, setting: str) -> Rejected:
    """What the operator reads."""
    return Rejected(
        f"Port {port} is in use by another process. Stop that one, or set {setting} to another port.",
        code="port_in_use",
    )


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True
