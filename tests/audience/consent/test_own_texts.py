"""The audience's own text: when it was entered, and to which one a consent without a wording refers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation

from saleor_stripe_audience.audience.consent import ledger, wordings
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.audiences import change_audience, lock_shop, settings_of
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.shops.models import Installation

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def audience(shop: Installation) -> Audience:
    lock_shop(shop)
    Audience.objects.update(created_at=LONG_AGO)
    return Audience.objects.get()


def enter(audience: Audience, text: str) -> Audience:
    return change_audience(audience, replace(settings_of(audience), consent_text=text))


def test_a_text_is_in_use_since_it_was_entered(audience: Audience) -> None:
    begin = timezone.now()
    audience = enter(audience, "First")
    [first] = wordings.versions_of(audience)
    assert first.since >= begin
    audience = enter(audience, "Second")
    second, former = wordings.versions_of(audience)
    assert (former.text, former.since, former.until) == ("First", first.since, second.since)


def test_the_time_without_a_text_belongs_to_none(audience: Audience) -> None:
    enter(audience, "First")
    enter(audience, "")
    audience = enter(audience, "Second")
    second, first = wordings.versions_of(audience)
    assert first.until is not None
    assert second.since > first.until


def test_entering_the_same_text_again_changes_nothing(audience: Audience) -> None:
    before = wordings.versions_of(enter(audience, "First"))
    assert wordings.versions_of(enter(audience, " First ")) == before


def test_a_consent_refers_to_the_text_of_its_time_or_else_to_the_next(audience: Audience) -> None:
    for text in ("First", "", "Third"):
        audience = enter(audience, text)
    third, first = wordings.versions_of(audience)
    assert first.until is not None
    moments = [LONG_AGO, first.since, first.until, third.since, timezone.now() + timedelta(days=1)]
    found = [wordings.own_text(audience, each) for each in moments]
    assert found == ["First", "First", "Third", "Third", "Third"]


@pytest.mark.parametrize(
    ("language", "sent", "shown"),
    [
        ("fr", "", "Oui, en français"),
        ("en", "", "Yes, in general"),
        ("fr", "Yes, in general", "Yes, in general"),
    ],
)
def test_what_is_confirmed_is_in_the_language_of_the_email(
    audience: Audience, language: str, sent: str, shown: str
) -> None:
    """Unless it is known which text the person saw."""
    audience = enter(audience, "Yes, in general")
    wordings.change_own_text(audience, "Oui, en français", "fr")
    ada = audience.contacts.create(email="ada@shop.example", language=language)
    proof = wordings.proof_of(audience, sent, timezone.now())
    event = ledger.ConsentEvent(
        kind=Consent.Kind.GIVEN,
        at=timezone.now(),
        source=Consent.Source.CHECKOUT,
        wording=proof.text,
        wording_origin=proof.origin,
        needs_confirmation=True,
    )
    ledger.record(ada, event)
    with translation.override(language):
        assert wordings.text_to_confirm(Consent.objects.get()) == shown
