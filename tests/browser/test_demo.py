"""The demo's page as a newcomer uses it: the checkbox at checkout, an abandoned cart, and what the audience shows."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from saleor_stripe_audience.sandbox.demo.page import served_page
from saleor_stripe_audience.sandbox.demo.stage import CONSENT_TEXT, Stage
from tests.browser.conftest import is_complaint
from tests.browser.test_page import save_picture
from tests.platform.conftest import migrated_database  # noqa: F401 - a fixture

PATIENCE = 60_000  # milliseconds: the app, its worker and two stand-ins share the machine with the browser
GOOD, DECLINED = "4242424242424242", "4000000000000002"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Stage]:  # noqa: F811 - as above
    folder = tmp_path_factory.mktemp("demo")
    shutil.copyfile(migrated_database / "db.sqlite3", folder / "app.sqlite3")
    with Stage(folder) as stage:
        yield stage


@pytest.fixture
def shop(browser: Browser, stage: Stage) -> Iterator[Page]:
    complaints: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        if is_complaint(said):
            complaints.append(said.text)

    with served_page(stage, 0) as served:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{served.url}/")
        page.locator("#variant option").first.wait_for(state="attached")
        yield page
        page.close()
    assert complaints == []


def pay(shop: Page, email: str, card: str, *, consent: bool, expected: str) -> None:
    shop.fill("#email", email)
    shop.select_option("#card", card)
    shop.set_checked("input[name=consent]", consent)
    shop.click("#pay")
    expect(shop.locator("#message")).to_contain_text(expected)


def segment(shop: Page, name: str, state: str) -> None:
    row = shop.locator("#segments li", has_text=name)
    expect(row.locator(".tag")).to_have_text(state)


def look_without_catalogue(shop: Page) -> None:
    """For the README, where a long list of products would hide the rest."""
    catalogue = shop.locator("section", has=shop.locator("#catalogue"))
    catalogue.evaluate("it => { it.hidden = true; }")
    save_picture(shop, "demo", full_page=True)
    catalogue.evaluate("it => { it.hidden = false; }")


def test_a_buyer_who_ticks_nothing_is_not_a_subscriber(shop: Page) -> None:
    pay(shop, "robin.vale@example.com", DECLINED, consent=False, expected="declined")
    segment(shop, "Declined this week", "in")
    segment(shop, "First-time buyers", "not in")
    pay(shop, "robin.vale@example.com", GOOD, consent=False, expected="Thank you")
    expect(shop.locator("#status")).to_have_text("nonsubscribed")
    expect(shop.locator("#ledger")).to_have_text("No consent recorded.")
    expect(shop.locator("#person")).to_contain_text("consent is unknown")
    segment(shop, "Non-subscribed buyers", "in")
    segment(shop, "First-time buyers", "in")


def test_the_box_and_an_abandoned_cart(shop: Page) -> None:
    expect(shop.locator("#consent")).to_have_text(CONSENT_TEXT)
    pay(shop, "kim.lark@example.com", GOOD, consent=True, expected="Thank you")
    expect(shop.locator("#status")).to_have_text("subscribed")
    expect(shop.locator("#ledger q")).to_have_text(CONSENT_TEXT)
    segment(shop, "Abandoned carts", "not in")
    shop.set_checked("input[name=consent]", checked=False)
    shop.click("#abandon")
    expect(shop.locator("#timeline")).to_contain_text("Abandoned a cart")
    segment(shop, "Abandoned carts", "in")
    expect(shop.locator("#status")).to_have_text("subscribed")
    look_without_catalogue(shop)
    pay(shop, "ira.moss@example.com", DECLINED, consent=False, expected="declined")
    expect(shop.locator("#who")).to_have_text("ira.moss@example.com")
    shop.get_by_role("button", name="kim.lark@example.com").click()
    expect(shop.locator("#who")).to_have_text("kim.lark@example.com")
    expect(shop.locator("#status")).to_have_text("subscribed")
    for width in (390, 1280):
        shop.set_viewport_size({"width": width, "height": 844})
        assert shop.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_alone_is_enough(shop: Page) -> None:
    pay(shop, "ada.moor@example.com", GOOD, consent=False, expected="Thank you")
    button = shop.get_by_role("button", name="ada.moor@example.com")
    expect(button).to_have_count(1)
    button.focus()
    shop.evaluate("refresh()")  # rendering again must not move the focus
    expect(button).to_be_focused()
    shop.keyboard.press("Enter")
    expect(shop.locator("#who")).to_have_text("ada.moor@example.com")
    shop.locator("#orders button").first.focus()
    shop.keyboard.press("Enter")
    expect(shop.locator("#orders")).to_contain_text("REFUND_SUCCESS")


def test_the_page_leads_to_the_dashboard(shop: Page) -> None:
    shop.get_by_role("link", name="open the app's page in the Dashboard").click()
    frame = shop.frame_locator("#app")
    expect(frame.get_by_role("navigation").get_by_role("button", name="Payments")).to_be_visible()
