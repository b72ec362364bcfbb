"""The checklist of a new shop: each step depends on what is stored, and its button does what it says, once."""

import html
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from pytest_django.fixtures import Settings

from saleor_stripe_audience.audience.people.audiences import (
    AudienceSettings,
    create_audience,
    default_audience,
)
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.signup.metadata import report_problem
from saleor_stripe_audience.dashboard.hosted import free_channels
from saleor_stripe_audience.dashboard.setup import Step, steps
from saleor_stripe_audience.dashboard.terms_text import read_terms
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import terms
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.gateway.onboarding import create_key_url, key_permissions
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.payments import readiness
from saleor_stripe_audience.shops.models import Problem
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import NOON, a_payment, an_account

NAMES = ["stripe", "channels", "terms", "audience", "storefront", "catalogue", "history", "purchase", "live"]


def step(shop: Shop, name: str) -> Step:
    return next(each for each in steps(shop.installation) if each.name == name)


def map_all(shop: Shop, account: StripeAccount) -> None:
    for channel in shop.installation.channels.all():
        AccountChannel.objects.update_or_create(
            installation=shop.installation, channel_slug=channel.slug, defaults={"account": account}
        )


def a_job(shop: Shop, kind: str, state: str, **changed: Any) -> Job:
    return Job.objects.create(installation=shop.installation, kind=kind, state=state, **changed)


def post(client: Client, shop: Shop, path: str, fields: Any = None, **claims: Any) -> tuple[int, str]:
    answer = client.post(f"/dashboard/{path}", fields or {}, headers=shop.headers(**claims))
    return answer.status_code, html.unescape(answer.content.decode())


def test_a_new_shop_has_everything_to_do(shop: Shop) -> None:
    found = steps(shop.installation)
    assert [each.name for each in found] == NAMES
    assert {each.state for each in found} == {"todo"}


def test_a_shop_that_sells_has_nothing_to_do(shop: Shop) -> None:
    account = an_account(shop.installation, livemode=True)
    map_all(shop, account)
    terms.accept(shop.installation, "Pat Owner")
    create_audience(shop.installation, AudienceSettings(name="Other"))
    default_audience(shop.installation)
    Audience.objects.filter(is_default=True).update(configured_at=NOON)
    a_job(shop, Job.Kind.CATALOGUE, Job.State.DONE, key=str(account.pk), done=3)
    a_job(shop, Job.Kind.SALEOR, Job.State.DIFFERS, done=5)
    a_payment(shop.installation, account=account)
    assert {each.name: each.state for each in steps(shop.installation)} == dict.fromkeys(NAMES, "good")


def test_an_account_that_stripe_reviews_says_what_is_missing_and_since_when(
    shop: Shop, settings: Settings
) -> None:
    settings.STRIPE_PLATFORM_SECRET_KEY = "sk_test_platform"
    account = an_account(shop.installation)
    account.kind, account.connect_state = StripeAccount.Kind.CONNECT, StripeAccount.ConnectState.PENDING
    account.requirements, account.pending_since = ["external_account", "company.name"], NOON
    account.save()
    found = step(shop, "stripe")
    assert (found.state, found.since) == ("todo", NOON)
    assert found.details == ("a bank account for payouts", "details of the company")
    assert found.button is not None
    assert found.button.address.startswith("http")
    account.requirements = []
    account.save()
    assert "Stripe is reviewing it" in step(shop, "stripe").text
    account.connect_state = StripeAccount.ConnectState.REJECTED
    account.save()
    assert step(shop, "stripe").state == "bad"


def test_channels_without_an_account_are_named(shop: Shop) -> None:
    account = an_account(shop.installation)
    AccountChannel.objects.create(
        installation=shop.installation, channel_slug="default-channel", account=account
    )
    found = step(shop, "channels")
    assert found.state == "todo"
    assert "Poland" in found.text
    assert "Default" not in found.text
    map_all(shop, account)
    assert step(shop, "channels").state == "good"


