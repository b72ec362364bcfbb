"""Who may report bounces and complaints, and what a report changes."""

import base64
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.test import Client
from django.utils import timezone

from saleor_stripe_audience.audience.consent import choices
from saleor_stripe_audience.audience.consent.deliveries import record, webhooks
from saleor_stripe_audience.audience.consent.deliveries.event_types import Kind
from saleor_stripe_audience.audience.consent.deliveries.services import SERVICES
from saleor_stripe_audience.audience.consent.models import Consent, MailWebhook, SoftBounce
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.commands import check, mail_webhook
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.deliveries.reports import (
    ADA,
    KEY,
    NOW,
    SECONDS,
    brevo,
    key_of,
    mailersend,
    mailgun,
    mailjet,
    mandrill,
    post,
    postmark,
    send,
    sendgrid,
    ses_bounce,
    ses_complaint,
    sns,
    sparkpost,
)
from tests.audience.histories import at, member, order
from tests.audience.records import record_customer, record_order
from tests.conftest import Work

NEW = "ada.new@shop.example"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("written", [f"Ada Buyer <{ADA}>", f"<{ADA}>", f'"Buyer, Ada" <{ADA.upper()}>'])
@pytest.mark.parametrize("service", ["amazon-ses", "postmark"])
def test_a_recipient_may_be_written_with_their_name(
    shop: Installation, ada: Contact, client: Client, run_due_tasks: Work, service: str, written: str
) -> None:
    body = ses_bounce("Permanent") if service == "amazon-ses" else postmark("Bounce", "HardBounce")
    if service == "amazon-ses":
        inner = json.loads(body["Message"])
        inner["bounce"]["bouncedRecipients"][0]["emailAddress"] = written
        body["Message"] = json.dumps(inner)
    else:
        body["Email"] = written
    send(client, webhooks.create(shop, service).url, body)
    run_due_tasks()
    assert Contact.objects.get().status == "cleaned"


def test_soft_bounces_on_several_days_clean_a_contact_until_mail_is_delivered(
    shop: Installation, ada: Contact
) -> None:
    for day in range(record.SOFT_BOUNCE_DAYS - 1):
        for _ in range(3):
            record.record(shop, Kind.SOFT_BOUNCE, ADA, NOW + timedelta(days=day), "x")
    assert Contact.objects.get().status == "subscribed"
    record.record(shop, Kind.SOFT_BOUNCE, ADA, NOW + timedelta(days=60), "x")
    assert Contact.objects.get().status == "subscribed"  # too long ago
    record.record(shop, Kind.SOFT_BOUNCE, ADA, NOW + timedelta(days=10), "x")
    assert Contact.objects.get().status == "cleaned"
    record.record(shop, Kind.DELIVERED, ADA, NOW + timedelta(days=61), "x")
    assert (Contact.objects.get().status, SoftBounce.objects.count()) == ("subscribed", 0)


@pytest.mark.parametrize(("bounced", "status"), [(ADA, "nonsubscribed"), (NEW, "cleaned")])
def test_soft_bounces_count_for_their_address_only(shop: Installation, bounced: str, status: str) -> None:
    record_customer(shop, member(7, ADA), at(1))
    record_order(shop, order("2", email=NEW), at(1))
    for days in range(4):
        record.record(shop, Kind.SOFT_BOUNCE, bounced, NOW - timedelta(days=9 - days), "postmark")
    record_customer(shop, member(7, NEW), at(2))
    record.record(shop, Kind.SOFT_BOUNCE, NEW, NOW, "postmark")
    assert Contact.objects.get().status == status


def test_a_delivered_mail_does_not_end_a_complaint_but_the_person_does(
    shop: Installation, ada: Contact
) -> None:
    for _ in range(2):
        record.record(shop, Kind.COMPLAINT, ADA, NOW, "postmark")
    record.record(shop, Kind.DELIVERED, ADA, NOW + timedelta(days=1), "postmark")
    assert Contact.objects.get().status == "unsubscribed"
    refusal = Consent.objects.get(kind="withdrawn")
    assert (refusal.at, refusal.source_detail) == (NOW, "complaint reported by postmark")
    choices.subscribe(Contact.objects.get(), "Yes.")
    record.record(shop, Kind.COMPLAINT, ADA, NOW, "postmark")
    assert Contact.objects.get().status == "subscribed"


def test_a_complaint_does_not_concern_who_had_the_address_before(shop: Installation) -> None:
    record_customer(shop, member(7, ADA), at(1))
    record_customer(shop, member(7, NEW), at(2))
    record_customer(shop, member(8, ADA), at(3))
    record.record(shop, Kind.COMPLAINT, ADA, NOW, "postmark")
    found = dict(Contact.objects.values_list("email", "status"))
    assert found == {ADA: "unsubscribed", NEW: "nonsubscribed"}


