"""Imports and exports over the API: by scope, for one shop, with a report of what happened."""

import base64
import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from saleor_stripe_audience.api_keys.keys import create_key
from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.transfer import backfill
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.engine import Page
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor import listing
from tests.api.conftest import Shop, changed, codes_of, errors_of, post
from tests.audience.histories import at

JOB = """id kind state total done failed etaSeconds actor createdAt finishedAt counts { name count }
  problems { of objectId code message } problemsCount differences { of objectId what why } differencesCount
  failure { code message }"""
JOBS = f"{{ jobs {{ {JOB} }} }}"
ERRORS = "errors { field message code }"
START = f"mutation ($kind: JobKind!) {{ backfillStart(kind: $kind) {{ {ERRORS} job {{ {JOB} }} }} }}"
IMPORT = """mutation ($csv: String!, $columns: [ColumnInput!]! = [], $dry: Boolean! = false, $audience: ID) {
  contactsImport(input: {csv: $csv, columns: $columns, consentText: "News?"}, dryRun: $dry, audience: $audience) {
    errors { field message code }
    report { dryRun lines new changed unchanged erasedLeftOut consents refused statusChanges { before after count }
      lineErrors { line field message } } } }"""
CSV = "Mail,consent,consent_at\nnew@shop.test,yes,2026-01-01\nnobody,,\n"

Asking = Callable[..., dict[str, Any]]


@pytest.fixture
def write(mine: Shop) -> Asking:
    return asking(mine, "audience:write")


def asking(shop: Shop, *scopes: str) -> Asking:
    key = create_key(shop.installation, "k", scopes=scopes).secret

    def ask(query: str, **variables: Any) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(post(key, {"query": query, "variables": variables}).content)
        return result

    return ask


def named(audience: Audience) -> str:
    return base64.b64encode(f"Audience:{audience.pk}".encode()).decode()


def switch(what: str) -> str:
    return f"mutation ($id: ID!) {{ {what}(id: $id) {{ {ERRORS} job {{ {JOB} }} }} }}"


class TestJobs:
    def test_one_is_started_paused_resumed_and_cancelled(self, write: Asking) -> None:
        job = changed(write(START, kind="SALEOR"))
        assert (job["kind"], job["state"], job["total"], job["etaSeconds"]) == (
            "SALEOR",
            "QUEUED",
            None,
            None,
        )
        assert job["actor"].startswith("key:")
        assert changed(write(START, kind="SALEOR"))["id"] == job["id"]
        for what, state in (("jobPause", "PAUSED"), ("jobResume", "RUNNING"), ("jobCancel", "CANCELLED")):
            assert changed(write(switch(what), id=job["id"]))["state"] == state
        assert errors_of(write(switch("jobResume"), id=job["id"])) == [(None, "INVALID_STATUS")]
        assert [each["id"] for each in write(JOBS)["data"]["jobs"]] == [job["id"]]

    def test_its_report_is_reported(self, mine: Shop, write: Asking) -> None:
        job = backfill.get_or_create(mine.installation, "saleor", "test")
        page = Page({}, done=1, failed=1, total=2, finished=True)
        page.counts["orders kept"] = 1
        page.problems = [{"of": "orders", "id": "T1", "code": "email_invalid", "message": "Correct it."}]
        page.differences = [{"of": "orders", "id": "T1", "what": "not here", "why": "Correct it."}]
        jobs.advance(job, page, 1.0, enqueues=False)
        [listed] = write(JOBS)["data"]["jobs"]
        assert (listed["state"], listed["total"], listed["done"], listed["failed"]) == ("DIFFERS", 2, 1, 1)
        assert listed["counts"] == [{"name": "orders kept", "count": 1}]
        assert listed["problems"][0]["objectId"] == listed["differences"][0]["objectId"] == "T1"
        assert (listed["problemsCount"], listed["differencesCount"], listed["failure"]) == (1, 1, None)

    def test_the_order_of_sources(self, write: Asking) -> None:
        assert errors_of(write(START, kind="STRIPE")) == [("kind", "SALEOR_FIRST")]
        assert errors_of(write(START, kind="IMPORT")) == [("kind", "INVALID")]
        assert not Job.objects.exists()

    def test_a_shop_with_payments_only_has_nothing_to_import(
        self, write: Asking, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "may_list", lambda *_: False)
        assert errors_of(write(START, kind="SALEOR")) == [("kind", "PERMISSION_DENIED")]
        assert not Job.objects.exists()

    def test_another_shops_are_neither_seen_nor_touched(self, theirs: Shop, write: Asking) -> None:
        asking(theirs, "audience:write")(START, kind="SALEOR")
        jobs = asking(theirs, "audience:read")(JOBS)["data"]["jobs"]
        assert write(JOBS)["data"]["jobs"] == []
        assert errors_of(write(switch("jobCancel"), id=jobs[0]["id"])) == [("id", "NOT_FOUND")]
        assert Job.objects.get().state == Job.State.QUEUED

    def test_an_id_of_something_else_is_not_a_job(self, write: Asking) -> None:
        assert errors_of(write(switch("jobPause"), id="UGF5bWVudDox")) == [("id", "NOT_FOUND")]

    @pytest.mark.parametrize("query", [switch("jobPause"), switch("jobResume"), switch("jobCancel")])
    def test_reading_is_not_writing(self, mine: Shop, write: Asking, query: str) -> None:
        job = changed(write(START, kind="SALEOR"))
        assert codes_of(asking(mine, "audience:read")(query, id=job["id"])) == {"PERMISSION_DENIED"}
        assert codes_of(asking(mine, "audience:read")(START, kind="SALEOR")) == {"PERMISSION_DENIED"}
        assert codes_of(asking(mine, "payments:write")(JOBS)) == {"PERMISSION_DENIED"}


