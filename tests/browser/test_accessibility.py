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
RUN = """async () => (await axe.run()).violations.map(
    each => [each.id, each.nodes.map(node => node.html.slice(0, 200))])"""


def violations(staff: Staff) -> dict[str, Any]:
    """Return axe's violations in the app's page: each rule with the elements that break it."""
    frame = next(each for each in staff.page.frames if each != staff.page.main_frame)
    if not frame.evaluate("'axe' in window"):
        frame.evaluate(AXE)
    return dict(frame.evaluate(RUN))


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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("is_filled", [False, True])
def test_axe_finds_nothing_in_any_section(staff: Staff, theme: str, *, is_filled: bool) -> None:
    if is_filled:
        fill(staff)
    page = staff.open(theme=theme, locale="en")
    found: dict[tuple[str, str], Any] = {}
    for section in SECTIONS:
        button = page.locator(f"#to-{section.name}")
        button.click()
        expect(button).to_have_attribute("aria-current", "page")
        found |= {(section.name, rule): nodes for rule, nodes in violations(staff).items()}
    assert found == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_what_a_section_leads_to(staff: Staff, theme: str) -> None:
    fill(staff)
    page = staff.open(path="/payments", theme=theme, locale="en")
    found: dict[tuple[str, str], Any] = {}
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_forms_of_products_and_contacts(staff: Staff, theme: str) -> None:
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
    found: dict[tuple[str, str], Any] = {}
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
        page = staff.open(path=path, theme=theme, locale="en")
        expect(page.locator(name)).to_be_visible()
        found |= {(path, rule): nodes for rule, nodes in violations(staff).items()}
    assert found == {}


@pytest.mark.parametrize(
    ("fault", "style", "rule"),
    [
        ('<img src="/static/x.png">', "", "image-alt"),
        ("<button></button>", "", "button-name"),
        ("<input>", "", "label"),
        ("<p>Hardly to be read</p>", "color: #999; background: #aaa", "color-contrast"),
    ],
)
def test_axe_would_find_a_fault(staff: Staff, fault: str, style: str, rule: str) -> None:
    page = staff.open(theme="light", locale="en")
    content = page.locator(".content")
    expect(content).to_be_visible()
    assert violations(staff) == {}
    content.evaluate(
        """(it, [fault, style]) => {
            it.insertAdjacentHTML("beforeend", fault);
            it.lastElementChild.style.cssText = style;
        }""",
        [fault, style],
    )
    assert rule in violations(staff)
