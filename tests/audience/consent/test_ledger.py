"""Consent is the result of a person's events, in any order of arrival."""

from datetime import datetime, timedelta, timezone
from itertools import permutations
from typing import Any

import pytest
from django.utils.timezone import now

from saleor_stripe_audience.audience.consent import choices, ledger
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent, LedgerIsAppendOnly
from saleor_stripe_audience.audience.people.models import Contact, Wording
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import at, order, say
from tests.audience.records import record_order

GIVEN, CONFIRMED, WITHDRAWN = Consent.Kind.GIVEN, Consent.Kind.CONFIRMED, Consent.Kind.WITHDRAWN


@pytest.fixture
def ada(shop: Installation) -> Contact:
    record_order(shop, order(), at(1))
    return Contact.objects.get()


def test_a_consent_is_stored_with_its_proof(ada: Contact) -> None:
    event = ConsentEvent(
        GIVEN,
        at(2),
        Consent.Source.STOREFRONT,
        wording="Yes, mail me.",
        ip="2001:db8::1",
        source_detail="footer",
    )
    ledger.record(ada, event)
    kept = Consent.objects.get()
    assert (kept.kind, kept.at, kept.source, kept.source_detail) == ("given", at(2), "storefront", "footer")
    assert (kept.email, kept.ip, kept.wording and kept.wording.text) == (
        "ada@shop.example", "2001:db8::1", "Yes, mail me.",
    )  # fmt: skip
    assert Contact.objects.get().status == "subscribed"


def test_nothing_of_the_ledger_can_be_changed_or_deleted(ada: Contact) -> None:
    row = say(ada, GIVEN, at(2))
    row.kind = WITHDRAWN
    for forbidden in (
        row.save,
        row.delete,
        Consent.objects.all().delete,
        lambda: Consent.objects.update(kind=WITHDRAWN),
        lambda: ada.consents.update(at=at(9)),
        ada.consents.all().delete,
    ):
        with pytest.raises(LedgerIsAppendOnly):
            forbidden()
    assert [(each.kind, each.at) for each in Consent.objects.all()] == [("given", at(2))]


def test_a_wording_is_stored_once_per_shop(ada: Contact) -> None:
    for step in range(3):
        say(ada, GIVEN, at(step))
    other = install("other.example")
    record_order(other, order(), at(1))
    say(Contact.objects.get(audience__installation=other), GIVEN, at(1))
    assert Wording.objects.filter(installation_id=ada.audience.installation_id).count() == 1
    assert Wording.objects.count() == 2


def test_the_same_event_twice_is_one_row(ada: Contact) -> None:
    assert say(ada, GIVEN, at(2)) == say(ada, GIVEN, at(2))
    assert Consent.objects.count() == 1


