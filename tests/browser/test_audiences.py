"""Staff add an audience, are refused, let a channel feed it, add a text and see what people get, in a real iframe."""

import pytest
from playwright.sync_api import expect
from pytest_django.fixtures import Settings

from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.people.models import Audience, ChannelAudience, KnownWording
from tests.browser.conftest import Staff
from tests.browser.test_accessibility import violations
from tests.browser.test_page import look, look_at_page
from tests.dashboard.rows import a_contact

pytestmark = pytest.mark.django_db(transaction=True)


def complaints(staff: Staff) -> list[str]:
    """Return the browser's errors, except for refused forms."""
    return [each for each in staff.complaints if "422" not in each]


def test_an_audience_is_added_and_fed(staff: Staff, settings: Settings) -> None:
    settings.EMAIL_CONFIGURED = False
    a_contact(staff.installation)
    page = staff.open(path="/audiences", theme="light", locale="en")
    look(staff, "audiences-list-light")
    page.get_by_role("button", name="Add audience").press("Enter")
    expect(page.get_by_role("heading", level=1, name="Add audience")).to_be_focused()
    name = page.get_by_label("Name", exact=True)
    name.fill("Buyers")
    name.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("already has this name")
    expect(name).to_be_focused()
    expect(name).to_have_value("Buyers")
    look(staff, "audience-refused-light")
    name.fill("Nouvelles")
    page.get_by_label("Default language").fill("fr")
    page.get_by_role("radio", name="Double opt-in").check()
    name.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("EMAIL_URL")
    expect(page.get_by_role("radio", name="Double opt-in")).to_be_focused()
    page.get_by_role("radio", name="Single opt-in").check()
    name.press("Enter")
    expect(page.get_by_role("status").first).to_have_text("“Nouvelles” was added. No channel feeds it yet.")
    made = Audience.objects.get(name="Nouvelles")
    staff.page.wait_for_url(f"**/audiences/{made.pk}")
    staff.page.reload()
    page = staff.page.frame_locator("#app")
    expect(page.get_by_role("heading", level=1, name="Nouvelles")).to_be_visible()
    expect(page.locator(".pairs dd").first).to_have_css("text-align", "right")

    page.locator("#audience-channels").get_by_role("button").first.press("Enter")
    expect(page.get_by_role("heading", level=2, name="What changes")).to_be_visible()
    look(staff, "audience-move-light")
    page.get_by_role("button", name="Move channel").press("Enter")
    expect(page.locator("#audience-channels").get_by_role("status")).to_contain_text("feeds this audience")
    assert ChannelAudience.objects.get().audience == made
    page.get_by_role("button", name="Delete audience").press("Enter")
    dialog = page.get_by_role("dialog", name="Delete “Nouvelles”?")
    look(staff, "audience-delete-light")
    assert violations(staff) == {}
    dialog.get_by_role("button", name="Delete", exact=True).press("Enter")
    expect(page.get_by_text("Move its channels to another audience first.")).to_be_visible()
    assert Audience.objects.filter(pk=made.pk).exists()
    assert complaints(staff) == []


def test_a_text_is_added_and_what_people_get_is_shown(staff: Staff) -> None:
    audience = a_contact(staff.installation).audience
    Audience.objects.filter(pk=audience.pk).update(language="fr")
    page = staff.open(path=f"/audiences/{audience.pk}", theme="light", locale="en")
    text = page.get_by_label("New text")
    page.get_by_role("button", name="Add text").press("Enter")
    expect(page.locator("#wrong-text")).to_have_text("Write the text that people agree to.")
    expect(text).to_be_focused()
    text.fill("Oui, envoyez-moi des nouvelles.")
    page.get_by_label("Language (own texts only)").fill("fr")
    page.locator("#preview-text").press("Enter")
    drawn = page.frame_locator("#text-preview iframe")
    expect(drawn.get_by_text("Oui, envoyez-moi des nouvelles.")).to_be_visible()
    assert not KnownWording.objects.exists()
    page.get_by_role("button", name="Add text").press("Enter")
    expect(page.locator("#add-wording").get_by_role("status")).to_contain_text("Added.")
    expect(page.locator("#add-wording").get_by_role("status")).to_be_in_viewport()
    expect(page.locator("#wordings tbody tr")).to_have_count(1)
    look(staff, "audience-worded-light")

    page.locator("#previews").scroll_into_view_if_needed()
    mail = page.frame_locator("#preview iframe")
    expect(mail.get_by_text("Oui, envoyez-moi des nouvelles.")).to_be_visible()
    look(staff, "audience-mail-light")
    page.get_by_label("Email or page").focus()
    page.get_by_label("Email or page").select_option("offer")
    button = mail.get_by_role("button", name="J'accepte, inscrivez-moi")
    expect(button).to_be_visible()
    expect(page.get_by_label("Email or page")).to_be_focused()
    assert complaints(staff) == []
    page.get_by_label("Language", exact=True).select_option("en")
    expect(mail.get_by_role("button", name="I agree, subscribe me")).to_be_visible()
    look(staff, "audience-preference-page-light")
    assert violations(staff) == {}
    assert complaints(staff) == []


@pytest.mark.parametrize(("theme", "locale"), [("dark", "fr"), ("light", "en")])
def test_what_leads_to_an_audience_is_accessible(
    staff: Staff, settings: Settings, theme: str, locale: str
) -> None:
    settings.EMAIL_CONFIGURED = True
    settings.DEFAULT_FROM_EMAIL = "news@shop.example.com"
    audience = a_contact(staff.installation).audience
    for text in ("Yes.", "Yes, send me news by email. I can unsubscribe at any time."):
        wordings.change_own_text(audience, text)
    wordings.change_own_text(audience, "Oui, envoyez-moi des nouvelles par e-mail.", "fr")
    paths = {
        "audiences": "audiences",
        "audience-new": "audiences/new",
        "audience": f"audiences/{audience.pk}",
    }
    for name, path in paths.items():
        page = staff.open(path=f"/{path}", theme=theme, locale=locale)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("#preview iframe")).to_have_count(int(name == "audience"))
        look_at_page(staff, f"{name}-{theme}{'-french' if locale == 'fr' else ''}")
        if name == "audience":
            page.locator("summary").press("Enter")
            expect(page.locator("#wordings").get_by_text("Yes.", exact=True)).to_be_visible()
        assert violations(staff) == {}, path
    assert complaints(staff) == []


def test_an_audience_fits_a_telephone(staff: Staff) -> None:
    audience = a_contact(staff.installation).audience
    staff.page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/audiences", "/audiences/new", f"/audiences/{audience.pk}"):
        page = staff.open(path=path, theme="dark", locale="fr")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.locator("html").evaluate("html => html.scrollWidth") <= 360
        look(staff, f"telephone{path.replace('/', '-')[:16]}")


def test_a_link_in_a_preview_leads_nowhere(staff: Staff) -> None:
    audience = a_contact(staff.installation).audience
    page = staff.open(path=f"/audiences/{audience.pk}", theme="light", locale="en")
    mail = page.frame_locator("#preview iframe")
    link = mail.get_by_role("link", name="Confirm the subscription")
    link.click()
    expect(link).to_be_visible()
    assert complaints(staff) == []
