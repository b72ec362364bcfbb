"""An app with one Stripe account that hangs, to test that the others still work, and to measure their speed.

    python -m scripts.bench_busy

Serves the app on SQLite, makes every thread that may wait for the hanging account wait, then requests the app's health
and pays with another account. Prints JSON: seconds, and the machine. `make bench-busy`.
"""

import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from saleor_stripe_audience.sandbox.saleor.signing import SigningKey
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, RESTRICTED_KEY, SECRET_KEY, StripeSandbox

SHOP, APP = "http://127.0.0.1:9/graphql/", "QXBwOjE="
HANGING, WELL = "hanging", "well"
EVENT = "transaction_initialize_session"
SECONDS = 60
START_SECONDS = 300  # on a busy machine

_INSTALL = """
import json, sys, django; django.setup()
from django.utils import timezone
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.shops.models import Installation
given = json.load(sys.stdin)
shop = Installation.objects.create(saleor_api_url=given["shop"], app_id=given["app"], token="t",
    schema_version="3.23", jwks={"keys": [given["jwk"]]}, registered_at=timezone.now())
for channel, secret in given["accounts"].items():
    account = StripeAccount.objects.create(installation=shop, name=channel, publishable_key=given["publishable"],
        secret_key=secret, stripe_id=channel, livemode=False)
    AccountChannel.objects.create(installation=shop, account=account, channel_slug=channel)
"""


@dataclass
class HangingStripe:
    """The stand-in, except that requests with the hanging account's key wait until it is released."""

    sandbox: StripeSandbox
    released: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def wsgi(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """The WSGI application."""
        if environ.get("HTTP_AUTHORIZATION", "").endswith(SECRET_KEY):
            self.waiting.release()
            self.released.wait(SECONDS)
        return self.sandbox.wsgi(environ, start_response)


@dataclass
class BusyTown:
    """The served app, the key that signs for its shop, and the Stripe that hangs."""

    url: str
    key: SigningKey
    stripe: HangingStripe

    def pay(self, channel: str) -> dict[str, Any]:
        """Start a payment as Saleor would; return the app's response."""
        payload = {
            "recipient": {"id": APP},
            "idempotencyKey": str(uuid.uuid4()),
            "action": {"amount": 12.3, "currency": "USD", "actionType": "CHARGE"},
            "transaction": {"id": f"VHJhbnNhY3Rpb25JdGVtOg=={uuid.uuid4().hex}", "pspReference": ""},
            "sourceObject": {
                "__typename": "Checkout",
                "id": "Q2hlY2tvdXQ6MQ==",
                "channel": {"slug": channel},
            },
        }
        body = json.dumps(payload).encode()
        headers = {
            "Saleor-Event": EVENT,
            "Saleor-Api-Url": SHOP,
            "Saleor-Signature": self.key.signature(body),
            "Content-Type": "application/json",
        }
        address = f"{self.url}/api/webhooks/saleor/{EVENT.replace('_', '-')}"
        answer = requests.post(address, body, headers=headers, timeout=SECONDS)
        answer.raise_for_status()
        result: dict[str, Any] = answer.json()
        return result

    @contextmanager
    def all_places_taken(self, places: int) -> Iterator[list[Any]]:
        """During the block, as many payments as allowed wait for the hanging account; they are released at the end."""
        with ThreadPoolExecutor(places) as shoppers:
            try:
                payments = [shoppers.submit(self.pay, HANGING) for _ in range(places)]
                for _ in range(places):
                    if not self.stripe.waiting.acquire(timeout=SECONDS):
                        raise TimeoutError("the payments did not come to wait")
                yield payments
            finally:
                self.stripe.released.set()


@contextmanager
def busy_town(folder: Path, threads: int) -> Iterator[BusyTown]:
    """Serve the app with this many threads in its own process, on a new database in `folder`."""
    key = SigningKey.generate()
    with StripeSandbox() as sandbox:
        stripe = HangingStripe(sandbox)
        with Served(stripe.wsgi) as served:
            port = free_port()
            given = environment(folder, port, threads, served.url)
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "saleor_stripe_audience", "serve", "--no-worker"],
                    env=given,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            try:
                wait_until_ready(f"http://127.0.0.1:{port}", process)
                _install(key, given)
                yield BusyTown(f"http://127.0.0.1:{port}", key, stripe)
            finally:
                stripe.released.set()
                process.kill()
                process.wait()


def environment(folder: Path, port: int, threads: int, stripe_url: str) -> dict[str, str]:
    """Return the app's environment: a new database in `folder`, this many threads, that Stripe."""
    return os.environ | {
        "SECRET_KEY": "only-for-this-run-0123456789",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_SALEOR_URLS": SHOP,
        "DJANGO_SETTINGS_MODULE": "saleor_stripe_audience.settings",
        "PORT": str(port),
        "SERVER_THREADS": str(threads),
        "STRIPE_API_BASE": stripe_url,
    }


def _install(key: SigningKey, environment: dict[str, str]) -> None:
    given = {
        "shop": SHOP,
        "app": APP,
        "jwk": key.jwk(),
        "publishable": PUBLISHABLE_KEY,
        "accounts": {HANGING: SECRET_KEY, WELL: RESTRICTED_KEY},
    }
    command = [sys.executable, "-c", _INSTALL]
    subprocess.run(command, input=json.dumps(given), text=True, check=True, env=environment)  # noqa: S603 - as above


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the app is ready for traffic; TimeoutError if it does not become ready."""
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        try:
            if requests.get(f"{url}/readyz", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise TimeoutError("the app did not start")


def main() -> None:
    """Measure and print."""
    threads = 128
    places = int(threads * 0.8)
    with (
        tempfile.TemporaryDirectory() as folder,
        busy_town(Path(folder), threads) as town,
        town.all_places_taken(places),
    ):
        health = time_calls(200, lambda: requests.get(f"{town.url}/healthz", timeout=SECONDS))
        other = time_calls(50, lambda: town.pay(WELL))
        turned_away = time_calls(50, lambda: town.pay(HANGING))
    report = {
        "threads": threads,
        "waiting": places,
        "healthz_seconds": health,
        "other_account_seconds": other,
        "turned_away_seconds": turned_away,
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
    }
    print(json.dumps(report, indent=2))


def time_calls(times: int, act: Callable[[], object]) -> dict[str, float]:
    """Run the calls one after the other; return the seconds: p50, p99 and the maximum."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        taken.append(time.perf_counter() - started)
    quantiles = statistics.quantiles(taken, n=100)
    return {"p50": round(quantiles[49], 4), "p99": round(quantiles[98], 4), "most": round(max(taken), 4)}


if __name__ == "__main__":
    main()
