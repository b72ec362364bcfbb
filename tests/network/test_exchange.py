"""An exchange ends when its time is up, and stops reading a response that is too large, whatever the peer does."""

import gzip
import resource
import socket
import threading
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from saleor_stripe_audience import network
from saleor_stripe_audience.network import NoAnswer, exchange, make_session
from saleor_stripe_audience.sandbox.serving import Served

from .peers import dripping, peer, send_response

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SECONDS = 0.4
BODY = b'{"data": {"padding": "' + b"x" * 60 + b'"}}'
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 30 + b"0\r\n\r\n"

DRIPS = {
    "its status line": dripping(WHOLE),
    "its headers": dripping(WHOLE, at_once=17),
    "its body": dripping(WHOLE, at_once=len(WHOLE) - len(BODY)),
    "chunks of its body": dripping(CHUNKED, at_once=CHUNKED.index(b"1\r\nx")),
    "nothing but provisional answers": dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 40),
}


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
def test_a_peer_that_drips_is_left_when_time_is_up(drip: Callable[[socket.socket], None]) -> None:
    with peer(drip) as url, pytest.raises(NoAnswer):
        exchange(make_session(), "GET", url, seconds=SECONDS)


def test_a_slow_peer_that_ends_in_time_is_read() -> None:
    with peer(dripping(WHOLE, at_once=len(WHOLE) - 3)) as url:
        assert exchange(make_session(), "GET", url, seconds=10).json()["data"]


def test_a_name_that_takes_too_long_to_be_found_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over, ended = threading.Event(), list[bool]()

    def slowly(*_: Any, **__: Any) -> list[Any]:
        ended.append(is_over.wait(5))
        return []

    monkeypatch.setattr("socket.getaddrinfo", slowly)
    with pytest.raises(NoAnswer):
        exchange(make_session(), "GET", "http://shop.example.com/", seconds=SECONDS)
    assert ended == [], "the lookup is abandoned, not awaited"
    is_over.set()


def test_many_addresses_that_do_not_answer_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []
    clock = iter(range(1000))

    def resolve(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{last}", port)) for last in range(50)]

    def connect(_address: Any, timeout: float, *_: Any, **__: Any) -> socket.socket:
        tried.append(timeout)
        raise TimeoutError

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    monkeypatch.setattr("saleor_stripe_audience.network.time.monotonic", lambda: float(next(clock)))
    with pytest.raises(NoAnswer):
        exchange(make_session(), "GET", "http://shop.example.com/", seconds=8)
    assert 1 <= len(tried) < 8
    assert max(tried) <= network.CONNECT_SECONDS


def test_an_answer_larger_than_allowed_is_not_read_to_its_end() -> None:
    with peer(send_response(b"x" * 300_000)) as url, pytest.raises(NoAnswer, match="larger"):
        exchange(make_session(), "GET", url, seconds=10, largest=100_000)


@cache
def small(encoding: str) -> bytes:
    """Compress 150 MiB into a small response, in parts, because the test measures peak memory."""
    first, _, again = encoding.partition(", ")
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS + 16 * (first == "gzip"))
    packed = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(150)) + packer.flush()
    assert len(packed) < 1_000_000
    return gzip.compress(packed, 9) if again else packed


@pytest.mark.parametrize("status", ["200 OK", "302 Found"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
def test_a_small_answer_that_grows_is_not_unpacked(encoding: str, status: str) -> None:
    packed = small(encoding)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = send_response(packed, f"Content-Encoding: {encoding}", "Location: /elsewhere", status=status)
    with peer(answer) as url, pytest.raises(NoAnswer, match="larger"):
        exchange(make_session(), "GET", url, seconds=20, largest=1_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # KiB


def test_content_that_is_not_what_its_headers_say_is_no_answer() -> None:
    with peer(send_response(b"no gzip at all", "Content-Encoding: gzip")) as url, pytest.raises(NoAnswer):
        exchange(make_session(), "GET", url, seconds=10)


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with peer(send_response(b"", "Location: http://127.0.0.1:1/", status="307 Temporary Redirect")) as url:
        assert exchange(make_session(), "GET", url, seconds=10).is_redirect


def test_a_connection_is_kept_for_the_next_exchange() -> None:
    ports: list[str] = []

    @Request.application
    def answer(request: Request) -> Response:
        ports.append(str(request.environ["REMOTE_PORT"]))
        return Response('{"a": 1}', mimetype="application/json")

    session = make_session()
    with Served(answer) as served:
        for _ in range(3):
            assert exchange(session, "GET", served.url, seconds=10).json() == {"a": 1}
        session.close()
    assert len(ports) == 3
    assert len(set(ports)) == 1
