"""Double opt-in, from the checkbox to the confirmed subscription, with an email that is really sent."""

import base64
import email
import email.policy
import html
import re
import socketserver
from collections.abc import Iterator
from datetime import timedelta
from email.header import decode_header, make_header
from email.utils import getaddresses
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import pytest
from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.test import Client
from django.utils import timezone
from django_ox.models import OxTask

from saleor_stripe_audience import mailers
from saleor_stripe_audience.audience.consent import choices, confirmation, ledger, links, mail
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import ConfirmationMail, Consent
from saleor_stripe_audience.audience.people import lifecycle
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, change_audience
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.shops.models import Channel, Installation, Problem
from tests.audience.histories import at, member, order, say
from tests.audience.records import record_customer, record_order, record_order_consent
from tests.conftest import Work

Mails = list[EmailMultiAlternatives]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mail_server")]


@pytest.fixture
def ada(shop: Installation) -> Contact:
    record_order(shop, order(), at(1))
    change_audience(
        Audience.objects.get(), AudienceSettings("Ada's Shop", double_opt_in=True, consent_text="Yes, news!")
    )
    return Contact.objects.select_related("audience").get()


def give_consent(contact: Contact, ago: timedelta = timedelta(0), wording: str = "Yes, news!") -> Consent:
    event = ConsentEvent(
        Consent.Kind.GIVEN,
        timezone.now() - ago,
        Consent.Source.STOREFRONT,
        wording=wording,
        needs_confirmation=True,
    )
    written = ledger.record(contact, event)
    confirmation.request_if_needed(contact, written)
    return written


def link(sent: EmailMultiAlternatives, part: str) -> str:
    found = re.search(rf"http://\S+/audience/{part}/\S+", str(sent.body))
    assert found
    return urlsplit(found[0]).path


def test_a_ticked_box_counts_once_confirmed_by_mail(
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails, client: Client
) -> None:
    give_consent(ada)
    run_due_tasks()
    [sent] = mailoutbox
    assert sent.to == ["ada@shop.example"]
    assert sent.from_email == "Ada's Shop <news@shop.example>"
    assert "Yes, news!" in str(sent.body)
    assert Contact.objects.get().status == "pending"

    asked = client.get(link(sent, "confirm"))
    assert asked.status_code == 200
    assert Contact.objects.get().status == "pending"  # programs that scan emails open every link

    client.post(link(sent, "confirm"), REMOTE_ADDR="203.0.113.4")
    client.post(link(sent, "confirm"))
    assert Contact.objects.get().status == "subscribed"
    confirmed = Consent.objects.get(kind="confirmed")
    assert (confirmed.source, confirmed.ip, confirmed.wording and confirmed.wording.text) == (
        "mail", "203.0.113.4", "Yes, news!",
    )  # fmt: skip


