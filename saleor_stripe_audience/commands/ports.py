"""Ports that this product listens on, checked before it does."""

import errno
import socket
import time

from saleor_stripe_audience.errors import Rejected

SECONDS_TO_BE_FREE = 25.0  # that an ending process of ours may still take
PAUSE_SECONDS = 0.25


def check_free(host: str, port: int, setting: str, seconds: float = SECONDS_TO_BE_FREE) -> None:
    """`Rejected` if this process can never listen there, or if another does and has not ended within `seconds`.

    The server itself would share the port with it, and each would get some of the requests.
    """
    ends_at = time.monotonic() + seconds
    has_said_so = False
    while not _is_free(host, port, setting):
        if time.monotonic() >= ends_at:
            raise in_use(port, setting)
        if not has_said_so:
            print(f"Port {port} is in use. Waiting up to {seconds:.0f} seconds until it is free.", flush=True)
            has_said_so = True
        time.sleep(PAUSE_SECONDS)


def address_of(host: str) -> str:
    """The IP address of the host, such as localhost: the server itself knows no names. `Rejected` if it has none."""
    if ":" in host:
        return host
    try:
        return socket.gethostbyname(host)
    except UnicodeError:
        raise refusal(host, 0, "", OSError()) from None
    except OSError as error:
        raise refusal(host, 0, "", error) from None


def in_use(port: int, setting: str) -> Rejected:
    """The operator's message."""
    return Rejected(
        f"Port {port} is in use by another process. Stop that one, or set {setting} to another port.",
        code="port_in_use",
    )


def refusal(host: str, port: int, setting: str, error: OSError) -> Rejected:
    """The operator's message if this process can never listen, even if another one ends."""
    if error.errno == errno.EACCES:
        message = f"This user may not listen on port {port}. Set {setting} to one above 1023."
        return Rejected(message, code="port_refused")
    message = f"This machine cannot listen on {host[:100]!r}: {error.strerror or 'it is not an address'}."
    return Rejected(f"{message} Give an address that it has, such as 127.0.0.1.", code="address_refused")


def _is_free(host: str, port: int, setting: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except UnicodeError:
            raise refusal(host, port, setting, OSError()) from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise refusal(host, port, setting, error) from None
    return True
