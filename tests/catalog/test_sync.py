"""The whole catalogue is sent to Stripe, page by page; then both sides are compared and differences repaired."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from django_ox.models import OxTask

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.catalog import sync
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.catalog.tasks import sync_all
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway import catalogue, onboarding, trouble
from saleor_stripe_audience.gateway import pace as pacing
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.gateway.pace import Pace, paced
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor import listing
from saleor_stripe_audience.sandbox.stripe import SECRET_KEY
from tests.payments.conftest import connect, stripe_sandbox, stripe_url  # noqa: F401 - fixtures
from tests.payments.test_reporting import Town, town

__all__ = ["town"]

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]
Work = Callable[[], int]
VARIANTS = 11  # of the stand-in's six products


def names(town: Town) -> dict[str, bool]:
    return {each["name"]: each["active"] for each in town.stripe.account.table("product").values()}


def posts(town: Town) -> int:
    return len(town.stripe.log.entries("POST"))


def run_sync(town: Town) -> Job:
    """Run a new job of the account to its end, on this thread."""
    job = sync.start(town.account, "a test")
    OxTask.objects.all().delete()
    while jobs.work_page(job.pk, job.step, enqueues=False):
        job.refresh_from_db()
    job.refresh_from_db()
    return job


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)


def test_everything_is_sent_once_and_both_sides_agree(town: Town) -> None:
    job = run_sync(town)
    assert (job.state, job.done, job.failed, job.total) == (Job.State.DONE, 6, 0, 6)
    assert job.report["counts"] == {
        "products in Saleor": 6,
        "products in Stripe": VARIANTS,
        "variants active": VARIANTS,
        "variants in Saleor": VARIANTS,
    }
    assert len(names(town)) == VARIANTS
    before = posts(town)
    assert run_sync(town).state == Job.State.DONE
    assert posts(town) == before, "what Stripe has already costs no call that changes anything"


def test_a_newly_mapped_channel_is_synced_by_itself(town: Town, run_all_tasks: Work) -> None:
    AccountChannel.objects.filter(channel_slug="channel-pln").delete()
    run_sync(town)
    onboarding.map_channels(town.account, ["channel-pln"])
    run_all_tasks()
    prices = town.stripe.account.table("price").values()
    assert sum(each["active"] and each["currency"] == "pln" for each in prices) == VARIANTS
    assert Job.objects.get(actor=sync.ITSELF).state == Job.State.DONE


def test_mapping_it_once_more_changes_nothing(town: Town, run_all_tasks: Work) -> None:
    run_all_tasks()
    onboarding.map_channels(town.account, ["default-channel"])
    run_all_tasks()
    assert not Job.objects.exists()


def test_a_channel_that_moves_is_sold_by_the_other_account_only(town: Town, run_all_tasks: Work) -> None:
    run_sync(town)
    town.stripe.create_account("Second", "pk_test_second", "sk_test_second")
    second = connect(town.account.installation, secret_key="sk_test_second")
    onboarding.map_channels(second, list(town.account.channels.values_list("channel_slug", flat=True)))
    run_all_tasks()
    active = CatalogProduct.objects.filter(is_active=True)
    assert active.filter(account=second).count() == VARIANTS
    assert not active.filter(account=town.account).exists()
    assert not any(names(town).values())


def test_two_accounts_are_synced_side_by_side(
    town: Town, run_all_tasks: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sells in its own channel, and does not wait for the other's rate limit."""
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    town.stripe.create_account("Second", "pk_test_second", "sk_test_second")
    second = connect(town.account.installation, secret_key="sk_test_second")
    onboarding.map_channels(second, ["channel-pln"])
    OxTask.objects.all().delete()
    Job.objects.all().delete()
    jobs_of_both = [sync.start(account, "a test") for account in (town.account, second)]
    run_all_tasks()
    for job in jobs_of_both:
        job.refresh_from_db()
        assert (job.state, job.done, job.failed) == (Job.State.DONE, 6, 0)
    for account, currency in ((town.account, "usd"), (second, "pln")):
        rows = CatalogProduct.objects.filter(account=account, is_active=True)
        assert rows.count() == VARIANTS
        assert {each.currency.lower() for row in rows for each in row.prices.all()} == {currency}
    assert pacing.pace_for(town.account) is not pacing.pace_for(second)