def test_another_shop_and_strangers_are_not_affected(
    shop: Installation, ada: Contact, client: Client, run_due_tasks: Work
) -> None:
    other = install("other.example")
    url = webhooks.create(other, "postmark").url
    assert send(client, url, postmark("SpamComplaint", "SpamComplaint")).json() == {"ok": True, "new": 0}
    assert not Event.objects.filter(source="mail").exists()
    assert Contact.objects.get().status == "subscribed"


# Who may report


def test_without_the_secret_nothing_is_accepted(shop: Installation, ada: Contact, client: Client) -> None:
    url = webhooks.create(shop, "postmark").url
    secret = url.rpartition("/")[2]
    bounce = postmark("Bounce", "HardBounce")
    assert send(client, url[:-1], bounce).status_code == 404
    assert send(client, "x://h/api/webhooks/mail/", bounce).status_code == 401
    for password, status in ((secret, 200), ("wrong", 401)):
        basic = base64.b64encode(f"any:{password}".encode()).decode()
        answer = send(client, "x://h/api/webhooks/mail/", bounce, Authorization=f"Basic {basic}")
        assert answer.status_code == status
    webhooks.revoke(MailWebhook.objects.get())
    assert send(client, url, bounce).status_code == 404
    assert secret not in str(list(MailWebhook.objects.values()))


def test_where_the_service_signs_the_signature_must_be_its_own(
    shop: Installation, ada: Contact, client: Client
) -> None:
    body = mailgun("complained")
    body["signature"]["signature"] = "0" * 64
    assert send(client, webhooks.create(shop, "mailgun", KEY).url, body).status_code == 403
    assert send(client, webhooks.create(shop, "mailersend", KEY).url, {"data": {}}).status_code == 403
    assert not Event.objects.filter(source="mail").exists()
    for service, key in (("mailgun", ""), ("postmark", KEY), ("sendgrid", "no key"), ("other", "")):
        with pytest.raises(Rejected):
            webhooks.create(shop, service, key)


@pytest.mark.parametrize("service", ["mailersend", "mandrill"])
def test_a_key_that_the_service_makes_for_the_url_is_set_afterwards(
    shop: Installation, ada: Contact, client: Client, run_due_tasks: Work, service: str
) -> None:
    complaint = mailersend("spam_complaint") if service == "mailersend" else mandrill("spam")
    url = webhooks.create(shop, service).url
    path = "/" + url.partition("://")[2].partition("/")[2]
    assert client.head(path).status_code == 200
    assert post(client, url, service, complaint).status_code == 403
    webhook = MailWebhook.objects.get()
    assert webhook.heard_at is None
    for key in ("", "é"):
        with pytest.raises(Rejected) as refused:
            webhooks.set_key(webhook, key)
        assert refused.value.code == "signing_key"
    webhooks.set_key(webhook, KEY)
    assert post(client, url, service, complaint).json() == {"ok": True, "new": 1}
    run_due_tasks()
    assert Contact.objects.get().deliverability == "complained"


@pytest.mark.parametrize("key", ["", KEY])
def test_mailersends_test_is_answered_before_it_makes_the_key(
    shop: Installation, client: Client, key: str
) -> None:
    url = webhooks.create(shop, "mailersend", key).url
    ping = {"type": "webhook.test", "message": "This is a ping test message"}
    assert send(client, url, ping, Signature="0" * 64).status_code == 200
    assert send(client, url, mailersend("hard_bounced"), Signature="0" * 64).status_code == 403
    assert MailWebhook.objects.get().heard_at is None


def test_a_key_is_not_set_for_a_service_without(shop: Installation) -> None:
    webhook = webhooks.create(shop, "postmark").webhook
    with pytest.raises(Rejected, match="does not sign"):
        webhooks.set_key(webhook, KEY)


ODD = [
    "", "x", "null", "1", "[]", "{}", "[1]", '{"RecordType": 7}', b"\xff", "[" * 20_000,
    '[{"event": "bounce", "timestamp": 1e30}]', '{"Email": "\\u0000", "RecordType": "Bounce", "Type": "HardBounce"}',
]  # fmt: skip


@pytest.mark.parametrize("service", [name for name in SERVICES if not SERVICES[name].needs_key])
@pytest.mark.parametrize("body", ODD)
def test_a_malformed_report_is_refused(
    shop: Installation, client: Client, service: str, body: str | bytes
) -> None:
    path = "/api/webhooks/mail/" + webhooks.create(shop, service).url.rpartition("/")[2]
    assert client.post(path, body, content_type="application/json").status_code in (200, 400, 403)
    assert client.head(path).status_code == 200
    assert client.get(path).status_code == 405


