"""Subscribing and unsubscribing on a shop's own pages, with a public key; nobody can find out who is a contact."""

import contextlib
import json
import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_ox.models import OxTask
from django_ox.testing import run_tasks

from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.consent.models import ConfirmationMail, Consent
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, audiences_of, change_audience
from saleor_stripe_audience.audience.people.mailboxes import mailbox_of
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.signup import limits, storefront
from saleor_stripe_audience.audience.signup.models import RateWindow
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Channel, Installation
from tests.audience.conftest import install
from tests.audience.histories import at, order, say
from tests.audience.records import record_order

PAGE = "https://shop.example.com"
SUBSCRIBE = """mutation S($input: AudienceSubscribeInput!) {
  audienceSubscribe(input: $input) { accepted errors { field code message } } }"""
UNSUBSCRIBE = """mutation U($input: AudienceUnsubscribeInput!) {
  audienceUnsubscribe(input: $input) { accepted errors { field code message } } }"""
FORM = (
    "query F($channel: String!) { audienceForm(channel: $channel) { name doubleOptIn consentText language } }"
)
ACCEPTED = {"accepted": True, "errors": []}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def within_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock of the rate limits, because a test at the end of a minute would be counted in two."""
    moment = timezone.now()
    monkeypatch.setattr(limits, "timezone", SimpleNamespace(now=lambda: moment))


@pytest.fixture
def shop() -> Installation:
    made = install()
    Channel.objects.create(installation=made, slug="default-channel", name="Default", currency="USD")
    record_order(made, order(), at(1))
    change_audience(Audience.objects.get(), AudienceSettings("News", consent_text="Yes, news!"))
    return made


@pytest.fixture
def key(shop: Installation) -> str:
    return storefront.create_key(shop, [PAGE]).key


def post(client: Client, key: str, query: str, origin: str = PAGE, **variables: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"} | ({"Origin": origin} if origin else {})
    body = json.dumps({"query": query, "variables": variables})
    return client.post("/storefront/graphql/", body, content_type="application/json", headers=headers)


def subscribe(client: Client, key: str, email: str = "ada@shop.example", **given: str) -> dict[str, Any]:
    fields = {"channel": "default-channel", "email": email} | given
    answer: dict[str, Any] = post(client, key, SUBSCRIBE, input=fields).json()["data"]["audienceSubscribe"]
    run_tasks()
    return answer


def unsubscribe(client: Client, key: str, email: str = "ada@shop.example", **given: str) -> dict[str, Any]:
    fields = {"channel": "default-channel", "email": email} | given
    answer: dict[str, Any] = post(client, key, UNSUBSCRIBE, input=fields).json()["data"][
        "audienceUnsubscribe"
    ]
    run_tasks()
    return answer


def test_a_page_subscribes_with_the_words_it_showed(client: Client, key: str) -> None:
    wordings.add(Audience.objects.get(), "Write to me.")
    given = {"consentText": "Write to me.", "source": "footer", "language": "fr-CA"}
    assert subscribe(client, key, "Grace@Shop.Example", **given) == ACCEPTED
    contact = Contact.objects.get(email="grace@shop.example")
    word = contact.consents.get()
    assert (contact.status, contact.language) == ("subscribed", "fr-ca")
    assert (word.source, word.source_detail, word.ip) == ("storefront", "footer", "127.0.0.1")
    assert word.wording is not None
    assert word.wording.text == "Write to me."


def test_a_page_unsubscribes_as_easily(client: Client, key: str) -> None:
    subscribe(client, key)
    assert unsubscribe(client, key, source="account page") == ACCEPTED
    assert Contact.objects.get().status == "unsubscribed"
    assert Consent.objects.get(kind="withdrawn").source == "storefront"


def test_the_answer_is_the_same_whoever_is_known(client: Client, shop: Installation, key: str) -> None:
    say(Contact.objects.get(), "withdrawn", at(2))
    for number, status in enumerate(["subscribed", "erased", "new"]):
        record_order(shop, order(str(number + 2), email=f"{status}@shop.example"), at(1))
    say(Contact.objects.get(email="subscribed@shop.example"), "given", at(2))
    erasure.erase(shop, "erased@shop.example")
    everybody = ["ada", "subscribed", "erased", "new", "stranger"]
    for act in (subscribe, unsubscribe):
        assert [act(client, key, f"{name}@shop.example") for name in everybody] == [ACCEPTED] * 5
    assert erasure.is_erased(shop, "erased@shop.example")
    assert not Contact.objects.filter(email="erased@shop.example").exists()


def test_unsubscribing_a_stranger_keeps_nothing(client: Client, key: str) -> None:
    unsubscribe(client, key, "stranger@shop.example")
    assert Contact.objects.count() == 1
    assert Consent.objects.count() == 0


def test_who_withdrew_comes_back_only_through_the_mailbox(
    client: Client, key: str, mail_server: None
) -> None:
    say(Contact.objects.get(), "withdrawn", at(2))
    subscribe(client, key)
    assert Contact.objects.get().status == "unsubscribed"
    assert ConfirmationMail.objects.count() == 1


def test_with_double_opt_in_everybody_confirms(client: Client, key: str, mail_server: None) -> None:
    change_audience(Audience.objects.get(), AudienceSettings("News", double_opt_in=True, consent_text="Yes"))
    subscribe(client, key)
    assert Contact.objects.get().status == "pending"
    assert ConfirmationMail.objects.count() == 1


def test_a_strangers_word_changes_nothing_else_of_a_contact(client: Client, key: str) -> None:
    before = Contact.objects.values("language", "first_name", "known_at").get()
    subscribe(client, key, language="xx")
    assert Contact.objects.values("language", "first_name", "known_at").get() == before


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"email": "nobody"}, "email", "EMAIL_INVALID"),
        ({"email": ""}, "email", "EMAIL_INVALID"),
        ({"email": "a" * 300 + "@shop.example"}, "email", "EMAIL_INVALID"),
        ({"email": "a@b.example\nBcc: x@y.example"}, "email", "EMAIL_INVALID"),
        ({"channel": "other"}, "channel", "CHANNEL"),
        ({"channel": ""}, "channel", "CHANNEL"),
        ({"language": "x; DROP"}, "language", "LANGUAGE"),
        ({"consentText": "x" * 10_001}, "consentText", "CONSENT_WORDING_TOO_LONG"),
    ],
)
def test_what_is_wrong_with_the_question_is_reported(
    client: Client, key: str, given: dict[str, str], field: str, code: str
) -> None:
    answer = subscribe(client, key, **given)
    assert answer["accepted"] is False
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [(field, code)]
    assert (Contact.objects.count(), Consent.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    "given",
    [
        {"email": "ada\0@shop.example"},
        {"email": "ada\ud800@shop.example"},
        {"channel": "default\0channel"},
        {"channel": "\udfff"},
        {"language": "en\0"},
        {"consentText": "Yes\0"},
        {"consentText": "Yes\ud800"},
        {"source": "footer\0"},
    ],
)
def test_what_no_database_holds_is_refused_before_anything_is_looked_up(
    client: Client, key: str, given: dict[str, str]
) -> None:
    wanted = {"channel": "default-channel", "email": "ada@shop.example"} | given
    answer = post(client, key, SUBSCRIBE, input=wanted)
    assert answer.status_code == 400
    assert "data" not in answer.json()
    assert (Contact.objects.count(), Consent.objects.count()) == (1, 0)


def test_without_any_wording_nothing_is_agreed_to(client: Client, key: str) -> None:
    Audience.objects.update(consent_text="")
    for email in ("ada@shop.example", "stranger@shop.example"):
        assert subscribe(client, key, email)["errors"][0]["code"] == "CONSENT_WITHOUT_WORDING"
    assert Contact.objects.count() == 1


def test_the_form_says_what_is_agreed_to(client: Client, key: str) -> None:
    form = post(client, key, FORM, channel="default-channel").json()["data"]["audienceForm"]
    assert form == {"name": "News", "doubleOptIn": False, "consentText": "Yes, news!", "language": ""}
    assert post(client, key, FORM, channel="other").json()["data"] == {"audienceForm": None}


# Origins and shops


def test_another_shops_key_reaches_another_shop(client: Client, key: str) -> None:
    other = install("other.example")
    Channel.objects.create(installation=other, slug="default-channel", name="Default", currency="USD")
    audiences_of(other).update(consent_text="Yes")
    assert subscribe(client, storefront.create_key(other, [PAGE]).key) == ACCEPTED
    assert Contact.objects.get(audience__installation=other).status == "subscribed"
    assert Contact.objects.exclude(audience__installation=other).get().status == "nonsubscribed"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://shop.example.com", f"{PAGE}.evil.example"]
)
def test_a_foreign_page_is_refused(client: Client, key: str, origin: str) -> None:
    fields = {"channel": "default-channel", "email": "ada@shop.example"}
    answer = post(client, key, SUBSCRIBE, origin, input=fields)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer
    assert Consent.objects.count() == 0


def test_a_server_of_the_shop_needs_no_origin(client: Client, key: str) -> None:
    assert post(client, key, FORM, "", channel="default-channel").status_code == 200


def test_the_browser_is_let_on(client: Client, key: str) -> None:
    asked = client.options("/storefront/graphql/", headers={"Origin": PAGE})
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, PAGE)
    assert "authorization" in asked["Access-Control-Allow-Headers"]
    assert (
        client.options("/storefront/graphql/", headers={"Origin": "https://evil.example"}).status_code == 403
    )
    answer = post(client, key, FORM, channel="default-channel")
    assert answer["Access-Control-Allow-Origin"] == PAGE
    assert "Origin" in answer["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer
    assert not answer.cookies


def test_a_key_that_is_wrong_revoked_or_of_a_removed_shop_opens_nothing(
    client: Client, shop: Installation, key: str
) -> None:
    assert client.post("/storefront/graphql/", "{}", content_type="application/json").status_code == 401
    assert post(client, "ssp_wrong", FORM, channel="x").status_code == 401
    Installation.objects.update(is_active=False)
    assert post(client, key, FORM, channel="x").status_code == 401
    Installation.objects.update(is_active=True)
    storefront.revoke_key(shop.storefront_keys.get())
    assert post(client, key, FORM, channel="x").status_code == 401


@pytest.mark.parametrize(
    "origins",
    [
        [],
        ["shop.example.com"],
        ["https://shop.example.com/path"],
        ["javascript:alert(1)"],
        ["https://*"],
        ["*"],
    ],
)
def test_an_origin_that_is_none_is_refused(shop: Installation, origins: list[str]) -> None:
    with pytest.raises(Rejected, match="https://shop"):
        storefront.create_key(shop, origins)


# Rate limits


def test_who_asks_too_often_waits(client: Client, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storefront, "PER_CALLER", 3)
    answers = [subscribe(client, key, f"x{number}@shop.example") for number in range(5)]
    assert [answer["accepted"] for answer in answers] == [True, True, True, False, False]
    assert answers[-1]["errors"][0]["code"] == "RATE_LIMITED"
    assert Contact.objects.count() == 4


def test_one_address_is_not_subscribed_over_and_over(
    client: Client, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storefront, "PER_ADDRESS", 2)
    assert [subscribe(client, key) for _ in range(5)] == [ACCEPTED] * 5
    assert Consent.objects.count() == 2


def test_one_mailbox_is_one_however_its_address_is_spelled(
    client: Client, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storefront, "PER_ADDRESS", 2)
    for spelling in ("a.da@gmail.com", "ada+1@gmail.com", "a.d.a@googlemail.com", "ADA@gmail.com"):
        assert subscribe(client, key, spelling) == ACCEPTED
    assert Consent.objects.count() == 2


@pytest.mark.parametrize(
    ("callers", "is_one"),
    [
        (["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"], True),
        (["2001:db8:1:2::1", "2001:db8:1:3::1"], False),
        (["203.0.113.4", "203.0.113.5"], False),
        (["203.0.113.4", "::ffff:203.0.113.4"], True),
    ],
)
def test_a_caller_is_an_ipv4_address_or_an_ipv6_network(
    shop: Installation, monkeypatch: pytest.MonkeyPatch, callers: list[str], is_one: bool
) -> None:
    monkeypatch.setattr(storefront, "PER_CALLER", 1)
    storefront.subscribe(shop, "default-channel", "a@shop.example", ip=callers[0])
    if is_one:
        with pytest.raises(Rejected, match="Too many"):
            storefront.subscribe(shop, "default-channel", "b@shop.example", ip=callers[1])
    else:
        storefront.subscribe(shop, "default-channel", "b@shop.example", ip=callers[1])


def test_nobody_locks_others_out(shop: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storefront, "PER_CALLER", 3)
    monkeypatch.setattr(storefront, "PER_SHOP", 5)
    for number in range(20):
        with contextlib.suppress(Rejected):
            storefront.subscribe(shop, "default-channel", f"x{number}@shop.example", ip="203.0.113.4")
    for odd in ("nobody", "\0", "x" * 400):
        with pytest.raises(Rejected, match="address"):
            storefront.subscribe(shop, "default-channel", odd, ip="203.0.113.5")
    storefront.subscribe(shop, "default-channel", "other@shop.example", ip="203.0.113.6")
    assert Contact.objects.get(email="other@shop.example").status == "subscribed"


def test_unsubscribing_never_runs_out(
    client: Client, key: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PER_CALLER", "PER_SHOP", "PER_ADDRESS"):
        monkeypatch.setattr(storefront, name, 1)
    subscribe(client, key)
    assert subscribe(client, key, "b@shop.example")["accepted"] is False
    assert [unsubscribe(client, key) for _ in range(4)] == [ACCEPTED] * 4
    assert Contact.objects.get().status == "unsubscribed"
    assert Consent.objects.filter(kind="withdrawn").count() == 1


def test_whoever_is_known_the_work_is_the_same(client: Client, shop: Installation, key: str) -> None:
    for number, status in enumerate(["subscribed", "erased"]):
        record_order(shop, order(str(number + 2), email=f"{status}@shop.example"), at(1))
    say(Contact.objects.get(email="subscribed@shop.example"), "given", at(2))
    erasure.erase(shop, "erased@shop.example")
    for query in (SUBSCRIBE, UNSUBSCRIBE):
        post(client, key, query, input={"channel": "default-channel", "email": "first@shop.example"})
        asked = []
        for name in ("ada", "subscribed", "erased", "stranger"):
            fields = {"channel": "default-channel", "email": f"{name}@shop.example"}
            with CaptureQueriesContext(connection) as queries:
                post(client, key, query, input=fields)
            asked.append([re.sub(r"'[^']*'|s\d+_x\d+", "?", each["sql"]) for each in queries])
        assert asked == [asked[0]] * 4


def test_a_task_of_a_page_holds_no_address(client: Client, key: str) -> None:
    fields = {"channel": "default-channel", "email": "ada@shop.example"}
    post(client, key, SUBSCRIBE, input=fields)
    assert "ada@" not in str(list(OxTask.objects.values()))


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("ada.l+shop@gmail.com", "adal@gmail.com"),
        ("ada.l@googlemail.com", "adal@gmail.com"),
        ("ada.l+x@example.com", "ada.l@example.com"),
        ("ada-shop@yahoo.com", "ada@yahoo.com"),
        ("a_d-a.l@protonmail.com", "adal@proton.me"),
        ("shop@ada.fastmail.com", "ada@fastmail.com"),
        ("ada.l+x@outlook.com", "ada.l@outlook.com"),
        ("+@example.com", "+@example.com"),
        ("ada@me.com", "ada@icloud.com"),
    ],
)
def test_providers_deliver_many_spellings_to_one_mailbox(address: str, mailbox: str) -> None:
    assert mailbox_of(address) == mailbox


def test_limits_keep_no_addresses_and_end(shop: Installation) -> None:
    assert limits.allow("203.0.113.4", 1, timedelta(minutes=1))
    assert not limits.allow("203.0.113.4", 1, timedelta(minutes=1))
    assert limits.allow("203.0.113.5", 1, timedelta(minutes=1))
    assert not any("203.0" in bucket for bucket in RateWindow.objects.values_list("bucket", flat=True))
    RateWindow.objects.update(ends_at=timezone.now() - timedelta(minutes=5))
    limits.allow("198.51.100.7", 1, timedelta(minutes=1))
    assert RateWindow.objects.count() == 1


def test_a_period_that_ends_while_it_is_counted_refuses_nobody(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = at(0).replace(second=59, microsecond=999_000), at(0) + timedelta(minutes=1)
    moments = iter([before])
    monkeypatch.setattr(limits, "timezone", SimpleNamespace(now=lambda: next(moments, after)))
    assert limits.allow("203.0.113.4", 1, timedelta(minutes=1))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "198.51.100.9", "127.0.0.1"),
        (1, "198.51.100.9", "198.51.100.9"),
        (1, "1.2.3.4, 198.51.100.9", "198.51.100.9"),
        (2, "6.6.6.6, 198.51.100.9, 10.0.0.1", "198.51.100.9"),
        (2, "198.51.100.9", "127.0.0.1"),
        (1, "::ffff:198.51.100.9", "198.51.100.9"),
        (1, "<script>", None),
        (1, "198.51.100.9:51234", "198.51.100.9"),
        (1, "6.6.6.6:80, 198.51.100.9:51234", "198.51.100.9"),
        (1, '"198.51.100.9:51234"', "198.51.100.9"),
        (1, "::ffff:198.51.100.9:51234", "198.51.100.9"),
        (1, "[::ffff:198.51.100.9]:443", "198.51.100.9"),
        (1, "[2001:db8::9]:443", "2001:db8::9"),
        (1, '"[2001:db8::9]:443"', "2001:db8::9"),
        (1, "[2001:DB8::9]", "2001:db8::9"),
        (1, "2001:db8::9", "2001:db8::9"),
        (1, "2001:db8:0:0:0:0:0:9:443", "2001:db8::9"),
        (1, "fe80::9%eth0", "fe80::9"),
        (1, "[fe80::9%25eth0]:443", "fe80::9"),
        (1, "198.51.100.9:port", None),
        (1, "unknown", None),
        (1, "[", None),
        (1, '"', None),
    ],
)
def test_whose_request_it_is_the_operators_proxies_say(
    client: Client, key: str, settings: Any, proxies: int, forwarded: str, seen: str | None
) -> None:
    settings.PROXY_COUNT = proxies
    fields = {"channel": "default-channel", "email": "ada@shop.example"}
    client.post(
        "/storefront/graphql/",
        json.dumps({"query": SUBSCRIBE, "variables": {"input": fields}}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}", "X-Forwarded-For": forwarded},
    )
    run_tasks()
    assert Consent.objects.get().ip == seen


# Invalid requests


def test_too_much_at_once_is_refused(client: Client, key: str) -> None:
    assert post(client, key, FORM, channel="x" * 60_000).status_code == 413
    assert post(client, key, FORM, channel="x" * 3_000_000).status_code == 413
    many = " ".join(f'a{n}: audienceForm(channel: "x") {{ name }}' for n in range(9))
    assert "errors" in post(client, key, f"{{ {many} }}").json()


NO_GRAPHQL = [
    "", "[]", "nonsense", '{"query": 7}', '{"query": "{"}', "1", '"x"', "null", b"\xff", "[" * 330 + "]" * 330,
    "[" * 20_000, '{"query": "{__typename}", "variables": 3}', '{"query": "{__typename}", "operationName": 3}',
    '{"query": "\\ud800"}', '{"query": "{__typename\\u0000}"}', '{"variables": {}}',
]  # fmt: skip


@pytest.mark.parametrize("body", NO_GRAPHQL)
def test_what_is_not_graphql_is_refused(client: Client, key: str, body: str | bytes) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    answer = client.post("/storefront/graphql/", body, content_type="application/json", headers=headers)
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert answer.json()["errors"]
    assert client.get("/storefront/graphql/?query={__typename}", headers=headers).status_code == 405


def test_neither_answer_nor_log_repeats_what_went_wrong(
    client: Client, key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("ada@shop.example is a contact")

    monkeypatch.setattr(storefront, "enqueue_subscribe", crash)
    fields = {"channel": "default-channel", "email": "ada@shop.example"}
    answer = post(client, key, SUBSCRIBE, input=fields)
    assert "ada@" not in answer.content.decode()
    assert answer.json()["errors"][0]["message"] == "Something went wrong on our side."
    post(
        client,
        key,
        'mutation { audienceSubscribe(input: {email: "ada@shop.example" channel: }) { accepted } }',
    )
    assert "storefront request failed" in caplog.text
    assert "ada@" not in caplog.text
