"""What the page shows and what its buttons do; clicking twice has no further effect."""

import html
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from pytest_django.fixtures import Settings

from saleor_stripe_audience import dashboard
from saleor_stripe_audience.dashboard.overview import checks, next_step
from saleor_stripe_audience.dashboard.setup import steps
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway import onboarding, terms
from saleor_stripe_audience.gateway.accounts import pause, unpause
from saleor_stripe_audience.gateway.domains import Domain
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount, TermsAcceptance
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.payments import declines, staff_messages
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.saleor import client as saleor
from saleor_stripe_audience.saleor.client import ChannelData
from saleor_stripe_audience.shops.models import Channel, Problem
from saleor_stripe_audience.shops.problems import clear, report
from saleor_stripe_audience.wording import with_values
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import NOON, a_contact, a_payment, a_problem, an_account

Json = dict[str, Any]


def text_of(client: Client, shop: Shop, path: str, **headers: str) -> str:
    with translation.override(translation.get_language()):  # the request's language ends with it
        answer = client.get(f"/dashboard/{path}", headers=shop.headers() | headers)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, shop: Shop, path: str, fields: Json | None = None) -> tuple[int, str]:
    answer = client.post(f"/dashboard/{path}", fields or {}, headers=shop.headers())
    return answer.status_code, answer.content.decode()


# ---- overview ----


def states(shop: Shop) -> dict[str, str]:
    return {check.title: check.state for check in checks(shop.installation)}


def test_a_new_shop_is_asked_to_connect_stripe_first(shop: Shop, client: Client) -> None:
    assert states(shop)["Stripe"] == states(shop)["Channels"] == "todo"
    assert "Connect your Stripe account so that customers can pay." in text_of(client, shop, "overview")
    following = next_step(checks(shop.installation))
    assert following is not None
    assert following.title == "Stripe"


def test_everything_connected_leaves_nothing_to_do(shop: Shop, client: Client, settings: Settings) -> None:
    settings.APP_ID = settings.STOCK_APP_ID
    terms.accept(shop.installation, "Robin")
    onboarding.map_channels(an_account(shop.installation, livemode=True), ["default-channel", "channel-pln"])
    found = states(shop)
    assert found.pop("Catalogue") == "info"  # nothing is in Stripe yet
    assert set(found.values()) == {"good"}
    assert "Everything is working" in text_of(client, shop, "overview")


def test_an_id_that_the_stock_storefront_does_not_know_is_mentioned_and_nothing_to_do(
    shop: Shop, client: Client
) -> None:
    terms.accept(shop.installation, "Robin")
    onboarding.map_channels(an_account(shop.installation, livemode=True), ["default-channel", "channel-pln"])
    assert states(shop)["Storefront"] == "info"
    assert "saleor.app.payment.stripe" in text_of(client, shop, "setup")
    assert "Everything is working" in text_of(client, shop, "overview")


def test_everything_works_only_when_a_shopper_can_pay_everywhere(shop: Shop, client: Client) -> None:
    live = an_account(shop.installation, livemode=True)
    onboarding.map_channels(live, ["default-channel", "channel-pln"])
    assert "Accept the terms" in channels_text(shop)
    terms.accept(shop.installation, "Robin")
    pause(shop.installation.pk, "channel-pln")
    assert channels_text(shop) == "Payments are paused in Poland: customers cannot pay there."
    unpause(shop.installation.pk, "channel-pln")
    onboarding.map_channels(an_account(shop.installation, "Test"), [])
    AccountChannel.objects.filter(channel_slug="channel-pln").update(
        account=StripeAccount.objects.get(name="Test")
    )
    assert "Only test payments are accepted in Poland, although" in channels_text(shop)
    AccountChannel.objects.update(account=live)
    StripeAccount.objects.update(charges_enabled=False)
    assert "does not currently allow “Main” to accept payments" in channels_text(shop)
    StripeAccount.objects.update(charges_enabled=True, blocked_at=timezone.now())
    assert "Paste new keys" in channels_text(shop)
    assert "Everything is working" not in text_of(client, shop, "overview")
    StripeAccount.objects.update(blocked_at=None)
    assert states(shop)["Channels"] == "good"


def channels_text(shop: Shop) -> str:
    [found] = [check for check in checks(shop.installation) if check.title == "Channels"]
    assert found.state != "good"
    return found.text


