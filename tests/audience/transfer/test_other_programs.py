"""Files with the headers of other programs' exports: nobody who opted out is subscribed with the whole file."""

from datetime import UTC, datetime
from typing import Any

import pytest

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.transfer.rows import NOT_USED, UNKNOWN_EVENT
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values
from tests.audience.histories import say

from .test_damaged_files import statuses, take

AS_SUBSCRIBED: dict[str, Any] = {"taken_as": "subscribed", "consent_at": datetime(2025, 6, 1, tzinfo=UTC)}
# For each program: its header, then rows whose address begins with the status that the person has after an import of
# the file as subscribed.
FILES = {
    "HubSpot": """\
Record ID,First Name,Email,Unsubscribed from all email,Opted out of email: Marketing Information,\
Email hard bounce reason,Invalid email address,Marketing contact status
1,Mia,subscribed@shop.test,,,,,Marketing contact
2,Mia,subscribed2@shop.test,No,No,,false,Marketing contact
3,Mia,unsubscribed@shop.test,Yes,,,,Marketing contact
4,Mia,unsubscribed2@shop.test,No,Yes,,,Marketing contact
5,Mia,cleaned@shop.test,No,No,UNKNOWN_USER,,Marketing contact
6,Mia,cleaned2@shop.test,No,No,,true,Marketing contact
7,Mia,nonsubscribed@shop.test,No,No,,,Non-marketing contact
""",
    "HubSpot, internal names": """\
email,hs_email_optout,hs_email_bounce,hs_email_hard_bounce_reason_enum
subscribed@shop.test,false,0,
unsubscribed@shop.test,true,0,
cleaned@shop.test,false,1,OTHER
""",
    "Constant Contact": """\
First name,Email address - other,Email status - other,Email permission status - other,\
Confirmed Opt-Out Date - other,Confirmed Opt-Out Reason - other
Lea,subscribed@shop.test,Active,Express,,
Lea,unsubscribed@shop.test,Unsubscribed,Unsubscribed,2025-03-01 10:00:00 UTC,Too many emails
Lea,unsubscribed2@shop.test,Active,Implied,2025-03-01,
Lea,unsubscribed3@shop.test,Active,Opted out,,
Lea,unsubscribed4@shop.test,Active,Express,,No longer interested
Lea,nonsubscribed@shop.test,Active,No permissions set,,
""",
    "Constant Contact, Lead Gen": """\
First Name,Email,Is Unsubscribed
Lea,subscribed@shop.test,0
Lea,unsubscribed@shop.test,1
""",
    "MailPoet": """\
email,first_name,list_name,global_status,list_status,subscribed_ip
subscribed@shop.test,Ana,News,Subscribed,Subscribed,192.0.2.1
unsubscribed@shop.test,Ana,News,Unsubscribed,Unsubscribed,
nonsubscribed@shop.test,Ana,News,Subscribed,Unsubscribed,
nonsubscribed2@shop.test,Ana,News,Unconfirmed,Subscribed,
""",
    "CleverReach": """\
email;activated;registered;deactivated;source;firstname
subscribed@shop.test;2025-01-02 10:00:00;2025-01-01 10:00:00;0;form;Ida
unsubscribed@shop.test;2025-01-02 10:00:00;2025-01-01 10:00:00;2025-05-01 10:00:00;form;Ida
""",
    "phpList": """\
id,email,confirmed,blacklisted,optedin,entered,disabled
1,subscribed@shop.test,1,0,1,2025-01-01,0
2,unsubscribed@shop.test,1,1,1,2025-01-01,0
3,nonsubscribed@shop.test,1,0,1,2025-01-01,1
4,nonsubscribed2@shop.test,1,0,0,2025-01-01,0
""",
    "Attentive": """\
email,phone,email_subscriber_status,text_subscriber_status
subscribed@shop.test,,SUBSCRIBED,UNSUBSCRIBED
unsubscribed@shop.test,,UNSUBSCRIBED,SUBSCRIBED
""",
    "Wix": """\
First Name,Email 1,Address 1 - Country,Email subscriber status,SMS subscriber status
Tim,subscribed@shop.test,FR,Subscribed,Unsubscribed
Tim,unsubscribed@shop.test,FR,Unsubscribed,Never subscribed
Tim,nonsubscribed@shop.test,FR,Never subscribed,Subscribed
""",
    "Kit": """\
id,first_name,email_address,state,created_at
1,Jo,subscribed@shop.test,active,2025-01-01T00:00:00Z
2,Jo,unsubscribed@shop.test,cancelled,2025-01-01T00:00:00Z
""",
    "Salesforce": """\
ID,FIRSTNAME,EMAIL,HASOPTEDOUTOFEMAIL,HASOPTEDOUTOFFAX,EMAILBOUNCEDREASON,EMAILBOUNCEDDATE
1,Kai,subscribed@shop.test,false,true,,
2,Kai,unsubscribed@shop.test,TRUE,false,,
3,Kai,cleaned@shop.test,FALSO,false,,2025-01-01T10:00:00.000Z
""",
    "Postmark": """\
EmailAddress,SuppressionReason,Origin,CreatedAt
cleaned@shop.test,HardBounce,Recipient,2025-01-01T00:00:00-05:00
unsubscribed@shop.test,SpamComplaint,Recipient,2025-01-01T00:00:00-05:00
unsubscribed2@shop.test,ManualSuppression,Customer,2025-01-01T00:00:00-05:00
""",
    "Mautic": """\
id,email,firstname,dnc,doNotContact
1,subscribed@shop.test,Eva,,
2,unsubscribed@shop.test,Eva,unsubscribed,email: unsubscribed
3,cleaned@shop.test,Eva,bounced,bounced
4,nonsubscribed@shop.test,Eva,3,3
""",
    "Brevo": """\
CONTACT ID;EMAIL;FIRSTNAME;SMS;EMAIL_BLACKLISTED;SMS_BLACKLISTED;DOUBLE_OPT-IN
1;subscribed@shop.test;Max;;no;yes;No
2;unsubscribed@shop.test;Max;;yes;no;Yes
""",
    "PrestaShop": """\
Social title;First name;Email address;Enabled;Newsletter;Partner offers
Mrs;Zoé;subscribed@shop.test;1;1;0
Mrs;Zoé;nonsubscribed@shop.test;1;0;1
""",
    "Squarespace": """\
Email,First Name,Accepts Marketing,Unsubscribed On
subscribed@shop.test,Uma,true,
unsubscribed@shop.test,Uma,false,"Feb 14, 2025"
nonsubscribed@shop.test,Uma,false,
""",
    "Omnisend": """\
email,firstName,emailStatus,emailStatusDate,smsStatus
subscribed@shop.test,Noa,subscribed,2025-01-01T10:00:00Z,unsubscribed
unsubscribed@shop.test,Noa,unsubscribed,2025-01-01T10:00:00Z,subscribed
nonsubscribed@shop.test,Noa,nonSubscribed,2025-01-01T10:00:00Z,subscribed
""",
    "Magento": """\
ID,Type,Customer First Name,Status,Store,Email
1,Customer,Bea,Subscribed,Main,subscribed@shop.test
2,Guest,----,Unsubscribed,Main,unsubscribed@shop.test
3,Guest,----,Not Activated,Main,nonsubscribed@shop.test
""",
}  # fmt: skip


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_who_opted_out_is_not_subscribed_with_the_whole_file(audience: Audience, text: str) -> None:
    report = take(audience, text, **AS_SUBSCRIBED)
    assert report.refused == 0
    assert {name: name.rstrip("0123456789") for name in statuses(audience)} == statuses(audience)


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_nobody_is_subscribed_without_being_said_so_and_withdrawals_count(
    audience: Audience, text: str
) -> None:
    for line in text.splitlines()[1:]:
        address = next(each for each in line.replace(";", ",").split(",") if "@" in each)
        say(audience.contacts.create(email=address), "given", datetime(2020, 1, 1, tzinfo=UTC))
    take(audience, text)
    assert {
        name: name.rstrip("0123456789").replace("nonsubscribed", "subscribed") for name in statuses(audience)
    } == statuses(audience)


