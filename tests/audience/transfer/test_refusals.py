"""Nobody who said no, in whatever column of whatever program, is subscribed with the whole file; and nobody else is
left out. The rows are read without a database.
"""

import csv
import io
from datetime import UTC, datetime

import pytest

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.status import Deliverability
from saleor_stripe_audience.audience.transfer.columns import read_columns
from saleor_stripe_audience.audience.transfer.formats import TakenAs, recognize
from saleor_stripe_audience.audience.transfer.reading import LineError, Record
from saleor_stripe_audience.audience.transfer.rows import Row, RowOptions, RowReader

GIVEN, WITHDRAWN, NONE, BOUNCED = "subscribed", "unsubscribed", "nothing", "bounced"


def read(text: str, *, as_subscribed: bool = True) -> list[Row]:
    """Return the file's rows, imported as subscribed."""
    separator = ";" if ";" in text.partition("\n")[0] else ","
    header, *rows = csv.reader(io.StringIO(text), delimiter=separator)
    found = recognize(header)
    options = RowOptions(
        text="Yes, please.",
        at=datetime(2025, 6, 1, tzinfo=UTC),
        found=found,
        taken_as=TakenAs.SUBSCRIBED if as_subscribed else None,
    )
    records = [Record(line, cells) for line, cells in enumerate(rows, start=2)]
    reader = RowReader(read_columns(header, {}, found), options, records)
    read = [reader.read(each) for each in records]
    assert not [each for each in read if isinstance(each, LineError)]
    return [each for each in read if isinstance(each, Row)]


def becomes(row: Row) -> str:
    if row.event is not None and row.event.kind == Consent.Kind.WITHDRAWN:
        return WITHDRAWN
    if row.deliverability is Deliverability.BOUNCED:
        return BOUNCED
    return NONE if row.event is None else GIVEN


def one(column: str, value: str) -> Row:
    quoted = '"' + value.replace('"', '""') + '"'
    [row] = read(f'email,"{column}"\nada@shop.test,{quoted}\n')
    return row


# A yes in these says no: it is a withdrawal where the name says that the person left or refused, and otherwise only
# prevents the consent.
REFUSED = (
    # found in files of customers
    "Newsletter declined", "newsletter_refused", "refuses_newsletter", "Kein Newsletter", "Pas de newsletter",
    "no_newsletter", "consent_refused", "Marked email as spam", "IsExcludedFromCampaigns", "Do Not Market",
    "No Email",
    "no_emails", "No Mailing", "Exclude from mailing", "mailing_stop", "Stop emails", "marketing_declined",
    "email_refused", "Email declined", "objected_to_marketing", "Marketing objection", "GDPR objection", "Complaint",
    "Complaints", "Spam", "Is Spam", "Abuse", "Invalid", "left_list_on", "Opposition", "Refus emailing",
    "Refuse les emails", "Widerspruch", "Widerspruch Werbung", "Werbesperre", "Keine Werbung", "Baja",
    "Lista Robinson",
    "No quiere emails", "No desea recibir publicidad", "Bloqueado", "Cancellato", "Revoca consenso", "Geen mailing",
    "Geen nieuwsbrief", "Nie wysyłać", "Inga utskick",
    # in the same words, as other programs spell them
    "NoNewsletter", "noMarketing", "nomail", "emailOptOut", "MarketingBlocked", "dontEmail", "newsletter_off",
    "newsletterdeclined", "IsOptInPending", "Not subscribed", "Not opted in", "Not interested in emails",
    "Without marketing", "Consent denied", "Left mailing list", "Excluded", "Excluded from sends",
    "No promotional emails",
    "Objects to emails", "Reported spam", "Unconfirmed",
    # in about twenty languages
    "Sans newsletter", "Ne pas contacter", "Ne pas envoyer d’e-mails", "Opposition marketing", "Consentement refusé",
    "Opposé à la prospection", "Retrait du consentement", "Ohne Newsletter", "Nicht anschreiben",
    "Newsletter abgelehnt",
    "Werbewiderspruch", "Einwilligung verweigert", "Keine E-Mails", "Sin newsletter", "No enviar correos",
    "Rechaza publicidad", "Revocación del consentimiento", "Senza newsletter", "Non inviare email",
    "Consenso revocato",
    "Não enviar e-mails", "Sem newsletter", "Recusou marketing", "Niet mailen", "Geen reclame", "Bezwaar",
    "Toestemming ingetrokken", "Brak zgody", "Sprzeciw", "Nie chce newslettera", "Vill inte ha nyhetsbrev",
    "Ingen reklam", "Avböjt marknadsföring", "Ønsker ikke nyhedsbrev", "Reservert mot markedsføring",
    "Ei uutiskirjettä", "Markkinointikielto", "Nezasílat newsletter", "Nesouhlas", "Odvolání souhlasu",
    "Nem kér hírlevelet", "Tiltakozik", "Fără newsletter", "Refuz marketing", "Ne želi newsletter",
    "Povučena privola",
    "E-posta istemiyor", "Reklam istemiyor", "Не присылать рассылку", "Отказ от рассылки", "Без рекламы",
    "Відмова від розсилки", "Не надсилати", "Όχι newsletter", "Ανάκληση συγκατάθεσης", "配信拒否",
    "メール不要", "不接收邮件",
    "拒绝营销", "광고 거부", "메일 수신거부", "ללא דיוור", "رفض التسويق", "بدون رسائل",
)  # fmt: skip


