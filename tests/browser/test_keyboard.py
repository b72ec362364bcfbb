"""The owner's main actions without a mouse: Tab reaches every control, and focus is visible after each response."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Locator, expect

from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.transfer.models import ImportFile
from saleor_stripe_audience.gateway import terms
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, RESTRICTED_KEY
from tests.browser.conftest import Staff
from tests.dashboard.rows import a_contact, a_payment

pytestmark = pytest.mark.django_db(transaction=True)

MOST_STOPS = 150  # more than any section has
HAS_FOCUS = "it => document.hasFocus() && document.activeElement === it"
TWO_PIXELS = re.compile(r"^([2-9]|[1-9]\d+)(\.\d+)?px$")  # or more
IN_DIALOG = """it => !document.hasFocus() || document.activeElement === document.body
    || it.contains(document.activeElement)"""


@dataclass
class Keyboard:
    """A user without a mouse. A control that cannot be reached, or whose focus is invisible, fails the test."""

    staff: Staff
    page: FrameLocator

    def press(self, *keys: str) -> None:
        for key in keys:
            self.staff.page.keyboard.press(key)

    def reach(self, control: Locator) -> None:
        expect(control).to_be_visible()
        for _ in range(MOST_STOPS):
            if control.evaluate(HAS_FOCUS):
                break
            self.press("Tab")
        self.expect_seen(control)

    def expect_seen(self, control: Locator) -> None:
        """Expect the control to have the focus, in view and visibly, even if a response has just replaced it."""
        expect(control).to_be_focused()
        expect(control).to_be_in_viewport()
        expect(control).not_to_have_css("outline-style", "none")
        expect(control).to_have_css("outline-width", TWO_PIXELS)

    def use(self, control: Locator, key: str = "Enter") -> None:
        self.reach(control)
        self.press(key)

    def write(self, control: Locator, text: str) -> None:
        self.reach(control)
        self.press("ControlOrMeta+a")
        self.staff.page.keyboard.insert_text(text)

    def choose(self, select: Locator, value: str) -> None:
        """Choose the value with the arrow keys."""
        self.reach(select)
        self.press("Home")
        for _ in range(MOST_STOPS):
            if select.input_value() == value:
                return
            self.press("ArrowDown")
        raise AssertionError(f"{value} was not reached")

    def open(self, section: str) -> None:
        entry = self.page.locator(f"#to-{section}")
        self.use(entry)
        expect(entry).to_have_attribute("aria-current", "page")
        self.expect_seen(entry)

    def button(self, name: str, within: Locator | None = None) -> Locator:
        return (within or self.page.locator("body")).get_by_role("button", name=name, exact=True)

    def open_dialog(self, opener: Locator, name: str) -> Locator:
        """Check that the dialog takes and keeps the focus, and Escape closes it and returns the focus; reopen it."""
        dialog = self.page.get_by_role("dialog", name=name)
        self.use(opener)
        expect(dialog).to_be_visible()
        expect(dialog.locator(":focus")).to_have_count(1)
        for _ in range(12):
            self.press("Tab")
            assert dialog.evaluate(IN_DIALOG), "the focus left the dialog"
        self.reach(dialog.get_by_role("button").first)
        self.press("Escape")
        expect(dialog).to_be_hidden()
        self.expect_seen(opener)
        self.press("Space")
        expect(dialog).to_be_visible()
        return dialog


def test_a_shop_is_set_up(staff: Staff) -> None:
    page = staff.open(path="/setup", theme="light", locale="en")
    keyboard = Keyboard(staff, page)
    keyboard.use(keyboard.button("Connect Stripe"))
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    connect = keyboard.button("Connect")
    keyboard.write(page.get_by_label("Publishable key"), PUBLISHABLE_KEY)
    keyboard.write(page.locator("#secret_key"), "rk_test_wrong")
    keyboard.use(connect)
    expect(page.locator("#connect").get_by_role("alert")).to_be_visible()
    keyboard.expect_seen(connect)
    keyboard.write(page.locator("#secret_key"), RESTRICTED_KEY)
    keyboard.use(page.get_by_role("checkbox", name="Channel PLN"), "Space")
    keyboard.use(connect)
    expect(page.locator(".note[role=status]").first).to_contain_text("is connected")
    account = StripeAccount.objects.get()
    expect(page.locator(":focus")).to_have_count(1)

    keyboard.open("channels")
    keyboard.choose(page.locator('[name="channel:channel-pln"]'), str(account.pk))
    keyboard.use(keyboard.button("Save"))
    expect(page.locator("#save-channels").get_by_role("status")).to_contain_text("Saved")
    keyboard.expect_seen(keyboard.button("Save"))
    assert AccountChannel.objects.filter(account=account).count() == 2

    keyboard.open("setup")
    dialog = keyboard.open_dialog(keyboard.button("Read and accept"), "Terms of use")
    keyboard.use(dialog.get_by_role("checkbox"), "Space")
    keyboard.use(keyboard.button("Accept", dialog))
    expect(page.get_by_text("3 of 9 done")).to_be_visible()
    expect(page.locator(":focus")).to_have_count(1)
    assert terms.are_accepted(staff.installation.pk)

    dialog = keyboard.open_dialog(keyboard.button("Choose audience"), "Choose your audience")
    keyboard.write(dialog.get_by_label("Name of the audience"), "  ")
    keyboard.use(keyboard.button("Save", dialog))
    expect(dialog.get_by_role("alert")).to_be_visible()
    expect(dialog.locator(":focus")).to_have_count(1)
    keyboard.write(dialog.get_by_label("Name of the audience"), "Harbour friends")
    keyboard.press("Enter")
    expect(page.get_by_text("4 of 9 done")).to_be_visible()
    assert Audience.objects.get().name == "Harbour friends"


def test_contacts_are_added_grouped_and_imported(staff: Staff, tmp_path: Path) -> None:
    a_contact(staff.installation)
    page = staff.open(path="/contacts", theme="light", locale="en")
    keyboard = Keyboard(staff, page)
    keyboard.use(keyboard.button("Add contact"))
    expect(page.get_by_role("heading", level=1, name="Add contact")).to_be_focused()
    keyboard.write(page.get_by_label("Email address"), "eve@example.com")
    keyboard.reach(page.locator("#not-subscribed"))
    keyboard.press("ArrowDown")
    keyboard.expect_seen(page.locator("#subscribed"))
    keyboard.write(page.locator("#wording"), "Yes, send me news.")
    keyboard.press("Tab")
    for part in ("11202026", "1030AM"):  # its date and its time
        staff.page.keyboard.type(part)
        keyboard.press("Tab")
    keyboard.use(keyboard.button("Add contact"))
    expect(page.locator("#add-contact").get_by_role("alert")).to_contain_text("how and where")
    keyboard.expect_seen(page.locator("#where"))
    keyboard.write(page.locator("#where"), "Paper form")
    keyboard.press("Enter")
    expect(page.locator("#add-contact").get_by_role("status")).to_contain_text("is subscribed")
    expect(page.locator(":focus")).to_have_count(1)
    assert Contact.objects.get(email="eve@example.com").status == "subscribed"

    keyboard.open("segments")
    keyboard.use(keyboard.button("New segment"))
    keyboard.choose(page.locator("#n-0-type"), "ordersCount")
    expect(page.locator("#n-0-atMost")).to_be_visible()
    keyboard.write(page.locator("#n-0-atLeast"), "1")
    keyboard.write(page.get_by_label("Name", exact=True), "Buyers")
    keyboard.use(keyboard.button("Save"))
    expect(page.get_by_role("heading", level=1, name="Buyers")).to_be_visible()
    keyboard.expect_seen(keyboard.button("Save"))
    assert Segment.objects.get().name == "Buyers"

    keyboard.open("contacts")
    keyboard.use(keyboard.button("Import contacts"))
    file = tmp_path / "people.csv"
    file.write_text("email\nlou@example.com\n")
    with staff.page.expect_file_chooser() as chooser:
        keyboard.use(page.locator("#file"), "Enter")
    chooser.value.set_files(file)
    keyboard.use(keyboard.button("Upload"))
    expect(page.get_by_role("heading", level=1, name="people.csv")).to_be_focused()
    keyboard.use(keyboard.button("Check without importing"))
    expect(page.locator("#stage")).to_be_visible()
    expect(page.locator(":focus")).to_have_count(1)
    assert ImportFile.objects.get().name == "people.csv"


def test_a_payment_is_found_and_a_key_and_an_account_are_given_up(staff: Staff) -> None:
    payment = a_payment(staff.installation, order_number="1001")
    page = staff.open(path="/payments", theme="dark", locale="en")
    keyboard = Keyboard(staff, page)
    keyboard.write(page.get_by_role("searchbox", name="Search payments"), "#1001")
    keyboard.press("Enter")
    keyboard.expect_seen(page.get_by_role("searchbox", name="Search payments"))
    keyboard.use(page.locator("tbody button"))
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    keyboard.write(page.get_by_label("Amount (USD)"), "5.00")
    keyboard.press("Enter")
    # The stand-in for Saleor has no such transaction.
    expect(page.locator("#refund").get_by_role("alert")).to_contain_text("Saleor refused")
    keyboard.expect_seen(page.get_by_label("Amount (USD)"))
    keyboard.use(page.locator("#back"))
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator(":focus")).to_have_count(1)

    keyboard.open("keys")
    keyboard.write(page.get_by_label("Name of a new key"), "Reports")
    keyboard.use(keyboard.button("Create key"))
    expect(page.locator("#create-key").get_by_role("alert")).to_be_visible()
    expect(page.locator("#create-key :focus")).to_have_count(1)
    keyboard.use(page.get_by_label("Payments: read", exact=True), "Space")
    keyboard.use(keyboard.button("Create key"))
    expect(page.get_by_label("The new key")).to_have_value(re.compile("^ssa_"))
    expect(page.locator(":focus")).to_have_count(1)
    dialog = keyboard.open_dialog(keyboard.button("Revoke Reports"), "Revoke “Reports”?")
    keyboard.use(keyboard.button("Revoke key", dialog))
    expect(page.get_by_text("“Reports” is revoked.").first).to_be_visible()
    expect(page.locator(":focus")).to_have_count(1)
    assert ApiKey.objects.get().revoked_at is not None

    keyboard.open("accounts")
    name = payment.account.name
    dialog = keyboard.open_dialog(keyboard.button("Disconnect"), f"Disconnect “{name}”?")
    keyboard.use(keyboard.button("Disconnect account", dialog))
    expect(page.locator(".note[role=status]").first).to_contain_text("is disconnected")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    payment.account.refresh_from_db()
    assert payment.account.state == "disconnected"
