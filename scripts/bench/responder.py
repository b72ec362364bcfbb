"""A minimal Stripe, in its own process: it responds at once, or after a pause, and checks nothing.

    python -m scripts.bench.responder PORT_FILE [--pause SECONDS]

The strict stand-in takes many times longer than the app's own work, so a benchmark with it would measure the stand-in.
A PaymentIntent is open when it is created, and paid when it is retrieved. Headers are like Stripe's.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

Json = dict[str, Any]

START_SECONDS = 60
HEADERS = """server: nginx
content-type: application/json
access-control-allow-credentials: true
access-control-allow-methods: GET, HEAD, PUT, PATCH, POST, DELETE
access-control-allow-origin: *
access-control-expose-headers: Request-Id, Stripe-Manage-Version, Stripe-Should-Retry, X-Stripe-External-Auth-Required
access-control-max-age: 300
cache-control: no-cache, no-store
content-security-policy: base-uri 'none'; default-src 'none'; form-action 'none'; frame-ancestors 'none'
idempotency-key: 6f0b4d3e
original-request: req_0123456789abcd
request-id: req_0123456789abcd
stripe-should-retry: false
stripe-version: 2026-10-28
vary: Origin
x-stripe-priority-routing-enabled: true
x-stripe-routing-context-priority-tier: api-testmode
x-wc: ABGHIJ
strict-transport-security: max-age=63072000; includeSubDomains; preload
"""
_HEAD = b"HTTP/1.1 200 OK\r\n" + HEADERS.replace("\n", "\r\n").encode()

_intents: dict[str, Json] = {}


class _Connection(asyncio.Protocol):
    """One keep-alive connection: reads requests and responds to each in turn."""

    pause = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._received = bytearray()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._take_request()) is not None:
            answer = _respond(*request)
            if self.pause:
                asyncio.get_running_loop().call_later(self.pause, self._transport.write, answer)
            else:
                self._transport.write(answer)

    def _take_request(self) -> tuple[str, str, bytes] | None:
        head, end, rest = bytes(self._received).partition(b"\r\n\r\n")
        if not end:
            return None
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if len(rest) < length:
            return None
        del self._received[: len(head) + 4 + length]
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        return method, target.partition("?")[0], rest[:length]


def _respond(method: str, path: str, body: bytes) -> bytes:
    found = json.dumps(_object(method, path, body)).encode()
    return _HEAD + b"content-length: %d\r\n\r\n" % len(found) + found


def _object(method: str, path: str, body: bytes) -> Json:
    kind, _, identifier = path.removeprefix("/v1/").partition("/")
    if kind == "customers":
        return {"id": f"cus_{os.urandom(8).hex()}", "object": "customer", "data": [], "metadata": {}}
    if kind == "payment_intents" and method == "POST" and not identifier:
        return _created(dict(parse_qsl(body.decode(), keep_blank_values=True)))
    if identifier in _intents:
        return _paid(_intents[identifier])
    return {"object": "list", "data": [], "has_more": False, "url": path}


def _created(sent: dict[str, str]) -> Json:
    identifier = f"pi_{os.urandom(12).hex()}"
    metadata = {name[9:-1]: value for name, value in sent.items() if name.startswith("metadata[") and value}
    _intents[identifier] = {
        "id": identifier, "object": "payment_intent", "amount": int(sent["amount"]), "amount_capturable": 0,
        "amount_details": {"tip": {}}, "amount_received": 0, "application": None, "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True}, "canceled_at": None,
        "cancellation_reason": None, "capture_method": "automatic", "confirmation_method": "automatic",
        "client_secret": f"{identifier}_secret_{os.urandom(12).hex()}", "created": int(time.time()),
        "currency": sent["currency"], "customer": sent.get("customer"), "description": sent.get("description"),
        "excluded_payment_method_types": None, "last_payment_error": None, "latest_charge": None, "livemode": False,
        "metadata": metadata, "next_action": None, "on_behalf_of": None, "payment_method": None,
        "payment_method_configuration_details": {"id": "pmc_1", "parent": None},
        "payment_method_options": {
            "card": {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "any"},
            "klarna": {"preferred_locale": None}, "link": {"persistent_token": None},
        },
        "payment_method_types": ["card", "klarna", "link"], "processing": None, "receipt_email": None, "review": None,
        "setup_future_usage": None, "shipping": None, "source": None, "statement_descriptor": None,
        "statement_descriptor_suffix": None, "status": "requires_payment_method", "transfer_data": None,
        "transfer_group": None,
    }  # fmt: skip
    return _intents[identifier]


def _paid(intent: Json) -> Json:
    charge = {
        "id": intent["id"].replace("pi_", "ch_"), "object": "charge", "amount": intent["amount"],
        "amount_captured": intent["amount"], "amount_refunded": 0, "application": None, "balance_transaction": "txn_1",
        "billing_details": {"address": {"city": None, "country": "US", "postal_code": "12345"}, "email": None},
        "calculated_statement_descriptor": "SHOP", "captured": True, "created": intent["created"],
        "currency": intent["currency"], "customer": intent["customer"], "description": intent["description"],
        "disputed": False, "failure_code": None, "failure_message": None, "fraud_details": {}, "livemode": False,
        "metadata": intent["metadata"], "on_behalf_of": None, "paid": True, "payment_intent": intent["id"],
        "outcome": {"network_status": "approved_by_network", "risk_level": "normal", "type": "authorized"},
        "payment_method": "pm_1", "refunded": False, "review": None, "shipping": None, "status": "succeeded",
        "payment_method_details": {
            "card": {
                "brand": "visa", "checks": {"cvc_check": "pass"}, "country": "US", "exp_month": 12, "exp_year": 2034,
                "fingerprint": "f", "funding": "credit", "last4": "4242", "network": "visa", "wallet": None,
                "multicapture": {"status": "unavailable"}, "three_d_secure": None,
            },
            "type": "card",
        },
    }  # fmt: skip
    return {**intent, "status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge}


@contextmanager
def responding(folder: Path, pause: float = 0.0) -> Iterator[str]:
    """Run it in its own process during the block; yields its address."""
    file = folder / f"stripe-{pause}"
    command = [sys.executable, "-m", "scripts.bench.responder", str(file), "--pause", str(pause)]
    process = subprocess.Popen(command)  # noqa: S603 - this very file
    try:
        ends = time.monotonic() + START_SECONDS
        while not file.exists():
            if process.poll() is not None or time.monotonic() > ends:
                raise TimeoutError("the minimal Stripe did not start")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{file.read_text()}"
    finally:
        process.kill()
        process.wait()


async def _serve(file: Path) -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    written = file.with_suffix(".new")
    written.write_text(str(server.sockets[0].getsockname()[1]))
    written.rename(file)
    await server.serve_forever()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="A minimal Stripe.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--pause", type=float, default=0.0)
    options = parser.parse_args()
    _Connection.pause = options.pause
    asyncio.run(_serve(options.file))


if __name__ == "__main__":
    main()
