"""Stripe Connect: started once, followed to the end, and never for another shop."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
import stripe
from django.db import connection, transaction
from django.utils import timezone, translation

from saleor_stripe_audience.api.account import stripe_accounts
from saleor_stripe_audience.documents import read_document
from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import (
    accounts,
    bulkhead,
    client,
    connect,
    disconnect,
    events,
    onboarding,
    payment_intents,
    platform,
)
from saleor_stripe_audience.gateway.activation import ACTIVATED
from saleor_stripe_audience.gateway.connect import requirements_of, state_of
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments import upkeep
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Channel, Installation, Problem
from tests.gateway.platform import (
    AGAIN,
    BACK,
    HOOK,
    SECRET,
    active,
    newest_event,
    offer,
    post_event,
    start_account,
)
from tests.gateway.test_webhooks import post
from tests.payments.conftest import connect as paste
from tests.payments.conftest import install

Json = dict[str, Any]
Work = Callable[[], int]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_url")]


@pytest.fixture(autouse=True)
def _platform(settings: Any, stripe_sandbox: StripeSandbox) -> None:
    offer(settings, stripe_sandbox)


def stripe_says(**changed: Any) -> Json:
    """Return the relevant parts of Stripe's account object, with `reason` and lists of requirements."""
    requirements = {
        "disabled_reason": changed.pop("reason", None),
        "currently_due": changed.pop("due", []),
        "past_due": changed.pop("overdue", []),
    }
    return {"charges_enabled": False, "details_submitted": True, "requirements": requirements, **changed}


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (stripe_says(details_submitted=False, reason="requirements.past_due", overdue=["x"]), "pending"),
        (stripe_says(details_submitted=False), "pending"),
        (stripe_says(reason="requirements.pending_verification"), "pending"),
        (stripe_says(reason="under_review"), "pending"),
        (stripe_says(), "pending"),
        (stripe_says(charges_enabled=True), "active"),
        (stripe_says(charges_enabled=True, due=["external_account"]), "active"),
        (stripe_says(charges_enabled=True, reason="requirements.past_due", overdue=["x"]), "active"),
        (stripe_says(reason="requirements.past_due", overdue=["x"]), "restricted"),
        (stripe_says(reason="action_required.requested_capabilities"), "restricted"),
        (stripe_says(reason="platform_paused"), "restricted"),
        (stripe_says(reason="listed"), "restricted"),
        (stripe_says(reason="other"), "restricted"),
        (stripe_says(due=["x"]), "restricted"),
        (stripe_says(reason="rejected.fraud"), "rejected"),
        (stripe_says(reason="rejected.terms_of_service"), "rejected"),
        (stripe_says(reason="rejected.other", charges_enabled=True), "rejected"),
        (stripe_says(reason="rejected.listed", details_submitted=False), "rejected"),
        ({}, "pending"),
        ({"requirements": None, "charges_enabled": True}, "active"),
    ],
)
def test_how_far_an_account_is(said: Json, state: str) -> None:
    assert state_of(said) == state


def test_what_is_overdue_is_named_first_and_once() -> None:
    assert requirements_of(stripe_says(due=["b", "a"], overdue=["a"])) == ["a", "b"]
    assert requirements_of({}) == []


def test_a_started_account_is_pending_and_says_what_stripe_asks(installation: Installation) -> None:
    account = start_account(installation, "default-channel")
    assert (account.kind, account.connect_state, account.livemode) == ("connect", "pending", False)
    assert account.pending_since is not None
    assert "external_account" in account.requirements
    assert not account.charges_enabled
    assert account.secret_key == ""
    link = connect.link(account, again=AGAIN, back=BACK)
    assert "/sandbox/connect/" in link
    assert link != connect.link(account, again=AGAIN, back=BACK), "each is valid for one visit"


def test_started_twice_is_once(installation: Installation, stripe_sandbox: StripeSandbox) -> None:
    first, second = start_account(installation), start_account(installation, known=0)
    assert first == second
    assert len(stripe_sandbox.log.entries("POST", "/v1/accounts")) == 1
    stripe_sandbox.onboard(first.stripe_id, "complete")
    connect.refresh(first)
    assert start_account(installation) == first, "a second one needs a request"
    assert start_account(installation, known=0) == first, "an old page means the account created since"
    another = start_account(installation, known=1)
    assert another != first
    assert start_account(installation, known=1) == another


