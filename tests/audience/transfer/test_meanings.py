"""What a cell says in a column that is named after unsubscribing or bouncing."""

import pytest

from saleor_stripe_audience.audience.transfer.meanings import Meaning, read_event

NOTHING = (
    # false and no, in the languages of spreadsheets
    "FALSE", "No", "FAUX", "FALSCH", "FALSO", "ONWAAR", "FAŁSZ", "FALSKT", "FALSK", "USANN", "ЛОЖЬ", "NEPRAVDA",
    "EPÄTOSI", "HAMIS", "YANLIŞ", "yanlış", "HAYIR", "ΨΕΥΔΉΣ", "não", "nee", "nej", "ei", "ikke", "いいえ",
    # as databases and programs write them
    "f", "0.0", "0,00", "00", "b'0'", r"b'\x00'", "''", '""', "[]", "{}", "[null]", "(empty)", "—", "–", ".", "n.a.",
    "#N/D", "#REF!", "#VALUE!", "#WERT!", "☐",
    # zero as a date
    "0000-00-00", "0001-01-01T00:00:00Z", "0001-01-01 00:00:00 +0000 UTC", "1970-01-01 00:00:00", "1900-01-00",
    "1970-01-01T01:00:00+01:00", "1969-12-31 19:00", "1/0/1900", "1899-12-30", "00.01.1900", "Jan 1, 1970", "01/01/70",
    "01/01/1970", "0:00:00", "12:00:00 AM", "-62135596800", "19700101",
    "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)", "Mon, 1 Jan 0001 00:00:00 +0000",
    # a state that is not this one
    "Opted in", "subscribed", "Active", "Not opted out", "not unsubscribed", "never unsubscribed", "nicht abgemeldet",
    # no statement at all
    "https://mail.test/unsubscribe/1",
)  # fmt: skip
HAPPENED = (
    "true", "1", "1.0", "-1", "Y", "t", "VERDADERO", "VERO", "WAAR", "PRAWDA", "ИСТИНА", "ja", "sí", "x", "✓",
    r"b'\x01'",
    "2025-01-14", "1970-01-02", "14.01.2025 10:00", "04/03/2025", "32.01.2025", "14 janvier 2025", "14 lipca 2025",
    "1738368000",
    "1738368000.0", "Sat Feb 01 2025 10:00:00 GMT+0000 (CET)", "unsubscribed", "Opted out", "désabonnée", "revoked",
    "email: unsubscribed", "Unsubscribed by the person",
)  # fmt: skip
UNKNOWN = (
    "soon", "2", "2025", "9999-12-31", "2999-01-01", "Active since 2025", "subscribed 2025-01-01", "pending",
    "Confirmed", "not subscribed", "12:30", "too many emails", "✗",
    "unsubscribed from SMS", "resubscribed, after they had unsubscribed and subscribed",
    "was never really unsubscribed",
)  # fmt: skip


@pytest.mark.parametrize("text", NOTHING)
@pytest.mark.parametrize("is_bounce", [False, True])
def test_what_means_no_is_nothing(text: str, is_bounce: bool) -> None:
    assert read_event(text, is_bounce=is_bounce) == Meaning.NOTHING


@pytest.mark.parametrize("text", HAPPENED)
def test_a_date_or_a_yes_is_a_withdrawal(text: str) -> None:
    assert read_event(text) == Meaning.WITHDRAWN


@pytest.mark.parametrize("text", UNKNOWN)
def test_any_other_text_is_not_understood(text: str) -> None:
    assert read_event(text) == Meaning.UNKNOWN


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("hard", Meaning.BOUNCED), ("Rejected", Meaning.BOUNCED), ("2025-01-14", Meaning.BOUNCED),
        ("soft", Meaning.NOTHING), ("Not bounced", Meaning.NOTHING), ("unsubscribed", Meaning.WITHDRAWN),
        ("3", Meaning.UNKNOWN), ("someday", Meaning.UNKNOWN),
    ],
)  # fmt: skip
def test_a_bounce(text: str, meaning: Meaning) -> None:
    assert read_event(text, is_bounce=True) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("too many emails", Meaning.WITHDRAWN), ("No longer interested", Meaning.WITHDRAWN),
        ("Contact", Meaning.WITHDRAWN), ("HardBounce", Meaning.BOUNCED), ("none", Meaning.NOTHING),
        ("aucune", Meaning.NOTHING), ("N/A", Meaning.NOTHING), ("Still subscribed", Meaning.NOTHING),
        ("12", Meaning.UNKNOWN),
    ],
)  # fmt: skip
def test_a_reason(text: str, meaning: Meaning) -> None:
    assert read_event(text, is_reason=True) == meaning


def test_the_code_of_a_bounce_is_its_reason() -> None:
    assert read_event("550", is_bounce=True, is_reason=True) == Meaning.BOUNCED
