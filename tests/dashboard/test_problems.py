"""The problems of a shop: where each leads, and what staff may mark as resolved."""

import pytest
from django.test import Client

from saleor_stripe_audience.payments.models import Notice
from saleor_stripe_audience.shops.models import Problem
from saleor_stripe_audience.shops.problems import report

from .conftest import Shop, make_shop
from .rows import a_failed_refund


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
