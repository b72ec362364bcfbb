"""Staff search for a contact, tag it, and erase the person, in a real iframe."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.shopping.models import SoldProduct
from tests.browser.conftest import REFUSED, Staff
from tests.browser.test_accessibility import violations
from tests.browser.test_page import look, look_at_page
from tests.dashboard.rows import NOON, a_contact
from tests.dashboard.test_contacts import a_cart

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_contact_is_found_tagged_and_erased(staff: Staff) -> None:
    ada = a_contact(staff.installation)
    ledger.record(
        ada,
        ConsentEvent(
            Consent.Kind.GIVEN, NOON, Consent.Source.CHECKOUT, wording="Send me news.", is_proven=True
        ),
    )
    a_cart(ada, 1, NOON, lines=2)
    a_cart(ada, 2, timezone.now(), lines=7)
    page = staff.open(path="/contacts", theme="light", locale="en")
    look(staff, "contacts-list-light")
    page.get_by_role("searchbox", name="Search contacts").fill("Buyer")
    page.get_by_role("searchbox", name="Search contacts").press("Enter")
    staff.page.wait_for_url("**/contacts/~*")
    page.get_by_role("button", name="ada@example.com").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.locator("#carts tbody tr")).to_have_count(2)
    page.locator("#carts").scroll_into_view_if_needed()
    look(staff, "contact-carts-light")
    page.get_by_label("Add a tag").fill("VIP")
    page.get_by_label("Add a tag").press("Enter")
    expect(page.locator("#tags").get_by_role("status")).to_have_text("Tagged “VIP”.")
    expect(page.get_by_label("Add a tag")).to_be_focused()
    look(staff, "contact-tagged-light")
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


def test_a_contact_is_added_with_the_proof_of_its_consent(staff: Staff) -> None:
    a_contact(staff.installation)
    page = staff.open(path="/contacts", theme="light", locale="fr")
    page.get_by_role("button", name="Ajouter un contact").press("Enter")
    page.get_by_label("Adresse e-mail").fill("eve@example.com")
    expect(page.get_by_label("Comment et où")).to_be_hidden()
    page.locator("#subscribed").check()
    page.get_by_label("Le texte que la personne").fill("Oui, envoyez-moi vos nouvelles.")
    page.get_by_label("Quand la personne").fill("2026-11-20T10:30")
    page.get_by_label("Quand la personne").press("Enter")
    expect(page.locator("#add-contact").get_by_role("alert")).to_contain_text("comment et où")
    expect(page.get_by_label("Comment et où")).to_be_focused()
    look(staff, "contact-add-refused-fr-light")
    page.get_by_label("Comment et où").fill("Formulaire papier, boutique de Lyon")
    page.get_by_label("Comment et où").press("Enter")
    expect(page.locator("#add-contact").get_by_role("status")).to_contain_text("a été ajouté et est abonné")
    page.get_by_role("button", name="Ouvrir le contact").press("Enter")
    expect(page.get_by_text("Formulaire papier, boutique de Lyon · Enregistré par vous")).to_be_visible()
    look(staff, "contact-proof-fr-light")
    assert Contact.objects.get(email="eve@example.com").status == "subscribed"


@pytest.mark.parametrize(("locale", "theme"), [("en", "light"), ("fr", "dark")])
def test_a_consent_is_recorded_with_the_keyboard(staff: Staff, locale: str, theme: str) -> None:
    ada = a_contact(staff.installation)
    page = staff.open(path=f"/contacts/{ada.pk}", theme=theme, locale=locale)
    page.locator("#record-consent").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.locator("#wording")).to_be_hidden()
    page.locator("#where").press("Enter")
    expect(page.locator("#record-consent").get_by_role("alert")).to_be_visible()
    expect(page.locator("#subscribed")).to_be_focused()
    staff.page.keyboard.press("Space")
    expect(page.locator("#wording")).to_be_visible()
    assert violations(staff) == {}
    page.locator("#where").fill("Paper form in Lyon")
    page.locator("#wording").fill("Send me news.")
    page.locator("#given_at").fill("2026-11-20T10:30")
    suffix = f"{theme}{'-french' if locale == 'fr' else ''}"
    look_at_page(staff, f"contact-consent-{suffix}")
    page.locator("#given_at").press("Enter")
    expect(page.locator("#notes > .note.good")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("ada@example.com")
    staff.page.wait_for_url(f"**/contacts/{ada.pk}")
    staff.page.reload()
    page = staff.page.frame_locator("#app")
    expect(page.get_by_text("Send me news.")).to_be_visible()
    assert Contact.objects.get().status == "subscribed"
    assert len(staff.complaints) == 1, "the refusal"


@pytest.mark.parametrize(("locale", "theme"), [("en", "light"), ("fr", "dark")])
def test_columns_are_chosen_with_the_keyboard_and_stay(staff: Staff, locale: str, theme: str) -> None:
    for name, consent in (
        ("ada", "confirmed"),
        ("kim", "withdrawn"),
        ("lou", "pending"),
        ("robin", "unknown"),
    ):
        made = a_contact(staff.installation, f"{name}@example.com")
        Contact.objects.filter(pk=made.pk).update(
            first_name=name.title(), consent=consent, orders_count=len(name), city="Lyon", country="FR"
        )
        if consent == "confirmed":
            tags.add(tags.get_or_create_tag(made.audience, "VIP"), [made])
    page = staff.open(path="/contacts", theme=theme, locale=locale)
    city, orders = ("City", "Orders") if locale == "en" else ("Ville", "Commandes")
    opener, menu, headings = page.locator("#choose-columns"), page.locator("#columns"), page.locator("th")
    opener.focus()
    opener.press("Enter")
    expect(menu).to_be_visible()
    assert violations(staff) == {}
    for title, count in ((orders, 4), ("Tags", 5), (city, 6)):
        box = menu.get_by_label(title, exact=True)
        while not box.evaluate("it => document.activeElement === it"):
            staff.page.keyboard.press("Tab")
        staff.page.keyboard.press("Space")
        expect(headings).to_have_count(count)
        expect(box).to_be_focused()
        expect(menu).to_be_visible()
    look_at_page(staff, f"contacts-columns-{theme}{'-french' if locale == 'fr' else ''}")
    staff.page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(opener).to_be_focused()
    staff.page.reload()
    page = staff.page.frame_locator("#app")
    expect(page.locator("th")).to_have_count(6)
    expect(page.get_by_role("cell", name="Lyon")).to_have_count(4)
    page.locator("#choose-columns").click()
    page.locator("#reset-columns").press("Enter")
    expect(page.locator("#choose-columns")).to_be_focused()
    expect(page.locator("th")).to_have_count(5)
    expect(page.get_by_role("cell", name="Lyon")).to_have_count(0)
    assert staff.complaints == []


def test_the_columns_fit_a_telephone(staff: Staff) -> None:
    a_contact(staff.installation)
    staff.page.set_viewport_size({"width": 360, "height": 740})
    page = staff.open(path="/contacts", theme="light", locale="fr")
    page.locator("#choose-columns").click()
    box = page.locator("#columns").bounding_box()
    frame = staff.page.locator("#app").bounding_box()
    assert box is not None
    assert frame is not None
    assert frame["x"] <= box["x"]
    assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    look(staff, "telephone-columns")


def test_a_contacts_page_fits_a_telephone(staff: Staff) -> None:
    ada = a_contact(staff.installation)
    staff.page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/contacts", f"/contacts/{ada.pk}", "/contacts/add", "/segments/new"):
        page = staff.open(path=path, theme="dark", locale="fr")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.locator("html").evaluate("html => html.scrollWidth") <= 360
        look(staff, f"telephone{path.replace('/', '-')[:14]}")


def test_a_long_address_and_a_question_fit_a_telephone(staff: Staff) -> None:
    """A browser does not wrap an address; a dialog opened from a table's cell does not inherit the cell's style."""
    name = "Everybody who bought candles, lanterns, storm lamps and whatever else gives light at night"
    contact = a_contact(staff.installation, email="a.very.long.address.of.somebody@mail.example.com")
    Segment.objects.create(
        audience=contact.audience, name=name, tree={"version": 1, "root": {"type": "all", "of": []}}
    )
    staff.page.set_viewport_size({"width": 360, "height": 740})
    page = staff.open(path=f"/contacts/{contact.pk}", theme="light", locale="en")
    page.get_by_role("button", name="Erase", exact=True).click()
    asked = page.get_by_role("dialog")
    for _ in range(2):
        expect(asked).to_be_visible()
        assert page.locator("html").evaluate("html => html.scrollWidth") <= 360
        assert asked.evaluate("each => each.scrollWidth - each.clientWidth") <= 0
        page = staff.open(path="/segments", theme="light", locale="en")
        page.get_by_role("button", name="Delete").click()


def test_ready_made_segments_are_added_and_one_is_deleted(staff: Staff) -> None:
    a_contact(staff.installation)
    page = staff.open(path="/segments", theme="light", locale="fr")
    look(staff, "segments-empty-fr-light")
    page.get_by_role("button", name="Ajouter les segments tout prêts").press("Enter")
    expect(page.locator("#ready-made").get_by_role("status")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(6)
    look(staff, "segments-fr-light")
    page.get_by_role("button", name="Supprimer Paniers abandonnés").press("Enter")
    dialog = page.get_by_role("dialog", name="Supprimer « Paniers abandonnés » ?")
    dialog.get_by_role("button", name="Supprimer le segment").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(5)
    assert staff.complaints == []


def test_a_segment_is_built_with_the_keyboard_and_explained(staff: Staff) -> None:
    ada = a_contact(staff.installation)
    SoldProduct.objects.create(
        installation=staff.installation, saleor_product_id="UHJvZHVjdDo3", name="Lanterne", issued_at=NOON
    )
    page = staff.open(path="/segments", theme="light", locale="fr")
    page.get_by_role("button", name="Nouveau segment").press("Enter")
    expect(page.get_by_role("heading", level=1, name="Nouveau segment")).to_be_focused()
    expect(page.locator("#preview")).to_contain_text("1 contact")
    page.locator("#n-0-type").select_option("ordersCount")
    expect(page.locator("#n-0-type")).to_be_focused()
    page.get_by_role("button", name="Enregistrer").press("Enter")
    expect(page.locator("#n-0").get_by_role("alert")).to_have_text(
        "Saisissez le minimum, le maximum ou les deux."
    )
    expect(page.locator("#n-0-type")).to_be_focused()
    look(staff, "segment-error-fr-light")
    page.locator("#n-0-atLeast").fill("3")
    page.locator("#n-0-atLeast").press("Tab")
    expect(page.locator("#preview")).to_contain_text("0 contact")
    page.locator("#n-0-atLeast").fill("2")
    page.locator("#n-0-atLeast").press("Tab")
    expect(page.locator("#preview")).to_contain_text("ada@example.com")
    page.locator("#n-add").press("Enter")
    expect(page.locator("#n-1-type")).to_be_focused()
    page.locator("#n-1-negated").select_option("yes")
    page.locator("#n-1-kind").select_option("product")
    page.locator("#n-1-find").fill("lant")
    page.locator("#n-1-find").press("Enter")
    page.get_by_role("button", name="Ajouter Lanterne").press("Enter")
    expect(page.get_by_role("button", name="Retirer Lanterne")).to_be_visible()
    page.locator("#n-group").press("Enter")
    page.locator("#n-2-0-type").select_option("status")
    page.get_by_label("Non abonné", exact=True).check()
    page.get_by_label("Nom", exact=True).fill("Fidèles")
    page.get_by_label("Tag pour ses membres").fill("VIP")
    expect(page.locator("#preview")).to_contain_text("1 contact")
    look(staff, "segment-fr-light")
    page.get_by_role("button", name="Enregistrer").press("Enter")
    expect(page.locator("#segment").get_by_role("status").first).to_contain_text("Enregistré.")
    made = Segment.objects.get()
    staff.page.wait_for_url(f"**/segments/{made.pk}")
    staff.page.reload()
    page = staff.page.frame_locator("#app")
    expect(page.get_by_role("heading", level=1, name="Fidèles")).to_be_visible()
    staff.page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("#preview")).to_contain_text("1 contact")
    look(staff, "segment-dark")
    page.locator("#who").fill(ada.email)
    page.locator("#who").press("Enter")
    # The stand-in's Dashboard loses the language on reload.
    expect(page.get_by_text("2 paid orders")).to_be_visible()
    look(staff, "segment-why-dark")
    assert staff.complaints == [REFUSED]