@pytest.mark.usefixtures("small_pages")
class TestAJob:
    def test_pauses_resumes_and_continues_where_it_was(self, town: Town) -> None:
        job = sync.start(town.account, "a test")
        assert jobs.work_page(job.pk, 0, enqueues=False)
        job.refresh_from_db()
        assert (job.done, job.total) == (2, 6)
        jobs.pause(job)
        assert not jobs.work_page(job.pk, job.step, enqueues=False)
        job = jobs.resume(job)
        before = posts(town)
        while jobs.work_page(job.pk, job.step, enqueues=False):
            job.refresh_from_db()
        job.refresh_from_db()
        assert (job.state, job.done) == (Job.State.DONE, 6)
        assert posts(town) > before

    def test_of_a_killed_worker_continues_and_counts_once(self, town: Town, run_all_tasks: Work) -> None:
        job = sync.start(town.account, "a test")
        OxTask.objects.all().delete()
        sync.process_page(job)  # killed before its result was stored
        Job.objects.update(updated_at=timezone.now() - jobs.STALLED_AFTER * 2)
        assert jobs.sweep() == 1
        run_all_tasks()
        job.refresh_from_db()
        assert (job.state, job.done, job.report["counts"]["variants in Saleor"]) == (
            Job.State.DONE,
            6,
            VARIANTS,
        )
        assert len(names(town)) == len(town.stripe.account.table("product")) == VARIANTS

    def test_is_cancelled_for_good(self, town: Town, run_all_tasks: Work) -> None:
        job = sync.start(town.account, "a test")
        assert jobs.work_page(job.pk, 0, enqueues=False)
        jobs.cancel(job)
        sent = len(names(town))
        run_all_tasks()
        assert len(names(town)) == sent < VARIANTS

    def test_starts_over_if_a_channel_is_added_meanwhile(self, town: Town, run_all_tasks: Work) -> None:
        AccountChannel.objects.filter(channel_slug="channel-pln").delete()
        job = sync.start(town.account, "a test")
        assert jobs.work_page(job.pk, 0, enqueues=False)
        AccountChannel.objects.create(
            installation=town.account.installation, account=town.account, channel_slug="channel-pln"
        )
        sync.start_again(town.account)
        run_all_tasks()
        job.refresh_from_db()
        assert (job.state, job.done) == (Job.State.DONE, 6)
        prices = town.stripe.account.table("price").values()
        assert sum(each["active"] and each["currency"] == "pln" for each in prices) == VARIANTS

    def test_of_a_dead_key_fails_and_is_started_again(self, town: Town, run_all_tasks: Work) -> None:
        town.stripe.revoke_key(SECRET_KEY)
        job = run_sync(town)
        assert job.state == Job.State.FAILED
        assert "Paste a new" in job.report["failure"]["message"]
        town.stripe.add_key(town.stripe.account, SECRET_KEY)
        trouble.end(StripeAccount.objects.get())
        run_all_tasks()
        assert len(names(town)) == VARIANTS

    # There are six attempts in the first minute, with two calls each.
    @pytest.mark.parametrize("times", [6, 12])
    def test_waits_while_stripe_takes_no_more(self, town: Town, run_all_tasks: Work, times: int) -> None:
        town.stripe.add_fault("POST /v1/products", status=429, times=times)
        sync.start(town.account, "a test")
        run_all_tasks()
        assert len(names(town)) == VARIANTS
        assert Job.objects.get().state == Job.State.DONE

    def test_continues_when_stripe_took_no_more_for_longer(self, town: Town, run_all_tasks: Work) -> None:
        """The task gives up after some minutes, but the job does not."""
        town.stripe.add_fault("POST /v1/products", status=429, times=20)
        sync.start(town.account, "a test")
        run_all_tasks()
        assert Job.objects.get().state in Job.MOVING
        Job.objects.update(updated_at=timezone.now() - jobs.STALLED_AFTER * 2)
        assert jobs.sweep() == 1
        run_all_tasks()
        assert len(names(town)) == VARIANTS
        assert Job.objects.get().state == Job.State.DONE