@pytest.mark.parametrize("column", REFUSED)
def test_a_yes_to_a_refusal_is_no_consent_and_a_no_to_it_is_no_refusal(column: str) -> None:
    refused, dated, other, empty = (one(column, each) for each in ("yes", "2025-01-14", "no", ""))
    assert becomes(refused) in (NONE, WITHDRAWN)
    assert becomes(dated) in (NONE, WITHDRAWN)
    assert becomes(refused) == WITHDRAWN or refused.left_out, "the column is named"
    assert (becomes(other), becomes(empty), other.left_out) == (GIVEN, GIVEN, ())


@pytest.mark.parametrize(
    ("column", "becoming"),
    [
        ("Newsletter declined", WITHDRAWN), ("Consent refused", WITHDRAWN), ("Einwilligung verweigert", WITHDRAWN),
        ("Marked email as spam", WITHDRAWN), ("left_list_on", WITHDRAWN),
        # not certainly the person's own, or not from then on
        ("No newsletter", NONE), ("Email rejected", NONE), ("Marketing blocked", NONE), ("Spam",
        NONE), ("Baja", NONE),
    ],
)  # fmt: skip
def test_only_a_refusal_of_emails_by_the_person_is_a_withdrawal(column: str, becoming: str) -> None:
    assert becomes(one(column, "yes")) == becoming


@pytest.mark.parametrize("column", ["No newsletter", "Keine Werbung", "Email declined"])
def test_a_refusal_outweighs_the_consent_in_its_row(column: str) -> None:
    text = f"email,consent,consent_at,{column}\nada@shop.test,yes,2025-01-01,"
    assert [becomes(each) for each in read(f"{text}yes\n", as_subscribed=False)] == [NONE]
    assert [becomes(each) for each in read(f"{text}no\n", as_subscribed=False)] == [GIVEN]


# A no in these says no.
AGREED = (
    # found in files of customers
    "accept_marketing", "Accept marketing", "Allow marketing", "Allow emails", "email_allowed", "mail_ok", "Email OK",
    "Marketable", "marketing", "Marketing OK", "Agreed to marketing", "agreed_to_receive_emails", "Receive emails",
    "receive_email", "Wants email", "Contactable", "Can be emailed", "Mailing list", "On mailing list", "Promotions",
    "Promotional emails", "Permission", "permission_email", "GDPR", "RGPD", "DSGVO", "Subscribe", "Active subscriber",
    "Is active subscriber", "News", "confirmed", "active", "doi_confirmed", "Double opt-in", "Publicité",
    "Infolettre",
    "Lettre d'information", "Recevoir les offres", "Boletín", "Boletim", "Nieuwsbrief", "Nyhetsbrev", "Nyhedsbrev",
    "Biuletyn", "Notiziario", "Rundbrief", "Werbung", "Werbeeinwilligung", "Рассылка", "Zgoda marketingowa",
    "Toestemming",
    "Consenso", "Consenso marketing", "Samtycke", "Valid email", "Email valid", "Deliverable", "Opt-In",
    # in the same words, as other programs spell them
    "acceptMarketing", "okToMail", "canEmail", "email_marketing_allowed", "wants_newsletter", "isSubscriber",
    "Email subscription", "Contact permission", "OK to contact", "GDPR permission", "Email updates", "e-news",
    # in about twenty languages
    "Accepte les emails", "Souhaite recevoir des offres", "Autorise emailing", "Newsletter abonniert",
    "Möchte Newsletter", "Werbeerlaubnis", "Darf kontaktiert werden", "Quiere newsletter", "Acepta publicidad",
    "Recibir ofertas", "Vuole newsletter", "Accetta marketing", "Riceve email", "Recebe newsletter",
    "Inscrito no boletim", "Wil nieuwsbrief", "Mag mailen", "Zgoda na newsletter", "Otrzymuje mailing",
    "Vill ha nyhetsbrev", "Samtycke till marknadsföring", "Ønsker nyhedsbrev", "Samtykke", "Markedsføring",
    "Haluaa uutiskirjeen", "Suostumus", "Odebírá newsletter", "Souhlas s marketingem", "Hírlevél", "Hozzájárulás",
    "Dorește newsletter", "Consimțământ", "Privola", "E-posta izni", "Bülten", "Подписан на рассылку", "Согласие",
    "Получать рассылку", "Згода", "Отримувати розсилку", "Συγκατάθεση", "メルマガ", "メール受信", "同意", "订阅",
    "接收邮件", "뉴스레터", "마케팅 동의", "הסכמה לדיוור", "النشرة البريدية", "موافقة على التسويق",
)  # fmt: skip


