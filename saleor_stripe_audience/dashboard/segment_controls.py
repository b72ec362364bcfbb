"""The controls of a segment's conditions: the inputs of each type, and how they map to the rule's JSON."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from django.utils.translation import gettext_lazy as _

from saleor_stripe_audience.audience.people.status import ConsentState
from saleor_stripe_audience.dashboard.amounts import with_point
from saleor_stripe_audience.dashboard.contact_rows import CONTACT_BADGES
from saleor_stripe_audience.wording import Wording

Json = dict[str, Any]
Fields = Mapping[str, Sequence[str]]
Option = tuple[str, Wording]

UNITS: tuple[Option, ...] = (("days", _("days")), ("hours", _("hours")), ("minutes", _("minutes")))
MINUTES = {"days": 24 * 60, "hours": 60, "minutes": 1}


@dataclass(frozen=True, slots=True)
class Part:
    """One control of a condition: `source` names options that the audience has, `redraws` that others depend on it."""

    kind: str
    name: str
    label: Wording
    options: Sequence[Option] = ()
    source: str = ""
    empty: Wording = ""
    redraws: bool = False
    hint: Wording = ""


class Control(Protocol):
    """A part of a condition's JSON, or several parts that depend on each other."""

    def load(self, part: Json) -> dict[str, list[str]]: ...

    def save(self, fields: Fields) -> Json: ...

    def parts(self, fields: Fields) -> list[Part]: ...


def first(fields: Fields, name: str) -> str:
    values = fields.get(name, ())
    return values[0].strip() if values else ""


def lines_of(text: str) -> list[str]:
    return [each.strip() for each in text.splitlines() if each.strip()]


def _whole(text: str) -> Any:
    """Return an integer; other text is left unchanged, for the rule to refuse."""
    return int(text) if re.fullmatch(r"\d{1,18}", text) else text


@dataclass(frozen=True, slots=True)
class Choices:
    """Several of a few values."""

    name: str
    label: Wording
    options: tuple[Option, ...]

    def load(self, part: Json) -> dict[str, list[str]]:
        return {self.name: list(part.get(self.name, ()))}

    def save(self, fields: Fields) -> Json:
        return {self.name: list(fields.get(self.name, ()))}

    def parts(self, _fields: Fields) -> list[Part]:
        return [Part("choices", self.name, self.label, self.options)]


@dataclass(frozen=True, slots=True)
class Pick:
    """One value of a list that the audience or the shop has; nothing if `empty` is chosen."""

    name: str
    label: Wording
    source: str = ""
    empty: Wording = ""
    options: tuple[Option, ...] = ()

    def load(self, part: Json) -> dict[str, list[str]]:
        return {self.name: [part.get(self.name, "")]}

    def save(self, fields: Fields) -> Json:
        value = first(fields, self.name)
        return {self.name: value} if value or not self.empty else {}

    def parts(self, _fields: Fields) -> list[Part]:
        return [Part("select", self.name, self.label, self.options, self.source, self.empty)]


@dataclass(frozen=True, slots=True)
class List:
    """Several texts: one a line, or separated by commas and spaces if none contains one."""

    name: str
    label: Wording
    is_optional: bool = False
    separator: str = ""
    hint: Wording = ""

    def load(self, part: Json) -> dict[str, list[str]]:
        return {self.name: [(", " if self.separator else "\n").join(part.get(self.name, ()))]}

    def save(self, fields: Fields) -> Json:
        text = first(fields, self.name)
        values = (
            [each for each in re.split(self.separator, text) if each] if self.separator else lines_of(text)
        )
        return {} if self.is_optional and not values else {self.name: values}

    def parts(self, _fields: Fields) -> list[Part]:
        return [Part("text" if self.separator else "lines", self.name, self.label, hint=self.hint)]