def test_a_test_account_and_an_open_channel_are_named(shop: Shop) -> None:
    onboarding.map_channels(an_account(shop.installation), ["default-channel"])
    said = {check.title: check.text for check in checks(shop.installation)}
    assert "test payments only" in said["Stripe"]
    assert said["Channels"] == "Choose a Stripe account for Poland: customers cannot pay there yet."


def test_an_account_whose_messages_cannot_be_read_is_broken(shop: Shop) -> None:
    account = an_account(shop.installation)
    account.webhook_secret = ""
    account.save()
    assert states(shop)["Stripe"] == "bad"


def test_what_is_broken_comes_before_what_is_not_done(shop: Shop) -> None:
    a_problem(shop.installation)
    following = next_step(checks(shop.installation))
    assert following is not None
    assert following.state == "bad"


def test_a_worker_that_does_not_run_is_noticed(shop: Shop) -> None:
    event = Event.objects.create(
        source="saleor",
        origin=shop.installation.pk,
        key="1",
        kind="order_created",
        payload={},
        occurred_at=NOON,
    )
    assert states(shop)["Events"] == "good"
    Event.objects.filter(pk=event.pk).update(received_at=timezone.now() - timedelta(minutes=6))
    assert states(shop)["Events"] == "bad"


# ---- Stripe's keys ----

KEYS = {
    "publishable_key": " pk_test_1 ",
    "secret_key": " rk_test_very_secret ",
    "channel": ["default-channel"],
}


def record_connections(
    monkeypatch: pytest.MonkeyPatch, failure: Exception | None = None
) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []

    def connect(installation: Any, public: str, secret: str, slugs: list[str]) -> StripeAccount:
        calls.append((installation.pk, public, secret, slugs))
        if failure is not None:
            raise failure
        found = StripeAccount.objects.filter(installation=installation).first() or an_account(installation)
        onboarding.map_channels(found, slugs)
        return found

    monkeypatch.setattr(onboarding, "connect", connect)
    return calls


