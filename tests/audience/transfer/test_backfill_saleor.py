"""All data from before the installation is imported once; then both sides are compared."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.audiences import audiences_of
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.privacy.erasure import erase
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.audience.transfer import backfill, from_saleor
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.engine import sweep_jobs, work_job
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor import client, listing
from saleor_stripe_audience.sandbox.saleor.state import Address
from tests.audience.conftest import install

from .conftest import SAID, Past

Work = Callable[[], int]


def run_backfill(past: Past) -> Job:
    job = backfill.get_or_create(past.installation, "saleor", "test")
    while jobs.work_page(job.pk, job.step, enqueues=False):
        job.refresh_from_db()
    job.refresh_from_db()
    return job


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    monkeypatch.setattr(listing, "LARGEST_PAGE", 3)


def furnish(past: Past) -> None:
    ada = past.customer("ada@shop.example", first_name="Ada", metadata=SAID)
    past.customer("bob@shop.example", first_name="Bob")
    past.customer("eve@shop.example", is_confirmed=False)
    audiences_of(past.installation).update(consent_text=SAID["consent_text"])
    past.order("ada@shop.example", ada)
    past.order("guest@shop.example")
    past.order("", billing_address=Address())
    past.order("ticked@shop.example", metadata=SAID)


@pytest.mark.usefixtures("small_pages")
class TestEverythingIsBroughtIn:
    def test_and_both_sides_agree(self, past: Past) -> None:
        furnish(past)
        job = run_backfill(past)
        assert (job.state, job.total, job.done, job.failed) == (Job.State.DONE, 7, 7, 0)
        assert job.report["differences"] == []
        counts = job.report["counts"]
        assert (counts["customers in Saleor"], counts["customers here"]) == (3, 2)
        assert counts["customers unconfirmed, found"] == 1
        assert (counts["orders in Saleor"], counts["orders here"]) == (4, 4)
        assert counts["orders that are nobody's"] == 1

    def test_nobody_is_subscribed_without_consent(self, past: Past) -> None:
        furnish(past)
        run_backfill(past)
        statuses = dict(Contact.objects.values_list("email", "status"))
        assert statuses == {
            "ada@shop.example": "subscribed",
            "bob@shop.example": "nonsubscribed",
            "guest@shop.example": "nonsubscribed",
            "ticked@shop.example": "subscribed",
        }
        assert Consent.objects.count() == 2

    def test_twice_is_once(self, past: Past) -> None:
        furnish(past)
        run_backfill(past)
        kept = [Contact.objects.count(), Purchase.objects.count(), Consent.objects.count()]
        again = run_backfill(past)
        assert again.state == Job.State.DONE
        assert kept == [Contact.objects.count(), Purchase.objects.count(), Consent.objects.count()]

    def test_erased_people_stay_out_and_are_counted_separately(self, past: Past) -> None:
        furnish(past)
        erase(past.installation, "ada@shop.example")
        job = run_backfill(past)
        assert job.state == Job.State.DONE
        assert not Contact.objects.filter(email="ada@shop.example").exists()
        assert job.report["counts"]["customers erased, found"] == 1
        assert job.report["counts"]["orders erased"] == 1

    def test_an_order_without_a_valid_address_is_a_purchase_without_a_contact(self, past: Past) -> None:
        past.order("no address")
        job = run_backfill(past)
        assert (job.state, job.done, job.failed) == (Job.State.DONE, 1, 0)
        assert Purchase.objects.get().contact is None
        assert not Contact.objects.exists()
        assert job.report["counts"]["orders without an address"] == 1
        assert "no address" not in json.dumps(job.report)

    def test_what_saleor_no_longer_has_is_reported(self, past: Past) -> None:
        furnish(past)
        run_backfill(past)
        past.saleor.host.store.orders.pop(0)
        del past.saleor.host.store.users[1]
        job = run_backfill(past)
        assert job.state == Job.State.DIFFERS
        differences = [(each["of"], each["what"]) for each in job.report["differences"]]
        assert differences == [
            ("customers", "1 here that Saleor no longer has"),
            ("orders", "1 here that Saleor no longer has"),
        ]

    def test_consent_that_proves_nothing_is_refused_and_the_person_stored(self, past: Past) -> None:
        past.customer("ada@shop.example", metadata={"marketing_consent": "true"})
        job = run_backfill(past)
        assert job.state == Job.State.DONE
        assert job.report["counts"]["consents refused"] == 1
        assert job.report["problems"][0]["code"] == "consent_at"
        assert Contact.objects.get().status == "nonsubscribed"


@pytest.mark.usefixtures("small_pages")
class TestItGoesOn:
    def test_by_tasks_to_the_end(self, past: Past, run_due_tasks: Work) -> None:
        furnish(past)
        job = backfill.get_or_create(past.installation, "saleor", "test")
        jobs.start(job)
        while run_due_tasks():
            pass
        job.refresh_from_db()
        assert (job.state, job.done) == (Job.State.DONE, 7)

    def test_a_task_done_twice_counts_once(self, past: Past) -> None:
        furnish(past)
        job = backfill.get_or_create(past.installation, "saleor", "test")
        for step in (0, 0, 1, 1, 0):
            work_job.call(str(job.pk), step)
        job.refresh_from_db()
        assert (job.step, job.done) == (2, 2)

    def test_a_page_processed_by_two_workers_counts_once(
        self, past: Past, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        furnish(past)
        job = backfill.get_or_create(past.installation, "saleor", "test")
        jobs.work_page(job.pk, 0)
        work = from_saleor.process_page

        def twice(given: Job) -> Any:
            monkeypatch.setitem(jobs.PROCESSORS, "saleor", work)
            jobs.work_page(job.pk, 1)
            return work(given)

        monkeypatch.setitem(jobs.PROCESSORS, "saleor", twice)
        assert not jobs.work_page(job.pk, 1)
        job.refresh_from_db()
        assert (job.step, job.done) == (2, 2)

    def test_after_its_worker_was_killed(self, past: Past, run_due_tasks: Work) -> None:
        furnish(past)
        job = backfill.get_or_create(past.installation, "saleor", "test")
        jobs.work_page(job.pk, 0, enqueues=False)
        assert sweep_jobs.call() == 0
        Job.objects.update(updated_at=timezone.now() - timedelta(hours=1))
        assert sweep_jobs.call() == 1
        assert sweep_jobs.call() == 0
        while run_due_tasks():
            pass
        job.refresh_from_db()
        assert job.state == Job.State.DONE

    def test_once_saleor_answers_again(self, past: Past, run_all_tasks: Work, monkeypatch: Any) -> None:
        furnish(past)
        answers = client.fetch_page
        silent = [True, True]

        def fetch(*arguments: Any) -> Any:
            if silent:
                silent.pop()
                raise Unavailable("Saleor did not answer.", code="saleor_unreachable")
            return answers(*arguments)

        monkeypatch.setattr(client, "fetch_page", fetch)
        job = backfill.get_or_create(past.installation, "saleor", "test")
        jobs.start(job)
        run_all_tasks()
        job.refresh_from_db()
        assert (job.state, job.done) == (Job.State.DONE, 7)

    def test_not_while_it_is_paused(self, past: Past, run_due_tasks: Work) -> None:
        furnish(past)
        job = backfill.get_or_create(past.installation, "saleor", "test")
        jobs.work_page(job.pk, 0)
        job = jobs.pause(job)
        while run_due_tasks():
            pass
        job.refresh_from_db()
        assert (job.state, job.done) == (Job.State.PAUSED, 0)
        jobs.start(jobs.resume(job))
        while run_due_tasks():
            pass
        job.refresh_from_db()
        assert (job.state, job.done) == (Job.State.DONE, 7)

    def test_never_once_it_is_cancelled(self, past: Past, run_due_tasks: Work) -> None:
        furnish(past)
        job = backfill.get_or_create(past.installation, "saleor", "test")
        jobs.work_page(job.pk, 0)
        jobs.cancel(job)
        assert jobs.cancel(job).state == Job.State.CANCELLED
        while run_due_tasks():
            pass
        job.refresh_from_db()
        assert (job.state, job.done) == (Job.State.CANCELLED, 0)
        with pytest.raises(Rejected, match="no longer possible"):
            jobs.resume(job)
        assert backfill.get_or_create(past.installation, "saleor", "test") != job

    def test_a_failed_job_resumes_after_a_fix(self, past: Past) -> None:
        furnish(past)
        [app] = past.saleor.host.store.apps
        granted, app.permissions = app.permissions, frozenset()
        job = run_backfill(past)
        assert job.state == Job.State.FAILED
        assert job.report["failure"]["code"] == "permission_denied"
        app.permissions = granted
        jobs.resume(job)
        job = run_backfill(past)
        assert job.state == Job.State.DONE
        assert "failure" not in job.report


def test_a_shop_has_one_open_backfill_and_never_anothers(past: Past) -> None:
    job = backfill.get_or_create(past.installation, "saleor", "test")
    other = install("other.example")
    assert backfill.get_or_create(past.installation, "saleor", "again") == job
    assert backfill.get_or_create(other, "saleor", "other") != job
    with pytest.raises(Rejected, match="no such job"):
        jobs.find(other, str(job.pk))
    with pytest.raises(Rejected, match="no such job"):
        jobs.find(other, "no id")
    with pytest.raises(Rejected, match="no source"):
        backfill.get_or_create(other, "woo", "test")


def test_how_long_it_still_takes(past: Past) -> None:
    job = Job(installation=past.installation, kind="saleor", state="running", total=100, done=20, failed=5)
    job.worked_seconds = 50
    assert job.eta == timedelta(seconds=150)
    job.state = Job.State.PAUSED
    assert job.eta is None


def test_the_command(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    furnish(past)
    base = ["backfill", "--saleor-api-url", past.installation.saleor_api_url]

    def run(*more: str, code: int = 0) -> Any:
        assert main([*base, *more]) == code
        return json.loads(capsys.readouterr().out)

    assert main([*base, "--status"]) == 1
    assert "There has been no such job yet" in capsys.readouterr().err
    assert run("--background")["state"] == "queued"
    assert run("--pause")["state"] == "paused"
    assert run()["state"] == "paused"
    done = run("--resume")
    assert (done["state"], done["done"], done["total"]) == ("done", 7, 7)
    assert run("--status") == done
    assert main([*base, "--pause"]) == 1