def test_a_column_that_is_not_used_prevents_a_consent_and_is_named(audience: Audience) -> None:
    text = "Email,Name,Unsubscribed\nada@shop.test,Ada,yes\nnora@shop.test,Nora,no\n"
    report = take(audience, text, exactly={"email": [0], "name": [1]}, **AS_SUBSCRIBED)
    assert statuses(audience) == {"ada": "nonsubscribed", "nora": "subscribed"}
    message = str(with_values(NOT_USED, column="Unsubscribed", value="yes"))
    assert [(each.line, str(each.message)) for each in report.cells] == [(2, message)]


def test_a_withdrawal_in_a_column_that_is_not_used_outweighs_the_consent_in_its_row(
    audience: Audience,
) -> None:
    text = "Mail,Sub,When,Opt-out\nada@shop.test,yes,2025-01-01,yes\nnora@shop.test,yes,2025-01-01,FALSO\n"
    take(audience, text, exactly={"email": [0], "consent": [1], "consent_at": [2]})
    assert statuses(audience) == {"ada": "nonsubscribed", "nora": "subscribed"}


def test_a_reason_of_suppression_that_is_not_known_is_reported(audience: Audience) -> None:
    header = "Email,Email Marketing Consent,Email Marketing Consent Timestamp,Email Suppressions\n"
    rows = "ada@shop.test,SUBSCRIBED,2025-01-01,['GLOBAL']\nnora@shop.test,SUBSCRIBED,2025-01-01,[]\n"
    report = take(audience, header + rows)
    assert statuses(audience) == {"ada": "nonsubscribed", "nora": "subscribed"}
    message = str(with_values(UNKNOWN_EVENT, value="['GLOBAL']", column="Email Suppressions"))
    assert [str(each.message) for each in report.cells] == [message]


