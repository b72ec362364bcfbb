"""Staff look for a contact, tag it, and erase the person, in the real frame."""

import pytest
from playwright.sync_api import expect

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Contact
from tests.browser.conftest import Staff
from tests.browser.test_page import look
from tests.dashboard.rows import NOON, a_contact

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_contact_is_found_tagged_and_erased(staff: Staff) -> None:
    ada = a_contact(staff.installation)
    ledger.record(
        ada,
        ConsentEvent(
            Consent.Kind.GIVEN, NOON, Consent.Source.CHECKOUT, wording="Send me news.", is_proven=True
        ),
    )
    page = staff.open(path="/contacts", theme="light", locale="en")
    look(staff, "contacts-list-light")
    page.get_by_role("searchbox", name="Search contacts").fill("Buyer")
    page.get_by_role("searchbox", name="Search contacts").press("Enter")
    staff.page.wait_for_url("**/contacts?q=Buyer")
    page.get_by_role("button", name="ada@example.com").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.get_by_label("Add a tag").fill("VIP")
    page.get_by_label("Add a tag").press("Enter")
    expect(page.locator("#tags").get_by_role("status")).to_have_text("Tagged “VIP”.")
    expect(page.get_by_label("Add a tag")).to_be_focused()
    look(staff, "contact-light")
    staff.page.get_by_role("button", name="Light or dark").click()
    look(staff, "contact-dark")
    page.get_by_role("button", name="Erase", exact=True).press("Enter")
    dialog = page.get_by_role("dialog", name="Erase ada@example.com?")
    look(staff, "contact-erase-dark")
    dialog.get_by_role("button", name="Cancel").press("Enter")
    expect(dialog).to_be_hidden()
    assert Contact.objects.exists()
    page.get_by_role("button", name="Erase", exact=True).press("Enter")
    dialog.get_by_role("button", name="Erase this person").press("Enter")
    expect(page.get_by_role("heading", level=1, name="Erased")).to_be_focused()
    assert not Contact.objects.exists()
    assert staff.complaints == []


def test_a_contacts_page_fits_a_telephone(staff: Staff) -> None:
    ada = a_contact(staff.installation)
    staff.page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/contacts", f"/contacts/{ada.pk}", "/contacts/add"):
        page = staff.open(path=path, theme="dark", locale="fr")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.locator("html").evaluate("html => html.scrollWidth") <= 360
        look(staff, f"telephone{path.replace('/', '-')[:14]}")


def test_ready_made_segments_are_added_and_one_is_deleted(staff: Staff) -> None:
    a_contact(staff.installation)
    page = staff.open(path="/segments", theme="light", locale="fr")
    look(staff, "segments-empty-fr-light")
    page.get_by_role("button", name="Ajouter les segments tout prêts").press("Enter")
    expect(page.locator("#ready-made").get_by_role("status")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(6)
    look(staff, "segments-fr-light")
    page.get_by_role("button", name="Supprimer Abandoned carts").press("Enter")
    dialog = page.get_by_role("dialog", name="Supprimer « Abandoned carts » ?")
    dialog.get_by_role("button", name="Supprimer le segment").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(5)
    assert staff.complaints == []
