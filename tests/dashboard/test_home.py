"""The first section: whether customers can pay, what was sold, what needs attention."""

import html
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Audience, ChannelAudience, Contact
from saleor_stripe_audience.dashboard import home
from saleor_stripe_audience.dashboard.charts import HEIGHT, bars_of, path_of
from saleor_stripe_audience.dashboard.figures import (
    DAYS,
    Figure,
    Series,
    days_until,
    money_figures,
    people_figures,
)
from saleor_stripe_audience.dashboard.setup import read_facts
from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.gateway import terms
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments import staff_messages
from saleor_stripe_audience.payments.models import Notice, Payment
from saleor_stripe_audience.payments.upkeep import report_obstacles
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.shops.problems import report
from saleor_stripe_audience.wording import with_values
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import a_contact, a_payment, a_problem, an_account
from tests.plans import explained

NOW = datetime(2026, 11, 26, 0, 30, tzinfo=UTC)


def page_of(client: Client, shop: Shop, query: str = "", **claims: Any) -> str:
    answer = client.get(f"/dashboard/overview{query}", headers=shop.headers(**claims))
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def paid(shop: Shop, at: datetime, **changed: Any) -> Payment:
    payment = a_payment(shop.installation, **changed)
    Payment.objects.filter(pk=payment.pk).update(created_at=at)
    return payment


def figures_of(shop: Installation, now: datetime = NOW) -> dict[str, Figure]:
    own = Payment.objects.filter(installation=shop)
    return {each.title: each for each in money_figures(shop, own, now)}


def map_all(shop: Shop, account: StripeAccount) -> None:
    for channel in shop.installation.channels.all():
        AccountChannel.objects.create(
            installation=shop.installation, channel_slug=channel.slug, account=account
        )


# ---- figures ----


def test_sales_are_summed_by_day_and_never_over_currencies(shop: Shop) -> None:
    account = an_account(shop.installation)
    paid(shop, NOW, account=account, captured_minor=1000, refunded_minor=250)
    paid(shop, NOW - timedelta(hours=1), account=account, captured_minor=2000)  # yesterday in UTC
    paid(shop, NOW, account=account, captured_minor=500, currency="JPY")
    paid(shop, NOW - timedelta(days=30), account=account, captured_minor=9000)  # one day too old
    sales = figures_of(shop.installation)["Sales"]
    assert [(each.currency, each.today, each.total) for each in sales.series] == [
        ("JPY", "500 JPY", "500 JPY"),
        ("USD", "10.00 USD", "30.00 USD"),
    ]
    assert sales.series[1].values[-2:] == (2000, 1000)
    assert figures_of(shop.installation)["Refunds"].series[-1].total == "2.50 USD"


def test_fees_are_in_the_currency_of_the_balance(shop: Shop) -> None:
    paid(shop, NOW, fee_minor=59, settled_currency="EUR")
    paid(shop, NOW, fee_minor=None)
    [fees] = figures_of(shop.installation)["Stripe's fees"].series
    assert (fees.currency, fees.total) == ("EUR", "0.59 EUR")


def test_declines_and_disputes_are_counted_once_each(shop: Shop) -> None:
    declined = {"status": "requires_payment_method", "captured_minor": 0, "decline_code": "expired_card"}
    paid(shop, NOW, **declined)
    payment = paid(shop, NOW, decline_code="expired_card")  # tried again, and paid
    for state in ("needs_response", "under_review", "lost"):
        Notice.objects.create(
            installation=shop.installation,
            reference="du_1",
            payment_intent_id=payment.payment_intent_id,
            state=state,
            message="",
        )
    Notice.objects.create(
        installation=shop.installation,
        reference="prv_1",
        payment_intent_id=payment.payment_intent_id,
        state="open",
        message="",
    )
    found = figures_of(shop.installation, timezone.now())
    assert found["Declined payments"].series[0].total in {"0", "1"}  # by this machine's date
    assert figures_of(shop.installation)["Declined payments"].series[0].total == "1"
    assert found["Disputes"].series[0].total == "1"


def test_a_shop_without_sales_has_figures_of_nothing(shop: Shop) -> None:
    for figure in figures_of(shop.installation).values():
        [series] = figure.series
        assert (series.today, series.total, len(series.values)) == ("0", "0", DAYS)
        assert bars_of(series) == []