def test_every_mail_can_be_unsubscribed_from_with_one_click(
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails, client: Client
) -> None:
    give_consent(ada)
    run_due_tasks()
    headers = mailoutbox[0].extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = urlsplit(headers["List-Unsubscribe"].strip("<>")).path
    answer = client.post(path, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert Contact.objects.get().status == "unsubscribed"


def test_the_wording_keeps_its_lines(ada: Contact, run_due_tasks: Work, mailoutbox: Mails) -> None:
    wording = "Yes, news & offers.\r\n\r\nI can unsubscribe.\nAt any time."
    change_audience(ada.audience, AudienceSettings("A", double_opt_in=True, consent_text=wording))
    give_consent(Contact.objects.select_related("audience").get(), wording=wording)
    run_due_tasks()
    [sent] = mailoutbox
    lines = "\n\n    Yes, news & offers.\n\n    I can unsubscribe.\n    At any time.\n\nConfirm here:\n"
    assert lines in str(sent.body)
    [(page, _)] = sent.alternatives
    written = "<blockquote>Yes, news &amp; offers.<br><br>I can unsubscribe.<br>At any time.</blockquote>"
    assert written in str(page)


def test_no_mailbox_answers_by_itself(ada: Contact, run_due_tasks: Work, mailoutbox: Mails) -> None:
    give_consent(ada)
    run_due_tasks()
    assert mailoutbox[0].message()["Auto-Submitted"] == "auto-generated"


def test_a_mail_is_sent_once_however_often_its_task_runs(
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails
) -> None:
    give_consent(ada)
    run_due_tasks()
    mail.send_confirmation(ConfirmationMail.objects.get().pk)
    mail.send_confirmation(123456)
    assert len(mailoutbox) == 1


def test_a_mailbox_is_not_flooded(ada: Contact, run_due_tasks: Work, mailoutbox: Mails) -> None:
    for _ in range(20):
        give_consent(ada)
    run_due_tasks()
    assert len(mailoutbox) == 1
    for _ in range(20):
        ConfirmationMail.objects.update(requested_at=timezone.now() - timedelta(hours=1))
        give_consent(ada)
    run_due_tasks()
    assert len(mailoutbox) == confirmation.MAX_PER_DAY


def test_a_mail_is_sent_once_if_the_person_is_merged_before(
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails
) -> None:
    consent = give_consent(ada)
    record_customer(ada.audience.installation, member(7, "ada.b@shop.example"), at(1))
    record_customer(ada.audience.installation, member(7, ada.email), at(2))
    run_due_tasks()
    assert [sent.to for sent in mailoutbox] == [[ada.email]]
    ConfirmationMail.objects.update(requested_at=timezone.now() - timedelta(hours=1))
    confirmation.request_if_needed(Contact.objects.get(), Consent.objects.get(pk=consent.pk))
    run_due_tasks()
    assert len(mailoutbox) == 1


def test_an_old_ticked_box_sends_no_mail(ada: Contact, run_due_tasks: Work, mailoutbox: Mails) -> None:
    give_consent(ada, ago=timedelta(days=2))
    run_due_tasks()
    assert (mailoutbox, Contact.objects.get().status) == ([], "pending")


def test_a_subscriber_is_not_asked_again(ada: Contact, run_due_tasks: Work, mailoutbox: Mails) -> None:
    say(ada, "given", at(2))
    give_consent(ada)
    run_due_tasks()
    assert (mailoutbox, Contact.objects.get().status) == ([], "subscribed")


def test_a_link_from_before_a_withdrawal_confirms_nothing(
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails, client: Client
) -> None:
    give_consent(ada)
    run_due_tasks()
    choices.withdraw(Contact.objects.get())
    assert client.post(link(mailoutbox[0], "confirm")).status_code == 404
    assert Contact.objects.get().status == "unsubscribed"


@pytest.mark.parametrize("what", ["unsubscribes", "bounces"])
def test_who_unsubscribes_or_bounces_before_the_mail_is_sent_gets_none(
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails, what: str
) -> None:
    give_consent(ada)
    if what == "unsubscribes":
        choices.withdraw(Contact.objects.get())
    else:
        lifecycle.set_deliverability(Contact.objects.get(), "bounced", timezone.now())
    run_due_tasks()
    assert mailoutbox == []


def test_a_strangers_checkout_does_not_end_a_confirmation(
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails, client: Client
) -> None:
    give_consent(ada)
    run_due_tasks()
    order_withdraws(ada, "2")
    assert client.post(link(mailoutbox[0], "confirm")).status_code == 200
    assert Contact.objects.get().status == "subscribed"


def test_a_checkout_ends_the_confirmation_of_its_own_consent(
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails, client: Client
) -> None:
    pairs = [{"key": "marketing_consent", "value": "true"}]
    now = timezone.now()
    mine = order("2") | {"metadata": pairs, "created": now.isoformat()}
    record_order_consent(ada.audience.installation, mine, now)
    run_due_tasks()
    order_withdraws(ada, "2")
    assert client.post(link(mailoutbox[0], "confirm")).status_code == 404
    assert Contact.objects.get().status == "nonsubscribed"


def order_withdraws(contact: Contact, number: str) -> None:
    pairs = [{"key": "marketing_consent", "value": "withdrawn"}]
    now = timezone.now()
    payload = order(number) | {"metadata": pairs, "created": now.isoformat()}
    record_order_consent(contact.audience.installation, payload, now)


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
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails, person: str, audience: str, subject: str
) -> None:
    Contact.objects.update(language=person)
    Audience.objects.update(language=audience)
    give_consent(Contact.objects.select_related("audience").get())
    run_due_tasks()
    assert mailoutbox[0].subject.startswith(subject)


