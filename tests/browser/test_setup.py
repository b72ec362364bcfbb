"""A shop owner sets up a new shop with the checklist, by keyboard wherever a dialog opens."""

import pytest
from playwright.sync_api import expect

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.gateway import terms
from saleor_stripe_audience.gateway.models import AccountChannel
from saleor_stripe_audience.jobs.models import Job
from tests.browser.conftest import PATIENCE, REFUSED, Staff
from tests.browser.test_page import go, look
from tests.dashboard.rows import an_account

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_checklist_leads_through_the_setup(staff: Staff) -> None:
    page = staff.open(path="/setup", theme="light", locale="en")
    expect(page.get_by_text("0 of 9 done")).to_be_visible()
    look(staff, "setup-new-light")
    opener = page.get_by_role("button", name="Read and accept")
    opener.press("Enter")
    dialog = page.get_by_role("dialog", name="Terms of use")
    look(staff, "setup-terms-light")
    dialog.get_by_label("I accept the terms of use").check()
    dialog.get_by_role("button", name="Accept").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Terms accepted")
    expect(page.get_by_text("1 of 9 done")).to_be_visible()
    assert terms.are_accepted(staff.installation.pk)

    page.get_by_role("button", name="Choose audience").press("Enter")
    dialog = page.get_by_role("dialog", name="Choose your audience")
    dialog.get_by_label("Name of the audience").fill("   ")
    dialog.get_by_role("button", name="Save").press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Give the audience a name")
    expect(dialog.get_by_label("Name of the audience")).to_be_visible()
    look(staff, "setup-audience-refused-light")
    dialog.get_by_label("Name of the audience").fill("Friends of the shop")
    dialog.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_text("2 of 9 done")).to_be_visible()
    assert Audience.objects.get(is_default=True).name == "Friends of the shop"

    page.get_by_role("button", name="Show what to enter").click()
    expect(page.get_by_role("dialog", name="Set up your storefront")).to_be_visible()
    look(staff, "setup-storefront-light")
    assert staff.complaints == [REFUSED]


def test_progress_is_shown_and_leaves_the_reader_alone(staff: Staff) -> None:
    account = an_account(staff.installation)
    for channel in staff.installation.channels.all():
        AccountChannel.objects.create(
            installation=staff.installation, channel_slug=channel.slug, account=account
        )
    page = staff.open(path="/setup", theme="dark", locale="fr")
    page.get_by_role("button", name="Importer", exact=True).press("Enter")
    step = page.locator("#step-history")
    expect(step.get_by_role("progressbar")).to_be_visible()
    job = Job.objects.get(kind=Job.Kind.SALEOR)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, done=40, total=160, worked_seconds=90)
    expect(step).to_contain_text("40 sur 160", timeout=PATIENCE)
    look(staff, "setup-progress-dark-french")
    opener = page.get_by_role("button", name="Voir ce qu'il faut saisir")
    opener.press("Enter")
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, done=160)
    expect(step).to_contain_text("160 entrées ont été importées", timeout=PATIENCE)
    expect(page.get_by_role("dialog")).to_be_visible()  # polling the progress did not close anything
    staff.page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    assert staff.actions("updateRouting") == []
    assert staff.complaints == []


def test_the_key_is_made_in_stripe_with_its_permissions_chosen(staff: Staff) -> None:
    page = staff.open(theme="light", locale="en")
    go(page, "Setup")
    page.get_by_role("button", name="Connect Stripe").click()
    link = page.get_by_role("link", name="Create a restricted key in Stripe")
    assert "rak_payment_intent_write" in (link.get_attribute("href") or "")
    page.get_by_label("Restricted key").fill("rk_live_123")
    expect(page.locator("#secret-mode")).to_contain_text("Live keys")
