"""Staff import contacts from a file on the page: uploaded, read, checked, imported once, for their shop only."""

import codecs
import csv
import io
import re
import uuid
from codecs import BOM_UTF8
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Audience, Contact, Tag
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.transfer import file_import, importing, uploads
from saleor_stripe_audience.audience.transfer.guessing import GUESSES
from saleor_stripe_audience.audience.transfer.models import ImportFile, ImportPart
from saleor_stripe_audience.dashboard import import_columns
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import a_contact

TEXT = (
    "E-mail,First name,Newsletter,Shoe size\n"
    "Eve@Example.com,Eve,yes,38\n"
    "ada@example.com,Ada,,39\n"
    "nobody,=1+1,,40\n"
    "eve@example.com,Eva,,41\n"
)
COLUMNS = {"column-0": "email", "column-1": "first_name", "column-2": "consent"}
PROOF = {
    "consent_source": "Former shop",
    "consent_text": "News, please.",
    "given_at": "2026-01-02T10:00",
    "given_at_utc": "2026-01-02T09:00:00Z",
}


@dataclass
class Import:
    """A staff member who imports files into the shop's audience."""

    shop: Shop
    client: Client
    audience: Audience

    def look(self, path: str = "", status: int = 200, language: str = "en") -> str:
        headers = self.shop.headers() | {"Accept-Language": language}
        answer = self.client.get(f"/dashboard/contacts/import{path}", headers=headers)
        assert answer.status_code == status
        return answer.content.decode()

    def send(self, path: str = "", **fields: str) -> tuple[int, str]:
        answer = self.client.post(f"/dashboard/contacts/import{path}", fields, headers=self.shop.headers())
        return answer.status_code, answer.content.decode()

    def put(self, upload: str, part: int | str, content: bytes) -> int:
        address = f"/dashboard/contacts/import/part?audience={self.audience.pk}&upload={upload}&part={part}"
        headers = self.shop.headers()
        return self.client.post(
            address, content, content_type="application/octet-stream", headers=headers
        ).status_code

    def upload(self, content: bytes | str, name: str = "contacts.csv", **changed: str) -> tuple[int, str]:
        """Send a file as the page's script does."""
        data = content.encode() if isinstance(content, str) else content
        text = self.look()
        [upload] = re.findall(r'name="upload" value="([^"]+)"', text)
        for part in range(0, len(data), uploads.PART_BYTES):
            self.put(upload, part // uploads.PART_BYTES, data[part : part + uploads.PART_BYTES])
        fields = {"audience": str(self.audience.pk), "upload": upload, "name": name, "size": str(len(data))}
        return self.send(**(fields | changed))

    def check(self, text: str | bytes = TEXT, **fields: str) -> ImportFile:
        """Upload and check a file."""
        assert self.upload(text)[0] == 200
        file = newest()
        assert self.send(f"/{file.pk}", do="check", **(COLUMNS | fields))[0] == 200
        file.refresh_from_db()
        file_import.check(file.pk, file.revision)
        return newest()


def newest() -> ImportFile:
    return ImportFile.objects.order_by("-created_at").select_related("job").all()[0]


def work(file: ImportFile) -> Job:
    """Do what a worker does with the job."""
    file.refresh_from_db()
    assert file.job is not None
    jobs.work_page(file.job.pk, file.job.step)
    return Job.objects.get(pk=file.job.pk)


@pytest.fixture
def staff(shop: Shop, client: Client) -> Import:
    return Import(shop, client, a_contact(shop.installation).audience)


def figures(text: str) -> dict[str, str]:
    return dict(re.findall(r'<p class="quiet">([^<]+)</p><p class="amount">(\d+)</p>', text))


# ---- the whole way ----


def test_a_file_is_uploaded_understood_checked_and_imported_once(staff: Import) -> None:
    status, text = staff.upload(TEXT)
    file = newest()
    assert (status, f'data-address="/dashboard/contacts/import/{file.pk}"' in text) == (200, True)
    assert "UTF-8 · Comma · Buyers" in text
    for column, field in ((0, "email"), (1, "first_name")):
        select = text[text.index(f'name="column-{column}"') :]
        assert f'<option value="{field}" selected>' in select[: select.index("</select>")]
    for sample in ("Eve@Example.com", "Shoe size", "38"):
        assert sample in text
    for _ in range(2):
        status, text = staff.send(f"/{file.pk}", do="check", **COLUMNS, **PROOF, tags="Fair, VIP")
        assert (status, "Checking the file" in text, 'every 2s"' in text) == (200, True, True)
    file.refresh_from_db()
    assert file.revision == 1, "the same form is the same check"
    file_import.check(file.pk, file.revision)
    text = staff.look(f"/{file.pk}/progress")
    assert figures(text) == {
        "New contacts": "1", "Updated": "1", "Unchanged": "0", "Rejected rows": "2", "Consents and withdrawals": "1",
    }  # fmt: skip
    assert "every 2s" not in text
    assert 'data-say="Checked: 2 rows can be imported."' in text
    assert "<dt>New → Subscribed</dt><dd>1</dd>" in text
    assert "The same address as in line 2." in text
    assert Contact.objects.count() == 1, "nothing was written"
    for _ in range(2):
        status, text = staff.send(f"/{file.pk}", do="start")
        assert (status, "Importing" in text) == (200, True)
    [job] = Job.objects.all()
    assert (job.actor, work(file).state) == ("staff@example.com", Job.State.DONE)
    text = staff.look(f"/{file.pk}")
    assert ("What was imported" in text, figures(text)["New contacts"]) == (True, "1")
    eve = Contact.objects.get(email="eve@example.com")
    assert (eve.status, eve.first_name) == ("subscribed", "Eve")
    consent = Consent.objects.select_related("wording").get()
    assert consent.wording is not None
    assert (consent.source_detail, consent.wording.text, consent.actor) == (
        "Former shop", "News, please.", "VXNlcjox",
    )  # fmt: skip
    assert consent.at.isoformat() == "2026-01-02T09:00:00+00:00"
    assert sorted(Tag.objects.values_list("name", flat=True)) == ["Fair", "VIP"]
    assert not ImportPart.objects.filter(is_refused=False).exists(), "the file is not kept"
    assert "contacts.csv" in staff.look()
    assert "2 rows rejected" in staff.look()


def test_dates_with_slashes_are_asked_about_once(staff: Import) -> None:
    """A spreadsheet from France can contain 04/03/2025, and so can an American one: only staff know what it means."""
    columns = {"column-0": "email", "column-1": "created_at"}
    file = staff.check("Adresse e-mail,Inscrit le\neve@example.com,04/03/2025\n", **columns)
    text = staff.look(f"/{file.pk}/progress")
    assert "Choose whether the day or the month comes first" in text
    assert staff.send(f"/{file.pk}", do="check", **columns, dates="day")[0] == 200
    file.refresh_from_db()
    file_import.check(file.pk, file.revision)
    text = staff.look(f"/{file.pk}/progress")
    assert "Choose whether the day" not in text
    assert '<option value="day" selected>' in staff.look(f"/{file.pk}?step=columns")
    staff.send(f"/{file.pk}", do="start")
    work(file)
    assert Contact.objects.get(email="eve@example.com").created_at.isoformat() == "2025-03-04T00:00:00+00:00"


def test_the_refused_rows_are_a_file_in_the_readers_language_that_executes_nothing(staff: Import) -> None:
    file = staff.check(**PROOF)

    def listed() -> list[list[str]]:
        answer = staff.client.get(
            f"/dashboard/contacts/import/{file.pk}/refused.csv",
            headers=staff.shop.headers() | {"Accept-Language": "fr"},
        )
        assert "attachment" in answer["Content-Disposition"]
        content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
        assert content.startswith(BOM_UTF8)
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))

    assert listed() == [
        ["Ligne", "Motif", "E-mail", "First name", "Newsletter", "Shoe size"],
        ["4", "Ceci n'est pas une adresse e-mail.", "nobody", "'=1+1", "", "40"],
        ["5", "La même adresse qu'à la ligne 2.", "eve@example.com", "Eva", "", "41"],
    ]
    assert "Ceci n&#x27;est pas une adresse e-mail." in staff.look(f"/{file.pk}", language="fr")
    before = listed()
    staff.send(f"/{file.pk}", do="start")
    work(file)
    assert listed() == before
    assert "La même adresse qu&#x27;à la ligne 2." in staff.look(f"/{file.pk}", language="fr")


