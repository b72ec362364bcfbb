"""Exports of other programs, recognized by their headers, and the meaning of their values.

The headers are from the programs' own source code or documentation:
Mailchimp https://mailchimp.com/help/view-export-contacts/ (one file each of subscribed, unsubscribed, cleaned and
non-subscribed contacts), Klaviyo https://help.klaviyo.com/hc/en-us/articles/115005078687 (reasons of suppression:
https://developers.klaviyo.com, EmailMarketingSuppression), Shopify
https://help.shopify.com/en/manual/customers/import-export-customers (orders:
https://help.shopify.com/en/manual/fulfillment/managing-orders/exporting-orders), WooCommerce (Analytics/REST
`Customers/Controller.php`, `get_export_columns`), listmonk (`cmd/subscribers.go`, `ExportSubscribers`), Ghost
(`members-csv`, `unparse`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from saleor_stripe_audience.audience.transfer.headers import core_of, key_of
from saleor_stripe_audience.audience.transfer.meanings import NO, YES, Meaning, meanings_of


class TakenAs(Enum):
    """What kind of contacts a whole file lists, unless its rows say otherwise."""

    SUBSCRIBED = "subscribed"
    NONSUBSCRIBED = "nonsubscribed"
    UNSUBSCRIBED = "unsubscribed"
    CLEANED = "cleaned"


def _keys(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(key_of, names)))


# Our fields, and their names in other files, such as the exports of Mailchimp, Stripe and Saleor. Columns of statuses,
# withdrawals and bounces with other names are found by the rules in `headers`.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    ours: _keys(*names)
    for ours, names in {
        "email": (
            "email",
            "email address",
            "mail",
            "customer email",
            "user email",
            "billing email",
            "subscriber",
        ),
        "first_name": ("first name", "fname", "given name", "forename"),
        "last_name": ("last name", "lname", "surname", "family name"),
        "name": ("name", "full name", "customer name"),
        "phone": ("phone", "phone number", "telephone"),
        "city": ("city", "town"),
        "country": ("country", "country code", "cc", "country / region"),
        "language": ("language", "language code", "preferred language", "locale"),
        "tags": ("tags", "tag"),
        "consent": ("consent", "marketing consent"),
        "consent_at": ("consent at", "consent date", "optin time", "opt-in date"),
        "consent_text": ("consent text", "consent wording"),
        "consent_source": ("consent source", "consent origin"),
        "consent_ip": ("consent ip", "optin ip"),
        "suppressions": ("email suppressions",),
        # With a time, or with yes and no.
        "withdrawn_at": ("withdrawn at",),
        "bounced_at": ("bounced at", "clean time"),
        "status": ("status", "state"),
        "created_at": ("created at", "date registered"),
    }.items()
}
# Fields of persons: their columns may have words around the usual name.
OF_PERSONS = frozenset({"email", "first_name", "last_name", "name", "phone", "city", "country"})
# A column with this name is one of statuses, unless the file has addresses, whose states these may be.
STATES = frozenset(_keys("state"))
OF_ADDRESSES = frozenset(
    _keys(
        "city",
        "town",
        "country",
        "country code",
        "zip",
        "zip code",
        "postal code",
        "postcode",
        "street",
        "address",
    )
)

# Columns of `consent_at` that say when people opted in, and never when they unsubscribed.
DATES_GIVINGS = frozenset(_keys("optin time", "confirm time", "opt-in date"))

# Column names in other languages: Mailchimp names its fields in the account's language, WooCommerce in the shop's.
_IN_ENGLISH: Mapping[str, str] = {
    key_of(theirs): key_of(english)
    for english, some in {
        "email address": (
            "adresse e-mail", "adresse électronique", "e-mail-adresse", "courriel", "correo electrónico", "correo",
            "dirección de correo electrónico", "indirizzo e-mail", "posta elettronica", "endereço de e-mail",
            "e-mailadres", "e-postadress", "e-postadresse", "adres e-mail",
        ),
        "first name": ("prénom", "vorname", "nombre", "nome", "voornaam"),
        "last name": (
            "nom", "nom de famille", "nachname", "familienname", "apellido", "apellidos", "cognome", "sobrenome",
            "achternaam",
        ),
        "full name": ("nom complet", "vollständiger name", "nombre completo", "nome completo"),
        "phone number": (
            "téléphone", "numéro de téléphone", "telefon", "telefonnummer", "teléfono", "telefono", "telefone",
            "número de teléfono", "numero di telefono", "número de telefone", "telefoonnummer",
        ),
        "city": ("ville", "stadt", "ort", "ciudad", "città", "cidade", "plaats"),
        "country": ("pays", "land", "país", "paese"),
        "country code": ("code pays", "code du pays", "ländercode"),
        "country / region": ("pays / région", "land / region"),
        "language": ("langue", "sprache", "idioma", "lingua", "taal"),
        "tags": ("étiquettes", "étiquette", "schlagwörter", "schlagworte", "etiquetas", "etichette"),
        "status": ("statut", "статус", "ステータス", "סטטוס"),
        # The state of an address, too.
        "state": (
            "estado", "état", "stato", "zustand", "situação", "tila", "stan", "stav", "stanje", "stare", "állapot",
            "durum", "состояние", "стан", "κατάσταση", "状態", "状态", "狀態", "상태", "الحالة",
        ),
        "consent": ("consentement", "einwilligung"),
        "username": ("identifiant", "benutzername"),
        "date registered": ("date d'inscription", "inscrit le", "registrierungsdatum"),
    }.items()
    for theirs in some
}  # fmt: skip


def plain_header(name: str) -> str:
    """Return a column's name for comparison: its letters and digits, in English if a known program translates it."""
    return _in_english(key_of(name))


