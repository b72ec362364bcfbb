"""Staff search for payments: the URL contains the search, so that reload, Back and deep links work."""

from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from saleor_stripe_audience.payments.models import ActionRequest, Notice, Payment, StaffRequest
from tests.browser.conftest import REFUSED, Staff
from tests.browser.test_page import look
from tests.dashboard.rows import a_payment, an_account

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_click_anywhere_in_a_row_opens_it(staff: Staff) -> None:
    """As in the Dashboard's own lists. Links stay links, and text can be selected."""
    a_payment(staff.installation, order_number="1001", amount_minor=4200)
    page = staff.open(path="/payments")
    order = page.get_by_role("cell", name="#1001")
    order.evaluate("each => getSelection().selectAllChildren(each)")
    order.click()  # as at the end of a selection: it opens nothing
    page.get_by_role("link", name="Open in Stripe").click()
    expect(page.get_by_role("heading", name="Payments")).to_be_visible()
    assert len(staff.actions("redirect")) == 1
    page.get_by_role("cell", name="Paid").click()
    expect(page.get_by_role("heading", name="42.00 USD")).to_be_visible()
    page.get_by_role("button", name="All payments").click()
    page.get_by_role("cell", name="#1001").locator("xpath=..").get_by_role("button").press("Enter")
    expect(page.get_by_role("heading", name="42.00 USD")).to_be_visible()
    assert staff.complaints == []


def test_a_search_stays_through_reload_and_back(staff: Staff) -> None:
    account = an_account(staff.installation)
    for number in range(23):
        a_payment(staff.installation, account=account, order_number=str(1000 + number))
    a_payment(
        staff.installation,
        account=account,
        order_number="2000",
        status="requires_payment_method",
        decline_code="insufficient_funds",
    )
    page = staff.open(path="/payments", theme="light", locale="en")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(20)
    look(staff, "payments-list-light")
    page.get_by_role("button", name="Next").click()
    expect(rows).to_have_count(4)
    staff.page.wait_for_url("**/payments/~*")
    first = staff.page.url
    page.get_by_role("searchbox", name="Search payments").fill("#1001")
    page.get_by_role("searchbox", name="Search payments").press("Enter")
    expect(rows).to_have_count(1)
    expect(page.get_by_role("searchbox", name="Search payments")).to_be_focused()
    staff.page.wait_for_url(lambda url: "/payments/~" in url and url != first)
    staff.page.go_back()
    expect(rows).to_have_count(4)
    page.get_by_role("searchbox", name="Search payments").fill("#1001")
    page.get_by_role("searchbox", name="Search payments").press("Enter")
    staff.page.wait_for_url(lambda url: "/payments/~" in url and url != first)
    staff.page.get_by_role("button", name="Refresh the token").click()
    expect(rows).to_have_count(1)
    staff.page.reload()
    expect(rows).to_have_count(1)
    expect(page.get_by_role("searchbox", name="Search payments")).to_have_value("#1001")
    page.get_by_role("button", name="Clear").click()
    expect(rows).to_have_count(20)
    expect(page.get_by_role("searchbox", name="Search payments")).to_have_value("")
    staff.page.wait_for_url("**/payments")
    page.get_by_label("Status").select_option("declined")
    page.get_by_role("searchbox", name="Search payments").fill("")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("#2000")
    assert staff.complaints == []


