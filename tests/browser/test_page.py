"""What staff do on the page, in an iframe with the real sandbox attribute and real tokens."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import FloatRect, FrameLocator, Page, expect
from pytest_django.fixtures import Settings

from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.audiences import default_audience
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.gateway.accounts import account_for
from saleor_stripe_audience.gateway.models import AccountChannel
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, RESTRICTED_KEY
from tests.browser.conftest import PATIENCE, REFUSED, Staff
from tests.dashboard.rows import a_contact, a_payment, a_problem, an_account

pytestmark = pytest.mark.django_db(transaction=True)


def save_picture(page: Page, name: str, part: FloatRect | None = None, *, full_page: bool = False) -> None:
    """Save a screenshot of what is visible, a part of it or the full page in the folder SCREENSHOTS, to look at."""
    if folder := os.environ.get("SCREENSHOTS"):
        # To hide the caret, Playwright would add a style, which the page's policy refuses.
        path = str(Path(folder) / f"{name}.png")
        page.screenshot(path=path, caret="initial", clip=part, full_page=full_page)


def look(staff: Staff, name: str, part: FloatRect | None = None) -> None:
    """Save a screenshot of the Dashboard with the app's page, or a part of it."""
    save_picture(staff.page, name, part)


def look_at_page(staff: Staff, name: str) -> None:
    """As `look`, but without the Dashboard around the app's page."""
    staff.page.evaluate("document.getElementById('notices').replaceChildren()")
    look(staff, name, staff.page.locator("#app").bounding_box())


def go(page: FrameLocator, name: str) -> None:
    """Open a section and wait until it is shown: the previous one may have the same texts."""
    chosen = page.get_by_role("navigation").get_by_role("button", name=name, exact=True)
    chosen.click()
    expect(chosen).to_have_attribute("aria-current", "page")


def test_a_new_shop_connects_stripe(staff: Staff) -> None:
    page = staff.open(theme="light", locale="en")
    expect(page.get_by_text("Connect your Stripe account so that customers can pay.").first).to_be_visible()
    look(staff, "overview-new-light")
    page.get_by_role("button", name="Go to Stripe").click()
    page.get_by_label("Publishable key").fill(PUBLISHABLE_KEY)
    page.get_by_label("Restricted key").fill("rk_test_wrong")
    look(staff, "accounts-new-light")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(staff, "accounts-refused-light")
    expect(page.get_by_label("Publishable key")).to_have_value(PUBLISHABLE_KEY)
    expect(page.get_by_label("Restricted key")).to_have_value("")
    page.get_by_label("Restricted key").fill(RESTRICTED_KEY)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("is connected and accepts payments")
    look(staff, "accounts-connected-light")
    assert account_for(staff.installation.pk, "default-channel").secret_key == RESTRICTED_KEY
    assert RESTRICTED_KEY not in page.locator("body").inner_html()


def test_channels_are_mapped_and_kept(staff: Staff) -> None:
    account = a_payment(staff.installation).account
    page = staff.open(theme="dark", locale="en")
    go(page, "Channels")
    select = page.locator('select[name="channel:default-channel"]')
    select.select_option(str(account.pk))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    expect(select).to_have_value(str(account.pk))
    look(staff, "channels-dark")
    assert AccountChannel.objects.get(channel_slug="default-channel").account == account


def test_payments_lead_to_stripe_through_the_dashboard(staff: Staff) -> None:
    payment = a_payment(staff.installation)
    page = staff.open(theme="light", locale="en")
    go(page, "Payments")
    expect(page.get_by_text("1,234.50 USD")).to_be_visible()
    look(staff, "payments-one-light")
    staff.page.context.route("https://dashboard.stripe.com/**", lambda route: route.abort())
    page.get_by_role("link", name="Open in Stripe").click()
    staff.page.wait_for_function("window.bridgeActions.some(each => each.type === 'redirect')")
    [asked] = staff.actions("redirect")
    payload = asked["payload"]
    assert isinstance(payload, dict)
    assert payload["to"] == f"https://dashboard.stripe.com/test/payments/{payment.payment_intent_id}"
    assert payload["newContext"] is True
    assert payload["actionId"]


def test_contacts_in_french_and_dark(staff: Staff) -> None:
    a_contact(staff.installation)
    page = staff.open(theme="dark", locale="fr")
    go(page, "Contacts")
    expect(page.get_by_text("ada@example.com")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Contacts")
    expect(page.get_by_role("cell", name="Non abonné", exact=True)).to_be_visible()
    look(staff, "contacts-one-dark-french")


def test_a_problem_is_replayed(staff: Staff) -> None:
    problem = a_problem(staff.installation)
    page = staff.open(theme="dark", locale="en")
    expect(page.get_by_text("1 event failed").first).to_be_visible()
    look(staff, "overview-problem-dark")
    go(page, "Problems")
    expect(page.get_by_text(problem.reason)).to_be_visible()
    look(staff, "problems-dark")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("status")).to_contain_text("being replayed")
    assert Handling.objects.get(pk=problem.pk).given_up_at is None
    assert Event.objects.get(pk=problem.event_id).handled_at is None


