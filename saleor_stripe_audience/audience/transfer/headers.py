"""What the name of a column says about its values: who unsubscribed, bounced, refused or subscribed.

Every program has its own names, so these are rules. A name has a topic, such as a newsletter or marketing, and a
polarity: it is plain, negated, barring or refusing, in the words of `languages`. Both together say what the column is
about (`_KINDS`), unless it is about another channel or topic than marketing by email.
"""

import re
from collections.abc import Callable, Iterable
from enum import Enum, auto
from functools import lru_cache
from typing import cast

from django.utils.functional import SimpleLazyObject

from saleor_stripe_audience.audience.transfer.languages import LANGUAGES, without_accents

# White space and invisible characters, as spreadsheets and web pages put them around a cell.
BLANKS = (
    " \t\r\n\xa0\xad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u202f\u2060"
    "\u2066\u2067\u2068\u2069\u3000\ufeff"
)


LONGEST_WORD = 60
LONGEST_NAME = 200  # further characters do not count


class Kind(Enum):
    """What a column is about, judging by its name."""

    WITHDRAWAL = auto()
    BOUNCE = auto()
    STATUS = auto()  # of a subscription to emails
    SUBSCRIBED = auto()  # whether the person subscribed
    OBJECTION = auto()  # a yes says that the person does not want emails, but not that they withdrew
    DISABLED = auto()  # possibly an objection, or an account that was closed
    ALLOWED = auto()  # a no says that the person does not want emails or cannot receive them
    HINT = (
        auto()
    )  # such as active: whether the person is subscribed, in a file that does not say it otherwise
    OTHER = auto()  # anything else that may be about emails


class Topic(Enum):
    """What a name speaks of."""

    CONSENT = auto()
    NEWSLETTER = auto()
    SUBSCRIPTION = auto()
    PERMISSION = auto()  # to send marketing or emails
    MARKETING = auto()
    MAIL = auto()  # only beside other words
    STANDING = auto()  # whether a person can be mailed: active, confirmed, valid
    NONE = auto()


class Polarity(Enum):
    """Whether a yes is in favour of what the name speaks of."""

    PLAIN = auto()
    NEGATED = auto()
    BARRED = auto()
    REFUSED = auto()


_AGAINST = (Polarity.NEGATED, Polarity.BARRED, Polarity.REFUSED)
_OF_EMAILS = (Topic.CONSENT, Topic.NEWSLETTER, Topic.MAIL)
_KINDS = {
    (Topic.CONSENT, Polarity.PLAIN): Kind.SUBSCRIBED,
    (Topic.NEWSLETTER, Polarity.PLAIN): Kind.SUBSCRIBED,
    (Topic.SUBSCRIPTION, Polarity.PLAIN): Kind.SUBSCRIBED,
    (Topic.PERMISSION, Polarity.PLAIN): Kind.SUBSCRIBED,
    (Topic.MARKETING, Polarity.PLAIN): Kind.ALLOWED,
    (Topic.STANDING, Polarity.PLAIN): Kind.ALLOWED,
    (Topic.NONE, Polarity.BARRED): Kind.DISABLED,
    (Topic.NONE, Polarity.REFUSED): Kind.DISABLED,
    **{(topic, polarity): Kind.OBJECTION for topic in _OF_EMAILS for polarity in _AGAINST},
    # Only a refusal of these is certainly the person's own, and from then on: an email may be rejected by its server.
    (Topic.CONSENT, Polarity.REFUSED): Kind.WITHDRAWAL,
    (Topic.NEWSLETTER, Polarity.REFUSED): Kind.WITHDRAWAL,
}
# Of these topics, columns may also contain names and the like: which newsletter, which campaign.
_LOOSE = frozenset({Topic.NEWSLETTER, Topic.SUBSCRIPTION, Topic.MARKETING})


# Letters that do not count as accented, as many people write them without.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "ß": "ss", "ı": "i", "đ": "d", "œ": "oe"})


def _words(*fields: str) -> str:
    """Return the pattern of these words in all languages."""
    texts = {
        without_accents(word.lower()).translate(_LETTERS)
        for language in LANGUAGES
        for field in fields
        for word in getattr(language, field).split(", ")
        if word
    }
    longest_first = sorted(texts, key=lambda text: (-len(text), text))
    return rf"(?<!\w)(?:{'|'.join(re.escape(each).replace(r'\*', r'\w*') for each in longest_first)})(?!\w)"