def test_keys_are_checked_and_connected(shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record_connections(monkeypatch)
    for _ in range(2):
        status, text = post(client, shop, "accounts/connect", KEYS)
        assert status == 200
        assert "“Main” is connected and accepts payments." in text
    assert calls[0] == (shop.installation.pk, "pk_test_1", "rk_test_very_secret", ["default-channel"])
    assert StripeAccount.objects.count() == AccountChannel.objects.count() == 1


@pytest.mark.parametrize("kind", [Rejected, Unavailable])
def test_what_stripe_says_is_said_and_the_secret_is_not(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch, kind: type[Rejected | Unavailable]
) -> None:
    record_connections(monkeypatch, kind("One key is for test payments, the other for live payments."))
    status, text = post(client, shop, "accounts/connect", KEYS)
    assert status == 422
    assert "One key is for test payments, the other for live payments." in text
    assert 'value="pk_test_1"' in text
    assert "very_secret" not in text


def test_a_secret_pasted_into_the_wrong_field_is_not_shown_back(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_connections(monkeypatch, Rejected("Copy it from Stripe again."))
    swapped = KEYS | {"publishable_key": "rk_test_very_secret"}
    assert "very_secret" not in post(client, shop, "accounts/connect", swapped)[1]


def test_at_least_one_channel_of_the_shop_must_be_chosen(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = record_connections(monkeypatch)
    for chosen in ([], ["channel-of-another-shop"]):
        status, text = post(client, shop, "accounts/connect", KEYS | {"channel": chosen})
        assert status == 422
        assert "Choose at least one channel" in text
    assert calls == []


def test_an_account_names_its_channels_with_the_slug_only_where_two_have_one_name(
    shop: Shop, client: Client
) -> None:
    accounts = [an_account(shop.installation, name) for name in ("Main", "Other")]
    for slug in ("default-channel", "channel-pln", "gone"):
        accounts[0].channels.create(installation=shop.installation, channel_slug=slug)
    assert "Channels: Default, gone, Poland" in text_of(client, shop, "accounts")
    assert "No channel uses this account" in text_of(client, shop, "accounts")
    Channel.objects.update(name="Shop")
    with CaptureQueriesContext(connection) as queries:
        text = text_of(client, shop, "accounts")
    assert "Channels: gone, Shop (channel-pln), Shop (default-channel)" in text
    for name in ("More", "Most"):
        an_account(shop.installation, name)
    with CaptureQueriesContext(connection) as more:
        text_of(client, shop, "accounts")
    assert len(more) == len(queries)


def test_accounts_are_shown_without_their_secrets(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation)
    text = text_of(client, shop, "accounts")
    assert account.name in text
    assert account.secret_key not in text
    assert account.webhook_secret not in text


def test_every_permission_that_is_checked_is_named_on_the_page(shop: Shop, client: Client) -> None:
    text = text_of(client, shop, "accounts")
    named = set(re.findall(r"<li>([^<]+)</li>", text.partition('<ul class="scopes">')[2]))
    assert named == set(onboarding._PROBES)


def test_a_second_account_does_not_offer_to_take_over_channels(shop: Shop, client: Client) -> None:
    onboarding.map_channels(an_account(shop.installation), ["default-channel"])
    text = text_of(client, shop, "accounts")
    assert 'value="channel-pln" checked' in text
    assert 'value="default-channel" checked' not in text


# ---- channels ----


def mapped(shop: Shop) -> dict[str, str]:
    found = AccountChannel.objects.filter(installation=shop.installation)
    return {each.channel_slug: each.account.name for each in found}


def test_channels_are_mapped_remapped_and_freed(shop: Shop, client: Client) -> None:
    first, second = an_account(shop.installation, "First"), an_account(shop.installation, "Second")
    chosen = {"channel:default-channel": str(first.pk), "channel:channel-pln": str(second.pk)}
    for _ in range(2):
        assert post(client, shop, "channels/save", chosen)[0] == 200
        assert mapped(shop) == {"default-channel": "First", "channel-pln": "Second"}
    assert post(client, shop, "channels/save", {"channel:channel-pln": ""})[0] == 200
    assert mapped(shop) == {"default-channel": "First"}


def test_every_list_of_channels_has_the_same_order(shop: Shop, client: Client) -> None:
    """By name, as people sort: neither by slug nor with the capital letters first."""
    Channel.objects.create(installation=shop.installation, slug="a", name="argentina", currency="ARS")
    account = an_account(shop.installation)
    onboarding.map_channels(account, ["default-channel", "channel-pln", "a"])
    pause(shop.installation.pk, "default-channel")
    pause(shop.installation.pk, "a")
    wanted = ["argentina", "Default", "Poland"]
    page = text_of(client, shop, "channels")
    assert re.findall(r"(argentina|Default|Poland) <span", page) == wanted
    assert re.findall(r"<strong>(argentina|Default|Poland)</strong>", page) == wanted
    assert "Channels: argentina, Default, Poland" in text_of(client, shop, "accounts")
    assert "Payments are paused in argentina, Default" in text_of(client, shop, "overview")
    assert "Payments are paused in argentina, Default:" in text_of(client, shop, "problems")


@pytest.mark.parametrize(
    ("names", "english", "french"),
    [
        (["Main"], "Main accepts payments.", "Main encaisse les paiements."),
        (["Main", "Other"], "Main, Other accept payments.", "Main, Other encaissent les paiements."),
    ],
)
def test_one_account_accepts_and_several_accept(
    shop: Shop, names: list[str], english: str, french: str
) -> None:
    for name in names:
        an_account(shop.installation, name, livemode=True)
    for language, text in (("en", english), ("fr", french)):
        with translation.override(language):
            assert text in [each.text for each in checks(shop.installation)]
            assert text in [each.text for each in steps(shop.installation)]


def test_another_shops_account_cannot_be_chosen(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    foreign = an_account(other.installation)
    ours = an_account(shop.installation, "Ours")
    chosen = {"channel:default-channel": str(ours.pk), "channel:channel-pln": str(foreign.pk)}
    assert post(client, shop, "channels/save", chosen)[0] == 422
    assert post(client, shop, "channels/save", {"channel:default-channel": "no-uuid"})[0] == 422
    assert mapped(shop) == {}


def test_a_disconnected_account_cannot_be_chosen(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation)
    account.state = StripeAccount.State.DISCONNECTED
    account.save()
    assert post(client, shop, "channels/save", {"channel:channel-pln": str(account.pk)})[0] == 422


def test_a_new_channel_is_read_from_saleor(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        saleor, "fetch_channels", lambda *_: [ChannelData("Q2hhbm5lbDoz", "japan", "Japan", "JPY")]
    )
    for _ in range(2):
        assert "Japan" in post(client, shop, "channels/read")[1]
    assert Channel.objects.filter(installation=shop.installation).count() == 3


def test_saleor_being_down_is_said(shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("The shop did not respond. The app will try again.")

    monkeypatch.setattr(saleor, "fetch_channels", fail)
    status, text = post(client, shop, "channels/read")
    assert (status, "The shop did not respond." in text) == (422, True)


# ---- payments and contacts ----


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, "Paid"),
        ({"status": "requires_capture", "captured_minor": 0}, "Authorized"),
        ({"refunded_minor": 100}, "Partially refunded"),
        ({"refunded_minor": 123_450}, "Refunded"),
        ({"status": "requires_payment_method", "captured_minor": 0}, "Started"),
        ({"status": "requires_payment_method", "decline_code": "card_declined"}, "Declined"),
        ({"status": "something_new"}, "something_new"),
    ],
)
def test_a_payments_state_in_words(shop: Shop, client: Client, changed: Json, word: str) -> None:
    a_payment(shop.installation, **changed)
    assert re.search(rf'<span class="badge \w+">{word}</span>', text_of(client, shop, "payments"))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_staff_read_why_a_payment_was_declined_in_their_words(
    shop: Shop, client: Client, language: str
) -> None:
    """Not the shopper's message in the shopper's language."""
    shoppers = declines.for_shopper("stolen_card", "fr" if language == "en" else "en")
    declined = {"decline_code": "stolen_card", "decline_message": shoppers}
    a_payment(shop.installation, status="requires_payment_method", captured_minor=0, **declined)
    text = html.unescape(text_of(client, shop, "payments", **{"Accept-Language": language}))
    assert declines.for_merchant("stolen_card", language) in text
    assert shoppers not in text


def test_no_text_of_a_problem_becomes_html(shop: Shop, client: Client) -> None:
    report(
        shop.installation,
        "webhooks",
        "<b>https://dashboard.stripe.com/payments/pi_1</b> https://evil.example/x",
    )
    for path in ("overview", "problems"):
        text = text_of(client, shop, path)
        assert (
            '&lt;b&gt;<a data-out href="https://dashboard.stripe.com/payments/pi_1">pi_1</a>&lt;/b&gt;'
            in text
        )
        assert 'href="https://evil.example' not in text


def test_a_live_payment_leads_to_live_stripe(shop: Shop, client: Client) -> None:
    payment = a_payment(shop.installation, account=an_account(shop.installation, livemode=True))
    link = f'href="https://dashboard.stripe.com/payments/{payment.payment_intent_id}"'
    assert link in text_of(client, shop, "payments")


def test_the_newest_come_first_and_only_so_many(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation)
    for number in range(25):
        a_payment(shop.installation, account=account, payment_intent_id=f"pi_number_{number:02}")
    shown = re.findall(r"payments/pi_number_(\d+)", text_of(client, shop, "payments"))
    assert shown == [f"{number:02}" for number in range(24, 4, -1)]


def test_a_contact_is_shown_with_what_it_spent_in_each_currency(shop: Shop, client: Client) -> None:
    a_contact(shop.installation)
    text = text_of(client, shop, "contacts")
    for expected in ("ada@example.com", "2,500 JPY", "42.00 USD", "Not subscribed"):
        assert expected in text


def test_what_a_buyer_calls_himself_is_text_and_not_markup(shop: Shop, client: Client) -> None:
    contact = a_contact(shop.installation)
    contact.first_name = "<script>alert(1)</script>"
    contact.save()
    assert "<script>" not in text_of(client, shop, "contacts")


# ---- problems ----


def test_why_an_event_failed_is_in_the_language_of_who_reads_the_page(shop: Shop, client: Client) -> None:
    problem = a_problem(shop.installation)
    text = html.unescape(text_of(client, shop, "problems", **{"Accept-Language": "fr"}))
    assert problem.reasons["fr"] in text
    assert problem.reasons["en"] not in text


def test_a_problem_is_shown_and_replayed_once(shop: Shop, client: Client) -> None:
    problem = a_problem(shop.installation)
    assert problem.reasons["en"] in text_of(client, shop, "problems")
    tasks = queued()
    assert "The event is being replayed." in post(client, shop, f"problems/{problem.pk}/replay")[1]
    assert "no longer needs attention" in post(client, shop, f"problems/{problem.pk}/replay")[1]
    assert queued() == tasks + 1
    assert Handling.objects.get(pk=problem.pk).given_up_at is None


def queued() -> int:
    from django_ox.models import OxTask

    return OxTask.objects.count()


def test_an_account_is_disconnected_once(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation)
    onboarding.map_channels(account, ["default-channel"])
    for _ in range(2):
        assert "is disconnected" in post(client, shop, f"accounts/{account.pk}/disconnect")[1]
    account.refresh_from_db()
    assert account.state == "disconnected"
    other = an_account(make_shop("https://other.example.com/graphql/", "QXBwOjI=").installation)
    assert post(client, shop, f"accounts/{other.pk}/disconnect")[0] == 404
    other.refresh_from_db()
    assert other.state == "connected"


def test_an_accounts_settings_are_saved_and_bad_ones_named(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saleor_stripe_audience.gateway.account_settings._prefix", lambda _: "SHOP")
    monkeypatch.setattr("saleor_stripe_audience.gateway.account_settings._try_at_stripe", lambda *_: None)
    account = an_account(shop.installation)
    path = f"accounts/{account.pk}/settings"
    assert post(client, shop, path, {"sends_receipts": "yes", "descriptor_suffix": "TEA"})[0] == 200
    account.refresh_from_db()
    assert (account.sends_receipts, account.descriptor_suffix) == (True, "TEA")
    status, text = post(client, shop, path, {"descriptor_suffix": "<5>"})
    assert (status, "must not contain" in text) == (422, True)
    assert re.search(r'name="descriptor_suffix" value="&lt;5&gt;"[^>]* data-focus', text), (
        "it is corrected here"
    )
    assert not re.search(r'name="sends_receipts" value="yes" checked', text)
    account.refresh_from_db()
    assert account.descriptor_suffix == "TEA"
    other = an_account(make_shop("https://other.example.com/graphql/", "QXBwOjI=").installation)
    assert post(client, shop, f"accounts/{other.pk}/settings")[0] == 404


def test_a_domain_is_registered_and_what_is_missing_is_named(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = an_account(shop.installation)
    path = f"accounts/{account.pk}/domain"
    status, text = post(client, shop, path, {"domain": "https://shop.example.com/"})
    assert (status, "without https://" in text) == (422, True)
    assert re.search(r'name="domain" value="https://shop.example.com/"[^>]* data-focus', text)
    found = Domain("shop.example.com", is_enabled=True, active=("Link",), inactive={})
    monkeypatch.setattr("saleor_stripe_audience.gateway.domains.register_domain", lambda *_: found)
    for _ in range(2):
        status, text = post(client, shop, path, {"domain": "shop.example.com"})
        assert (status, "Shown there: Link." in text) == (200, True)
    found = replace(found, inactive={"Apple Pay": "no file", "Klarna": ""})
    assert "Not shown there yet: Apple Pay (no file); Klarna" in post(client, shop, path, {"domain": "x"})[1]
    other = an_account(make_shop("https://other.example.com/graphql/", "QXBwOjI=").installation)
    assert post(client, shop, f"accounts/{other.pk}/domain", {"domain": "shop.example.com"})[0] == 404


def test_the_terms_are_accepted_by_name(shop: Shop, client: Client) -> None:
    assert "Before your first live payment" in text_of(client, shop, "accounts")
    assert post(client, shop, "accounts/terms")[0] == 422
    assert post(client, shop, "accounts/terms", {"accepted": "yes"})[0] == 200
    assert TermsAcceptance.objects.get().accepted_by == "staff@example.com"
    assert "Before your first live payment" not in text_of(client, shop, "accounts")


def test_a_channel_is_paused_and_opened_again(shop: Shop, client: Client) -> None:
    onboarding.map_channels(an_account(shop.installation), ["default-channel"])
    paused = post(
        client, shop, "channels/default-channel/pause", {"paused": "yes", "message": "Back <soon>"}
    )[1]
    assert "Back &lt;soon&gt;" in paused
    assert AccountChannel.objects.get().is_paused
    assert (
        post(client, shop, "channels/default-channel/pause", {"paused": "yes", "message": "m" * 201})[0]
        == 422
    )
    assert "accepted again" in post(client, shop, "channels/default-channel/pause")[1]
    assert not AccountChannel.objects.get().is_paused
    assert post(client, shop, "channels/nowhere/pause", {"paused": "yes"})[0] == 422


def test_what_must_be_fixed_stands_first_until_it_is(shop: Shop, client: Client) -> None:
    message = "The app does not have permissions in Saleor: MANAGE_PRODUCTS."
    assert "Needs attention" not in text_of(client, shop, "problems")
    report(shop.installation, "permissions", message)
    assert message in text_of(client, shop, "problems")
    assert message in text_of(client, shop, "overview")
    clear(shop.installation, "permissions")
    assert message not in text_of(client, shop, "problems")


@pytest.mark.parametrize("staff_language", ["en", "fr"])
def test_a_problem_is_in_the_language_of_who_reads_the_page(
    shop: Shop, client: Client, settings: Settings, staff_language: str
) -> None:
    """Whatever the operator chose for Saleor, and whatever language was active when the problem was found."""
    settings.STAFF_LANGUAGE = staff_language
    url = "https://dashboard.stripe.com/test/payments/pi_1"
    message = with_values(
        staff_messages.TOO_MUCH,
        what=with_values(staff_messages.ORDER, number="25"),
        surplus="3.98 USD",
        url=url,
    )
    with translation.override(staff_language):
        report(shop.installation, "paid-25", message)
    for path in ("overview", "problems"):
        english, french = (
            text_of(client, shop, path, **{"Accept-Language": language}) for language in ("en-US", "fr-CA")
        )
        assert "Order 25 was overpaid by 3.98 USD." in english
        assert "Commande 25\N{NO-BREAK SPACE}: 3.98 USD ont été payés en trop." in french
        assert "overpaid" not in french
        assert f'<a data-out href="{url}">pi_1</a>' in french
    in_saleor = {"en": "Order 25 was overpaid", "fr": "Commande 25\N{NO-BREAK SPACE}:"}[staff_language]
    assert Problem.objects.get().message.startswith(in_saleor)


def test_a_problem_whose_content_is_gone_cannot_be_replayed(shop: Shop, client: Client) -> None:
    problem = a_problem(shop.installation)
    Event.objects.filter(pk=problem.event_id).update(payload=None)
    status, text = post(client, shop, f"problems/{problem.pk}/replay")
    assert status == 422
    assert "no longer stored" in text
    assert problem.reason in text


def test_problems_of_the_shops_stripe_accounts_are_its_own(shop: Shop, client: Client) -> None:
    problem = a_problem(shop.installation, source="stripe", origin=an_account(shop.installation).pk)
    text = text_of(client, shop, "problems")
    assert "Stripe · Order placed" in text
    assert f"problems/{problem.pk}/replay" in text


# ---- one shop only ----


def test_another_shops_rows_are_never_shown(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    payment = a_payment(other.installation)
    contact = a_contact(other.installation, "eve@other.example")
    problem = a_problem(other.installation)
    everything = "".join(
        text_of(client, shop, path)
        for path in ("overview", "accounts", "channels", "payments", "contacts", "problems")
    )
    for foreign in (payment.payment_intent_id, payment.account.name, contact.email, problem.reason):
        assert foreign not in everything
    assert "no longer needs attention" in post(client, shop, f"problems/{problem.pk}/replay")[1]
    assert Handling.objects.get(pk=problem.pk).given_up_at is not None
    assert Payment.objects.count() == 1


# ---- languages ----

CATALOGUE = Path(dashboard.__path__[0]) / "locale/fr/LC_MESSAGES/django.po"


def test_a_form_is_refused_in_the_readers_language(shop: Shop, client: Client) -> None:
    form = {"publishable_key": "pk_nothing", "secret_key": "sk_nothing", "channel": ["default-channel"]}
    for language, words in (
        ("fr-CA", "La clé publique commence par"),
        ("en", "The publishable key begins with"),
    ):
        response = client.post(
            "/dashboard/accounts/connect", form, headers=shop.headers() | {"Accept-Language": language}
        )
        assert response.status_code == 422
        assert words in html.unescape(response.text)


def test_the_page_speaks_french_where_the_dashboard_does(shop: Shop, client: Client) -> None:
    text = text_of(client, shop, "overview", **{"Accept-Language": "fr-CA"})
    assert "Prochaine étape" in text
    assert "Connectez votre compte Stripe pour que les clients puissent payer." in text
