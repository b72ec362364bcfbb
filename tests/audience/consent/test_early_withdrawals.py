"""Someone unsubscribes on the shop's page before the consent that they withdraw has arrived."""

import io
from datetime import timedelta

import pytest
from django.utils import timezone

from saleor_stripe_audience.audience.consent.early_withdrawals import KEPT
from saleor_stripe_audience.audience.consent.models import Consent, EarlyWithdrawal
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, change_audience, lock_shop
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.audience.tasks import forget_early_withdrawals
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, import_csv
from saleor_stripe_audience.shops.models import Channel, Installation
from tests.audience.histories import at, order
from tests.audience.records import record_order, record_order_consent

ADA = "ada@shop.example"
TICKED = [{"key": "marketing_consent", "value": "true"}, {"key": "consent_text", "value": "Yes, news."}]


@pytest.fixture
def page(shop: Installation) -> Installation:
    """A shop whose page subscribes without confirmation."""
    lock_shop(shop)
    change_audience(Audience.objects.get(), AudienceSettings("Shop", consent_text="Yes, news."))
    Channel.objects.create(installation=shop, slug="default-channel", name="Shop", currency="USD")
    return shop


def request(act: str, page: Installation, email: str = ADA) -> storefront._Request:
    if act == "unsubscribe":
        return storefront._check(storefront._UNSUBSCRIBE, page, "default-channel", email, "", "")
    made = storefront._check_subscription(page, "default-channel", email, "Yes, news.", "", "", "1.2.3.4")
    assert made is not None
    return made


def statuses() -> dict[str, str]:
    return dict(Contact.objects.values_list("email", "status"))


def test_requests_of_a_page_that_are_handled_in_the_other_order(page: Installation) -> None:
    subscription, unsubscription = request("subscribe", page), request("unsubscribe", page)
    for _ in range(2):
        storefront._unsubscribe(page, unsubscription)
        storefront._subscribe(page, subscription)
        assert statuses() == {ADA: "unsubscribed"}
    assert Consent.objects.filter(kind="withdrawn").count() == 1


def test_a_box_ticked_before_in_an_order_that_arrives_later(page: Installation) -> None:
    bought = order("1", email=ADA) | {"metadata": TICKED}
    storefront.unsubscribe(page, "default-channel", "ADA@shop.example")
    record_order(page, bought, at(1))
    record_order_consent(page, bought, at(1))
    assert statuses() == {ADA: "unsubscribed"}


def test_an_old_list_that_is_imported_later(page: Installation) -> None:
    storefront.unsubscribe(page, "default-channel", ADA)
    text = f"email,consent,consent_at\n{ADA},yes,2025-01-01\nbob@shop.example,yes,2025-01-01\n"
    for _ in range(2):
        import_csv(Audience.objects.get(), io.BytesIO(text.encode()), ImportOptions())
        assert statuses() == {ADA: "unsubscribed", "bob@shop.example": "subscribed"}


def test_who_comes_back_confirms_by_email(page: Installation, mail_server: None) -> None:
    storefront._unsubscribe(page, request("unsubscribe", page))
    storefront._subscribe(page, request("subscribe", page))
    assert statuses() == {ADA: "unsubscribed"}
    assert Consent.objects.filter(kind="given", confirmation_mails__isnull=False).count() == 1


def test_nobody_else_is_affected(page: Installation) -> None:
    storefront._unsubscribe(page, request("unsubscribe", page, "eve@shop.example"))
    storefront._subscribe(page, request("subscribe", page))
    assert statuses() == {ADA: "subscribed"}


def test_one_caller_cannot_fill_the_table(page: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contacts are unsubscribed without a limit."""
    storefront._subscribe(page, request("subscribe", page))
    monkeypatch.setattr(storefront, "PER_CALLER", 0)
    for email in ("invented@shop.example", ADA):
        storefront.unsubscribe(page, "default-channel", email, ip="203.0.113.9")
    assert not EarlyWithdrawal.objects.exists()
    assert statuses() == {ADA: "unsubscribed"}


def test_only_a_digest_is_kept_and_for_a_month(page: Installation) -> None:
    storefront.unsubscribe(page, "default-channel", ADA)
    storefront.unsubscribe(page, "default-channel", ADA)
    kept = EarlyWithdrawal.objects.get()
    assert ADA not in str(vars(kept))
    assert forget_early_withdrawals.call() == 0
    EarlyWithdrawal.objects.update(withdrawn_at=timezone.now() - KEPT - timedelta(minutes=1))
    assert forget_early_withdrawals.call() == 1
    assert not EarlyWithdrawal.objects.exists()