def test_stripe_that_is_down_is_asked_again_later(town: Town) -> None:
    town.stripe.add_fault("POST /v1/products", status=500, times=40)
    job = sync.start(town.account, "a test")
    with pytest.raises(Unavailable):
        jobs.work_page(job.pk, 0, enqueues=False)


def test_one_refused_product_is_listed_and_the_others_are_sent(town: Town) -> None:
    refusal = {"error": {"type": "invalid_request_error", "message": "No.", "code": "parameter_unknown"}}
    town.stripe.add_fault("POST /v1/products", status=400, body=refusal, times=1)
    job = run_sync(town)
    assert (job.done, job.failed, job.report["problems_count"]) == (5, 1, 1)
    assert job.report["problems"][0]["code"] == "parameter_unknown"
    assert len(names(town)) == VARIANTS - 1


def test_a_product_without_a_variant_is_named_until_it_has_one(town: Town) -> None:
    product = town.shop.host.store.products[0]
    variants, product.variants = product.variants, []
    job = run_sync(town)
    assert (job.state, job.done, job.failed) == (Job.State.DONE, 6, 0), (
        "there is nothing that could have failed"
    )
    assert [(each["id"], each["code"]) for each in job.report["problems"]] == [(product.id, "no_variant")]
    assert sync.names_without_variant(job) == [product.name]
    product.variants = variants
    assert sync.names_without_variant(run_sync(town)) == []
    assert len(names(town)) == VARIANTS


class TestDrift:
    def test_what_was_changed_in_stripe_is_sent_again(self, town: Town, run_all_tasks: Work) -> None:
        run_sync(town)
        [renamed, archived, *_] = CatalogProduct.objects.order_by("pk")
        catalogue.update_product(town.account, renamed.stripe_product_id, {"name": "Vandalized"})
        catalogue.update_product(town.account, archived.stripe_product_id, {"active": False})
        job = run_sync(town)
        assert job.state == Job.State.DIFFERS
        assert sorted(each["what"] for each in job.report["differences"]) == [
            "changed in Stripe",
            "sold in Saleor and not active in Stripe",
        ]
        run_all_tasks()
        assert "Vandalized" not in names(town)
        assert all(names(town).values())
        assert run_sync(town).state == Job.State.DONE

    def test_what_saleor_does_not_sell_is_archived(self, town: Town) -> None:
        run_sync(town)
        stray = {"name": "Stray", "metadata": {"saleor_installation": str(town.account.installation_id)}}
        made, _ = catalogue.create_product(town.account, stray, "stray")
        town.stripe.account.table("product")[made]["created"] -= 3600
        job = run_sync(town)
        assert [each["why"] for each in job.report["differences"]] == ["archived"]
        assert names(town)["Stray"] is False

    def test_what_was_deleted_while_nothing_was_delivered_is_archived(self, town: Town) -> None:
        run_sync(town)
        [deleted, *_] = products = town.shop.host.store.products
        products.remove(deleted)
        before = posts(town)
        job = run_sync(town)
        assert job.state == Job.State.DIFFERS
        assert {each["id"] for each in job.report["differences"]} == {each.id for each in deleted.variants}
        rows = CatalogProduct.objects.filter(is_active=False)
        assert {each.saleor_product_id for each in rows} == {deleted.id}
        assert list(names(town).values()).count(False) == len(deleted.variants)
        assert posts(town) - before == len(deleted.variants)
        assert run_sync(town).state == Job.State.DONE

    def test_what_saleor_hides_from_the_app_is_not_archived(self, town: Town) -> None:
        run_sync(town)
        [app] = town.shop.host.store.apps
        app.permissions -= {"MANAGE_PRODUCTS"}
        town.shop.host.store.products.clear()  # as they are shown without the permission
        assert run_sync(town).state == Job.State.FAILED
        assert all(names(town).values())

    def test_products_of_others_are_counted_and_left_alone(self, town: Town) -> None:
        catalogue.create_product(town.account, {"name": "Subscription"}, "theirs")
        job = run_sync(town)
        assert job.state == Job.State.DONE
        assert job.report["counts"]["products of others in Stripe"] == 1
        assert names(town)["Subscription"] is True

    def test_every_night(self, town: Town, run_all_tasks: Work) -> None:
        assert sync_all.call() == 1
        run_all_tasks()
        assert len(names(town)) == VARIANTS


