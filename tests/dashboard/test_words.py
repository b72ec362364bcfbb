"""Staff never see a code: every value that the page shows has words, in each language."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

import saleor_stripe_audience.sandbox
from saleor_stripe_audience.api.enums import PaymentStatus
from saleor_stripe_audience.api_keys.scopes import EVERYTHING
from saleor_stripe_audience.audience.consent.deliveries.event_types import Kind as Report
from saleor_stripe_audience.audience.consent.deliveries.record import record
from saleor_stripe_audience.audience.consent.deliveries.services import SERVICES
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.ledger import record as record_consent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import Purpose
from saleor_stripe_audience.audience.shopping import models as shopping
from saleor_stripe_audience.audience.shopping.carts import CartState
from saleor_stripe_audience.audience.timeline import Kind
from saleor_stripe_audience.audience.transfer.formats import TakenAs
from saleor_stripe_audience.catalog import comparing
from saleor_stripe_audience.catalog.models import CatalogProduct, Difference
from saleor_stripe_audience.dashboard import (
    activity,
    consent_words,
    contact,
    contact_carts,
    contact_orders,
    contact_rows,
    event_names,
    history,
    import_columns,
    keys,
    payments,
    product_refresh,
    products,
)
from saleor_stripe_audience.event_handlers import EVENT_HANDLERS
from saleor_stripe_audience.jobs.models import Job
from tests.dashboard.conftest import Shop
from tests.dashboard.rows import NOON, a_contact

SCHEMA = Path(saleor_stripe_audience.sandbox.__file__).parent / "saleor" / "schema.graphql"
SAME = {"Description", "Images", "Note", "URL"}  # in both languages


def saleors(enum: str) -> list[str]:
    """Return the values of one of Saleor's enums."""
    [values] = re.findall(rf"enum {enum} \{{([^}}]+)\}}", SCHEMA.read_text())
    return [each.split()[0] for each in values.strip().splitlines()]


WORDS: dict[str, tuple[Mapping[Any, Any], Iterable[Any]]] = {
    "contact's status": (contact_rows.CONTACT_BADGES, Contact.Status),
    "purpose": (contact.PURPOSES, Purpose),
    "entry of a contact's timeline": (contact.HAPPENED, Kind),
    "consent": (consent_words.CHOICES, Consent.Kind),
    "source of consent": (consent_words.SOURCES, Consent.Source),
    "report about an email": (consent_words.REPORTS, (Report.COMPLAINT, Report.UNSUBSCRIBE)),
    "order": (contact_orders.BADGES, [*shopping.NOT_SALES, *saleors("OrderChargeStatusEnum")]),
    "cart": (contact_carts.STATES, CartState),
    "job's kind": (activity.JOB_TITLES, Job.Kind),
    "job's state": (activity.JOB_BADGES, Job.State),
    "catalogue job's state": (products.JOB_STATES, Job.State),
    "product": (products.BADGES, [*CatalogProduct.State, products.DISCONNECTED]),
    "difference": (product_refresh.KINDS, Difference.Kind),
    "difference's field": (product_refresh.FIELDS, [*comparing.FIELDS, comparing.PRICE]),
    "event": (event_names.EVENT_NAMES, [*EVENT_HANDLERS["saleor"], *EVENT_HANDLERS["stripe"]]),
    "entry of Saleor's ledger": (history.TITLES, saleors("TransactionEventTypeEnum")),
    "kind of an import": (import_columns.KINDS, [each.value for each in TakenAs]),
    "key's scope": (keys.SCOPES, EVERYTHING),
}


@pytest.mark.parametrize("what", WORDS)
def test_every_value_has_words_in_both_languages(what: str) -> None:
    words, values = WORDS[what]
    for value in values:
        assert value in words, f"{value} of a {what} is shown as it is"
        found = words[value]
        text = found[1] if isinstance(found, tuple) else found
        with override("en"):
            english = str(text)
        with override("fr"):
            french = str(text)
        assert english != str(value)
        assert "_" not in english
        assert french != english or english in SAME, english


@pytest.mark.parametrize("status", PaymentStatus)
def test_every_status_of_a_payment_has_words(status: str) -> None:
    assert payments._BY_STATUS[status] in payments._BY_NAME


def test_every_email_service_has_its_own_name() -> None:
    assert consent_words.SERVICES.keys() == SERVICES.keys()


@pytest.mark.parametrize(
    ("source", "detail", "english", "french"),
    [
        ("checkout", "checkout_contact", "In the contact details", "Dans les coordonnées"),
        ("checkout", "checkout", "at the checkout", "au paiement"),
        ("checkout", "footer_form", "Footer form", "Footer form"),
        ("checkout", "Our page “Tea”", "Our page “Tea”", "Our page “Tea”"),
        ("mail", "one click", "unsubscribe button", "bouton de désabonnement"),
        ("mail", "preference page", "On the preference page", "Sur la page de préférences"),
    ],
)
def test_where_consent_came_from_is_in_words(
    shop: Shop, client: Client, source: str, detail: str, english: str, french: str
) -> None:
    made = a_contact(shop.installation)
    record_consent(made, ConsentEvent("withdrawn", NOON, source, source_detail=detail))
    for language, expected in (("en", english), ("fr", french)):
        text = shown(client, shop, made, language)
        assert expected in text
        assert "_" not in " ".join(re.findall(r'class="quiet">([^<]+)<', text))
        assert detail == expected or f">{detail}<" not in text


def test_what_an_email_service_reported_is_in_words(shop: Shop, client: Client) -> None:
    made = a_contact(shop.installation)
    record(shop.installation, Report.COMPLAINT, made.email, NOON, "amazon-ses")
    assert "Spam complaint, reported by Amazon SES" in shown(client, shop, made, "en")
    assert "Plainte pour spam, signalée par Amazon SES" in shown(client, shop, made, "fr")


def test_a_soft_opt_in_is_not_called_an_agreement(shop: Shop, client: Client) -> None:
    made = a_contact(shop.installation)
    soft = ConsentEvent("given", NOON, "checkout", wording="Similar tea.", basis=Consent.Basis.SOFT_OPT_IN)
    record_consent(made, soft)
    text = shown(client, shop, made, "en")
    assert "Did not refuse (soft opt-in)" in text
    assert "Agreed" not in text


def shown(client: Client, shop: Shop, made: Contact, language: str) -> str:
    answer = client.get(
        f"/dashboard/contacts/{made.pk}", headers=shop.headers() | {"Accept-Language": language}
    )
    return answer.content.decode()
