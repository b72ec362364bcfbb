"""Contacts as CSV: the same after a reimport, harmless in a spreadsheet; ads lists only with those who may see ads."""

import csv
import hashlib
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.transfer import ads, cells, exporting
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, import_csv
from saleor_stripe_audience.errors import Rejected
from tests.audience.conftest import install
from tests.audience.histories import say
from tests.audience.segments.people import bought, contact

BACK_THEN = datetime(2026, 1, 1, 12, 30, 15, tzinfo=UTC)
FORMULA = '=HYPERLINK("http://evil.example","click")'


@pytest.fixture
def people(audience: Audience) -> list[Contact]:
    one = contact(
        audience,
        email="a@shop.test",
        first_name=FORMULA,
        last_name='Quo"te',
        phone="+33 1",
        country="FR",
        city="-Nîmes",
    )
    two = contact(audience, email="b@shop.test", first_name="Ünï, B", last_name="two\nlines", language="fr")
    three = contact(audience, email="c@shop.test", first_name="@cmd", last_name="'-1+1")
    bought(one, minor=1230)
    bought(one, minor=500, currency="EUR")
    bought(one, minor=700, currency="JPY")
    bought(two, minor=1000, currency="KWD")
    say(one, "given", BACK_THEN, ip="192.0.2.1")
    say(two, "withdrawn", BACK_THEN)
    tags.add(tags.get_or_create_tag(audience, "VIP"), [one, two])
    tags.add(tags.get_or_create_tag(audience, "a tag"), [one])
    return [one, two, three]


def table(text: str) -> list[dict[str, str]]:
    return sorted(csv.DictReader(io.StringIO(text, newline="")), key=lambda row: row["email"])


def exported(audience: Audience) -> list[dict[str, str]]:
    return table("".join(exporting.export_csv(Contact.objects.filter(audience=audience))))


def test_a_contact_with_every_field(audience: Audience, people: list[Contact]) -> None:
    one, two, three = exported(audience)
    assert one["status"] == "subscribed"
    assert one["spent"] == "5.00 EUR; 700 JPY; 12.30 USD"
    assert (one["orders_count"], one["tags"]) == ("3", "VIP, a tag")
    assert (one["consent"], one["consent_at"]) == ("confirmed", "2026-01-01T12:30:15.000000+00:00")
    assert (one["consent_text"], one["consent_source"], one["consent_ip"]) == (
        "News by mail, please.",
        "mail",
        "192.0.2.1",
    )
    assert (two["spent"], two["status"], two["first_name"]) == ("1.000 KWD", "unsubscribed", "Ünï, B")
    assert (three["spent"], three["tags"], three["consent_at"], three["first_order_at"]) == ("", "", "", "")


BEGINS_A_FORMULA = re.compile(r"""(^|[,;|"\s])["\s]*[=+\-@\uff1d\uff0b\uff0d\uff20]""")


def test_no_cell_is_a_formula_with_any_separator(audience: Audience, people: list[Contact]) -> None:
    for row in exported(audience):
        for name, cell in row.items():
            assert name == "phone" or not BEGINS_A_FORMULA.search(cell), name
    assert exported(audience)[0]["first_name"].startswith("'=HYPERLINK")


DANGEROUS = [
    FORMULA, "Ada;=1+cmd|' /C calc'!A0", " =1+1", "Ada\n=1+1", "Ada\r\n-1", "\uff1d1+1", "Ada\t@SUM(1)", 'Ada;"=1+1',
    "'=1", "''+1", "\t=1", "a,\u3000+1", "| \u2212 1", "\u2028=1", "'\r=1", "\u200b=1", "a\ufeff@1",
]  # fmt: skip


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_dangerous_cell_is_escaped_and_read_back_unchanged(text: str) -> None:
    handed_out = cells.escape(text)
    assert handed_out != text
    assert not BEGINS_A_FORMULA.search(handed_out)
    assert cells.unescape(handed_out) == text


@given(st.text("=+-@'\" ;,|\t\r\n\u2028\uff1da", max_size=8))
def test_any_cell_is_escaped_and_read_back_unchanged(text: str) -> None:
    handed_out = cells.escape(text)
    assert not BEGINS_A_FORMULA.search(handed_out)
    assert cells.unescape(handed_out) == text


