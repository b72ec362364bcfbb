"""Customers who were deleted in Saleor while nothing was delivered are found and erased."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from django_ox.models import OxTask

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.audience.transfer import deleted_accounts
from saleor_stripe_audience.audience.transfer.deleted_accounts import NIGHTS, erase_deleted
from saleor_stripe_audience.errors import Blocked
from saleor_stripe_audience.saleor import http, listing, trouble, webhook_sync
from saleor_stripe_audience.sandbox.saleor.state import User
from saleor_stripe_audience.shops import removal
from saleor_stripe_audience.shops.models import Installation

from .conftest import Past
from .test_backfill_saleor import run_backfill

NAMES = ["ada", "bob", "carl", "dora", "eve", "fred", "gina"]


def address(name: str) -> str:
    return f"{name}@shop.example"


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LARGEST_PAGE", 3)
    monkeypatch.setattr(deleted_accounts, "READ_AT_ONCE", 4)
    monkeypatch.setattr(deleted_accounts, "MOST_ORDERS", 3)


@pytest.fixture
def people(past: Past) -> dict[str, User]:
    """Customers who bought something, known here; and a guest."""
    found = {name: past.customer(address(name)) for name in NAMES}
    for name, user in found.items():
        past.order(address(name), user)
    past.order("guest@shop.example")
    run_backfill(past)
    assert Contact.objects.count() == len(NAMES) + 1
    return found


def delete(past: Past, user: User) -> None:
    """Delete the account in Saleor, whose orders remain, without an event."""
    past.saleor.host.store.remove_user(user)


def known() -> set[str]:
    return set(Contact.objects.values_list("email", flat=True)) - {"guest@shop.example"}


def test_they_are_erased_and_their_orders_stay(past: Past, people: dict[str, User]) -> None:
    orders = Purchase.objects.count()
    for name in ("ada", "eve"):
        delete(past, people[name])
    assert erase_deleted(past.installation) == 2
    assert known() == {address(name) for name in NAMES if name not in ("ada", "eve")}
    assert set(Erasure.objects.values_list("reason", flat=True)) == {Erasure.Reason.CUSTOMER_DELETED}
    assert Purchase.objects.count() == orders
    assert Purchase.objects.filter(contact=None, saleor_user_id="").count() == 2
    assert erase_deleted(past.installation) == 0, "once"


def test_it_does_not_matter_that_the_order_came_again_without_its_account(
    past: Past, people: dict[str, User]
) -> None:
    delete(past, people["ada"])
    run_backfill(past)
    assert erase_deleted(past.installation) == 1
    assert address("ada") not in known()


def test_a_page_of_accounts_is_one_request(
    past: Past, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    call, calls = http.call, Counter[str]()

    def counted(*arguments: Any, **fields: Any) -> Any:
        calls[fields["json"]["operationName"]] += 1
        return call(*arguments, **fields)

    monkeypatch.setattr(http, "call", counted)
    assert erase_deleted(past.installation) == 0
    assert calls == {"Present": 3}, "seven accounts, three on each page, with the app's permissions"


def test_each_account_is_looked_up_within_a_week(past: Past, people: dict[str, User]) -> None:
    for user in people.values():
        delete(past, user)
    erased = [erase_deleted(past.installation, night) for night in range(NIGHTS)]
    assert sum(erased) == len(NAMES)
    assert max(erased) < len(NAMES)
    assert known() == set()


def test_who_is_not_certainly_deleted_stays(past: Past, people: dict[str, User]) -> None:
    """Staff without orders are not listed. An order with an account, or one that Saleor does not have, is no proof."""
    store = past.saleor.host.store
    never_bought = past.customer("hugo@shop.example")
    run_backfill(past)
    store.users.remove(never_bought)
    store.users.remove(people["ada"])
    delete(past, people["bob"])
    store.orders = [each for each in store.orders if each.user_email != address("bob")]
    assert erase_deleted(past.installation) == 0
    assert known() == {address(name) for name in [*NAMES, "hugo"]}


def test_nobody_is_erased_when_the_app_may_not_see_customers(past: Past, people: dict[str, User]) -> None:
    store = past.saleor.host.store
    [app] = store.apps
    app.permissions -= {"MANAGE_USERS"}
    store.users.clear()
    for order in store.orders:
        order.user = None
    with pytest.raises(Blocked):
        erase_deleted(past.installation)
    assert len(known()) == len(people)


def test_every_shop_is_looked_up_at_night(
    past: Past, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in people.values():
        delete(past, user)
    Installation.objects.create(
        saleor_api_url="http://127.0.0.1:9/graphql/",
        app_id="x",
        registered_at=past.installation.registered_at,
    )
    monkeypatch.setattr(deleted_accounts, "MOST_AT_NIGHT", len(NAMES) - 1)
    erased = deleted_accounts.erase_deleted_accounts.call()
    assert erased == len(NAMES) - len(known()) < len(NAMES)
    monkeypatch.setattr(deleted_accounts, "MOST_AT_NIGHT", len(NAMES))
    assert deleted_accounts.erase_deleted_accounts.call() == len(NAMES) - erased
    assert known() == set()


def deactivated_for_minutes(shop: Installation) -> None:
    trouble.report(shop, trouble.APP_UNKNOWN)
    webhook_sync.continue_accepted_shops.call()


def deactivated_for_hours(shop: Installation) -> None:
    removal.mark_removed(shop)
    removal.resume(shop)


@pytest.mark.parametrize("interrupt", [deactivated_for_minutes, deactivated_for_hours])
def test_all_are_looked_up_once_the_shop_accepts_the_app_again(
    past: Past,
    people: dict[str, User],
    interrupt: Callable[[Installation], None],
    run_all_tasks: Callable[[], int],
) -> None:
    for user in people.values():
        delete(past, user)
    OxTask.objects.all().delete()
    interrupt(past.installation)
    run_all_tasks()
    assert known() == set()


def test_staff_whose_contact_has_orders_of_guests_stay(past: Past) -> None:
    """An order of a guest never had an account, so it does not show that the contact's account was deleted."""
    store = past.saleor.host.store
    hugo = past.customer("hugo@shop.example")
    past.order("hugo@shop.example")
    run_backfill(past)
    store.users.remove(hugo)  # now staff, so not listed
    assert Contact.objects.get(saleor_user_id__isnull=False).purchases.count() == 1
    assert erase_deleted(past.installation) == 0
    assert known() == {"hugo@shop.example"}


