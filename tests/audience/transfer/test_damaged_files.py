"""Files with wrong quotation marks and shifted cells: at most a row is lost, but never a refusal of consent."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, Report, import_csv
from saleor_stripe_audience.audience.transfer.moments import DAY_FIRST, MONTH_FIRST, read_moment
from saleor_stripe_audience.audience.transfer.rows import UNCLEAR_DATE
from saleor_stripe_audience.errors import Rejected
from tests.audience.histories import say

GIVEN = "yes,2025-01-01T10:00:00Z"
HEADER = "email,first_name,last_name,consent,consent_at\n"


def take(audience: Audience, text: str | bytes, **options: Any) -> Report:
    file = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return import_csv(audience, file, ImportOptions(**{"consent_text": "Yes, please."} | options))


def statuses(audience: Audience) -> dict[str, str]:
    return {
        email.partition("@")[0]: status for email, status in audience.contacts.values_list("email", "status")
    }


def refused_lines(report: Report) -> list[int]:
    return [each.line for each in report.errors]


@pytest.mark.parametrize(
    "damaged",
    [
        'bad@shop.test,"Bad"x,Row,' + GIVEN,
        'bad@shop.test,"Bad,Row,' + GIVEN,
        '"bad@shop.test,Bad,Row,' + GIVEN,
        'bad@shop.test,"Bad" "Boy",Row,' + GIVEN,
        'bad@shop.test,"Ba""d,Row,' + GIVEN,
        "bad@shop.test,Bad,of,the,Row," + GIVEN,
        f"bad@shop.test,{'x' * 100_001},Row,{GIVEN}",
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("after", ["c@shop.test,Cy,Ro,", 'c@shop.test,"Cy","R, o",'])
def test_a_damaged_row_costs_itself(audience: Audience, damaged: str, ending: str, after: str) -> None:
    rows = [HEADER.strip(), f"a@shop.test,Ada,Lace,{GIVEN}", damaged, f"{after}{GIVEN}", ""]
    report = take(audience, ending.join(rows))
    assert statuses(audience) == {"a": "subscribed", "c": "subscribed"}
    assert refused_lines(report) == [3]


def test_a_quotation_mark_that_is_missing_in_the_last_row_costs_that_row(audience: Audience) -> None:
    report = take(audience, f'{HEADER}a@shop.test,Ada,Lace,{GIVEN}\nb@shop.test,"Bo,Ro,{GIVEN}')
    assert statuses(audience) == {"a": "subscribed"}
    assert refused_lines(report) == [3]


def test_lines_after_a_cell_of_many_lines_are_counted(audience: Audience) -> None:
    report = take(audience, f'{HEADER}a@shop.test,"Ada\n\nMaria",Lace,{GIVEN}\nno address,,,,\n"x"y,,,,\n')
    assert statuses(audience) == {"a": "subscribed"}
    assert refused_lines(report) == [5, 6]


def test_a_damaged_header_refuses_the_file(audience: Audience) -> None:
    with pytest.raises(Rejected, match="Line 1 is not valid CSV"):
        take(audience, '"email"x,consent\na@shop.test,yes\n')


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (HEADER, 'nora@shop.test,"Nora"x,Muster,unsubscribed,2025-01-01T10:00:00Z'),
        (HEADER, 'nora@shop.test,"Nora,Muster,withdrawn,2025-01-01T10:00:00Z'),
        (HEADER, "nora@shop.test,Nora,Muster, Countess,Unsubscribed,2025-01-01T10:00:00Z"),
        (HEADER, 'nora@shop.test,"Muster, Nora"x,,Abgemeldet,'),
        (HEADER, "nora@shop.test,Nora,Muster, Countess,désinscrite,"),
        ("name,email,status\n", "Muster, Nora,nora@shop.test,unsubscribed"),
        ("name,email,consent\n", "Muster, Nora,Nora <nora@shop.test>,opted-out"),
        ("email,name,unsubscribed_at\n", "nora@shop.test,Muster, Nora,2025-01-01 10:00:00"),
        ("unsubscribed_at,email,name\n", "2025-01-01 10:00:00,nora@shop.test,Muster, Nora"),
        ("name,email,unsubscribed_at,tags\n", "Muster, Nora,nora@shop.test,2025-01-01 10:00:00,x"),
        ("email,referrer,name,status\n", "nora@shop.test,ada@shop.test,Muster, Nora,unsubscribed"),
    ],
)
def test_the_refusal_of_a_damaged_row_is_kept(audience: Audience, header: str, row: str) -> None:
    nora = audience.contacts.create(email="nora@shop.test")
    say(nora, "given", datetime(2020, 1, 1, tzinfo=UTC))
    report = take(audience, header + row + "\n")
    assert statuses(audience) == {"nora": "unsubscribed"}
    assert (report.refused, [each.line for each in report.cells]) == (0, [2])
    nora.refresh_from_db()
    assert nora.first_name == ""
    take(audience, header + row + "\n")
    assert nora.consents.count() == 2


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (HEADER, f"nora@shop.test,Nora,Muster, Countess,{GIVEN}"),
        ("email,withdrawn_at,created_at,city\n", "nora@shop.test,,2024-01-01,Bern, Switzerland"),
        ("email,created_at,withdrawn_at\n", 'nora@shop.test,"2024-01-01'),
        ("name,email,status\n", "ada@shop.test, Nora,nora@shop.test,unsubscribed"),
        ("email,city,subscribed_to_emails,complimentary_plan\n", "nora@shop.test,Bern, CH,true,false"),
    ],
)
def test_no_refusal_is_read_into_a_damaged_row(audience: Audience, header: str, row: str) -> None:
    report = take(audience, header + row + "\n")
    assert statuses(audience) == {}
    assert refused_lines(report) == [2]


def test_a_damaged_row_of_a_list_of_who_left_is_a_refusal(audience: Audience) -> None:
    header = "Email Address,First Name,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME,LEID,EUID,TAGS\n"
    report = take(audience, header + 'nora@shop.test,"Nora"x,,,2025-06-01 08:00:00,1,e1,\n')
    assert (statuses(audience), report.file.format) == ({"nora": "unsubscribed"}, "Mailchimp")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("email,consent,withdrawn_at\n", "nora@shop.test,n/a,2025-01-01"),
        ("email,consent,status\n", "nora@shop.test,n/a,unsubscribed"),
        ("email,consent,status,consent_at\n", "nora@shop.test,yes,unsubscribed,2025-01-01"),
        ("email,consent,status,consent_at\n", "nora@shop.test,,Désabonnée,"),
    ],
)
def test_a_refusal_in_one_cell_is_kept_whatever_another_says(
    audience: Audience, header: str, row: str
) -> None:
    take(audience, header + row + "\n")
    assert statuses(audience) == {"nora": "unsubscribed"}


def test_a_refusal_is_kept_in_a_file_that_is_taken_as_nonsubscribed(audience: Audience) -> None:
    text = f"email,consent,consent_at\na@shop.test,{GIVEN}\nb@shop.test,unsubscribed,\nc@shop.test,perhaps,\n"
    take(audience, text, taken_as="nonsubscribed")
    assert statuses(audience) == {"a": "nonsubscribed", "b": "unsubscribed", "c": "nonsubscribed"}


@pytest.mark.parametrize(
    "value", ["TRUE", "Yes", "1", "Subscribed", "OUI", "Abonné", "ja", "Abonniert", "opted-in"]
)
def test_a_yes_in_other_words(audience: Audience, value: str) -> None:
    take(audience, f"email,consent,consent_at\na@shop.test,{value},2025-01-01\n")
    assert statuses(audience) == {"a": "subscribed"}


@pytest.mark.parametrize(
    "value", ["FALSE", "No", "0", "never_subscribed", "Non", "Nein", "Nicht abonniert", "N"]
)
def test_a_box_that_was_not_ticked_in_other_words(audience: Audience, value: str) -> None:
    take(audience, f"email,consent\na@shop.test,{value}\n")
    assert statuses(audience) == {"a": "nonsubscribed"}


@pytest.mark.parametrize(
    "header",
    [
        "Adresse e-mail,Prénom,Nom,Adresse,Numéro de téléphone,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,LEID,EUID,TAGS",
        "E-Mail-Adresse,Vorname,Nachname,Adresse,Telefonnummer,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,LEID,EUID,TAGS",
    ],
)
def test_mailchimp_in_french_and_german(audience: Audience, header: str) -> None:
    row = (
        'a@shop.test,Ada,Lace,"1, Road",+33 1,2,2025-01-01 10:00:00,2025-01-01 10:05:00,1,e1,"""a; b"",""c"""'
    )
    report = take(audience, f"{header}\n{row}\n")
    ada = audience.contacts.get()
    assert (report.file.format, ada.status, ada.first_name, ada.last_name, ada.phone) == (
        "Mailchimp",
        "subscribed",
        "Ada",
        "Lace",
        "+33 1",
    )
    assert sorted(ada.contact_tags.values_list("tag__name", flat=True)) == ["a; b", "c"]


@pytest.mark.parametrize(
    "header",
    [
        "Nom;Identifiant;Dernière activité;Date d’inscription;E-mail;Commandes;Pays / Région;Ville",
        "Name;Benutzername;Zuletzt aktiv;Registrierungsdatum;E-Mail;Bestellungen;Land / Region;Stadt",
    ],
)
def test_woocommerce_in_french_and_german(audience: Audience, header: str) -> None:
    take(audience, f"{header}\nAda Lace;ada;2025-02-01;2025-01-01;a@shop.test;3;FR;Paris\n")
    ada = audience.contacts.get()
    assert (ada.country, ada.city, ada.created_at.date().isoformat()) == ("FR", "Paris", "2025-01-01")


@pytest.mark.parametrize(
    "text",
    [
        "﻿email,,consent,,email\n﻿nora@shop.test,x,unsubscribed,y,ada@shop.test\n",
        "sep=;\n﻿email;consent\nnora@shop.test;unsubscribed\n",
        "email,consent\r\nnora@shop.test,unsubscribed\rno address,\n",
        "email,consent\n\0nora@shop.test\0,\nnora@shop.test,unsub\0scribed\nnora@shop.test,unsubscribed\n",
        'email,consent\n"Nora" <nora@shop.test>,unsubscribed\n'.replace('"Nora"', "Nora"),
        "email,consent\n\u200enora@shop.test\u200b,unsubscribed\n",
    ],
)
def test_odd_characters(audience: Audience, text: str) -> None:
    take(audience, text)
    assert statuses(audience) == {"nora": "unsubscribed"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-8-sig", "utf-32"])
def test_a_damaged_row_in_any_encoding(audience: Audience, encoding: str) -> None:
    text = f'{HEADER}a@shop.test,"Zoë"x,Müller,{GIVEN}\nb@shop.test,Zoë,Müller,{GIVEN}\n'
    report = take(audience, text.encode(encoding))
    assert (statuses(audience), refused_lines(report)) == ({"b": "subscribed"}, [2])
    assert audience.contacts.get().last_name == "Müller"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("14.01.2025 10:30", datetime(2025, 1, 14, 10, 30, tzinfo=UTC)),
        ("4.1.2025", datetime(2025, 1, 4, tzinfo=UTC)),
        ("2025/01/14 10:30:00", datetime(2025, 1, 14, 10, 30, tzinfo=UTC)),
        ("Tue, 14 Jan 2025 10:30:00 +0200", datetime(2025, 1, 14, 8, 30, tzinfo=UTC)),
        ("14 Jan 2025 10:30", datetime(2025, 1, 14, 10, 30, tzinfo=UTC)),
        ("20250114", datetime(2025, 1, 14, tzinfo=UTC)),
        ("04/03/2025", None),
        ("32.01.2025", None),
        ("1.1.0001", None),
        ("Jan", None),
        ("1", None),
    ],
)
def test_times_as_people_write_them(text: str, moment: datetime | None) -> None:
    assert read_moment(text) == moment


@pytest.mark.parametrize(
    ("text", "dates", "moment"),
    [
        ("04/03/2025", DAY_FIRST, datetime(2025, 3, 4, tzinfo=UTC)),
        ("4/3/2025 10:30", DAY_FIRST, datetime(2025, 3, 4, 10, 30, tzinfo=UTC)),
        ("04/03/2025 10:30:15 +0200", MONTH_FIRST, datetime(2025, 4, 3, 8, 30, 15, tzinfo=UTC)),
        ("28/03/2025", MONTH_FIRST, None),
        ("14.01.2025", MONTH_FIRST, datetime(2025, 1, 14, tzinfo=UTC)),
        ("2025/01/14", MONTH_FIRST, datetime(2025, 1, 14, tzinfo=UTC)),
        ("04/03/2025", "year", None),
        ("04/03/20255", DAY_FIRST, None),
    ],
)
def test_dates_with_slashes_are_read_if_their_order_is_known(
    text: str, dates: str, moment: datetime | None
) -> None:
    assert read_moment(text, dates) == moment


def test_the_order_of_dates_belongs_to_the_import(audience: Audience) -> None:
    text = "email,created_at,consent,consent_at,consent_text\nnora@shop.test,04/03/2025,yes,05/03/2025,Yes.\n"
    refused = take(audience, text)
    assert [str(each.message) for each in refused.errors] == [str(UNCLEAR_DATE)]
    assert [ImportOptions(dates=each).identity() for each in ("", DAY_FIRST)] == [
        [[], ""],
        [[], "", ["", "", [], [], "", ""], ["", [], [], DAY_FIRST]],
    ]
    take(audience, text, dates=DAY_FIRST)
    nora = audience.contacts.get()
    assert (nora.status, nora.created_at) == ("subscribed", datetime(2025, 3, 4, tzinfo=UTC))
    assert nora.consents.get().at == datetime(2025, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("email,consent,marketing_consent,consent_at\n", "nora@shop.test,yes,withdrawn,2025-01-01"),
        ("email,consent,marketing_consent\n", "nora@shop.test,maybe,revoked"),
        ("email,consent,consent\n", "nora@shop.test,no,withdrawn"),
        ("email,withdrawn_at,unsubscribed_at\n", "nora@shop.test,,2025-01-01"),
        ("name,email,consent,marketing_consent,city\n", "Muster, Nora,nora@shop.test,yes,revoked,Bern"),
    ],
)
def test_a_withdrawal_in_any_column_of_consent_wins(audience: Audience, header: str, row: str) -> None:
    say(audience.contacts.create(email="nora@shop.test"), "given", datetime(2020, 1, 1, tzinfo=UTC))
    take(audience, header + row + "\n")
    assert statuses(audience) == {"nora": "unsubscribed"}


def test_a_yes_beside_a_withdrawal_does_not_date_it(audience: Audience) -> None:
    nora = audience.contacts.create(email="nora@shop.test")
    say(nora, "given", datetime(2025, 6, 1, tzinfo=UTC))
    take(audience, "email,consent,marketing_consent,consent_at\nnora@shop.test,yes,withdrawn,2025-01-01\n")
    assert statuses(audience) == {"nora": "unsubscribed"}


@pytest.mark.parametrize(
    ("header", "row", "options"),
    [
        ("email,consent,email suppressions\n", "nora@shop.test,maybe,['SPAM_COMPLAINT']", {}),
        (
            "name,referrer,email,consent\n",
            "Nora,ada@shop.test,nora@shop.test,maybe",
            {"taken_as": "unsubscribed"},
        ),
        ("name,referrer,email,consent,note\n", "Nora,ada@shop.test,nora@shop.test,maybe,unsubscribed", {}),
    ],
)
def test_a_withdrawal_beside_an_unknown_consent_is_recorded(
    audience: Audience, header: str, row: str, options: dict[str, Any]
) -> None:
    report = take(audience, header + row + "\n", **options)
    assert statuses(audience) == {"nora": "unsubscribed"}
    assert [(each.line, each.field) for each in report.cells] == [(2, "consent")]


@pytest.mark.parametrize(
    ("header", "row", "options"),
    [
        ("email,consent,clean_time\n", "nora@shop.test,maybe,2025-01-01", {}),
        ("email,consent,bounced_at\n", "nora@shop.test,yes,2025-01-01", {}),
        ("email,consent\n", "nora@shop.test,maybe", {"taken_as": "cleaned"}),
        ("email,consent,email suppressions\n", "nora@shop.test,maybe,['HARD_BOUNCE']", {}),
    ],
)
def test_a_bounce_beside_an_invalid_consent_is_recorded(
    audience: Audience, header: str, row: str, options: dict[str, Any]
) -> None:
    say(audience.contacts.create(email="nora@shop.test"), "given", datetime(2020, 1, 1, tzinfo=UTC))
    report = take(audience, header + row + "\n", **options)
    assert statuses(audience) == {"nora": "cleaned"}
    assert (report.refused, report.left_out, report.consents) == (0, 1, 0)


def test_a_status_that_blocks_mail_is_kept_beside_an_unknown_consent(audience: Audience) -> None:
    take(audience, "email,consent,status\nnora@shop.test,maybe,bounced\n")
    assert statuses(audience) == {"nora": "cleaned"}


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("name,email,city,referrer,status\n", "Nora,,Bern, CH,ada@shop.test,unsubscribed"),
        ("referrer,name,email,status\n", "ada@shop.test,Muster, Nora,,unsubscribed"),
        ("referrer,name,email,status\n", 'ada@shop.test,"Nora"x'),
    ],
)
@pytest.mark.parametrize("taken_as", ["", "unsubscribed"])
def test_an_address_in_another_column_of_a_shifted_row_is_not_the_persons(
    audience: Audience, header: str, row: str, taken_as: str
) -> None:
    report = take(audience, header + row + "\n", taken_as=taken_as)
    assert (statuses(audience), refused_lines(report)) == ({}, [2])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04\x14\x00", "Save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1", "Save it as CSV"),
        (b"%PDF-1.7", "not a CSV file"),
    ],
)
def test_a_workbook_is_named_on_the_command_line_too(audience: Audience, content: bytes, words: str) -> None:
    with pytest.raises(Rejected, match=words):
        take(audience, content + b"\nemail\nada@shop.test\n")