def test_contacts_and_their_choices_to_subscribe_are_counted(shop: Shop) -> None:
    contact = a_contact(shop.installation)
    Contact.objects.filter(pk=contact.pk).update(created_at=NOW)
    choices = [("given", False), ("given", True), ("confirmed", False), ("withdrawn", False)]
    for number, (kind, waits) in enumerate(choices):
        Consent.objects.create(
            contact=contact,
            audience=contact.audience,
            kind=kind,
            at=NOW,
            email=contact.email,
            source=Consent.Source.CHECKOUT,
            needs_confirmation=waits,
            key=str(number),
        )
    new, subscribers = people_figures([contact.audience_id], NOW)
    assert (new.series[0].today, subscribers.series[0].today) == ("1", "2")
    assert people_figures([], NOW)[0].series[0].total == "0"


def test_each_day_has_its_own_count_and_none_is_lost(shop: Shop) -> None:
    audience = a_contact(shop.installation).audience
    moments = [NOW - timedelta(days=ago, minutes=30 * part) for ago in range(DAYS) for part in range(2)]
    for number, at in enumerate(moments):
        Contact.objects.create(audience=audience, email=f"{number}@example.com", created_at=at)
    Contact.objects.filter(email="ada@example.com").update(created_at=NOW - timedelta(days=DAYS))
    [contacts] = people_figures([audience.pk], NOW)[0].series
    by_day = Counter(at.date() for at in moments)
    assert contacts.values == tuple(by_day[day] for day in contacts.days)