def test_a_false_of_ghost_in_another_language_is_a_withdrawal(audience: Audience) -> None:
    header = "id,email,name,subscribed_to_emails,complimentary_plan,created_at,labels\n"
    take(audience, header + "1,ada@shop.test,Ada,FALSO,FALSO,2025-01-01,\n")
    assert statuses(audience) == {"ada": "unsubscribed"}


ORDERS = (
    "order_id,order_number,order_date,status,billing_first_name,billing_last_name,billing_email,billing_city\n"
    "1,1,2025-01-01 10:00:00,cancelled,Ada,Lace,ada@shop.test,Leeds\n"
    "2,2,2025-01-02 10:00:00,completed,Bo,Row,bo@shop.test,York\n"
    "3,3,2025-01-03 10:00:00,pending,Cy,Dale,cy@shop.test,Bath\n"
)


def test_the_status_of_an_order_says_nothing_about_emails(audience: Audience) -> None:
    say(audience.contacts.create(email="ada@shop.test"), "given", datetime(2020, 1, 1, tzinfo=UTC))
    report = take(audience, ORDERS)
    assert statuses(audience) == {"ada": "subscribed", "bo": "nonsubscribed", "cy": "nonsubscribed"}
    assert (report.cells, "status" in report.file.used) == ([], False)
    bo = audience.contacts.get(email="bo@shop.test")
    assert (bo.first_name, bo.last_name, bo.city) == ("Bo", "Row", "York")
    assert take(audience, ORDERS, **AS_SUBSCRIBED).cells == []
    assert set(statuses(audience).values()) == {"subscribed"}


def test_the_status_of_a_paid_subscription_says_nothing_about_emails(audience: Audience) -> None:
    header = "subscription_id,subscription_status,billing_period,billing_email,Email status\n"
    report = take(
        audience, header + "1,cancelled,month,ada@shop.test,\n2,active,month,bo@shop.test,unsubscribed\n"
    )
    assert (statuses(audience), report.cells) == ({"ada": "nonsubscribed", "bo": "unsubscribed"}, [])


