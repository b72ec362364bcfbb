"""What other programs write for nothing, for unsubscribing, and around addresses."""

from datetime import UTC, datetime

import pytest

from saleor_stripe_audience.audience.people.models import Audience, Tag
from saleor_stripe_audience.audience.transfer.rows import (
    DAMAGED_CELL,
    NOT_SUBSCRIBED,
    UNKNOWN_EVENT,
    UNKNOWN_STATUS,
)
from saleor_stripe_audience.wording import with_values
from tests.audience.histories import say

from .test_damaged_files import statuses
from .test_importing import BACK_THEN, take

YES = "yes,2025-01-01T00:00:00Z"


def tag_names(audience: Audience) -> set[str]:
    return set(Tag.objects.filter(contact_tags__contact__audience=audience).values_list("name", flat=True))


@pytest.mark.parametrize("column", ["unsubscribed_at", "bounced_at", "email_blacklisted"])
@pytest.mark.parametrize(
    "nothing",
    [
        "NULL",
        "null",
        r"\N",
        "N/A",
        "#N/A",
        "-",
        "nan",
        "None",
        "0000-00-00 00:00:00",
        "No",
        "false",
        "0",
        "never",
        "Nein",
    ],
)
def test_nothing_is_no_withdrawal_and_no_bounce(audience: Audience, column: str, nothing: str) -> None:
    report = take(
        audience, f"email,consent,consent_at,{column}\nnora@shop.test,{YES},{nothing}\n", consent_text="Yes."
    )
    assert statuses(audience) == {"nora": "subscribed"}
    assert report.cells == []


@pytest.mark.parametrize(
    "columns",
    [
        ("Unsubscribed", "true"),
        ("Date Unsubscribed", "2025-06-01"),
        ("EMAIL_BLACKLISTED", "Yes"),
        ("Unsubscribed from all email", "TRUE"),
        ("email_disabled", "true"),
        ("Email Opt-out Date", "1/13/2025"),
        ("doNotContact", "1"),
        ("emailStatus", "unsubscribed"),
        ("Date de désinscription", "14.01.2025"),
        ("Status,Email status", "active,Unsubscribed"),
        ("Unsubscribed,Date Unsubscribed", "false,2025-06-01"),
    ],
)
def test_a_column_that_says_unsubscribed_wins_over_consent(
    audience: Audience, columns: tuple[str, str]
) -> None:
    header, cells = columns
    report = take(
        audience, f"email,consent,consent_at,{header}\nnora@shop.test,{YES},{cells}\n", consent_text="Yes."
    )
    assert statuses(audience) == {"nora": "unsubscribed"}
    assert report.cells == [], "a yes needs no time"


def test_the_time_is_read_from_whichever_column_has_it(audience: Audience) -> None:
    take(audience, "email,Unsubscribed,Date Unsubscribed\nnora@shop.test,true,2025-06-01\n")
    consent = audience.contacts.get().consents.get()
    assert consent.at.date().isoformat() == "2025-06-01"


def test_a_bounce_without_a_readable_time_is_recorded_and_reported(audience: Audience) -> None:
    report = take(audience, "email,bounced_at\nnora@shop.test,32.01.2025\n")
    assert statuses(audience) == {"nora": "cleaned"}
    assert [(each.line, each.field) for each in report.cells] == [(2, "bounced_at")]


@pytest.mark.parametrize("column", ["unsubscribed", "bounced"])
@pytest.mark.parametrize("nothing", ["FALSO", "f", "0.0", "1970-01-01 00:00:00", "Not opted out", "#N/D"])
def test_a_no_of_a_spreadsheet_or_a_database_changes_nothing(
    audience: Audience, column: str, nothing: str
) -> None:
    say(audience.contacts.create(email="ada@shop.test"), "given", datetime(2025, 1, 1, tzinfo=UTC))
    text = f"email,consent,consent_at,{column}\nnora@shop.test,{YES},{nothing}\nada@shop.test,,,{nothing}\n"
    report = take(audience, text, consent_text="Yes.")
    assert statuses(audience) == {"nora": "subscribed", "ada": "subscribed"}
    assert report.cells == []


@pytest.mark.parametrize("taken_as", ["", "subscribed"])
@pytest.mark.parametrize("column", ["Unsubscribed", "Bounced"])
def test_what_is_neither_yes_nor_no_gives_no_consent_and_is_reported(
    audience: Audience, column: str, taken_as: str
) -> None:
    say(audience.contacts.create(email="ada@shop.test"), "given", datetime(2025, 1, 1, tzinfo=UTC))
    text = f"email,consent,consent_at,{column}\nnora@shop.test,{YES},soon\nada@shop.test,,,soon\n"
    report = take(audience, text, consent_text="Yes.", taken_as=taken_as, consent_at=BACK_THEN)
    assert statuses(audience) == {"nora": "nonsubscribed", "ada": "subscribed"}
    message = str(with_values(UNKNOWN_EVENT, value="soon", column=column))
    assert [(each.line, str(each.message)) for each in report.cells] == [(2, message), (3, message)]