def test_a_bar_is_as_high_as_its_share_and_never_invisible() -> None:
    values = (0, 1, 500, 1000, *([0] * (DAYS - 4)))
    bars = bars_of(Series("Sales", "USD", days_until(NOW), values))
    assert [each.height for each in bars] == [2, HEIGHT // 2, HEIGHT]
    assert all(each.y + each.height == HEIGHT for each in bars)
    assert path_of(Series("Sales", "USD", days_until(NOW), values)).count("z") == len(bars)


def test_the_figures_are_read_through_indexes(shop: Shop) -> None:
    contact, account = a_contact(shop.installation), an_account(shop.installation)
    a_payment(shop.installation, account=account)
    own = Payment.objects.filter(installation=shop.installation, account__in=[account.pk])
    with explained() as plans:
        money_figures(shop.installation, own, NOW)
        people_figures([contact.audience_id], NOW)
    tables = {"payments_payment", "audience_contact", "audience_consent", "payments_notice"}
    assert len(plans) == 4
    assert [plan.lines for plan in plans if plan.scanned() & tables] == []
    if connection.vendor == "sqlite":
        lines = " ".join(plan.lines for plan in plans)
        for index in ("payments_newest", "contact_newest", "consent_newest"):
            assert index in lines, lines
        for table in ("audience_contact", "audience_consent"):
            [counted] = [plan.lines for plan in plans if f'"{table}"' in plan.sql]
            assert "COVERING INDEX" in counted
            assert "TEMP B-TREE" not in counted  # nothing is sorted


# ---- the section ----


def test_each_channel_says_whether_customers_can_pay_there(shop: Shop, client: Client) -> None:
    live = an_account(shop.installation, "Real", livemode=True)
    map_all(shop, live)
    terms.accept(shop.installation, "Pat Owner")
    AccountChannel.objects.filter(channel_slug="channel-pln").update(is_paused=True)
    states = {each.channel.slug: each for each in home.channel_states(read_facts(shop.installation))}
    assert states["default-channel"].is_open
    assert states["channel-pln"].reason == "No: payments are paused."
    page = page_of(client, shop)
    assert "Yes, with real money, through “Real”." in page
    assert "Payments are paused in Poland" in page


def test_test_payments_do_not_count_once_there_are_live_ones(shop: Shop, client: Client) -> None:
    test = an_account(shop.installation, "Test")
    map_all(shop, test)
    a_payment(shop.installation, account=test, captured_minor=777)
    page = page_of(client, shop)
    assert "Test payments" in page
    assert "7.77 USD" in page
    live = an_account(shop.installation, "Real", livemode=True)
    AccountChannel.objects.update(account=live)
    page = page_of(client, shop)
    assert "Live payments" in page
    assert "7.77 USD" not in page


def test_the_last_messages_and_the_last_failure_are_shown(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation)
    problem = a_problem(shop.installation, source="stripe", origin=account.pk)
    messages = home.read_messages(read_facts(shop.installation))
    assert messages.saleor is None
    assert messages.stripe == Event.objects.get(pk=problem.event_id).received_at
    assert (messages.failed, messages.waiting, messages.error) == (1, 0, problem.reason)
    page = page_of(client, shop)
    assert problem.reason in page
    assert "Resolve failed events" in page


def test_a_problem_leads_to_its_fix_and_is_checked_again(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = an_account(shop.installation)
    report(shop.installation, f"key-{account.pk}", "Stripe refuses the key.")
    page = page_of(client, shop)
    assert "Stripe refuses the key." in page
    assert 'id="go-next" hx-get="/dashboard/accounts"' in page
    checked: list[Installation] = []
    monkeypatch.setattr(home, "check_shop", checked.append)
    for _ in range(2):
        answer = client.post("/dashboard/overview/check", headers=shop.headers())
        assert answer.status_code == 200
        assert "Just checked." in answer.content.decode()
    assert checked == [shop.installation] * 2

    def fail(_shop: Installation) -> None:
        raise Unavailable("Stripe did not respond.")

    monkeypatch.setattr(home, "check_shop", fail)
    answer = client.post("/dashboard/overview/check", headers=shop.headers())
    assert answer.status_code == 422
    assert "Stripe did not respond." in answer.content.decode()


def test_a_problem_with_consents_leads_to_the_audiences(shop: Shop, client: Client) -> None:
    report(shop.installation, "consent checkout", "The consent has no text.")
    listed = client.get("/dashboard/problems", headers=shop.headers()).content.decode()
    assert 'id="fix-1" hx-get="/dashboard/audiences"' in listed
    assert 'id="go-next" hx-get="/dashboard/audiences"' in page_of(client, shop)
    manager = page_of(client, shop, user_permissions=["MANAGE_APPS"])
    assert 'hx-get="/dashboard/audiences"' not in manager, "no button is refused"
    assert 'id="go-next" hx-get="/dashboard/problems"' in manager


def test_a_problem_is_shown_once(shop: Shop, client: Client) -> None:
    """As the next step, and not again in the list and on the line of each channel."""
    map_all(shop, an_account(shop.installation, "Real", livemode=True))
    terms.accept(shop.installation, "Pat Owner")
    AccountChannel.objects.update(is_paused=True)
    report_obstacles(shop.installation)
    page = page_of(client, shop)
    assert page.count("Payments are paused in Default, Poland") == 1
    assert page.count("No: payments are paused.") == 2
    assert "needs attention" not in page
    AccountChannel.objects.update(is_paused=False)
    report_obstacles(shop.installation)
    assert "paused" not in page_of(client, shop)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "en",
            (
                "Stripe refused the key of account “Main”. Paste a new restricted key on the app's page. "
                "The same applies to “Second”, “Third”."
            ),
        ),
        (
            "fr",
            "de même pour «\N{NO-BREAK SPACE}Second\N{NO-BREAK SPACE}», «\N{NO-BREAK SPACE}Third\N{NO-BREAK SPACE}».",
        ),
    ],
)
def test_the_same_problem_of_several_accounts_is_one(
    shop: Shop, client: Client, language: str, text: str
) -> None:
    report(shop.installation, "terms", "Accept the terms.")
    for name in ("Third", "Second", "Main"):
        account = an_account(shop.installation, name)
        report(shop.installation, f"key-{account.pk}", with_values(staff_messages.KEY_REFUSED, account=name))
    for section in ("overview", "problems"):
        headers = shop.headers() | {"Accept-Language": language}
        page = html.unescape(client.get(f"/dashboard/{section}", headers=headers).content.decode())
        assert page.count(text) == 1
        assert page.count("Accept the terms.") == 1