def test_a_new_token_does_not_move_staff_elsewhere(staff: Staff) -> None:
    """The Dashboard renders the iframe again, with the path that it opened and the current query of its URL."""
    for number in ("1001", "1002"):
        a_payment(staff.installation, order_number=number)
    page = staff.open(path="/payments?q=%231001", theme="light", locale="en")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody tr").get_by_role("button").first.click()
    staff.page.wait_for_url(lambda url: url.endswith("/~?q=%231001"))
    page.get_by_label("Reason (optional)").fill("Damaged")
    with staff.page.expect_request("**/dashboard/token/**"):
        staff.page.get_by_role("button", name="Refresh the token").click()
    page.get_by_role("navigation").get_by_role("button", name="Payments", exact=True).focus()
    expect(page.get_by_label("Reason (optional)")).to_have_value("Damaged")
    page.get_by_role("navigation").get_by_role("button", name="Payments", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(2)
    staff.page.reload()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_the_file_is_downloaded_with_the_token(staff: Staff) -> None:
    a_payment(staff.installation, order_number="1001")
    a_payment(staff.installation, order_number="1002")
    page = staff.open(path="/payments?q=%231001", theme="light", locale="en")
    expect(page.locator("tbody tr")).to_have_count(1)
    with staff.page.expect_download() as started:
        page.get_by_role("button", name="Export").click()
    assert started.value.suggested_filename == "payments.csv"
    text = started.value.path().read_text("utf-8")
    assert "1001" in text
    assert "1002" not in text
    assert staff.complaints == []


def test_one_payment_and_back_to_where_the_list_was(staff: Staff) -> None:
    payment = a_payment(
        staff.installation,
        status="requires_payment_method",
        decline_code="insufficient_funds",
        order_number="1001",
        source_id="T3JkZXI6MQ==",
    )
    page = staff.open(path="/payments", theme="dark", locale="fr")
    page.locator("tbody button").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("USD")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    look(staff, "payment-dark-fr")
    staff.page.wait_for_url(f"**/payments/{payment.pk}")
    staff.page.reload()
    expect(page.get_by_text(payment.payment_intent_id)).to_be_visible()
    page.get_by_role(
        "button", name="All payments"
    ).click()  # the stand-in's Dashboard loses the language on reload
    expect(page.locator("tbody tr")).to_have_count(1)
    assert staff.complaints == []


def test_a_refund_stands_where_it_was_requested(staff: Staff) -> None:
    """By keyboard: the result is shown in the form, and by the Dashboard."""
    payment = a_payment(staff.installation)
    page = staff.open(path=f"/payments/{payment.pk}", theme="light", locale="en")
    look(staff, "payment-refund-light")
    amount = page.get_by_label("Amount (USD)")
    expect(amount).to_have_value("1234.50")
    amount.fill("5.00")
    amount.press("Enter")
    # The stand-in for Saleor has no such transaction, so it refuses, which is shown where staff are looking.
    refused = page.locator("#refund").get_by_role("alert")
    expect(refused).to_contain_text("Saleor refused")
    expect(amount).to_be_focused()
    expect(staff.page.locator("#notices p.error")).to_have_count(1)
    look(staff, "payment-refused-light")
    assert staff.complaints == [REFUSED]


def test_the_result_of_a_request_appears_by_itself(staff: Staff) -> None:
    """What is typed for another request meanwhile stays."""
    payment = a_payment(staff.installation, status="requires_capture", captured_minor=50_000)
    StaffRequest.objects.create(
        payment=payment, key=uuid4(), kind="REFUND", amount_minor=500, requested_by="ada@example.com"
    )
    page = staff.open(path=f"/payments/{payment.pk}", theme="light", locale="en")
    expect(page.locator("#refund")).to_contain_text("is being processed")
    page.locator("#capture-amount").fill("7.25")
    Payment.objects.filter(pk=payment.pk).update(refunded_minor=500)
    ActionRequest.objects.create(
        installation=staff.installation,
        transaction_id=payment.transaction_id,
        kind="REFUND",
        key="k",
        body="b",
        answer={"result": "REFUND_SUCCESS", "amount": 5},
        answered_at=timezone.now(),
    )
    expect(page.locator("#refund").get_by_role("status").first).to_have_text("Refunded: 5.00 USD")
    expect(page.locator("#refund-amount")).to_have_value("495.00")
    expect(page.locator("#amounts")).to_contain_text("5.00 USD")
    expect(page.locator("#timeline")).to_contain_text("5.00 USD")
    expect(page.locator("#capture-amount")).to_have_value("7.25")
    look(staff, "payment-refunded-light")
    assert f"/payments/{payment.pk}?" in staff.page.url
    assert staff.complaints == []


def test_a_disputed_payment_is_found_by_its_badge(staff: Staff) -> None:
    account = an_account(staff.installation)
    a_payment(staff.installation, account=account, order_number="1001")
    payment = a_payment(staff.installation, account=account, order_number="1002", refunded_minor=100)
    Notice.objects.create(
        installation=staff.installation,
        reference="dp_1",
        payment_intent_id=payment.payment_intent_id,
        state="needs_response:",
        message="The customer disputes 1,233.50 USD.",
    )
    page = staff.open(path="/payments", theme="light", locale="en")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="#1001")).not_to_contain_text("Disputed")
    page.get_by_label("Status").select_option("Disputed")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Partially refunded 1.00 USD Disputed")
    look(staff, "payments-disputed-light")
    rows.get_by_role("button").click()
    expect(page.locator("#state + .badge")).to_have_text("Disputed")
    look(staff, "payment-disputed-light")
    assert staff.complaints == []