def test_started_at_once_by_many_is_one_account(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.add_fault("POST /v1/accounts", latency_seconds=0.1, times=4)
    made: list[str] = []

    def run() -> None:
        try:
            made.append(start_account(installation).stripe_id)
        except Unavailable:
            made.append("again")  # another process was calling Stripe: the next click finds what it created
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    made_at_stripe = [each for each in stripe_sandbox.accounts.values() if each.connection]
    assert {each.id for each in made_at_stripe} == {start_account(installation).stripe_id}
    assert set(made) <= {start_account(installation).stripe_id, "again"}


def test_an_answer_that_was_lost_makes_no_second_account(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.add_fault("POST /v1/accounts", drop_connection=True, after_effect=True, times=2)
    with pytest.raises(Unavailable):
        start_account(installation)
    assert accounts.accounts_of(installation.pk) == [], "nothing is shown that Stripe did not report"
    assert not list(cast("Any", stripe_accounts()))
    account = start_account(installation)
    assert [each.id for each in stripe_sandbox.accounts.values() if each.connection] == [account.stripe_id]


def test_what_stripe_refuses_can_be_tried_again(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    platform_account = next(each for each in stripe_sandbox.accounts.values() if each.is_platform)
    platform_account.is_platform = False
    with pytest.raises(Rejected, match="Connect"):
        start_account(installation)
    platform_account.is_platform = True
    assert start_account(installation).stripe_id


def test_without_a_platform_nothing_begins(installation: Installation, settings: Any) -> None:
    settings.STRIPE_PLATFORM_SECRET_KEY = ""
    with pytest.raises(Rejected, match="Paste the account's keys"):
        start_account(installation)
    assert post_event({"id": "evt_1"}).status_code == 404


def test_channels_of_another_account_stay_with_it(installation: Installation) -> None:
    pasted = paste(installation, "default-channel")
    account = start_account(installation, "default-channel", "free")
    mapped = dict(AccountChannel.objects.values_list("channel_slug", "account_id"))
    assert mapped == {"default-channel": pasted.pk, "free": account.pk}


@pytest.mark.parametrize(
    ("outcome", "state", "words"),
    [
        ("complete", "active", ""),
        ("review", "pending", "not ready yet"),
        ("restrict", "restricted", "until it gets the information it needs"),
        ("reject", "rejected", "rejected the account"),
    ],
)
def test_an_event_moves_the_account(
    installation: Installation,
    stripe_sandbox: StripeSandbox,
    run_due_tasks: Work,
    outcome: str,
    state: str,
    words: str,
) -> None:
    account = start_account(installation, "default-channel")
    with pytest.raises(Rejected, match="not ready yet"):
        accounts.account_for(installation.pk, "default-channel")
    stripe_sandbox.onboard(account.stripe_id, outcome)
    event = newest_event(stripe_sandbox, account, "account.updated")
    assert [post_event(event).json()["new"] for _ in range(3)] == [True, False, False]
    run_due_tasks()
    account.refresh_from_db()
    assert account.connect_state == state
    assert (account.pending_since is not None) == (state == "pending")
    assert account.charges_enabled == (state == "active")
    if words:
        with pytest.raises(Rejected, match=words):
            accounts.account_for(installation.pk, "default-channel")
    else:
        assert accounts.account_for(installation.pk, "default-channel") == account


def test_events_in_any_order_end_with_what_stripe_says_now(
    installation: Installation, stripe_sandbox: StripeSandbox, run_due_tasks: Work
) -> None:
    account = start_account(installation)
    events = []
    for outcome in ("restrict", "review", "complete"):
        stripe_sandbox.onboard(account.stripe_id, outcome)
        events.append(newest_event(stripe_sandbox, account, "account.updated"))
    for event in reversed(events):
        post_event(event)
        run_due_tasks()
    account.refresh_from_db()
    assert account.connect_state == "active"


def test_an_answer_older_than_what_is_known_changes_nothing(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    account = active(stripe_sandbox, installation)
    before = timezone.now() - timedelta(minutes=1)
    with transaction.atomic():
        connect.save(account, stripe_says(details_submitted=False), before)
    account.refresh_from_db()
    assert account.connect_state == "active"


def test_pending_since_stays_while_it_is_pending(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    account = start_account(installation)
    since = account.pending_since
    stripe_sandbox.onboard(account.stripe_id, "review")
    connect.refresh(account)
    assert account.pending_since == since


def test_a_new_account_has_a_name_in_the_language_of_the_person_who_connects_it(
    installation: Installation,
) -> None:
    with translation.override("fr"):
        assert start_account(installation).name == "Nouveau compte Stripe"


def test_who_deauthorizes_is_disconnected(
    installation: Installation, stripe_sandbox: StripeSandbox, run_due_tasks: Work
) -> None:
    Channel.objects.create(
        installation=installation,
        slug="default-channel",
        name="Default",
        currency="USD",
        saleor_id="Q2hhbm5lbDox",
    )
    account = active(stripe_sandbox, installation, "default-channel")
    stripe_sandbox.deauthorize(account.stripe_id)
    ended = newest_event(stripe_sandbox, account, "account.application.deauthorized")
    late = newest_event(stripe_sandbox, account, "account.updated")
    for event in (ended, ended, late):
        assert post_event(event).status_code == 200
        run_due_tasks()
    account.refresh_from_db()
    assert (account.state, account.connect_state) == ("disconnected", "not_connected")
    assert not AccountChannel.objects.exists()
    [problem] = Problem.objects.all()
    assert "for Default." in problem.message
    with pytest.raises(Rejected, match="ended the app's access in Stripe"):
        client.stripe_of(account)
    assert start_account(installation) != account, "connecting again needs another account"


def test_disconnected_here_its_payments_are_followed_and_it_can_come_back(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    account = active(stripe_sandbox, installation, "default-channel")
    disconnect.disconnect(account)
    assert account.state == "disconnected"
    assert list(payment_intents.list_since(account, 0)) == []
    assert connect.start_or_reconnect(installation, ["default-channel"]) == account
    assert accounts.account_for(installation.pk, "default-channel").state == "connected"


def test_every_call_is_made_for_the_account(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    account = active(stripe_sandbox, installation)
    stripe_sandbox.log.clear()
    payment_intents.create(account, {"amount": 500, "currency": "usd"}, "a-key")
    list(events.list_since(account, 0, ["payment_intent.created"]))
    assert {each.account for each in stripe_sandbox.log.entries()} == {account.stripe_id}
    assert list(stripe_sandbox.accounts[account.stripe_id].table("payment_intent"))


def test_one_busy_account_of_the_platform_leaves_room_for_the_others(
    installation: Installation,
    stripe_sandbox: StripeSandbox,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy, quiet = active(stripe_sandbox, installation), active(stripe_sandbox, installation)
    settings.SERVER_THREADS = 4
    monkeypatch.setattr(bulkhead, "SLOW_SECONDS", 0.0)
    with bulkhead.room(f"Bearer {SECRET} {busy.stripe_id}"):
        with pytest.raises(Unavailable, match="waiting for Stripe"):
            list(payment_intents.list_since(busy, 0))
        assert list(payment_intents.list_since(quiet, 0)) == []


def test_the_browser_is_reported_which_account_the_platform_acts_for(
    installation: Installation, stripe_sandbox: StripeSandbox, settings: Any
) -> None:
    account = active(stripe_sandbox, installation)
    assert platform.browser_config(account) == {
        "stripePublishableKey": settings.STRIPE_PLATFORM_PUBLISHABLE_KEY,
        "stripeAccount": account.stripe_id,
    }
    assert "stripeAccount" not in platform.browser_config(paste(installation))


def test_test_and_live_do_not_mix(
    installation: Installation, stripe_sandbox: StripeSandbox, settings: Any
) -> None:
    tried = active(stripe_sandbox, installation, "default-channel")
    offer(settings, stripe_sandbox, "live")
    settings.STRIPE_API_BASE = stripe_sandbox.base_url
    with pytest.raises(Rejected, match="in test mode"):
        client.stripe_of(tried)
    live = start_account(installation, "default-channel")
    assert live.livemode
    assert live != tried
    for event in (
        {"id": "evt_a", "account": live.stripe_id, "livemode": False},
        {"id": "evt_b", "account": tried.stripe_id, "livemode": True},
    ):
        answer = post_event({**event, "type": "payment_intent.succeeded", "created": 1_790_000_000})
        assert (answer.status_code, answer.json()["new"]) == (200, False)
    assert not Event.objects.filter(kind="payment_intent.succeeded").exists()


@pytest.mark.parametrize("secret", ["whsec_of_somebody_else", "", SECRET])
def test_a_forged_event_is_refused(
    installation: Installation, stripe_sandbox: StripeSandbox, secret: str
) -> None:
    account = start_account(installation)
    stripe_sandbox.onboard(account.stripe_id, "complete")
    event = newest_event(stripe_sandbox, account, "account.updated")
    assert post_event(event, secret=secret).status_code == 400
    assert post_event(event, signed="").status_code == 400
    assert not Event.objects.filter(kind="account.updated").exists()


@pytest.mark.parametrize("account", ["acct_of_nobody", "", None, 7, {"id": "x"}])
def test_a_foreign_event_is_dropped(installation: Installation, account: Any) -> None:
    start_account(installation)
    paste(installation)
    event = {"id": "evt_1", "type": "account.updated", "created": 1_790_000_000, "livemode": False}
    answer = post_event({**event, "account": account})
    assert (answer.status_code, answer.json()["new"]) == (200, False)
    assert not Event.objects.exists()


def test_an_account_with_keys_of_its_own_is_not_reached_through_the_platform(
    installation: Installation,
) -> None:
    pasted = paste(installation)
    event = {"id": "evt_1", "type": "payment_intent.succeeded", "created": 1_790_000_000, "livemode": False}
    assert post_event({**event, "account": pasted.stripe_id}).json()["new"] is False


def test_a_hosted_account_has_no_endpoint_of_its_own(installation: Installation) -> None:
    account = start_account(installation)
    assert post(account, b"{}", signed="t=1,v1=0").status_code == 404


def test_shops_are_kept_apart(
    stripe_sandbox: StripeSandbox, installation: Installation, run_due_tasks: Work
) -> None:
    other = install("other")
    mine, theirs = start_account(installation, "default-channel"), start_account(other, "default-channel")
    assert mine.stripe_id != theirs.stripe_id
    stripe_sandbox.onboard(mine.stripe_id, "complete")
    post_event(newest_event(stripe_sandbox, mine, "account.updated"))
    run_due_tasks()
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert (mine.connect_state, theirs.connect_state) == ("active", "pending")
    assert [event.origin for event in Event.objects.filter(kind="account.updated")] == [mine.pk]
    with pytest.raises(Rejected):
        accounts.account_for(other.pk, "default-channel")


def test_an_event_that_was_lost_is_made_up_for_within_the_hour(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    account = start_account(installation)
    stripe_sandbox.onboard(account.stripe_id, "complete")
    assert upkeep.sync_endpoints() == 1
    account.refresh_from_db()
    assert account.connect_state == "active"


def test_an_account_that_is_out_of_reach_is_a_problem_and_not_disconnected(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    """A wrong platform key looks the same as a disconnected owner: only the owner's event ends the connection."""
    account = active(stripe_sandbox, installation)
    stripe_sandbox.deauthorize(account.stripe_id)
    assert upkeep.sync_endpoints() == 0
    account.refresh_from_db()
    assert account.state == "connected"
    assert "no longer lets the app act" in Problem.objects.get().message


def test_it_has_no_keys_and_no_endpoint_to_replace(installation: Installation) -> None:
    account = start_account(installation)
    with pytest.raises(Rejected, match="no keys or endpoint"):
        onboarding.replace_keys(account, "pk_test_1", "sk_test_1")
    with pytest.raises(Rejected, match="no keys or endpoint"):
        onboarding.renew_endpoint(account)
    upkeep.check_accounts()
    assert not Problem.objects.filter(key__startswith="key-").exists()


def test_pasted_keys_of_the_same_account_take_over(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    account = active(stripe_sandbox, installation, "default-channel")
    account.connect_state = "pending"
    account.save()
    for key in ("pk_test_own", "sk_test_own"):
        stripe_sandbox.add_key(stripe_sandbox.accounts[account.stripe_id], key)
    assert onboarding.connect(installation, "pk_test_own", "sk_test_own", []) == account
    account.refresh_from_db()
    assert (account.kind, account.connect_state, account.requirements) == ("pasted", "", [])
    assert accounts.account_for(installation.pk, "default-channel").secret_key == "sk_test_own"
    assert Event.objects.filter(kind=ACTIVATED, origin=account.pk).count() == 2, "what waited is announced"


@pytest.mark.parametrize("state", ["rejected", "not_connected"])
def test_no_link_leads_to_an_account_that_is_over(installation: Installation, state: str) -> None:
    account = start_account(installation)
    account.connect_state = state
    with pytest.raises(Failure):
        connect.link(account, again=AGAIN, back=BACK)


def test_the_platforms_secret_is_not_stored_with_a_shop(installation: Installation) -> None:
    account = start_account(installation)
    stored = StripeAccount.objects.get(pk=account.pk)
    assert SECRET not in str(vars(stored))
    assert HOOK not in str(vars(stored))


def test_the_operator_gets_every_event_that_is_handled() -> None:
    text = read_document("docs/connect.md")
    handled = {*onboarding.EVENTS, "account.updated", "account.application.deauthorized"}
    assert [each for each in sorted(handled) if f"`{each}`" not in text] == []
    assert f"`{stripe.api_version}`" in text