def test_the_same_problem_of_two_channels_is_one(shop: Shop, client: Client) -> None:
    """Unless it is about another currency."""
    shop.installation.channels.create(slug="us", name="Overseas", currency="USD")
    for slug, name, currency in (
        ("default-channel", "Default", "USD"),
        ("us", "Overseas", "USD"),
        ("channel-pln", "Poland", "PLN"),
    ):
        message = with_values(staff_messages.NO_WAY_TO_PAY, channel=name, currency=currency)
        report(shop.installation, f"methods-{slug}", message)
    page = client.get("/dashboard/problems", headers=shop.headers()).content.decode()
    assert page.count("No one can pay") == 2
    assert "in the channel “Overseas” with USD" in page
    assert "The same applies to “Default”." in page
    assert "in the channel “Poland” with PLN" in page


@pytest.mark.parametrize(
    ("permissions", "shown", "hidden"),
    [
        (
            ["HANDLE_PAYMENTS"],
            ["Sales", "Can customers pay?"],
            ["New contacts", "Setup", "Last from Stripe"],
        ),
        (["MANAGE_USERS"], ["New contacts"], ["Sales", "Stripe's fees", "Check again"]),
        ([], ["Can customers pay?"], ["Last 30 days", "Sales", 'hx-get="/dashboard/channels"']),
    ],
)
def test_a_clerk_sees_only_what_they_may(
    shop: Shop, client: Client, permissions: list[str], shown: list[str], hidden: list[str]
) -> None:
    page = page_of(client, shop, user_permissions=permissions)
    for text in shown:
        assert text in page
    for text in hidden:
        assert text not in page
    denied = client.post("/dashboard/overview/check", headers=shop.headers(user_permissions=permissions))
    assert denied.status_code == 403


def test_the_section_costs_the_same_however_much_was_sold(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation)
    map_all(shop, account)
    a_contact(shop.installation)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page_of(client, shop)
        return len(queries)

    a_payment(shop.installation, account=account)
    page_of(client, shop)
    one = cost()
    for currency in ("USD", "JPY", "EUR"):
        a_payment(shop.installation, account=account, currency=currency)
    assert cost() == one
    assert one <= 30


# ---- one site ----


def test_everything_is_about_the_site_that_was_chosen(shop: Shop, client: Client) -> None:
    account, other = an_account(shop.installation, "One"), an_account(shop.installation, "Two")
    map_all(shop, account)
    a_payment(
        shop.installation, account=account, channel_slug="channel-pln", currency="PLN", captured_minor=111
    )
    a_payment(shop.installation, account=other, captured_minor=222)
    for site, found, missing in (
        ("channel:channel-pln", "1.11 PLN", "2.22 USD"),
        (f"account:{other.pk}", "2.22 USD", "1.11 PLN"),
    ):
        page = page_of(client, shop, f"?site={site}")
        assert found in page
        assert missing not in page
        assert f'value="{site}" selected' in page
    listed = client.get(
        f"/dashboard/payments?site=account:{other.pk}", headers=shop.headers()
    ).content.decode()
    assert listed.count("<tr>") == 2  # the heading and one payment
    exported = client.get("/dashboard/payments.csv?site=channel:channel-pln", headers=shop.headers())
    assert len(b"".join(exported).splitlines()) == 2


@pytest.mark.parametrize("site", ["channel:none", "account:x", "x", "channel:", "\u2603"])
def test_a_site_that_the_shop_does_not_have_is_everything(shop: Shop, client: Client, site: str) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjI=")
    foreign = an_account(other.installation)
    a_payment(shop.installation, captured_minor=333)
    assert "3.33 USD" in page_of(client, shop, f"?site={site}")
    assert "3.33 USD" in page_of(client, shop, f"?site=account:{foreign.pk}")


def test_a_channels_contacts_are_those_of_its_audience(shop: Shop, client: Client) -> None:
    a_contact(shop.installation)
    polish = Audience.objects.create(installation=shop.installation, name="Polish")
    ChannelAudience.objects.create(installation=shop.installation, channel="channel-pln", audience=polish)
    Contact.objects.create(audience=polish, email="ewa@example.com")

    def listed(site: str) -> str:
        return client.get(f"/dashboard/contacts?site={site}", headers=shop.headers()).content.decode()

    assert "ewa@example.com" in listed("channel:channel-pln")
    assert "ada@example.com" not in listed("channel:channel-pln")
    assert "ada@example.com" in listed("channel:default-channel")