class TestImport:
    def test_contacts_come_in_and_wrong_rows_are_reported(self, mine: Shop, write: Asking) -> None:
        choice = [{"ours": "email", "theirs": "Mail"}]
        tried = changed(write(IMPORT, csv=CSV, columns=choice, dry=True))
        assert (tried["dryRun"], Consent.objects.count()) == (True, 0)
        report = changed(write(IMPORT, csv=CSV, columns=choice))
        assert report == tried | {"dryRun": False}
        assert (report["lines"], report["new"], report["consents"], report["refused"]) == (2, 1, 1, 1)
        assert report["statusChanges"] == [{"before": None, "after": "SUBSCRIBED", "count": 1}]
        assert [(each["line"], each["field"]) for each in report["lineErrors"]] == [(3, "email")]
        new = Contact.objects.get(email="new@shop.test")
        assert (new.audience.installation_id, new.status) == (mine.installation.pk, "subscribed")
        assert new.consents.get().actor.startswith("key:")

    def test_a_whole_file_as_a_list_with_values_and_mapped_columns(self, write: Asking) -> None:
        query = """mutation($csv: String!) { contactsImport(input: {csv: $csv,
          columns: [{ours: "consent", theirs: "news"}], importAs: UNSUBSCRIBED, withdrawnValues: ["non"],
          givenValues: ["oui"], consentAt: "2026-01-01T00:00:00Z"}) { report {
            new leftOut cells { line field } statusChanges { before after count }
            file { format encoding separator importAs used { ours theirs } ignored defaulted { ours value } } } } }"""
        text = "email;news;country;shoe\na@shop.test;oui;Atlantis;42\nb@shop.test;non;Deutschland;43\n"
        report = changed(write(query, csv=text))
        assert (report["new"], report["leftOut"]) == (2, 1)
        assert report["cells"] == [{"line": 2, "field": "country"}]
        assert report["statusChanges"] == [{"before": None, "after": "UNSUBSCRIBED", "count": 2}]
        assert report["file"] == {
            "format": "", "encoding": "utf-8", "separator": ";", "importAs": "UNSUBSCRIBED",
            "used": [{"ours": name, "theirs": [theirs]}
                     for name, theirs in (("consent", "news"), ("email", "email"), ("country", "country"))],
            "ignored": ["shoe"],
            "defaulted": [{"ours": "consent_at", "value": "2026-01-01T00:00:00+00:00"},
                          {"ours": "consent", "value": "unsubscribed"}],
        }  # fmt: skip
        assert Contact.objects.get(email="b@shop.test").country == "DE"

    def test_everybody_gets_the_tags_and_the_source_of_the_consent(self, write: Asking) -> None:
        query = """mutation($csv: String!) { contactsImport(input: {csv: $csv, importAs: SUBSCRIBED,
          tags: ["Fair"], consentSource: "Paper list", consentText: "News?",
          consentAt: "2026-01-01T00:00:00Z"}) { report { new file { defaulted { ours value } } } } }"""
        report = changed(write(query, csv="email\na@shop.test\n"))
        assert {"ours": "consent_source", "value": "Paper list"} in report["file"]["defaulted"]
        made = Contact.objects.get(email="a@shop.test")
        assert made.consents.get().source_detail == "Paper list"
        assert made.contact_tags.get().tag.name == "Fair"

    def test_into_the_audience_that_is_named_of_this_shop(
        self, mine: Shop, theirs: Shop, write: Asking
    ) -> None:
        foreign = Audience.objects.create(installation=theirs.installation, name="Theirs")
        club = Audience.objects.create(installation=mine.installation, name="Club")
        result = write(IMPORT, csv="email\na@shop.test\n", audience=named(club))
        assert changed(result)["new"] == 1
        assert Contact.objects.get(email="a@shop.test").audience == club
        assert errors_of(write(IMPORT, csv="email\na@shop.test\n", audience=named(foreign))) == [
            ("audience", "NOT_FOUND")
        ]
        assert Contact.objects.filter(audience__installation=theirs.installation).count() == 1

    def test_an_unsuitable_file_or_key_is_refused(self, mine: Shop, write: Asking) -> None:
        assert errors_of(write(IMPORT, csv="name\nAda\n")) == [("columns", "INVALID")]
        assert codes_of(asking(mine, "audience:read")(IMPORT, csv="email\na@shop.test\n")) == {
            "PERMISSION_DENIED"
        }


