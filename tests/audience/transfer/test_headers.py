"""What the name of a column says, in the words of many programs."""

import pytest

from saleor_stripe_audience.audience.transfer.headers import (
    Kind,
    core_of,
    is_reason,
    key_of,
    kind_of,
    lists_orders,
)

NAMES = {
    Kind.WITHDRAWAL: (
        "Unsubscribed?", "UnsubscribedAt", "Unsubscription date", "Unsubscribe Date/Time", "Opted-Out", "OptedOut",
        "is_unsubscribed", "Is Unsubscribed", "Unsubscribed From Email", "Email Unsubscribed", "Unsub", "UNSUB_TIME",
        "UNSUB_REASON", "Do-Not-Email", "doNotContact", "email_opt_out", "opt_out_at", "HASOPTEDOUTOFEMAIL",
        "hs_email_optout", "Opted out of email: Marketing Information", "Confirmed Opt-Out Date - other",
        "Email and SMS opt-out", "Suppressed At", "SuppressionReason", "Blacklist", "EMAIL_BLACKLISTED",
        "email_blocklisted", "Complained", "Spam complaint", "Marked as spam", "Emails disabled? ", "withdrawn_at",
        "Date de désinscription", "Désabonné", "Liste noire", "Abmeldedatum", "abgemeldet am", "Fecha de baja",
        "Disiscritto il", "Descadastrado em", "Uitgeschreven op", "Data wypisania", "Дата отписки",
    ),
    Kind.BOUNCE: (
        "Bounced At", "Hard Bounce", "is_bounced", "EMAILBOUNCEDDATE", "EMAILBOUNCEDREASON",
        "Email hard bounce reason",
        "hs_email_hard_bounce_reason_enum", "Invalid email address", "Undeliverable", "Unzustellbar",
    ),
    Kind.STATUS: (
        "Email status", "emailStatus", "Email status - other", "Email permission status", "Subscriber State",
        "email_subscriber_status", "Email subscriber status", "global_status", "List Status", "Statut d'abonnement",
        "Estado de suscripción", "Opt-in/Opt-out",
    ),
    Kind.SUBSCRIBED: (
        "Subscribed?", "Is Subscribed", "Newsletter", "Accepts Marketing", "Receive Marketing Emails?", "OPT_IN",
        "Opt-in to marketing", "Email consent",
    ),
    Kind.DISABLED: ("deactivated", "disabled", "Blocked", "dnc", "Account blocked", "Baja", "Spam", "Complaints"),
    None: (
        # other channels, and other topics
        "SMS_BLACKLISTED", "sms_unsubscribed", "smsStatus", "Phone opt-out", "text_subscriber_status", "Fax Opt Out",
        "HasOptedOutOfFax", "HASOPTEDOUTOFFAX", "WhatsApp opt-out", "Do not call", "Do Not Mail",
        "Push notifications unsubscribed",
        "Ad tracking opt-out", "Consent To Track", "Opted out of email: One to One", "Do not sell: opted out",
        "Double opt-in date", "Terms accepted", "Mailing State", "MailingStreet",
    ),
    Kind.OBJECTION: (
        "No newsletter", "Kein Newsletter", "Email declined", "IsExcludedFromCampaigns", "IsOptInPending",
        "Werbesperre",
        "Not subscribed",
    ),
    Kind.ALLOWED: ("Marketing", "Promotions", "GDPR", "Marketable", "Email valid", "confirmed", "Active subscriber"),
    Kind.HINT: ("Double Opt-in", "doi_confirmed", "active", "Confirmed email"),
    Kind.OTHER: (
        # no event, or its opposite
        "unsubscribe_link", "Unsubscribe URL", "unsubscribe rate", "bounce_rate", "Bounce count", "Soft bounced",
        "Not unsubscribed", "Can unsubscribe", "emailStatusDate",
        "No. of emails", "Not blocked", "Marketing source", "Marketing emails opened", "active_subscription",
        "ExclusionFromCampaignsUpdatedAt",
        # something else
        "Status", "State", "Order status", "Lead status", "Marital status", "Forms unsubmitted", "Desktop output",
        "Adoption interest", "Email", "First name", "Description",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for kind, names in NAMES.items() for name in names])
def test_the_name_of_a_column_says_what_it_is_about(name: str, kind: Kind | None) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize(
    "name",
    [
        "Unsubscribe Reason",
        "EMAILBOUNCEDREASON",
        "Confirmed Opt-Out Source - other",
        "Motif de désinscription",
    ],
)
def test_a_column_of_reasons(name: str) -> None:
    is_camel_case = name == "EMAILBOUNCEDREASON"  # its words are not separated
    assert is_reason(name) is not is_camel_case
    assert not is_reason("Unsubscribe Date")


@pytest.mark.parametrize(
    ("name", "key", "core"),
    [
        ("Email (Billing)", "emailbilling", "email"), ("Email address - other", "emailaddressother", "emailaddress"),
        ("E-mail 1 - Value", "email1value", "email"), ("Person - Email - Work", "personemailwork", "email"),
        ("firstName", "firstname", "firstname"), ("billing_first_name", "billingfirstname", "firstname"),
        ("Prénom", "prenom", "prenom"), ("Subscriber", "subscriber", "subscriber"), (" \ufeffE-Mail", "email",
        "email"),
    ],
)  # fmt: skip
def test_names_are_compared_without_signs_and_words_around(name: str, key: str, core: str) -> None:
    assert (key_of(name), core_of(name)) == (key, core)


@pytest.mark.parametrize(
    "header",
    [
        "order_id,order_number,order_date,status,billing_email",
        "Name,Email,Financial Status,Billing Name",
        "Order Number,Order Status,Email (Billing)",
        "Bestellnummer,E-Mail,Status",
        "Numéro de commande,E-mail,Statut",
        "subscription_id,subscription_status,billing_period,billing_email",
        "Customer Email,Plan,Status,Canceled At (UTC)",
        "ID,Purchase Point,Purchase Date,Bill-to Name,Status,Customer Email",
    ],
)
def test_a_list_of_orders(header: str) -> None:
    assert lists_orders(header.split(","))


@pytest.mark.parametrize(
    "header",
    [
        "Email,Status,Orders,Total Spent",
        "email,status,last_order_date,last_order_id,orders_count",
        "Email,Total Orders,First order date,Average order value",
        "Email,Status,Notes,Payment count",
    ],
)
def test_a_list_of_customers_is_no_list_of_orders(header: str) -> None:
    assert not lists_orders(header.split(","))