def test_the_merchant_can_choose_the_status_of_an_order(audience: Audience) -> None:
    take(audience, ORDERS, columns={"status": "status"})
    assert statuses(audience)["ada"] == "unsubscribed"


def test_orders_of_shopify(audience: Audience) -> None:
    header = (
        "Name,Email,Financial Status,Paid at,Fulfillment Status,Accepts Marketing,Currency,Total,Created at,"
        "Billing Name,Billing City,Billing Country,Billing Phone,Shipping Name,Cancelled at\n"
    )
    rows = (
        "#1001,ada@shop.test,paid,2025-01-01,,yes,EUR,10,2025-01-01,Ada Mary Lace,Paris,FR,'+33100000001,Eve,\n"
        "SHOP-2,bo@shop.test,refunded,2025-01-01,,no,EUR,10,2025-01-01,,Lyon,FR,,Eve,2025-01-02\n"
    )
    report = take(audience, header + rows, **AS_SUBSCRIBED)
    ada, bo = audience.contacts.order_by("email")
    assert (report.file.format, ada.first_name, ada.last_name, bo.first_name) == (
        "Shopify",
        "Ada",
        "Mary Lace",
        "",
    )
    assert (ada.city, ada.country, ada.phone) == ("Paris", "FR", "+33100000001")
    assert statuses(audience) == {"ada": "subscribed", "bo": "nonsubscribed"}


def test_that_a_buyer_once_accepted_marketing_is_no_consent(audience: Audience) -> None:
    header = "Name,Email,Financial Status,Accepts Marketing,Billing Name\n"
    at = datetime(2025, 6, 1, tzinfo=UTC)
    take(audience, f"{header}#1001,ada@shop.test,paid,yes,Ada Lace\n", consent_at=at)
    assert statuses(audience) == {"ada": "nonsubscribed"}


@pytest.mark.parametrize("header", ["Name,Email,Order Number", "Order Number,Name,Customer Name,Email"])
def test_the_number_of_an_order_is_no_name(audience: Audience, header: str) -> None:
    cells = {"Name": "#1001", "Email": "ada@shop.test", "Order Number": "1001", "Customer Name": "Ada Lace"}
    take(audience, f"{header}\n{','.join(cells[name] for name in header.split(','))}\n")
    assert audience.contacts.get().first_name == ("Ada" if "Customer Name" in header else "")


@pytest.mark.parametrize(
    "name",
    [
        "email_address", "EmailAddress", "emailAddress", "customer_email", "Email 1", "E-mail 1 - Value", "Subscriber",
        "Email address - other", "Email (Billing)", "Person - Email - Work", "Dirección de correo electrónico",
        "Indirizzo e-mail", "Endereço de e-mail", "E-mailadres", "Contact Email",
    ],
)  # fmt: skip
def test_headers_of_addresses(audience: Audience, name: str) -> None:
    take(audience, f"Notes,{name}\nx,ada@shop.test\n")
    assert statuses(audience) == {"ada": "nonsubscribed"}


def test_the_state_of_an_address_is_no_status(audience: Audience) -> None:
    report = take(audience, "email,city,state\nada@shop.test,Sacramento,CA\n", **AS_SUBSCRIBED)
    assert (statuses(audience), report.cells, report.file.used.get("status")) == (
        {"ada": "subscribed"},
        [],
        None,
    )
    report = take(audience, "email,state\nbo@shop.test,CA\ncy@shop.test,cancelled\n", **AS_SUBSCRIBED)
    assert (statuses(audience)["bo"], statuses(audience)["cy"], report.cells) == (
        "subscribed",
        "unsubscribed",
        [],
    )


