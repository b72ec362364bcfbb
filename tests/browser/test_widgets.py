"""The cards on the Dashboard's own pages: as high as their content, and their links lead to the app's page."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Staff
from tests.browser.test_page import look
from tests.dashboard.rows import a_contact, a_payment, an_account

ANSWER_WITHIN = 8_500  # milliseconds: by then, the page has given up on a Dashboard that does not respond

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_orders_card_grows_and_leads_to_its_payment(staff: Staff, theme: str) -> None:
    account = an_account(staff.installation)
    made = [
        a_payment(staff.installation, account=account, order_id="T3JkZXI6MQ==", amount_minor=minor)
        for minor in (500, 600, 700)
    ]
    origin = staff.saleor.dashboard_url(staff.app).partition("/dashboard")[0]
    # The order's page may have its own query with an id.
    staff.page.goto(f"{origin}/dashboard/orders/T3JkZXI6MQ==?theme={theme}&locale=en&id=of-a-dialog")
    card = staff.page.frame_locator("#app")
    expect(card.get_by_role("region")).to_have_count(3)
    expect(card.locator("html")).to_have_attribute("data-theme", theme)
    expect(card.get_by_text("Stripe refused the key of account")).to_have_count(3)
    expect(card.get_by_role("alert")).to_have_count(0)
    page = card.locator("#page")
    expect(page).not_to_have_css("height", "0px")
    inner = page.bounding_box()
    assert inner
    assert inner["height"] > 300
    staff.page.wait_for_function(
        "height => Math.abs(document.getElementById('app').clientHeight - height) <= 1",
        arg=inner["height"], timeout=PATIENCE,
    )  # fmt: skip
    look(staff, f"widget-order-{theme}")
    assert staff.actions("updateRouting") == []
    card.get_by_role("link", name="7.00 USD").click()
    staff.page.wait_for_url(f"**/extensions/app/*/payments/{made[-1].pk}")
    expect(card.get_by_role("heading", level=1)).to_have_text("7.00 USD")
    expect(card.get_by_text("Stripe refused the key of account")).to_be_visible()
    assert staff.complaints == []


@pytest.mark.parametrize(
    ("path", "permission"),
    [("orders/T3JkZXI6MQ==", "Handle payments"), ("customers/VXNlcjox", "Manage customers")],
)
def test_a_card_names_the_permission_that_its_reader_needs(staff: Staff, path: str, permission: str) -> None:
    """The Dashboard shows the card to all staff, but gives those without the permission an empty token."""
    origin = staff.saleor.dashboard_url(staff.app).partition("/dashboard")[0]
    staff.page.goto(f"{origin}/dashboard/{path}?theme=light&locale=en&permissions=MANAGE_ORDERS")
    card = staff.page.frame_locator("#app")
    expected = f"This requires the permission “{permission}”."
    expect(card.locator("#page")).to_contain_text(expected, timeout=4_000)
    look(staff, f"widget-without-permission-{path.partition('/')[0]}")
    staff.page.wait_for_timeout(ANSWER_WITHIN)
    expect(card.locator("#page")).to_contain_text(expected)
    expect(card.get_by_role("heading")).to_have_count(0)
    assert staff.complaints == []
    # As soon as the permission is granted, the Dashboard hands over a token.
    staff.page.evaluate("token => post('tokenRefresh', { token })", staff.saleor.dashboard_token(staff.app))
    expect(card.get_by_text(expected)).to_have_count(0)


def test_a_card_names_the_permission_in_the_dashboards_language(staff: Staff) -> None:
    """The browser has another one: the Dashboard sends its own after the empty token."""
    origin = staff.saleor.dashboard_url(staff.app).partition("/dashboard")[0]
    staff.page.goto(f"{origin}/dashboard/orders/T3JkZXI6MQ==?theme=light&locale=fr&permissions=MANAGE_ORDERS")
    card = staff.page.frame_locator("#app")
    expect(card.locator("#page")).to_contain_text("Ceci nécessite l'autorisation")
    assert staff.complaints == []


def test_a_customers_card_leads_to_the_contact(staff: Staff) -> None:
    contact = a_contact(staff.installation)
    contact.saleor_user_id = "VXNlcjox"
    contact.save()
    origin = staff.saleor.dashboard_url(staff.app).partition("/dashboard")[0]
    staff.page.goto(f"{origin}/dashboard/customers/VXNlcjox?theme=light&locale=fr")
    card = staff.page.frame_locator("#app")
    expect(card.get_by_role("region", name="Buyers")).to_contain_text("Non abonné")
    look(staff, "widget-customer-fr")
    card.get_by_role("link", name="Buyers").click()
    staff.page.wait_for_url(f"**/extensions/app/*/contacts/{contact.pk}")
    assert staff.complaints == []


def test_the_menu_leads_to_the_sections(staff: Staff) -> None:
    staff.open(theme="light", locale="en")
    staff.page.get_by_role("link", name="Stripe payments").click()
    page = staff.page.frame_locator("#app")
    expect(page.get_by_role("heading", level=1)).to_have_text("Payments")
    staff.page.get_by_role("link", name="Segments").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Segments")
