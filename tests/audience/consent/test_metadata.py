"""The consent contract: what metadata of orders and accounts says, and what it does not."""

from typing import Any

import pytest

from saleor_stripe_audience.audience.audiences import Wishes, change_audience
from saleor_stripe_audience.audience.contacts import record_customer
from saleor_stripe_audience.audience.metadata import record_account_words, record_order_words
from saleor_stripe_audience.audience.models import Audience, Consent, Contact, Purchase
from saleor_stripe_audience.audience.purchases import record_order
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox.handlers import record, work
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.saleor.models import Installation
from tests.audience.histories import BEGINNING, account, at, order, say

TEXT = "Send me news by e-mail."


@pytest.fixture
def audience(shop: Installation) -> Audience:
    record_order(shop, order("0", email="before@shop.example"), at(0))
    Contact.objects.all().delete()
    Purchase.objects.all().delete()
    return change_audience(Audience.objects.get(), Wishes("News", consent_text=TEXT))


def metadata(**told: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in told.items()]


def bought(shop: Installation, step: int = 1, number: str = "1", **told: str) -> None:
    payload = order(number) | {"metadata": metadata(**told)}
    record_order(shop, payload, at(step))
    record_order_words(shop, payload, at(step))


def signed_up(shop: Installation, step: int = 1, *, is_confirmed: bool = True, **told: str) -> None:
    payload = account(7, isConfirmed=is_confirmed, metadata=metadata(**told))
    record_customer(shop, payload, at(step))
    record_account_words(shop, payload, at(step))


def test_a_ticked_box_at_the_checkout_subscribes_with_proof(shop: Installation, audience: Audience) -> None:
    bought(
        shop,
        marketing_consent="true",
        consent_at="2024-10-31T10:00:00+02:00",
        consent_text="Yes to news!",
        consent_source="checkout page",
        consent_ip="203.0.113.9",
        utm_source="x",
    )
    kept = Consent.objects.get()
    assert (kept.kind, kept.source, kept.source_detail, kept.reference) == (
        "given", "checkout", "checkout page", order("1")["id"],
    )  # fmt: skip
    assert (kept.at.isoformat(), kept.ip) == ("2024-10-31T08:00:00+00:00", "203.0.113.9")
    assert kept.wording is not None
    assert kept.wording.text == "Yes to news!"
    assert Contact.objects.get().status == "subscribed"


def test_without_moment_and_wording_the_orders_and_the_audiences_count(
    shop: Installation, audience: Audience
) -> None:
    bought(shop, marketing_consent="yes")
    kept = Consent.objects.get()
    assert (kept.at, kept.wording and kept.wording.text) == (BEGINNING, TEXT)


@pytest.mark.parametrize("value", ["false", "no", "0", "", "off", "null", "maybe", "<script>"])
def test_an_unticked_box_is_no_withdrawal(shop: Installation, audience: Audience, value: str) -> None:
    bought(shop, number="1", marketing_consent="true")
    bought(shop, 5, number="2", marketing_consent=value)
    assert Contact.objects.get().status == "subscribed"
    assert Consent.objects.count() == 1


def test_a_withdrawal_is_said_in_so_many_words(shop: Installation, audience: Audience) -> None:
    bought(shop, number="1", marketing_consent="true", consent_at="2024-10-01T00:00:00Z")
    bought(shop, number="2", marketing_consent="withdrawn", consent_at="2024-10-02T00:00:00Z")
    assert Contact.objects.get().status == "unsubscribed"


def test_the_events_of_one_order_say_it_once_and_a_resync_lifts_nobody(
    shop: Installation, audience: Audience
) -> None:
    bought(shop, 1, marketing_consent="true")
    say(Contact.objects.get(), "withdrawn", at(2))
    for step in (3, 4, 9000):
        bought(shop, step, marketing_consent="true")
    assert Contact.objects.get().status == "unsubscribed"
    assert Consent.objects.count() == 2


def test_a_resync_of_an_account_lifts_and_lowers_nobody(shop: Installation, audience: Audience) -> None:
    told: dict[str, Any] = {"marketing_consent": "true", "consent_at": "2024-10-01T00:00:00Z"}
    signed_up(shop, 1, **told)
    assert Contact.objects.get().status == "subscribed"
    say(Contact.objects.get(), "withdrawn", at(2))
    signed_up(shop, 3, **told)
    assert Contact.objects.get().status == "unsubscribed"
    say(Contact.objects.get(), "given", at(4))
    signed_up(shop, 5, marketing_consent="false")
    assert Contact.objects.get().status == "subscribed"


def test_a_consent_counts_only_once_its_account_is_confirmed(shop: Installation, audience: Audience) -> None:
    told: dict[str, Any] = {"marketing_consent": "true", "consent_at": "2024-10-01T00:00:00Z"}
    signed_up(shop, 1, is_confirmed=False, **told)
    assert (Contact.objects.get().status, Consent.objects.count()) == ("nonsubscribed", 0)
    signed_up(shop, 2, is_confirmed=True, **told)
    assert Contact.objects.get().status == "subscribed"


def test_an_accounts_consent_needs_its_moment(shop: Installation, audience: Audience) -> None:
    with pytest.raises(Rejected, match="consent_at"):
        signed_up(shop, marketing_consent="true")
    assert Consent.objects.count() == 0


def test_soft_opt_in_is_recorded_as_what_it_is(shop: Installation, audience: Audience) -> None:
    bought(shop, soft_opt_in="true")
    contact = Contact.objects.get()
    assert (contact.status, contact.lawful_basis) == ("nonsubscribed", "soft_opt_in")


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"consent_at": "yesterday"}, "consent_at"),
        ({"consent_at": "2024-10-01T00:00:00"}, "consent_at"),
        ({"consent_at": "2924-10-01T00:00:00Z"}, "consent_at"),
        ({"consent_ip": "unknown"}, "consent_ip"),
        ({"consent_text": "x" * 10_001}, "consent_text"),
    ],
)
def test_a_consent_that_proves_nothing_names_its_key(
    shop: Installation, audience: Audience, told: dict[str, Any], named: str
) -> None:
    with pytest.raises(Rejected, match=named):
        bought(shop, marketing_consent="true", **told)
    assert (Consent.objects.count(), Contact.objects.get().status) == (0, "nonsubscribed")


@pytest.mark.parametrize("odd", [None, [], ["x", None, 3, {}, {"key": 7, "value": None}]])
def test_metadata_of_another_shape_says_nothing(shop: Installation, audience: Audience, odd: Any) -> None:
    payload = order() | {"metadata": odd}
    record_order_words(shop, payload, at(1))
    assert Consent.objects.count() == 0


def test_without_any_wording_the_purchase_is_kept_and_the_reason_told(shop: Installation) -> None:
    payload = {"order": order() | {"metadata": metadata(marketing_consent="true")}}
    record("saleor", shop.pk, "one", "order_created", payload, at(1))
    work(Event.objects.get().pk)
    handled = {each.handler.rpartition(".")[2]: each for each in Handling.objects.all()}
    assert handled["record_order"].done_at is not None
    assert "default consent text" in handled["record_order_consent"].reason
    assert (Purchase.objects.count(), Contact.objects.get().status) == (1, "nonsubscribed")


def test_with_double_opt_in_a_tick_waits_for_its_confirmation(shop: Installation, audience: Audience) -> None:
    Audience.objects.update(double_opt_in=True)
    bought(shop, marketing_consent="true")
    assert Contact.objects.get().status == "pending"
