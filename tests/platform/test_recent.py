"""The cache of the database: for five seconds, and never after a change by this process."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience import recent
from saleor_stripe_audience.errors import Blocked, Rejected
from saleor_stripe_audience.gateway import accounts, terms, trouble
from saleor_stripe_audience.gateway.disconnect import disconnect
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.recent import Recent, duplicate
from saleor_stripe_audience.saleor import webhooks
from saleor_stripe_audience.shops import problems, removal
from saleor_stripe_audience.shops.models import Installation
from tests.payments.conftest import connect, install

pytestmark = pytest.mark.django_db(transaction=True)
CHANNEL = "default-channel"


@pytest.fixture
def shop() -> Installation:
    return install()


@pytest.fixture
def account(shop: Installation) -> StripeAccount:
    return connect(shop, CHANNEL)


def statements(act: Any) -> int:
    from django.db import connection

    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)


def test_a_second_look_asks_nothing(shop: Installation, account: StripeAccount) -> None:
    def look() -> None:
        assert accounts.account_for(shop.pk, CHANNEL) == account

    assert (statements(look), statements(look)) == (1, 0)


def test_after_five_seconds_it_is_read_again(
    shop: Installation, account: StripeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.account_for(shop.pk, CHANNEL)
    later = time.monotonic() + recent.SECONDS
    monkeypatch.setattr(recent, "monotonic", lambda: later)
    assert statements(lambda: accounts.account_for(shop.pk, CHANNEL)) == 1


def test_a_pause_counts_at_once_and_so_does_its_end(shop: Installation, account: StripeAccount) -> None:
    accounts.account_for(shop.pk, CHANNEL)
    accounts.pause(shop.pk, CHANNEL)
    with pytest.raises(Rejected) as refused:
        accounts.account_for(shop.pk, CHANNEL)
    assert refused.value.code == "paused"
    accounts.unpause(shop.pk, CHANNEL)
    assert accounts.account_for(shop.pk, CHANNEL) == account


def test_a_disconnected_account_takes_no_payment(shop: Installation, account: StripeAccount) -> None:
    accounts.account_for(shop.pk, CHANNEL)
    disconnect(account)
    with pytest.raises(Rejected) as refused:
        accounts.account_for(shop.pk, CHANNEL)
    assert refused.value.code == "no_account"


def test_a_new_key_is_used_at_once(shop: Installation, account: StripeAccount) -> None:
    assert accounts.account_for(shop.pk, CHANNEL).secret_key == account.secret_key
    account.secret_key = "rk_test_new"
    account.save(update_fields=["secret_key"])
    assert accounts.account_for(shop.pk, CHANNEL).secret_key == "rk_test_new"


def test_a_replaced_key_that_stripe_refuses_does_not_block_the_account(
    shop: Installation, account: StripeAccount
) -> None:
    with_old_key = accounts.account_for(shop.pk, CHANNEL)
    account.secret_key = "rk_test_new"
    account.save(update_fields=["secret_key"])
    trouble.note(with_old_key, Blocked("The key is refused.", code="key_refused", by=account.pk))
    assert StripeAccount.objects.get().blocked_at is None
    trouble.note(account, Blocked("The key is refused.", code="key_refused", by=account.pk))
    assert StripeAccount.objects.get().blocked_at is not None


def test_the_keys_of_two_shops_stay_apart(shop: Installation, account: StripeAccount) -> None:
    other = install("other")
    connect(other, CHANNEL, secret_key="sk_test_other")
    for _ in range(2):
        assert accounts.account_for(shop.pk, CHANNEL).secret_key == account.secret_key
        assert accounts.account_for(other.pk, CHANNEL).secret_key == "sk_test_other"


def test_a_removed_shop_is_known_as_such_at_once(shop: Installation) -> None:
    found = webhooks._installations.get(shop.saleor_api_url)
    assert found is not None
    assert found.is_active
    removal.mark_removed(shop)
    found = webhooks._installations.get(shop.saleor_api_url)
    assert found is not None
    assert not found.is_active
    shop.delete()
    assert webhooks._installations.get(shop.saleor_api_url) is None


def test_that_a_shop_is_unknown_is_not_kept() -> None:
    url = f"http://127.0.0.1:9/{uuid.uuid4()}/graphql/"
    assert webhooks._installations.get(url) is None
    Installation.objects.create(saleor_api_url=url, app_id="a", token="t", registered_at=datetime.now(UTC))
    assert webhooks._installations.get(url) is not None


def test_terms_that_are_not_accepted_are_asked_for_again(shop: Installation) -> None:
    assert not terms.are_accepted(shop.pk)
    terms.accept(shop, "Robin")
    assert terms.are_accepted(shop.pk)
    assert statements(lambda: terms.are_accepted(shop.pk)) <= 1
    assert statements(lambda: terms.are_accepted(shop.pk)) == 0


def test_a_problem_that_was_reported_is_cleared(shop: Installation) -> None:
    problems.clear_if_seen(shop, "methods-x")
    problems.report(shop, "methods-x", "Something is wrong.")
    problems.clear_if_seen(shop, "methods-x")
    assert not shop.problems.exists()
    problems.clear_if_seen(shop, "methods-x")
    assert statements(lambda: problems.clear_if_seen(shop, "methods-x")) == 0


def test_what_is_rolled_back_was_never_kept(shop: Installation, account: StripeAccount) -> None:
    accounts.account_for(shop.pk, CHANNEL)
    with transaction.atomic():
        AccountChannel.objects.filter(installation=shop).update(is_paused=True)
        with pytest.raises(Rejected):
            accounts.account_for(shop.pk, CHANNEL)
        transaction.set_rollback(True)
    assert accounts.account_for(shop.pk, CHANNEL) == account


def test_a_read_that_a_change_overtakes_is_not_kept(shop: Installation) -> None:
    def read(_: int) -> str:
        found = Installation.objects.get(pk=shop.pk).shop_name
        if not found:
            Installation.objects.filter(pk=shop.pk).update(shop_name="Changed meanwhile")
        return found or "none"

    names = Recent(read, Installation)
    assert (names.get(1), names.get(1)) == ("none", "Changed meanwhile")


def test_callers_cannot_change_what_is_kept(shop: Installation, account: StripeAccount) -> None:
    first = accounts.account_for(shop.pk, CHANNEL)
    first.name, first.secret_key = "Changed by a caller", "sk_changed"
    again = accounts.account_for(shop.pk, CHANNEL)
    assert (again.name, again.secret_key) == (account.name, account.secret_key)
    assert duplicate(shop).__dict__.keys() == shop.__dict__.keys()
