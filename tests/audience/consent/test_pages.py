"""The pages behind the links in emails: no scripts, no cookies, and nothing without a link."""

import io
import logging
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
from django.core import signing
from django.test import Client
from django.utils import translation

from saleor_stripe_audience.audience.consent import links, wordings
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, change_audience
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.signup import pages
from saleor_stripe_audience.commands import rotate_keys
from saleor_stripe_audience.logs import logging_settings
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, member, order, say
from tests.audience.records import record_customer, record_order

NEW = "ada.new@shop.example"


@pytest.fixture
def ada(shop: Installation) -> Contact:
    record_order(shop, order(), at(1))
    change_audience(Audience.objects.get(), AudienceSettings("Ada's <b>Shop", consent_text="Yes, <i>news!"))
    return Contact.objects.select_related("audience").get()


def preferences(contact: Contact) -> str:
    return urlsplit(links.preferences_url(contact)).path


def one_click(contact: Contact) -> str:
    return urlsplit(links.unsubscribe_url(contact)).path


def test_subscribing_and_unsubscribing_are_equally_easy(ada: Contact, client: Client) -> None:
    page = client.get(preferences(ada)).content.decode()
    assert "not subscribed" in page
    assert "Yes, &lt;i&gt;news!" in page
    assert "Ada&#x27;s &lt;b&gt;Shop" in page

    client.post(preferences(ada), {"choice": "subscribe"}, REMOTE_ADDR="203.0.113.4")
    given = Consent.objects.get()
    assert (given.kind, given.source, given.ip, given.needs_confirmation) == (
        "given",
        "mail",
        "203.0.113.4",
        False,
    )
    assert given.wording is not None
    assert given.wording.text == "Yes, <i>news!"
    assert Contact.objects.get().status == "subscribed"

    client.post(preferences(ada), {"choice": "unsubscribe"})
    client.post(preferences(ada), {"choice": "unsubscribe"})
    assert Contact.objects.get().status == "unsubscribed"
    assert Consent.objects.count() == 2


def test_opening_a_page_changes_nothing(ada: Contact, client: Client) -> None:
    for path in (preferences(ada), one_click(ada)):
        assert client.get(path).status_code == client.head(path).status_code == 200
    assert Consent.objects.count() == 0


def test_the_page_masks_the_address_and_is_not_cached(ada: Contact, client: Client) -> None:
    answer = client.get(preferences(ada))
    page = answer.content.decode()
    assert "a…@shop.example" in page
    assert "ada@shop.example" not in page
    assert "<script" not in page
    assert not answer.cookies
    assert "no-store" in answer["Cache-Control"]
    assert (answer["Referrer-Policy"], answer["X-Robots-Tag"]) == ("no-referrer", "noindex")
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


def test_the_page_speaks_french(ada: Contact, client: Client) -> None:
    Contact.objects.update(language="fr-fr")
    assert "n'est pas inscrite" in client.get(preferences(ada)).content.decode()


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        ("fr", "Oui, volontiers."),
        ("fr-ca", "Oui, icitte."),
        ("fr-be", "Oui, volontiers."),
        ("en", "Yes, <i>news!"),
    ],
)
def test_a_text_is_offered_in_the_readers_language(ada: Contact, reader: str, text: str) -> None:
    for language, own in (
        ("fr", "Oui."),
        ("fr-ca", "Oui, icitte."),
        ("fr", "Oui, volontiers."),
        ("de", "Ja."),
    ):
        wordings.change_own_text(ada.audience, own, language)
    with translation.override(reader):
        assert wordings.offered_text(ada.audience) == text