@pytest.mark.parametrize("column", AGREED)
def test_a_no_to_what_people_agreed_to_is_no_consent(column: str) -> None:
    refused, agreed, empty = (one(column, each) for each in ("no", "yes", ""))
    assert (becomes(refused), becomes(agreed), becomes(empty)) == (NONE, GIVEN, GIVEN)
    assert refused.left_out
    assert (agreed.left_out, empty.left_out) == ((), ())


@pytest.mark.parametrize(
    "column", ["Opt-In", "optin_status", "gdpr_consent", "Email permission", "Allow emails"]
)
@pytest.mark.parametrize(
    ("value", "becoming"),
    [
        ("2", NONE), ("-1", NONE), ("expired", NONE), ("not asked", NONE), ("pending", NONE), ("soft", NONE),
        ("not given", NONE), ("no, thanks", NONE), ("none", NONE), ("✗", NONE), ("nicht erteilt", NONE),
        ("Declined", WITHDRAWN), ("opted out", WITHDRAWN),
        ("1", GIVEN), ("TRUE", GIVEN), ("x", GIVEN), ("granted", GIVEN), ("Double Opt-In", GIVEN), ("email", GIVEN),
        ("0000-00-00", GIVEN), ("n/a", GIVEN),
    ],
)  # fmt: skip
def test_an_unknown_answer_is_no_consent(column: str, value: str, becoming: str) -> None:
    assert becomes(one(column, value)) == becoming


@pytest.mark.parametrize("column", ["Opt-In", "gdpr_consent", "Newsletter", "Allow emails"])
@pytest.mark.parametrize("value", ["2025-01-14 10:00", "yes, please", "Ja, gerne"])
def test_a_date_or_a_sentence_that_begins_with_yes_is_a_yes(column: str, value: str) -> None:
    assert becomes(one(column, value)) == GIVEN


@pytest.mark.parametrize("column", ["Newsletter", "Marketing", "Mailing list", "Subscription"])
@pytest.mark.parametrize(
    ("value", "becoming"),
    [("weekly", GIVEN), ("Spring 2025", GIVEN), ("2", NONE), ("-1", NONE), ("never", NONE)],
)
def test_a_column_may_say_which_newsletter(column: str, value: str, becoming: str) -> None:
    assert becomes(one(column, value)) == becoming


@pytest.mark.parametrize(
    ("header", "value", "becoming"),
    [
        ("Correo electrónico;Nombre;Estado", "Baja", WITHDRAWN),
        ("Correo electrónico;Nombre;Estado", "Dado de baja", WITHDRAWN),
        ("Correo electrónico;Nombre;Estado", "Rebotado", BOUNCED),
        ("Correo electrónico;Nombre;Estado", "Pendiente", NONE),
        ("Correo electrónico;Nombre;Estado", "Activo", GIVEN),
        ("Correo electrónico;Ciudad;Estado", "Baja", NONE),  # of an address?
        ("Correo electrónico;Ciudad;Estado", "Baja California", GIVEN),
        ("Email;Nome;Stato", "Disiscritto", WITHDRAWN),
        ("Email;Nome;Stato", "In attesa", NONE),
        ("Email;Nome;Stato", "Cancellato", WITHDRAWN),
        ("E-mail;Nome;Situação", "Descadastrado", WITHDRAWN),
        ("E-mail;Nome;Situação", "Cancelado", WITHDRAWN),
        ("E-mail;Prénom;État", "En attente", NONE),
        ("E-mail;Prénom;État", "Désinscription", WITHDRAWN),
        ("E-mail;Prénom;État", "Résilié", WITHDRAWN),
        ("E-mail;Prénom;État", "Actif", GIVEN),
        ("E-Mail;Vorname;Anmeldestatus", "ausgetragen", WITHDRAWN),
        ("E-Mail;Vorname;Anmeldestatus", "ausstehend", NONE),
        ("E-Mail;Vorname;Zustand", "abgemeldet", WITHDRAWN),
        ("email,first_name,Статус", "Отписан", WITHDRAWN),
        ("email,first_name,Статус", "Активен", GIVEN),
        ("email,first_name,Durum", "abonelikten çıktı", WITHDRAWN),
        ("email,first_name,Állapot", "leiratkozott", WITHDRAWN),
        ("email,first_name,Stav", "odhlášen", WITHDRAWN),
        ("email,first_name,状态", "已退订", WITHDRAWN),
        # other names, and other words for the same
        ("email,name,Contact Status", "Unsub", NONE),
        ("email,name,Contact Status", "Do-Not-Mail", NONE),
        ("email,name,Contact Status", "Bounced", NONE),
        ("email,name,Contact Status", "Marked as Spam", NONE),
        ("email,name,Contact Status", "Active", GIVEN),
        ("email,name,Contact state", "unsub", NONE),
        ("email,name,User Status", "complained", NONE),
        ("email,name,user_status", "0", GIVEN),  # as WordPress writes it for everyone
        ("email,name,type", "unactivated", NONE),
        ("email,name,type", "regular", GIVEN),
        ("email,name,subscriber_type", "removed", NONE),
        ("email,name,subscriber_type", "undeliverable", NONE),
        ("email,name,subscriber_type", "blocked", NONE),
        ("email,name,subscriber_type", "premium", GIVEN),
        ("email,name,email_availability", "unreachable", NONE),
        ("email,name,email_availability", "available", GIVEN),
        ("email,name,liststatus", "-1", NONE),
        ("email,name,liststatus", "1", GIVEN),
        ("email,name,Email Status", "OK", GIVEN),
        ("email,name,Email Status", "Single Opt-In", GIVEN),
        ("email,name,Email Status", "Double Opt-In", GIVEN),
        ("email,name,Email Status", "aktywny", GIVEN),
        ("email,name,Email Status", "přihlášen", GIVEN),
        ("email,name,Foo", "Dado de baja", NONE),
        ("email,name,Foo", "Wypisany", NONE),
        ("email,name,Foo", "complained", NONE),
        ("email,name,Foo", "pending", GIVEN),
    ],
)
def test_statuses_in_other_languages_and_under_other_names(header: str, value: str, becoming: str) -> None:
    separator = ";" if ";" in header else ","
    [row] = read(f"{header}\n{separator.join(('ada@shop.test', 'Ada', value))}\n")
    assert becomes(row) == becoming
    assert bool(row.left_out) is (becoming == NONE)