@dataclass(frozen=True, slots=True)
class Whole:
    """A count; `default` is the rule's value if nothing is typed."""

    name: str
    label: Wording
    default: str = ""

    def load(self, part: Json) -> dict[str, list[str]]:
        return {self.name: [str(part.get(self.name, self.default))]}

    def save(self, fields: Fields) -> Json:
        text = first(fields, self.name)
        return {self.name: _whole(text)} if text else {}

    def parts(self, _fields: Fields) -> list[Part]:
        return [Part("whole", self.name, self.label)]


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money, or a number with decimals."""

    name: str
    label: Wording

    def load(self, part: Json) -> dict[str, list[str]]:
        return {self.name: [str(part.get(self.name, ""))]}

    def save(self, fields: Fields) -> Json:
        text = with_point(first(fields, self.name))
        return {self.name: text} if text else {}

    def parts(self, _fields: Fields) -> list[Part]:
        return [Part("amount", self.name, self.label)]


@dataclass(frozen=True, slots=True)
class Span:
    """A duration in one unit; the rule's 1 day 2 hours are 26 hours."""

    name: str
    label: Wording

    def load(self, part: Json) -> dict[str, list[str]]:
        span = part.get(self.name)
        if not span:
            return {self.name: [""], f"{self.name}-unit": ["days"]}
        unit = next(each for each in reversed(MINUTES) if each in span)
        minutes = sum(MINUTES[each] * count for each, count in span.items())
        return {self.name: [str(minutes // MINUTES[unit])], f"{self.name}-unit": [unit]}

    def save(self, fields: Fields) -> Json:
        text = first(fields, self.name)
        unit = first(fields, f"{self.name}-unit")
        return {self.name: {unit if unit in MINUTES else "days": _whole(text)}} if text else {}

    def parts(self, _fields: Fields) -> list[Part]:
        return [Part("span", self.name, self.label, UNITS)]


@dataclass(frozen=True, slots=True)
class Day:
    """A date, from its beginning in UTC; a rule's exact time is kept as long as its date is not changed."""

    name: str
    label: Wording

    def load(self, part: Json) -> dict[str, list[str]]:
        exact = part.get(self.name) or ""
        return {self.name: [_day_of(exact)], f"{self.name}-exact": [exact]}

    def save(self, fields: Fields) -> Json:
        text, exact = first(fields, self.name), first(fields, f"{self.name}-exact")
        if not text:
            return {}
        if exact and _day_of(exact) == text:
            return {self.name: exact}
        return {self.name: f"{text}T00:00:00Z"}

    def parts(self, _fields: Fields) -> list[Part]:
        return [Part("date", self.name, self.label)]


def _day_of(exact: str) -> str:
    try:
        return datetime.fromisoformat(exact).astimezone(UTC).date().isoformat()
    except ValueError:
        return ""
    except OverflowError:  # outside the calendar in UTC: the rule is refused with it
        return exact[:10]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a text is compared, and with what; also numbers and presence, if the rule has them."""

    comparisons: tuple[Option, ...]

    def load(self, part: Json) -> dict[str, list[str]]:
        if "exists" in part:
            return {"comparison": ["exists" if part["exists"] else "absent"]}
        if "atLeast" in part or "atMost" in part:
            low, high = str(part.get("atLeast", "")), str(part.get("atMost", ""))
            return {"comparison": ["range"], "atLeast": [low], "atMost": [high]}
        name = next(
            (each for each in ("is", "contains", "startsWith") if each in part), self.comparisons[0][0]
        )
        value = part.get(name, "")
        return {"comparison": [name], "text": ["\n".join(value) if isinstance(value, list) else value]}

    def save(self, fields: Fields) -> Json:
        name, text = first(fields, "comparison"), first(fields, "text")
        if name in ("exists", "absent"):
            return {"exists": name == "exists"}
        if name == "range":
            return AT_LEAST.save(fields) | AT_MOST.save(fields)
        if name == "is":
            return {"is": lines_of(text)}
        part = fields.get("text", [""])[0] if text else ""  # spaces count: "de " is the start of a name
        return {name if name in ("contains", "startsWith") else "contains": part}

    def parts(self, fields: Fields) -> list[Part]:
        name = first(fields, "comparison")
        select = Part("select", "comparison", _("Comparison"), self.comparisons, redraws=True)
        if name in ("exists", "absent"):
            return [select]
        if name == "range":
            return [select, *AT_LEAST.parts(fields), *AT_MOST.parts(fields)]
        if name in ("contains", "startsWith"):
            return [select, Part("text", "text", _("Text"))]
        return [select, Part("lines", "text", _("Text"), hint=_("One on each line; any of them."))]


@dataclass(frozen=True, slots=True)
class Things:
    """Products, collections … by their names; `empty` stands for any product."""

    kinds: tuple[Option, ...]
    empty: Wording = ""

    def load(self, part: Json) -> dict[str, list[str]]:
        kind = next(
            (name for name, _title in self.kinds if name in part), "" if self.empty else self.kinds[0][0]
        )
        return {"kind": [kind], "ids": [" ".join(part.get(kind, ()))]}

    def save(self, fields: Fields) -> Json:
        kind = first(fields, "kind")
        return {kind: first(fields, "ids").split()} if kind in dict(self.kinds) else {}

    def parts(self, fields: Fields) -> list[Part]:
        select = Part("select", "kind", _("What"), self.kinds, empty=self.empty, redraws=True)
        kind = first(fields, "kind")
        if kind not in dict(self.kinds):
            return [select]
        return [select, Part("picker", "ids", _("Search by name"), source=kind)]


@dataclass(frozen=True, slots=True)
class Since:
    """One of three times: a date, a duration, or a cart that was abandoned."""

    modes: tuple[Option, ...] = field(
        default=(
            ("within", _("within the last …")),
            ("since", _("since a date")),
            ("cart", _("after an abandoned cart")),
        )
    )

    def load(self, part: Json) -> dict[str, list[str]]:
        mode = next((name for name, _title in self.modes if name in part), "within")
        return {"mode": [mode]} | WITHIN.load(part) | SINCE.load(part)

    def save(self, fields: Fields) -> Json:
        mode = first(fields, "mode")
        if mode == "cart":
            return {"cart": True}
        return SINCE.save(fields) if mode == "since" else WITHIN.save(fields)

    def parts(self, fields: Fields) -> list[Part]:
        mode = first(fields, "mode")
        more = {"cart": [], "since": SINCE.parts(fields)}.get(mode, WITHIN.parts(fields))
        return [Part("select", "mode", _("When"), self.modes, redraws=True), *more]


AT_LEAST, AT_MOST = Amount("atLeast", _("At least")), Amount("atMost", _("At most"))
WITHIN, LONGER_AGO = Span("within", _("Within the last")), Span("longerAgo", _("Longer ago than"))
SINCE, BEFORE = Day("since", _("From")), Day("before", _("Before"))
WHEN: tuple[Control, ...] = (WITHIN, LONGER_AGO, SINCE, BEFORE)
COUNTS: tuple[Control, ...] = (Whole("atLeast", _("At least")), Whole("atMost", _("At most")))
CURRENCY = Pick("currency", _("Currency"), "currencies")
TEXTS: tuple[Option, ...] = (("is", _("is")), ("contains", _("contains")), ("startsWith", _("starts with")))
VALUES: tuple[Option, ...] = (
    ("is", _("is")),
    ("contains", _("contains")),
    ("range", _("is a number in a range")),
    ("exists", _("is set")),
    ("absent", _("is not set")),
)
PRODUCTS: tuple[Option, ...] = (("product", _("Product")), ("variant", _("Variant")))
BOUGHT: tuple[Option, ...] = (
    *PRODUCTS,
    ("collection", _("Collection")),
    ("category", _("Category")),
    ("productType", _("Product type")),
)
CONSENT_STATES: tuple[Option, ...] = (
    (ConsentState.UNKNOWN.value, _("Never asked")),
    (ConsentState.PENDING.value, _("Pending confirmation")),
    (ConsentState.CONFIRMED.value, _("Agreed")),
    (ConsentState.WITHDRAWN.value, _("Withdrew")),
)
STATUSES: tuple[Option, ...] = tuple((str(name), badge[1]) for name, badge in CONTACT_BADGES.items())
CODES = _("One on each line; empty for any.")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of condition: its name for merchants, the group it is listed in, and its controls."""

    title: Wording
    group: Wording
    controls: tuple[Control, ...]


PERSON, ORDERS, CARTS, MORE = _("Person"), _("Orders"), _("Carts and payments"), _("Tags and segments")
KINDS: dict[str, Kind] = {
    "status": Kind(_("Status"), PERSON, (Choices("in", _("One of"), STATUSES),)),
    "consent": Kind(_("Choice about marketing"), PERSON, (Choices("in", _("One of"), CONSENT_STATES),)),
    "consentGiven": Kind(_("Agreed to marketing on"), PERSON, WHEN),
    "joined": Kind(_("Became a contact"), PERSON, WHEN),
    "country": Kind(
        _("Country"),
        PERSON,
        (List("in", _("Countries"), separator=r"[\s,;]+", hint=_("Two letters each, such as FR, BE.")),),
    ),
    "language": Kind(
        _("Language"),
        PERSON,
        (List("in", _("Languages"), separator=r"[\s,;]+", hint=_("Such as fr, en; fr includes fr-ca.")),),
    ),
    "city": Kind(_("City"), PERSON, (Comparison(TEXTS),)),
    "name": Kind(
        _("Name"),
        PERSON,
        (
            Pick(
                "part",
                _("Which name"),
                empty=_("First or last name"),
                options=(("first", _("First name")), ("last", _("Last name"))),
            ),
            Comparison(TEXTS),
        ),
    ),
    "attribute": Kind(
        _("Attribute from Saleor's metadata"),
        PERSON,
        (Pick("key", _("Key"), "attribute_keys"), Comparison(VALUES)),
    ),
    "purchased": Kind(
        _("Bought"),
        ORDERS,
        (
            Things(BOUGHT, _("Anything")),
            WITHIN,
            Pick("channel", _("Channel"), "channels", _("All channels")),
            Whole("atLeast", _("In at least this many orders"), "1"),
        ),
    ),
    "ordersCount": Kind(_("Number of paid orders"), ORDERS, COUNTS),
    "spent": Kind(_("Total spent"), ORDERS, (CURRENCY, AT_LEAST, AT_MOST, WITHIN)),
    "averageOrder": Kind(_("Average order"), ORDERS, (CURRENCY, AT_LEAST, AT_MOST)),
    "firstOrder": Kind(_("First paid order"), ORDERS, WHEN),
    "lastOrder": Kind(_("Last paid order"), ORDERS, WHEN),
    "orderedSince": Kind(_("Placed an order, paid or not"), ORDERS, (Since(),)),
    "refunded": Kind(_("Got a refund"), ORDERS, (WITHIN,)),
    "voucher": Kind(
        _("Used a voucher"), ORDERS, (List("code", _("Codes"), is_optional=True, hint=CODES), WITHIN)
    ),
    "cart": Kind(
        _("Abandoned a cart"),
        CARTS,
        (Things(PRODUCTS, _("Anything")), Span("abandonedFor", _("Without activity for"))),
    ),
    "inCart": Kind(_("Has in an open cart"), CARTS, (Things(PRODUCTS), WITHIN)),
    "paymentDeclined": Kind(
        _("Payment declined"),
        CARTS,
        (List("code", _("Stripe's decline codes"), is_optional=True, hint=CODES), WITHIN),
    ),
    "disputed": Kind(_("Disputed a payment"), CARTS, (WITHIN,)),
    "tag": Kind(_("Has the tag"), MORE, (Pick("tag", _("Tag"), "tags"),)),
    "inSegment": Kind(_("Is in the segment"), MORE, (Pick("segment", _("Segment"), "segments"),)),
}