def test_the_import_can_say_what_an_unknown_value_means(audience: Audience) -> None:
    text = f"email,consent,consent_at,Unsubscribed\nnora@shop.test,{YES},Hidden\n"
    report = take(audience, text, consent_text="Yes.", withdrawn=["hidden"])
    assert (statuses(audience), report.cells) == ({"nora": "unsubscribed"}, [])


@pytest.mark.parametrize("value", ["1.0", "t", "x", "VERO", "ИСТИНА"])
def test_a_yes_of_a_spreadsheet_or_a_database_is_a_withdrawal(audience: Audience, value: str) -> None:
    say(audience.contacts.create(email="ada@shop.test"), "given", datetime(2025, 1, 1, tzinfo=UTC))
    report = take(audience, f"email,Opt-out\nada@shop.test,{value}\n")
    assert (statuses(audience), report.cells) == ({"ada": "unsubscribed"}, [])


@pytest.mark.parametrize("value", ["01/05/2025", "14 lipca 2025", "2998-01-01"])
def test_a_date_without_a_certain_time_is_a_withdrawal_now(audience: Audience, value: str) -> None:
    report = take(audience, f"email,Opt-out\nada@shop.test,{value}\nnora@shop.test,no\n")
    is_plausible = value != "2998-01-01"
    assert statuses(audience) == {
        "ada": "unsubscribed" if is_plausible else "nonsubscribed",
        "nora": "nonsubscribed",
    }
    assert [each.line for each in report.cells] == [2]


def test_a_bounce_in_a_column_of_withdrawals_is_a_bounce(audience: Audience) -> None:
    take(audience, "email,doNotContact\nada@shop.test,bounced\n")
    assert statuses(audience) == {"ada": "cleaned"}


@pytest.mark.parametrize("value", ["FALSO", "f", "0.0", "0001-01-01"])
def test_a_no_of_a_spreadsheet_is_nothing_in_a_column_of_consent(audience: Audience, value: str) -> None:
    report = take(audience, f"email,consent\nada@shop.test,{value}\n")
    assert (statuses(audience), report.refused) == ({"ada": "nonsubscribed"}, 0)


@pytest.mark.parametrize("damage", ["#NAME?", "#NOM?", "#¡REF!", "########"])
def test_what_a_spreadsheet_has_damaged_is_left_out_and_listed(audience: Audience, damage: str) -> None:
    header = "email,first_name,city,tags,name,phone\n"
    report = take(audience, f"{header}ada@shop.test,{damage},{damage},{damage},{damage},3.36123E+10\n")
    ada = audience.contacts.get()
    assert (ada.first_name, ada.last_name, ada.city, ada.phone, tag_names(audience)) == (
        "",
        "",
        "",
        "",
        set(),
    )
    assert sorted(each.field for each in report.cells) == ["city", "first_name", "name", "phone", "tags"]
    assert {str(each.message) for each in report.cells} == {str(DAMAGED_CELL)}


def test_signs_of_people_are_kept(audience: Audience) -> None:
    take(audience, "email,first_name,tags,phone\nada@shop.test,#1 Ada!,#SALE!,33612345678.0\n")
    ada = audience.contacts.get()
    assert (ada.first_name, ada.phone, tag_names(audience)) == ("#1 Ada!", "33612345678", {"#SALE!"})


def test_placeholders_are_no_names(audience: Audience) -> None:
    take(
        audience,
        "email,first_name,last_name,city,country,tags,consent,consent_at\n"
        "nora@shop.test,NULL,Null,#N/A,NA,NULL,NULL,NULL\n",
    )
    nora = audience.contacts.get()
    assert (nora.first_name, nora.last_name, nora.city, nora.country) == ("", "Null", "", "NA")
    assert tag_names(audience) == set()


@pytest.mark.parametrize(
    "address",
    [
        "\u202anora@shop.test\u202c",
        "\u2068nora@shop.test\u2069",
        "\u200dnora@shop.test\u200d",
        "no\u200bra@shop.test",
        "nora@sh\xadop.test",
        "\ufeff nora@shop.test",
        "mailto:nora@shop.test",
        "Nora <mailto:nora@shop.test>",
        "nora@shop.test.",
        "nora@shop.test;",
    ],
)
def test_a_copied_address_keeps_its_withdrawal(audience: Audience, address: str) -> None:
    report = take(audience, f"email,consent\n{address},unsubscribed\n")
    assert report.refused == 0
    assert statuses(audience) == {"nora": "unsubscribed"}