@pytest.mark.parametrize(
    "column", ["Notes", "Anmerkung", "City", "Order status", "Lead status", "Payment", "Tag list"]
)
def test_a_word_about_something_else_is_no_end_of_a_subscription(column: str) -> None:
    assert [becomes(one(column, each)) for each in ("removed", "Baja", "cancelled")] == [GIVEN] * 3


def test_a_column_of_free_text_has_no_statuses() -> None:
    says = [*(f"{each} things to say" for each in range(30)), "removed"]
    rows = "".join(f"a{number}@shop.test,{text}\n" for number, text in enumerate(says))
    assert {becomes(each) for each in read(f"email,Foo\n{rows}")} == {GIVEN}
    few = "".join(f"a{number}@shop.test,{number % 3}\n" for number in range(30))
    assert becomes(read(f"email,Foo\n{few}b@shop.test,removed\n")[-1]) == NONE


# Columns that say nothing about marketing by email, each with a value that would mean no if they did.
UNRELATED = {
    "no": (
        "Accepts SMS Marketing", "sms_consent", "Consent to send SMS", "Push Marketing Consent", "WhatsApp opt-in",
        "active_subscription", "Active subscription", "paid_subscription", "Premium subscription", "is_premium",
        "Tax Exempt", "VIP", "is_paying_customer", "Verified Email", "email_verified", "Account active",
        "Active customer",
        "Enabled", "Has Account", "Cookies accepted", "Consent to Track", "Terms accepted", "AGB akzeptiert",
        "CGV acceptées", "Partner offers", "Offres partenaires", "Gender", "18+ confirmed", "Address confirmed",
        "Marketing contact until next update", "Marketing emails opened", "Marketing emails delivered",
        "Membership email confirmed", "Marketing channel", "Marketing source", "Accepts returns", "Price list",
        "Wishlist",
        "Interested in", "Contact No", "Secondary email", "Nombre comercial", "complimentary_plan", "tax_id_valid",
        "Is Public", "Converted", "Invoice by email", "Rechnung per E-Mail",
    ),
    "yes": (
        "SMS_BLACKLISTED", "Do Not Call", "HasOptedOutOfFax", "WhatsApp opt-out", "Do not mail",
        "Ad tracking opt-out",
        "Do not track me", "Do not sell", "Order cancelled", "Payment declined", "Card blocked", "Shipping blocked",
        "Invalid coupon", "Non-profit", "No VAT", "Sin gluten", "Keine Rückgabe", "Exclude from tax",
        "Exclusive offers", "Do not disturb", "Stop ID", "Refused deliveries", "Bus stop", "Subject",
    ),
    "12": ("No. of emails sent", "Number of newsletters", "Spam score", "Email count", "Object ID", "newsletter_id"),
    "pending": ("Order state", "Loan", "Delivery", "Task status"),
    "CA": ("State", "MailingState", "Mailing State/Province", "Other State", "State/Province - Home"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value"), [(column, value) for value, columns in UNRELATED.items() for column in columns]
)
def test_columns_about_something_else_do_not_prevent_a_consent(column: str, value: str) -> None:
    row = one(column, value)
    assert (becomes(row), row.left_out) == (GIVEN, ())


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("email,active,newsletter", "ada@shop.test,0,1"),  # PrestaShop: a customer whose account is closed
        ("email,Opted in,Double opt-in", "ada@shop.test,yes,no"),
        ("email,is_subscribed,Confirmed email", "ada@shop.test,1,no"),
        ("Order number,email,Confirmed,Blocked", "1,ada@shop.test,no,yes"),
    ],
)
def test_what_may_be_about_an_account_or_an_order_counts_only_if_nothing_else_does(
    header: str, row: str
) -> None:
    assert [becomes(each) for each in read(f"{header}\n{row}\n")] == [GIVEN]


