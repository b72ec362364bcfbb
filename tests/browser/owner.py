"""A shop owner who uses the page in one of its languages: the tests name things in English, and are translated here."""

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


@dataclass
class Owner:
    """Uses the page, and lets what happens in Saleor and Stripe in the meantime reach the app."""

    staff: Staff
    stripe: StripeSandbox
    page: FrameLocator
    language: str
    theme: str
    work: Work

    def say(self, english: str, /, reader: str = "", **values: Any) -> str:
        """Return the page's text with its `values`. A message from outside the page has its `reader` as context."""
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
        """Save a screenshot of the frame, named after theme and language, without the Dashboard's notifications."""
        self.staff.page.evaluate("document.getElementById('notices').replaceChildren()")
        suffix = f"{self.theme}{'-french' if self.language == 'fr' else ''}"
        look(self.staff, f"{name}-{suffix}", self.staff.page.locator("#app").bounding_box())

    def go(self, section: str) -> None:
        entry = self.page.locator(f"#to-{section}")
        entry.click()
        expect(entry).to_have_attribute("aria-current", "page")

    def dialog(self, english: str, **values: Any) -> Locator:
        """Return the open dialog with that title."""
        dialog = self.page.get_by_role("dialog", name=self.say(english, **values))
        expect(dialog).to_be_visible()
        return dialog

    def expect_done(self, steps: int) -> None:
        """Expect this many steps of the setup to be done."""
        text = self.say("%(done)s of %(total)s done", done=steps, total=9)
        expect(self.page.get_by_text(text)).to_be_visible()

    def expect_answer(self, text: str | re.Pattern[str], form: str = "") -> None:
        """Expect the result of a form in it, or at the top of the page if the form is gone."""
        place = self.page.locator(f"#{form}" if form else ".content")
        expect(place.locator(".note[role=status]").first).to_have_text(text)

    def expect_refusal(self, form: str, text: str | re.Pattern[str]) -> None:
        expect(self.page.locator(f"#{form}").get_by_role("alert")).to_have_text(text)

    def buy(self, email: str, flow: str = "CHARGE") -> Attempt:
        """Let a shopper pay in the storefront, and the app handle what Saleor and Stripe send."""
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
        """Wait until Saleor and Stripe have nothing more to send, and the worker has nothing to do."""
        while True:
            self.staff.saleor.drain()
            self.stripe.drain()
            if not self.work():
                return
