"""Sets the stage: both stand-ins, the app as its own process, the app installed and connected."""

import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, Self

import requests

from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, RESTRICTED_KEY, StripeSandbox

APP_ID = "saleor.app.stripe-audience"
CONSENT_TEXT = "Yes, send me news and offers by email. I can unsubscribe at any time."
READ_SCOPES = ["payments:read", "audience:read", "catalogue:read", "settings:read"]
# The operator's own settings do not apply in a demo: it must not send emails or open other ports.
OWN_SETTINGS = (
    "API_REQUESTS_PER_MINUTE", "APP_NAME", "CA_FILE", "CART_RETENTION_DAYS", "DASHBOARD_ORIGINS", "EMAIL_FROM",
    "EMAIL_URL", "EVENT_RETENTION_DAYS", "LOG_LEVEL", "METRICS_HOST", "METRICS_PORT", "PROXY_COUNT",
    "SECRET_KEY_FALLBACKS", "SERVER_THREADS", "STAFF_LANGUAGE", "STRIPE_PLATFORM_PUBLISHABLE_KEY",
    "STRIPE_PLATFORM_SECRET_KEY", "STRIPE_PLATFORM_WEBHOOK_SECRET",
)  # fmt: skip
FURNISH = """mutation Furnish($id: ID!, $text: String!, $scopes: [String!]!) {
  apiKeyCreate(input: {name: "demo", scopes: $scopes}) { errors { message } secret }
  audienceUpdate(id: $id, input: {consentText: $text}) { errors { message } }
  segmentsInstallReadyMade(audience: $id, currency: "USD", bigSpenderFrom: "100.00") { errors { message } } }"""
START_SECONDS = 90
CALL_SECONDS = 30


# Pictures have a public URL, as in a real shop: Stripe accepts no others, and each product would have a problem.
MEDIA_URL = "https://media.example.com"


class StageFailed(RuntimeError):  # noqa: N818 - named after what happened
    """The demo could not be set up; the message says which step failed and includes the app's message."""


class Stage:
    """A shop, a Stripe and the app between them. `folder` contains the app's database and log, and can be deleted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.errors: IO[str] = sys.stderr
        self.stripe = StripeSandbox()
        self.saleor = SaleorSandbox()
        self.saleor.host.media_url = MEDIA_URL
        self.api_key = ""
        self._served: list[Served] = []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_app()
        self.stripe.close()
        self.saleor.stop()
        for served in self._served:
            served.stop()

    def app_log(self) -> str:
        """Return the last lines of the app's log."""
        log = self.folder / "app.log"
        return log.read_text(errors="replace")[-8000:] if log.exists() else ""

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Query the app's own API with a developer's key."""
        return self._graphql({"Authorization": f"Bearer {self.api_key}"}, query, **variables)

    def ask_as_staff(self, query: str, **variables: Any) -> dict[str, Any]:
        """Query the API as staff, who may also change what a developer's key can only read."""
        return self._graphql(self._as_staff(), query, **variables)

    def _graphql(self, headers: dict[str, str], query: str, **variables: Any) -> dict[str, Any]:
        answer = requests.post(
            f"{self.app_url}/graphql/",
            json={"query": query, "variables": variables},
            headers=headers,
            timeout=CALL_SECONDS,
        ).json()
        if answer.get("errors"):
            raise StageFailed(f"The app's GraphQL API refused a query: {answer['errors'][0]['message']}")
        data: dict[str, Any] = answer["data"]
        return data

    def _set_up(self) -> None:
        self.stripe_url = self._serve(self.stripe.wsgi)
        self.stripe.base_url = self.stripe_url
        self.saleor.start()
        self.saleor_api_url = self.saleor.api_url
        port = _free_port()
        self.app_url = f"http://127.0.0.1:{port}"
        self._start_app(port)
        self.app = self.saleor.install(f"{self.app_url}/api/manifest")
        self._connect_stripe()
        self._furnish()

    @property
    def dashboard_url(self) -> str:
        """Return the URL of the app's page in the stand-in's Dashboard."""
        return self.saleor.dashboard_url(self.app)

    def _as_staff(self) -> dict[str, str]:
        """Return the headers with which staff use the app from the Dashboard."""
        token = self.saleor.dashboard_token(self.app)
        return {"Authorization": f"Bearer {token}", "Saleor-Api-Url": self.saleor_api_url}

    def _connect_stripe(self) -> None:
        """Fill in the form on the app's page, as a shop owner does."""
        channels = [each.slug for each in self.saleor.host.store.channels]
        answer = requests.post(
            f"{self.app_url}/dashboard/accounts/connect",
            data={"publishable_key": PUBLISHABLE_KEY, "secret_key": RESTRICTED_KEY, "channel": channels},
            headers=self._as_staff(),
            timeout=CALL_SECONDS,
        )
        if not answer.ok:
            raise StageFailed(f"Stripe could not be connected:\n{answer.text}\n{self.app_log()}")

    def _furnish(self) -> None:
        """Set up what a merchant chooses first: a read key, the wording at checkout, the ready-made segments."""
        staff = self._as_staff()
        [audience] = self._graphql(staff, "{ audiences { id } }")["audiences"]
        made = self._graphql(staff, FURNISH, id=audience["id"], text=CONSENT_TEXT, scopes=READ_SCOPES)
        if refused := [error["message"] for payload in made.values() for error in payload["errors"]]:
            raise StageFailed(f"The shop could not be set up: {' '.join(refused)}")
        self.api_key = made["apiKeyCreate"]["secret"]

    def _serve(self, application: Any) -> str:
        served = Served(application).start()
        self._served.append(served)
        return served.url

    def _environment(self, port: int) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS}
        return inherited | {
            "SECRET_KEY": secrets.token_urlsafe(32),
            "DATABASE_URL": f"sqlite:///{self.folder / 'app.sqlite3'}",
            "PUBLIC_URL": self.app_url,
            "ALLOWED_SALEOR_URLS": self.saleor_api_url,
            "STRIPE_API_BASE": self.stripe_url,
            "APP_ID": APP_ID,
            "GRAPHIQL": "true",
            "PORT": str(port),
        }

    def _start_app(self, port: int) -> None:
        environment = self._environment(port)
        with (self.folder / "app.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "saleor_stripe_audience", "serve", "--host", "127.0.0.1"],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends and self._process is not None and self._process.poll() is None:
            if _answers(f"{self.app_url}/readyz"):
                return
            time.sleep(0.1)
        raise StageFailed(f"The app did not start:\n{self.app_log()}")

    def _stop_app(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=CALL_SECONDS).ok
    except (requests.ConnectionError, requests.Timeout):
        return False  # a busy machine takes longer to start


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
