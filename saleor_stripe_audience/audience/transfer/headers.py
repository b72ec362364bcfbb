"""What the name of a column says about its values: who unsubscribed, bounced or subscribed.

Every program has its own names, so these are rules: a column that is named after opting out is one of withdrawals,
whatever else is in its name, unless it is about something other than marketing by email.
"""

import re
from collections.abc import Iterable
from enum import Enum, auto
from functools import lru_cache

from saleor_stripe_audience.audience.transfer.languages import without_accents

# White space and invisible characters, as spreadsheets and web pages put them around a cell.
BLANKS = (
    " \t\r\n\xa0\xad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u202f\u2060"
    "\u2066\u2067\u2068\u2069\u3000\ufeff"
)


class Kind(Enum):
    """What a column is about, judging by its name."""

    WITHDRAWAL = auto()
    BOUNCE = auto()
    STATUS = auto()  # of a subscription to emails
    SUBSCRIBED = auto()  # whether the person subscribed
    DISABLED = auto()  # possibly a withdrawal, or an account that was closed
    OTHER = auto()  # anything else that may be about emails


_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_WITHDRAWAL = re.compile(
    # English
    r"opt(s|ed|ing)?out|unsubscri|unsub(bed|s|ed|date|time|at|reason)?$|^unsub(?!mi|st)|suppress|blac?klist|blocklist"
    r"|do(es)?no?te?mail|dontcontact|donotcontact|donotsend|emails?disabled|withdrawn|withdrewconsent|consentwithdraw"
    r"|revoked|spamcomplain|complained|emailcomplain|abusecomplain|complaint(at|date|time)"
    r"|(marked|reported|flagged)(as)?spam|spamreport"
    # French, German
    r"|desabonn|desinscri|listenoire|abgemeldet|abmeld|abbestell|ausgetragen|widerrufen|sperrliste"
    # Spanish, Italian, Portuguese
    r"|dad[oa]debaja|fechade?baja|listanegra|disiscri|listanera|descadastr"
    # Dutch, the Nordic languages
    r"|afgemeld|uitgeschreven|uitschrijf|avregistr|avanmal|avmeld|afmeld"
    # Polish, Czech and Slovak, Hungarian, Russian, Ukrainian
    r"|wypisa|rezygnacj|odhlas|leiratkoz|отписа|отписк|відпис"
    # Japanese, Chinese, Korean
    r"|配信停止|退订|退訂|수신거부"
)
_BOUNCE = re.compile(
    r"bounce(?!rs?$)|undeliverable|invalide?mail|emaili?sinvalid|emailinvalid|unzustellbar|nichtzustellbar|nondistribuable"
    r"|rebotad|rebote|rimbalz"
)
_STATUS = re.compile(r"status|statut|stato|estado|situacao|state$")
_NO_STATUS = frozenset({
    "date", "time", "at", "on", "timestamp", "changed", "updated", "since", "id", "ip", "text", "wording",
})  # fmt: skip
_EMAIL = re.compile(r"email|courriel|correo")
_SUBSCRIPTION = re.compile(
    r"mail|courriel|correo|subscri|suscri|inscri|iscri|abonn|newsletter|optin|optout|consent|permission|marketing"
)
_SUBSCRIBED = re.compile(
    r"opt(ed)?in(?!g)|newsletter|acceptsmarketing|accepts?email|emailmarketing|marketingemail|receivemarketing"
    r"|marketing(consent|allowed|permission)|consent"
)
_SUBSCRIBED_WORDS = frozenset(
    {
        "subscribed",
        "subscription",
        "abonne",
        "abonnee",
        "inscrit",
        "abonniert",
        "suscrito",
        "iscritto",
        "inscrito",
    }
)
_DISABLED = frozenset({
    "deactivated", "disabled", "inactive", "dnc", "blocked", "banned", "desactive", "bloque", "deaktiviert", "gesperrt",
})  # fmt: skip
# A column about another channel, unless its name also has email.
_OTHER_CHANNELS = frozenset({
    "sms", "mms", "fax", "phone", "call", "calls", "text", "texts", "whatsapp", "viber", "push", "mobile", "postal",
    "post", "brief", "telephone", "telefon", "telefono", "telefone", "courrier", "notification", "notifications",
})  # fmt: skip
_OTHER_CHANNEL = re.compile(r"sms|whatsapp|phone|outoffax|directmail|postalmail|donotmail$")
# What people can also opt out of, and columns that say nothing about their person.
_OTHER_TOPIC = re.compile(
    r"track|cookie|analytics|profiling|donotsell|onetoone|customerservice|transactional|doubleopt"
)
_NO_EVENT = frozenset({
    "link", "url", "uri", "token", "hash", "key", "code", "rate", "ratio", "score", "percent", "percentage", "id",
    "page", "template", "count", "counts", "soft", "can", "may", "allow", "allowed",
})  # fmt: skip
_REASON = frozenset({
    "reason", "reasons", "why", "feedback", "comment", "comments", "source", "campaign", "method", "message",
    "category", "title", "details", "type", "by", "via", "raison", "motif", "commentaire", "grund", "begrundung",
    "motivo", "reden", "powod", "orsak",
})  # fmt: skip
_NEGATION = re.compile(r"\b(?:not|non|never|pas|nicht|niet)\s+$")

