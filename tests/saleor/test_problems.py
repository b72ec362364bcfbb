"""Problems are shown in Saleor's Dashboard, if it supports them, and disappear there too once they are solved."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django_ox.models import OxTask

from saleor_stripe_audience.gateway.models import AccountChannel
from saleor_stripe_audience.payments.upkeep import check_accounts
from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.saleor.problems import dismiss_problem, show_problem
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import SECRET_KEY, StripeSandbox
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation, Problem
from tests.conftest import Work
from tests.payments.conftest import connect

pytestmark = pytest.mark.django_db(transaction=True)


def shop_of(version: str, settings: Any, live_server: Any) -> Iterator[SaleorSandbox]:
    settings.PUBLIC_URL = live_server.url
    with SaleorSandbox(version) as sandbox:
        settings.ALLOWED_SALEOR_URLS = (sandbox.api_url,)
        sandbox.install(f"{live_server.url}/api/manifest")
        yield sandbox


@pytest.fixture
def shop(settings: Any, live_server: Any) -> Iterator[SaleorSandbox]:
    yield from shop_of("3.23", settings, live_server)


def shown(shop: SaleorSandbox) -> dict[str, str]:
    """Return what staff see, after checking that there are no duplicates and each problem is counted once."""
    app = shop.app("saleor.app.stripe-audience")
    assert app is not None
    current = [each for each in app.problems if not each.dismissed_by]
    assert [each.count for each in current] == [1] * len(current)
    found = {each.problem_key: each.message for each in current}
    assert len(found) == len(current)
    return found


def test_it_is_shown_changed_and_taken_away(shop: SaleorSandbox, run_due_tasks: Work) -> None:
    installation = Installation.objects.get()
    for _ in range(2):
        problems.report(installation, "endpoint", "It was deleted.")
    run_due_tasks()
    assert shown(shop) == {"endpoint": "It was deleted."}
    problems.report(installation, "endpoint", "It was switched off.")
    run_due_tasks()
    assert shown(shop) == {"endpoint": "It was switched off."}
    for _ in range(2):
        problems.clear(installation, "endpoint")
    run_due_tasks()
    assert shown(shop) == {}


def test_what_many_events_find_at_once_is_sent_once(shop: SaleorSandbox, run_due_tasks: Work) -> None:
    """Otherwise, each event would start a task, and Saleor would count every report."""
    for _ in range(6):
        problems.report(Installation.objects.get(), "endpoint", "It was deleted.")
    assert OxTask.objects.filter(status=OxTask.Status.READY).count() == 1
    run_due_tasks()
    assert shown(shop) == {"endpoint": "It was deleted."}


def test_a_task_that_is_run_twice_shows_it_once(shop: SaleorSandbox, run_due_tasks: Work) -> None:
    """The worker stopped after Saleor had stored it, but before the app did."""
    problems.report(Installation.objects.get(), "endpoint", "It was deleted.")
    run_due_tasks()
    Problem.objects.update(shown="")
    show_problem.call(Problem.objects.get().pk)
    assert shown(shop) == {"endpoint": "It was deleted."}


def test_one_that_changes_after_an_hour_takes_the_place_of_the_earlier(
    shop: SaleorSandbox, run_due_tasks: Work
) -> None:
    installation = Installation.objects.get()
    problems.report(installation, "endpoint", "It was deleted.")
    run_due_tasks()
    app = shop.app("saleor.app.stripe-audience")
    assert app is not None
    app.problems[0].updated_at -= timedelta(hours=2)
    problems.report(installation, "endpoint", "It was switched off.")
    run_due_tasks()
    assert shown(shop) == {"endpoint": "It was switched off."}


def test_one_that_is_solved_and_comes_back_before_the_worker_runs_counts_once(
    shop: SaleorSandbox, run_due_tasks: Work
) -> None:
    installation = Installation.objects.get()
    problems.report(installation, "endpoint", "It was deleted.")
    run_due_tasks()
    problems.clear(installation, "endpoint")
    problems.report(installation, "endpoint", "It was deleted.")
    run_due_tasks()
    assert shown(shop) == {"endpoint": "It was deleted."}


def test_one_that_is_solved_while_it_is_sent_is_dismissed(
    shop: SaleorSandbox, run_due_tasks: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task that dismisses it did not find it in Saleor yet."""
    installation = Installation.objects.get()
    send = client.show_problem

    def solve_meanwhile(*given: Any) -> None:
        problems.clear(installation, "endpoint")
        dismiss_problem.call(str(installation.pk), "endpoint")
        send(*given)

    monkeypatch.setattr(client, "show_problem", solve_meanwhile)
    problems.report(installation, "endpoint", "It was deleted.")
    show_problem.call(Problem.objects.get().pk)
    assert shown(shop) == {"endpoint": "It was deleted."}
    run_due_tasks()
    assert shown(shop) == {}


def test_one_that_is_fixed_before_it_was_shown_is_never_shown(
    shop: SaleorSandbox, run_due_tasks: Work
) -> None:
    installation = Installation.objects.get()
    problems.report(installation, "endpoint", "It was deleted.")
    problems.clear(installation, "endpoint")
    run_due_tasks()
    assert shown(shop) == {}


def test_a_saleor_without_problems_gets_none(settings: Any, live_server: Any, run_due_tasks: Work) -> None:
    for shop in shop_of("3.21", settings, live_server):
        problems.report(Installation.objects.get(), "endpoint", "It was deleted.")
        assert run_due_tasks() == 0
        assert shown(shop) == {}
        assert Problem.objects.count() == 1


def test_keys_and_channels_are_looked_at_and_clear_themselves(
    shop: SaleorSandbox, settings: Any, run_due_tasks: Work
) -> None:
    installation = Installation.objects.get()
    with StripeSandbox() as sandbox, Served(sandbox.wsgi) as served:
        settings.STRIPE_API_BASE = served.url
        account = connect(installation, "default-channel")
        account.secret_key = "sk_test_revoked"
        account.save()
        check_accounts()
        run_due_tasks()
        problems_shown = shown(shop)
        assert set(problems_shown) == {"channels", f"key-{account.pk}"}
        assert "Channel PLN" in problems_shown["channels"]
        assert "Paste a new" in problems_shown[f"key-{account.pk}"]
        account.secret_key = SECRET_KEY
        account.save()
        AccountChannel.objects.create(installation=installation, account=account, channel_slug="channel-pln")
        check_accounts()
        run_due_tasks()
        assert shown(shop) == {}


def test_they_are_shown_again_when_the_app_is_installed_again(
    shop: SaleorSandbox, live_server: Any, run_due_tasks: Work
) -> None:
    """Saleor deletes an app's problems with the app, but they are not solved yet."""
    problems.report(Installation.objects.get(), "endpoint", "It was deleted.")
    run_due_tasks()
    app = shop.app("saleor.app.stripe-audience")
    assert app is not None
    shop.delete_app(app)
    shop.install(f"{live_server.url}/api/manifest")
    assert shown(shop) == {}
    run_due_tasks()
    assert shown(shop) == {"endpoint": "It was deleted."}