def download(key: str | None, **asked: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Client().get("/api/audience/export.csv", asked, headers=headers)


def text_of(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


class TestExport:
    def test_the_shops_own_contacts(self, mine: Shop, theirs: Shop) -> None:
        answer = download(create_key(mine.installation, "k", scopes=["audience:read"]).secret)
        assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (
            200,
            "text/csv",
            "no-store",
        )
        assert 'filename="contacts.csv"' in answer["Content-Disposition"]
        [row] = csv.DictReader(io.StringIO(text_of(answer)))
        assert row["email"] == "ada@mine.example"
        theirs_key = create_key(theirs.installation, "k", scopes=["audience:read"]).secret
        assert "bob@theirs.example" in text_of(download(theirs_key))

    def test_some_of_them_and_lists_for_advertisers(self, mine: Shop) -> None:
        key = create_key(mine.installation, "k", scopes=["audience:read"]).secret
        assert text_of(download(key, status="subscribed")).count("\n") == 1
        assert text_of(download(key, status=["subscribed", "nonsubscribed"])).count("\n") == 2
        assert text_of(download(key, ads="meta")) == "email\n"
        word = ledger.ConsentEvent("given", at(0), Consent.Source.STAFF, wording="News.")
        ledger.record(Contact.objects.get(), word)
        assert text_of(download(key, ads="meta")).count("\n") == 2

    @pytest.mark.parametrize(
        "asked", [{"status": "gone"}, {"segment": "none"}, {"audience": "none"}, {"ads": "none"}]
    )
    def test_what_there_is_not_is_reported(self, mine: Shop, asked: dict[str, str]) -> None:
        answer = download(create_key(mine.installation, "k", scopes=["audience:read"]).secret, **asked)
        assert answer.status_code == 400
        assert "There" in answer.json()["errors"][0]["message"] or "has no" in str(answer.json())

    def test_only_for_who_may(self, mine: Shop, settings: Any) -> None:
        assert download(None).status_code == 401
        assert download("ssa_wrong").status_code == 401
        assert (
            download(create_key(mine.installation, "k", scopes=["payments:write"]).secret).status_code == 403
        )
        assert Client().post("/api/audience/export.csv").status_code == 405
        settings.API_REQUESTS_PER_MINUTE = 1
        key = create_key(mine.installation, "k", scopes=["audience:read"]).secret
        assert [download(key).status_code for _ in range(2)][1] == 429
