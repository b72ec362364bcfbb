"""The choices for a file of contacts: the field for each column, who is in it, and what proves their consent."""

import re
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.transfer import uploads
from saleor_stripe_audience.audience.transfer.formats import TakenAs, taken_as
from saleor_stripe_audience.audience.transfer.guessing import GUESSES
from saleor_stripe_audience.audience.transfer.models import ImportFile
from saleor_stripe_audience.audience.transfer.moments import DAY_FIRST, MONTH_FIRST
from saleor_stripe_audience.audience.transfer.rows import is_storable, read_tags
from saleor_stripe_audience.dashboard.moments import read_moment
from saleor_stripe_audience.dashboard.sections import CONTACTS, Note, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.wording import Wording, text_in

FORM = "columns"
LONGEST_SAMPLE = 60  # characters
LONGEST_SOURCE = 128
LONGEST_WORDING = 10_000
Json = dict[str, Any]
_NO_CHARACTER = re.compile("[\ud800-\udfff]")  # what `reading` returns for a byte that is not a character

FIELDS: dict[str, Wording] = {
    "email": gettext_lazy("Email address"),
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "name": gettext_lazy("Full name"),
    "phone": gettext_lazy("Phone"),
    "city": gettext_lazy("City"),
    "country": gettext_lazy("Country"),
    "language": gettext_lazy("Language"),
    "tags": gettext_lazy("Tags"),
    "status": gettext_lazy("Status"),
    "consent": gettext_lazy("Consent: yes or withdrawn"),
    "consent_at": gettext_lazy("Consent: when"),
    "consent_text": gettext_lazy("Consent: wording"),
    "consent_source": gettext_lazy("Consent: how and where"),
    "consent_ip": gettext_lazy("Consent: IP address"),
    "withdrawn_at": gettext_lazy("Unsubscribed: yes or when"),
    "bounced_at": gettext_lazy("Undeliverable: yes or when"),
    "suppressions": gettext_lazy("Suppression reasons (Klaviyo)"),
    "created_at": gettext_lazy("Contact since"),
}
KINDS: dict[str, Wording] = {
    "": gettext_lazy("According to the columns; nobody is subscribed without consent"),
    TakenAs.NONSUBSCRIBED.value: gettext_lazy("Not subscribed: nobody in the file agreed to marketing"),
    TakenAs.SUBSCRIBED.value: gettext_lazy("Subscribed: everyone in the file agreed to marketing"),
    TakenAs.UNSUBSCRIBED.value: gettext_lazy("Unsubscribed: nobody in the file wants marketing"),
    TakenAs.CLEANED.value: gettext_lazy("Undeliverable: emails to these addresses bounce"),
}
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252",
    "iso-8859-15": "ISO 8859-15",
    "mac_roman": "Mac OS Roman",
    "cp850": "DOS 850",
    "cp437": "DOS 437",
    "cp1250": "Windows-1250",
    "iso-8859-2": "ISO 8859-2",
    "cp852": "DOS 852",
    "mac_latin2": "Mac OS Central Europe",
    "cp1257": "Windows-1257",
    "iso-8859-13": "ISO 8859-13",
    "cp775": "DOS 775",
    "cp1251": "Windows-1251",
    "koi8-r": "KOI8-R",
    "koi8-u": "KOI8-U",
    "iso-8859-5": "ISO 8859-5",
    "cp866": "DOS 866",
    "cp855": "DOS 855",
    "mac_cyrillic": "Mac OS Cyrillic",
    "cp1253": "Windows-1253",
    "iso-8859-7": "ISO 8859-7",
    "cp737": "DOS 737",
    "mac_greek": "Mac OS Greek",
    "cp1254": "Windows-1254",
    "cp857": "DOS 857",
    "cp1255": "Windows-1255",
    "iso-8859-8": "ISO 8859-8",
    "cp862": "DOS 862",
    "cp1256": "Windows-1256",
    "iso-8859-6": "ISO 8859-6",
    "cp932": "Shift_JIS",
    "euc_jp": "EUC-JP",
    "iso2022_jp_ext": "ISO-2022-JP",
    "gb18030": "GB 18030",
    "cp950": "Big5",
    "cp949": "EUC-KR",
    "iso2022_kr": "ISO-2022-KR",
}
SEPARATORS: dict[str, Wording] = {
    ",": gettext_lazy("Comma"),
    ";": gettext_lazy("Semicolon"),
    "\t": gettext_lazy("Tab"),
    "|": gettext_lazy("Pipe"),
}
DATES: dict[str, Wording] = {
    "": gettext_lazy("Skip: the day or the month may come first"),
    DAY_FIRST: gettext_lazy("Day first: 4 March"),
    MONTH_FIRST: gettext_lazy("Month first: April 3"),
}
# Which field an error belongs to.
WRONG = {
    "import_column": "columns",
    "import_encoding": "encoding",
    "import_csv": "encoding",
    "consent_without_wording": "consent_text",
    "consent_at": "given_at",
    "consent_where": "consent_source",
    "tags": "tags",
    "tag": "tags",
}
PROOF = ("consent_text", "given_at", "consent_source")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file with its first values, and the field that it becomes; empty if it is ignored."""

    place: int
    name: str
    samples: tuple[str, ...]
    field: str


def read_form(sent: QueryDict) -> Json:
    """Return the encoding and separator that staff chose; empty if the detected one is right."""
    encoding, separator = sent.get("encoding", ""), sent.get("separator", "")
    return {
        "encoding": encoding if encoding in ENCODINGS else "",
        "separator": separator if separator in SEPARATORS else "",
    }


def read_choices(file: ImportFile, sent: QueryDict) -> Json:
    """Return staff's choices, for `file_import`. `Rejected`, with the field's code, if consent is not proven."""
    start = uploads.read_start(file)
    exactly: dict[str, list[int]] = {}
    for place in range(len(start.header)):
        field = sent.get(f"column-{place}", "")
        if field in FIELDS:
            exactly.setdefault(field, []).append(place)
    for field, places in exactly.items():
        recognized = start.columns.get(field, ())  # in the order in which they count
        count = len(recognized)
        exactly[field] = sorted(
            places, key=lambda each: (recognized.index(each) if each in recognized else count, each)
        )
    if "email" not in exactly:
        raise Rejected(_("Choose which column has the email addresses."), code="import_column")
    kind = sent.get("kind", "")
    text, source = _text(sent, "consent_text"), _text(sent, "consent_source")
    at = read_moment(sent, "given_at")
    choices = {
        "encoding": file.choices.get("encoding", ""),
        "separator": file.choices.get("separator", ""),
        "exactly": exactly,
        "taken_as": kind if kind in KINDS else "",
        "consent_text": text,
        "consent_source": source,
        "consent_at": at.isoformat() if at is not None else "",
        "given_at": sent.get("given_at", "")[:40],
        "tags": list(read_tags(_text(sent, "tags"))),
        "dates": sent.get("dates", "") if sent.get("dates", "") in DATES else "",
    }
    if sent.get("given_at", "") and (at is None or at > timezone.now()):
        raise Rejected(_("Enter when they agreed: a date and a time in the past."), code="consent_at")
    if len(source) > LONGEST_SOURCE:
        raise Rejected(_where(), code="consent_where")
    if kind == TakenAs.SUBSCRIBED.value:
        _check_proof(choices, file)
    return choices


def _check_proof(choices: Json, file: ImportFile) -> None:
    """Raise `Rejected` if nothing in the file or the form proves that everyone agreed."""
    exactly = choices["exactly"]
    if not choices["consent_source"] and "consent_source" not in exactly:
        raise Rejected(_where(), code="consent_where")
    if not (choices["consent_text"] or file.audience.consent_text or "consent_text" in exactly):
        raise Rejected(_("Enter the wording that they agreed to."), code="consent_without_wording")
    if not choices["consent_at"] and "consent_at" not in exactly:
        raise Rejected(_("Enter when they agreed: a date and a time in the past."), code="consent_at")


def _where() -> str:
    return _("Enter how and where they agreed, in at most %(most)s characters.") % {"most": LONGEST_SOURCE}


def _text(sent: QueryDict, name: str) -> str:
    text = sent.get(name, "").strip()[:LONGEST_WORDING]
    return text if is_storable(text) else text.replace("\0", "")


def show_columns(
    request: HttpRequest,
    user: DashboardUser,
    file: ImportFile,
    note: Note | None = None,
    status: int = 200,
    *,
    typed: QueryDict | None = None,
    keeps_columns: bool = True,
    wrong: str = "",
) -> HttpResponse:
    """Show the form, with what was typed, previously chosen, or detected. `Rejected` if the file no longer exists."""
    start = uploads.read_start(file)
    values = _values(file, start)
    if typed is not None:
        values |= {name: text for name, text in typed.dict().items() if keeps_columns or not is_column(name)}
    if note is None and file.check_state == ImportFile.Check.FAILED:
        note = Note("bad", text_in(file.report.get("failure", {})), FORM)
    form = uploads.form_of(file)
    encoding = form.encoding.removesuffix("-sig")
    return show(
        request,
        user,
        CONTACTS,
        note=note,
        status=status,
        template="import_columns",
        file=file,
        format=start.found.name,
        columns=_columns(start, values),
        rows=range(1, len(start.rows) + 1),
        fields=FIELDS.items(),
        kinds=KINDS.items(),
        encodings=ENCODINGS.items(),
        encoding=ENCODINGS.get(encoding, encoding.upper()),
        is_guess=encoding in GUESSES and not values["encoding"],
        dates=DATES.items(),
        separators=SEPARATORS.items(),
        separator=SEPARATORS.get(form.separator, form.separator),
        values=values,
        wrong=wrong,
        is_proof=wrong in PROOF,
        is_empty_wording=not file.audience.consent_text,
    )


def is_column(name: str) -> bool:
    return name.startswith("column-")


def _columns(start: uploads.Start, values: dict[str, Any]) -> list[Column]:
    return [
        Column(
            place,
            _readable(name) or _("Column %(n)s") % {"n": place + 1},
            tuple(_readable(row[place][:LONGEST_SAMPLE]) if place < len(row) else "" for row in start.rows),
            str(values.get(f"column-{place}", "")),
        )
        for place, name in enumerate(start.header)
    ]


def _readable(text: str) -> str:
    """Return the text with a sign for each byte that is not a character, which a page cannot contain."""
    return _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)


def _values(file: ImportFile, start: uploads.Start) -> dict[str, Any]:
    """Return the form's values: as chosen before, otherwise as recognized."""
    chosen = file.choices
    places = chosen.get("exactly", start.columns)
    values = {f"column-{place}": field for field, some in places.items() for place in some}
    found = taken_as(start.found, start.header, file.name)
    return {
        **values,
        "kind": chosen.get("taken_as", found.value if found else ""),
        "consent_text": chosen.get("consent_text", ""),
        "consent_source": chosen.get("consent_source", ""),
        "given_at": chosen.get("given_at", ""),
        "given_at_utc": chosen.get("consent_at", ""),
        "tags": tags.join(chosen.get("tags", [])),
        "encoding": chosen.get("encoding", ""),
        "separator": chosen.get("separator", ""),
        "dates": chosen.get("dates", ""),
    }
