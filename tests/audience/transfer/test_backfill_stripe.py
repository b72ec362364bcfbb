"""What only Stripe has is imported in addition to orders: nothing is counted twice, nobody is subscribed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy.erasure import erase
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.audience.transfer import backfill, from_stripe
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import charges, customers
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, SECRET_KEY, StripeSandbox
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import order
from tests.audience.records import record_order


class Till:
    """A shop's Stripe account, with payments that the app did not make."""

    def __init__(self, shop: Installation, sandbox: StripeSandbox, url: str) -> None:
        self.shop, self.sandbox, self.url = shop, sandbox, url
        self.account = connect(shop)
        Job.objects.create(installation=shop, kind=Job.Kind.SALEOR, state=Job.State.DONE)

    @property
    def api(self) -> Any:
        return stripe.StripeClient(SECRET_KEY, base_addresses={"api": self.url}).v1

    def customer(self, email: str | None = None, **known: Any) -> str:
        given = known | ({"email": email} if email else {})
        return str(self.api.customers.create(given).id)

    def charge(self, email: str = "", amount: int = 2000, **known: Any) -> str:
        given: dict[str, Any] = {
            "amount": amount, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa",
            "return_url": "https://shop.example.com", "receipt_email": email,
        }  # fmt: skip
        made = self.api.payment_intents.create({key: each for key, each in (given | known).items() if each})
        return str(made.latest_charge)

    def run_backfill(self) -> Job:
        job = backfill.get_or_create(self.shop, "stripe", "test")
        while jobs.work_page(job.pk, job.step, enqueues=False):
            job.refresh_from_db()
        job.refresh_from_db()
        return job


def connect(shop: Installation, **known: Any) -> StripeAccount:
    given = {
        "name": "Main", "publishable_key": PUBLISHABLE_KEY, "secret_key": SECRET_KEY, "livemode": False,
        "stripe_id": "acct_1",
    } | known  # fmt: skip
    return StripeAccount.objects.create(installation=shop, **given)


@pytest.fixture
def till(transactional_db: None, settings: Any) -> Iterator[Till]:
    with StripeSandbox() as sandbox, Served(sandbox.wsgi) as served:
        sandbox.base_url = served.url
        settings.STRIPE_API_BASE = served.url
        yield Till(install(), sandbox, served.url)


def test_customers_become_contacts_without_consent(till: Till) -> None:
    till.customer(
        "Ada@Shop.Example", name="Ada King Lovelace", phone="+331", address={"country": "FR"},
        preferred_locales=["fr-FR"],
    )  # fmt: skip
    till.customer()
    job = till.run_backfill()
    assert (job.state, job.done, job.total) == (Job.State.DONE, 2, None)
    ada = Contact.objects.get()
    assert (ada.email, ada.first_name, ada.last_name) == ("ada@shop.example", "Ada", "King Lovelace")
    assert (ada.phone, ada.country, ada.language) == ("+331", "FR", "fr-fr")
    assert (ada.status, ada.consents.count()) == ("nonsubscribed", 0)
    assert job.report["counts"]["customers without an address"] == 1


def test_a_charge_without_an_order_is_a_purchase_of_its_own_kind(till: Till) -> None:
    charge = till.charge("ada@shop.example")
    till.api.refunds.create({"charge": charge, "amount": 500})
    job = till.run_backfill()
    assert job.state == Job.State.DONE
    purchase = Purchase.objects.get()
    assert purchase.saleor_order_id == f"stripe:{charge}"
    assert (purchase.charged_minor, purchase.refunded_minor) == (2000, 500)
    ada = Contact.objects.get()
    assert (ada.orders_count, ada.spent.get().spent_minor, ada.status) == (1, 1500, "nonsubscribed")


def test_test_payments_are_not_imported_beside_a_live_account(till: Till) -> None:
    till.charge("ada@shop.example")
    till.account.delete()
    live = connect(till.shop, name="Live", stripe_id="acct_2", livemode=True)
    connect(till.shop, name="Test", stripe_id="acct_3")
    assert till.run_backfill().report["counts"]["charges in Stripe"] == 1
    live.delete()
    assert till.run_backfill().report["counts"]["charges in Stripe"] == 1


def test_twice_is_once_and_what_was_refunded_since_is_followed(till: Till) -> None:
    charge = till.charge("ada@shop.example")
    till.run_backfill()
    till.api.refunds.create({"charge": charge})
    assert till.run_backfill().state == Job.State.DONE
    assert Purchase.objects.count() == 1
    ada = Contact.objects.get()
    assert (ada.orders_count, ada.spent.count()) == (0, 0)


def test_a_partial_capture_counts_with_the_captured_amount(till: Till) -> None:
    till.charge("ada@shop.example", capture_method="manual")
    [intent] = till.api.payment_intents.list().data
    assert till.run_backfill().report["counts"]["charges not taken"] == 1
    till.api.payment_intents.capture(intent.id, {"amount_to_capture": 600})
    till.run_backfill()
    purchase = Purchase.objects.get()
    assert (purchase.charged_minor, purchase.refunded_minor, purchase.charge_status) == (600, 0, "FULL")