class TestTheCommand:
    def test_syncs_and_shows(self, town: Town, capsys: pytest.CaptureFixture[str]) -> None:
        shop = ["--saleor-api-url", town.account.installation.saleor_api_url]
        assert main(["catalogue", *shop, "--sync"]) == 0
        [job] = json.loads(capsys.readouterr().out)
        assert (job["state"], job["done"], job["account"]) == ("done", 6, str(town.account.pk))
        assert main(["catalogue", *shop, "--status"]) == 0
        assert json.loads(capsys.readouterr().out)[0]["id"] == job["id"]
        assert main(["catalogue", *shop, "--pause"]) == 1
        assert "no longer possible" in capsys.readouterr().err

    def test_of_no_account(self, town: Town, capsys: pytest.CaptureFixture[str]) -> None:
        AccountChannel.objects.all().delete()
        assert (
            main(["catalogue", "--saleor-api-url", town.account.installation.saleor_api_url, "--sync"]) == 1
        )
        assert "No such Stripe account" in capsys.readouterr().err


def test_a_job_of_an_account_that_is_gone_fails(town: Town) -> None:
    job = sync.start(town.account, "a test")
    StripeAccount.objects.update(state=StripeAccount.State.DISCONNECTED)
    assert not jobs.work_page(job.pk, 0, enqueues=False)
    with pytest.raises(Rejected):
        sync.process_page(job)
    job.refresh_from_db()
    assert job.report["failure"]["code"] == "not_ready"


def test_every_call_of_a_job_waits_for_its_moment(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(Pace, "wait", lambda self: waited.append(self._interval))
    before = len(town.stripe.log.entries())
    run_sync(town)
    assert len(waited) == len(town.stripe.log.entries()) - before > 3 * VARIANTS
    assert set(waited) == {1 / pacing.TEST_RATE}


def test_calls_of_bulk_work_are_spread_and_others_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("saleor_stripe_audience.gateway.pace.time.sleep", slept.append)
    monkeypatch.setattr("saleor_stripe_audience.gateway.pace.time.monotonic", lambda: 100.0)
    pacing.wait()
    assert slept == []
    with paced(Pace(20)):
        for _ in range(4):
            pacing.wait()
    assert slept == pytest.approx([0, 0.05, 0.1, 0.15])
    assert pacing.pace_for(StripeAccount(livemode=True))._interval == 1 / pacing.LIVE_RATE


def test_a_job_run_here_continues_after_a_worker_took_a_page(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = sync.start(town.account, "a test")
    work_page = jobs.work_page

    def work_slowly(job_id: UUID, step: int, *, enqueues: bool) -> bool:
        work_page(job_id, step, enqueues=False)  # a worker's
        return work_page(job_id, step, enqueues=enqueues)

    monkeypatch.setattr(jobs, "work_page", work_slowly)
    shown: list[bool] = []
    jobs.work_here(job, lambda _job, goes_on: shown.append(goes_on))
    assert job.state == Job.State.DONE
    assert shown == [True, False]