def test_a_channel_that_was_deleted_in_saleor_needs_nothing(shop: Shop, client: Client) -> None:
    live, tests = (an_account(shop.installation, livemode=each) for each in (True, False))
    map_all(shop, live)
    terms.accept(shop.installation, "Pat Owner")
    gone = shop.installation.channels.create(slug="gone", name="Gone", currency="EUR", is_deleted=True)
    mapping = AccountChannel.objects.create(
        installation=shop.installation, channel_slug=gone.slug, account=tests, is_paused=True
    )
    for _ in range(2):
        assert {step(shop, "channels").state, step(shop, "live").state} == {"good"}
        assert readiness.obstacles(shop.installation) == []
        for section in ("channels", "accounts", "overview", "setup"):
            answer = client.get(f"/dashboard/{section}", headers=shop.headers())
            assert answer.status_code == 200
            page = answer.content.decode().replace(">Gone · EUR</option>", "")  # its payments can be chosen
            assert "Gone" not in page
        assert "gone" not in free_channels(shop.installation)
        AccountChannel.objects.filter(pk=mapping.pk).delete()


def test_a_disconnected_account_is_no_account(shop: Shop) -> None:
    account = an_account(shop.installation)
    map_all(shop, account)
    account.state = StripeAccount.State.DISCONNECTED
    account.save()
    assert step(shop, "stripe").state == "todo"
    assert step(shop, "channels").state == "todo"


def test_the_newest_job_of_each_account_says_how_far_the_catalogue_is(shop: Shop) -> None:
    account = an_account(shop.installation)
    map_all(shop, account)
    assert step(shop, "catalogue").state == "todo"
    old = a_job(shop, Job.Kind.CATALOGUE, Job.State.FAILED, key=str(account.pk))
    Job.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=1))
    assert step(shop, "catalogue").state == "bad"
    job = a_job(
        shop,
        Job.Kind.CATALOGUE,
        Job.State.RUNNING,
        key=str(account.pk),
        done=50,
        total=100,
        worked_seconds=90,
    )
    found = step(shop, "catalogue")
    assert found.state == "moving"
    assert found.progress is not None
    assert (found.progress.done, found.progress.total, found.progress.minutes) == (50, 100, 2)
    Job.objects.filter(pk=job.pk).update(state=Job.State.DIFFERS)
    assert step(shop, "catalogue").state == "good"
    assert step(shop, "catalogue").text == "Your products are in Stripe."
    another = an_account(shop.installation, "Second")
    AccountChannel.objects.filter(channel_slug="channel-pln").update(account=another)
    assert step(shop, "catalogue").state == "todo"
    a_job(shop, Job.Kind.CATALOGUE, Job.State.DONE, key=str(another.pk), done=50)
    assert step(shop, "catalogue").text == "Your products are in Stripe."
    Job.objects.update(failed=2)
    text = "Your products were sent to Stripe, except 2 that failed."
    assert step(shop, "catalogue").text == text, "they are the same, whatever account they are sent to"


def test_thousands_are_written_as_the_reader_does_and_a_browser_needs(shop: Shop, client: Client) -> None:
    job = a_job(shop, Job.Kind.SALEOR, Job.State.RUNNING, done=1234, total=56789)
    for language, shown in (("en", "1,234 of 56,789"), ("fr", "1\u00a0234 sur 56\u00a0789")):
        headers = shop.headers() | {"Accept-Language": language}
        text = client.get("/dashboard/setup/steps/history", headers=headers).content.decode()
        assert shown in html.unescape(text)
        assert 'value="1234" max="56789"' in text
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE)
    assert "1,234 entries were imported." in str(step(shop, "history").text)


