"""A shop owner at the page, who speaks one of its languages: names are English here, and what the page shows there."""

import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from django.utils.translation import gettext, override, pgettext
from playwright.sync_api import FrameLocator, Locator, expect

from saleor_stripe_audience.dashboard.amounts import format_amount
from saleor_stripe_audience.sandbox.demo.shopper import Attempt, Shopper
from saleor_stripe_audience.sandbox.demo.stage import Stage
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from tests.browser.conftest import Staff
from tests.browser.test_page import look
from tests.conftest import Work

GOOD_CARD = "4242424242424242"
REFUSED = "Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"


@dataclass
class Owner:
    """Opens the page, and carries what happens meanwhile from Saleor and Stripe to the app."""

    staff: Staff
    stripe: StripeSandbox
    page: FrameLocator
    language: str
    theme: str
    work: Work

    def say(self, english: str, /, reader: str = "", **values: Any) -> str:
        """What the page says; `values` for its gaps. A text of another room of the app has its `reader` as context."""
        with override(self.language):
            text = pgettext(reader, english) if reader else gettext(english)
        return text % values if values else text

    def amount(self, minor: int, currency: str) -> str:
        with override(self.language):
            return format_amount(minor, currency)

    def button(self, english: str, within: Locator | None = None, **values: Any) -> Locator:
        name = self.say(english, **values)
        return (within or self.page.locator("body")).get_by_role("button", name=name, exact=True)

    def field(self, english: str, within: Locator | None = None, **values: Any) -> Locator:
        label = self.say(english, **values)
        return (within or self.page.locator("body")).get_by_label(label, exact=True)

    def look(self, name: str) -> None:
        """Save a picture of the frame, named for theme and language. The Dashboard's toasts have faded by then."""
        self.staff.page.evaluate("document.getElementById('notices').replaceChildren()")
        suffix = f"{self.theme}{'-french' if self.language == 'fr' else ''}"
        look(self.staff, f"{name}-{suffix}", self.staff.page.locator("#app").bounding_box())

    def go(self, section: str) -> None:
        entry = self.page.locator(f"#to-{section}")
        entry.click()
        expect(entry).to_have_attribute("aria-current", "page")

    def dialog(self, english: str, **values: Any) -> Locator:
        """The open dialog of that title."""
        dialog = self.page.get_by_role("dialog", name=self.say(english, **values))
        expect(dialog).to_be_visible()
        return dialog

    def expect_done(self, steps: int) -> None:
        """So many steps of the setup are done."""
        text = self.say("%(done)s of %(total)s done", done=steps, total=9)
        expect(self.page.get_by_text(text)).to_be_visible()

    def expect_answer(self, text: str | re.Pattern[str], form: str = "") -> None:
        """What became of a form is said in it, or at the top of the page where the form is gone."""
        place = self.page.locator(f"#{form}" if form else ".content")
        expect(place.locator(".note[role=status]").first).to_have_text(text)

    def expect_refusal(self, form: str, text: str | re.Pattern[str]) -> None:
        expect(self.page.locator(f"#{form}").get_by_role("alert")).to_have_text(text)

    def buy(self, email: str, flow: str = "CHARGE") -> Attempt:
        """A shopper pays in the storefront; in the end the app has handled what Saleor and Stripe sent."""
        saleor = self.staff.saleor
        for channel in saleor.host.store.channels:
            channel.flow = flow
        places = SimpleNamespace(
            saleor=saleor, saleor_api_url=saleor.api_url, stripe_url=self.stripe.base_url
        )
        shopper = Shopper(cast("Stage", places))
        bought = shopper.buy(shopper.products()[0]["variants"][0]["id"], email, GOOD_CARD)
        self.catch_up()
        return bought

    def catch_up(self) -> None:
        """Until neither Saleor nor Stripe has anything to send, and the worker nothing to do."""
        while True:
            self.staff.saleor.drain()
            self.stripe.drain()
            if not self.work():
                return
