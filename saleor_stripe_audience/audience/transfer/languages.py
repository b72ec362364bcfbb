"""What files say for yes, no, subscribed, unsubscribed and undeliverable, by language.

Spreadsheets show TRUE and FALSE in their user's language, and save them in CSV files in this way: a Spanish Excel turns
`false` into `FALSO`. The texts are separated by commas; how they are compared: `meanings.plain_value`.
"""

import unicodedata
from typing import NamedTuple

_PIECE = 100  # characters that are normalized at once: a long run of accents takes quadratic time


def without_accents(text: str) -> str:
    """Return the text without accents, to compare it."""
    if text.isascii():
        return text
    pieces = (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
    plain = (unicodedata.normalize("NFKD", piece) for piece in pieces)
    return "".join(each for piece in plain for each in piece if not unicodedata.combining(each))


class Language(NamedTuple):
    """The texts of one language.

    `confirmed` says yes to whatever its column asks. `not_subscribed` also has texts for subscriptions that were not
    confirmed. `ended` means unsubscribed in a column about emails or consent, but may mean something else in another
    column. `negations` reverse the text after them.
    """

    yes: str = ""
    no: str = ""
    subscribed: str = ""
    confirmed: str = ""
    not_subscribed: str = ""
    unsubscribed: str = ""
    ended: str = ""
    bounced: str = ""
    negations: str = ""


ENGLISH = Language(
    yes="true, yes, y, t, 1, on, \\x01",  # the last as Python writes a bit of a database
    no="false, no, n, f, 0, off, \\x00",
    subscribed="subscribed, resubscribed, still subscribed, opted in, opt in, optin",
    confirmed="given, confirmed",
    not_subscribed=(
        "pending, pending confirmation, awaiting confirmation, unconfirmed, not confirmed, not activated, "
        "nonsubscribed, non subscribed, not subscribed, never subscribed, not opted in, no permissions set, "
        "non marketing contact"
    ),
    unsubscribed=(
        "withdrawn, unsubscribed, unsubscribe, opted out, opt out, optout, blocklisted, blacklisted"
    ),
    ended=(
        "suppressed, global suppressed, globalsuppressed, manual suppression, manualsuppression, revoked, complained, "
        "isp complained, complaint, spam complaint, spamcomplaint, spam, marked as spam, junk, unsub, unsubbed, "
        "unsubscribed from all, opted out of all, cancelled, canceled, removed, declined, denied, refused, rejected, "
        "blocked, do not contact, do not email, do not mail, do not send"
    ),
    bounced=(
        "cleaned, bounce, bounced, hard, hard bounce, hard bounced, hardbounce, hardbounced, undeliverable, invalid, "
        "invalid email"
    ),
    negations="not, never, no, non, isn't, not yet",
)
FRENCH = Language(
    yes="oui, vrai",
    no="non, faux",
    subscribed="abonné, abonnée, inscrit, inscrite",
    confirmed="confirmé, confirmée",
    not_subscribed="non abonné, non inscrit, non confirmé, en attente",
    unsubscribed="désabonné, désabonnée, désinscrit, désinscrite",
    ended="refusé, refusée, bloqué, bloquée, annulé, annulée",
    bounced="nettoyé, non distribuable, invalide",
    negations="pas, jamais, non",
)
GERMAN = Language(
    yes="ja, j, wahr",
    no="nein, falsch",
    subscribed="abonniert, angemeldet",
    confirmed="bestätigt",
    not_subscribed="nicht abonniert, nicht bestätigt, unbestätigt, ausstehend",
    unsubscribed="abgemeldet, abbestellt, widerrufen",
    ended="ausgetragen, abgelehnt, gesperrt, gekündigt",
    bounced="bereinigt, unzustellbar, ungültig",
    negations="nicht, nie, noch nicht",
)
SPANISH = Language(
    yes="sí, verdadero",
    no="falso",
    subscribed="suscrito, suscrita",
    not_subscribed="no suscrito, pendiente",
    ended="baja, dado de baja, dada de baja, cancelado, cancelada",
    bounced="rebotado",
    negations="no, nunca",
)
ITALIAN = Language(
    yes="sì, vero",
    no="falso",
    subscribed="iscritto, iscritta",
    not_subscribed="non iscritto, in attesa",
    ended="disiscritto, disiscritta",
    negations="non, mai",
)
PORTUGUESE = Language(
    yes="sim, verdadeiro",
    no="não, falso",
    subscribed="inscrito, inscrita",
    not_subscribed="não inscrito, pendente",
    ended="descadastrado, descadastrada",
    negations="não, nunca",
)
DUTCH = Language(
    yes="ja, waar",
    no="nee, onwaar",
    subscribed="aangemeld, ingeschreven",
    not_subscribed="niet aangemeld, niet ingeschreven",
    ended="afgemeld, uitgeschreven",
    negations="niet, nooit",
)
# Of other languages the values of spreadsheets and databases, and a few states.
OTHERS = (
    Language(yes="prawda, tak", no="fałsz, nie", ended="wypisany, wypisana", negations="nie"),  # Polish
    Language(yes="sant, ja", no="falskt, nej", ended="avregistrerad", negations="inte, ej"),  # Swedish
    Language(yes="sand, ja", no="falsk, nej", ended="afmeldt", negations="ikke"),  # Danish
    Language(yes="sann, ja", no="usann, nei, ikke", ended="avmeldt", negations="ikke"),  # Norwegian
    Language(yes="tosi, kyllä", no="epätosi, ei", negations="ei"),  # Finnish
    Language(yes="tõene, jah", no="väär, ei"),  # Estonian
    Language(yes="pravda, ano, áno", no="nepravda, ne, nie", negations="ne, nie"),  # Czech and Slovak
    Language(yes="igaz, igen", no="hamis, nem", negations="nem"),  # Hungarian
    Language(yes="adevărat, da", no="fals, nu", negations="nu"),  # Romanian
    Language(yes="istina, da", no="neistina, laž, ne"),  # Croatian and Serbian
    Language(yes="doğru, evet", no="yanlış, YANLIŞ, hayır, HAYIR"),  # Turkish
    Language(yes="истина, да", no="ложь, лъжа, нет, не", negations="не"),  # Russian and Bulgarian
    Language(yes="істина, так", no="хибність, ні", negations="не"),  # Ukrainian
    Language(yes="αληθής, αληθησ, ναι", no="ψευδής, ψευδησ, όχι"),  # Greek, whose capitals have another ς
    Language(yes="はい, 真", no="いいえ, 偽"),  # Japanese
    Language(yes="是, 真", no="否, 假"),  # Chinese
    Language(yes="예, 참", no="아니요, 거짓"),  # Korean
    Language(yes="כן, אמת", no="לא, שקר"),  # Hebrew
    Language(yes="نعم", no="لا"),  # Arabic
)
LANGUAGES = (ENGLISH, FRENCH, GERMAN, SPANISH, ITALIAN, PORTUGUESE, DUTCH, *OTHERS)

# How people tick a box in a spreadsheet, and the sign of one without a tick.
TICKS = "x, ✓, ✔, ☑, ✅"
NO_TICK = "☐"
# What programs, spreadsheets and databases write for an empty cell. `plain_value` turns a lone dash into nothing.
NOTHING = (
    "null, (null), <null>, [null], nil, nan, n/a, n.a., n.d., na, nat, \\n, undefined, unknown, none, never, nothing, "
    "empty, (empty), blank, (blank), #n/a, #nv, #n/d, [], {}, (), —, –, ., .., ..., jamais, aucun, aucune, nie, kein, "
    "keine, keiner, nunca, ninguno, ninguna, mai, nessuno, nessuna, nenhum, nenhuma, geen, nooit, brak, ingen, aldrig, "
    "aldri, žádný, нет данных"
)
# What spreadsheets show for a formula that cannot be computed, in their user's language.
SPREADSHEET_ERRORS = (
    "#name?, #ref!, #value!, #div/0!, #num!, #null!, #spill!, #calc!, "
    "#nom?, #valeur!, #nombre!, #nul!, "  # French
    "#bezug!, #wert!, #zahl!, #überlauf!, "  # German
    "#¿nombre?, #¡ref!, #¡valor!, #¡div/0!, #¡num!, #¡nulo!, "  # Spanish
    "#nome?, #rif!, #valore!, #nullo!, #valor!, #núm!, #nulo!, "  # Italian, Portuguese
    "#naam?, #verw!, #waarde!, #deel/0!, #getal!, #leeg!, "  # Dutch
    "#nazwa?, #adr!, #arg!, #dziel/0!, #liczba!, #zero!, "  # Polish
    "#namn?, #referens!, #värdefel!, #ogiltigt!, #navn?, #værdi!, #verdi!, #nimi?, #arvo!, #viittaus!, "  # Nordic
    "#název?, #odkaz!, #hodnota!, #név?, #hiv!, #érték!, #имя?, #ссылка!, #знач!, #дел/0!, #число!, #ad?, #değer!"
)
# Statuses that say nothing about emails.
UNREMARKABLE = (
    "active, enabled, registered, verified, valid, deliverable, new, customer, buyer, guest, lead, prospect, contact, "
    "marketing contact, member, user, free, paid, actif, client, aktiv, kunde, activo, attivo, invited, archived, "
    "express, implied, sent, delivered, opened, clicked"
)

# The names of months and their abbreviations, of each language that has its own.
MONTHS = (
    "january, jan, janvier, janv, januar, jänner, enero, ene, gennaio, gen, janeiro, januari",
    "february, feb, février, févr, fév, februar, febrero, febbraio, fevereiro, fev, februari",
    "march, mar, mars, märz, mär, mrz, marzo, março, maart, mrt",
    "april, apr, avril, avr, abril, abr, aprile",
    "may, mai, mayo, maggio, mag, maio, mei",
    "june, jun, juin, juni, junio, giugno, giu, junho",
    "july, jul, juillet, juil, juli, julio, luglio, lug, julho",
    "august, aug, août, agosto, ago, augustus",
    "september, sep, sept, septembre, septiembre, settembre, set, setembro",
    "october, oct, octobre, oktober, okt, octubre, ottobre, ott, outubro, out",
    "november, nov, novembre, noviembre, novembro",
    "december, dec, décembre, déc, dezember, dez, diciembre, dic, dicembre, dezembro",
)