# The headers of exports. The address begins with what its row becomes.
EXPORTS = {
    "Shopify": """\
Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,Default Address Country Code,Phone,\
Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags
1,Ada,Lace,subscribed@shop.test,yes,Leeds,GB,,no,10.00,1,removed a gift,no,VIP
2,Bo,Row,nothing@shop.test,no,York,GB,,yes,0.00,0,,yes,
""",
    "WooCommerce": """\
Name,Username,Last Active,Sign Up,Email,Orders,Total Spend,AOV,Country / Region,City,Region,Postal Code
Ada Lace,ada,2025-02-01,2025-01-01 10:00:00,subscribed@shop.test,0,0,0,GB,Leeds,,LS1
""",
    "Mailchimp": """\
Email Address,First Name,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,LATITUDE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS
subscribed@shop.test,Ada,2,2025-01-01 10:00:00,2025-01-01 10:05:00,0,GB,,2025-01-01 10:05:00,1,e1,,
""",
    "Klaviyo": """\
Email,Klaviyo ID,First Name,Source,Email Marketing Consent,Email Marketing Consent Timestamp,Email Suppressions,\
SMS Marketing Consent,Can Receive SMS Marketing,First Active,Profile Created On
subscribed@shop.test,01H,Ada,Checkout,SUBSCRIBED,2025-03-01 10:00:00,[],UNSUBSCRIBED,FALSE,2025-01-01,2025-01-01
nothing@shop.test,01H,Ada,Checkout,NEVER_SUBSCRIBED,,[],SUBSCRIBED,TRUE,2025-01-01,2025-01-01
unsubscribed@shop.test,01H,Ada,Checkout,UNSUBSCRIBED,2025-03-01 10:00:00,[],,,2025-01-01,2025-01-01
""",
    "Brevo": """\
CONTACT ID;EMAIL;FIRSTNAME;SMS;OPT_IN;DOUBLE_OPT-IN;EMAIL_BLACKLISTED;SMS_BLACKLISTED;WHATSAPP_BLACKLISTED;ADDED_TIME
1;subscribed@shop.test;Max;;;No;No;Yes;Yes;2025-01-01
2;unsubscribed@shop.test;Max;;Yes;Yes;Yes;No;No;2025-01-01
""",
    "HubSpot": """\
Record ID,First Name,Email,Lead Status,Marketing contact status,Marketing contact until next update,\
Unsubscribed from all email,Marketing emails delivered,Marketing emails opened,Email hard bounce reason,\
Membership email confirmed
1,Mia,subscribed@shop.test,Unqualified,Marketing contact,No,,0,0,,No
2,Mia,nothing@shop.test,New,Non-marketing contact,No,,0,0,,No
3,Mia,unsubscribed@shop.test,New,Marketing contact,No,Yes,3,0,,No
""",
    "ActiveCampaign": """\
Email,First Name,Organization,Date Created,Subscribed Date,Status,Lists,Message Opens,Bounced Hard,Bounced Soft,\
Unsubscribed Date
subscribed@shop.test,Ann,Acme,2025-01-01,2025-01-01,Active,News,0,0,1,
unsubscribed@shop.test,Ann,Acme,2025-01-01,2025-01-01,Unsubscribed,News,0,0,0,2025-02-01
bounced@shop.test,Ann,Acme,2025-01-01,2025-01-01,Bounced,News,0,1,0,
nothing@shop.test,Ann,Acme,2025-01-01,2025-01-01,Unconfirmed,News,0,0,0,
""",
    "MailerLite": """\
Subscriber,Name,Sent,Opens,Clicks,Subscribed,Location,Marked as junk,Unsubscribed at
subscribed@shop.test,Tom,0,0,0,2025-01-01 10:00:00,FR,,
unsubscribed@shop.test,Tom,0,0,0,2025-01-01 10:00:00,FR,,2025-02-01
unsubscribed2@shop.test,Tom,0,0,0,2025-01-01 10:00:00,FR,2025-02-01,
""",
    "Omnisend": """\
email,firstName,emailStatus,emailStatusDate,smsStatus,sendWelcomeEmail,tags
subscribed@shop.test,Noa,subscribed,2025-01-01T10:00:00Z,nonSubscribed,false,
nothing@shop.test,Noa,nonSubscribed,,subscribed,false,
""",
    "Kit": """\
id,first_name,email_address,state,created_at
1,Jo,subscribed@shop.test,active,2025-01-01T00:00:00Z
2,Jo,nothing@shop.test,unconfirmed,2025-01-01T00:00:00Z
3,Jo,unsubscribed@shop.test,complained,2025-01-01T00:00:00Z
4,Jo,bounced@shop.test,bounced,2025-01-01T00:00:00Z
""",
    "GetResponse": """\
email,name,created_on,campaign,origin,ip,engagement score,Consent: Newsletter
subscribed@shop.test,Lou,2025-01-01,list,import,192.0.2.1,0,Yes
nothing@shop.test,Lou,2025-01-01,list,import,192.0.2.1,0,No
""",
    "Drip": """\
email,id,time_zone,created_at,tags,status,lead_score,eu_consent,prospect,sms_consent
subscribed@shop.test,1,UTC,2025-01-01,,active,0,unknown,true,denied
nothing@shop.test,1,UTC,2025-01-01,,unconfirmed,0,granted,true,granted
unsubscribed@shop.test,1,UTC,2025-01-01,,active,0,denied,true,granted
unsubscribed2@shop.test,1,UTC,2025-01-01,,removed,0,granted,true,granted
""",
    "AWeber": """\
Email,Name,Message,Stop Time,Stop Status,Add Time,Verified Time,Ad Tracking,IP Address,Country,Misc Notes
subscribed@shop.test,Max,1,,,2025-01-01 10:00:00,2025-01-01 10:00:00,,192.0.2.1,US,cancelled
nothing@shop.test,Max,1,2025-02-01 10:00:00,,2025-01-01 10:00:00,2025-01-01 10:00:00,,192.0.2.1,US,
""",
    "Campaign Monitor": """\
Name,Email Address,Date Added,Subscribed Date,Permission to track,Consent to send SMS,Opted in
Eve,subscribed@shop.test,2025-01-01,2025-01-01,No,No,Yes
Eve,nothing@shop.test,2025-01-01,2025-01-01,Yes,Yes,No
""",
    "Constant Contact": """\
First name,Email address,Email status,Email permission status,Email update source,Confirmed Opt-Out Date,SMS status
Lea,subscribed@shop.test,Active,Implied,Import,,Unsubscribed
Lea,unsubscribed@shop.test,Unsubscribed,Unsubscribed,Import,2025-02-01,Subscribed
Lea,nothing@shop.test,Active,Pending confirmation,Import,,
""",
    "Squarespace": """\
Email,First Name,Total Spent,Order Count,Last Order Date,Mailing Lists,Accepts Marketing,Unsubscribed On,Has Account
subscribed@shop.test,Uma,0.00,0,,News,true,,No
nothing@shop.test,Uma,0.00,0,,,false,,Yes
""",
    "Wix": """\
First Name,Email 1,Address 1 - Country,Email subscriber status,SMS subscriber status,Labels
Tim,subscribed@shop.test,FR,Subscribed,Unsubscribed,
Tim,nothing@shop.test,FR,Pending,Subscribed,
""",
    "PrestaShop": """\
Titre de civilité;Prénom;Nom;Adresse e-mail;Ventes;Activé;Newsletter;Offres partenaires;Inscription
Mme;Zoé;Roy;subscribed@shop.test;0;0;1;0;2025-01-01
Mme;Zoé;Roy;nothing@shop.test;0;1;0;1;2025-01-01
""",
    "Magento": """\
ID,Name,Email,Group,Phone,ZIP,Country,Customer Since,Confirmed email,Account Lock,is_subscribed
1,Bea,subscribed@shop.test,General,,LS1,GB,2025-01-01,Confirmation Not Required,Unlocked,1
2,Bea,nothing@shop.test,General,,LS1,GB,2025-01-01,Confirmed,Locked,0
""",
    "Ecwid": """\
email,name,accept_marketing,tax_exempt,tax_id_valid,total_order_count,customer_group_name
subscribed@shop.test,Ian,true,false,false,0,General
nothing@shop.test,Ian,false,false,false,0,General
""",
    "Substack": """\
email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at
subscribed@shop.test,false,,other,false,2025-01-01T00:00:00Z,
subscribed2@shop.test,true,2026-01-01,yearly,false,2025-01-01T00:00:00Z,2025-01-01
unsubscribed@shop.test,false,,other,true,2025-01-01T00:00:00Z,
""",
    "Ghost": """\
id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers
1,subscribed@shop.test,Ada,removed,true,false,,2025-01-01T10:00:00.000Z,,,
2,unsubscribed@shop.test,Ada,,false,true,,2025-01-01T10:00:00.000Z,,,
""",
    "Beehiiv": """\
email,status,subscription_tier,is_premium,created_at,acquisition_source,unsubscribed_at
subscribed@shop.test,active,free,false,2025-01-01,import,
unsubscribed@shop.test,inactive,free,false,2025-01-01,import,2025-02-01
nothing@shop.test,pending,premium,true,2025-01-01,import,
""",
    "Buttondown": """\
email,notes,tags,referrer_url,creation_date,type,source,unsubscription_date,undeliverability_date
subscribed@shop.test,removed,,,2025-01-01,regular,import,,
subscribed2@shop.test,,,,2025-01-01,premium,import,,
nothing@shop.test,,,,2025-01-01,unactivated,import,,
unsubscribed@shop.test,,,,2025-01-01,unsubscribed,import,2025-02-01,
""",
    "phpList": """\
id,email,confirmed,blacklisted,optedin,bouncecount,entered,htmlemail,disabled,foreignkey
1,subscribed@shop.test,1,0,1,0,2025-01-01,0,0,
2,nothing@shop.test,0,0,1,0,2025-01-01,1,0,
3,unsubscribed@shop.test,1,1,1,0,2025-01-01,1,0,
""",
    "AcyMailing": """\
name,email,active,confirmed,creation_date,tracking,language,key
Al,subscribed@shop.test,1,1,2025-01-01,0,fr-FR,k1
Al,nothing@shop.test,1,0,2025-01-01,1,fr-FR,k2
Al,nothing2@shop.test,0,1,2025-01-01,1,fr-FR,k3
""",
    "Keap": """\
Id,First Name,Email,Email Status,Marketable,Contact Type,Lead Source,Opt-In Status
1,Kim,subscribed@shop.test,Single Opt-In,Yes,Lead,Web,Single Opt-In
2,Kim,nothing@shop.test,Non-marketable,No,Customer,Web,Non-marketable
3,Kim,unsubscribed@shop.test,Opted Out,No,Lead,Web,Opt-Out
""",
    "Zoho": """\
Contact Email,First Name,Contact Status,Lead Source,Mailing State,Do Not Call,Email Opt Out
subscribed@shop.test,Raj,Active,Trade Show,CA,true,false
nothing@shop.test,Raj,Do-Not-Mail,Trade Show,CA,false,false
nothing2@shop.test,Raj,Marked as Spam,Trade Show,CA,false,false
unsubscribed@shop.test,Raj,Unsub,Trade Show,CA,false,true
""",
    "Intercom": """\
Name,Email,User ID,Has opted out of email,Marked email as spam,Has hard bounced,Last contacted,Sms consent,Type
Sam,subscribed@shop.test,1,false,false,false,2025-01-01,false,user
Sam,unsubscribed@shop.test,2,true,false,false,2025-01-01,true,lead
Sam,unsubscribed2@shop.test,3,false,true,false,2025-01-01,true,lead
Sam,bounced@shop.test,3,false,false,true,2025-01-01,true,lead
""",
    "Mailjet": """\
Email,Name,CreatedAt,DeliveredCount,IsExcludedFromCampaigns,ExclusionFromCampaignsUpdatedAt,IsOptInPending,\
IsSpamComplaining
subscribed@shop.test,Pat,2025-01-01,0,false,2025-01-01,false,false
nothing@shop.test,Pat,2025-01-01,0,true,2025-01-01,false,false
nothing2@shop.test,Pat,2025-01-01,0,false,,true,false
unsubscribed@shop.test,Pat,2025-01-01,0,false,,false,true
""",
    "Sender": """\
email,firstname,created,email_status,sms_status,transactional_email_status,unsubscribed_at
subscribed@shop.test,Io,2025-01-01,active,unsubscribed,unsubscribed,
unsubscribed@shop.test,Io,2025-01-01,unsubscribed,active,active,2025-02-01
bounced@shop.test,Io,2025-01-01,bounced,active,active,
""",
    "Moosend": """\
Name,Email,CreatedOn,UnsubscribedOn,SubscribeType,SubscribeMethod,RemovedOn
Cy,subscribed@shop.test,2025-01-01,,Subscribed,Import,
Cy,unsubscribed@shop.test,2025-01-01,2025-02-01,Unsubscribed,Import,
Cy,nothing@shop.test,2025-01-01,,Removed,Import,2025-02-01
""",
    "Emarsys": """\
User ID,Email,First Name,Opt-In,Do not track me,Email valid,Preferred channel,Gender
1,subscribed@shop.test,Di,1,1,1,SMS,2
2,nothing@shop.test,Di,2,2,1,Email,1
3,nothing2@shop.test,Di,1,2,0,Email,1
4,nothing3@shop.test,Di,-1,2,1,Email,1
""",
    "Salesforce": """\
Id,FirstName,Email,MailingState,HasOptedOutOfEmail,HasOptedOutOfFax,DoNotCall,EmailBouncedReason,IsEmailBounced,CleanStatus
1,Kai,subscribed@shop.test,CA,false,true,true,,false,Pending
2,Kai,unsubscribed@shop.test,CA,true,false,false,,false,Pending
3,Kai,bounced@shop.test,CA,false,false,false,,true,Pending
""",
}  # fmt: skip