INBOUND: dict[str, Any] = {  # emails to the shop, which must be sent elsewhere
    "amazon-ses": sns({"notificationType": "Received", "mail": {"destination": [ADA]}, "receipt": {}}),
    "brevo": {"items": [{"Uuid": ["u"], "From": {"Address": ADA}}]},
    "mailersend": {"type": "inbound.message", "data": {"recipients": {}}},
    "mailgun": mailgun("complained") | {"event-data": {}},
    "postmark": {"FromFull": {"Email": ADA}, "RecordType": "Inbound"},
    "resend": {"type": "email.received", "data": {"from": ADA}},
    "sparkpost": [{"msys": {"relay_message": {"rcpt_to": "info@shop.example"}}}],
    "mandrill": [{"event": "inbound", "ts": SECONDS, "msg": {"raw_msg": "x", "email": ADA}}],
}


@pytest.mark.parametrize("service", INBOUND)
def test_an_email_to_the_shop_is_no_report(
    shop: Installation, ada: Contact, client: Client, service: str
) -> None:
    url = webhooks.create(shop, service, key_of(service)).url
    assert post(client, url, service, INBOUND[service]).status_code in (200, 400)
    assert not Event.objects.filter(source="mail").exists()


UNREADABLE: dict[str, tuple[Any, ...]] = {
    "brevo": (
        [brevo("spam")],
        [brevo("opened") | {"ts_epoch": "now"}],
        [brevo("spam") | {"email": ["x"] * 2}],
        [7],
    ),
    "mailjet": (mailjet("spam"), [{"time": SECONDS}], [7]),
    "mandrill": (
        mandrill("spam"),
        INBOUND["mandrill"],
        [{"type": "inbound", "ts": SECONDS}],
        [{"event": "spam", "ts": "now"}],
        [7],
    ),
    "sendgrid": (sendgrid("spamreport"), [{"email": ADA}], sendgrid("open", timestamp="now"), [None]),
    "sparkpost": (
        sparkpost("spam_complaint"),
        INBOUND["sparkpost"],
        [{"msys": None}],
        [{"msys": {"a": {}, "b": {}}}],
    ),
}


@pytest.mark.parametrize("service", UNREADABLE)
def test_a_report_that_cannot_be_read_does_not_stop_the_others(
    shop: Installation, ada: Contact, client: Client, run_due_tasks: Work, service: str
) -> None:
    complaint, *others = UNREADABLE[service]
    url = webhooks.create(shop, service, key_of(service)).url
    batch = [item for items in (*others, complaint, *others) for item in items]
    assert post(client, url, service, batch).json() == {"ok": True, "new": 1}
    run_due_tasks()
    assert Contact.objects.get().deliverability == "complained"
    assert post(client, url, service, others[-1]).status_code == 400  # nothing in it is a report