@pytest.mark.parametrize(
    ("status", "after"),
    [
        ("cancelled", "unsubscribed"), ("Marked as spam", "unsubscribed"), ("UNSUB", "unsubscribed"),
        ("spam", "unsubscribed"), ("complaint", "unsubscribed"), ("do not email", "unsubscribed"),
        ("Dado de baja", "unsubscribed"), ("hardbounce", "cleaned"), ("Undeliverable", "cleaned"),
    ],
)  # fmt: skip
def test_statuses_of_other_programs(audience: Audience, status: str, after: str) -> None:
    report = take(audience, f"email,status\nnora@shop.test,{status}\n")
    assert statuses(audience) == {"nora": after}
    assert report.cells == []


def test_an_unknown_status_is_reported_unless_the_import_says_what_it_means(audience: Audience) -> None:
    text = "email,status\nnora@shop.test,inactive\nada@shop.test,Active\n"
    report = take(audience, text)
    message = str(with_values(UNKNOWN_STATUS, status="inactive"))
    assert [(each.line, each.field, str(each.message)) for each in report.cells] == [(2, "status", message)]
    assert statuses(audience) == {"nora": "nonsubscribed", "ada": "nonsubscribed"}
    assert take(audience, text, withdrawn=["inactive"]).cells == []
    assert statuses(audience) == {"nora": "unsubscribed", "ada": "nonsubscribed"}


@pytest.mark.parametrize("row", [",,2025-01-01,", ",,,cleaned"])
def test_a_bounce_is_recorded_whatever_is_wrong_with_the_tags(audience: Audience, row: str) -> None:
    report = take(audience, f"email,tags,first_name,bounced_at,status\nnora@shop.test,{'x' * 200}{row}\n")
    assert statuses(audience) == {"nora": "cleaned"}
    assert [(each.line, each.field) for each in report.cells] == [(2, "tags")]


@pytest.mark.parametrize(
    "cell",
    [
        '"[""VIP"",""Café""]"', "\"['VIP', 'Café']\"", '"{VIP,Café}"', '"{VIP,""Café""}"', "VIP;Café", "VIP | Café",
        '"[""VIP"",""Caf\\u00e9""]"',
    ],
)  # fmt: skip
def test_lists_of_tags(audience: Audience, cell: str) -> None:
    take(audience, f"email,tags\nnora@shop.test,{cell}\n")
    assert tag_names(audience) == {"VIP", "Café"}


@pytest.mark.parametrize("cell", ["[]", "{}", "NULL"])
def test_empty_lists_of_tags(audience: Audience, cell: str) -> None:
    take(audience, f"email,tags\nnora@shop.test,{cell}\n")
    assert tag_names(audience) == set()


@pytest.mark.parametrize(
    "name",
    [
        "NON_SUBSCRIBED.csv",
        "non subscribed.csv",
        "nonsubscribed_export_1.csv",
        "archived_members_export_1.csv",
    ],
)
def test_mailchimps_files_of_non_subscribed_and_archived_contacts(audience: Audience, name: str) -> None:
    text = "Email Address,OPTIN_TIME,CONFIRM_TIME,LAST_CHANGED,LEID,EUID\nnora@shop.test,2025-01-01 10:00:00,,,1,2\n"
    take(audience, text, file_name=name, consent_text="Yes.")
    assert statuses(audience) == {"nora": "nonsubscribed"}


def test_a_file_does_not_end_a_withdrawal(audience: Audience) -> None:
    """Only the person can: the file shows that they agreed somewhere, not that it was after all withdrawals here."""
    take(audience, "email,withdrawn_at\nnora@shop.test,2025-01-01\n")
    take(audience, "email,consent,consent_at\nnora@shop.test,yes,2025-06-01\n", consent_text="Yes.")
    assert statuses(audience) == {"nora": "unsubscribed"}
    assert not audience.contacts.get().consents.filter(is_proven=True, kind="given").exists()


def test_the_time_of_opting_in_does_not_date_a_withdrawal(audience: Audience) -> None:
    take(audience, f"email,consent,consent_at\nnora@shop.test,{YES}\n", consent_text="Yes.")
    take(audience, "email,consent,OPTIN_TIME\nnora@shop.test,unsubscribed,2020-01-01\n")
    assert statuses(audience) == {"nora": "unsubscribed"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("consent", "no"), ("consent", "pending"), ("consent", "Never subscribed"), ("status", "pending"),
        ("status", "nonsubscribed"), ("status", "Unconfirmed"), ("status", "inactive"),
    ],
)  # fmt: skip
def test_a_row_that_says_otherwise_is_not_subscribed_with_its_file(
    audience: Audience, column: str, value: str
) -> None:
    text = f"email,{column},consent_at\nnora@shop.test,{value},2025-01-01\nada@shop.test,,2025-01-01\n"
    report = take(audience, text, taken_as="subscribed", consent_text="Yes.")
    assert statuses(audience) == {"nora": "nonsubscribed", "ada": "subscribed"}
    assert str(NOT_SUBSCRIBED) in [str(each.message) for each in report.cells]
