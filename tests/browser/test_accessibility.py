"""axe finds no violations in any section, in both themes, with and without data, and in open dialogs."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import expect

from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.dashboard.sections import SECTIONS
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.jobs.models import Job
from tests.browser.conftest import Staff
from tests.dashboard.rows import NOON, a_contact, a_payment, a_problem

pytestmark = pytest.mark.django_db(transaction=True)

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
RUN = """async (options) => (await axe.run(options)).violations.map(
    each => [each.id, each.nodes.map(node => node.html.slice(0, 200))])"""
# The rules that a theme can break, as it has nothing but colors of its own.
OF_COLORS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


def violations(staff: Staff) -> dict[tuple[str, str], Any]:
    """Return axe's violations in the app's page, in its theme and the other: theme and rule with the elements."""
    frame = next(each for each in staff.page.frames if each != staff.page.main_frame)
    if not frame.evaluate("'axe' in window"):
        frame.evaluate(AXE)
    own = staff.page.evaluate("document.documentElement.dataset.theme")
    other = "light" if own == "dark" else "dark"
    expect_theme(staff, own)
    found = {(own, rule): nodes for rule, nodes in frame.evaluate(RUN, {})}
    set_theme(staff, other)
    found |= {(other, rule): nodes for rule, nodes in frame.evaluate(RUN, OF_COLORS)}
    set_theme(staff, own)
    return found


def set_theme(staff: Staff, theme: str) -> None:
    """Change the Dashboard's theme, as its own switch does."""
    staff.page.evaluate("document.getElementById('theme').click()")
    expect_theme(staff, theme)


def expect_theme(staff: Staff, theme: str) -> None:
    expect(staff.page.frame_locator("#app").locator("html")).to_have_attribute("data-theme", theme)


def fill(staff: Staff) -> None:
    a_payment(
        staff.installation, decline_code="expired_card", status="requires_payment_method", captured_minor=0
    )
    a_payment(staff.installation)
    a_contact(staff.installation)
    a_problem(staff.installation)
    Job.objects.create(
        installation=staff.installation, kind=Job.Kind.SALEOR, state=Job.State.RUNNING, total=9
    )


@pytest.mark.parametrize("is_filled", [False, True])
def test_axe_finds_nothing_in_any_section(staff: Staff, *, is_filled: bool) -> None:
    if is_filled:
        fill(staff)
    page = staff.open(theme="light", locale="en")
    found: dict[tuple[str, Any], Any] = {}
    for section in SECTIONS:
        button = page.locator(f"#to-{section.name}")
        button.click()
        expect(button).to_have_attribute("aria-current", "page")
        found |= {(section.name, rule): nodes for rule, nodes in violations(staff).items()}
    assert found == {}


def test_axe_finds_nothing_in_what_a_section_leads_to(staff: Staff) -> None:
    fill(staff)
    page = staff.open(path="/payments", theme="light", locale="en")
    found: dict[tuple[str, Any], Any] = {}
    for place in ("payments", "contacts"):
        page.locator(f"#to-{place}").click()
        expect(page.locator(f"#to-{place}")).to_have_attribute("aria-current", "page")
        page.locator("tbody button").first.click()
        expect(page.locator("#back")).to_be_visible()
        found |= {(place, rule): nodes for rule, nodes in violations(staff).items()}
    page.locator("#to-setup").click()
    for opener, dialog in (
        ("do-terms", "terms"),
        ("do-audience", "choose-audience"),
        ("do-storefront", "storefront"),
    ):
        page.locator(f"#{opener}").click()
        expect(page.locator(f"dialog#{dialog}")).to_be_visible()
        found |= {(dialog, rule): nodes for rule, nodes in violations(staff).items()}
        staff.page.keyboard.press("Escape")
    page.locator("#to-overview").click()
    page.locator("#as-table").click()
    found |= {("table", rule): nodes for rule, nodes in violations(staff).items()}
    assert found == {}


def test_axe_finds_nothing_in_the_forms_of_products_and_contacts(staff: Staff) -> None:
    """The product is one of the stand-in's, because its form queries Saleor."""
    fill(staff)
    sold = staff.saleor.host.store.products[0]
    product = CatalogProduct.objects.create(
        installation=staff.installation,
        account=StripeAccount.objects.earliest("created_at"),
        saleor_product_id=sold.id,
        saleor_variant_id=sold.variants[0].id,
        name=sold.name,
        issued_at=NOON,
    )
    found: dict[tuple[str, Any], Any] = {}
    for path, name in (
        ("/products/add", "#title"),
        (f"/products/{product.pk}", "#edit"),
        (f"/products/{product.pk}/edit", "#title"),
        ("/products/refresh", "#look"),
        ("/contacts/add", "#email"),
        ("/contacts/import", "#upload"),
        ("/contacts/export", "h1"),
        ("/segments/new", "#preview"),
        ("/audiences/new", "#name"),
    ):
        page = staff.open(path=path, theme="light", locale="en")
        expect(page.locator(name)).to_be_visible()
        found |= {(path, rule): nodes for rule, nodes in violations(staff).items()}
    assert found == {}


def test_axe_would_find_faults(staff: Staff) -> None:
    page = staff.open(theme="light", locale="en")
    content = page.locator(".content")
    expect(content).to_be_visible()
    assert violations(staff) == {}
    content.evaluate(
        """it => {
            const add = (html, style) => {
                it.insertAdjacentHTML("beforeend", html);
                it.lastElementChild.style.cssText = style;
            };
            add('<img src="/static/x.png">', "");
            add("<button></button>", "");
            add("<input>", "");
            add("<p>Hard to read</p>", "color: #999; background: #aaa");
            add("<p>Dark on dark</p>", "color: #222");
        }"""
    )
    found = violations(staff)
    assert set(found) == {
        ("light", "image-alt"),
        ("light", "button-name"),
        ("light", "label"),
        ("light", "color-contrast"),
        ("dark", "color-contrast"),
    }
    assert len(found["light", "color-contrast"]) == 1
    assert len(found["dark", "color-contrast"]) == 2
