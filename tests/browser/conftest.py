"""The page as staff see it: a real browser, the sandbox's Dashboard on one origin, the app on another."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

import pytest
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Page, Route, expect, sync_playwright
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from saleor_stripe_audience.sandbox.demo.stage import MEDIA_URL
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.state import App
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Installation

# What the browser's console shows for a refused form; Python 3.13 has another name for the status than 3.12.
REFUSED = f"Failed to load resource: the server responded with a status of 422 ({HTTPStatus(422).phrase})"

PATIENCE = 15_000  # milliseconds: the machine may be busy
# The page polls progress every two or three seconds: in a test, the same timers poll ten times as often.
ASK_OFTEN = "const every = setInterval; window.setInterval = (act, pause) => every(act, pause / 10);"
# The headless shell is the same engine without windows, and takes three fifths of the CPU time.
NAMES = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "chrome",
)


@pytest.fixture(scope="package")
def browser(django_db_setup: None) -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("No Chromium on this machine: the page is not tested in a browser.")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright runs an event loop on this thread, because of which Django would refuse the tests' own queries.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=PATIENCE)
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


def is_complaint(said: ConsoleMessage) -> bool:
    """Whether it is an error of the page, which the missing icon of the sandbox's Dashboard is not."""
    return said.type == "error" and not said.location["url"].endswith("/favicon.ico")


@dataclass
class Staff:
    """A staff member at the sandbox's Dashboard with the app's page open."""

    page: Page
    saleor: SaleorSandbox
    app: App
    installation: Installation
    complaints: list[str]

    def open(self, path: str = "", **asked: str) -> FrameLocator:
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        separator = "&" if "?" in path else "?"
        self.page.goto(f"{self.saleor.dashboard_url(self.app)}{path}{separator}{query}")
        return self.page.frame_locator("#app")

    def actions(self, kind: str) -> list[dict[str, object]]:
        """Return what the page requested from the Dashboard."""
        found: list[dict[str, object]] = self.page.evaluate("window.bridgeActions")
        return [each for each in found if each["type"] == kind]


def send_picture(route: Route, saleor: SaleorSandbox) -> None:
    """Respond as the shop's storage of pictures, which has a public URL: Stripe does not accept any other."""
    path = route.request.url.removeprefix(MEDIA_URL)
    route.fulfill(response=route.fetch(url=f"{saleor.host.url}{path}"))


@pytest.fixture
def stripe(settings: Settings) -> Iterator[StripeSandbox]:
    sandbox = StripeSandbox()
    with Served(sandbox.wsgi) as served:
        sandbox.base_url = settings.STRIPE_API_BASE = served.url
        yield sandbox
    sandbox.close()


@pytest.fixture
def staff(
    browser: Browser,
    live_server: LiveServer,
    settings: Settings,
    stripe: StripeSandbox,
) -> Iterator[Staff]:
    with SaleorSandbox() as saleor:
        settings.PUBLIC_URL = live_server.url
        settings.ALLOWED_SALEOR_URLS = (saleor.api_url,)
        app = saleor.install(f"{live_server.url}/api/manifest")
        context = browser.new_context(viewport={"width": 1080, "height": 860})
        context.set_default_timeout(PATIENCE)
        context.add_init_script(ASK_OFTEN)
        saleor.host.media_url = MEDIA_URL
        context.route(f"{MEDIA_URL}/**", lambda route: send_picture(route, saleor))
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield Staff(page, saleor, app, Installation.objects.get(), complaints)
        context.close()
