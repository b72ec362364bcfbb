"""Clients that send half a request, too much, or nothing: they occupy a socket for a while, but never a thread."""

import asyncio
import json
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import requests

from saleor_stripe_audience import asgi
from saleor_stripe_audience.asgi import BufferedApplication
from scripts.bench_slow import half_sent_requests
from tests.platform.served import serving

Message = MutableMapping[str, Any]


class Caller:
    """What an ASGI server passes on: parts of a body, then nothing."""

    def __init__(self, *parts: Message) -> None:
        self.parts = list(parts)
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if not self.parts:
            await asyncio.Event().wait()
        return self.parts.pop(0)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> bytes:
        return b"".join(each["body"] for each in self.sent[1:])

    @property
    def code(self) -> str:
        code: str = json.loads(self.body)["error"]["code"]
        return code


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def ask(
    application: BufferedApplication, caller: Caller, *headers: tuple[bytes, bytes], path: str = "/"
) -> None:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("192.0.2.7", 4000),
        "headers": list(headers),
    }
    asyncio.run(application(scope, caller.receive, caller.send))


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    echoed = {name: str(value) for name, value in environ.items()}
    echoed["body"] = environ["wsgi.input"].read().decode()
    return [json.dumps(echoed).encode()]


def never(_environ: dict[str, Any], _start_response: Any) -> Iterable[bytes]:
    raise AssertionError("the request must not reach the application")


LENGTH = (b"content-length", b"1000")


def test_a_body_that_does_not_come_is_refused_before_a_thread_is_taken() -> None:
    caller = Caller(part(b"{", more=True))
    application = BufferedApplication(never, threads=1, body_seconds=0.01)
    ask(application, caller, LENGTH)
    assert (caller.status, caller.code) == (408, "too_slow")
    assert (b"connection", b"close") in caller.sent[0]["headers"]
    assert application._held == 0


def test_a_body_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "LARGEST_BODY", 10)
    caller = Caller(part(b"123456", more=True), part(b"123456", more=True))
    ask(BufferedApplication(never, threads=1), caller, (b"transfer-encoding", b"chunked"))
    assert (caller.status, caller.code) == (413, "too_large")


def test_many_large_bodies_at_once_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "LARGEST_BODIES", 10)
    caller = Caller(part(b"12345678901", more=False))
    application = BufferedApplication(never, threads=1)
    ask(application, caller, LENGTH)
    assert (caller.status, caller.code) == (503, "overloaded")
    assert b"retry-after" in dict(caller.sent[0]["headers"])
    assert application._held == 0


def test_a_caller_who_leaves_is_answered_by_nobody() -> None:
    caller = Caller(part(b"{", more=True), {"type": "http.disconnect"})
    ask(BufferedApplication(never, threads=1), caller, LENGTH)
    assert caller.sent == []


def test_a_body_in_parts_arrives_whole_and_headers_as_they_were() -> None:
    caller = Caller(part(b"ab", more=True), part(b"cd", more=False))
    headers = [
        (b"transfer-encoding", b"chunked"),
        (b"content-type", b"text/plain"),
        (b"saleor-api-url", b"https://shop.example.com"),
        (b"saleor_api_url", b"https://elsewhere.example.com"),
        (b"x-forwarded-for", b"192.0.2.1"),
        (b"x-forwarded-for", b"192.0.2.2"),
    ]
    ask(BufferedApplication(echo, threads=1), caller, *headers, path="/café")
    echoed = json.loads(caller.body)
    assert echoed["body"] == "abcd"
    assert echoed["CONTENT_LENGTH"] == "4"
    assert echoed["CONTENT_TYPE"] == "text/plain"
    assert echoed["HTTP_SALEOR_API_URL"] == "https://shop.example.com"
    assert echoed["HTTP_X_FORWARDED_FOR"] == "192.0.2.1,192.0.2.2"
    assert echoed["PATH_INFO"].encode("latin-1").decode() == "/café"
    assert echoed["REMOTE_ADDR"] == "192.0.2.7"


class Blocks:
    """A long response, such as an export."""

    streaming = True

    def __init__(self) -> None:
        self.left = [b"one", b"", b"two"]
        self.is_closed = False

    def __iter__(self) -> Any:
        return iter(self.left)

    def close(self) -> None:
        self.is_closed = True


def test_a_long_answer_is_sent_block_by_block_and_closed() -> None:
    blocks = Blocks()

    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return blocks

    caller = Caller()
    ask(BufferedApplication(application, threads=1), caller)
    assert [each["body"] for each in caller.sent[1:]] == [b"one", b"two", b""]
    assert blocks.is_closed


def test_a_long_answer_that_nobody_reads_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "BLOCK_SECONDS", 0.01)
    blocks = Blocks()

    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return blocks

    class Stalled(Caller):
        async def send(self, message: Message) -> None:
            await super().send(message)
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

    ask(BufferedApplication(application, threads=1), Stalled())
    assert blocks.is_closed


def test_two_hundred_half_sent_requests_silence_nobody(tmp_path: Path) -> None:
    """There are four threads, so a fiftieth of the clients could have occupied them all."""
    with (
        serving(tmp_path, "--no-worker", SERVER_THREADS="4") as (url, _),
        half_sent_requests(url, 200) as callers,
    ):
        for _ in range(20):
            assert requests.get(f"{url}/healthz", timeout=30).json() == {"ok": True}
        assert requests.get(f"{url}/readyz", timeout=30).ok
        assert all(caller.fileno() >= 0 for caller in callers)