@pytest.mark.parametrize(
    ("state", "shown"),
    [("queued", "moving"), ("paused", "todo"), ("cancelled", "todo"), ("failed", "bad"), ("done", "good")],
)
def test_the_history_is_as_far_as_its_job(shop: Shop, state: str, shown: str) -> None:
    a_job(shop, Job.Kind.SALEOR, state)
    assert step(shop, "history").state == shown


def test_a_purchase_counts_once_it_is_paid(shop: Shop) -> None:
    payment = a_payment(shop.installation, status="requires_payment_method", captured_minor=0)
    assert (step(shop, "storefront").state, step(shop, "purchase").state) == ("good", "todo")
    payment.captured_minor = 100
    payment.save()
    assert step(shop, "purchase").state == "good"


def test_live_needs_a_live_account_everywhere_and_the_terms(shop: Shop) -> None:
    test, live = an_account(shop.installation, "Test"), an_account(shop.installation, "Live", livemode=True)
    map_all(shop, test)
    assert "live account for every channel" in step(shop, "live").text
    map_all(shop, live)
    found = step(shop, "live")
    assert found.state == "todo"
    assert found.button is not None
    assert found.button.dialog == "terms"
    terms.accept(shop.installation, "Pat Owner")
    assert step(shop, "live").state == "good"
    AccountChannel.objects.filter(channel_slug="channel-pln").update(is_paused=True)
    assert step(shop, "live").state == "todo"


def test_other_shops_count_for_nothing(shop: Shop) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjI=")
    map_all(other, an_account(other.installation))
    a_payment(other.installation)
    a_job(other, Job.Kind.SALEOR, Job.State.DONE)
    default_audience(other.installation)
    Audience.objects.update(configured_at=NOON)
    assert {each.state for each in steps(shop.installation)} == {"todo"}


def test_the_steps_cost_as_many_statements_whatever_the_shop_has(shop: Shop) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            steps(shop.installation)
        return len(queries)

    account = an_account(shop.installation)
    map_all(shop, account)
    terms.are_accepted(shop.installation.pk)
    before = count()
    for _ in range(3):
        a_payment(shop.installation, account=account)
        a_job(shop, Job.Kind.CATALOGUE, Job.State.DONE, key=str(account.pk))
        a_job(shop, Job.Kind.SALEOR, Job.State.DONE)
    assert count() == before
    assert before <= 13


# ---- its buttons ----


def test_the_audience_is_named_and_its_other_options_stay(shop: Shop, client: Client) -> None:
    audience = default_audience(shop.installation)
    Audience.objects.filter(pk=audience.pk).update(cart_silence_minutes=90)
    report_problem(shop.installation, "checkout", Rejected("", code="consent_without_wording"))
    for _ in range(2):
        status, page = post(
            client, shop, "setup/audience", {"name": "Friends", "opt_in": "single", "consent_text": "News?"}
        )
        assert status == 200
        assert "“Friends” is your audience." in page
    audience.refresh_from_db()
    assert (audience.name, audience.consent_text, audience.cart_silence_minutes) == ("Friends", "News?", 90)
    assert audience.configured_at is not None
    assert not Problem.objects.exists()
    assert step(shop, "audience").state == "good"


@pytest.mark.parametrize(
    ("fields", "says"),
    [({"name": " "}, "Give the audience a name"), ({"name": "A", "opt_in": "double"}, "EMAIL_URL")],
)
def test_a_refused_audience_stays_open_with_what_was_typed(
    shop: Shop, client: Client, fields: dict[str, str], says: str
) -> None:
    status, page = post(client, shop, "setup/audience", {"consent_text": "My <b>words", **fields})
    assert status == 422
    assert says in page
    assert 'aria-labelledby="audience-title" data-opened' in page
    assert ">My <b>words</textarea>" in page
    assert not Audience.objects.filter(configured_at__isnull=False).exists()