def _compiled(text: Callable[[], str]) -> re.Pattern[str]:
    """Return the pattern, which is compiled when it is first needed: most processes read no columns."""
    return cast("re.Pattern[str]", SimpleLazyObject(lambda: re.compile(text())))


def _any_of(*fields: str) -> re.Pattern[str]:
    return _compiled(lambda: _words(*fields))


_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_CONSENT, _NEWSLETTER = _any_of("consent"), _any_of("newsletter")
_SUBSCRIBED, _MARKETING = _any_of("subscribed_name"), _any_of("marketing")
_MAIL, _PERMITTING = _any_of("mail"), _any_of("permitting")
_STANDING = _any_of("standing", "active")
_LEAVING, _ENDING, _BOUNCING = (_any_of(each) for each in ("leaving", "ending", "bouncing"))
_REFUSING, _BARRING = _any_of("refusing"), _any_of("barring")
_TOPICS = ("consent", "newsletter", "subscribed_name", "marketing", "mail", "subscribing", "reaching")
# `no of` counts, and the Portuguese are inscritos no boletim.
_NEGATED = _compiled(
    lambda: rf"(?<!inscrito )(?<!inscrita ){_words('negating')}(?! of )(?: \w+){{0,3}}? {_words(*_TOPICS)}"
)
_NEGATED_EVENT = _compiled(
    lambda: rf"{_words('negating')} {_words('leaving', 'bouncing', 'refusing', 'barring')}"
)
_TOPIC = _any_of(*_TOPICS)
_ABOUT_SUBSCRIPTIONS = _compiled(
    lambda: (
        rf"{_words('consent', 'newsletter', 'subscribed_name', 'mail', 'subscribing')}"
        "|marketing|list|global|gdpr|rgpd|dsgvo"
    )
)
_STATUS, _REASON, _THING = (_any_of(each) for each in ("status", "reason", "thing"))
_CHANNEL = _any_of("channel")
# A name of only these words is only about its topic: Marketing OK, but not Marketing source.
_KNOWN = _any_of(
    "consent", "newsletter", "subscribed_name", "marketing", "mail", "subscribing", "reaching", "permitting",
    "standing", "active", "negating", "refusing", "barring", "small",
)  # fmt: skip
_OTHER_CHANNEL = re.compile(
    r"sms|whats ?app|phone|out of fax|(?:direct|print|paper) mail|\bpaper\b|catalog|do not mail$"
)
_EMAIL = re.compile(r"email|courriel|correo")
# What people can also opt out of, and columns that say nothing about their person.
_OTHER_TOPIC = re.compile(
    r"track|cookie|analytics|profiling|do not sell|one to one|customer service|transactional|\b(?:terms|agb|cgv|cgu)\b"
    r"|mailing (?:state|province|street|city|zip|postal|country|address)"
)
_DOUBLE_OPT_IN = re.compile(r"double opt|\bdoi\b")
_NO_EVENT = re.compile(
    r"\b(?:links?|url|uri|token|hash|key|code|codes|rate|ratio|score|percent|percentage|id|page|template|counts?|soft"
    r"|footer|header|offer unsubscribe|unsubscribes|bounces|bounced emails|total|number of"
    r"|can unsubscribe|may unsubscribe|allow unsubscribe|allowed unsubscribe)\b"
)
# What says how much or which, but not whether.
_FIGURE = re.compile(
    r"\b(?:sent|delivered|opened|opens|open|clicked|clicks|click|received|replied|last|first|frequency|language|name"
    r"|names|level|total|number|num|nr|size|version|until|next|partner|partners|third party|affiliate|interval|segment"
    r"|stripe|wording|text|ip|timestamp|changed|updated|since|date|datum|time|valid from"
    r"|valid to)\b|\b(?:at|on|le|am|il|op|em)$"
)
_CHANGED = re.compile(r"\b(?:updated|changed|modified)\b")
# An account may be active, and its address confirmed.
_OF_ACCOUNTS = _compiled(lambda: rf"{_words('active')}|\bemail\w*\b.* confirm|confirm.* email")
_SUBSCRIBING = _any_of("subscribing")
_PAID = re.compile(
    r"\b(?:active|paid|plan|price|tier|premium|expir\w+|renew\w*|billing|product|amount|period|cancel\w*|trial|box"
    r"|starts?|ends?)\b"
)
_ACCOUNT = re.compile(r"\b(?:account|customer|user|member|client|kunde|cliente|login|profile|partner)\b")
_UNSURE = re.compile(r"\b(?:notice|shown|sent|resubscri\w+)\b")
_OPTED_OUT = re.compile(r"opt(?:s|ed|ing)? out|\w*opt(?:ed)?out\w*")
_EVENT = _any_of("leaving", "ending", "reason", "status")
_WRITTEN_TO = _compiled(lambda: rf"{_words('mail', 'newsletter')}|marketing|consent|permission|subscri")
_NUMBER = re.compile(r"\d\d")
_TYPE = re.compile(r"\btypes?\b")
_BOTH = re.compile(r"opt(?:ed)? in\b.*opt(?:ed)? ?out|opt(?:ed)? out\b.*opt(?:ed)? ?in")

