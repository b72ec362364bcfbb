"""The operator's commands about consent."""

import json
from dataclasses import replace

import pytest

from saleor_stripe_audience.audience.consent import links
from saleor_stripe_audience.audience.people.audiences import (
    AudienceSettings,
    change_audience,
    create_audience,
    settings_of,
)
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.signup.metadata import report_problem
from saleor_stripe_audience.commands import audience, renew_links
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation, Problem
from tests.audience.histories import at, order
from tests.audience.records import record_order


@pytest.fixture
def ada(shop: Installation) -> Contact:
    record_order(shop, order(), at(1))
    return Contact.objects.select_related("audience__installation").get()


def test_an_audience_is_changed_where_it_is_named(
    shop: Installation, ada: Contact, capsys: pytest.CaptureFixture[str]
) -> None:
    url = ["--saleor-api-url", shop.saleor_api_url]
    report_problem(shop, "checkout", Rejected("", code="consent_without_wording"))
    audience.run(
        [*url, "--consent-text", "Yes.", "--sender-name", "Tea House", "--consent-key", "newsletter"]
    )
    audience.run(
        [*url, "--add-wording", "Yes, please.", "--add-wording", "Yes, please.", "--consent-text", "Oui."]
    )
    assert not Problem.objects.exists()
    output = json.loads(capsys.readouterr().out.rpartition("\n{")[2].join(["{", ""]))
    assert output["known_wordings"] == ["Oui.", "Yes.", "Yes, please."]
    assert (output["sender_name"], output["consent_keys"]) == ("Tea House", ["newsletter"])
    for odd in (["--consent-key", ""], ["--sender-name", "a\nb"], ["--add-wording", " "]):
        with pytest.raises(Rejected):
            audience.run([*url, *odd])


def test_what_is_not_named_stays_and_a_language_has_its_text(
    shop: Installation, ada: Contact, capsys: pytest.CaptureFixture[str]
) -> None:
    url = ["--saleor-api-url", shop.saleor_api_url]
    change_audience(
        ada.audience, replace(settings_of(ada.audience), attribute_keys=["tier"], ads_to_buyers=True)
    )
    audience.run([*url, "--text-in", "fr", "Oui.", "--text-in", "", "Yes."])
    output = json.loads(capsys.readouterr().out)
    assert (output["text_in"], output["consent_text"]) == ({"fr": "Oui."}, "Yes.")
    ada.audience.refresh_from_db()
    assert (ada.audience.attribute_keys, ada.audience.ads_to_buyers) == (["tier"], True)


def test_an_audience_is_deleted_by_name(shop: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    url = ["--saleor-api-url", shop.saleor_api_url]
    create_audience(shop, AudienceSettings("News"))
    audience.run([*url, "--audience", "News", "--delete"])
    assert json.loads(capsys.readouterr().out) == {"deleted": "News"}
    with pytest.raises(Rejected, match="default"):
        audience.run([*url, "--delete"])


def test_links_are_renewed_by_address(
    shop: Installation, ada: Contact, capsys: pytest.CaptureFixture[str]
) -> None:
    former = links.preferences_url(ada)
    renew_links.run(["--saleor-api-url", shop.saleor_api_url, "--email", "ADA@shop.example"])
    found = links.link_of(former.rpartition("/")[2])
    assert found is not None
    assert not found.is_current
    with pytest.raises(Rejected, match="no contact"):
        renew_links.run(["--saleor-api-url", shop.saleor_api_url, "--email", "x@shop.example"])