def test_only_so_many_refused_rows_are_kept(staff: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_import, "MOST_KEPT", 3)
    monkeypatch.setattr(file_import, "MOST_LISTED", 2)
    file = staff.check("email\na@example.com\n" + "bad\n" * 5, **{"column-1": "", "column-2": ""})
    assert [each.line for each in file_import.read_refused(file)] == [1, 3, 4, 5]
    text = staff.look(f"/{file.pk}")
    assert figures(text)["Rejected rows"] == "5"
    assert "The first 2 of 5. The download has the first 3." in text


def test_columns_can_be_ignored_and_what_was_chosen_is_shown_again(staff: Import) -> None:
    file = staff.check(**{"column-1": "", "kind": "nonsubscribed", "tags": 'Fair, "a, b"'})
    text = staff.look(f"/{file.pk}?step=columns")
    assert 'value="nonsubscribed" id="kind-1" checked' in text
    assert 'value="Fair, &quot;a, b&quot;"' in text
    staff.send(f"/{file.pk}", do="start")
    work(file)
    assert (Contact.objects.get(email="eve@example.com").first_name, Consent.objects.count()) == ("", 0)


def test_a_file_of_another_program_is_recognized(staff: Import) -> None:
    header = "Email Address;First Name;MEMBER_RATING;OPTIN_TIME;CONFIRM_TIME;UNSUB_TIME;LEID;EUID\n"
    _status, text = staff.upload(f"{header}a@example.com;A;2;2025-01-01 10:00;;2025-02-02 10:00;1;x\n")
    assert "An export of Mailchimp · UTF-8 · Semicolon" in text
    assert 'value="unsubscribed" id="kind-3" checked' in text
    file = newest()
    staff.send(f"/{file.pk}", do="check", **{"column-0": "email", "column-5": "withdrawn_at"})
    file.refresh_from_db()
    file_import.check(file.pk, file.revision)
    assert "<dt>New → Unsubscribed</dt><dd>1</dd>" in staff.look(f"/{file.pk}")


