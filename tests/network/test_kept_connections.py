"""Keep-alive connections: one complete response per request, in time, from a server that proves its name."""

import datetime as dt
import gzip
import queue
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from urllib3.util.wait import wait_for_read
from werkzeug.wrappers import Request, Response

from saleor_stripe_audience import kept_connections
from saleor_stripe_audience.kept_connections import KeptConnections
from saleor_stripe_audience.network import Answer, NoAnswer
from saleor_stripe_audience.sandbox.serving import Served

from .peers import Speak, dripping, peer, send_response
from .test_exchange import DRIPS, SECONDS, WHOLE

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def get(connections: KeptConnections, *, seconds: float = 10.0) -> Answer:
    return connections.exchange("GET", "/", seconds=seconds, headers={}, body=None)


def response_to(sent: bytes) -> Answer:
    """Return the response of a server that sends these bytes, then closes the connection."""
    with peer(lambda connected: connected.sendall(sent)) as url:
        return get(KeptConnections(url, 4))


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
def test_a_peer_that_drips_is_left_when_time_is_up(drip: Speak) -> None:
    with peer(drip) as url, pytest.raises(NoAnswer, match="Timeout"):
        get(KeptConnections(url, 4), seconds=SECONDS)


def test_a_slow_peer_that_ends_in_time_is_read() -> None:
    with peer(dripping(WHOLE, at_once=len(WHOLE) - 3)) as url:
        assert get(KeptConnections(url, 4)).json()["data"]


def test_the_server_gets_the_request_as_it_was_given() -> None:
    seen: list[tuple[str, str, str, str, bytes]] = []

    @Request.application
    def answer(request: Request) -> Response:
        seen.append(
            (
                request.method,
                request.full_path,
                request.headers["Idempotency-Key"],
                request.host,
                request.data,
            )
        )
        return Response('{"a": 1}', status=402, headers={"Request-Id": "req_1"})

    with Served(answer) as served:
        found = KeptConnections(served.url, 4).exchange(
            "POST", "/v1/x?b=%20", seconds=10, headers={"Idempotency-Key": "k"}, body=b"c=d"
        )
    assert seen == [("POST", "/v1/x?b=%20", "k", served.url.removeprefix("http://"), b"c=d")]
    assert (found.status_code, found.json(), found.headers["request-id"]) == (402, {"a": 1}, "req_1")
    assert found.headers.get("REQUEST-ID") == "req_1"


def test_a_connection_is_kept_for_the_next_exchange() -> None:
    ports: list[str] = []

    @Request.application
    def answer(request: Request) -> Response:
        ports.append(str(request.environ["REMOTE_PORT"]))
        return Response("{}")

    with Served(answer) as served:
        connections = KeptConnections(served.url, 4)
        for _ in range(3):
            get(connections)
    assert len(ports) == 3
    assert len(set(ports)) == 1


@pytest.mark.parametrize(
    "ending",
    [
        HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\n\r\n{}" + HEAD + b"Content-Length: 2\r\n\r\n[]",
        HEAD + b"\r\n{}",
    ],
    ids=["the server says so", "a second response follows", "the end of the response"],
)
def test_a_connection_that_ends_is_not_kept(ending: bytes) -> None:
    asked = list[int]()

    def speak(connected: socket.socket) -> None:
        asked.append(connected.getpeername()[1])
        connected.sendall(ending)

    with peer(speak) as url:
        connections = KeptConnections(url, 4)
        assert [get(connections).content for _ in range(2)] == [b"{}", b"{}"]
    assert len(set(asked)) == 2