def test_a_shop_without_the_permission_has_no_problem_if_its_manifest_does_not_ask_for_it(
    past: Past, people: dict[str, User]
) -> None:
    Installation.objects.update(variant="payments-only")
    past.installation.refresh_from_db()
    [app] = past.saleor.host.store.apps
    app.permissions = frozenset({"HANDLE_PAYMENTS", "MANAGE_PRODUCTS"})
    before = len(past.saleor.host.calls)
    assert deleted_accounts.erase_deleted_accounts.call() == 0
    assert not any("customers" in each for each in past.saleor.host.calls[before:]), "Saleor would refuse"
    assert not past.installation.problems.exists()
    assert len(known()) == len(people)


def test_a_shop_that_grants_more_than_its_manifest_asks_for_is_asked(
    past: Past, people: dict[str, User]
) -> None:
    """It was installed with the full manifest before, or staff granted the permission; its contacts are stored."""
    Installation.objects.update(variant="payments-only")
    past.installation.refresh_from_db()
    delete(past, people["ada"])
    assert erase_deleted(past.installation) == 1
    assert address("ada") not in known()


@pytest.mark.parametrize("interrupt", [deactivated_for_minutes, deactivated_for_hours])
def test_who_withdrew_meanwhile_is_unsubscribed_at_once(
    past: Past,
    people: dict[str, User],
    interrupt: Callable[[Installation], None],
    run_all_tasks: Callable[[], int],
) -> None:
    """Not only by the hourly run: newsletters are sent until then."""
    ada = people["ada"]
    withdrawn_at = timezone.now().isoformat()
    ada.metadata |= {"marketing_consent": "withdrawn", "consent_at": withdrawn_at}
    ada.updated_at = timezone.now()
    OxTask.objects.all().delete()
    interrupt(past.installation)
    run_all_tasks()
    run_all_tasks()
    assert Contact.objects.get(email=address("ada")).status == "unsubscribed"


def test_a_return_that_is_announced_twice_is_one_task_of_each_kind(past: Past) -> None:
    OxTask.objects.all().delete()
    for _ in range(2):
        removal.announce_return(past.installation)
    assert sorted(OxTask.objects.values_list("task_path", flat=True)) == [
        "saleor_stripe_audience.audience.transfer.deleted_accounts.erase_deleted_accounts_of",
        "saleor_stripe_audience.payments.tasks.reconcile_one",
    ]