def test_amazon_is_confirmed_at_its_own_address_only(
    shop: Installation, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def get(url: str, **_: Any) -> requests.Response:
        asked.append(url)
        return requests.Response()

    monkeypatch.setattr(requests, "get", get)
    url = webhooks.create(shop, "amazon-ses").url
    genuine = [
        f"https://sns.{place}/?Action=ConfirmSubscription&Token=x"
        for place in ("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn", "eusc-de-east-1.amazonaws.eu")
    ]
    odd = ["http://sns.eu-west-1.amazonaws.com/", "https://sns.evil.example/", "https://sns.x.amazonaws.com.evil.example/",
           "https://sns.x.amazonaws.com@10.0.0.1/", "https://sns.x.amazonaws.com:22/", "", "https://["]  # fmt: skip
    for target in [*genuine, *odd]:
        body = {"Type": "SubscriptionConfirmation", "MessageId": "m", "SubscribeURL": target}
        assert send(client, url, body).status_code == (200 if target in genuine else 400)
    assert asked == genuine


def test_the_webhooks_url_is_not_logged(
    shop: Installation, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    from saleor_stripe_audience.logs import logging_settings

    final = logging_settings("INFO")["formatters"]["json"]["processors"]
    secret = webhooks.create(shop, "postmark").url.rpartition("/")[2]
    entry: Any = {"event": f"Bad Request: /api/webhooks/mail/{secret}", "level": "warning"}
    for process in final[1:]:
        entry = process(logging.getLogger(), "warning", entry)
    assert secret not in str(entry)


# For operators


def test_the_command_makes_lists_and_revokes(
    shop: Installation, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    url = ["--saleor-api-url", shop.saleor_api_url]
    mail_webhook.run([*url, "--service", "postmark"])
    assert "/api/webhooks/mail/" in capsys.readouterr().out
    mail_webhook.run([*url, "--list"])
    [listed] = json.loads(capsys.readouterr().out)
    assert (listed["service"], listed["heard_at"]) == ("postmark", None)
    mail_webhook.run([*url, "--service", "mandrill"])
    made = MailWebhook.objects.get(service="mandrill")
    mail_webhook.run([*url, "--set-key", str(made.pk), "--signing-key", KEY])
    made.refresh_from_db()
    assert made.signing_key == KEY
    mail_webhook.run([*url, "--revoke", listed["id"]])
    for odd in (listed["id"], "x"):
        with pytest.raises(Rejected, match="--list"):
            mail_webhook.run([*url, "--revoke", odd])


def test_the_check_asks_for_reports_where_mails_are_sent(shop: Installation, mail_server: None) -> None:
    named = "a mail service reports bounces and complaints"
    [look] = [look for name, look in check._checks() if name.startswith(named)]
    with pytest.raises(Rejected, match="mail-webhook"):
        look()
    webhook = webhooks.create(shop, "mandrill").webhook
    with pytest.raises(Rejected, match="--set-key"):
        look()
    webhooks.set_key(webhook, KEY)
    look()


def test_reports_about_somebody_erased_are_erased_too(
    shop: Installation, ada: Contact, client: Client, run_due_tasks: Work
) -> None:
    from saleor_stripe_audience.audience.privacy import erasure

    send(client, webhooks.create(shop, "postmark").url, postmark("Bounce", "HardBounce"))
    run_due_tasks()
    erasure.erase(shop, ADA)
    assert Event.objects.get(source="mail").payload is None
    send(client, webhooks.create(shop, "postmark").url, postmark("Bounce", "HardBounce") | {"ID": 8})
    assert Event.objects.filter(source="mail").count() == 1


def test_a_report_from_the_future_counts_from_its_receipt(
    shop: Installation, ada: Contact, client: Client, run_due_tasks: Work
) -> None:
    ahead = (timezone.now() + timedelta(days=400)).isoformat()
    send(
        client,
        webhooks.create(shop, "postmark").url,
        postmark("SpamComplaint", "SpamComplaint") | {"BouncedAt": ahead},
    )
    run_due_tasks()
    assert Consent.objects.get(kind="withdrawn").at <= timezone.now()


NO_TIMES = ["x", "NaN", "inf", 1e20, 1e30, -5, 0, {}, [], "9999-99-99"]
UNDATED: dict[str, Callable[[Any], Any]] = {
    "amazon-ses": lambda time: ses_complaint(None) | {"Timestamp": time},
    "brevo": lambda time: [brevo("spam") | {"ts_event": time, "ts_epoch": time}],
    "mailersend": lambda time: {
        "type": "activity.spam_complaint",
        "data": mailersend("spam_complaint")["data"] | {"created_at": time},
    },
    "mailgun": lambda time: mailgun("complained", timestamp=time),
    "mailjet": lambda time: mailjet("spam", time=time),
    "mandrill": lambda time: [mandrill("spam")[0] | {"ts": time}],
    "postmark": lambda time: (
        postmark("SpamComplaint", "SpamComplaint") | {"BouncedAt": time, "DeliveredAt": time}
    ),
    "sendgrid": lambda time: sendgrid("spamreport", timestamp=time),
    "sparkpost": lambda time: sparkpost("spam_complaint", timestamp=time),
}


@pytest.mark.parametrize("time", NO_TIMES, ids=str)
@pytest.mark.parametrize("service", UNDATED)
def test_a_report_without_a_readable_time_counts_from_its_receipt(
    shop: Installation, ada: Contact, client: Client, run_due_tasks: Work, service: str, time: Any
) -> None:
    before = timezone.now()
    url = webhooks.create(shop, service, key_of(service)).url
    assert post(client, url, service, UNDATED[service](time)).json() == {"ok": True, "new": 1}
    assert post(client, url, service, UNDATED[service](time)).json() == {"ok": True, "new": 0}
    run_due_tasks()
    assert Consent.objects.get(kind="withdrawn").at >= before


@pytest.mark.parametrize("is_first", [True, False])
def test_half_a_character_in_a_report_does_not_stop_the_others(
    shop: Installation, ada: Contact, client: Client, run_due_tasks: Work, is_first: bool
) -> None:
    odd = sendgrid("spamreport", sg_event_id="\ud83d", timestamp=SECONDS + 1)
    batch = [*odd, *sendgrid("spamreport")] if is_first else [*sendgrid("spamreport"), *odd]
    url = webhooks.create(shop, "sendgrid").url
    assert post(client, url, "sendgrid", batch).json() == {"ok": True, "new": 2}
    assert post(client, url, "sendgrid", batch).json() == {"ok": True, "new": 0}
    run_due_tasks()
    assert Contact.objects.get().deliverability == "complained"
