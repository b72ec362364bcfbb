"""Exports of other programs, recognized by their headers, and the meaning of their values.

The headers are from the programs' own source code or documentation:
Mailchimp https://mailchimp.com/help/view-export-contacts/ (one file each of subscribed, unsubscribed, cleaned and
non-subscribed contacts), Klaviyo https://help.klaviyo.com/hc/en-us/articles/115005078687 (reasons of suppression:
https://developers.klaviyo.com, EmailMarketingSuppression), Shopify
https://help.shopify.com/en/manual/customers/import-export-customers, WooCommerce (Analytics/REST
`Customers/Controller.php`, `get_export_columns`), listmonk (`cmd/subscribers.go`, `ExportSubscribers`), Ghost
(`members-csv`, `unparse`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from saleor_stripe_audience.audience.transfer.meanings import Meaning, meanings_of


class TakenAs(Enum):
    """What kind of contacts a whole file lists, unless its rows say otherwise."""

    SUBSCRIBED = "subscribed"
    NONSUBSCRIBED = "nonsubscribed"
    UNSUBSCRIBED = "unsubscribed"
    CLEANED = "cleaned"


# Our fields, and their names in other files, such as the exports of Mailchimp, Stripe and Saleor.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "email": ("email", "email address", "e-mail", "e-mail address", "mail", "customer email", "user_email",
              "billing_email"),
    "first_name": ("first_name", "first name", "fname", "firstname", "given name", "billing_first_name"),
    "last_name": ("last_name", "last name", "lname", "lastname", "surname", "family name", "billing_last_name"),
    "name": ("name", "full name", "full_name", "customer name"),
    "phone": ("phone", "phone number", "telephone", "billing_phone"),
    "city": ("city", "town", "billing_city"),
    "country": ("country", "country code", "cc", "billing_country", "country / region"),
    "language": ("language", "language code", "preferred language", "locale"),
    "tags": ("tags", "tag"),
    "status": (
        "status", "email status", "email_status", "emailstatus", "subscriber status", "subscriber_status",
        "subscription status", "subscription_status", "email marketing status",
    ),
    "consent": ("consent", "marketing_consent"),
    "consent_at": ("consent_at", "consent date", "optin_time", "opt-in date", "opt-in time"),
    "consent_text": ("consent_text", "consent wording"),
    "consent_source": ("consent_source", "consent origin"),
    "consent_ip": ("consent_ip", "optin_ip"),
    # With a time, or with yes and no.
    "withdrawn_at": (
        "withdrawn_at", "unsub_time", "unsubscribed_at", "unsubscribed", "unsubscribed at", "unsubscribed on",
        "unsubscribe date", "unsubscribed date", "unsubscribe_date", "unsubscribed_date", "unsubscribe time",
        "date unsubscribed", "unsubscribed from all email", "unsubscribed from all", "opt-out date", "opt out date",
        "optout_date", "optout_time", "email opt-out date", "opted out at", "opt_out", "opt-out", "opt out", "optout",
        "opted out", "opted_out", "email opt out", "email opt-out", "has opted out of email", "hasoptedoutofemail",
        "email_blacklisted", "email blacklisted", "blacklisted", "email_blocklisted", "email blocklisted",
        "blocklisted", "do not email", "do_not_email", "donotemail", "do not contact", "do_not_contact", "donotcontact",
        "email_disabled", "email disabled", "spam_complaint_at", "complained_at",
    ),
    "bounced_at": (
        "bounced_at", "clean_time", "bounced", "hard bounced", "hard_bounced", "bounce date", "date bounced",
    ),
    "suppressions": ("email suppressions",),
    "created_at": ("created_at", "date registered"),
}  # fmt: skip

# Columns of `consent_at` that say when people opted in, and never when they unsubscribed.
DATES_GIVINGS = frozenset({"optin_time", "confirm_time", "opt-in date", "opt-in time"})

# French and German column names: Mailchimp names its fields in the account's language, WooCommerce in the shop's.
_IN_ENGLISH: Mapping[str, str] = {
    theirs: english
    for english, some in {
        "email address": (
            "adresse e-mail", "adresse email", "adresse électronique", "e-mail-adresse", "e-mail adresse", "courriel",
        ),
        "first name": ("prénom", "vorname"),
        "last name": ("nom", "nom de famille", "nachname", "familienname"),
        "full name": ("nom complet", "vollständiger name"),
        "phone number": ("téléphone", "numéro de téléphone", "telefon", "telefonnummer"),
        "city": ("ville", "stadt", "ort"),
        "country": ("pays", "land"),
        "country code": ("code pays", "code du pays", "ländercode"),
        "country / region": ("pays / région", "pays/région", "land / region", "land/region"),
        "language": ("langue", "sprache"),
        "tags": ("étiquettes", "étiquette", "schlagwörter", "schlagworte"),
        "status": ("statut",),
        "consent": ("consentement", "einwilligung"),
        "unsubscribed": ("désabonné", "désinscrit", "abgemeldet"),
        "date unsubscribed": (
            "date de désinscription", "date de désabonnement", "désinscrit le", "désabonné le", "abmeldedatum",
            "abgemeldet am",
        ),
        "username": ("identifiant", "benutzername"),
        "date registered": ("date d’inscription", "date d'inscription", "inscrit le", "registrierungsdatum"),
    }.items()
    for theirs in some
}  # fmt: skip


def plain_header(name: str) -> str:
    """Return a column's name for comparison: in lower case and, if a known program translates it, in English."""
    lower = name.strip(" \t\r\n\ufeff").lower()
    return _IN_ENGLISH.get(lower, lower)