def test_special_characters_in_a_name_break_no_header(
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails
) -> None:
    change_audience(
        ada.audience, AudienceSettings('"Shop", <evil@x.example> é', double_opt_in=True, consent_text="Yes")
    )
    give_consent(Contact.objects.select_related("audience").get())
    run_due_tasks()
    message = mailoutbox[0].message()
    assert str(message["From"]).endswith("<news@shop.example>")
    assert "evil@x.example>," not in str(message["From"])


def test_a_mail_is_retried_while_the_server_does_not_respond(ada: Contact, settings: Any) -> None:
    give_consent(ada)
    settings.MAILERS = mailers.mailers("smtp://127.0.0.1:1")
    with pytest.raises(Unavailable):
        mail.send_confirmation(ConfirmationMail.objects.get().pk)
    assert ConfirmationMail.objects.get().sent_at is None


def test_double_opt_in_needs_a_mail_server(ada: Contact, settings: Any) -> None:
    settings.EMAIL_CONFIGURED = False
    with pytest.raises(Rejected, match="EMAIL_URL"):
        change_audience(ada.audience, AudienceSettings("News", double_opt_in=True))
    give_consent(ada)
    assert ConfirmationMail.objects.count() == 0


def test_a_missing_mail_server_is_reported(ada: Contact, settings: Any) -> None:
    give_consent(ada)
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


class _Sink(socketserver.StreamRequestHandler):
    """A mail server that accepts everything and stores the bytes, unless the test says otherwise."""

    got: ClassVar[list[bytes]] = []
    commands: ClassVar[list[bytes]] = []
    extensions: ClassVar[list[bytes]] = []
    answers: ClassVar[dict[bytes, bytes]] = {}

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        body: list[bytes] | None = None
        for line in self.rfile:
            if body is not None:
                if line == b".\r\n":
                    if b"." not in self.answers:
                        self.got.append(b"".join(body))
                    body = None
                    self.wfile.write(self.answers.get(b".", b"250 kept") + b"\r\n")
                else:
                    body.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                continue
            verb = line[:4].upper()
            self.commands.append(line.rstrip())
            if verb == b"EHLO":
                self.wfile.writelines(b"250-" + line + b"\r\n" for line in [b"sink", *self.extensions])
            if verb == b"DATA":
                body = []
                self.wfile.write(b"354 continue\r\n")
            else:
                self.wfile.write(self.answers.get(verb, b"250 yes") + b"\r\n")
                if verb == b"QUIT":
                    return