def test_a_consent_to_a_text_in_ones_language_proves_it(ada: Contact, client: Client) -> None:
    wordings.change_own_text(ada.audience, "Oui.", "fr")
    wordings.change_own_text(ada.audience, "Oui, volontiers.", "fr")
    Contact.objects.filter(pk=ada.pk).update(language="fr")
    assert "Oui, volontiers." in client.get(preferences(ada)).content.decode()
    client.post(preferences(ada), {"choice": "subscribe"})
    wording = Consent.objects.get().wording
    assert wording is not None
    assert wording.text == "Oui, volontiers."
    assert all(
        wordings.is_known(ada.audience, each) for each in ("Oui.", "Oui, volontiers.", "Yes, <i>news!")
    )


def test_every_sentence_has_its_french() -> None:
    package = Path(pages.__file__).parents[1]
    said = {
        sentence
        for path in (package / "templates/audience").iterdir()
        for found in re.findall(
            r'{% translate "([^"]+)" %}|{% blocktranslate trimmed %}(.+?){% endb', path.read_text()
        )
        for sentence in found
        if sentence
    }
    said |= {
        sentence
        for name in ("signup/pages.py", "consent/mail.py", "consent/wordings.py")
        for sentence in re.findall(r'\b_\(\s*"([^"]+)"', (package / name).read_text())
    }
    assert len(said) > 20
    with translation.override("fr"):
        for sentence in said:
            asked = re.sub(r"{{ (\w+) }}", r"%(\1)s", sentence)
            assert translation.gettext(asked) != asked, asked


def test_an_unknown_choice_changes_nothing(ada: Contact, client: Client) -> None:
    for choice in ("", "erase", "subscribe'"):
        assert client.post(preferences(ada), {"choice": choice}).status_code == 400
    assert Consent.objects.count() == 0


@pytest.mark.parametrize("page", ["preferences", "unsubscribe", "confirm"])
def test_a_forged_link_shows_and_changes_nothing(ada: Contact, client: Client, page: str) -> None:
    say(ada, "given", at(2))
    dumped = signing.dumps(str(ada.pk), salt="another purpose")
    signed = signing.Signer(salt="audience.preferences").sign(ada.pk.hex)
    real = preferences(ada).rpartition("/")[2]
    other_tag = real.replace(real[33:45], "A" * 12)
    for token in ("x", str(ada.pk), dumped, signed, real[:-1], real + "A", other_tag, f"{real}:{real}"):
        path = f"/audience/{page}/{token}"
        assert client.get(path).status_code == client.post(path, {"choice": "unsubscribe"}).status_code == 404
    assert Contact.objects.get().status == "subscribed"


def test_links_of_an_old_mail_work_after_every_merge(
    shop: Installation, ada: Contact, client: Client
) -> None:
    record_customer(shop, member(7, NEW), at(2))
    links_of_all = [one_click(each) for each in Contact.objects.all()]
    for number in (3, 4):
        address = f"guest-{number}@shop.example"
        record_order(shop, order(str(number), email=address), at(number))
        links_of_all.append(one_click(Contact.objects.get(email=address)))
        record_customer(shop, member(7, address), at(10 + number))
    record_customer(shop, member(7, "ada@shop.example"), at(20))
    assert len(set(links_of_all)) == 4
    contact = Contact.objects.get()
    assert {links.contact_of_link(path.rpartition("/")[2]) for path in links_of_all} == {contact}
    say(contact, "given", at(30))
    client.post(links_of_all[2])
    assert Contact.objects.get().status == "unsubscribed"


def old_links(contact: Contact) -> list[str]:
    """Return links with a token of earlier versions: the id and its signature."""
    secret = contact.audience.installation.audience_secret.secret
    token = signing.Signer(key=secret, salt="audience.preferences").sign(contact.pk.hex)
    return [f"/audience/preferences/{token}", f"/audience/unsubscribe/{token}"]


def test_a_link_to_a_former_mailbox_only_unsubscribes(
    shop: Installation, ada: Contact, client: Client
) -> None:
    record_customer(shop, member(7), at(1))
    path = preferences(Contact.objects.get())
    record_customer(shop, member(7, NEW), at(2))
    say(Contact.objects.get(), "withdrawn", at(3))
    page = client.get(path).content.decode()
    assert "shop.example" not in page
    assert client.post(path, {"choice": "subscribe"}).status_code == 400
    assert Contact.objects.get().status == "unsubscribed"
    say(Contact.objects.get(), "given", at(4))
    answer = client.post(path, {"choice": "unsubscribe"})
    assert Contact.objects.get().status == "unsubscribed"
    assert "/audience/preferences/" not in answer.content.decode()


