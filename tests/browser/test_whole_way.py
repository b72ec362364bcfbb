"""A shop owner's whole use of the page, from the installation to disconnecting, in both languages and themes.

The stand-ins for Saleor and Stripe are servers; the worker runs when the test tells it to. Most chapters begin with a
mistake, to which the page responds in the form without losing what was typed.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.signup.models import StorefrontKey
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.gateway import terms
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.sandbox.saleor.png import square
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, RESTRICTED_KEY, StripeSandbox
from tests.browser.conftest import REFUSED, Staff
from tests.browser.owner import Owner
from tests.conftest import Work

pytestmark = pytest.mark.django_db(transaction=True)

BUYER, LATER_BUYER = "robin@example.com", "noa@example.com"
PEOPLE = (
    "Email,First name,Newsletter\nlou@example.com,Lou,yes\nnobody,Sam,yes\nkim@example.com,Kim,unsubscribed\n"
)
ONE_CHANNEL, OTHER_CHANNEL = "default-channel", "channel-pln"


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("fr", "dark")])
def test_from_the_installation_to_disconnecting(
    staff: Staff,
    stripe: StripeSandbox,
    run_all_tasks: Work,
    tmp_path: Path,
    language: str,
    theme: str,
) -> None:
    page = staff.open(path="/setup", theme=theme, locale=language)
    owner = Owner(staff, stripe, page, language, theme, run_all_tasks)
    connect_stripe(owner)
    choose_channels(owner)
    accept_the_terms(owner)
    choose_the_audience(owner)
    set_up_the_storefront(owner)
    watch_the_products_being_sent(owner)
    make_a_test_purchase(owner)
    see_that_customers_can_pay(owner)
    add_a_product(owner, tmp_path)
    add_a_contact(owner)
    build_a_segment(owner)
    import_contacts(owner, tmp_path)
    refund_a_part(owner)
    capture_a_hold(owner)
    look_at_the_day(owner)
    make_and_revoke_an_api_key(owner)
    disconnect_stripe(owner)
    assert set(staff.complaints) == {REFUSED}, "the browser only reports the refused forms as errors"


def connect_stripe(owner: Owner) -> None:
    page = owner.page
    owner.expect_done(0)
    owner.button("Connect Stripe").click()
    form = page.locator("#connect")
    page.locator("#publishable_key").fill(PUBLISHABLE_KEY)
    mode = owner.say("Test keys: customers cannot pay with real money.")
    expect(page.locator("#mode")).to_have_text(mode)
    page.locator("#secret_key").fill("rk_test_wrong")
    form.locator(f'[value="{OTHER_CHANNEL}"]').uncheck()
    owner.look("connect")
    owner.button("Connect").click()
    refused = owner.say(
        "Stripe does not accept this key. Copy the whole key from Stripe again and paste it.", "staff"
    )
    owner.expect_refusal("connect", refused)
    expect(page.locator("#publishable_key")).to_have_value(PUBLISHABLE_KEY)
    expect(form.locator(f'[value="{OTHER_CHANNEL}"]')).not_to_be_checked()
    page.locator("#secret_key").fill(RESTRICTED_KEY)
    owner.button("Connect").click()
    owner.expect_answer(owner.say("“%(name)s” is connected and accepts payments.", name="Sandbox Shop"))


def choose_channels(owner: Owner) -> None:
    owner.go("setup")
    owner.expect_done(1)
    owner.button("Choose accounts").first.click()
    account = StripeAccount.objects.get()
    owner.page.locator(f'[name="channel:{OTHER_CHANNEL}"]').select_option(str(account.pk))
    owner.button("Save").click()
    owner.expect_answer(re.compile("."), "save-channels")
    owner.look("channels")
    assert AccountChannel.objects.filter(account=account).count() == 2


def accept_the_terms(owner: Owner) -> None:
    owner.go("setup")
    owner.button("Read and accept").click()
    dialog = owner.dialog("Terms of use")
    owner.look("terms")
    owner.button("Accept", dialog).click()
    expect(dialog).to_be_visible()
    assert not terms.are_accepted(owner.staff.installation.pk), "the box is not ticked"
    dialog.get_by_role("checkbox").check()
    owner.button("Accept", dialog).click()
    expect(dialog).to_be_hidden()
    owner.expect_done(3)
    assert terms.are_accepted(owner.staff.installation.pk)


def choose_the_audience(owner: Owner) -> None:
    owner.button("Choose audience").click()
    dialog = owner.dialog("Choose your audience")
    name = owner.field("Name of the audience", dialog)
    name.fill("  ")
    owner.button("Save", dialog).click()
    nameless = owner.say("Give the audience a name of one line, at most {longest} characters.", "staff")
    owner.expect_refusal("audience-form", nameless.format(longest=200))
    name.fill("Harbour friends")
    dialog.get_by_role("radio").first.check()
    owner.look("choose-audience")
    owner.button("Save", dialog).click()
    owner.expect_done(4)
    made = Audience.objects.get(is_default=True)
    assert (made.name, made.double_opt_in) == ("Harbour friends", False)


def set_up_the_storefront(owner: Owner) -> None:
    owner.button("Show what to enter").click()
    dialog = owner.dialog("Set up your storefront")
    expect(dialog.get_by_text("saleor.app.stripe-audience", exact=True)).to_be_visible()
    expect(dialog.get_by_text("marketing_consent", exact=True)).to_be_visible()
    owner.look("storefront")
    owner.button("Close", dialog).click()
    owner.go("keys")
    origins = owner.field("URLs of your shop's pages")
    origins.fill("ftp://shop.example.com")
    owner.button("Create storefront key").click()
    expect(owner.page.locator("#create-storefront-key").get_by_role("alert")).to_be_visible()
    expect(origins).to_have_value("ftp://shop.example.com")
    origins.fill("https://shop.example.com")
    owner.button("Create storefront key").click()
    key = owner.page.get_by_text(re.compile("^ssp_"))
    expect(key).to_be_visible()
    assert key.inner_text() == StorefrontKey.objects.get().key


def watch_the_products_being_sent(owner: Owner) -> None:
    owner.go("setup")
    step = owner.page.locator("#step-catalogue")
    owner.button("Send products", step).click()
    expect(step.get_by_role("progressbar")).to_be_visible()
    owner.look("setup-sending")
    owner.catch_up()
    expect(step.get_by_role("progressbar")).to_have_count(0)
    expect(step).to_have_class("good")
    variants = sum(len(each.variants) for each in owner.staff.saleor.host.store.products)
    assert CatalogProduct.objects.exclude(stripe_product_id="").count() == variants


def make_a_test_purchase(owner: Owner) -> None:
    bought = owner.buy(BUYER)
    assert bought.order
    owner.button("Check again").click()
    expect(owner.page.locator("#step-storefront")).to_have_class("good")
    expect(owner.page.locator("#step-purchase")).to_have_class("good")
    owner.look("setup")


def see_that_customers_can_pay(owner: Owner) -> None:
    owner.go("overview")
    name = StripeAccount.objects.get().name
    can_pay = owner.say("Only with test cards, through “%(account)s”.", account=name)
    expect(owner.page.get_by_text(can_pay, exact=True)).to_have_count(2)


def add_a_product(owner: Owner, folder: Path) -> None:
    owner.go("products")
    expect(owner.page.get_by_role("button", name="Lantern Mug", exact=True)).to_be_visible()
    expect(owner.page.locator("tbody .badge.todo")).to_have_count(0)
    assert not CatalogProduct.objects.exclude(problems=[]).exists()
    before = owner.staff.page.viewport_size
    owner.staff.page.set_viewport_size({"width": 1080, "height": 640})
    owner.look("products")
    assert before is not None
    owner.staff.page.set_viewport_size(before)
    owner.button("Add product").click()
    image = folder / "lamp.png"
    image.write_bytes(square((210, 150, 40), 64))
    owner.field("Title").fill("Storm Lamp")
    owner.page.locator("#image").set_input_files(image)
    expect(owner.page.get_by_role("img", name=owner.say("Preview"))).to_be_visible()
    owner.page.locator("#category").select_option(index=1)
    price = owner.page.locator(f"#price-{ONE_CHANNEL}")
    price.fill("0.40")
    owner.button("Save").click()
    expect(owner.page.locator("#product").get_by_role("alert")).to_contain_text(re.compile("1[.,]00 USD"))
    expect(price).to_have_value("0.40")
    expect(price).to_be_focused()
    expect(owner.page.get_by_role("img", name=owner.say("Preview"))).to_be_visible()
    owner.look("product-refused")
    price.fill("49.50")
    owner.button("Save").click()
    added = owner.say(
        "“%(title)s” was added to Saleor. It will be in Stripe within a minute.", title="Storm Lamp"
    )
    owner.expect_answer(added, "product")
    owner.catch_up()
    owner.go("products")
    owner.page.get_by_role("button", name="Storm Lamp", exact=True).click()
    expect(owner.page.get_by_role("heading", level=1, name="Storm Lamp")).to_be_visible()
    owner.look("product")
    [made] = [each for each in owner.staff.saleor.host.store.products if each.name == "Storm Lamp"]
    assert len(made.media) == 1, "the refused form kept its image"
    assert CatalogProduct.objects.get(name="Storm Lamp").stripe_product_id


def add_a_contact(owner: Owner) -> None:
    owner.go("contacts")
    expect(owner.page.get_by_role("button", name=BUYER)).to_be_visible()
    owner.button("Add contact").click()
    owner.field("Email address").fill("eve@example.com")
    owner.page.locator("#subscribed").check()
    words, where = owner.page.locator("#wording"), owner.page.locator("#where")
    words.fill("Yes, send me news of the shop.")
    owner.page.locator("#given_at").fill("2026-11-20T10:30")
    owner.button("Add contact").click()
    wanted = owner.say(
        "Enter how and where the person agreed, in at most %(most)s characters.",
        most=where.get_attribute("maxlength"),
    )
    owner.expect_refusal("add-contact", wanted)
    expect(where).to_be_focused()
    expect(words).to_have_value("Yes, send me news of the shop.")
    where.fill("Paper form in the shop")
    owner.look("contact-add")
    owner.button("Add contact").click()
    owner.expect_answer(
        owner.say("“%(email)s” was added and is subscribed.", email="eve@example.com"), "add-contact"
    )
    owner.button("Open contact").click()
    expect(owner.page.get_by_text("Paper form in the shop")).to_be_visible()
    owner.look("contact")
    assert Contact.objects.get(email="eve@example.com").status == "subscribed"
    assert Contact.objects.get(email=BUYER).status == "nonsubscribed", "a purchase subscribes nobody"


def build_a_segment(owner: Owner) -> None:
    owner.go("segments")
    owner.button("New segment").click()
    owner.page.locator("#n-0-type").select_option("ordersCount")
    expect(owner.page.locator("#n-0-atMost")).to_be_visible()
    owner.field("Name").fill("Buyers")
    owner.button("Save").click()
    expect(owner.page.locator("#n-0").get_by_role("alert")).to_be_visible()
    expect(owner.field("Name")).to_have_value("Buyers")
    owner.page.locator("#n-0-atLeast").fill("1")
    owner.page.locator("#n-0-atLeast").press("Tab")
    expect(owner.page.locator("#preview")).to_contain_text(BUYER)
    owner.button("Save").click()
    expect(owner.page.get_by_role("heading", level=1, name="Buyers")).to_be_visible()
    expect(owner.page.locator("#preview")).to_contain_text(BUYER)
    owner.look("segment")
    owner.catch_up()
    owner.go("segments")
    expect(owner.page.get_by_role("row").filter(has_text="Buyers")).to_contain_text("1")
    owner.look("segments")
    assert Segment.objects.get().memberships.filter(contact__email=BUYER).exists()


def import_contacts(owner: Owner, folder: Path) -> None:
    owner.go("contacts")
    owner.button("Import contacts").click()
    file, book = folder / "people.csv", folder / "people.xlsx"
    file.write_text(PEOPLE)
    book.write_bytes(b"PK\x03\x04")
    owner.page.locator("#file").set_input_files(book)
    owner.button("Upload").click()
    expect(owner.page.locator("#upload").get_by_role("alert")).to_be_visible()
    owner.page.locator("#file").set_input_files(file)
    owner.button("Upload").click()
    expect(owner.page.get_by_role("heading", level=1, name="people.csv")).to_be_visible()
    owner.field("Newsletter").select_option("consent")
    owner.page.locator("#consent_source").fill("Newsletter form of the previous shop")
    owner.page.locator("#consent_text").fill("Yes, I want the newsletter.")
    owner.page.locator("#given_at").fill("2026-11-01T09:00")
    owner.look("import-columns")
    owner.button("Check without importing").click()
    expect(owner.page.locator("#stage")).to_be_visible()
    owner.catch_up()
    start = owner.page.locator("#start")
    expect(start).to_be_visible()
    owner.look("import-checked")
    assert not Contact.objects.filter(email="lou@example.com").exists(), "a check writes nothing"
    start.click()
    expect(start).to_have_count(0)
    owner.catch_up()
    expect(owner.page.get_by_role("heading", name=owner.say("What was imported"))).to_be_visible()
    assert Contact.objects.get(email="lou@example.com").status == "subscribed"
    assert Contact.objects.get(email="kim@example.com").status == "unsubscribed"
    owner.go("contacts")
    expect(owner.page.locator("tbody tr")).to_have_count(4)
    owner.look("contacts")


def refund_a_part(owner: Owner) -> None:
    owner.go("payments")
    owner.look("payments")
    owner.page.locator("tbody button").first.click()
    amount = owner.page.locator("#refund-amount")
    amount.fill("9999")
    owner.button("Refund this amount").click()
    expect(owner.page.locator("#refund").get_by_role("alert")).to_be_visible()
    expect(amount).to_have_value("9999")
    amount.fill("5")
    owner.button("Refund this amount").click()
    said = owner.say(
        "Requested: %(amount)s. The result appears in the timeline.", amount=owner.amount(500, "USD")
    )
    owner.expect_answer(said, "refund")
    owner.catch_up()
    payment = Payment.objects.get()
    assert (payment.refunded_minor, payment.captured_minor) == (500, payment.amount_minor)
    owner.go("payments")
    owner.page.locator("tbody button").first.click()
    expect(owner.page.locator(".timeline").last).to_contain_text(owner.say("Refund"))
    expect(owner.page.get_by_text(owner.amount(500, "USD")).first).to_be_visible()
    expect(owner.page.get_by_text("•••• 4242")).to_be_visible()
    expect(owner.page.locator("#history .timeline li").first).to_be_visible()
    expect(owner.page.get_by_role("alert")).to_have_count(0)
    owner.look("payment")


def capture_a_hold(owner: Owner) -> None:
    owner.buy(LATER_BUYER, flow="AUTHORIZATION")
    owner.go("payments")
    expect(owner.page.locator("tbody tr")).to_have_count(2)
    owner.page.locator("tbody button").first.click()
    owner.button("Capture this amount").click()
    owner.expect_answer(re.compile("."), "capture")
    owner.catch_up()
    held = Payment.objects.latest("created_at")
    assert held.captured_minor == held.amount_minor
    owner.go("payments")
    owner.page.locator("tbody button").first.click()
    expect(owner.button("Refund this amount")).to_be_visible()
    expect(owner.button("Capture this amount")).to_have_count(0)


def look_at_the_day(owner: Owner) -> None:
    owner.go("overview")
    for amount in (500, 4_600):  # the refunds, and the sales
        expect(owner.page.get_by_text(owner.amount(amount, "USD"), exact=True).first).to_be_visible()
    owner.look("home")


def make_and_revoke_an_api_key(owner: Owner) -> None:
    owner.go("keys")
    name = owner.field("Name of a new key")
    name.fill("Reports")
    owner.button("Create key").click()
    owner.expect_refusal("create-key", owner.say("Choose at least one permission for the key."))
    expect(name).to_have_value("Reports")
    owner.field("Payments: read").check()
    owner.button("Create key").click()
    expect(owner.field("The new key, shown only now")).to_have_value(re.compile("^ssa_"))
    owner.look("keys")
    owner.button("Revoke %(name)s", name="Reports").click()
    dialog = owner.dialog("Revoke “%(name)s”?", name="Reports")
    owner.button("Revoke key", dialog).click()
    owner.expect_answer(owner.say("“%(name)s” is revoked.", name="Reports"))
    assert ApiKey.objects.get().revoked_at is not None


def disconnect_stripe(owner: Owner) -> None:
    owner.go("accounts")
    account = StripeAccount.objects.get()
    owner.button("Disconnect").click()
    dialog = owner.dialog("Disconnect “%(name)s”?", name=account.name)
    owner.look("disconnect")
    owner.button("Cancel", dialog).click()
    expect(dialog).to_be_hidden()
    account.refresh_from_db()
    assert account.state == "connected"
    owner.button("Disconnect").click()
    owner.button("Disconnect account", dialog).click()
    left = owner.say(
        "“%(name)s” is disconnected. Payments that have started there will be completed.", name=account.name
    )
    owner.expect_answer(left)
    account.refresh_from_db()
    assert account.state == "disconnected"
    assert Contact.objects.count() == 5, "the contacts stay"
    owner.go("overview")
    can_pay = owner.say("Only with test cards, through “%(account)s”.", account=account.name)
    expect(owner.page.locator("#open-default-channel")).to_be_visible()
    expect(owner.page.get_by_text(can_pay, exact=True)).to_have_count(0)
    owner.look("home-disconnected")
