"""One Customer for each shopper and account, whatever happens at the same time or in between."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway import customers
from saleor_stripe_audience.gateway.models import Customer, StripeAccount
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from tests.payments.conftest import connect, install

ROBIN = "VXNlcjox"
DAY = 24 * 3600

pytestmark = pytest.mark.usefixtures("stripe_url")


def made(sandbox: StripeSandbox) -> list[dict[str, Any]]:
    return [each for each in sandbox.account.table("customer").values() if not each.get("deleted")]


def test_a_shopper_has_one_customer(account: StripeAccount, stripe_sandbox: StripeSandbox) -> None:
    assert customers.customer_of(account, ROBIN) == ""
    first = customers.ensure_customer(account, ROBIN, "robin@example.com")
    assert customers.ensure_customer(account, ROBIN) == first
    assert customers.customer_of(account, ROBIN) == first
    [customer] = made(stripe_sandbox)
    assert customer["email"] == "robin@example.com"
    assert customer["metadata"] == {
        "saleor_installation": str(account.installation_id),
        "saleor_user": ROBIN,
    }


def test_a_customer_gets_the_accounts_new_address_once(
    account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    """Stripe may send receipts there; the former address may be another person's by now."""
    person = {"name": "Robin Vale"}
    first = customers.ensure_customer(account, ROBIN, "robin@example.com")
    for given in (person, None, person):
        assert customers.ensure_customer(account, ROBIN, "new@example.com", given) == first
    customers.ensure_customer(account, ROBIN, "", person)
    [customer] = made(stripe_sandbox)
    assert (customer["email"], customer["name"]) == ("new@example.com", "Robin Vale")
    assert len(stripe_sandbox.log.entries("POST", f"/v1/customers/{first}")) == 2, (
        "the first address, and all"
    )


def test_shoppers_and_accounts_have_each_their_own(account: StripeAccount) -> None:
    shop = install("other")
    theirs = connect(shop, "default-channel")
    again = connect(account.installation, "channel-pln")
    ids = [customers.ensure_customer(each, ROBIN) for each in (account, theirs)]
    ids.append(customers.ensure_customer(account, "VXNlcjoy"))
    assert len(set(ids)) == 3
    assert customers.customer_of(again, ROBIN) == ""


def test_many_at_once_make_one_customer(account: StripeAccount, stripe_sandbox: StripeSandbox) -> None:
    begin = threading.Barrier(12)

    def ensure(_: int) -> str:
        begin.wait(10)
        try:
            return customers.ensure_customer(account, ROBIN, "robin@example.com")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as many:
        found = list(many.map(ensure, range(12)))
    [customer] = made(stripe_sandbox)
    assert set(found) == {customer["id"]}
    assert Customer.objects.get().customer_id == customer["id"]


@pytest.mark.parametrize("seconds", [0, 30, DAY - 60, DAY + 60, 40 * DAY])
def test_an_answer_that_was_lost_is_no_second_customer(
    account: StripeAccount, stripe_sandbox: StripeSandbox, seconds: int
) -> None:
    stripe_sandbox.add_fault("POST /v1/customers", drop_connection=True, after_effect=True, times=2)
    with pytest.raises(Unavailable):
        customers.ensure_customer(account, ROBIN)
    stripe_sandbox.advance(seconds)
    assert customers.ensure_customer(account, ROBIN) == made(stripe_sandbox)[0]["id"]
    assert len(made(stripe_sandbox)) == 1


@pytest.mark.parametrize("seconds", [0, DAY + 60])
def test_a_row_that_was_lost_is_no_second_customer(
    account: StripeAccount, stripe_sandbox: StripeSandbox, seconds: int
) -> None:
    first = customers.ensure_customer(account, ROBIN)
    Customer.objects.all().delete()
    stripe_sandbox.advance(seconds)
    assert customers.ensure_customer(account, ROBIN) == first
    assert len(made(stripe_sandbox)) == 1


def test_a_key_in_use_waits_for_the_one_who_uses_it(
    account: StripeAccount, stripe_sandbox: StripeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_by_another(row: Customer) -> str:
        Customer.objects.filter(pk=row.pk).update(customer_id="cus_of_the_other")
        raise Unavailable("busy")

    monkeypatch.setattr(customers, "_create_for", made_by_another)
    assert customers.ensure_customer(account, ROBIN) == "cus_of_the_other"


@pytest.mark.parametrize("seconds", [0, DAY + 60])
def test_a_customer_deleted_at_stripe_is_followed_by_another(
    account: StripeAccount, stripe_sandbox: StripeSandbox, seconds: int
) -> None:
    first = customers.ensure_customer(account, ROBIN)
    assert not customers.forget_if_gone(account, ROBIN)
    stripe_sandbox.advance(seconds)
    delete(account, first)
    assert customers.forget_if_gone(account, ROBIN)
    assert not customers.forget_if_gone(account, ROBIN)
    second = customers.ensure_customer(account, ROBIN)
    assert second != first
    customers.forget_customer(account, first)  # a duplicate or late event
    assert customers.customer_of(account, ROBIN) == second
    assert [each["id"] for each in made(stripe_sandbox)] == [second]


def test_forgetting_nobody_changes_nothing(account: StripeAccount) -> None:
    Customer.objects.create(account=account, shopper=ROBIN)
    customers.forget_customer(account, "")
    assert Customer.objects.get().generation == 0


def test_an_address_that_stripe_refuses_is_no_obstacle(
    account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    for _ in range(2):
        made_for_it = customers.ensure_customer(account, ROBIN, "not an address")
    assert made(stripe_sandbox)[0]["email"] is None
    assert len(stripe_sandbox.log.entries("POST", f"/v1/customers/{made_for_it}")) == 1, (
        "it is not sent again"
    )


@pytest.mark.parametrize("shopper", ["it's \\ \"quoted\" AND metadata['x']:'y'", "x" * 200, "Ж"])
def test_any_id_of_a_shopper_finds_its_customer(
    account: StripeAccount, stripe_sandbox: StripeSandbox, shopper: str
) -> None:
    first = customers.ensure_customer(account, shopper)
    Customer.objects.all().delete()
    stripe_sandbox.advance(DAY + 60)
    assert customers.ensure_customer(account, shopper) == first


def test_where_stripe_offers_no_search_the_key_still_holds(
    account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.add_fault("GET /v1/customers/search", status=400, times=9)
    first = customers.ensure_customer(account, ROBIN)
    Customer.objects.all().delete()
    assert customers.ensure_customer(account, ROBIN) == first


def test_a_key_without_the_permission_says_so(account: StripeAccount, stripe_sandbox: StripeSandbox) -> None:
    stripe_sandbox.add_key(stripe_sandbox.account, "rk_test_narrow", ["payment_intent_write"])
    account.secret_key = "rk_test_narrow"
    with pytest.raises(Rejected, match="is missing a permission"):
        customers.ensure_customer(account, ROBIN)
    assert Customer.objects.get().customer_id == ""


def delete(account: StripeAccount, customer_id: str) -> None:
    from saleor_stripe_audience.gateway import client

    client.stripe_of(account).v1.customers.delete(customer_id)
