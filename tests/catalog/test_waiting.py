"""Products wait while Stripe reviews an account, and are sent once it may accept payments."""

from typing import Any

import pytest
from django.db import transaction

from saleor_stripe_audience.catalog import waiting
from saleor_stripe_audience.catalog.models import CatalogProduct, WaitingProduct
from saleor_stripe_audience.gateway import connect
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Installation
from tests.catalog.test_catalogue import BEGIN, Shop, Work, listing, product, variant
from tests.gateway.platform import newest_event, offer, post_event, start_account
from tests.payments.conftest import connect as paste
from tests.payments.conftest import (  # noqa: F401 - fixtures
    install,
    installation,
    stripe_sandbox,
    stripe_url,
)

State = CatalogProduct.State

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_url")]


class Waiting(Shop):
    """A shop whose only account is still being set up."""

    account: StripeAccount

    def products(self) -> list[dict[str, Any]]:
        return list(self.sandbox.accounts[self.account.stripe_id].table("product").values())

    def activate(self, outcome: str = "complete") -> None:
        self.sandbox.onboard(self.account.stripe_id, outcome)
        post_event(newest_event(self.sandbox, self.account, "account.updated"))
        self.work()


@pytest.fixture
def shop(
    installation: Installation,  # noqa: F811 - a fixture
    stripe_sandbox: StripeSandbox,  # noqa: F811 - a fixture
    run_all_tasks: Work,
    settings: Any,
) -> Waiting:
    offer(settings, stripe_sandbox)
    made = Waiting(installation, stripe_sandbox, run_all_tasks)
    made.account = start_account(installation, "default-channel")
    return made


def test_nothing_is_sent_before_and_everything_after(shop: Waiting) -> None:
    for number in range(3):
        shop.send("product_created", minute=number, product=product(variant(number=number), id=f"p{number}"))
    assert shop.products() == []
    assert WaitingProduct.objects.count() == 3
    shop.activate()
    assert len(shop.products()) == 3
    assert CatalogProduct.objects.filter(account=shop.account).count() == 3
    assert not WaitingProduct.objects.exists()
    assert not Handling.objects.filter(given_up_at__isnull=False).exists()


def test_the_newest_is_what_goes_out_and_once(shop: Waiting) -> None:
    shop.send("product_updated", minute=5, product=product(name="Newest"))
    shop.send("product_updated", minute=1, product=product(name="Older"))
    shop.activate()
    shop.activate()
    assert [each["name"] for each in shop.products()] == ["Newest"]
    shop.send("product_updated", minute=6, product=product(name="Newer still"))
    assert [each["name"] for each in shop.products()] == ["Newer still"]


def test_what_was_deleted_meanwhile_does_not_go_out(shop: Waiting) -> None:
    shop.send("product_created", product=product(variant("Green", 1), variant("Black", 2)))
    shop.send("product_created", product=product(variant(number=9), id="UHJvZHVjdDo5"))
    shop.send("product_variant_deleted", minute=1, productVariant={"id": variant(number=1)["id"]})
    shop.send("product_deleted", minute=2, product={"id": "UHJvZHVjdDo5"})
    shop.send("product_updated", minute=1, product=product(variant(number=9), id="UHJvZHVjdDo5"))
    shop.activate()
    assert [each["metadata"]["saleor_variant"] for each in shop.products()] == [variant(number=2)["id"]]


@pytest.mark.parametrize("outcome", ["review", "restrict", "reject"])
def test_it_waits_as_long_as_the_account_takes_no_payments(shop: Waiting, outcome: str) -> None:
    shop.send("product_created", product=product())
    shop.activate(outcome)
    assert shop.products() == []
    assert WaitingProduct.objects.count() == 1
    shop.activate()
    assert len(shop.products()) == 1


def test_active_without_an_event_drains_too(shop: Waiting) -> None:
    shop.send("product_created", product=product())
    shop.sandbox.onboard(shop.account.stripe_id, "complete")
    connect.refresh(shop.account)
    shop.work()
    assert len(shop.products()) == 1


def test_active_while_it_was_put_down_goes_out_at_once(shop: Waiting) -> None:
    """The account became active after the event's handler had checked it, and before it wrote."""
    before = waiting.waiting_accounts(shop.installation)
    shop.activate()
    with transaction.atomic():
        waiting.keep(shop.installation, before, product()["id"], product(), BEGIN)
    shop.work()
    assert len(shop.products()) == 1


def test_other_accounts_do_not_wait(shop: Waiting) -> None:
    pasted = paste(shop.installation, "poland")
    both = [listing(), listing(12, "poland", "PLN")]
    shop.send("product_created", product=product(variant(listings=both)))
    assert CatalogProduct.objects.get(state=State.SYNCED).account == pasted
    assert CatalogProduct.objects.get(state=State.WAITING).account == shop.account
    shop.activate()
    assert CatalogProduct.objects.filter(state=State.SYNCED).count() == 2
    assert len(shop.sandbox.account.table("product")) == 1, "nothing is sent twice"


def test_another_shop_is_not_touched(shop: Waiting) -> None:
    other = start_account(install("other"), "default-channel")
    shop.send("product_created", product=product())
    assert [each.account_id for each in WaitingProduct.objects.all()] == [shop.account.pk]
    shop.sandbox.onboard(other.stripe_id, "complete")
    connect.refresh(other)
    shop.work()
    assert WaitingProduct.objects.count() == 1
    assert shop.sandbox.accounts[other.stripe_id].table("product") == {}


def test_a_channel_taken_away_is_waited_for_no_more(shop: Waiting) -> None:
    AccountChannel.objects.all().delete()
    shop.send("product_created", product=product())
    assert not WaitingProduct.objects.exists()


def test_what_waits_again_goes_out_again(shop: Waiting) -> None:
    """The account was blocked again before the waiting products were handled."""
    for _ in range(2):
        with transaction.atomic():
            waiting.keep(shop.installation, [shop.account], "p1", product(id="p1"), BEGIN)
            waiting.drain(shop.installation, shop.account)
    assert Event.objects.filter(kind="product_updated").count() == 2