@pytest.mark.parametrize(
    ("text", "handed_out"),
    [
        ("+441632960001", "+441632960001"),
        ("+44 (0)1632 960.001", "+44 (0)1632 960.001"),
        ("01632-960001", "01632-960001"),
        ("+1-2-3", "'+1-2-3"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("=1", "'=1"),
    ],
)
def test_a_phone_number_stays_unchanged(text: str, handed_out: str) -> None:
    assert cells.escape_phone(text) == handed_out
    assert cells.unescape(handed_out) == text


def test_both_writers_write_the_same(audience: Audience, people: list[Contact]) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL writes CSV itself")
    everybody = Contact.objects.filter(audience=audience)
    for names in (exporting.HEADER, exporting.WITHOUT_ORDERS):
        header = ",".join(names) + "\n"
        assert table(header + "".join(exporting.copied(everybody, names))) == table(
            header + "".join(exporting.composed(everybody, names))
        )


def test_a_file_of_nobody_has_its_header_only(audience: Audience, people: list[Contact]) -> None:
    assert people
    own = Contact.objects.filter(audience=audience)
    header = ",".join(exporting.HEADER) + "\n"
    nobody = (
        own.none(),
        own.filter(status__in=[]),
        own.filter(status="foo"),
    )  # the first two without a statement
    for found in nobody:
        assert "".join(exporting.export_csv(found)) == header
        assert "".join(ads.export_ads(found, "meta")) == "email\n"


def test_without_orders_a_file_says_nothing_about_them(audience: Audience, people: list[Contact]) -> None:
    assert people
    own = Contact.objects.filter(audience=audience)
    own.update(orders_count=7_777_777)  # more digits than any part of a time has
    text = "".join(exporting.export_csv(own, has_orders=False))
    assert set(exporting.HEADER) - set(table(text)[0]) == exporting.ABOUT_ORDERS
    assert "7777777" not in text
    assert ",7777777," in "".join(exporting.export_csv(own))


def test_both_writers_escape_dangerous_cells_and_they_are_read_back(audience: Audience) -> None:
    for number, text in enumerate(DANGEROUS):
        person = contact(
            audience, email=f"d{number:02}@shop.test", first_name=text, last_name=text, phone=text
        )
        tags.add(tags.get_or_create_tag(audience, 'a "b", c'), [person])
    Contact.objects.filter(email="d00@shop.test").update(phone="+441632960001")
    rows = exported(audience)
    assert [row["first_name"] for row in rows] == [cells.escape(text) for text in DANGEROUS]
    assert rows[0]["phone"] == "+441632960001"
    text = "".join(exporting.export_csv(Contact.objects.filter(audience=audience)))
    other = Audience.objects.create(installation=install("other.example"), name="Copy", is_default=True)
    assert import_csv(other, io.BytesIO(text.encode()), ImportOptions()).left_out == 0
    names = ("email", "first_name", "last_name", "phone")
    assert list(other.contacts.order_by("email").values_list(*names)) == list(
        audience.contacts.order_by("email").values_list(*names)
    )
    assert list(other.tags.values_list("name", flat=True)) == ['a "b", c']


def test_an_export_is_read_back_unchanged(audience: Audience, people: list[Contact]) -> None:
    text = "".join(exporting.export_csv(Contact.objects.filter(audience=audience)))
    other = Audience.objects.create(installation=install("other.example"), name="Copy", is_default=True)
    report = import_csv(other, io.BytesIO(text.encode()), ImportOptions())
    assert (report.new, report.refused) == (3, 0)
    names = (
        "email",
        "first_name",
        "last_name",
        "phone",
        "city",
        "country",
        "language",
        "created_at",
        "status",
        "tags",
        "consent_at",
        "consent_text",
    )
    assert [[row[name] for name in names] for row in exported(other)] == [
        [row[name] for name in names] for row in exported(audience)
    ]
    said = Consent.objects.filter(contact__audience=other).order_by("email")
    assert [each.at for each in said] == [BACK_THEN, BACK_THEN]


@pytest.mark.parametrize("way", ["copied", "composed"])
def test_the_exported_event_is_the_one_behind_the_current_consent(audience: Audience, way: str) -> None:
    if way == "copied" and connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL writes CSV itself")
    one, two, three = (contact(audience, email=f"{name}@shop.test") for name in "abc")
    later = BACK_THEN + timedelta(days=1)
    say(one, "given", BACK_THEN, source_detail="fair")
    say(one, "given", later, source_detail="shop", basis=Consent.Basis.SOFT_OPT_IN)
    say(one, "given", later, source_detail="form", needs_confirmation=True)
    say(two, "withdrawn", later, source_detail="phone")
    say(two, "given", later, source_detail="form")
    say(three, "given", BACK_THEN, source_detail="form", needs_confirmation=True)
    lines = getattr(exporting, way)(Contact.objects.filter(audience=audience))
    rows = table(",".join(exporting.HEADER) + "\n" + "".join(lines))
    assert [(row["consent"], row["consent_source"]) for row in rows] == [
        ("confirmed", "fair"),
        ("withdrawn", "phone"),
        ("pending", ""),
    ]


def test_importing_an_export_subscribes_nobody_who_cannot_receive_mail(
    audience: Audience, people: list[Contact]
) -> None:
    for person, moved in zip(
        people,
        [{"deliverability": "complained"}, {"lifecycle": "archived"}, {"deliverability": "bounced"}],
        strict=True,
    ):
        Contact.objects.filter(pk=person.pk).update(**moved)
        say(Contact.objects.get(pk=person.pk), "given", BACK_THEN.replace(month=6))
    text = "".join(exporting.export_csv(Contact.objects.filter(audience=audience)))
    other = Audience.objects.create(installation=install("other.example"), name="Copy", is_default=True)
    import_csv(other, io.BytesIO(text.encode()), ImportOptions())
    statuses = [row["status"] for row in exported(other)]
    assert (
        statuses == [row["status"] for row in exported(audience)] == ["unsubscribed", "archived", "cleaned"]
    )


def test_only_selected_contacts_are_exported_and_no_page_is_lost(
    audience: Audience, people: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BATCH_SIZE", 2)
    wanted = Contact.objects.filter(audience=audience, country="FR")
    assert [row["email"] for row in table("".join(exporting.export_csv(wanted)))] == ["a@shop.test"]
    header = ",".join(exporting.HEADER) + "\n"
    everybody = Contact.objects.filter(audience=audience)
    assert len(table(header + "".join(exporting.composed(everybody)))) == 3


def test_ads_lists_have_hashes_of_contacts_who_may_be_shown_ads(
    audience: Audience, people: list[Contact]
) -> None:
    gmail = contact(audience, email="jo.ann+shop@gmail.com")
    say(gmail, "given", BACK_THEN)
    everybody = Contact.objects.filter(audience=audience)
    meta = "".join(ads.export_ads(everybody, "meta")).splitlines()
    google = "".join(ads.export_ads(everybody, "google")).splitlines()
    assert meta[0] == "email"
    assert google[0] == "Email"
    assert sorted(meta[1:]) == sorted(hashed("a@shop.test", "jo.ann+shop@gmail.com"))
    assert sorted(google[1:]) == sorted(hashed("a@shop.test", "joann@gmail.com"))
    with pytest.raises(Rejected, match="There are: meta, google"):
        ads.export_ads(everybody, "elsewhere")


def test_ads_lists_include_non_subscribed_buyers_if_the_merchant_chose_so(audience: Audience) -> None:
    buyers = {
        name: contact(audience, email=f"{name}@shop.test")
        for name in ("buyer", "left", "bounced", "complained", "archived", "pending", "visitor", "unpaid")
    }
    for name, person in buyers.items():
        if name not in ("visitor", "unpaid"):
            bought(person)
    bought(buyers["unpaid"], charge_status="NONE")
    say(buyers["left"], "withdrawn", BACK_THEN)
    say(buyers["pending"], "given", BACK_THEN, needs_confirmation=True)
    for name in ("bounced", "complained"):
        Contact.objects.filter(pk=buyers[name].pk).update(deliverability=name)
    Contact.objects.filter(pk=buyers["archived"].pk).update(lifecycle="archived")
    everybody = Contact.objects.filter(audience=audience)
    assert "".join(ads.export_ads(everybody, "meta")).splitlines() == ["email"]
    Audience.objects.filter(pk=audience.pk).update(ads_to_buyers=True)
    assert "".join(ads.export_ads(everybody, "meta")).splitlines()[1:] == hashed("buyer@shop.test")


def hashed(*addresses: str) -> list[str]:
    return [hashlib.sha256(each.encode()).hexdigest() for each in addresses]