def test_a_dialog_asks_before_an_account_is_disconnected(staff: Staff) -> None:
    """By keyboard alone: focus moves into the dialog, returns to its button, and stays on the page afterwards."""
    account = a_payment(staff.installation).account
    page = staff.open(path="/accounts", theme="dark", locale="en")
    opener = page.get_by_role("button", name="Disconnect", exact=True)
    opener.press("Enter")
    dialog = page.get_by_role("dialog", name=f"Disconnect “{account.name}”?")
    expect(dialog).to_be_visible()
    look(staff, "accounts-dialog-dark")
    staff.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    opener.press("Enter")
    dialog.get_by_role("button", name="Disconnect account").press("Enter")
    expect(page.get_by_text("is disconnected", exact=False).first).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    account.refresh_from_db()
    assert account.state == "disconnected"


def test_the_mode_of_a_key_is_named_while_it_is_pasted(staff: Staff) -> None:
    page = staff.open(path="/accounts", theme="light", locale="en")
    field = page.get_by_label("Publishable key")
    for pasted, said in (("pk_live_1", "Live keys"), ("pk_test_1", "Test keys"), ("sk_1", "")):
        field.fill(pasted)
        expect(page.locator("#mode")).to_contain_text(said)
    expect(page.locator("#mode")).to_be_empty()


def test_the_focus_stays_where_it_was(staff: Staff) -> None:
    a_payment(staff.installation)
    page = staff.open(path="/channels", theme="light", locale="en")
    for name in ("Payments", "Channels"):
        chosen = page.get_by_role("navigation").get_by_role("button", name=name, exact=True)
        chosen.press("Enter")
        expect(chosen).to_have_attribute("aria-current", "page")
        expect(chosen).to_be_focused()
        expect(page.locator("#announcer")).to_have_text(name)
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_focused()