# What speaks of emails even beside the columns of orders, and of subscriptions that are paid for.
_NO_ORDERS = _compiled(lambda: rf"{_words('mail', 'newsletter', 'leaving', 'consent')}|marketing|subscriber")

# Parts of names that are written in one word: hasoptedoutofemail.
_PARTS = frozenset({
    "accept", "accepted", "accepts", "active", "address", "allow", "allowed", "allows", "and", "are", "at",
    "blocked", "bounce", "bounced", "bounces", "campaigns", "can", "click", "complained", "complaint", "complaints",
    "confirmed", "consent", "contact", "contacted", "count", "date", "declined", "disabled", "do", "does", "dont",
    "double", "email", "emailed", "emails", "enabled", "excluded", "fax", "flag", "for", "from", "gdpr", "global",
    "hard", "has", "have", "hs", "id", "in", "inactive", "invalid", "is", "last", "link", "list", "mail", "mailing",
    "mails", "marked", "marketing", "member", "newsletter", "newsletters", "no", "not", "of", "ok", "on", "opt",
    "opted", "opting", "opts", "out", "permission", "permit", "phone", "promo", "promotion", "promotions", "rate",
    "reason", "receive", "received", "receives", "refused", "rejected", "removed", "reported", "sell", "send",
    "sms", "soft", "spam", "state", "status", "stop", "subscribe", "subscribed", "subscriber", "subscribers",
    "subscription", "suppressed", "time", "to", "type", "unsub", "unsubbed", "unsubs", "unsubscribe",
    "unsubscribed", "url", "user", "valid", "want", "wants",
})  # fmt: skip
_E_MAIL = re.compile(r"\be (?=mail|post)")

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
def _text_of(name: str) -> str:
    """Return the words of a name with spaces between them, also if it has none: `HasOptedOutOfEmail`, `OPTOUT`."""
    words = (part for word in words_of(name[:LONGEST_NAME]) for part in _split(word))
    return _E_MAIL.sub("e", " ".join(words)).translate(_LETTERS)


@lru_cache(maxsize=4096)
def _split(word: str) -> tuple[str, ...]:
    """Split a word that consists of known ones only; return any other as it is."""
    return (word,) if word in _PARTS or len(word) > LONGEST_WORD else _split_off(word) or (word,)


def _split_off(word: str) -> tuple[str, ...]:
    for end in range(len(word), 1, -1):
        if word[:end] in _PARTS:
            rest = _split_off(word[end:]) if end < len(word) else ()
            if rest or end == len(word):
                return (word[:end], *rest)
    return ()


@lru_cache(maxsize=1024)
def kind_of(name: str) -> Kind | None:
    """Return what the column is about; None if it is about another channel or topic than marketing by email."""
    text = _text_of(name)
    says_whether = _FIGURE.search(text) is None and _REASON.search(text) is None
    is_hint = _DOUBLE_OPT_IN.search(text) is not None and _LEAVING.search(text) is None
    if _is_about_something_else(text) or (is_hint and not says_whether):
        return None
    if is_hint:
        return Kind.HINT
    if _NO_EVENT.search(text) or _NEGATED_EVENT.search(text):
        return Kind.OTHER
    return _event_of(text) or _state_of(text, says_whether=says_whether)


def _is_about_something_else(text: str) -> bool:
    is_other_channel = _CHANNEL.search(text) or _OTHER_CHANNEL.search(text)
    return bool((is_other_channel and not _EMAIL.search(text)) or _OTHER_TOPIC.search(text))


def _event_of(text: str) -> Kind | None:
    has_left = _LEAVING.search(text)
    if not _BOTH.search(text) and (has_left or _ENDING.search(text)):
        # One can also opt out of other things, and licences are revoked.
        is_of_emails = has_left is not None and not _OPTED_OUT.fullmatch(has_left[0])
        is_of_emails |= bool(_WRITTEN_TO.search(text)) or _has_no_other_words(_EVENT.sub(" ", text))
        return Kind.WITHDRAWAL if is_of_emails and not _UNSURE.search(text) else Kind.DISABLED
    return Kind.BOUNCE if _BOUNCING.search(text) else None


