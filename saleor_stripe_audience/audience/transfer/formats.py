"""Exports of other programs, recognized by their headers, and what their values mean there.

The headers were read in the programs' own source or documentation:
Mailchimp https://mailchimp.com/help/view-export-contacts/ (one file each of subscribed, unsubscribed, cleaned and
non-subscribed contacts), Klaviyo https://help.klaviyo.com/hc/en-us/articles/115005078687 (reasons of suppression:
https://developers.klaviyo.com, EmailMarketingSuppression), Shopify
https://help.shopify.com/en/manual/customers/import-export-customers, WooCommerce (Analytics/REST
`Customers/Controller.php`, `get_export_columns`), listmonk (`cmd/subscribers.go`, `ExportSubscribers`), Ghost
(`members-csv`, `unparse`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum


class Meaning(Enum):
    """What a value says of its person."""

    GIVEN = "given"
    WITHDRAWN = "withdrawn"
    NOTHING = "nothing"
    BOUNCED = "bounced"
    ARCHIVED = "archived"


class TakenAs(Enum):
    """What a whole file is a list of, where its rows do not say otherwise."""

    SUBSCRIBED = "subscribed"
    NONSUBSCRIBED = "nonsubscribed"
    UNSUBSCRIBED = "unsubscribed"
    CLEANED = "cleaned"


# Values are compared in small letters without accents, with blanks for underscores and hyphens.
_GIVEN = (
    "true", "yes", "y", "1", "on", "given", "subscribed", "confirmed", "opted in", "opt in", "optin", "oui", "vrai",
    "abonne", "abonnee", "inscrit", "inscrite", "confirme", "confirmee", "ja", "wahr", "abonniert", "angemeldet",
    "bestatigt",
)  # fmt: skip
# These say that somebody left, in whatever column they stand.
UNMISTAKABLE = frozenset({
    "withdrawn", "unsubscribed", "unsubscribe", "opted out", "opt out", "optout", "blocklisted", "blacklisted",
    "desabonne", "desabonnee", "desinscrit", "desinscrite", "abgemeldet", "abbestellt", "widerrufen",
})  # fmt: skip
_WITHDRAWN = (*UNMISTAKABLE, "suppressed", "revoked", "complained")
# A box that was not ticked is no withdrawal: whoever said yes elsewhere has not taken it back.
_NOTHING = (
    "", "unknown", "pending", "nonsubscribed", "non subscribed", "not subscribed", "never subscribed", "none",
    "false", "no", "n", "0", "off", "non", "faux", "non abonne", "non inscrit", "en attente", "nein", "falsch",
    "nicht abonniert", "ausstehend",
)  # fmt: skip
_BOUNCED = ("cleaned", "bounced", "nettoye", "bereinigt")


def _meanings(**values: Collection[str]) -> dict[str, Meaning]:
    return {value: Meaning(name) for name, some in values.items() for value in some}


USUAL = _meanings(given=_GIVEN, withdrawn=_WITHDRAWN, nothing=_NOTHING, bounced=_BOUNCED)

# Ours, and how files of others call it: the exports of Mailchimp, Stripe and Saleor among them.
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
    "status": ("status",),
    "consent": ("consent", "marketing_consent"),
    "consent_at": ("consent_at", "consent date", "optin_time"),
    "consent_text": ("consent_text", "consent wording"),
    "consent_source": ("consent_source", "consent origin"),
    "consent_ip": ("consent_ip", "optin_ip"),
    "withdrawn_at": ("withdrawn_at", "unsub_time", "unsubscribed_at"),
    "bounced_at": ("bounced_at", "clean_time"),
    "suppressions": ("email suppressions",),
    "created_at": ("created_at", "date registered"),
}  # fmt: skip

# The same where the program speaks French or German: Mailchimp names its fields in the account's language,
# WooCommerce in the shop's.
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
        "country / region": ("pays / région", "pays/région", "land / region", "land/region"),
        "language": ("langue", "sprache"),
        "tags": ("étiquettes", "étiquette", "schlagwörter", "schlagworte"),
        "status": ("statut",),
        "consent": ("consentement", "einwilligung"),
        "username": ("identifiant", "benutzername"),
        "date registered": ("date d’inscription", "date d'inscription", "registrierungsdatum"),
    }.items()
    for theirs in some
}  # fmt: skip


def plain_header(name: str) -> str:
    """A column's name as it is compared: in small letters and, where a known program translates it, in English."""
    small = name.strip(" \t\r\n\ufeff").lower()
    return _IN_ENGLISH.get(small, small)


@dataclass(frozen=True, slots=True)
class Format:
    """One program's export: the columns only it has, which are ours, and what its values mean.

    Of several columns for one field the first that holds something counts. With `given_by_time` a time of consent
    is all that says yes. What its rows say of consent is by the way, so one that proves nothing is left out alone.
    """

    name: str
    known_by: frozenset[str]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, Meaning] = field(default_factory=dict)
    given_by_time: bool = False

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
    _meanings(given=["subscribed"], withdrawn=["unsubscribed"], nothing=["never subscribed", ""]),
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
    # `enabled` says that a subscriber may be mailed at all; which lists a person is subscribed to is not exported.
    {"consent": ("status",), "consent_at": ("updated_at",), "status": ()},
    _meanings(withdrawn=["blocklisted", "blacklisted"], nothing=["enabled", ""], archived=["disabled"]),
)
GHOST = Format(
    "Ghost",
    frozenset({"email", "subscribed_to_emails", "complimentary_plan"}),
    {"consent": ("subscribed_to_emails",), "tags": ("labels",)},
    # Members begin with newsletters on; Ghost itself calls those without them unsubscribed.
    _meanings(given=["true"], withdrawn=["false"], nothing=[""]),
)
FORMATS = (OURS, MAILCHIMP, KLAVIYO, SHOPIFY, OLD_SHOPIFY, LISTMONK, GHOST, WOOCOMMERCE)


def recognize(header: Sequence[str]) -> Format:
    """Whose export has this header; `HOMEMADE` if nobody's that is known."""
    named = set(map(plain_header, header))
    return next((each for each in FORMATS if each.known_by <= named), HOMEMADE)


def taken_as(found: Format, header: Sequence[str], file_name: str) -> TakenAs | None:
    """What the file is a list of, as far as its header or its name tells.

    Mailchimp writes `last_changed` where contacts are subscribed and the time of leaving where they are not; its
    file of non-subscribed contacts differs by nothing but its name.
    """
    if found is not MAILCHIMP:
        return None
    named = set(map(plain_header, header))
    if "last_changed" in named:
        plain = file_name.lower().replace("-", "")
        return TakenAs.NONSUBSCRIBED if "nonsubscribed" in plain else None
    if "unsub_time" in named:
        return TakenAs.UNSUBSCRIBED
    return TakenAs.CLEANED if "clean_time" in named else None