def test_the_encoding_can_be_corrected(staff: Import) -> None:
    staff.upload("email,name\na@example.com,Plzeň\n".encode("cp1250"))
    file = newest()
    text = staff.look(f"/{file.pk}")
    assert ("Plzeň" in text, "does not say how its characters are encoded" in text) == (False, True)
    status, text = staff.send(f"/{file.pk}", do="read", encoding="cp1250")
    assert (status, "Plzeň" in text, "The file was read again." in text) == (200, True, True)
    assert "does not say how its characters are encoded" not in text
    status, text = staff.send(f"/{file.pk}", do="check", encoding="utf-16", **{"column-0": "email"})
    assert status == 422, "other columns are shown before they are checked"
    assert "Plzeň" in staff.look(f"/{file.pk}")
    status, text = staff.send(
        f"/{file.pk}", do="check", encoding="cp1250", **{"column-0": "email", "column-1": "name"}
    )
    file.refresh_from_db()
    file_import.check(file.pk, file.revision)
    staff.send(f"/{file.pk}", do="start")
    work(file)
    assert Contact.objects.get(email="a@example.com").first_name == "Plzeň"


def test_the_encoding_is_asked_for_before_it_could_subscribe_somebody(staff: Import) -> None:
    staff.upload("email,état\na@example.com,à jour\n".encode("cp1252"))
    file = newest()
    choices = {"column-0": "email", "kind": "subscribed"} | PROOF
    staff.send(f"/{file.pk}", do="check", **choices)
    file.refresh_from_db()
    file_import.check(file.pk, file.revision)
    assert "the column “état” may say who unsubscribed. Choose the encoding" in staff.look(f"/{file.pk}")
    assert "encodage du fichier (en ligne de commande" in staff.look(f"/{file.pk}", language="fr")
    status, _text = staff.send(f"/{file.pk}", do="start")
    assert (status, newest().job) == (422, None)
    staff.send(f"/{file.pk}", do="read", encoding="cp1252")
    staff.send(f"/{file.pk}", do="check", encoding="cp1252", **choices)
    file.refresh_from_db()
    file_import.check(file.pk, file.revision)
    staff.send(f"/{file.pk}", do="start")
    work(file)
    assert Contact.objects.get(email="a@example.com").status == "subscribed"