@pytest.mark.parametrize("text", EXPORTS.values(), ids=EXPORTS)
def test_exports_of_other_programs(text: str) -> None:
    found = {row.email.partition("@")[0]: becomes(row) for row in read(text)}
    assert found == {name: name.rstrip("0123456789") for name in found}
    said_nothing = [row for row in read(text) if row.email.startswith("subscribed")]
    assert not [row.left_out for row in said_nothing if row.left_out]


def recorded(column: str, value: str) -> str:
    """Return what a row becomes in a file that is not imported as subscribed."""
    [row] = read(f'email,"{column}"\nada@shop.test,"{value}"\n', as_subscribed=False)
    return becomes(row)


@pytest.mark.parametrize(
    "column",
    [
        "license_revoked_at", "Membership revoked", "Funds withdrawn", "Application withdrawn", "IP blacklisted",
        "Fraud blacklist", "Data Sale Opt Out", "CCPA opt out", "Opted out of targeted ads", "Recording opt-out",
        "Loyalty opt out", "Search suppressed", "Suppress invoice", "Opt-out email sent", "Opt-out notice shown",
        "Unsubscribe confirmation sent", "Unsubscribed and resubscribed",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["yes", "2025-01-14"])
def test_what_may_be_a_withdrawal_from_something_else_is_not_recorded(column: str, value: str) -> None:
    assert (recorded(column, value), becomes(one(column, value))) == (NONE, NONE)
    assert one(column, value).left_out


@pytest.mark.parametrize(
    "column",
    [
        "Paper catalog opt-out",
        "Print mail opt out",
        "Unsubscribe footer",
        "List-Unsubscribe header",
        "Offer unsubscribe",
    ],
)
def test_an_opt_out_from_paper_and_a_link_to_unsubscribe_are_no_refusals(column: str) -> None:
    assert (recorded(column, "yes"), becomes(one(column, "yes"))) == (NONE, GIVEN)


@pytest.mark.parametrize(
    "column", ["Bounces", "Total bounces", "Bounced emails", "Unsubscribes", "Number of bounces"]
)
@pytest.mark.parametrize("value", ["0", "1", "2"])
def test_a_number_of_bounces_says_nothing(column: str, value: str) -> None:
    assert (recorded(column, value), becomes(one(column, value))) == (NONE, GIVEN)


@pytest.mark.parametrize(
    "column",
    [
        "Kündigungsdatum Newsletter", "Newsletter gekündigt am", "Austragung", "résilié le", "stop pub", "desuscrito",
        "canceló la suscripción", "fecha de cancelación", "cancelou a inscrição", "opgezegd op",
        "nieuwsbrief opgezegd",
        "avprenumererad", "dezabonat", "peruttu", "tilauksen peruutus", "abonelikten çıktı", "διαγραφή", "הוסר",
        "ألغى الاشتراك",
    ],
)  # fmt: skip
def test_more_words_for_unsubscribing(column: str) -> None:
    assert {becomes(one(column, each)) for each in ("yes", "2025-01-14")} <= {NONE, WITHDRAWN}
    assert becomes(one(column, "no")) == GIVEN


@pytest.mark.parametrize(
    "status",
    [
        "Unsubscribed by user", "unsubscribed (admin)", "UNSUBSCRIBED_BY_ADMIN", "global_unsubscribe",
        "Opted Out (Email)",
        "Unsub",
    ],
)  # fmt: skip
def test_a_longer_status_that_says_unsubscribed_is_a_withdrawal(status: str) -> None:
    assert [recorded(column, status) for column in ("Status", "Email status", "Newsletter")] == [
        WITHDRAWN
    ] * 3
    assert recorded("Status", "SMS unsubscribed") == NONE


@pytest.mark.parametrize(
    "value", ["Inactive", "paused", "on hold", "deleted", "en pause", "неактивен", "비활성"]
)
@pytest.mark.parametrize("column", ["Status", "Newsletter", "Opt-in", "Marketing"])
def test_a_status_that_is_not_clear_is_no_consent(column: str, value: str) -> None:
    assert becomes(one(column, value)) == NONE


@pytest.mark.parametrize(
    ("column", "value", "becoming"),
    [
        *(
            ("status", each, NONE)
            for each in (
                "pending",
                "unconfirmed",
                "not subscribed",
                "never subscribed",
                "inactive",
                "deleted",
                "held",
            )
        ),
        ("email_status", "pending", NONE),
        ("subscription_status", "expired", NONE),
        ("accepts_marketing", "no", NONE),
        ("is_subscribed", "0", NONE),
        ("status", "active", GIVEN),
        ("status", "", GIVEN),
        ("Newsletter", "no", GIVEN),  # of another list
        ("Order status", "pending", GIVEN),
    ],
)
def test_a_status_prevents_the_consent_in_its_row(column: str, value: str, becoming: str) -> None:
    text = f"email,consent,consent_at,{column}\nada@shop.test,yes,2025-01-01,{value}\n"
    [row] = read(text, as_subscribed=False)
    assert becomes(row) == becoming
    assert bool(row.left_out) is (becoming == NONE)


@pytest.mark.parametrize(
    "date",
    ["45678", "45678.41667", "Sun Jun  1 10:00:00 2025", "20250601100000", "Jun-01-2025"],
)
def test_dates_of_spreadsheets_and_servers_are_withdrawals(date: str) -> None:
    assert (recorded("unsubscribed_at", date), becomes(one("unsubscribed_at", date))) == (
        WITHDRAWN,
        WITHDRAWN,
    )


@pytest.mark.parametrize("number", ["25568", "73051", "12345", "2025", "99999999999999"])
def test_other_numbers_are_no_dates(number: str) -> None:
    assert recorded("unsubscribed_at", number) == NONE


@pytest.mark.parametrize(
    "address", ["'ada@shop.test", "'ada@shop.test'", '"=""ada@shop.test"""', "“ada@shop.test”"]
)
def test_an_address_that_a_program_marks_as_text_is_the_persons(address: str) -> None:
    [row] = read(f"email,consent\n{address},withdrawn\n", as_subscribed=False)
    assert (row.email, becomes(row)) == ("ada@shop.test", WITHDRAWN)