@pytest.mark.parametrize(
    "name",
    [
        "Marketing Consent",
        "marketing-consent",
        "Email Consent",
        "Consent status",
        "Newsletter",
        "Subscription?",
    ],
)
def test_who_unsubscribed_in_a_column_about_subscriptions_has_unsubscribed(
    audience: Audience, name: str
) -> None:
    say(audience.contacts.create(email="ada@shop.test"), "given", datetime(2020, 1, 1, tzinfo=UTC))
    text = f"email,{name}\nada@shop.test,unsubscribed\nbo@shop.test,no\ncy@shop.test,yes\n"
    report = take(audience, text, **AS_SUBSCRIBED)
    assert statuses(audience) == {"ada": "unsubscribed", "bo": "nonsubscribed", "cy": "subscribed"}
    assert [each.line for each in report.cells] == [3]


def test_unsubscribed_in_any_column_prevents_that_its_row_is_subscribed_with_the_file(
    audience: Audience,
) -> None:
    text = (
        "email,Notes,SMS list,order number,status\nada@shop.test,Unsubscribed,,1,\n"
        "bo@shop.test,likes tea,unsubscribed,2,\ncy@shop.test,,,3,unsubscribed\n"
    )
    report = take(audience, text, **AS_SUBSCRIBED)
    assert statuses(audience) == {"ada": "nonsubscribed", "bo": "subscribed", "cy": "nonsubscribed"}
    assert [each.line for each in report.cells] == [2, 4]


def test_a_column_about_subscriptions_that_is_ignored_prevents_a_consent(audience: Audience) -> None:
    text = "email,Newsletter\nada@shop.test,unsubscribed\nbo@shop.test,no\ncy@shop.test,weekly\n"
    take(audience, text, exactly={"email": [0]}, **AS_SUBSCRIBED)
    assert statuses(audience) == {"ada": "nonsubscribed", "bo": "nonsubscribed", "cy": "subscribed"}


@pytest.mark.parametrize(
    "header",
    [
        "email\xa0,unsubscribed\xa0",
        "\u200bemail,\u200bunsubscribed",
        "“email”,“unsubscribed”",
        "Email*,Unsubscribed*",
    ],
)
def test_invisible_characters_in_a_header_hide_nothing(audience: Audience, header: str) -> None:
    take(audience, f"{header}\nada@shop.test,yes\n")
    assert statuses(audience) == {"ada": "unsubscribed"}
    take(audience, f"{header}\nbo@shop.test,yes\n", columns={"email": "email", "bounced_at": "UNSUBSCRIBED"})
    assert statuses(audience) == {"ada": "unsubscribed", "bo": "cleaned"}


@pytest.mark.parametrize("first", ["ada@shop.test,Ada,unsubscribed", "Ada,ada@shop.test"])
def test_a_file_without_a_header_is_refused(audience: Audience, first: str) -> None:
    with pytest.raises(Rejected, match="no line with the names of its columns"):
        take(audience, f"{first}\nbo@shop.test,Bo,\n", columns={"email": first.split(",", maxsplit=1)[0]})
    assert statuses(audience) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"email,first_name"\n"ada@shop.test,Ada"\n', "only one column"),
        ("<html><table><tr><td>email</td></tr></table></html>", "This is a workbook"),
        ('\ufeff<?xml version="1.0"?><Workbook/>', "This is a workbook"),
    ],
)
def test_what_is_hardly_a_csv_file_says_what_to_do(audience: Audience, text: str, message: str) -> None:
    with pytest.raises(Rejected, match=message):
        take(audience, text)


@pytest.mark.parametrize("name", ["Widerrufen am", "Withdrawn", "Payment bounced", "Blacklisted"])
def test_the_withdrawal_from_an_order_is_none_from_emails(audience: Audience, name: str) -> None:
    text = f"Order number,Email,{name},Email opt-out\n1,ada@shop.test,2025-01-01,\n2,bo@shop.test,,yes\n"
    take(audience, text)
    assert statuses(audience) == {"ada": "nonsubscribed", "bo": "unsubscribed"}
