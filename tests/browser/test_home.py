"""Home, Activity, Keys and the site switch as staff use them, in both themes and languages."""

import re

import pytest
from playwright.sync_api import expect

from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.gateway.models import AccountChannel
from saleor_stripe_audience.inbox.models import Handling
from saleor_stripe_audience.jobs.models import Job
from tests.browser.conftest import Staff
from tests.browser.test_page import go, look, look_at_page
from tests.dashboard.rows import a_contact, a_failed_refund, a_payment, a_problem, an_account

pytestmark = pytest.mark.django_db(transaction=True)


def test_home_shows_what_was_sold_as_charts_and_as_a_table(staff: Staff) -> None:
    account = an_account(staff.installation)
    for channel in staff.installation.channels.all():
        AccountChannel.objects.create(
            installation=staff.installation, channel_slug=channel.slug, account=account
        )
    for captured in (123_450, 5_000):
        a_payment(
            staff.installation, account=account, captured_minor=captured, fee_minor=59, settled_currency="USD"
        )
    a_contact(staff.installation)
    page = staff.open(theme="light", locale="en")
    expect(page.get_by_text("1,284.50 USD").first).to_be_visible()
    look(staff, "home-charts-light")
    opener = page.get_by_role("button", name="Show as a table")
    opener.press("Enter")
    table = page.get_by_role("dialog", name="Last 30 days").get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(31)
    expect(table.get_by_role("columnheader", name="Sales (USD)")).to_be_visible()
    look(staff, "home-table-light")
    staff.page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    page.get_by_role("button", name="Continue setup").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Setup")
    assert staff.complaints == []


def test_a_site_is_switched_and_stays_in_the_address(staff: Staff) -> None:
    one, two = an_account(staff.installation, "One"), an_account(staff.installation, "Two")
    a_payment(staff.installation, account=one, order_number="1001")
    a_payment(staff.installation, account=two, order_number="1002")
    page = staff.open(path="/payments", theme="dark", locale="fr")
    expect(page.locator("tbody tr")).to_have_count(2)
    switch = page.get_by_label("Changer de site")
    switch.select_option(f"account:{two.pk}")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_text("#1002")).to_be_visible()
    expect(switch).to_be_focused()
    look_at_page(staff, "site-dark-french")
    staff.page.wait_for_url("**/payments/~*")
    go(page, "Accueil")
    expect(switch).to_have_value(f"account:{two.pk}")
    go(page, "Paiements")
    expect(page.locator("tbody tr")).to_have_count(1)
    staff.page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody button").click()
    expect(page.locator("#back")).to_be_visible()
    page.locator("#site").select_option("")  # from a payment to the list
    expect(page.locator("tbody tr")).to_have_count(2)
    assert staff.complaints == []


def test_an_event_is_replayed_and_a_job_paused(staff: Staff) -> None:
    problem = a_problem(staff.installation)
    job = Job.objects.create(
        installation=staff.installation, kind=Job.Kind.SALEOR, state=Job.State.RUNNING, done=3
    )
    page = staff.open(path="/activity", theme="light", locale="en")
    expect(page.get_by_text(problem.reason)).to_be_visible()
    look_at_page(staff, "activity-light")
    page.get_by_role("button", name="Pause").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("will pause after its current step")
    job.refresh_from_db()
    assert job.state == Job.State.PAUSED
    page.get_by_label("Status").select_option("failed")
    page.get_by_role("button", name="Search").press("Enter")
    staff.page.wait_for_url("**/activity/~*")
    page.get_by_role("button", name="Replay").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("being replayed")
    assert Handling.objects.get(pk=problem.pk).given_up_at is None
    assert staff.complaints == []


def test_an_api_key_is_shown_once_and_revoked(staff: Staff) -> None:
    page = staff.open(path="/keys", theme="dark", locale="fr")
    form = page.locator("#create-key")
    form.get_by_label("Nom d'une nouvelle clé").fill("Rapports")
    form.get_by_role("button", name="Créer la clé").press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("au moins une autorisation")
    form.get_by_label("Paiements : lire", exact=True).check()
    form.get_by_role("button", name="Créer la clé").press("Enter")
    secret = page.get_by_label("La nouvelle clé")
    expect(secret).to_have_value(re.compile("^ssa_"))
    look(staff, "keys-made-dark-french")
    assert ApiKey.objects.get().form is not None
    go(page, "Accueil")
    go(page, "Clés")
    expect(secret).to_have_count(0)
    page.get_by_role("button", name="Révoquer Rapports").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Révoquer la clé").press("Enter")
    expect(page.get_by_text("« Rapports » est révoquée.").first).to_be_visible()
    assert ApiKey.objects.get().revoked_at is not None


def test_a_failed_refund_is_seen_and_marked_as_resolved(staff: Staff) -> None:
    a_failed_refund(staff.installation)
    page = staff.open(theme="light", locale="fr")
    page.get_by_role("button", name="Aller à Problèmes").click()
    expect(page.get_by_text("n'est pas parvenu au client")).to_be_visible()
    look(staff, "problems-failed-refund")
    page.get_by_role("button", name="Ouvrir le paiement").click()
    expect(page.get_by_text("Stripe signale")).to_be_visible()
    go(page, "Problèmes")
    page.get_by_role("button", name="Marquer comme résolu").click()
    expect(page.get_by_text("Marqué comme résolu.")).to_be_visible()
    look(staff, "problems-marked")
    assert staff.complaints == []
