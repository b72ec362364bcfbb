"""To Stripe's pages and back, in a separate browser tab."""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.core import signing
from django.test import Client

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.dashboard import hosted
from saleor_stripe_audience.dashboard.overview import checks
from saleor_stripe_audience.gateway import connect
from saleor_stripe_audience.gateway.disconnect import disconnect
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.payments.upkeep import report_obstacles
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Problem
from tests.conftest import Work
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import a_payment, an_account
from tests.gateway.platform import offer, start_account
from tests.payments.conftest import stripe_sandbox, stripe_url

__all__ = ["stripe_sandbox", "stripe_url"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_url")]


@pytest.fixture(autouse=True)
def _platform(settings: Any, stripe_sandbox: StripeSandbox) -> None:
    offer(settings, stripe_sandbox)


def go(client: Client, url: str, **headers: str) -> Any:
    return client.get(urlsplit(url).path, headers=headers)


def at_stripe(client: Client, url: str, outcome: str) -> str:
    """Go through Stripe's pages; return the URL that they lead to."""
    sent = go(client, url)
    assert sent.status_code == 302, sent.content.decode()
    assert requests.get(sent["Location"], allow_redirects=False, timeout=5).status_code == 200
    left = requests.post(sent["Location"], {"outcome": outcome}, allow_redirects=False, timeout=5)
    return left.headers["Location"]


def links_in(client: Client, shop: Shop) -> list[str]:
    """Return the links to Stripe's pages that staff see."""
    text = client.get("/dashboard/accounts", headers=shop.headers()).content.decode()
    return [unescape(found) for found in re.findall(r'data-out href="([^"]*/begin)"', text)]


def test_from_the_button_to_an_account_that_takes_payments(shop: Shop, client: Client) -> None:
    (button,) = links_in(client, shop)
    back = at_stripe(client, button, "complete")
    shown = go(client, back)
    assert shown.status_code == 200
    assert "accepts payments" in shown.content.decode()
    account = StripeAccount.objects.get()
    assert account.takes_payments
    assert {each.channel_slug for each in account.channels.all()} == {"default-channel", "channel-pln"}
    # The URL changes every second, because its signature includes the time.
    assert go(client, go(client, button).headers["Location"]).content == shown.content, (
        "opened again, it is done"
    )
    assert StripeAccount.objects.count() == 1


def test_onboarding_left_before_the_end_can_be_continued(shop: Shop, client: Client) -> None:
    (button,) = links_in(client, shop)
    shown = go(client, at_stripe(client, button, "")).content.decode()
    assert "a bank account for payouts" in shown
    assert "Continue on Stripe" in shown
    text = client.get("/dashboard/accounts", headers=shop.headers()).content.decode()
    assert "Pending" in text
    assert "Stripe needs: what your business sells, your shop&#x27;s website" in text
    assert "<time datetime=" in text
    go_on, another = links_in(client, shop)
    at_stripe(client, another, "")
    assert StripeAccount.objects.count() == 1, "an unfinished one comes before a new one"
    assert "accepts payments" in go(client, at_stripe(client, go_on, "complete")).content.decode()
    assert StripeAccount.objects.count() == 1


@pytest.mark.parametrize(
    ("outcome", "words", "badge", "state"),
    [
        ("review", "Stripe is reviewing", "Pending", "todo"),
        ("restrict", "Stripe needs more", "Restricted", "bad"),
        ("reject", "Stripe rejected", "Rejected", "bad"),
    ],
)
def test_what_came_of_it_is_said(
    shop: Shop, client: Client, outcome: str, words: str, badge: str, state: str
) -> None:
    (button,) = links_in(client, shop)
    shown = go(client, at_stripe(client, button, outcome))
    assert words in shown.content.decode()
    assert badge in client.get("/dashboard/accounts", headers=shop.headers()).content.decode()
    assert {each.title: each.state for each in checks(shop.installation)}["Stripe"] == state


def test_a_used_link_leads_to_a_new_one(shop: Shop, client: Client) -> None:
    account = start_account(shop.installation)
    first = go(client, hosted.begin_url(shop.installation, account))["Location"]
    requests.get(first, allow_redirects=False, timeout=5)
    again = requests.get(first, allow_redirects=False, timeout=5).headers["Location"]
    assert "/again" in again
    second = go(client, again)["Location"]
    assert second != first
    assert requests.get(second, allow_redirects=False, timeout=5).status_code == 200


def test_what_stripe_asks_of_an_account_that_works_can_be_given(
    shop: Shop, client: Client, stripe_sandbox: StripeSandbox
) -> None:
    account = start_account(shop.installation)
    stripe_sandbox.onboard(account.stripe_id, "complete")
    connect.refresh(account)
    assert not hosted.can_continue(account)
    account.requirements = ["company.tax_id"]
    account.save()
    go_on, _another = links_in(client, shop)
    assert "/sandbox/connect/" in go(client, go_on)["Location"]


def test_in_french(shop: Shop, client: Client) -> None:
    (button,) = links_in(client, shop)
    shown = go(client, at_stripe(client, button, ""), accept_language="fr").content.decode()
    assert "un compte bancaire pour les virements" in shown
    assert "Continuer sur Stripe" in shown


def test_without_a_platform_there_is_no_button(shop: Shop, client: Client, settings: Any) -> None:
    settings.STRIPE_PLATFORM_SECRET_KEY = ""
    assert links_in(client, shop) == []
    assert (
        "Connect with Stripe"
        not in client.get("/dashboard/accounts", headers=shop.headers()).content.decode()
    )


def test_only_who_may_manage_apps_is_shown_the_way(shop: Shop, client: Client) -> None:
    answer = client.get("/dashboard/accounts", headers=shop.headers(user_permissions=["HANDLE_PAYMENTS"]))
    assert answer.status_code == 403
    assert "/begin" not in answer.content.decode()


@pytest.mark.parametrize("name", ["begin", "again", "back"])
@pytest.mark.parametrize("token", ["x", "W10:x:y", "of-another-purpose", "of-no-shop"])
def test_a_forged_address_leads_nowhere(shop: Shop, client: Client, name: str, token: str) -> None:
    if token == "of-another-purpose":
        token = signing.dumps([str(shop.installation.pk), "", 0, 0], salt="audience.preferences")
    if token == "of-no-shop":
        nobody = "00000000-0000-0000-0000-000000000000"
        token = signing.dumps([nobody, "", 0, 0], salt=f"hosted_{name}")
    answer = client.get(f"/dashboard/stripe/{token}/{name}")
    assert answer.status_code == 422
    assert "no longer valid" in answer.content.decode()
    assert not StripeAccount.objects.exists()


def test_an_address_is_good_for_one_purpose_a_day_and_its_shop(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = start_account(shop.installation)
    back = hosted.links(account)["back"]
    assert client.get(urlsplit(back).path.replace("/back", "/begin")).status_code == 422
    other = make_shop("https://other.example.com/graphql/", "QXBwOjI=")
    foreign = hosted.begin_url(other.installation, account)
    assert go(client, foreign).status_code == 422
    monkeypatch.setattr(hosted, "VALID_SECONDS", -1)
    assert go(client, back).status_code == 422


def test_a_shop_that_removed_the_app_begins_nothing(shop: Shop, client: Client) -> None:
    (button,) = links_in(client, shop)
    shop.installation.is_active = False
    shop.installation.save()
    assert go(client, button).status_code == 422
    assert not StripeAccount.objects.exists()


def test_disconnected_here_only_a_confirmed_action_brings_it_back(
    shop: Shop,
    client: Client,
    stripe_sandbox: StripeSandbox,
    run_due_tasks: Work,
) -> None:
    """No link does: a browser, or a chat's preview, opens links without anybody's decision."""
    account = start_account(shop.installation, "default-channel")
    stripe_sandbox.onboard(account.stripe_id, "complete")
    connect.refresh(account)
    old = hosted.links(account)
    before = [hosted.begin_url(shop.installation), hosted.begin_url(shop.installation, account)]
    disconnect(account)
    now = hosted.begin_url(shop.installation, account)
    for link in (*before, now, old["again"], old["back"]):
        assert go(client, link).status_code == 422
    account.refresh_from_db()
    assert (account.state, AccountChannel.objects.exists()) == ("disconnected", False)
    page = client.get("/dashboard/accounts", headers=shop.headers()).content.decode()
    assert "Continue on Stripe" not in page
    assert "These channels have no account and will use it: Default, Poland." in page
    for _ in range(2):
        answer = reconnect(client, shop, account)
        assert (answer.status_code, "accepts payments" in answer.content.decode()) == (200, True)
    account.refresh_from_db()
    assert account.state == "connected"
    assert AccountChannel.objects.filter(account=account).count() == 2
    run_due_tasks()


def reconnect(client: Client, shop: Shop, account: StripeAccount) -> Any:
    return client.post(f"/dashboard/accounts/{account.pk}/reconnect", headers=shop.headers())


def test_an_unfinished_account_is_reconnected_and_then_continued(shop: Shop, client: Client) -> None:
    account = start_account(shop.installation)
    disconnect(account)
    text = reconnect(client, shop, account).content.decode()
    assert "Continue on Stripe before it can accept payments." in text
    go_on, _another = links_in(client, shop)
    assert go(client, go_on).status_code == 302


def test_an_account_that_is_gone_is_not_reconnected(
    shop: Shop, client: Client, stripe_sandbox: StripeSandbox
) -> None:
    left = start_account(shop.installation, "default-channel")
    connect.leave(left)
    rejected = start_account(shop.installation)
    disconnect(rejected)
    stripe_sandbox.onboard(rejected.stripe_id, "reject")
    for account in (left, rejected, an_account(make_shop("https://o.example.com/graphql/").installation)):
        answer = reconnect(client, shop, account)
        assert answer.status_code in (404, 422)
        account.refresh_from_db()
    assert (left.state, rejected.state) == ("disconnected", "disconnected")
    assert not AccountChannel.objects.exists()


def test_another_account_is_a_new_one_and_continuing_takes_no_channel(shop: Shop, client: Client) -> None:
    first = start_account(shop.installation)
    disconnect(first)
    (another,) = links_in(client, shop)
    at_stripe(client, another, "")
    second = StripeAccount.objects.exclude(pk=first.pk).get()
    assert second.channels.count() == 2
    second.channels.filter(channel_slug="channel-pln").delete()  # as staff do under Channels
    go_on, again = links_in(client, shop)
    for link in (go_on, again):
        assert go(client, link).status_code == 302
    assert [each.channel_slug for each in second.channels.all()] == ["default-channel"]
    assert StripeAccount.objects.count() == 2


def test_stripe_that_is_down_is_said(
    shop: Shop,
    client: Client,
    stripe_sandbox: StripeSandbox,
) -> None:
    (button,) = links_in(client, shop)
    stripe_sandbox.add_fault("POST /v1/accounts", status=500, times=9)
    answer = go(client, button)
    assert answer.status_code == 503
    assert "did not respond" in answer.content.decode()
    stripe_sandbox.faults.clear()
    assert go(client, button).status_code == 302


def test_nobody_frames_or_keeps_these_pages(shop: Shop, client: Client) -> None:
    answer = go(client, hosted.links(start_account(shop.installation))["back"])
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert client.post(urlsplit(hosted.begin_url(shop.installation)).path).status_code == 405


def test_a_channel_that_has_an_account_again_is_no_problem_any_more(
    shop: Shop, client: Client, stripe_sandbox: StripeSandbox, run_due_tasks: Work
) -> None:
    account = start_account(shop.installation, "default-channel", "channel-pln")
    stripe_sandbox.onboard(account.stripe_id, "complete")
    connect.refresh(account)
    connect.leave(account)
    report_obstacles(shop.installation)
    assert "Default, Poland" in Problem.objects.get().message
    run_due_tasks()
    (button,) = links_in(client, shop)
    go(client, at_stripe(client, button, "complete"))
    run_due_tasks()
    assert not Problem.objects.exists()


def test_an_account_whose_owner_left_says_so_and_is_a_site_only_with_payments(
    shop: Shop, client: Client
) -> None:
    an_account(shop.installation)
    left = start_account(shop.installation, "default-channel")
    connect.leave(left)
    page = client.get("/dashboard/accounts", headers=shop.headers()).content.decode()
    assert "owner ended the app" in page
    assert "(disconnected)" not in page
    a_payment(shop.installation, account=left)
    page = client.get("/dashboard/accounts", headers=shop.headers()).content.decode()
    assert f"{left.name} (disconnected)" in page


def test_a_payment_of_an_account_whose_owner_left_says_so(shop: Shop, client: Client) -> None:
    left = start_account(shop.installation, "default-channel")
    payment = a_payment(shop.installation, account=left)
    url = f"/dashboard/payments/{payment.pk}"
    assert "Refund this amount" in client.get(url, headers=shop.headers()).content.decode()
    connect.leave(left)
    page = client.get(url, headers=shop.headers()).content.decode()
    assert "Refund this amount" not in page
    assert "Refund or capture its payments in Stripe." in page
    method = client.get(f"{url}/method", headers=shop.headers()).content.decode()
    assert "ended the app's access" in method


def test_a_second_account_does_not_take_channels_that_work(shop: Shop, client: Client) -> None:
    pasted = an_account(shop.installation)
    AccountChannel.objects.create(
        installation=shop.installation, account=pasted, channel_slug="default-channel"
    )
    (button,) = links_in(client, shop)
    at_stripe(client, button, "")
    mapped = dict(AccountChannel.objects.values_list("channel_slug", "account__kind"))
    assert mapped == {"default-channel": "pasted", "channel-pln": "connect"}


# ---- the command ----


@pytest.fixture
def api_url(settings: Any, live_server: Any) -> Iterator[str]:
    """A host in which the app was installed."""
    with SaleorSandbox() as sandbox:
        settings.ALLOWED_SALEOR_URLS = (sandbox.api_url,)
        settings.PUBLIC_URL = live_server.url
        sandbox.install(f"{live_server.url}/api/manifest")
        yield sandbox.api_url


def test_the_command_prints_the_way_and_twice_is_once(
    api_url: str,
    client: Client,
    stripe_sandbox: StripeSandbox,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*more: str) -> dict[str, Any]:
        assert main(["connect-stripe", "--saleor-api-url", api_url, "--hosted", *more]) == 0
        output: dict[str, Any] = json.loads(capsys.readouterr().out)
        return output

    first, second = run(), run()
    assert (first["state"], first["livemode"]) == ("pending", False)
    assert "external_account" in first["stripe_asks"]
    assert first["channels"]
    assert first["account"] == second["account"]
    assert first["link"] != second["link"]
    assert requests.get(second["link"], timeout=5).status_code == 200
    at_stripe(client, second["good_for_a_day"], "complete")
    connect.refresh(StripeAccount.objects.get())
    done = run()
    assert (done["account"], done["state"], done["link"]) == (first["account"], "active", "")
    another = run("--another")
    assert another["account"] != first["account"]
    assert another["channels"] == [], "the first one keeps its channels"
    assert run("--another")["account"] == another["account"]


def test_the_command_says_that_nobody_offers_it(
    api_url: str, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.STRIPE_PLATFORM_SECRET_KEY = ""
    assert main(["connect-stripe", "--saleor-api-url", api_url, "--hosted"]) == 1
    assert "does not offer Stripe Connect" in capsys.readouterr().err
    assert not StripeAccount.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--hosted", "--publishable-key", "pk_test_1"],
        ["--publishable-key", "pk_test_1"],
        ["--another", "--publishable-key", "pk_test_1", "--secret-key", "sk_test_1"],
        [],
    ],
)
def test_the_command_takes_keys_or_none(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["connect-stripe", "--saleor-api-url", "https://shop.example.com/graphql/", *arguments])
    assert "--hosted" in capsys.readouterr().err