# Parts of the names of columns about persons that other columns do not need: Billing Email, Email address - other.
_AROUND = frozenset({
    "billing", "customer", "contact", "subscriber", "person", "buyer", "primary", "home", "work", "other", "value", "1",
})  # fmt: skip
# Columns that only a list of orders, subscriptions that are paid for, or payments has.
_ORDER = re.compile(
    r"(billing|customer|shop|sales)?order(id|ids|number|numbers|no|nr|num|date|status|state|key|currency|reference|ref"
    r"|name|placed|placedat|createdat|datetime|item|items|itemname|notes)"
    r"|(financial|fulfil+ment|payment|shipping|delivery)(status|state)|(payment|shipping)(method|methodtitle)"
    r"|lineitems?(name|quantity|price|sku)?|invoice(id|number|no|date|status)|incrementid"
    r"|purchase(point|date)|grandtotal.*|billing(period|interval|cycle)|subscriptionid|nextpayment(date)?"
    r"|currentperiod(start|end).*|cancelatperiodend|cancell?edat(utc)?|delinquent|cardbrand|cardlast4|numerodecommande|ndecommande|numcommande|datedecommande"
    r"|etatdelacommande|statutdelacommande|bestellnummer|bestellnr|bestelldatum|bestellstatus|auftragsnummer"
    r"|numerodepedido|fechadelpedido|estadodelpedido|numeroordine|dataordine|bestelnummer|besteldatum"
)


def shown_name(name: str) -> str:
    """Return the name without white space and invisible characters around it."""
    return name.strip(BLANKS)


# What speaks of emails even beside the columns of orders, and of subscriptions that are paid for.
_NO_ORDERS = re.compile(
    r"mail|courriel|correo|newsletter|marketing|subscriber|unsub|optin|optout|optedout|abmeld|abgemeldet|abbestell"
    r"|desabonn|desinscri|afgemeld|disiscri|debaja|descadastr"
)


@lru_cache(maxsize=1024)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a column's name, in lower case and without accents: `emailStatus` and `E-Mail_Status`."""
    return tuple(_WORD.findall(_NEW_WORD.sub(" ", without_accents(name)).lower()))


def key_of(name: str) -> str:
    """Return a column's name for comparison: only its letters and digits."""
    return "".join(words_of(name))


def core_of(name: str) -> str:
    """Return the name for comparison, without the words around it: `Email (Billing)`, `Email address - other`."""
    words = list(words_of(name))
    while len(words) > 1 and words[0] in _AROUND:
        del words[0]
    while len(words) > 1 and words[-1] in _AROUND:
        del words[-1]
    return "".join(words)


@lru_cache(maxsize=1024)
def kind_of(name: str) -> Kind | None:
    """Return what the column is about; None if it is about another channel or topic than marketing by email."""
    words, key = words_of(name), key_of(name)
    is_other_channel = not _OTHER_CHANNELS.isdisjoint(words) or _OTHER_CHANNEL.search(key)
    if (is_other_channel and not _EMAIL.search(key)) or _OTHER_TOPIC.search(key):
        return None
    is_event = _NO_EVENT.isdisjoint(words) and not _is_negated(words)
    has_both = ("optin" in key or "optedin" in key) and ("optout" in key or "optedout" in key)
    if is_event and not has_both and _WITHDRAWAL.search(key):
        return Kind.WITHDRAWAL
    if is_event and _BOUNCE.search(key):
        return Kind.BOUNCE
    is_state = _NO_STATUS.isdisjoint(words) and _REASON.isdisjoint(words)
    if has_both or (is_state and _STATUS.search(key) and _is_about_subscriptions(words, key)):
        return Kind.STATUS
    if is_state and (_SUBSCRIBED.search(key) or not _SUBSCRIBED_WORDS.isdisjoint(words)):
        return Kind.SUBSCRIBED
    return Kind.OTHER if _DISABLED.isdisjoint(words) else Kind.DISABLED


def _is_negated(words: Iterable[str]) -> bool:
    """Whether the name says that it did not happen: `not unsubscribed`."""
    text = " ".join(words)
    found = re.search(r"unsub|opted out|opt out|optout|bounce|abgemeldet|desabonn|desinscri", text)
    return found is not None and _NEGATION.search(text[: found.start()]) is not None


def _is_about_subscriptions(words: Iterable[str], key: str) -> bool:
    return _SUBSCRIPTION.search(key) is not None or not {"list", "global"}.isdisjoint(words)


def is_reason(name: str) -> bool:
    """Whether the column says why or how something happened."""
    return not _REASON.isdisjoint(words_of(name))


def is_about_emails(name: str, kind: Kind, *, beside_orders: bool) -> bool:
    """Whether the column is of this kind; beside orders, statuses and withdrawals are the orders', if it does not say
    otherwise.
    """
    return kind_of(name) is kind and (not beside_orders or _NO_ORDERS.search(key_of(name)) is not None)


def lists_orders(header: Iterable[str]) -> bool:
    """Whether the rows are orders or payments: then a status is the order's, and says nothing about emails."""
    return any(_ORDER.fullmatch(key_of(name)) for name in header)
