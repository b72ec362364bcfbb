"""A choice about marketing that staff record for a contact: with proof, and never overriding an unsubscription."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import ConfirmationMail, Consent
from saleor_stripe_audience.audience.people.models import Audience, Contact
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import NOON, a_contact
from tests.dashboard.test_contacts import ask, post

GIVEN = {
    "kind": "given",
    "where": "Paper form in Lyon",
    "wording": "Send me <b>news</b>.",
    "given_at": "2026-11-20T10:30",
    "given_at_utc": "2026-11-20T09:30:00.000Z",
}
WITHDRAWN = GIVEN | {"kind": "withdrawn", "where": "By telephone", "wording": ""}


def record(client: Client, shop: Shop, contact: Contact, fields: dict[str, Any]) -> tuple[int, str]:
    return post(client, shop, f"contacts/{contact.pk}/consent", **fields)


def test_a_consent_is_recorded_once_with_its_proof(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    Audience.objects.update(consent_text="The audience's own words.")
    assert 'id="record-consent"' in ask(client, shop, f"contacts/{ada.pk}")
    assert "The audience&#x27;s own words.</textarea>" in ask(client, shop, f"contacts/{ada.pk}/consent")
    for _ in range(2):
        status, text = record(client, shop, ada, GIVEN)
        assert (status, "Recorded. The contact is subscribed." in text) == (200, True)
        assert f'data-address="/dashboard/contacts/{ada.pk}"' in text
    [consent] = ada.consents.select_related("wording")
    assert (consent.kind, consent.source, consent.source_detail, consent.actor) == (
        Consent.Kind.GIVEN,
        Consent.Source.STAFF,
        "Paper form in Lyon",
        "VXNlcjox",
    )
    assert consent.wording is not None
    assert consent.wording.text == "Send me <b>news</b>."
    assert consent.at.isoformat() == "2026-11-20T09:30:00+00:00"
    assert Contact.objects.get().status == "subscribed"
    page = ask(client, shop, f"contacts/{ada.pk}")
    for part in ("“Send me &lt;b&gt;news&lt;/b&gt;.”", "Paper form in Lyon", "Recorded by you"):
        assert part in page
    assert "recorded by staff" not in page, "it is said once"
    assert "data-address" not in page


def test_a_refusal_is_recorded_without_words_and_reaches_all_audiences(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    other = Audience.objects.create(installation=shop.installation, name="Wholesale")
    again = Contact.objects.create(audience=other, email=ada.email)
    for _ in range(2):
        status, text = record(client, shop, ada, WITHDRAWN)
        assert (status, "Recorded. The person is unsubscribed from all audiences." in text) == (200, True)
    for contact in (ada, again):
        contact.refresh_from_db()
        assert contact.status == "unsubscribed"
    [consent] = ada.consents.all()
    assert (consent.kind, consent.wording, consent.source_detail) == ("withdrawn", None, "By telephone")


@pytest.mark.parametrize("refused", ["unsubscribed", "complained"])
def test_a_consent_never_ends_an_unsubscription(
    shop: Shop, client: Client, settings: Settings, refused: str
) -> None:
    settings.EMAIL_CONFIGURED = True
    ada = a_contact(shop.installation)
    if refused == "unsubscribed":
        earlier = NOON - timedelta(days=30)
        ledger.record(ada, ConsentEvent(Consent.Kind.WITHDRAWN, earlier, Consent.Source.STOREFRONT))
    else:
        Contact.objects.update(deliverability="complained")
    form = ask(client, shop, f"contacts/{ada.pk}/consent")
    assert "only the person can subscribe again: if it is less than a day old" in form
    fresh = timezone.now() - timedelta(minutes=5)
    status, text = record(client, shop, ada, GIVEN | {"given_at_utc": fresh.isoformat()})
    assert (status, "so only the person can subscribe again." in text) == (200, True)
    assert Contact.objects.get().status == "unsubscribed"
    assert ada.consents.filter(kind="given", source_detail="Paper form in Lyon").count() == 1
    assert ConfirmationMail.objects.exists() == (refused == "unsubscribed")


def test_double_opt_in_and_other_states_are_said(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    Audience.objects.update(double_opt_in=True)
    assert "This audience uses double opt-in" in ask(client, shop, f"contacts/{ada.pk}/consent")
    assert "once the person confirms it by email" in record(client, shop, ada, GIVEN)[1]
    assert Contact.objects.get().status == "pending"
    Contact.objects.update(lifecycle="archived")
    later = GIVEN | {"given_at_utc": "2026-11-21T09:30:00Z"}
    assert "Recorded. The status remains “Archived”." in record(client, shop, ada, later)[1]


def test_an_earlier_refusal_does_not_end_a_later_consent(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    proven = ConsentEvent(
        Consent.Kind.GIVEN, NOON, Consent.Source.CHECKOUT, wording="Send me news.", is_proven=True
    )
    ledger.record(ada, proven)
    assert "so the contact remains subscribed" in record(client, shop, ada, WITHDRAWN)[1]
    assert Contact.objects.get().status == "subscribed"


@pytest.mark.parametrize(
    ("fields", "said", "wrong"),
    [
        (GIVEN | {"kind": ""}, "Choose whether the person agreed or refused.", "kind"),
        (GIVEN | {"kind": "confirmed"}, "Choose whether the person agreed or refused.", "kind"),
        (GIVEN | {"where": " "}, "how and where the person agreed", "where"),
        (WITHDRAWN | {"where": "x" * 129}, "how and where this was said", "where"),
        (GIVEN | {"where": "a\0b"}, "how and where the person agreed", "where"),
        (GIVEN | {"wording": ""}, "Enter the wording", "wording"),
        (GIVEN | {"wording": "x" * 10_001}, "is longer than 10000 characters", "wording"),
        (GIVEN | {"given_at": ""}, "Enter when the person agreed", "given_at"),
        (WITHDRAWN | {"given_at_utc": "2999-01-01T00:00:00Z"}, "Enter when this was said", "given_at"),
    ],
)
def test_a_choice_without_proof_is_refused_beside_its_field(
    shop: Shop, client: Client, fields: dict[str, str], said: str, wrong: str
) -> None:
    ada = a_contact(shop.installation)
    status, text = record(client, shop, ada, fields)
    assert (status, said in text) == (422, True)
    [marked] = [each for each in text.split("<") if "data-focus" in each]
    assert f'name="{wrong}"' in marked
    assert "aria-invalid" in marked
    if wrong not in ("where", "kind"):
        assert 'value="Paper form in Lyon"' in text or 'value="By telephone"' in text
    assert not Consent.objects.exists()
    assert Contact.objects.get().status == "nonsubscribed"


def test_the_form_and_its_answers_are_in_french(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    headers = shop.headers() | {"Accept-Language": "fr"}
    path = f"/dashboard/contacts/{ada.pk}/consent"
    form = client.get(path, headers=headers).content.decode()
    for expected in ("Enregistrer un consentement", "Comment et où la personne l'a dit"):
        assert expected in form, expected
    refused = client.post(path, {"kind": "withdrawn"}, headers=headers).content.decode()
    assert "comment et où la personne l&#x27;a dit" in refused
    assert (
        "désabonnée de toutes les audiences" in client.post(path, WITHDRAWN, headers=headers).content.decode()
    )


def test_nobody_records_for_another_shops_contact_or_without_permission(shop: Shop, client: Client) -> None:
    foreign = a_contact(make_shop("https://other.example.com/graphql/").installation)
    for path in (f"contacts/{foreign.pk}/consent", f"contacts/{uuid.uuid4()}/consent"):
        assert client.get(f"/dashboard/{path}", headers=shop.headers()).status_code == 404
        assert post(client, shop, path, **GIVEN)[0] == 404
    own = a_contact(shop.installation)
    headers = shop.headers(user_permissions=["MANAGE_APPS", "HANDLE_PAYMENTS"])
    answer = client.post(f"/dashboard/contacts/{own.pk}/consent", GIVEN, headers=headers)
    assert answer.status_code == 403
    assert not Consent.objects.exists()