def test_each_encoding_that_is_detected_can_be_chosen() -> None:
    assert set(import_columns.ENCODINGS) > GUESSES
    for name in import_columns.ENCODINGS:
        assert codecs.lookup(name)


def test_a_large_file_comes_in_parts_and_a_part_may_come_twice(
    staff: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", 64)
    monkeypatch.setattr(file_import, "BATCH_SIZE", 10)
    text = "email\n" + "".join(f"c{number}@example.com\n" for number in range(50)) + "bad\n"
    status, _text = staff.upload(text)
    file = newest()
    assert (status, file.parts.count()) == (200, len(text.encode()) // 64 + 1)
    staff.send(f"/{file.pk}", do="check", **{"column-0": "email"})
    file.refresh_from_db()
    file_import.check(file.pk, file.revision)
    staff.send(f"/{file.pk}", do="start")
    job = work(file)
    assert (job.done, job.failed, job.total, Contact.objects.count()) == (50, 1, 51, 51)


def test_only_the_start_of_a_large_file_is_read_for_the_form(
    staff: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check reads the whole file in a worker, and finds what the start did not contain."""
    monkeypatch.setattr(uploads, "PART_BYTES", 64)
    rows = "".join(f"c{number}@example.com,Ada\n" for number in range(50))
    text = f"email,name\n{rows}z@example.com,René\n".encode("cp1252")

    def whole(_file: ImportFile) -> None:
        pytest.fail("the whole file was read")

    with monkeypatch.context() as patch:
        patch.setattr(uploads, "open_file", whole)
        status, shown = staff.upload(text)
        file = newest()
        staff.send(f"/{file.pk}", do="check", **{"column-0": "email", "column-1": "name"})
    assert (status, file.form["encoding"], file.form["digest"]) == (200, "utf-8-sig", "")
    assert "UTF-8" in shown
    file.refresh_from_db()
    file_import.check(file.pk, file.revision)
    file = newest()
    assert (file.form["encoding"], len(file.form["digest"])) == ("cp1252", 64)
    assert "Windows-1252" in staff.look(f"/{file.pk}?step=columns")
    staff.send(f"/{file.pk}", do="start")
    work(file)
    assert Contact.objects.get(email="z@example.com").first_name == "René"


def test_a_start_that_ends_within_a_character_is_utf_8(
    staff: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", 34)
    text = "email,name\nada@example.com,Adaaaaé\n" + "b@example.com,B\n" * 9
    assert text.encode()[33:35] == "é".encode(), "the character is cut"
    assert staff.upload(text)[0] == 200
    assert newest().form["encoding"] == "utf-8-sig"


def test_bytes_that_are_no_characters_are_shown_as_such(staff: Import) -> None:
    many = "é@example.com,é\n" * 9
    status, text = staff.upload(b"email,n\xffame\na@example.com,A\xffda\n" + many.encode())
    assert (status, "n\ufffdame" in text, "A\ufffdda" in text) == (200, True, True)


def test_what_is_not_csv_is_reported_although_its_rest_was_not_sent(staff: Import) -> None:
    status, text = staff.upload(b"PK\x03\x04workbook", size="3000000")
    assert (status, "This is a workbook, not a CSV file." in text) == (422, True)


def test_parts_are_counted_without_the_first(staff: Import) -> None:
    upload = str(uuid.uuid4())
    assert staff.put(upload, 1, b"email\na@example.com\n") == 204
    fields = {"audience": str(staff.audience.pk), "upload": upload, "name": "x.csv", "size": "20"}
    status, text = staff.send(**fields)
    assert (status, "was not uploaded completely" in text) == (422, True)


# ---- in Activity ----


def activity(staff: Import, path: str = "") -> str:
    ask = staff.client.post if path else staff.client.get
    answer = ask(f"/dashboard/activity{path}", headers=staff.shop.headers())
    assert answer.status_code in (200, 422)
    return answer.content.decode()


def offered(text: str, job: Job) -> list[str]:
    """Return what can be done with the job, by the ids of the buttons."""
    return re.findall(rf'id="(\w+)-{job.pk}"', text)


def test_an_import_is_opened_paused_continued_and_cancelled_in_activity(
    staff: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_import, "BATCH_SIZE", 1)
    file = staff.check()
    staff.send(f"/{file.pk}", do="start")
    job = Job.objects.get()
    text = activity(staff)
    assert offered(text, job) == ["open", "pause", "cancel"]
    assert f'hx-get="/dashboard/contacts/import/{file.pk}"' in text
    assert "contacts.csv · " in text
    for _ in range(2):
        assert offered(activity(staff, f"/jobs/{job.pk}/pause"), job) == ["open", "resume", "cancel"]
    for _ in range(2):
        assert offered(activity(staff, f"/jobs/{job.pk}/resume"), job) == ["open", "pause", "cancel"]
    for _ in range(2):
        assert offered(activity(staff, f"/jobs/{job.pk}/cancel"), job) == ["open"]
    assert not uploads.has_content(file), "the file is deleted, as on the machine that imported it"
    assert 'class="note bad"' in activity(staff, f"/jobs/{job.pk}/resume")
    assert work(file).state == Job.State.CANCELLED


def test_a_failed_import_is_retried_and_its_refused_rows_are_there(staff: Import) -> None:
    file = staff.check()
    staff.send(f"/{file.pk}", do="start")
    Job.objects.update(state=Job.State.FAILED)
    job = Job.objects.get()
    assert offered(activity(staff), job) == ["open", "resume"]
    assert offered(activity(staff, f"/jobs/{job.pk}/resume"), job) == ["open", "pause", "cancel"]
    assert work(file).state == Job.State.DONE
    text = activity(staff)
    assert offered(text, job) == ["open", "refused"]
    assert f'data-download="/dashboard/contacts/import/{file.pk}/refused.csv"' in text
    ImportPart.objects.all().delete()
    assert offered(activity(staff), job) == ["open"]


def test_an_import_whose_file_is_elsewhere_is_only_cancelled(staff: Import) -> None:
    job = Job.objects.create(
        installation=staff.shop.installation, kind=Job.Kind.IMPORT, state=Job.State.PAUSED
    )
    assert offered(activity(staff), job) == ["cancel"]
    refused = activity(staff, f"/jobs/{job.pk}/resume")
    job.refresh_from_db()
    assert (job.state, 'class="note bad"' in refused) == (Job.State.PAUSED, True)
    assert offered(activity(staff, f"/jobs/{job.pk}/cancel"), job) == []


def test_more_imports_in_activity_need_no_more_queries(staff: Import) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            activity(staff)
        return len(asked)

    def add() -> None:
        file = staff.check()
        staff.send(f"/{file.pk}", do="start")
        work(file)

    add()
    one = cost()
    for _ in range(3):
        add()
    assert cost() == one


# ---- refusals ----


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file has no rows."),
        (b"email\n", "The file has no rows."),
        (b"PK\x03\x04workbook", "This is a workbook, not a CSV file."),
        (b"\xd0\xcf\x11\xe0old workbook", "This is a workbook, not a CSV file."),
        (b"%PDF-1.7 ...", "This is not a CSV file."),
        (b"\x00\x00\x01\x00icon\nicon\n", "This is not a CSV file."),
        (b"email" + b",x" * 200 + b"\na@example.com\n", "The file has 201 columns."),
        (b'email,"name\na@example.com,b\n', "Line 1 is not valid CSV"),
        (b"a@example.com,Ada\nb@example.com,Bo\n", "The first line contains an email address"),
    ],
)
def test_what_is_not_csv_is_refused_and_nothing_stays(staff: Import, content: bytes, said: str) -> None:
    status, text = staff.upload(content)
    assert (status, said in text, "data-focus" in text) == (422, True, True)
    assert not ImportFile.objects.exists()


def test_a_file_that_is_too_large_or_incomplete_is_refused(staff: Import) -> None:
    status, text = staff.upload("email\na@example.com\n", size=str(uploads.LARGEST + 1))
    assert (status, "larger than 30 MB" in text) == (422, True)
    for changed in ({"size": "19"}, {"upload": str(uuid.uuid4())}, {"upload": "x"}):
        status, text = staff.upload("email\na@example.com\n", **changed)
        assert (status, "was not uploaded completely" in text) == (422, True), changed
    upload = str(uuid.uuid4())
    assert staff.put(upload, 0, b"x" * (uploads.PART_BYTES + 1)) == 422
    for part in (-1, uploads.MOST_PARTS, "x", ""):
        assert staff.put(upload, part, b"x") == 422
    assert staff.put("x", 0, b"x") == 422
    assert staff.put(upload, 0, b"") == 422
    assert not ImportFile.objects.filter(pk=upload).exists()


def test_only_so_many_files_are_stored(staff: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_STORED", 2)
    file = staff.check()
    staff.send(f"/{file.pk}", do="start")
    work(file)
    for number in range(2):
        assert staff.upload(TEXT, name=f"waiting {number}.csv")[0] == 200
    status, text = staff.upload(TEXT)
    assert (status, "2 files are stored already." in text) == (422, True)
    assert staff.put(str(uuid.uuid4()), 0, b"email") == 422
    listed = re.findall(r'id="file-([0-9a-f-]{36})"', staff.look())
    assert listed[-1] == str(file.pk), "those that can be discarded come first"
    for _ in range(2):
        staff.send(f"/{listed[0]}", do="discard")
    assert staff.upload(TEXT)[0] == 200


def test_uploads_that_were_given_up_make_room(staff: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_INCOMPLETE", 2)
    started = [str(uuid.uuid4()) for _ in range(4)]
    assert [staff.put(upload, 0, b"email") for upload in started] == [204] * 4
    assert {str(each.pk) for each in ImportFile.objects.all()} == set(started[2:])
    assert ImportPart.objects.count() == 2


@pytest.mark.parametrize(
    ("changed", "said", "wrong"),
    [
        ({"column-0": ""}, "Choose which column has the email addresses.", "column-0"),
        ({"kind": "subscribed", "consent_source": ""}, "how and where they agreed", "consent_source"),
        ({"consent_source": "x" * 129}, "how and where they agreed", "consent_source"),
        (
            {"kind": "subscribed", "consent_text": ""},
            "Enter the wording that they agreed to.",
            "consent_text",
        ),
        ({"kind": "subscribed", "given_at": ""}, "Enter when they agreed", "given_at"),
        ({"given_at_utc": "2999-01-01T00:00:00Z"}, "Enter when they agreed", "given_at"),
        ({"tags": "x" * 101}, "has 101 characters", "tags"),
    ],
)
def test_what_proves_nothing_is_refused_beside_its_field_and_nothing_typed_is_lost(
    staff: Import, changed: dict[str, str], said: str, wrong: str
) -> None:
    staff.upload(TEXT)
    file = newest()
    status, text = staff.send(f"/{file.pk}", do="check", **(COLUMNS | PROOF | {"tags": "Fair"} | changed))
    assert (status, said in text) == (422, True)
    assert re.search(rf'name="{wrong}"[^>]*aria-invalid="true" data-focus', text)
    kept = "Former shop" if wrong != "consent_source" else "News, please."
    assert kept in text
    file.refresh_from_db()
    assert file.check_state == ""


def test_nothing_is_imported_that_was_not_checked(staff: Import) -> None:
    staff.upload(TEXT)
    file = newest()
    status, text = staff.send(f"/{file.pk}", do="start")
    assert (status, "Check the file first" in text, Job.objects.count()) == (422, True, 0)


def test_a_check_that_fails_says_why_where_it_is_fixed(staff: Import) -> None:
    long_line = "x" * 400_001
    file = staff.check(
        "email\n" + "a@example.com\n" * 6 + f"{long_line}\n", **{"column-1": "", "column-2": ""}
    )
    assert file.check_state == ImportFile.Check.FAILED
    assert "is longer than" in staff.look(f"/{file.pk}/progress")
    assert "is longer than" in staff.look(f"/{file.pk}")


# ---- on its way ----


def test_a_check_stops_for_other_choices_and_can_be_asked_for_again(staff: Import) -> None:
    staff.upload(TEXT)
    file = newest()
    staff.send(f"/{file.pk}", do="check", **COLUMNS)
    staff.send(f"/{file.pk}", do="check", **COLUMNS, tags="Fair")
    file_import.check(file.pk, 1)
    file.refresh_from_db()
    assert (file.check_state, file.revision) == (ImportFile.Check.RUNNING, 2)
    assert 'id="check-again"' not in staff.look(f"/{file.pk}")
    ImportFile.objects.update(updated_at=timezone.now() - timedelta(minutes=5))
    assert 'id="check-again"' in staff.look(f"/{file.pk}")
    staff.send(f"/{file.pk}", do="again")
    file_import.check(file.pk, 3)
    file.refresh_from_db()
    assert file.check_state == ImportFile.Check.DONE


def test_an_import_is_cancelled_and_resumed(staff: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_import, "BATCH_SIZE", 1)
    file = staff.check()
    staff.send(f"/{file.pk}", do="start")
    job = Job.objects.get()
    jobs.pause(job)
    text = staff.look(f"/{file.pk}")
    assert ('value="resume"' in text, "every 2s" in text) == (True, False)
    staff.send(f"/{file.pk}", do="resume")
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    status, text = staff.send(f"/{file.pk}", do="cancel")
    assert (status, "Cancelled" in text) == (200, True)
    assert work(file).state == Job.State.CANCELLED
    assert (Contact.objects.count(), uploads.has_content(file)) == (1, False)
    assert staff.send(f"/{file.pk}", do="cancel")[0] == 200
    assert staff.send(f"/{file.pk}", do="resume")[0] == 422
    assert staff.send(f"/{file.pk}", do="discard")[0] == 422
    assert staff.send(f"/{file.pk}", do="check", **COLUMNS)[0] in (404, 422)


def test_an_import_whose_file_is_gone_says_so_and_what_to_do(staff: Import) -> None:
    file = staff.check()
    staff.send(f"/{file.pk}", do="start")
    jobs.pause(Job.objects.get())
    ImportFile.objects.update(created_at=timezone.now() - timedelta(days=8))
    uploads.forget_old()
    staff.send(f"/{file.pk}", do="resume")
    assert work(file).state == Job.State.FAILED
    assert "Le fichier n&#x27;est plus conservé. Envoyez-le de nouveau." in staff.look(
        f"/{file.pk}", language="fr"
    )
    answer = staff.client.get(
        f"/dashboard/contacts/import/{file.pk}/refused.csv", headers=staff.shop.headers()
    )
    assert answer.status_code == 404


def test_an_interrupted_import_continues_where_it_stopped(
    staff: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_import, "BATCH_SIZE", 1)
    file = staff.check()
    staff.send(f"/{file.pk}", do="start")
    job = Job.objects.get()

    class KilledError(Exception):
        pass

    def killed(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(importing._Batch, "_count", killed)
        with pytest.raises(KilledError):
            jobs.work_page(job.pk, 0)
    assert Contact.objects.count() == 1
    Job.objects.update(updated_at=timezone.now() - timedelta(hours=1))
    assert jobs.sweep() == 1
    assert work(file).state == Job.State.DONE
    assert not jobs.work_page(job.pk, 0), "the task of the killed worker finds nothing to do"
    job.refresh_from_db()
    assert (job.done, job.failed, Contact.objects.count()) == (2, 2, 2)


def test_a_file_is_discarded_and_old_ones_are_forgotten(staff: Import) -> None:
    file = staff.check()
    status, text = staff.send(f"/{file.pk}", do="discard")
    assert (status, "The file was deleted." in text, ImportFile.objects.count()) == (200, True, 0)
    done = staff.check()
    staff.send(f"/{done.pk}", do="start")
    work(done)
    staff.upload(TEXT)
    ImportFile.objects.update(created_at=timezone.now() - timedelta(days=8))
    staff.upload(TEXT)
    latest = newest()
    waiting = staff.put(str(uuid.uuid4()), 0, b"email")
    ImportFile.objects.filter(form={}).update(created_at=timezone.now() - timedelta(days=2))
    assert (waiting, uploads.forget_old()) == (204, 2)
    assert set(ImportFile.objects.values_list("pk", flat=True)) == {done.pk, latest.pk}
    assert set(ImportPart.objects.values_list("file", flat=True)) == {latest.pk}
    assert "What was imported" in staff.look(f"/{done.pk}")


def test_an_erasure_reaches_the_files_that_name_the_person(staff: Import) -> None:
    named = staff.check("email\nSomeone.Else@Example.com\n", **{"column-1": "", "column-2": ""})
    other = staff.check("email\nbob@example.com\n", **{"column-1": "", "column-2": ""})
    receipt = erasure.erase(staff.shop.installation, "someone.else@example.com")
    assert receipt.erased == {"files to import": 1}
    assert (uploads.has_content(named), uploads.has_content(other)) == (False, True)
    status, text = staff.send(f"/{named.pk}", do="start")
    assert (status, "Check the file first" in text) == (422, True)
    status, text = staff.send(f"/{named.pk}", do="check", **{"column-0": "email"})
    assert (status, "no longer stored" in text) == (422, True)
    assert "no longer stored" in staff.look(f"/{named.pk}", status=404)


def test_an_erasure_during_an_import_keeps_the_person_out(staff: Import) -> None:
    file = staff.check("email,consent\nsomeone.else@example.com,\nsomeone.else@example.com,perhaps\n")
    staff.send(f"/{file.pk}", do="start")
    assert uploads.has_refused(file)
    erasure.erase(staff.shop.installation, "someone.else@example.com")
    assert (uploads.has_content(file), uploads.has_refused(file)) == (True, False)
    assert work(file).report["counts"] == {"erased_left_out": 1}
    assert not ImportPart.objects.exists()


def test_an_erasure_during_a_check_leaves_nothing_of_it(
    staff: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff.upload("email\nsomeone.else@example.com\nbad\n")
    file = newest()
    staff.send(f"/{file.pk}", do="check", **{"column-0": "email"})
    store = file_import._store

    def erase_first(*given: Any) -> None:
        erasure.erase(staff.shop.installation, "someone.else@example.com")
        store(*given)

    monkeypatch.setattr(file_import, "_store", erase_first)
    file_import.check(file.pk, 1)
    assert not ImportPart.objects.exists()
    assert newest().check_state == ""


# ---- permissions and cost ----


def test_another_shops_file_and_audience_are_not_found(staff: Import, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    theirs = Import(other, client, a_contact(other.installation).audience)
    file = theirs.check()
    for path in (f"/{file.pk}", f"/{file.pk}/progress", f"/{file.pk}/refused.csv"):
        assert "contacts.csv" not in staff.look(path, status=404)
    assert staff.send(f"/{file.pk}", do="start")[0] == 404
    assert "contacts.csv" not in staff.look()
    upload = str(file.pk)
    assert staff.put(upload, 1, b"a@example.com") == 422
    staff.audience = theirs.audience
    assert staff.put(str(uuid.uuid4()), 0, b"email") == 404
    assert Job.objects.count() == 0


def test_an_import_needs_the_permission_to_manage_users(staff: Import) -> None:
    file = staff.check()
    clerk = staff.shop.headers(user_permissions=["HANDLE_PAYMENTS", "MANAGE_APPS"])
    for path in ("", f"/{file.pk}", f"/{file.pk}/progress", f"/{file.pk}/refused.csv"):
        assert staff.client.get(f"/dashboard/contacts/import{path}", headers=clerk).status_code == 403
    for path in ("", "/part", f"/{file.pk}"):
        answer = staff.client.post(f"/dashboard/contacts/import{path}", {"do": "start"}, headers=clerk)
        assert answer.status_code == 403
    assert Job.objects.count() == 0


def queries(staff: Import, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        staff.look(path)
    return len(asked)


def test_more_imports_and_more_refused_rows_need_no_more_queries(staff: Import) -> None:
    file = staff.check()
    before = {path: queries(staff, path) for path in ("", f"/{file.pk}", f"/{file.pk}/progress")}
    for number in range(3):
        more = staff.check(TEXT + "bad\n" * (number + 20))
        staff.send(f"/{more.pk}", do="start")
        work(more)
    paths = {"": "", f"/{file.pk}": f"/{more.pk}", f"/{file.pk}/progress": f"/{more.pk}/progress"}
    assert {path: queries(staff, now) for path, now in paths.items()} == before
    assert max(before.values()) <= 12
