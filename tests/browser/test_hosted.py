"""From the button to Stripe's pages in a separate tab, and back."""

import pytest
from playwright.sync_api import expect
from pytest_django.fixtures import Settings

from saleor_stripe_audience.gateway.accounts import account_for
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from tests.browser.conftest import Staff
from tests.browser.test_page import go, look
from tests.gateway.platform import offer

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_shop_connects_on_stripes_own_pages(
    staff: Staff, stripe: StripeSandbox, settings: Settings
) -> None:
    offer(settings, stripe)
    page = staff.open(theme="light", locale="fr")
    go(page, "Stripe")
    look(staff, "connect-new-fr-light")
    with staff.page.context.expect_page() as opened:
        page.get_by_role("link", name="Connecter avec Stripe").click()
    tab = opened.value
    tab.get_by_test_id("leave").click()
    expect(tab.get_by_role("status")).to_be_visible()
    page.get_by_role("button", name="Actualiser").click()
    expect(page.get_by_text("En attente", exact=True)).to_be_visible()
    look(staff, "connect-pending-fr-light")
    tab.get_by_role("link").click()
    tab.get_by_test_id("complete").click()
    expect(tab.get_by_role("status")).to_be_visible()
    page.get_by_role("button", name="Actualiser").click()
    expect(page.get_by_text("En attente", exact=True)).to_have_count(0)
    look(staff, "connect-active-fr-light")
    assert account_for(staff.installation.pk, "default-channel").takes_payments
    assert staff.complaints == []