@pytest.mark.parametrize(
    ("stripe_refunded", "refunded", "status"), [(0, 0, "FULL"), (200, 200, "FULL"), (1200, 1200, "NONE")]
)
def test_more_captured_than_held_is_no_refund(stripe_refunded: int, refunded: int, status: str) -> None:
    """https://docs.stripe.com/payments/overcapture"""
    charge = {
        "id": "ch_1",
        "amount": 1000,
        "amount_captured": 1200,
        "amount_refunded": stripe_refunded,
        "currency": "usd",
        "created": 1_700_000_000,
    }
    fields = from_stripe._fields(charge)
    assert (fields["charged_minor"], fields["refunded_minor"], fields["charge_status"]) == (
        1200,
        refunded,
        status,
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {"saleor_transaction": "t", "saleor_installation": "another"},
        {"saleorTransactionId": "of another app"},
    ],
)
def test_charges_that_paid_an_order_are_skipped(till: Till, metadata: dict[str, str]) -> None:
    till.charge("ada@shop.example", metadata=metadata)
    job = till.run_backfill()
    assert job.report["counts"]["charges of Saleor"] == 1
    assert not Purchase.objects.exists()
    assert not Contact.objects.exists()


def test_an_order_of_the_same_person_amount_and_day_is_not_counted_twice(till: Till) -> None:
    till.charge("ada@shop.example", 3000)
    till.run_backfill()
    assert Contact.objects.get().orders_count == 1
    now = datetime.now(UTC)
    payload = order(email="ada@shop.example", total=30.0) | {
        "created": (now - timedelta(hours=3)).isoformat()
    }
    record_order(till.shop, payload, now)
    job = till.run_backfill()
    assert (job.state, job.report["counts"]["charges also orders"]) == (Job.State.DONE, 1)
    assert not Purchase.objects.get().saleor_order_id.startswith("stripe:")
    ada = Contact.objects.get()
    assert (ada.orders_count, ada.spent.get().spent_minor) == (1, 3000)


def test_erased_people_stay_out(till: Till) -> None:
    till.customer("ada@shop.example")
    till.charge("ada@shop.example")
    erase(till.shop, "ada@shop.example")
    job = till.run_backfill()
    assert (job.state, Contact.objects.count(), Purchase.objects.count()) == (Job.State.DONE, 0, 0)
    counts = job.report["counts"]
    assert (counts["customers erased"], counts["charges erased"]) == (1, 1)


def test_after_an_erasure_between_two_runs_the_purchase_has_no_contact(till: Till) -> None:
    till.charge("ada@shop.example")
    till.run_backfill()
    erase(till.shop, "ada@shop.example")
    assert till.run_backfill().state == Job.State.DONE
    assert Purchase.objects.get().contact is None
    assert not Contact.objects.exists()


def test_declined_charges_and_those_without_an_address_are_counted_separately(till: Till) -> None:
    with pytest.raises(stripe.CardError):
        till.charge("ada@shop.example", payment_method="pm_card_chargeDeclined")
    till.charge()
    counts = till.run_backfill().report["counts"]
    assert (counts["charges not taken"], counts["charges without an address"]) == (1, 1)


def test_an_invalid_address_is_reported_and_the_others_are_imported(till: Till) -> None:
    wrong = till.customer("ada@shop.example")
    # Stripe refuses it today, but may have customers from before it did.
    till.sandbox.account.table("customer")[wrong]["email"] = "ada@shop.example..com"
    till.customer("bob@shop.example")
    job = till.run_backfill()
    assert (job.state, job.done, job.failed) == (Job.State.DIFFERS, 1, 1)
    [difference] = job.report["differences"]
    assert (difference["id"], difference["what"]) == (wrong, "in Stripe and not here")
    assert "ada@" not in json.dumps(job.report)


def test_a_person_stays_in_the_audience_that_has_them(till: Till) -> None:
    Audience.objects.create(installation=till.shop, name="Main", is_default=True)
    club = Audience.objects.create(installation=till.shop, name="Club")
    club.contacts.create(email="ada@shop.example")
    till.charge("ada@shop.example")
    till.run_backfill()
    assert Purchase.objects.get().contact == Contact.objects.get()


def test_all_pages_of_all_connected_accounts(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        till.customer(f"c{number}@shop.example")
        till.charge(f"p{number}@shop.example", 1000 + number)
    connect(till.shop, stripe_id="acct_2", state="disconnected", secret_key="sk_test_wrong")
    for resource in (customers, charges):
        monkeypatch.setattr(resource, "list_page", _shortened(resource.list_page))
    job = till.run_backfill()
    assert (job.state, job.done, job.step) == (Job.State.DONE, 10, 6)
    assert Contact.objects.count() == 10
    assert Purchase.objects.count() == 5


def _shortened(fetch: Any) -> Any:
    def two(account: StripeAccount, after: str) -> Any:
        found, has_more = fetch(account, after)
        return found[:2], has_more or len(found) > 2

    return two


def test_charges_of_a_disconnected_account_are_a_difference(till: Till) -> None:
    Purchase.objects.create(
        installation=till.shop, saleor_order_id="stripe:ch_gone", status="FULFILLED", charge_status="FULL",
        currency="USD", total_minor=1, charged_minor=1, refunded_minor=0, placed_at=datetime.now(UTC),
        issued_at=datetime.now(UTC),
    )  # fmt: skip
    job = till.run_backfill()
    assert job.state == Job.State.DIFFERS
    assert job.report["differences"][0]["what"].startswith("1 here, and 0 of those")


def test_saleor_comes_first_and_an_account_must_be_connected(till: Till) -> None:
    with pytest.raises(Rejected, match="Import Saleor's"):
        backfill.get_or_create(install("other.example"), "stripe", "test")
    StripeAccount.objects.update(state="disconnected")
    job = till.run_backfill()
    assert (job.state, job.report["failure"]["code"]) == (Job.State.FAILED, "no_account")
    StripeAccount.objects.update(state="connected")
    jobs.resume(job)
    assert till.run_backfill().state == Job.State.DONE
