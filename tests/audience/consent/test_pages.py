"""The pages behind the links in mails: no script, no cookie, and nothing for who holds no link."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.test import Client
from django.utils import translation

from saleor_stripe_audience.audience import erasure, links, pages
from saleor_stripe_audience.audience.audiences import Wishes, change_audience
from saleor_stripe_audience.audience.contacts import record_customer
from saleor_stripe_audience.audience.models import Audience, Consent, Contact
from saleor_stripe_audience.audience.purchases import record_order
from saleor_stripe_audience.commands import rotate_keys
from saleor_stripe_audience.saleor.models import Installation
from tests.audience.histories import account, at, order, say

NEW = "ada.new@shop.example"


@pytest.fixture
def ada(shop: Installation) -> Contact:
    record_order(shop, order(), at(1))
    change_audience(Audience.objects.get(), Wishes("Ada's <b>Shop", consent_text="Yes, <i>news!"))
    return Contact.objects.select_related("audience").get()


def preferences(contact: Contact) -> str:
    return urlsplit(links.preferences_url(contact)).path


def one_click(contact: Contact) -> str:
    return urlsplit(links.unsubscribe_url(contact)).path


def test_one_subscribes_and_unsubscribes_as_easily(ada: Contact, client: Client) -> None:
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


def test_looking_changes_nothing(ada: Contact, client: Client) -> None:
    for path in (preferences(ada), one_click(ada)):
        assert client.get(path).status_code == client.head(path).status_code == 200
    assert Consent.objects.count() == 0


def test_the_page_shows_no_whole_address_and_is_kept_by_nobody(ada: Contact, client: Client) -> None:
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


def test_every_sentence_has_its_french() -> None:
    package = Path(pages.__file__).parent
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
        for name in ("pages.py", "mail.py")
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
    for token in ("x", str(ada.pk), dumped, signed, preferences(ada).rpartition("/")[2][:-1]):
        path = f"/audience/{page}/{token}"
        assert client.get(path).status_code == client.post(path, {"choice": "unsubscribe"}).status_code == 404
    assert Contact.objects.get().status == "subscribed"


def test_links_of_an_old_mail_work_after_every_merge(
    shop: Installation, ada: Contact, client: Client
) -> None:
    record_customer(shop, account(7, NEW), at(2))
    links_of_all = [one_click(each) for each in Contact.objects.all()]
    for number in (3, 4):
        address = f"guest-{number}@shop.example"
        record_order(shop, order(str(number), email=address), at(number))
        links_of_all.append(one_click(Contact.objects.get(email=address)))
        record_customer(shop, account(7, address), at(10 + number))
    record_customer(shop, account(7, "ada@shop.example"), at(20))
    assert len(set(links_of_all)) == 4
    contact = Contact.objects.get()
    assert {links.contact_of_link(path.rpartition("/")[2]) for path in links_of_all} == {contact}
    say(contact, "given", at(30))
    client.post(links_of_all[2])
    assert Contact.objects.get().status == "unsubscribed"


def test_links_of_an_old_mail_work_after_the_apps_key_was_changed(
    ada: Contact, client: Client, settings: Any
) -> None:
    path = one_click(ada)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another long random text"
    rotate_keys.run([])
    settings.SECRET_KEY_FALLBACKS = []
    assert client.post(path).status_code == 200
    assert Contact.objects.get().status == "unsubscribed"


def test_who_was_erased_is_told_that_nothing_is_held(
    shop: Installation, ada: Contact, client: Client
) -> None:
    paths = [preferences(ada), one_click(ada)]
    erasure.erase(shop, "ada@shop.example")
    for path in paths:
        answer = client.post(path, {"choice": "subscribe"})
        assert answer.status_code == 200
        assert "We hold nothing about you" in answer.content.decode()
    assert Contact.objects.count() == 0


def test_only_reading_and_posting_is_understood(ada: Contact, client: Client) -> None:
    assert client.put(preferences(ada)).status_code == client.delete(one_click(ada)).status_code == 405
