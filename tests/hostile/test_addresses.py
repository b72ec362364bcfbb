"""A registration can contain any URL: the app only calls public addresses, and exactly those that it checked."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.saleor import addresses, http
from saleor_stripe_audience.sandbox.serving import Served

PATTERN = "https://*-shops.example.com/graphql/"
SHOP = "https://my-shops.example.com/graphql/"
PUBLIC = "93.184.215.14"

Resolve = Callable[..., list[Any]]


@pytest.fixture(autouse=True)
def _pattern(settings: Any) -> None:
    settings.ALLOWED_SALEOR_URLS = (PATTERN,)
    http._local.__dict__.clear()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Resolve the name to the first addresses, then to the second, and so on; return the addresses connected to."""
    waiting = list(answers)
    connected: list[str] = []

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        family = socket.AF_INET6 if ":" in found[0] else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        connected.append(address[0])
        raise OSError("nobody is called in a test")

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    return connected


def test_a_name_that_leads_home_a_moment_later_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = resolve_to(monkeypatch, [PUBLIC], ["127.0.0.1"])
    addresses.check_allowed(SHOP)
    with pytest.raises(Rejected) as refused:
        http.call("GET", SHOP)
    assert refused.value.code == "private_address"
    assert connected == []


def test_the_address_that_was_looked_at_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = resolve_to(monkeypatch, [PUBLIC])
    with pytest.raises(Unavailable):
        http.call("GET", SHOP)
    assert set(connected) == {PUBLIC}


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "240.0.0.1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolve_to(monkeypatch, [address])
    with pytest.raises(Rejected) as refused:
        addresses.check_allowed(SHOP)
    assert refused.value.code == "private_address"


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = resolve_to(monkeypatch, [PUBLIC, "10.0.0.1"])
    with pytest.raises(Rejected):
        http.call("GET", SHOP)
    assert connected == []


def test_a_name_that_nobody_knows_may_be_known_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror("no such name")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    with pytest.raises(Unavailable):
        http.call("GET", SHOP)


@pytest.mark.parametrize(
    "url",
    [
        "http://my-shops.example.com/graphql/",
        "file:///etc/passwd",
        "gopher://my-shops.example.com/",
        "ftp://x.example.com/",
    ],
)
def test_only_https_is_spoken_to_what_the_operator_did_not_name(url: str) -> None:
    with pytest.raises(Rejected) as refused:
        http.call("GET", url)
    assert refused.value.code == "https_required"


def test_redirects_are_not_followed(settings: Any) -> None:
    asked: list[str] = []

    @Request.application
    def elsewhere(request: Request) -> Response:
        asked.append(request.path)
        return Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})

    with Served(elsewhere) as served:
        settings.ALLOWED_SALEOR_URLS = (f"{served.url}/graphql/",)
        with pytest.raises(Unavailable):
            http.call("GET", f"{served.url}/graphql/")
    assert asked == ["/graphql/"]


def test_a_shop_that_the_operator_named_may_be_private(settings: Any) -> None:
    @Request.application
    def answer(_: Request) -> Response:
        return Response("{}")

    with Served(answer) as served:
        settings.ALLOWED_SALEOR_URLS = (f"{served.url}/graphql/",)
        assert http.call("GET", f"{served.url}/graphql/").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "::ffff:0:7f00:1",
        "::ffff:10.0.0.1",
        "fec0::1",
        "fe80::1%eth0",
        "fc00::1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "100::1",
        "2001:db8::1",
        "::",
        "::1",
        "0.0.0.1",
        "100.64.0.1",
        "192.0.0.1",
        "198.18.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
    ],
)
def test_no_spelling_of_a_private_address_is_public(address: str) -> None:
    assert not addresses._is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, f"::ffff:{PUBLIC}", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_called(address: str) -> None:
    assert addresses._is_public(address)