SAID: list[tuple[list[tuple[str, int, dict[str, Any]]], str]] = [
    ([(GIVEN, 1, {})], "confirmed"),
    ([(GIVEN, 1, {"needs_confirmation": True})], "pending"),
    ([(GIVEN, 1, {"needs_confirmation": True}), (CONFIRMED, 2, {})], "confirmed"),
    ([(GIVEN, 1, {}), (WITHDRAWN, 2, {})], "withdrawn"),
    ([(GIVEN, 2, {}), (WITHDRAWN, 2, {})], "withdrawn"),
    ([(GIVEN, 3, {}), (WITHDRAWN, 2, {})], "confirmed"),
    ([(GIVEN, 1, {}), (GIVEN, 2, {"needs_confirmation": True})], "confirmed"),
    ([(WITHDRAWN, 1, {}), (GIVEN, 2, {"needs_confirmation": True})], "withdrawn"),
    ([(WITHDRAWN, 1, {}), (GIVEN, 2, {"needs_confirmation": True}), (CONFIRMED, 3, {})], "confirmed"),
    ([(GIVEN, 1, {"needs_confirmation": True}), (CONFIRMED, 2, {}), (WITHDRAWN, 2, {})], "withdrawn"),
    ([(GIVEN, 1, {}), (WITHDRAWN, 2, {}), (GIVEN, 3, {}), (WITHDRAWN, 4, {})], "withdrawn"),
    ([(GIVEN, 1, {"basis": "soft_opt_in"})], "unknown"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("said", "expected"), SAID)
def test_the_latest_event_counts_in_any_order_of_arrival(
    said: list[tuple[str, int, dict[str, Any]]], expected: str
) -> None:
    for number, arrival in enumerate(permutations(said)):
        shop = install(f"shop-{number}.example")
        record_order(shop, order(), at(0))
        contact = Contact.objects.get(audience__installation=shop)
        for kind, step, known in [*arrival, *arrival]:
            say(contact, kind, at(step), **known)
        assert Contact.objects.get(pk=contact.pk).consent == expected
        assert contact.consents.count() == len(said)


def test_unsubscribing_again_counts_against_consent_that_arrives_later(ada: Contact) -> None:
    for step in (0, 60, 7200, 7260):
        choices.withdraw(ada, at=at(step))
    assert [each.at for each in ada.consents.order_by("at")] == [at(0), at(7200)]
    say(ada, GIVEN, at(3600))
    assert Contact.objects.get().status == "unsubscribed"


def test_soft_opt_in_makes_no_subscriber_and_ends_with_a_refusal(ada: Contact) -> None:
    say(ada, GIVEN, at(2), basis=Consent.Basis.SOFT_OPT_IN)
    contact = Contact.objects.get()
    assert (contact.status, contact.lawful_basis) == ("nonsubscribed", "soft_opt_in")
    say(ada, WITHDRAWN, at(3))
    contact = Contact.objects.get()
    assert (contact.status, contact.lawful_basis) == ("unsubscribed", "none")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"at": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))}, "consent_at"),
        ({"wording": ""}, "consent_without_wording"),
        ({"wording": " \n"}, "consent_without_wording"),
        ({"wording": "x" * 10_001}, "consent_wording_too_long"),
        ({"ip": "300.1.1.1"}, "consent_ip"),
    ],
)
def test_what_proves_nothing_is_refused_and_leaves_nothing(
    ada: Contact, change: dict[str, Any], code: str
) -> None:
    fields: dict[str, Any] = {"kind": GIVEN, "at": at(1), "source": "import", "wording": "Yes."}
    event = ConsentEvent(**fields | change)
    with pytest.raises(Rejected) as refused:
        ledger.record(ada, event)
    assert refused.value.code == code
    assert (Consent.objects.count(), Wording.objects.count()) == (0, 0)
    assert Contact.objects.get().consent == "unknown"


@pytest.mark.parametrize("ahead", [timedelta(minutes=2), timedelta(days=365_000)])
def test_an_event_from_the_future_counts_from_its_receipt(ada: Contact, ahead: timedelta) -> None:
    said = now() + ahead
    written = say(ada, GIVEN, said)
    assert written.at <= now()
    assert say(ada, GIVEN, said) == written
    say(ada, WITHDRAWN, now())
    assert (Contact.objects.get().status, Consent.objects.count()) == ("unsubscribed", 2)


# Events that the mailbox's owner did not cause

GUESTS: dict[str, Any] = {"source": Consent.Source.CHECKOUT, "is_proven": False}


@pytest.mark.parametrize(
    "source",
    [Consent.Source.STOREFRONT, Consent.Source.STAFF, Consent.Source.IMPORT, Consent.Source.MAILCHIMP],
)
def test_only_the_mailboxs_owner_can_end_a_withdrawal(ada: Contact, source: str) -> None:
    say(ada, WITHDRAWN, at(2), source=source, is_proven=False)
    say(ada, GIVEN, at(3), source=source, is_proven=False)
    say(ada, GIVEN, at(3), reference="order 2", **GUESTS)
    assert Contact.objects.get().status == "unsubscribed"
    say(ada, GIVEN, at(4), source=Consent.Source.ACCOUNT)
    assert Contact.objects.get().status == "subscribed"


def test_a_guests_checkout_withdraws_only_what_it_gave(ada: Contact) -> None:
    say(ada, GIVEN, at(2), reference="order 1", **GUESTS)
    say(ada, WITHDRAWN, at(3), reference="order 2", **GUESTS)
    assert Contact.objects.get().status == "subscribed"
    say(ada, WITHDRAWN, at(4), reference="order 1", **GUESTS)
    assert Contact.objects.get().status == "nonsubscribed"


def test_a_guests_order_stays_one_when_saleor_assigns_it_to_an_account(ada: Contact) -> None:
    account: dict[str, Any] = {"source": Consent.Source.CHECKOUT, "reference": "order 1"}
    for number, arrival in enumerate(permutations([GUESTS | account, account])):
        say(ada, WITHDRAWN, at(2 + 10 * number))
        for known in arrival:
            say(ada, GIVEN, at(3 + 10 * number), **known)
        assert Contact.objects.get().status == "unsubscribed"