def test_renewed_links_stay_renewed_after_a_merge(shop: Installation, ada: Contact) -> None:
    stolen = links.preferences_url(ada).rstrip("/").rpartition("/")[2]
    links.renew(ada)
    renewed = links.preferences_url(ada).rstrip("/").rpartition("/")[2]
    record_customer(shop, member(7, NEW), at(2))
    record_customer(shop, member(7, ada.email), at(3))
    assert [links.link_of(each).is_current for each in (stolen, renewed)] == [False, True]  # type: ignore[union-attr]


def test_renewed_links_leave_the_old_ones_only_to_unsubscribe(ada: Contact, client: Client) -> None:
    former = [preferences(ada), *old_links(ada)]
    assert "a…@shop.example" in client.get(former[1]).content.decode()
    links.renew(ada)
    assert client.post(preferences(ada), {"choice": "subscribe"}).status_code == 200
    for path in former[:2]:
        assert "a…@shop.example" not in client.get(path).content.decode()
        assert client.post(path, {"choice": "subscribe"}).status_code == 400
    client.post(former[2])
    assert Contact.objects.get().status == "unsubscribed"


def test_links_of_earlier_versions_work(ada: Contact, client: Client) -> None:
    links.preferences_url(ada)  # creates the shop's secret
    page, one = old_links(ada)
    client.post(page, {"choice": "subscribe"})
    assert Contact.objects.get().status == "subscribed"
    client.post(one)
    assert Contact.objects.get().status == "unsubscribed"


def test_a_forged_link_reveals_nothing_about_contacts(ada: Contact, client: Client) -> None:
    links.preferences_url(ada)
    for head in (ada.pk.hex, "0" * 32, "zz"):
        assert client.get(f"/audience/preferences/{head}:x").status_code == 404


@pytest.mark.parametrize("status", [400, 404, 405])
def test_no_link_is_logged(ada: Contact, client: Client, status: int) -> None:
    path = preferences(ada)
    token = path.rpartition("/")[2]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    form = logging_settings("DEBUG")["formatters"]["json"]
    shared, final = form["foreign_pre_chain"], form["processors"]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    logging.getLogger("django.request").addHandler(handler)
    try:
        answers = {400: lambda: client.post(path, {"choice": "odd"}), 405: lambda: client.put(path),
                   404: lambda: client.get(path + "x")}  # fmt: skip
        assert answers[status]().status_code == status
    finally:
        logging.getLogger("django.request").removeHandler(handler)
    assert "/audience/preferences/" in stream.getvalue()
    assert token[:20] not in stream.getvalue()


def test_links_of_an_old_mail_work_after_the_apps_key_was_changed(
    ada: Contact, client: Client, settings: Any
) -> None:
    path = one_click(ada)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another long random text"
    rotate_keys.run([])
    settings.SECRET_KEY_FALLBACKS = []
    assert client.post(path).status_code == 200
    assert Contact.objects.get().status == "unsubscribed"


def test_an_erased_person_sees_that_nothing_is_stored(
    shop: Installation, ada: Contact, client: Client
) -> None:
    paths = [preferences(ada), one_click(ada)]
    erasure.erase(shop, "ada@shop.example")
    for path in paths:
        answer = client.post(path, {"choice": "subscribe"})
        assert answer.status_code == 200
        assert "We store nothing about you" in answer.content.decode()
    assert Contact.objects.count() == 0


def test_only_get_and_post_are_allowed(ada: Contact, client: Client) -> None:
    assert client.put(preferences(ada)).status_code == client.delete(one_click(ada)).status_code == 405