def _state_of(text: str, *, says_whether: bool) -> Kind:
    polarity = _polarity_of(text)
    if polarity is not Polarity.PLAIN:
        opposed = None if _CHANGED.search(text) else _opposed_topic(text)
        return Kind.OTHER if opposed is None else _KINDS.get((opposed, polarity), Kind.OTHER)
    if _BOTH.search(text) or (says_whether and _STATUS.search(text) and _ABOUT_SUBSCRIPTIONS.search(text)):
        return Kind.STATUS
    topic = _topic_of(text) if says_whether else Topic.NONE
    if topic is Topic.STANDING and _OF_ACCOUNTS.search(text) and not _SUBSCRIBING.search(text):
        return Kind.HINT
    return _KINDS.get((topic, polarity), Kind.OTHER)


def _polarity_of(text: str) -> Polarity:
    if _REFUSING.search(text):
        return Polarity.REFUSED
    if _BARRING.search(text):
        return Polarity.BARRED
    return Polarity.NEGATED if _NEGATED.search(text) else Polarity.PLAIN


def _strong_topic(text: str) -> Topic | None:
    """Return a topic that a name has whatever else it says."""
    if _CONSENT.search(text):
        return Topic.CONSENT
    return Topic.NEWSLETTER if _NEWSLETTER.search(text) else None


def _topic_of(text: str) -> Topic:
    """Return the topic of a plain name. A weak one is only the topic of a name without other words."""
    if (strong := _strong_topic(text)) is not None:
        return strong
    is_only_about_it = _has_no_other_words(text)
    has_mail = _MAIL.search(text) is not None
    if is_only_about_it and _PERMITTING.search(text) and _TOPIC.search(text):
        return Topic.PERMISSION
    if _SUBSCRIBED.search(text) and (has_mail or not _PAID.search(text)):
        return Topic.SUBSCRIPTION
    if is_only_about_it and _MARKETING.search(text):
        return Topic.NEWSLETTER if has_mail else Topic.MARKETING
    is_another = _ACCOUNT.search(text) or _SUBSCRIBED.search(text) or _NUMBER.search(text)
    has_standing = is_only_about_it and not is_another and _STANDING.search(text)
    return Topic.STANDING if has_standing else Topic.NONE


def _opposed_topic(text: str) -> Topic | None:
    """Return what a name is against; None if it speaks of something else."""
    if (strong := _strong_topic(text)) is not None:
        return strong
    if _TOPIC.search(text):
        return Topic.MAIL
    return Topic.NONE if _has_no_other_words(text) else None


def _has_no_other_words(text: str) -> bool:
    return not any(each.isalpha() for each in _KNOWN.sub("", text))


def is_loose(name: str) -> bool:
    """Whether the column may also contain names and the like: which newsletter, which campaign."""
    text = _text_of(name)
    return _polarity_of(text) is Polarity.PLAIN and _topic_of(text) in _LOOSE


def is_about_one_list(name: str) -> bool:
    """Whether the column may be about one of several newsletters."""
    return _strong_topic(_text_of(name)) is Topic.NEWSLETTER


def may_have_statuses(name: str) -> bool:
    """Whether nothing says that the column is about something else, such as a name, a note, an order."""
    return _THING.search(_text_of(name)) is None


def names_statuses(name: str) -> bool:
    """Whether the name says that the column has the states or types of persons."""
    text = _text_of(name)
    rest = _TYPE.sub(" ", _STATUS.sub(" ", text))
    return rest != text and _has_no_other_words(rest)


def is_reason(name: str) -> bool:
    """Whether the column says why or how something happened."""
    return _REASON.search(" ".join(words_of(name))) is not None


def is_about_emails(name: str, kind: Kind, *, beside_orders: bool) -> bool:
    """Whether the column is of this kind; beside orders, statuses and withdrawals are the orders', if it does not say
    otherwise.
    """
    return kind_of(name) is kind and (not beside_orders or _NO_ORDERS.search(_text_of(name)) is not None)


def lists_orders(header: Iterable[str]) -> bool:
    """Whether the rows are orders or payments: then a status is the order's, and says nothing about emails."""
    return any(_ORDER.fullmatch(key_of(name)) for name in header)