@dataclass(frozen=True, slots=True)
class Format:
    """One program's export: the columns that identify it, the columns of our fields, and the meaning of its values.

    If a field has several columns, the first with a value counts. With `given_by_time`, a time of consent is all that
    says yes. Invalid consent is skipped without refusing its row. Without `dates_givings` the time says when a row
    changed, not when its person agreed.
    """

    name: str
    known_by: frozenset[str]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, Meaning] = field(default_factory=dict)
    given_by_time: bool = False
    dates_givings: bool = True

    @property
    def is_ours(self) -> bool:
        return self is OURS


OURS = Format(
    "saleor-stripe-audience", frozenset({"email", "status", "lawful_basis", "consent", "consent_at"})
)
HOMEMADE = Format("", frozenset())
MAILCHIMP = Format(
    "Mailchimp",
    frozenset({"email address", "optin_time", "confirm_time", "leid", "euid"}),
    {
        "consent_at": ("confirm_time", "optin_time"),
        "consent_ip": ("confirm_ip", "optin_ip"),
        "phone": ("phone number", "phone"),
    },
    given_by_time=True,
)
KLAVIYO = Format(
    "Klaviyo",
    frozenset({"email", "email marketing consent"}),
    {
        "consent": ("email marketing consent",),
        "consent_at": ("email marketing consent timestamp",),
        "consent_source": ("source",),
        "consent_ip": ("ip address",),
        "created_at": ("profile created on", "date added"),
    },
    meanings_of(given=["subscribed"], withdrawn=["unsubscribed"], nothing=["never subscribed", ""]),
)
SHOPIFY = Format(
    "Shopify",
    frozenset({"email", "accepts email marketing"}),
    {
        "consent": ("accepts email marketing",),
        "phone": ("phone", "default address phone"),
        "city": ("default address city", "city"),
        "country": ("default address country code", "country code", "country"),
    },
)
OLD_SHOPIFY = Format(
    "Shopify",
    frozenset({"email", "accepts marketing", "total spent"}),
    {**SHOPIFY.columns, "consent": ("accepts marketing",)},
)
WOOCOMMERCE = Format(
    "WooCommerce",
    frozenset({"email", "username", "aov", "country / region"}),
    {"country": ("country / region",), "created_at": ("sign up", "date registered")},
)
LISTMONK = Format(
    "listmonk",
    frozenset({"uuid", "email", "attributes", "status", "updated_at"}),
    # `enabled` only means that the subscriber may be emailed; the export does not contain list subscriptions.
    {"consent": ("status",), "consent_at": ("updated_at",), "status": ()},
    meanings_of(withdrawn=["blocklisted", "blacklisted"], nothing=["enabled", ""], archived=["disabled"]),
    dates_givings=False,
)
GHOST = Format(
    "Ghost",
    frozenset({"email", "subscribed_to_emails", "complimentary_plan"}),
    {"consent": ("subscribed_to_emails",), "tags": ("labels",)},
    # Members start with newsletters on; Ghost itself calls members without them unsubscribed.
    meanings_of(given=["true"], withdrawn=["false"], nothing=[""]),
)
FORMATS = (OURS, MAILCHIMP, KLAVIYO, SHOPIFY, OLD_SHOPIFY, LISTMONK, GHOST, WOOCOMMERCE)


def recognize(header: Sequence[str]) -> Format:
    """Return the format with this header, or `HOMEMADE` if none is known."""
    names = set(map(plain_header, header))
    return next((each for each in FORMATS if each.known_by <= names), HOMEMADE)


def taken_as(found: Format, header: Sequence[str], file_name: str) -> TakenAs | None:
    """Return what kind of contacts the file lists, if its header or its name shows it.

    Mailchimp writes `last_changed` for subscribed contacts, and the time of unsubscribing for others; its files of
    non-subscribed and of archived contacts differ only in their names.
    """
    if found is not MAILCHIMP:
        return None
    names = set(map(plain_header, header))
    if "last_changed" in names:
        letters = "".join(filter(str.isalpha, file_name.lower()))
        is_subscribed = "nonsubscribed" not in letters and "archived" not in letters
        return None if is_subscribed else TakenAs.NONSUBSCRIBED
    if "unsub_time" in names:
        return TakenAs.UNSUBSCRIBED
    return TakenAs.CLEANED if "clean_time" in names else None