def test_jobs_are_started_once(shop: Shop, client: Client) -> None:
    map_all(shop, an_account(shop.installation))
    everything = {"user_permissions": ["MANAGE_APPS", "MANAGE_USERS", "MANAGE_PRODUCTS"]}
    for path, kind in (("setup/history", Job.Kind.SALEOR), ("setup/catalogue", Job.Kind.CATALOGUE)):
        for _ in range(2):
            assert post(client, shop, path, **everything)[0] == 200
        job = Job.objects.get(kind=kind)
        assert (job.state, job.actor) == (Job.State.QUEUED, "staff@example.com")
        Job.objects.filter(pk=job.pk).update(state=Job.State.PAUSED)
        assert post(client, shop, path, **everything)[0] == 200
        assert Job.objects.get(kind=kind).state == Job.State.RUNNING


@pytest.mark.parametrize("path", ["setup/history", "setup/catalogue", "setup/audience"])
def test_a_button_needs_its_own_permission_too(shop: Shop, client: Client, path: str) -> None:
    map_all(shop, an_account(shop.installation))
    status, page = post(client, shop, path, {"name": "Mine"}, user_permissions=["MANAGE_APPS"])
    assert status == 403
    assert "This requires the permission" in page
    assert "Try again" not in page
    assert not Job.objects.exists()
    assert not Audience.objects.exists()
    shown = client.get("/dashboard/setup", headers=shop.headers(user_permissions=["MANAGE_APPS"]))
    assert f"/dashboard/{path}" not in shown.content.decode()


@pytest.mark.parametrize("path", ["setup", "setup/steps/stripe"])
def test_the_checklist_is_for_who_manages_apps(shop: Shop, client: Client, path: str) -> None:
    headers = shop.headers(user_permissions=["MANAGE_USERS", "HANDLE_PAYMENTS"])
    assert client.get(f"/dashboard/{path}", headers=headers).status_code == 403


def test_a_running_step_is_asked_for_alone(shop: Shop, client: Client) -> None:
    a_job(shop, Job.Kind.SALEOR, Job.State.RUNNING, done=5, total=10)
    answer = client.get("/dashboard/setup/steps/history", headers=shop.headers())
    text = answer.content.decode()
    assert text.startswith('<li id="step-history" class="moving"')
    assert "5 of 10" in text
    assert 'value="5" max="10"' in text
    assert client.get("/dashboard/setup/steps/none", headers=shop.headers()).status_code == 404


def test_the_terms_are_accepted_from_the_checklist(shop: Shop, client: Client) -> None:
    status, page = post(client, shop, "setup/terms")
    assert status == 422
    assert 'aria-labelledby="terms-title" data-opened' in page
    for _ in range(2):
        assert post(client, shop, "setup/terms", {"accepted": "yes"})[0] == 200
    assert terms.are_accepted(shop.installation.pk)
    assert step(shop, "terms").state == "good"


@pytest.mark.parametrize(("language", "begins"), [("en", "Version"), ("fr", "Version")])
def test_the_terms_are_read_as_articles(language: str, begins: str) -> None:
    with translation.override(language):
        found = read_terms()
    assert found.introduction.startswith(begins)
    assert len(found.articles) == 5
    assert not any(sign in " ".join(found.articles) for sign in ("](", "\n", "# "))


def test_the_storefronts_texts_are_those_of_the_app(shop: Shop, client: Client, settings: Settings) -> None:
    page = client.get("/dashboard/setup", headers=shop.headers()).content.decode()
    assert settings.APP_ID in page
    assert "marketing_consent" in page
    assert "paper.marketing_opt_in" in page


def test_the_link_to_a_key_chooses_a_permission_for_each_that_is_checked() -> None:
    url = create_key_url("Stripe & Audience")
    assert url.startswith(
        "https://dashboard.stripe.com/apikeys/create?name=Stripe+%26+Audience&permissions%5B%5D=rak_"
    )
    assert url.count("permissions%5B%5D=rak_") == len(key_permissions()) + 1  # one balance has two names
    assert url.count("_write") == len([name for name, writes in key_permissions() if writes])