def plain_core(name: str) -> str:
    """Return the name of a person's column for comparison, without the words around it."""
    return _in_english(core_of(name))


def _in_english(key: str) -> str:
    return _IN_ENGLISH.get(key, key)


@dataclass(frozen=True, slots=True)
class Format:
    """One program's export: the columns that identify it, the columns of our fields, and the meaning of its values.

    If a field has several columns, the first with a value counts; if it has none, no column is recognized. With
    `given_by_time`, a time of consent is all that says yes. Invalid consent is skipped without refusing its row.
    Without `dates_givings` the time says when a row changed, not when its person agreed.
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
    "saleor-stripe-audience", frozenset(_keys("email", "status", "lawful_basis", "consent", "consent_at"))
)
HOMEMADE = Format("", frozenset())
MAILCHIMP = Format(
    "Mailchimp",
    frozenset(_keys("email address", "optin_time", "confirm_time", "leid", "euid")),
    {
        "consent_at": _keys("confirm_time", "optin_time"),
        "consent_ip": _keys("confirm_ip", "optin_ip"),
        "phone": _keys("phone number", "phone"),
    },
    given_by_time=True,
)
KLAVIYO = Format(
    "Klaviyo",
    frozenset(_keys("email", "email marketing consent")),
    {
        "consent": _keys("email marketing consent"),
        "consent_at": _keys("email marketing consent timestamp"),
        "consent_source": _keys("source"),
        "consent_ip": _keys("ip address"),
        "created_at": _keys("profile created on", "date added"),
    },
    meanings_of(given=["subscribed"], withdrawn=["unsubscribed"], nothing=["never subscribed", ""]),
)
SHOPIFY = Format(
    "Shopify",
    frozenset(_keys("email", "accepts email marketing")),
    {
        "consent": _keys("accepts email marketing"),
        "phone": _keys("phone", "default address phone"),
        "city": _keys("default address city", "city"),
        "country": _keys("default address country code", "country code", "country"),
    },
)
OLD_SHOPIFY = Format(
    "Shopify",
    frozenset(_keys("email", "accepts marketing", "total spent")),
    {**SHOPIFY.columns, "consent": _keys("accepts marketing")},
)
WOOCOMMERCE = Format(
    "WooCommerce",
    frozenset(_keys("email", "username", "aov", "country / region")),
    {"country": _keys("country / region"), "created_at": _keys("sign up", "date registered")},
)
LISTMONK = Format(
    "listmonk",
    frozenset(_keys("uuid", "email", "attributes", "status", "updated_at")),
    # `enabled` only means that the subscriber may be emailed; the export does not contain list subscriptions.
    {"consent": _keys("status"), "consent_at": _keys("updated_at"), "status": ()},
    meanings_of(withdrawn=["blocklisted", "blacklisted"], nothing=["enabled", ""], archived=["disabled"]),
    dates_givings=False,
)
GHOST = Format(
    "Ghost",
    frozenset(_keys("email", "subscribed_to_emails", "complimentary_plan")),
    {"consent": _keys("subscribed_to_emails"), "tags": _keys("labels")},
    # Members start with newsletters on; Ghost itself calls members without them unsubscribed.
    meanings_of(given=YES, withdrawn=NO, nothing=[""]),
)
SHOPIFY_ORDERS = Format(
    "Shopify",
    frozenset(_keys("name", "email", "financial status", "billing name")),
    # `Name` is the order's number. That a buyer once accepted marketing does not say that they still do.
    {
        "name": _keys("billing name"),
        "phone": _keys("billing phone", "phone"),
        "city": _keys("billing city"),
        "country": _keys("billing country"),
        "consent": (),
        "created_at": (),
    },
)
CLEVERREACH = Format(
    "CleverReach",
    frozenset(_keys("email", "registered", "activated", "deactivated")),
    {"withdrawn_at": _keys("deactivated"), "created_at": _keys("registered")},
)
MAILPOET = Format(
    "MailPoet",
    frozenset(_keys("email", "global status", "list status")),
    # Who left one list may still be on another one.
    {"status": _keys("global status")},
)
FORMATS = (
    OURS, MAILCHIMP, KLAVIYO, SHOPIFY, OLD_SHOPIFY, SHOPIFY_ORDERS, CLEVERREACH, MAILPOET, LISTMONK, GHOST, WOOCOMMERCE,
)  # fmt: skip


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
    if "lastchanged" in names:
        letters = "".join(filter(str.isalpha, file_name.lower()))
        is_subscribed = "nonsubscribed" not in letters and "archived" not in letters
        return None if is_subscribed else TakenAs.NONSUBSCRIBED
    if "unsubtime" in names:
        return TakenAs.UNSUBSCRIBED
    return TakenAs.CLEANED if "cleantime" in names else None
