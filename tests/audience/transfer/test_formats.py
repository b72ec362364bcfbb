"""Exports of other programs keep their meaning; columns can be mapped manually; files have any format."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from saleor_stripe_audience.audience.people.locales import country_code, language_of
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, Report, import_csv
from saleor_stripe_audience.errors import Rejected
from tests.audience.histories import say

MAILCHIMP = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,CC,{ends},LEID,EUID,"
    "NOTES,TAGS\n"
)
JOINED = "2,2025-01-01 10:00:00,192.0.2.1,2025-01-01 10:05:00,192.0.2.2,ch"
KLAVIYO = (
    "Email,Klaviyo ID,First Name,Last Name,Phone Number,City,Country,Source,IP Address,Email Marketing Consent,"
    "Email Marketing Consent Timestamp,Email Suppressions,Profile Created On\n"
)
SHOPIFY = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,Default Address Country Code,"
    "Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags\n"
)
GHOST = (
    "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,"
    "tiers\n"
)


def take(audience: Audience, text: str | bytes, **options: Any) -> Report:
    file = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return import_csv(audience, file, ImportOptions(**{"consent_text": "Yes, please."} | options))


def statuses(audience: Audience) -> dict[str, str]:
    return {
        email.partition("@")[0]: status for email, status in audience.contacts.values_list("email", "status")
    }


def test_mailchimp_subscribed(audience: Audience) -> None:
    text = (
        MAILCHIMP.format(ends="LAST_CHANGED")
        + f'a@shop.test,Ada,Lace,{JOINED},2025-02-01 00:00:00,1,e1,,"""VIP"",""A, B"""\n'
        + "b@shop.test,Bo,,3,2025-03-01 10:00:00,,,,ch,2025-03-01 10:00:00,2,e2,,\n"
    )
    report = take(audience, text)
    ada, bo = audience.contacts.order_by("email")
    assert (report.file.format, report.left_out, ada.status, bo.status) == (
        "Mailchimp",
        0,
        "subscribed",
        "subscribed",
    )
    [event] = ada.consents.all()
    assert (event.at, event.ip) == (datetime(2025, 1, 1, 10, 5, tzinfo=UTC), "192.0.2.2")
    assert bo.consents.get().at == datetime(2025, 3, 1, 10, tzinfo=UTC)
    assert (ada.country, sorted(ada.contact_tags.values_list("tag__name", flat=True))) == (
        "CH",
        ["A, B", "VIP"],
    )


def test_mailchimp_subscribers_without_a_wording_are_not_subscribed(audience: Audience) -> None:
    Audience.objects.update(consent_text="")
    audience.refresh_from_db()
    text = (
        MAILCHIMP.format(ends="LAST_CHANGED") + f"a@shop.test,Ada,Lace,{JOINED},2025-02-01 00:00:00,1,e1,,\n"
    )
    report = take(audience, text, consent_text="")
    assert statuses(audience) == {"a": "nonsubscribed"}
    assert [(cell.line, cell.field) for cell in report.cells] == [(2, "consent")]


@pytest.mark.parametrize("unsub_time", ["2025-06-01 08:00:00", "", "soon"])
def test_mailchimp_unsubscribed(audience: Audience, unsub_time: str) -> None:
    text = (
        MAILCHIMP.format(
            ends="UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER"
        )
        + f"n@shop.test,Nora,,{JOINED},{unsub_time},June,1,NORMAL,,1,e1,,\n"
    )
    known = audience.contacts.create(email="n@shop.test")
    say(known, "given", datetime(2025, 5, 1, tzinfo=UTC))
    take(audience, text)
    assert statuses(audience) == {"n": "unsubscribed"}
    if unsub_time.startswith("2025"):
        assert known.consents.get(kind="withdrawn").at == datetime(2025, 6, 1, 8, tzinfo=UTC)


def test_mailchimp_cleaned_counts_for_existing_contacts_too(audience: Audience) -> None:
    text = MAILCHIMP.format(ends="CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID") + "".join(
        f"{name}@shop.test,,,{JOINED},2025-06-01 08:00:00,June,1,1,e1,,\n" for name in ("new", "old", "fine")
    )
    old, fine = (audience.contacts.create(email=f"{name}@shop.test") for name in ("old", "fine"))
    say(old, "given", datetime(2025, 1, 1, tzinfo=UTC))
    Contact.objects.filter(pk=fine.pk).update(known_at={"deliverability": "2025-07-01T00:00:00.000000+00:00"})
    report = take(audience, text)
    assert statuses(audience) == {"new": "cleaned", "old": "cleaned", "fine": "nonsubscribed"}
    assert report.statuses == {"new → cleaned": 1, "subscribed → cleaned": 1}
    assert take(audience, text).changed == 0


def test_mailchimp_non_subscribed_differs_only_in_its_name(audience: Audience) -> None:
    text = (
        MAILCHIMP.format(ends="LAST_CHANGED") + f"a@shop.test,Ada,Lace,{JOINED},2025-02-01 00:00:00,1,e1,,\n"
    )
    take(audience, text, file_name="nonsubscribed_email_audience_export_1.csv")
    assert statuses(audience) == {"a": "nonsubscribed"}


def test_klaviyo(audience: Audience) -> None:
    said = ["SUBSCRIBED,2025-03-01 10:00:00,", "UNSUBSCRIBED,2025-06-01 10:00:00,", "NEVER_SUBSCRIBED,,",
            "SUBSCRIBED,2025-03-01 10:00:00,HARD_BOUNCE", 'SUBSCRIBED,2025-03-01 10:00:00,"[\'SPAM_COMPLAINT\']"',
            "SUBSCRIBED,2025-03-01 10:00:00,USER_SUPPRESSED", "SUBSCRIBED,,"]  # fmt: skip
    rows = (
        f"{name}@shop.test,01H,Ada,Lace,+15005550001,Boston,United States,Checkout,192.0.2.1,{each},2024-01-01\n"
        for name, each in zip("abcdefg", said, strict=True)
    )
    report = take(audience, KLAVIYO + "".join(rows))
    assert statuses(audience) == {
        "a": "subscribed", "b": "unsubscribed", "c": "nonsubscribed", "d": "cleaned", "e": "unsubscribed",
        "f": "unsubscribed", "g": "nonsubscribed",
    }  # fmt: skip
    ada = audience.contacts.get(email="a@shop.test")
    assert (ada.country, ada.city, ada.phone) == ("US", "Boston", "+15005550001")
    assert ada.created_at == datetime(2024, 1, 1, tzinfo=UTC)
    assert [(cell.line, cell.field) for cell in report.cells] == [(8, "consent_at")]
    assert report.file.ignored == ["Klaviyo ID"]


def test_shopify(audience: Audience) -> None:
    text = (
        SHOPIFY + "'1,Ada,Lace,a@shop.test,yes,Paris,FR,'+33100000001,,no,10.00,1,,no,VIP\n"
        "'2,Bo,,b@shop.test,no,,,,'+33100000002,no,0.00,0,,no,\n"
    )
    assert take(audience, text).left_out == 1
    assert statuses(audience) == {"a": "nonsubscribed", "b": "nonsubscribed"}
    at = datetime(2025, 1, 1, tzinfo=UTC)
    report = take(audience, text, consent_at=at)
    assert statuses(audience) == {"a": "subscribed", "b": "nonsubscribed"}
    assert report.file.defaulted == {"consent_at": at.isoformat(), "consent_text": "Yes, please."}
    ada, bo = audience.contacts.order_by("email")
    assert (ada.phone, bo.phone, ada.city, ada.country) == ("+33100000001", "+33100000002", "Paris", "FR")


def test_woocommerce(audience: Audience) -> None:
    header = "Name,Username,Last Active,Sign Up,Email,Orders,Total Spend,AOV,Country / Region,City,Region,Postal Code\n"
    report = take(
        audience,
        f"{header}Ada Mary Lace,ada,2025-02-01,2025-01-01 10:00:00,a@shop.test,1,9,9,GB,Leeds,,LS1\n",
    )
    ada = audience.contacts.get()
    assert (ada.first_name, ada.last_name, ada.country, ada.city) == ("Ada", "Mary Lace", "GB", "Leeds")
    assert (report.file.format, ada.created_at.year, ada.status) == ("WooCommerce", 2025, "nonsubscribed")


def test_listmonk(audience: Audience) -> None:
    header = "uuid,email,name,attributes,status,created_at,updated_at\n"
    times = "2025-01-01 10:00:00.5 +0000 UTC,2025-06-01 12:00:00.123456789 +0200 CEST"
    take(audience, header + "".join(f'u,{name}@shop.test,Ada Lace,"{{""age"": 42}}",{name},{times}\n'
                                    for name in ("enabled", "blocklisted", "disabled")))  # fmt: skip
    assert statuses(audience) == {
        "enabled": "nonsubscribed", "blocklisted": "unsubscribed", "disabled": "archived",
    }  # fmt: skip
    left = audience.contacts.get(email="blocklisted@shop.test")
    assert left.consents.get().at == datetime(2025, 6, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert (left.first_name, left.last_name) == ("Ada", "Lace")
    assert {each.created_at for each in audience.contacts.all()} == {
        datetime(2025, 1, 1, 10, 0, 0, 500000, tzinfo=UTC)
    }


def test_listmonks_time_of_a_change_is_no_time_of_a_consent(audience: Audience) -> None:
    take(audience, "email,consent,consent_at\na@shop.test,withdrawn,2025-03-01\n")
    header = "uuid,email,name,attributes,status,created_at,updated_at\n"
    rows = (
        "u,a@shop.test,,{},enabled,,2025-06-01T10:00:00Z\nu,b@shop.test,,{},enabled,,2025-06-01T10:00:00Z\n"
    )
    at = datetime(2024, 1, 1, tzinfo=UTC)
    take(audience, header + rows, taken_as="subscribed", consent_at=at)
    assert statuses(audience) == {"a": "unsubscribed", "b": "subscribed"}
    assert audience.contacts.get(email="b@shop.test").consents.get().at == at


def test_ghost(audience: Audience) -> None:
    rows = "5f1,a@shop.test,Ada,,true,false,,2025-01-01T10:00:00.000Z,,VIP,\n5f2,n@shop.test,Nora,,false,false,,,,,\n"
    report = take(audience, GHOST + rows)
    assert statuses(audience) == {"a": "nonsubscribed", "n": "unsubscribed"}
    assert report.left_out == 1  # a yes without its time
    assert take(audience, GHOST + rows, consent_at=datetime(2025, 1, 1, tzinfo=UTC)).consents == 1
    assert statuses(audience) == {"a": "subscribed", "n": "unsubscribed"}


@pytest.mark.parametrize(
    ("taken_as", "status"),
    [("unsubscribed", "unsubscribed"), ("cleaned", "cleaned"), ("nonsubscribed", "nonsubscribed"),
     ("subscribed", "subscribed")],
)  # fmt: skip
def test_a_whole_file_is_imported_as_a_kind_of_list(audience: Audience, taken_as: str, status: str) -> None:
    at = datetime(2025, 1, 1, tzinfo=UTC)
    report = take(
        audience, "Mail\na@shop.test\n", columns={"email": "Mail"}, taken_as=taken_as, consent_at=at
    )
    assert statuses(audience) == {"a": status}
    assert report.file.taken_as == taken_as


def test_a_withdrawal_in_a_row_wins_over_the_kind_of_the_file(audience: Audience) -> None:
    take(audience, "email,status\na@shop.test,unsubscribed\n", taken_as="subscribed",
         consent_at=datetime(2025, 1, 1, tzinfo=UTC))  # fmt: skip
    assert statuses(audience) == {"a": "unsubscribed"}


@pytest.mark.parametrize("status", ["Bounced", "hard bounce", "cleaned"])
def test_a_status_that_says_bounced_keeps_from_mail_what_the_file_is_taken_as(
    audience: Audience, status: str
) -> None:
    at = datetime(2025, 1, 1, tzinfo=UTC)
    take(audience, f"email,status\na@shop.test,{status}\n", taken_as="subscribed", consent_at=at)
    take(audience, f"email,status\nb@shop.test,{status}\n")
    assert statuses(audience) == {"a": "cleaned", "b": "cleaned"}


def test_a_refusal_is_kept_where_a_name_before_the_address_is_badly_quoted(audience: Audience) -> None:
    take(audience, 'Mail,Name\n"Eve" <e@shop.test>,Eve\n', columns={"email": "Mail"}, taken_as="unsubscribed")
    assert statuses(audience) == {"e": "unsubscribed"}


def test_usual_values_are_understood_in_a_known_format_too(audience: Audience) -> None:
    rows = "".join(
        f"{name}@shop.test,01H,,,,,,,,{consent},2025-01-01,,\n"
        for name, consent in {"a": "TRUE", "b": "FALSE"}.items()
    )
    report = take(audience, KLAVIYO + rows)
    assert (report.refused, statuses(audience)) == (0, {"a": "subscribed", "b": "nonsubscribed"})


def test_values_of_a_column_are_chosen(audience: Audience) -> None:
    text = "email,newsletter,when\na@shop.test,Oui,2025-01-01\nb@shop.test,Désabonné,2025-01-02\nc@shop.test,hm,\n"
    report = take(
        audience, text, columns={"consent": "newsletter", "consent_at": "when"}, given=["oui"],
        withdrawn=["désabonné"],
    )  # fmt: skip
    assert statuses(audience) == {"a": "subscribed", "b": "unsubscribed"}
    assert [(each.line, each.field) for each in report.errors] == [(4, "consent")]  # no meaning given


def test_invalid_options_are_refused(audience: Audience) -> None:
    for options, message in (
        ({"taken_as": "friends"}, "imported as one of"),
        ({"separator": ";;"}, "one character"),
        ({"encoding": "hex"}, "no encoding"),
        ({"consent_at": datetime(2025, 1, 1)}, "time zone"),  # noqa: DTZ001 - that is the point
    ):
        with pytest.raises(Rejected, match=message):
            take(audience, "email\na@shop.test\n", **options)


ROW = "email{0}first_name{0}consent{0}consent_at\na@shop.test{0}Zoë{0}yes{0}2025-01-01\nb@shop.test{0}Bo{0}{0}\n"
FILES = {
    "old Mac": ROW.format(",").replace("\n", "\r").encode(),
    "sep=;": b"sep=;\r\n" + ROW.format(";").encode(),
    "marked and sep=,": b'\xef\xbb\xbf"sep=,"\r\n' + ROW.format(",").encode(),
    "tabs": ROW.format("\t").encode(),
    "bars": ROW.format("|").encode(),
    "semicolons and quoted commas": ROW.format(";").replace("first_name", '"a, b, c, d, e";first_name', 1)
    .replace(";Zoë", ";;Zoë").replace(";Bo", ";;Bo").encode(),
    "UTF-16": ROW.format("\t").encode("utf-16"),
    "UTF-16 big-endian without mark": ROW.format(",").encode("utf-16-be"),
    "UTF-16 little-endian without mark": ROW.format(",").encode("utf-16-le"),
    "Windows": ROW.format(",").encode("cp1252"),
    "blank first line": b"\r\n" + ROW.format(",").encode(),
    "trailing separators": ROW.format(",").replace("\n", ",,\n").replace("consent_at,,", "consent_at").encode(),
}  # fmt: skip


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_files_as_programs_write_them(audience: Audience, file: bytes) -> None:
    report = take(audience, file)
    assert (report.new, report.refused, report.left_out) == (2, 0, 0)
    assert audience.contacts.get(email="a@shop.test").first_name == "Zoë"
    assert statuses(audience) == {"a": "subscribed", "b": "nonsubscribed"}


def test_a_few_bad_bytes_do_not_garble_every_name(audience: Audience) -> None:
    text = "email,first_name\na@shop.test,Zoë\nb@shop.test,Bé\nc@shop.test,".encode() + b"J\xf6\n"
    report = take(audience, text)
    assert dict(audience.contacts.values_list("email", "first_name")) == {
        "a@shop.test": "Zoë", "b@shop.test": "Bé", "c@shop.test": "",
    }  # fmt: skip
    assert [(cell.line, cell.field) for cell in report.cells] == [(4, "first_name")]


@pytest.mark.parametrize(
    "name",
    [
        "Zoë",
        "Élodie",
        "Besançon",
        "Müller",
        "José",
        "Muñoz",
        "Ångström",
        "O’Brien, “Zoë”",
        "l’été",
        "Shop™ – Noël…",
    ],
)
@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
def test_a_western_encoding_is_guessed_by_the_words_that_it_makes(
    audience: Audience, name: str, encoding: str
) -> None:
    report = take(audience, f'email,last_name\na@shop.test,"{name}"\n'.encode(encoding))
    assert (audience.contacts.get().last_name, report.file.encoding, report.file.is_guess) == (
        name,
        encoding,
        True,
    )
    assert not take(audience, f'email,last_name\na@shop.test,"{name}"\n').file.is_guess


@pytest.mark.parametrize("name", ["O’Brien", "Paris–Lyon", "Königsberg", "100 €"])
def test_windows_is_more_likely_if_both_are_possible(audience: Audience, name: str) -> None:
    take(audience, f"email,last_name\na@shop.test,{name}\n".encode("cp1252"))
    assert audience.contacts.get().last_name == name


def test_the_line_ends_of_an_old_mac_decide_if_both_are_possible(audience: Audience) -> None:
    take(audience, "email,city\ra@shop.test,Königsberg\r".encode("mac_roman"))
    assert audience.contacts.get().city == "Königsberg"


def test_a_byte_that_the_encoding_does_not_have_is_left_out_and_listed(audience: Audience) -> None:
    text = b"email,first_name,last_name\na@shop.test,Zo\xeb,M\x81ller\nb@shop.test,Fran\xe7ois,Ren\xe9\n"
    report = take(audience, text)
    assert dict(audience.contacts.values_list("first_name", "last_name")) == {"Zoë": "", "François": "René"}
    assert [(each.line, each.field) for each in report.cells] == [(2, "last_name")]


def test_the_line_of_an_error_counts_the_separator_line(audience: Audience) -> None:
    report = take(audience, "sep=;\nemail;first_name\na@shop.test;Ada\nnobody;\n")
    assert [each.line for each in report.errors] == [4]


def test_an_encoding_is_chosen(audience: Audience) -> None:
    take(audience, "email,first_name\na@shop.test,Łucja\n".encode("cp1250"), encoding="cp1250")
    assert audience.contacts.get().first_name == "Łucja"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("fr", "FR"), ("UK", "GB"), ("U.K.", "GB"), ("United Kingdom (UK)", "GB"), ("England", "GB"), ("USA", "US"),
        ("United States of America", "US"), ("Czech Republic", "CZ"), ("Czechia", "CZ"), ("Russia", "RU"),
        ("South Korea", "KR"), ("Türkiye", "TR"), ("Turkey", "TR"), ("Côte d'Ivoire", "CI"), ("Deutschland", "DE"),
        ("Россия", "RU"), ("日本", "JP"), ("Royaume-Uni", "GB"), ("EU", "EU"), ("Kosovo", "XK"), ("XK", "XK"),
        ("Atlantis", ""), ("ZZ", ""), ("", ""),
    ],
)  # fmt: skip
def test_countries_as_exports_write_them(text: str, code: str) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("en", "en"), ("EN_US", "en-us"), ("English", "en"), ("français", "fr"), ("French (Canada)", "fr-ca"),
        ("Canadian French", "fr-ca"), ("Deutsch", "de"), ("日本語", "ja"), ("eng", "en"), ("zh-Hans", "zh-hans"),
        ("Klingon!", ""), ("zz", ""), ("x" * 40, ""), ("", ""),
    ],
)  # fmt: skip
def test_languages_as_exports_write_them(text: str, tag: str) -> None:
    assert language_of(text) == tag