def test_nothing_is_cut_off_on_a_telephone(staff: Staff) -> None:
    a_payment(staff.installation)
    a_contact(staff.installation)
    a_problem(staff.installation)
    staff.page.set_viewport_size({"width": 360, "height": 740})
    page = staff.open(theme="light", locale="fr")
    for name in ("Accueil", "Stripe", "Canaux", "Paiements", "Contacts", "Problèmes"):
        go(page, name)
        expect(page.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-current", "page")
        assert page.locator("html").evaluate("html => html.scrollWidth") <= 360
        look(staff, f"telephone-{name.lower()}")


@pytest.mark.parametrize("width", [820, 600])
def test_the_whole_menu_is_in_view_beside_the_dashboards_own(staff: Staff, width: int) -> None:
    """On a small screen, the Dashboard's menu leaves this width."""
    staff.page.set_viewport_size({"width": width, "height": 740})
    page = staff.open(theme="light", locale="fr")
    expect(page.get_by_role("button", name="Clés", exact=True)).to_be_visible()
    menu = page.locator("nav.side")
    assert menu.evaluate("menu => menu.scrollWidth <= menu.clientWidth")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_hints_in_the_filters_fit(staff: Staff, language: str) -> None:
    for name in ("Main", "Second"):
        a_payment(staff.installation, account=an_account(staff.installation, name))
    contact = a_contact(staff.installation)
    tags.add(tags.get_or_create_tag(contact.audience, "VIP"), [contact])
    Audience.objects.create(installation=staff.installation, name="Others")
    Segment.objects.create(audience=contact.audience, name="All", tree={})
    for section in ("contacts", "payments", "products", "activity"):
        page = staff.open(path=f"/{section}", theme="light", locale=language)
        expect(page.locator("#q")).to_be_visible()
        for width in (1440, 1080):
            staff.page.set_viewport_size({"width": width, "height": 860})
            assert page.locator("body").evaluate(CUT_OFF) == [], (section, width)


# The inputs whose hint, and the selects whose choice, is wider than they are.
CUT_OFF = """body => [...body.querySelectorAll(".filters :is(input, select)")].filter((each) => {
  const style = getComputedStyle(each);
  const pen = Object.assign(document.createElement("canvas").getContext("2d"), { font: style.font });
  const room = each.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return pen.measureText(each.placeholder || each.selectedOptions?.[0].text || "").width > room;
}).map((each) => each.id)"""


def test_the_menu_stays_on_a_long_page(staff: Staff) -> None:
    staff.page.set_viewport_size({"width": 1080, "height": 500})
    page = staff.open(path="/overview", theme="light", locale="en")
    entry = page.get_by_role("navigation").get_by_role("button", name="Home", exact=True)
    expect(entry).to_be_visible()
    page.locator("body").evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    assert page.locator("body").evaluate("scrollY") > 100
    expect(entry).to_be_in_viewport()
    page.locator("#to-keys").click()  # the last one: the menu scrolls to it
    expect(page.locator("#to-keys")).to_have_attribute("aria-current", "page")
    expect(page.locator("#to-keys")).to_be_in_viewport()


def test_the_page_follows_the_dashboards_theme(staff: Staff) -> None:
    page = staff.open(theme="light", locale="en")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    staff.page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_page_follows_the_dashboards_language(staff: Staff) -> None:
    page = staff.open(theme="light", locale="en")
    expect(page.get_by_role("heading", level=2, name="Next step")).to_be_visible()
    staff.page.evaluate("post('localeChanged', { locale: 'fr' })")
    expect(page.get_by_role("heading", level=2, name="Prochaine étape")).to_be_visible()


def test_who_may_not_see_contacts_is_not_offered_them(staff: Staff) -> None:
    page = staff.open(permissions="HANDLE_PAYMENTS", locale="en")
    names = page.get_by_role("navigation").get_by_role("button")
    expect(names).to_have_text(["Home", "Payments"])


def test_a_refused_token_is_exchanged_and_nothing_typed_is_lost(staff: Staff) -> None:
    page = staff.open(theme="light", locale="en")
    go(page, "Stripe")
    page.get_by_label("Publishable key").fill(PUBLISHABLE_KEY)
    page.get_by_label("Restricted key").fill(RESTRICTED_KEY)
    # An expired token, as if five minutes had passed without a new one.
    expired = staff.saleor.dashboard_token(staff.app, exp=1)
    staff.page.evaluate("token => post('tokenRefresh', { token })", expired)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("is connected and accepts payments")


def test_nothing_typed_is_lost_while_the_dashboard_has_no_other_token(staff: Staff) -> None:
    """As after a sleep: it hands over the expired one, until it has fetched another."""
    page = staff.open(theme="light", locale="en")
    go(page, "Stripe")
    page.get_by_label("Publishable key").fill(PUBLISHABLE_KEY)
    page.get_by_label("Restricted key").fill(RESTRICTED_KEY)
    expired = staff.saleor.dashboard_token(staff.app, exp=1)
    staff.page.evaluate("token => { held = token; post('tokenRefresh', { token }) }", expired)
    for _ in range(2):
        page.get_by_role("button", name="Connect", exact=True).click()
        expect(page.get_by_text("is renewing your session")).to_be_visible()
    expect(page.get_by_label("Restricted key")).to_have_value(RESTRICTED_KEY)
    staff.page.get_by_role("button", name="Refresh the token").click()
    expect(page.get_by_role("status").first).to_contain_text("is connected and accepts payments")
    expect(page.get_by_text("is renewing your session")).to_be_hidden()


def test_a_shop_that_the_app_does_not_know_is_said_so(staff: Staff) -> None:
    page = staff.open(theme="light", locale="en")
    go(page, "Stripe")
    foreign = staff.saleor.dashboard_token(staff.app, iss="https://other.example.com/graphql/")
    staff.page.evaluate("token => { held = token; post('tokenRefresh', { token }) }", foreign)
    page.get_by_role("navigation").get_by_role("button", name="Home", exact=True).click()
    expect(page.get_by_text("the app no longer knows this shop")).to_be_visible()


def test_messages_of_another_page_are_ignored(staff: Staff) -> None:
    page = staff.open(theme="light", locale="en")
    expect(page.get_by_role("heading", level=2, name="Next step")).to_be_visible()
    # The app's window posts a message to itself: neither the origin nor the source is the Dashboard's.
    frame = next(each for each in staff.page.frames if each != staff.page.main_frame)
    heard = frame.evaluate(
        """() => new Promise(done => {
            addEventListener("message", () => done(document.documentElement.dataset.theme), { once: true });
            postMessage({ type: "theme", payload: { theme: "dark" } }, "*");
        })"""
    )
    assert heard == "light"


def test_a_dashboard_that_the_operator_did_not_name_is_refused_in_words(
    staff: Staff, settings: Settings
) -> None:
    settings.DASHBOARD_ORIGINS = ("https://dashboard.example.com",)
    page = staff.open(theme="light", locale="en")
    expect(page.get_by_role("alert")).to_contain_text("DASHBOARD_ORIGINS")
    origin = "/".join(staff.page.url.split("/")[:3])
    expect(page.get_by_role("alert")).to_contain_text(origin)


def test_the_address_follows_reload_and_back_too(staff: Staff) -> None:
    page = staff.open(theme="light", locale="en")
    for name, path in (("Channels", "channels"), ("Payments", "payments")):
        go(page, name)
        staff.page.wait_for_url(f"**/{path}")
    staff.page.reload()
    expect(page.get_by_role("button", name="Payments", exact=True)).to_have_attribute("aria-current", "page")
    staff.page.go_back()
    staff.page.wait_for_url("**/channels")
    expect(page.get_by_role("button", name="Channels", exact=True)).to_have_attribute("aria-current", "page")
    assert staff.complaints == []


def test_language_and_theme_stay_after_back(staff: Staff) -> None:
    """The Dashboard opens the previous page in the same iframe, and does not repeat language and theme."""
    page = staff.open(theme="light", locale="fr")
    go(page, "Canaux")
    go(page, "Paiements")
    staff.page.wait_for_url("**/payments")
    staff.page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    staff.page.go_back()
    staff.page.wait_for_url("**/channels")
    expect(page.get_by_role("heading", level=1, name="Canaux")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_deep_address_opens_its_section(staff: Staff) -> None:
    page = staff.open(path="/problems", theme="light", locale="en")
    expect(page.get_by_role("button", name="Problems", exact=True)).to_have_attribute("aria-current", "page")


def test_what_became_of_a_form_is_announced_by_the_dashboard(staff: Staff) -> None:
    page = staff.open(path="/channels", theme="light", locale="en")
    page.get_by_role("button", name="Refresh channels from Saleor").click()
    expect(staff.page.locator("#notices p.success")).to_have_count(1)
    assert len(staff.actions("notification")) == 1


def test_a_refusal_leaves_the_dashboards_corner_by_itself(staff: Staff) -> None:
    """The Dashboard shows an error over the page's buttons until it is closed; the page shows it in the form."""
    staff.page.clock.install()
    page = staff.open(path="/keys", theme="light", locale="en")
    page.get_by_label("URLs of your shop's pages").fill("ftp://shop.example.com")
    page.get_by_role("button", name="Create storefront key").click()
    expect(staff.page.locator("#notices p.error")).to_have_count(1)
    staff.page.clock.fast_forward(PATIENCE)
    expect(staff.page.locator("#notices p")).to_have_count(0)
    expect(page.locator("#create-storefront-key").get_by_role("alert")).to_be_visible()


def test_a_field_that_was_resized_breaks_no_rule_of_the_page(staff: Staff) -> None:
    audience = default_audience(staff.installation)
    page = staff.open(path=f"/audiences/{audience.pk}", theme="light", locale="en")
    text = page.locator("#text")
    text.evaluate("field => { field.style.height = '200px'; }")  # as dragging its corner does
    page.get_by_role("button", name="Add text").click()
    expect(page.locator("#add-wording").get_by_role("alert")).to_be_visible()
    assert staff.complaints == [REFUSED]


def test_nothing_is_loaded_twice_for_the_dashboards_language(staff: Staff) -> None:
    asked: list[str] = []
    staff.page.on("request", lambda request: asked.append(request.url.partition("?")[0]))
    page = staff.open(theme="light", locale="fr")
    expect(page.get_by_role("heading", level=2, name="Prochaine étape")).to_be_visible()
    assert len([url for url in asked if url.endswith("/dashboard/overview")]) == 1


def test_the_browser_has_nothing_to_complain_of(staff: Staff) -> None:
    a_payment(staff.installation)
    a_contact(staff.installation)
    page = staff.open(theme="light", locale="en")
    for name in ("Stripe", "Channels", "Payments", "Contacts", "Problems", "Home"):
        go(page, name)
        expect(page.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-current", "page")
    assert staff.complaints == []
    assert staff.page.context.cookies() == []


def test_opened_alone_it_says_where_it_belongs(staff: Staff) -> None:
    staff.page.goto(f"{staff.app.manifest['appUrl']}?locale=en")
    expect(staff.page.get_by_role("heading", level=1)).to_have_text("Open this page from Saleor")


def test_an_answer_that_is_no_page_leaves_what_was_typed(staff: Staff) -> None:
    """Such as a proxy's response, or the app's while its database cannot be reached."""
    page = staff.open(path="/accounts", theme="light", locale="en")
    page.get_by_label("Publishable key").fill("pk_test_half")
    staff.page.route(
        "**/dashboard/keys",
        lambda route: route.fulfill(status=503, content_type="application/json", body='{"error": {}}'),
    )
    page.get_by_role("navigation").get_by_role("button", name="Keys", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The app did not respond.")
    expect(page.get_by_label("Publishable key")).to_have_value("pk_test_half")
    expect(page.get_by_text('"error"')).to_have_count(0)
