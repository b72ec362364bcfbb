"""The problems of a shop: where each leads, and what staff may mark as resolved."""

from uuid import UUID

import pytest
from django.test import Client

from saleor_stripe_audience.gateway.objects import customer_url, dashboard_url
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import staff_messages
from saleor_stripe_audience.payments.models import Notice
from saleor_stripe_audience.shops.models import Problem
from saleor_stripe_audience.shops.problems import report
from saleor_stripe_audience.wording import with_values

from .conftest import Shop, make_shop
from .rows import a_failed_refund, a_payment


@pytest.fixture
def failed_refund(shop: Shop) -> Problem:
    return a_failed_refund(shop.installation)


def test_a_problem_of_a_payment_leads_to_it(shop: Shop, client: Client, failed_refund: Problem) -> None:
    page = client.get("/dashboard/problems", headers=shop.headers()).content.decode()
    assert "Open the payment" in page
    assert "Go to Problems" not in page
    address = page.partition('id="fix-1" hx-get="')[2].partition('"')[0]
    payment = client.get(address, headers=shop.headers())
    assert "Stripe reports" in payment.content.decode()
    manager = shop.headers(user_permissions=["MANAGE_APPS"])
    assert "Open the payment" not in client.get("/dashboard/problems", headers=manager).content.decode()
    home = client.get("/dashboard/overview", headers=shop.headers()).content.decode()
    assert 'id="go-next" hx-get="/dashboard/problems"' in home


@pytest.mark.parametrize(
    "key", ["paid-T3JkZXI6MQ==", "ended-T3JkZXI6MQ==", "expired-T3JkZXI6MQ==", f"cash-{UUID(int=1)}-cus_1"]
)
def test_a_problem_of_an_order_leads_to_the_payment_that_it_names(
    shop: Shop, client: Client, key: str
) -> None:
    a_payment(shop.installation, source_id="T3JkZXI6MQ==")
    last = a_payment(shop.installation, source_id="T3JkZXI6MQ==", payment_intent_id="pi_last")
    what = with_values(staff_messages.ORDER, number="53")
    url = dashboard_url("pi_last", livemode=False)
    message = with_values(staff_messages.TOO_MUCH, what=what, surplus=Money(398, "USD"), url=url)
    report(shop.installation, key, message)
    address = f'hx-get="/dashboard/payments/{last.pk}"'
    for path, button in (("problems", "fix-1"), ("overview", "go-next")):
        page = client.get(f"/dashboard/{path}", headers=shop.headers()).content.decode()
        assert f'id="{button}" {address} hx-target="#page">Open the payment<' in page
    report(shop.installation, "permissions", "The app needs a permission.")  # newer, so it is the next step
    home = client.get("/dashboard/overview", headers=shop.headers()).content.decode()
    assert f'id="fix-1" {address} hx-target="#page">Open the payment<' in home
    Problem.objects.filter(key="permissions").delete()
    manager = shop.headers(user_permissions=["MANAGE_APPS"])
    for path in ("problems", "overview"):
        assert str(last.pk) not in client.get(f"/dashboard/{path}", headers=manager).content.decode()


def test_money_left_of_a_transfer_leads_to_the_customer_and_the_payment(shop: Shop, client: Client) -> None:
    found = a_payment(shop.installation, payment_intent_id="pi_1")
    message = with_values(
        staff_messages.LEFT_OF_ORDER,
        amount=Money(1000, "EUR"),
        number="53",
        customer=customer_url("cus_1", livemode=False),
        url=dashboard_url("pi_1", livemode=False),
    )
    report(shop.installation, f"cash-{UUID(int=1)}-cus_1", message)
    page = client.get("/dashboard/problems", headers=shop.headers()).content.decode()
    assert '<a data-out href="https://dashboard.stripe.com/test/customers/cus_1">cus_1</a>' in page
    assert '<a data-out href="https://dashboard.stripe.com/test/payments/pi_1">pi_1</a>' in page
    assert f'hx-get="/dashboard/payments/{found.pk}"' in page
    assert "/resolve" not in page


def test_a_problem_names_no_payment_of_another_shop(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    a_payment(other.installation, payment_intent_id="pi_theirs")
    url = dashboard_url("pi_theirs", livemode=True)
    report(shop.installation, "paid-T3JkZXI6MQ==", f"Refund it: {url}")
    page = client.get("/dashboard/problems", headers=shop.headers()).content.decode()
    assert 'id="fix-1" hx-get="/dashboard/payments" ' in page


def test_a_failed_refund_is_marked_as_resolved_once(
    shop: Shop, client: Client, failed_refund: Problem
) -> None:
    page = client.get("/dashboard/problems", headers=shop.headers()).content.decode()
    address = f"/dashboard/problems/{failed_refund.pk}/resolve"
    assert f'hx-post="{address}"' in page
    for _ in range(2):
        answer = client.post(address, headers=shop.headers())
        assert answer.status_code == 200
        assert "Marked as resolved." in answer.content.decode()
    assert not Problem.objects.exists()
    assert Notice.objects.filter(is_last=True).count() == 1


def test_what_stripe_resolves_is_not_marked(shop: Shop, client: Client) -> None:
    report(shop.installation, "payment-dp_1", "A dispute.")
    problem = Problem.objects.get()
    page = client.get("/dashboard/problems", headers=shop.headers()).content.decode()
    assert "/resolve" not in page
    answer = client.post(f"/dashboard/problems/{problem.pk}/resolve", headers=shop.headers())
    assert answer.status_code == 422
    assert Problem.objects.exists()


def test_a_problem_of_another_shop_is_not_marked(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    theirs = a_failed_refund(other.installation, "re_theirs")
    client.post(f"/dashboard/problems/{theirs.pk}/resolve", headers=shop.headers())
    assert Problem.objects.filter(pk=theirs.pk).exists()


def test_only_who_manages_the_app_marks_it(shop: Shop, client: Client, failed_refund: Problem) -> None:
    headers = shop.headers(user_permissions=["HANDLE_PAYMENTS"])
    assert client.post(f"/dashboard/problems/{failed_refund.pk}/resolve", headers=headers).status_code == 403
    assert Problem.objects.exists()