def test_a_connection_that_the_server_closed_meanwhile_is_replaced() -> None:
    with peer(lambda connected: connected.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")) as url:
        connections = KeptConnections(url, 4)
        for _ in range(3):
            assert get(connections).content == b"{}"
            assert wait_for_read(connections._idle[-1], timeout=10), "the end of the connection has arrived"


def test_no_more_connections_are_kept_than_allowed() -> None:
    def speak(connected: socket.socket) -> None:
        connected.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        closed.put(connected.recv(1) == b"")

    closed = queue.Queue[bool]()
    with peer(speak) as url:
        get(KeptConnections(url, 0))
        assert closed.get(timeout=10)


def test_what_comes_before_the_response_is_not_the_response() -> None:
    sent = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Encoding: br\r\n\r\n" + HEAD
    found = response_to(sent + b"Content-Length: 2\r\n\r\n{}")
    assert (found.status_code, found.content, found.headers.get("Link")) == (200, b"{}", None)


def test_chunks_are_put_together() -> None:
    assert (
        response_to(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n").content
        == b"{}"
    )


def test_a_header_that_comes_twice_has_both_values() -> None:
    found = response_to(HEAD + b"Vary: Origin\r\nVary: Accept\r\nContent-Length: 2\r\n\r\n{}")
    assert found.headers["Vary"] == "Origin, Accept"


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with peer(send_response(b"", "Location: http://127.0.0.1:1/", status="307 Temporary Redirect")) as url:
        assert get(KeptConnections(url, 4)).is_redirect


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        HEAD,
        HEAD + b"Content-Length: 3\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 22\r\n\r\n" + gzip.compress(b"{}"),
    ],
    ids=[
        "nothing", "half of the headers", "a part of the content", "a part of the chunks", "a provisional response",
        "another protocol", "an upgrade", "two lengths", "an encoding",
    ],
)  # fmt: skip
def test_anything_but_one_whole_response_is_no_answer(sent: bytes) -> None:
    with pytest.raises(NoAnswer):
        response_to(sent)


@pytest.mark.parametrize("length", [b"", b"Content-Length: 300000\r\n"], ids=["unknown", "known"])
def test_an_answer_larger_than_allowed_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, length: bytes
) -> None:
    monkeypatch.setattr(kept_connections, "LARGEST_ANSWER", 100_000)
    with pytest.raises(NoAnswer, match="larger"):
        response_to(HEAD + length + b"\r\n" + b"x" * 300_000)


def test_headers_without_end_are_not_read_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_connections, "MOST_RECEIVED", 100_000)
    with pytest.raises(NoAnswer, match="larger"):
        response_to(HEAD + b"A: b\r\n" * 100_000)


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nB: c", "a\0"])
def test_a_value_cannot_end_its_header(value: str) -> None:
    connections = KeptConnections("http://127.0.0.1:9", 4)
    with pytest.raises(ValueError, match="line break"):
        connections.exchange("GET", "/", seconds=1, headers={"A": value}, body=None)
    with pytest.raises(ValueError, match="line break"):
        connections.exchange("GET", f"/{value}", seconds=1, headers={}, body=None)
    with pytest.raises(ValueError, match="space"):
        connections.exchange("GET", "/ HTTP/1.1", seconds=1, headers={}, body=None)


@contextmanager
def secure_server(folder: Path, name: str) -> Iterator[tuple[int, Path]]:
    """A server with a self-signed certificate for the name; yields its port and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")

    def speak(connected: socket.socket) -> None:
        with context.wrap_socket(connected, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")

    with peer(speak, reads_first=False) as url:
        yield int(url.rpartition(":")[2]), folder / "certificate.pem"


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Trust this certificate, and no other."""
    kept_connections._verifying_context.cache_clear()
    yield lambda file: monkeypatch.setattr("requests.utils.DEFAULT_CA_BUNDLE_PATH", str(file))
    kept_connections._verifying_context.cache_clear()


def test_a_server_that_proves_its_name_is_trusted(tmp_path: Path, trust: Callable[[Path], None]) -> None:
    with secure_server(tmp_path, "localhost") as (port, certificate):
        trust(certificate)
        assert get(KeptConnections(f"https://localhost:{port}", 4)).content == b"{}"


@pytest.mark.usefixtures("trust")
def test_a_server_with_an_unknown_certificate_is_not_trusted(tmp_path: Path) -> None:
    with secure_server(tmp_path, "localhost") as (port, _), pytest.raises(NoAnswer, match="SSL"):
        get(KeptConnections(f"https://localhost:{port}", 4))


def test_a_server_with_another_name_is_not_trusted(tmp_path: Path, trust: Callable[[Path], None]) -> None:
    with secure_server(tmp_path, "stripe.example") as (port, certificate):
        trust(certificate)
        with pytest.raises(NoAnswer, match="SSL"):
            get(KeptConnections(f"https://localhost:{port}", 4))
