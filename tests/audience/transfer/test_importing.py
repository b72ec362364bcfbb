"""A CSV file becomes contacts; no status changes without a consent event; errors are reported with their line."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone, translation

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactTag, FormerAddress, Tag
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.transfer import importing
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, Report, import_csv
from saleor_stripe_audience.audience.transfer.reading import as_file
from saleor_stripe_audience.errors import Rejected
from tests.audience.conftest import install
from tests.audience.histories import everything, say

BACK_THEN = datetime(2026, 1, 1, tzinfo=UTC)


def take(audience: Audience, text: str | bytes, **options: Any) -> Report:
    return import_csv(
        audience, io.BytesIO(text if isinstance(text, bytes) else text.encode()), ImportOptions(**options)
    )


def errors(report: Report) -> list[tuple[int, str, str]]:
    return [(each.line, each.field, str(each.message)) for each in report.errors]


def test_contacts_are_imported_with_their_fields_and_not_subscribed(audience: Audience) -> None:
    report = take(
        audience,
        "email,first_name,last_name,phone,country,language\nAda@Shop.test,Ada,Buyer,+33 1,fr,fr_FR\n",
    )
    contact = Contact.objects.get()
    assert (contact.email, contact.first_name, contact.last_name) == ("ada@shop.test", "Ada", "Buyer")
    assert (contact.phone, contact.country, contact.language) == ("+33 1", "FR", "fr-fr")
    assert (contact.status, contact.consents.count()) == ("nonsubscribed", 0)
    assert report.as_json() == {
        "lines": 1, "new": 1, "changed": 0, "unchanged": 0, "erased_left_out": 0, "consents": 0,
        "statuses": {"new → nonsubscribed": 1}, "refused": 0, "errors": [], "left_out": 0, "cells": [],
        "file": {
            "format": "", "encoding": "utf-8", "encoding_guessed": False, "separator": ",", "taken_as": "",
            "columns": {
                "used": {name: [name] for name in (
                    "email", "first_name", "last_name", "phone", "country", "language",
                )},
                "ignored": [], "defaulted": {},
            },
        },
    }  # fmt: skip


def test_consent_is_imported_with_its_time_wording_and_source(audience: Audience) -> None:
    header = "Email Address,consent,consent_at,consent_text,consent_source,consent_ip\n"
    report = take(
        audience,
        header
        + "a@shop.test,yes,2026-01-01T00:00:00Z,News please,fair,192.0.2.1\nb@shop.test,yes,2026-01-01,,,\n",
        actor="Grace",
    )
    assert (report.new, report.consents) == (2, 2)
    assert report.statuses == {"new → subscribed": 2}
    one, two = Consent.objects.order_by("email")
    assert (one.kind, one.source, one.source_detail, one.actor, one.ip) == (
        "given",
        "import",
        "fair",
        "Grace",
        "192.0.2.1",
    )
    digest = one.reference.split()[1]
    assert (one.reference, two.reference) == (f"file {digest} line 2", f"file {digest} line 3")
    assert len(digest) == 64
    assert one.at == two.at == BACK_THEN
    assert one.wording is not None
    assert two.wording is not None
    assert (one.wording.text, two.wording.text) == ("News please", "Yes, send me news.")
    assert ledger.sum_ledger(one.contact.consents.all()).consent == one.contact.consent


def test_the_same_file_twice_is_once(audience: Audience) -> None:
    text = "email,consent,consent_at,tags\na@shop.test,yes,2026-01-01,VIP\nb@shop.test,,,\n"
    take(audience, text)
    before = everything(audience.installation)
    again = take(audience, text)
    assert (again.new, again.changed, again.unchanged, again.consents) == (0, 0, 2, 0)
    assert everything(audience.installation) == before
    assert (Consent.objects.count(), ContactTag.objects.count(), Tag.objects.count()) == (1, 1, 1)


def test_the_same_event_in_another_file_is_the_same_event(audience: Audience) -> None:
    take(audience, "email,consent,consent_at\na@shop.test,yes,2026-01-01\n")
    again = take(audience, "email,consent,consent_at\nb@shop.test,,\na@shop.test,yes,2026-01-01\n")
    assert (again.consents, Consent.objects.count()) == (0, 1)


def test_existing_fields_stay_and_empty_ones_are_filled_in(audience: Audience) -> None:
    Contact.objects.create(audience=audience, email="a@shop.test", first_name="Ada")
    report = take(audience, "email,first_name,last_name\na@shop.test,Other,Buyer\n")
    contact = Contact.objects.get()
    assert (contact.first_name, contact.last_name) == ("Ada", "Buyer")
    assert (report.new, report.changed) == (0, 1)


@pytest.mark.parametrize(
    ("before", "row", "after"),
    [
        ("given", "a@shop.test,,", "subscribed"),
        ("given", "a@shop.test,unknown,", "subscribed"),
        ("given", "a@shop.test,no,2026-06-01", "subscribed"),
        ("given", "a@shop.test,false,2026-06-01", "subscribed"),
        ("given", "a@shop.test,withdrawn,2999-06-01", "unsubscribed"),  # takes effect when it is received
        ("given", "a@shop.test,withdrawn,tomorrow", "unsubscribed"),
        ("given", "a@shop.test,withdrawn,", "unsubscribed"),
        ("given", "a@shop.test,withdrawn,2026-06-01", "unsubscribed"),
        ("withdrawn", "a@shop.test,yes,2025-12-31", "unsubscribed"),
        ("withdrawn", "a@shop.test,yes,2026-06-01", "unsubscribed"),  # only the person can subscribe again
    ],
)
def test_the_latest_event_counts_and_no_event_changes_nothing(
    audience: Audience, before: str, row: str, after: str
) -> None:
    contact = Contact.objects.create(audience=audience, email="a@shop.test")
    say(contact, before, BACK_THEN)
    take(audience, f"email,consent,consent_at\n{row}\n")
    contact.refresh_from_db()
    assert contact.status == after  # a refusal without a usable time takes effect at the time of the import


def test_a_dry_run_says_the_same_and_writes_nothing(audience: Audience) -> None:
    gone = Contact.objects.create(audience=audience, email="gone@shop.test")
    say(gone, "given", BACK_THEN)
    text = (
        "email,consent,consent_at,tags\nnew@shop.test,yes,2026-01-01,VIP\ngone@shop.test,unsubscribed,2026-02-01,\n"
        "bad,,,\n"
    )
    before = everything(audience.installation)
    tried = take(audience, text, dry_run=True)
    assert everything(audience.installation) == before
    assert not Tag.objects.exists()
    assert tried.as_json() == take(audience, text).as_json()
    assert tried.statuses == {"new → subscribed": 1, "subscribed → unsubscribed": 1}
    assert (tried.consents, tried.refused) == (2, 1)


ROWS = [
    ("nobody", "email", "not an email address"),
    ("", "email", "not an email address"),
    (f"{'a' * 300}@shop.test", "email", "not an email address"),
    ("a@shop.test,,,maybe", "consent", "yes, withdrawn, or empty"),
    ("a@shop.test,,,yes", "consent_at", "needs its time"),
    ("a@shop.test,,,yes,tomorrow", "consent_at", "needs its time"),
    ("a@shop.test,,,yes,0001-01-01T00:00:00+02:00", "consent_at", "needs its time"),
    ("a@shop.test,,,yes,9999-12-31T23:59:59-02:00", "consent_at", "needs its time"),
    ("a@shop.test,,,yes,0000-00-00 00:00:00", "consent_at", "needs its time"),
    (f"a@shop.test,,,,,,{'t' * 101}", "tags", "has 101 characters"),
    (f'a@shop.test,,,,,,"{",".join(map(str, range(51)))}"', "tags", "51 tags"),
    ("a@shop.test,,,,,,A\u2028B", "tags", "unprintable"),
    ("a@shop.test,,,,,,\u200f", "tags", "visible name"),
    ("a@shop.test,FR,Ada,,,,,,moved", "row", "9 cells and the header 8"),
]


@pytest.mark.parametrize(
    ("row", "field", "phrase"), ROWS, ids=[f"{number}-{row[1]}" for number, row in enumerate(ROWS)]
)
def test_an_invalid_row_is_reported_with_its_line_and_the_others_are_imported(
    audience: Audience, row: str, field: str, phrase: str
) -> None:
    header = "email,country,first_name,consent,consent_at,consent_ip,tags,language"
    report = take(audience, f"{header}\nfine@shop.test\n{row or ','}\nalso@shop.test\n")
    [(line, where, message)] = errors(report)
    assert (line, where) == (3, field)
    assert phrase in message
    assert sorted(Contact.objects.values_list("email", flat=True)) == ["also@shop.test", "fine@shop.test"]
    assert not Consent.objects.exists()


CELLS = [
    ("a@shop.test,Atlantis", "country", "two-letter code"),
    ("a@shop.test,ZZ", "country", "two-letter code"),
    ("a@shop.test,,,,,,,Klingon!", "language", "as a tag"),
    (f"a@shop.test,,{'x' * 257}", "first_name", "longer than 256"),
    ("a@shop.test,,A\0da", "first_name", "invalid characters"),
    ("a@shop.test,,A\ud800da", "first_name", "invalid characters"),
    ("a@shop.test,,,withdrawn,,fe80::1%eth0", "consent_ip", "not an IP address"),
    ("a@shop.test,,,withdrawn,,not-an-ip", "consent_ip", "not an IP address"),
    (
        "a@shop.test,,,withdrawn,0001-01-01T00:00:00+02:00",
        "consent_at",
        "takes effect at the time of the import",
    ),
    (f"a@shop.test,,,withdrawn,,,{'t' * 101}", "tags", "has 101 characters"),
]


@pytest.mark.parametrize(
    ("row", "field", "message"), CELLS, ids=[f"{number}-{row[1]}" for number, row in enumerate(CELLS)]
)
def test_an_invalid_cell_is_skipped_and_a_withdrawal_beside_it_is_recorded(
    audience: Audience, row: str, field: str, message: str
) -> None:
    header = "email,country,first_name,consent,consent_at,consent_ip,tags,language"
    report = take(audience, as_file(f"{header}\nfine@shop.test\n{row}\nalso@shop.test\n").read())
    [cell] = report.cells
    assert (cell.line, cell.field, report.refused, report.left_out) == (3, field, 0, 1)
    assert message in str(cell.message)
    assert Contact.objects.count() == 3
    expected = "unsubscribed" if "withdrawn" in row else "nonsubscribed"
    assert Contact.objects.get(email="a@shop.test").status == expected


@pytest.mark.parametrize("first", ["yes,2026-01-01", "yes,2026-03-01", ","])
def test_a_withdrawal_is_not_lost_to_an_earlier_row_of_the_same_address(
    audience: Audience, first: str
) -> None:
    text = f"email,first_name,consent,consent_at\nA@shop.test,Ada,{first}\na@shop.test,Bo,unsubscribed,2026-04-01\n"
    report = take(audience, text)
    contact = Contact.objects.get()
    assert (contact.status, contact.first_name, report.refused) == ("unsubscribed", "Ada", 0)
    assert contact.consents.count() == (2 if "yes" in first else 1)
    again = take(audience, text)
    assert (again.consents, again.changed, contact.consents.count()) == (0, 0, 2 if "yes" in first else 1)


def test_a_withdrawal_is_found_in_another_batch(audience: Audience, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_SIZE", 1)
    take(audience, "email,consent,consent_at\na@shop.test,yes,2026-01-01\na@shop.test,withdrawn,2026-02-01\n")
    assert Contact.objects.get().status == "unsubscribed"


def test_a_withdrawal_without_a_time_is_one_event_however_often_its_file_is_imported(
    audience: Audience,
) -> None:
    text = "email,consent\na@shop.test,unsubscribed\n"
    take(audience, text)
    contact = Contact.objects.get()
    say(contact, "given", timezone.now())
    assert take(audience, text).consents == 0
    contact.refresh_from_db()
    assert contact.status == "subscribed"  # an old file does not unsubscribe someone who has subscribed again
    assert take(audience, text + "b@shop.test,\n").consents == 1


def test_a_consent_without_any_wording_is_refused(audience: Audience) -> None:
    Audience.objects.update(consent_text="")
    audience.refresh_from_db()
    report = take(audience, "email,consent,consent_at\na@shop.test,yes,2026-01-01\n")
    assert errors(report)[0][:2] == (2, "consent")
    assert (
        take(
            audience, "email,consent,consent_at\na@shop.test,yes,2026-01-01\n", consent_text="News?"
        ).consents
        == 1
    )


def test_equal_addresses_are_one_person_and_plus_tags_are_others(audience: Audience) -> None:
    report = take(
        audience, "email\nA@Shop.test\na@shop.TEST\na+1@shop.test\nü@shop.test\nu\u0308@shop.test\n"
    )
    assert errors(report) == [
        (3, "email", "The same address as in line 2."),
        (6, "email", "The same address as in line 5."),
    ]
    assert Contact.objects.count() == 3


WHOLE: list[tuple[str | bytes, str]] = [
    ("", "no column with email addresses"),
    ("first name,last name\nAda,Buyer\n", "no column with email addresses"),
    ("email\n" + "a@shop.test\n" * 3 + '"' + "x" * 10_000_000 + '"\n', "Line 5 is longer than"),
    ("x" * 100_001 + ",email\nfine@shop.test\n", "Line 1 has a cell of more than 100,000"),
    ("email\na@shop.test\n".encode("utf-16")[:-1], "is not in UTF-16"),
    ('email,"never closed\nfine@shop.test\n', "is not valid CSV"),
]


@pytest.mark.parametrize(("file", "message"), WHOLE, ids=[message for _file, message in WHOLE])
def test_an_invalid_file_is_refused_before_anything_is_written(
    audience: Audience, file: str | bytes, message: str
) -> None:
    with pytest.raises(Rejected, match=message):
        take(audience, file)
    assert not Contact.objects.exists()


def test_a_byte_order_mark_semicolons_and_line_breaks_in_cells_are_read(audience: Audience) -> None:
    text = '\ufeffE-Mail;First Name\r\na@shop.test;"Ada\r\nB"\r\n\r\nb@shop.test;Bo\r\n'
    report = take(audience, text)
    assert (report.new, report.refused) == (2, 0)


def test_columns_are_chosen(audience: Audience) -> None:
    take(audience, "one,two\nAda,a@shop.test\n", columns={"email": "two", "first_name": "one"})
    assert Contact.objects.get().first_name == "Ada"
    with pytest.raises(Rejected, match=r"no column three\. It has: one, two"):
        take(audience, "one,two\n", columns={"email": "three"})
    with pytest.raises(Rejected, match="no field heart"):
        take(audience, "one,two\n", columns={"heart": "one"})


def test_columns_are_chosen_exactly_by_position(audience: Audience) -> None:
    text = "Email,Name,Email,Tags\nold@shop.test,Ada,new@shop.test,VIP\n"
    report = take(audience, text, exactly={"email": [2], "first_name": [1], "tags": []})
    contact = Contact.objects.get()
    assert (contact.email, contact.first_name, contact.contact_tags.count()) == ("new@shop.test", "Ada", 0)
    assert report.file.ignored == ["Email", "Tags"]
    for wrong in ({"first_name": [1]}, {"email": [4]}, {"email": [0], "shoe_size": [1]}):
        with pytest.raises(Rejected) as refused:
            take(audience, text, exactly=wrong)
        assert refused.value.code == "import_column"


def test_everybody_in_a_file_gets_its_tags_and_the_source_of_the_consent(audience: Audience) -> None:
    header = "email,consent,consent_at,consent_source,tags\n"
    text = f"{header}a@shop.test,yes,2026-01-01,,VIP\nb@shop.test,yes,2026-01-01,fair,\n"
    options = {"tags": ["Fair 2026", "vip"], "consent_source": "Paper list"}
    assert take(audience, text, dry_run=True, **options).new == 2
    assert not Tag.objects.exists()
    report = take(audience, text, **options)
    assert report.file.defaulted["consent_source"] == "Paper list"
    sources = Consent.objects.order_by("email").values_list("source_detail", flat=True)
    assert list(sources) == ["Paper list", "fair"]
    assert sorted(Tag.objects.values_list("name", flat=True)) == ["Fair 2026", "VIP"]
    assert ContactTag.objects.filter(tag__name="Fair 2026").count() == 2
    with pytest.raises(Rejected):
        take(audience, text, tags=["x" * 101])


def test_a_refused_row_says_why_in_its_readers_language(audience: Audience) -> None:
    report = take(audience, "email\nnobody\na@shop.test\nA@shop.test\n")
    with translation.override("fr"):
        assert [str(each.message) for each in report.errors] == [
            "Ceci n'est pas une adresse e-mail.", "La même adresse qu'à la ligne 3.",
        ]  # fmt: skip
        assert report.as_json()["errors"][0]["message"] == "This is not an email address."


def test_erased_people_stay_out_and_are_counted(audience: Audience) -> None:
    erasure.erase(audience.installation, "gone@shop.test")
    report = take(audience, "email,consent,consent_at\nGone@shop.test,yes,2026-01-01\nb@shop.test,,\n")
    assert (report.erased_left_out, report.new, report.consents) == (1, 1, 0)
    assert list(Contact.objects.values_list("email", flat=True)) == ["b@shop.test"]


def test_consent_from_before_an_erasure_is_left_out(audience: Audience) -> None:
    erasure.erase(audience.installation, "back@shop.test")
    erasure.readmit(audience.installation, "back@shop.test")
    report = take(audience, "email,consent,consent_at\nback@shop.test,yes,2026-01-01\n")
    assert (report.new, report.consents, Contact.objects.get().status) == (1, 0, "nonsubscribed")
    assert [(each.line, each.field) for each in report.cells] == [(2, "consent")]
    take(audience, "email,consent,consent_at\nback@shop.test,withdrawn,2026-01-01\n")
    assert Contact.objects.get().status == "unsubscribed"


def test_a_former_address_is_the_same_person(audience: Audience) -> None:
    contact = Contact.objects.create(audience=audience, email="new@shop.test")
    FormerAddress.objects.create(audience=audience, contact=contact, email="old@shop.test", held_at=BACK_THEN)
    take(audience, "email,last_name\nold@shop.test,Buyer\n")
    contact.refresh_from_db()
    assert contact.last_name == "Buyer"
    assert Contact.objects.count() == 1


@pytest.mark.parametrize("is_reversed", [False, True])
def test_two_rows_of_one_person_keep_what_each_says(audience: Audience, is_reversed: bool) -> None:
    contact = Contact.objects.create(audience=audience, email="new@shop.test")
    FormerAddress.objects.create(audience=audience, contact=contact, email="old@shop.test", held_at=BACK_THEN)
    rows = ["new@shop.test,2026-01-01,", "old@shop.test,,Paris"]
    take(audience, "\n".join(["email,bounced_at,city", *(reversed(rows) if is_reversed else rows)]))
    contact.refresh_from_db()
    assert (contact.deliverability, contact.city) == ("bounced", "Paris")


def test_rules_do_not_remove_tags_of_an_import(audience: Audience) -> None:
    contact = Contact.objects.create(audience=audience, email="a@shop.test")
    tags.add(tags.get_or_create_tag(audience, "vip"), [contact], tags.Origin.RULE)
    take(audience, 'email,tags\na@shop.test,"""VIP"",""Summer"""\n')
    assert sorted(ContactTag.objects.values_list("tag__name", "origin")) == [
        ("Summer", "import"),
        ("vip", "import"),
    ]


def test_other_audiences_are_left_alone(audience: Audience) -> None:
    other = Audience.objects.create(installation=install("other.example"), name="Theirs", is_default=True)
    Contact.objects.create(audience=other, email="a@shop.test")
    take(audience, "email,first_name\na@shop.test,Ada\n")
    assert Contact.objects.get(audience=other).first_name == ""
    assert Contact.objects.get(audience=audience).first_name == "Ada"


def test_many_batches_and_progress(audience: Audience, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_SIZE", 3)
    progress: list[int] = []
    file = io.BytesIO(("email\n" + "".join(f"p{n}@shop.test\n" for n in range(10))).encode())
    report = import_csv(audience, file, ImportOptions(), progress.append)
    assert (report.new, Contact.objects.count()) == (10, 10)
    assert progress[-1] == 10


def test_errors_are_listed_up_to_a_limit_and_counted_beyond(
    audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MAX_ERRORS", 2)
    report = take(audience, "email\n" + "bad\n" * 5)
    assert (len(report.errors), report.refused) == (2, 5)


@pytest.mark.parametrize("status", ["cleaned", "archived", "unsubscribed"])
def test_a_status_that_blocks_mail_is_imported_and_subscribes_nobody(audience: Audience, status: str) -> None:
    Contact.objects.create(audience=audience, email="known@shop.test")
    row = f"yes,2026-01-01,{status}"
    report = take(audience, f"email,consent,consent_at,status\nnew@shop.test,{row}\nknown@shop.test,{row}\n")
    statuses = dict(Contact.objects.values_list("email", "status"))
    # A refusal also counts for existing contacts; a bounce elsewhere, or that somebody was archived, does not.
    known = status if status == "unsubscribed" else "nonsubscribed"
    assert statuses == {"new@shop.test": status, "known@shop.test": known}
    assert report.statuses[f"new → {status}"] == 1


def test_a_status_alone_gives_no_consent(audience: Audience) -> None:
    take(audience, "email,status\na@shop.test,subscribed\nc@shop.test,paid\n")
    assert set(Contact.objects.values_list("status", flat=True)) == {"nonsubscribed"}
    assert not Consent.objects.exists()


def test_an_unsubscribed_status_without_a_consent_column_is_a_withdrawal(audience: Audience) -> None:
    take(audience, "email,status\na@shop.test,Unsubscribed\nb@shop.test,opted-out\nc@shop.test,cleaned\n")
    assert [each.status for each in Contact.objects.order_by("email")] == [
        "unsubscribed",
        "unsubscribed",
        "cleaned",
    ]


@pytest.mark.parametrize("at", ["2999-01-01", "9999-12-31T23:59:59Z"])
def test_a_consent_in_the_future_is_refused_and_does_not_end_a_withdrawal(
    audience: Audience, at: str
) -> None:
    contact = Contact.objects.create(audience=audience, email="a@shop.test")
    say(contact, "withdrawn", BACK_THEN)
    report = take(audience, f"email,consent,consent_at\na@shop.test,yes,{at}\n")
    assert errors(report) == [(2, "consent_at", "This is not a time in the past.")]
    contact.refresh_from_db()
    assert (contact.status, contact.consents.count()) == ("unsubscribed", 1)


OURS = "email,status,lawful_basis,consent,consent_at\n"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("email,consent,consent_at,status\na@shop.test,yes,2026-01-01,\na@shop.test,,,bounced\n", "cleaned"),
        ("email,consent,consent_at,status\na@shop.test,yes,2026-01-01,\na@shop.test,n/a,,bounced\n", "cleaned"),
        (OURS + "a@shop.test,subscribed,consent,given,2026-01-01\na@shop.test,archived,none,,\n", "archived"),
        (OURS + "a@shop.test,subscribed,consent,given,2026-01-01\n"
         "a@shop.test,unsubscribed,none,given,2026-01-01\n", "unsubscribed"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 10])
def test_a_status_that_blocks_mail_is_not_lost_to_an_earlier_row_of_the_same_address(
    audience: Audience, monkeypatch: pytest.MonkeyPatch, text: str, status: str, size: int
) -> None:
    monkeypatch.setattr(importing, "BATCH_SIZE", size)
    report = take(audience, text)
    assert (Contact.objects.get().status, report.refused) == (status, 0)
    again = take(audience, text)
    assert (again.changed, again.consents) == (0, 0)
    Contact.objects.update(deliverability="ok", lifecycle="active")
    take(audience, text)
    assert Contact.objects.get().status == "subscribed"
