"""Double opt-in from the ticked box to the confirmed subscription, by the mail that is really sent."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone

from saleor_stripe_audience import mailers
from saleor_stripe_audience.audience import choices, confirmation, consent, links, mail
from saleor_stripe_audience.audience.audiences import Wishes, change_audience
from saleor_stripe_audience.audience.consent import Word
from saleor_stripe_audience.audience.models import Audience, ConfirmationMail, Consent, Contact
from saleor_stripe_audience.audience.purchases import record_order
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.saleor.models import Installation
from tests.audience.histories import at, order, say
from tests.conftest import Work

Mails = list[EmailMultiAlternatives]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mail_server")]


@pytest.fixture
def ada(shop: Installation) -> Contact:
    record_order(shop, order(), at(1))
    change_audience(
        Audience.objects.get(), Wishes("Ada's Shop", double_opt_in=True, consent_text="Yes, news!")
    )
    return Contact.objects.select_related("audience").get()


def tick(contact: Contact, ago: timedelta = timedelta(0)) -> Consent:
    word = Word(
        Consent.Kind.GIVEN,
        timezone.now() - ago,
        Consent.Source.STOREFRONT,
        wording="Yes, news!",
        needs_confirmation=True,
    )
    written = consent.record(contact, word)
    confirmation.ask_if_needed(contact, written)
    return written


def link(sent: EmailMultiAlternatives, part: str) -> str:
    found = re.search(rf"http://\S+/audience/{part}/\S+", str(sent.body))
    assert found
    return urlsplit(found[0]).path


def test_a_tick_is_asked_about_and_counts_once_confirmed(
    ada: Contact, worked: Work, mailoutbox: Mails, client: Client
) -> None:
    tick(ada)
    worked()
    [sent] = mailoutbox
    assert sent.to == ["ada@shop.example"]
    assert sent.from_email == "Ada's Shop <news@shop.example>"
    assert "Yes, news!" in str(sent.body)
    assert Contact.objects.get().status == "pending"

    asked = client.get(link(sent, "confirm"))
    assert asked.status_code == 200
    assert Contact.objects.get().status == "pending"  # programs that look through mails open every link

    client.post(link(sent, "confirm"), REMOTE_ADDR="203.0.113.4")
    client.post(link(sent, "confirm"))
    assert Contact.objects.get().status == "subscribed"
    confirmed = Consent.objects.get(kind="confirmed")
    assert (confirmed.source, confirmed.ip, confirmed.wording and confirmed.wording.text) == (
        "mail", "203.0.113.4", "Yes, news!",
    )  # fmt: skip


def test_every_mail_can_be_unsubscribed_from_with_one_click(
    ada: Contact, worked: Work, mailoutbox: Mails, client: Client
) -> None:
    tick(ada)
    worked()
    headers = mailoutbox[0].extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = urlsplit(headers["List-Unsubscribe"].strip("<>")).path
    answer = client.post(path, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert Contact.objects.get().status == "unsubscribed"


def test_a_mail_is_sent_once_however_often_its_task_runs(
    ada: Contact, worked: Work, mailoutbox: Mails
) -> None:
    tick(ada)
    worked()
    mail.send_confirmation(ConfirmationMail.objects.get().pk)
    mail.send_confirmation(123456)
    assert len(mailoutbox) == 1


def test_a_mailbox_is_not_flooded(ada: Contact, worked: Work, mailoutbox: Mails) -> None:
    for _ in range(20):
        tick(ada)
    worked()
    assert len(mailoutbox) == 1
    for _ in range(20):
        ConfirmationMail.objects.update(requested_at=timezone.now() - timedelta(hours=1))
        tick(ada)
    worked()
    assert len(mailoutbox) == confirmation.PER_DAY


def test_nobody_is_asked_about_what_was_ticked_long_ago(
    ada: Contact, worked: Work, mailoutbox: Mails
) -> None:
    tick(ada, ago=timedelta(days=2))
    worked()
    assert (mailoutbox, Contact.objects.get().status) == ([], "pending")


def test_a_subscriber_is_not_asked_again(ada: Contact, worked: Work, mailoutbox: Mails) -> None:
    say(ada, "given", at(2))
    tick(ada)
    worked()
    assert (mailoutbox, Contact.objects.get().status) == ([], "subscribed")


def test_a_link_from_before_a_withdrawal_confirms_nothing(
    ada: Contact, worked: Work, mailoutbox: Mails, client: Client
) -> None:
    tick(ada)
    worked()
    choices.withdraw(Contact.objects.get())
    assert client.post(link(mailoutbox[0], "confirm")).status_code == 404
    assert Contact.objects.get().status == "unsubscribed"


@pytest.mark.parametrize(
    ("person", "audience", "subject"),
    [
        ("fr-ca", "en", "À confirmer"),
        ("pl", "fr", "À confirmer"),
        ("pl", "", "Please confirm"),
        ("en-us", "fr", "Please confirm"),
        ("", "", "Please confirm"),
    ],
)
def test_the_mail_is_in_the_readers_language(
    ada: Contact, worked: Work, mailoutbox: Mails, person: str, audience: str, subject: str
) -> None:
    Contact.objects.update(language=person)
    Audience.objects.update(language=audience)
    tick(Contact.objects.select_related("audience").get())
    worked()
    assert mailoutbox[0].subject.startswith(subject)


def test_a_name_with_odd_signs_harms_no_header(ada: Contact, worked: Work, mailoutbox: Mails) -> None:
    change_audience(
        ada.audience, Wishes('"Shop", <evil@x.example> é', double_opt_in=True, consent_text="Yes")
    )
    tick(Contact.objects.select_related("audience").get())
    worked()
    message = mailoutbox[0].message()
    assert str(message["From"]).endswith("<news@shop.example>")
    assert "evil@x.example>," not in str(message["From"])


def test_a_mail_server_that_does_not_answer_is_asked_again(ada: Contact, settings: Any) -> None:
    tick(ada)
    settings.MAILERS = mailers.mailers("smtp://127.0.0.1:1")
    with pytest.raises(Unavailable):
        mail.send_confirmation(ConfirmationMail.objects.get().pk)
    assert ConfirmationMail.objects.get().sent_at is None


def test_double_opt_in_needs_a_mail_server(ada: Contact, settings: Any) -> None:
    settings.EMAIL_CONFIGURED = False
    with pytest.raises(Rejected, match="EMAIL_URL"):
        change_audience(ada.audience, Wishes("News", double_opt_in=True))
    tick(ada)
    assert ConfirmationMail.objects.count() == 0


def test_a_mail_server_that_was_taken_away_is_missed_in_words(ada: Contact, settings: Any) -> None:
    tick(ada)
    settings.EMAIL_CONFIGURED = False
    with pytest.raises(Rejected, match="EMAIL_URL"):
        mail.send_confirmation(ConfirmationMail.objects.get().pk)


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        ("smtp+tls://me:p%40ss@mail.example.com", "smtp"),
        ("smtps://mail.example.com", "smtp"),
        ("console://", "console"),
        ("file:///tmp/mails", "filebased"),
    ],
)
def test_every_form_of_a_mailers_address(url: str, backend: str) -> None:
    made = mailers.mailers(url)["default"]
    assert f".{backend}." in made["BACKEND"]
    if "@" in url:
        assert made["OPTIONS"]["password"] == "p@ss"
        assert (made["OPTIONS"]["port"], made["OPTIONS"]["use_tls"]) == (587, True)


@pytest.mark.parametrize("url", ["mail.example.com", "http://mail.example.com", "smtp://", "file://here"])
def test_another_address_of_a_mailer_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="mailer"):
        mailers.mailers(url)


def test_links_hold_no_address(ada: Contact) -> None:
    for url in (links.preferences_url(ada), links.unsubscribe_url(ada), links.confirmation_url(tick(ada))):
        assert "ada" not in url