@pytest.fixture
def wire(settings: Any) -> Iterator[list[bytes]]:
    """Return what is sent by SMTP, byte for byte."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Sink) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings.MAILERS = mailers.mailers(f"smtp://127.0.0.1:{server.server_address[1]}")
        for stored in (_Sink.got, _Sink.commands, _Sink.extensions, _Sink.answers):
            stored.clear()
        yield _Sink.got
        server.shutdown()


@pytest.mark.parametrize(
    "public_url", ["http://a.example", "https://" + "long." * 60 + "example/" + "x" * 200]
)
@pytest.mark.parametrize("text", ["Yes, news!", "J'accepte les nouveautés ☃ " * 60])
def test_headers_are_sent_on_one_plain_line(
    ada: Contact, settings: Any, wire: list[bytes], public_url: str, text: str
) -> None:
    settings.PUBLIC_URL = public_url
    options = AudienceSettings(
        "A", double_opt_in=True, consent_text=text, sender_name="Thé & Cie, <x@evil.example> ☃"
    )
    change_audience(ada.audience, options)
    give_consent(Contact.objects.select_related("audience__installation").get(), wording=text)
    mail.send_confirmation(ConfirmationMail.objects.get().pk)
    head, _, body = wire[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    [unsubscribe] = [line for line in lines if line.lower().startswith(b"list-unsubscribe:")]
    assert unsubscribe == f"List-Unsubscribe: <{links.unsubscribe_url(Contact.objects.get())}>".encode()
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    message = email.message_from_bytes(wire[0], policy=email.policy.default)
    assert [each.addr_spec for each in message["From"].addresses] == ["news@shop.example"]
    assert [each.addr_spec for each in message["To"].addresses] == ["ada@shop.example"]
    assert message["Message-ID"].endswith("@shop.example>")
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        written = html.unescape(part.get_content())
        assert f"{settings.PUBLIC_URL}/audience/confirm/" in written
        assert links.preferences_url(Contact.objects.get()) in written
        assert text.strip() in written
    assert all(len(line) <= 998 for line in body.split(b"\r\n"))


@pytest.mark.parametrize(
    "name",
    [
        'Café "Noir", Inc.', "Été, hiver, printemps et automne : la boutique des quatre saisons", "Bäcker @ Home",
        "Ünï <evil@x.example>", "Müller; Söhne (Berlin)", "Ä" * 200, "株式会社, 東京", "Acme, Inc.", 'The "Shop"',
    ],
)  # fmt: skip
def test_the_sender_is_one_mailbox_with_the_whole_name(ada: Contact, wire: list[bytes], name: str) -> None:
    change_audience(
        ada.audience, AudienceSettings("A", double_opt_in=True, consent_text="Yes", sender_name=name)
    )
    give_consent(Contact.objects.select_related("audience__installation").get())
    mail.send_confirmation(ConfirmationMail.objects.get().pk)
    header = email.message_from_bytes(wire[0])["From"]
    [(shown, address)] = getaddresses([header])
    assert (str(make_header(decode_header(shown))), address) == (name, "news@shop.example")
    [sender] = email.message_from_bytes(wire[0], policy=email.policy.default)["From"].addresses
    assert sender.addr_spec == "news@shop.example"


def test_an_address_that_the_mail_server_does_not_support_is_not_retried(
    ada: Contact, wire: list[bytes], run_due_tasks: Work
) -> None:
    Contact.objects.update(email="müller@shop.example")
    give_consent(Contact.objects.select_related("audience__installation").get())
    run_due_tasks()
    assert wire == []
    assert not OxTask.objects.exclude(status=OxTask.Status.SUCCESSFUL).exists()
    assert ConfirmationMail.objects.get().sent_at is None


@pytest.mark.parametrize("extensions", [[b"SMTPUTF8"], [b"8BITMIME", b"SMTPUTF8"]])
def test_an_address_with_other_letters_gets_its_mail(
    ada: Contact, wire: list[bytes], run_due_tasks: Work, extensions: list[bytes]
) -> None:
    _Sink.extensions.extend(extensions)
    Contact.objects.update(email="müller@shop.example")
    give_consent(Contact.objects.select_related("audience__installation").get())
    run_due_tasks()
    body = b" BODY=8BITMIME" if b"8BITMIME" in extensions else b""
    assert b"mail FROM:<news@shop.example> SMTPUTF8" + body in _Sink.commands
    assert "rcpt TO:<müller@shop.example>".encode() in _Sink.commands
    message = email.message_from_bytes(wire[0], policy=email.policy.SMTPUTF8)
    assert str(message["To"]) == "müller@shop.example"
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in wire[0]
    assert ConfirmationMail.objects.get().sent_at is not None


def wait_for_next_attempt() -> timedelta:
    """Let the pause before the next attempt pass at once; returns it, or zero if there is no next attempt."""
    OxTask.objects.exclude(task_path=mail.send_confirmation_task.module_path).delete()
    waiting = OxTask.objects.filter(status=OxTask.Status.READY).first()
    if waiting is None or waiting.run_after is None:
        return timedelta(0)
    pause: timedelta = waiting.run_after - timezone.now()
    OxTask.objects.filter(pk=waiting.pk).update(run_after=timezone.now())
    ConfirmationMail.objects.update(requested_at=F("requested_at") - pause)
    return pause


@pytest.mark.parametrize(
    ("answer", "hours"), [(b"451 4.7.1 Greylisted, try again", 1), (b"421 4.3.2 Closing", 23)]
)
def test_a_mail_is_sent_once_the_server_accepts_it(
    ada: Contact, wire: list[bytes], run_due_tasks: Work, answer: bytes, hours: int
) -> None:
    _Sink.answers[b"RCPT"] = answer
    give_consent(ada)
    waited = timedelta(0)
    while waited < timedelta(hours=hours):
        run_due_tasks()
        pause = wait_for_next_attempt()
        assert timedelta(0) < pause <= timedelta(minutes=15)
        waited += pause
    _Sink.answers.clear()
    run_due_tasks()
    assert len(wire) == 1
    assert ConfirmationMail.objects.get().sent_at is not None


def test_a_mail_is_given_up_after_a_day(ada: Contact, settings: Any, run_due_tasks: Work) -> None:
    settings.MAILERS = mailers.mailers("smtp://127.0.0.1:1")
    give_consent(ada)
    waited = timedelta(0)
    while run_due_tasks():
        waited += wait_for_next_attempt()
    assert timedelta(hours=23) < waited < timedelta(hours=25)
    assert OxTask.objects.get(task_path=mail.send_confirmation_task.module_path).attempts < mail.MAX_ATTEMPTS
    assert ConfirmationMail.objects.get().sent_at is None


def test_a_mail_server_that_stays_away_is_a_problem_until_it_accepts_one(
    ada: Contact, wire: list[bytes], settings: Any, run_due_tasks: Work
) -> None:
    working = settings.MAILERS
    settings.MAILERS = mailers.mailers("smtp://127.0.0.1:1")
    give_consent(ada)
    run_due_tasks()
    assert not Problem.objects.exists()
    ConfirmationMail.objects.update(requested_at=timezone.now() - mail.PATIENCE)
    wait_for_next_attempt()
    run_due_tasks()
    assert "EMAIL_URL" in Problem.objects.get(key=mail.PROBLEM).message
    settings.MAILERS = working
    wait_for_next_attempt()
    run_due_tasks()
    assert (len(wire), Problem.objects.count()) == (1, 0)


def test_a_recipients_server_that_stays_away_is_no_problem_of_the_shops(
    ada: Contact, wire: list[bytes], run_due_tasks: Work
) -> None:
    _Sink.answers[b"RCPT"] = b"451 4.4.1 No answer from host"
    give_consent(ada)
    ConfirmationMail.objects.update(requested_at=timezone.now() - mail.PATIENCE * 2)
    run_due_tasks()
    assert (wire, Problem.objects.count()) == ([], 0)


@pytest.mark.parametrize(
    ("verb", "answer", "deliverability", "is_problem"),
    [
        (b"RCPT", b"550 5.1.1 <ada@shop.example>: no such user", "bounced", False),
        (b"RCPT", b"556 5.1.10 Recipient address has null MX", "bounced", False),
        (b".", b"550-5.1.1 The account does not exist.\r\n550 5.1.1 Try again", "bounced", False),
        (b"RCPT", b"552 5.2.2 Mailbox full", "ok", False),
        (b"RCPT", b"554 5.7.1 Relay access denied", "ok", True),
        (b"RCPT", b"550 5.1.8 Sender's domain not found", "ok", True),
        (b"RCPT", b"550 Requested action not taken", "ok", True),
        (b".", b"554 5.7.1 Rejected as spam", "ok", True),
    ],
)
def test_a_mail_that_is_refused_for_good_is_tried_once(
    ada: Contact,
    wire: list[bytes],
    run_due_tasks: Work,
    caplog: pytest.LogCaptureFixture,
    verb: bytes,
    answer: bytes,
    deliverability: str,
    is_problem: bool,
) -> None:
    _Sink.answers[verb] = answer
    give_consent(ada)
    run_due_tasks()
    sending = OxTask.objects.get(task_path=mail.send_confirmation_task.module_path)
    assert sending.status == OxTask.Status.SUCCESSFUL
    assert (wire, sum(each.startswith(b"rcpt") for each in _Sink.commands)) == ([], 1)
    contact = Contact.objects.get()
    assert (contact.deliverability, contact.consent) == (deliverability, "pending")
    assert Problem.objects.filter(key=mail.PROBLEM).exists() == is_problem
    assert contact.email not in caplog.text


@pytest.mark.parametrize(
    ("sender", "shop_name", "audience", "shown"),
    [
        ("Tea by mail", "Tea House", "News", "Tea by mail"),
        ("", "Tea House", "News", "Tea House"),
        ("", "", "News", "News"),
        ("", "", "shop.tea-house.example", "Tea house"),
        ("", "", "127.0.0.1:8000", "Tea house"),
        ("", "https://shop.example/", "localhost", "Tea house"),
    ],
)
def test_mails_and_pages_show_the_shops_name(
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails, client: Client,
    sender: str, shop_name: str, audience: str, shown: str,
) -> None:  # fmt: skip
    Installation.objects.update(shop_name=shop_name, domain="shop.tea-house.example")
    Audience.objects.update(name=audience, sender_name=sender)
    give_consent(Contact.objects.select_related("audience__installation").get())
    run_due_tasks()
    [sent] = mailoutbox
    assert sent.from_email == f"{shown} <news@shop.example>"
    assert sent.subject.endswith(shown)
    assert shown in client.get(link(sent, "confirm")).content.decode()


@pytest.mark.parametrize("name", ["A\r\nBcc: x@y.example", "x" * 201, "a\0b"])
def test_a_sender_name_is_one_line(ada: Contact, name: str) -> None:
    with pytest.raises(Rejected):
        change_audience(ada.audience, AudienceSettings("A", sender_name=name))


EVIL = "URGENT: your account is locked, see https://evil.example/"


def test_a_strangers_wording_is_neither_mailed_nor_shown_and_proves_nothing(
    ada: Contact, run_due_tasks: Work, mailoutbox: Mails, client: Client
) -> None:
    Audience.objects.update(double_opt_in=False)
    Channel.objects.create(
        installation=ada.audience.installation, slug="default-channel", name="Default", currency="USD"
    )
    storefront.subscribe(ada.audience.installation, "default-channel", ada.email, EVIL)
    run_due_tasks()
    [sent] = mailoutbox
    assert Contact.objects.get().status == "pending"
    shown = str(sent.message()) + client.get(link(sent, "confirm")).content.decode()
    assert "evil" not in shown
    assert "Yes, news!" in shown
    client.post(link(sent, "confirm"))
    confirmed = Consent.objects.get(kind="confirmed")
    assert confirmed.wording is not None
    assert (Contact.objects.get().status, confirmed.wording.text) == ("subscribed", "Yes, news!")


def test_a_confirmation_counts_for_the_address_it_was_mailed_to(
    shop: Installation, run_due_tasks: Work, mailoutbox: Mails, client: Client
) -> None:
    record_customer(shop, member(7), at(1))
    change_audience(
        Audience.objects.get(), AudienceSettings("News", double_opt_in=True, consent_text="Yes, news!")
    )
    give_consent(Contact.objects.select_related("audience__installation").get())
    run_due_tasks()
    record_customer(shop, member(7, "ada.new@shop.example"), at(2))
    path = link(mailoutbox[0], "confirm")
    assert client.get(path).status_code == client.post(path).status_code == 404
    assert Contact.objects.get().status == "pending"


def test_a_mail_does_not_follow_an_address_that_changed(
    shop: Installation, run_due_tasks: Work, mailoutbox: Mails
) -> None:
    record_customer(shop, member(7), at(1))
    change_audience(
        Audience.objects.get(), AudienceSettings("News", double_opt_in=True, consent_text="Yes, news!")
    )
    give_consent(Contact.objects.select_related("audience__installation").get())
    record_customer(shop, member(7, "ada.new@shop.example"), at(2))
    run_due_tasks()
    assert mailoutbox == []


def test_one_mailbox_is_not_flooded_through_many_spellings(
    shop: Installation, run_due_tasks: Work, mailoutbox: Mails
) -> None:
    for number, spelling in enumerate(["ada@gmail.com", "a.da@gmail.com", "ada+x@googlemail.com"]):
        payload = order(str(number), email=spelling) | {
            "metadata": [{"key": "marketing_consent", "value": "true"}]
        }
        payload["created"] = timezone.now().isoformat()
        record_order(shop, payload, at(number))
        Audience.objects.update(double_opt_in=True, consent_text="Yes, news!")
        record_order_consent(shop, payload, at(number))
    run_due_tasks()
    assert len(mailoutbox) == 1


def test_links_contain_no_address(ada: Contact) -> None:
    encoded = base64.urlsafe_b64encode(ada.email.encode()).decode().rstrip("=")
    for url in (
        links.preferences_url(ada),
        links.unsubscribe_url(ada),
        links.confirmation_url(give_consent(ada)),
    ):
        assert ada.email not in unquote(url)
        assert encoded not in url
