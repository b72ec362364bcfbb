"""Text from outside may be long, and chosen to be slow: whatever reads it takes linear time.

The texts are as long as a webhook may be. Nothing is measured: read in quadratic time, each would take hours, and its
test would not end. What is new and reads text from outside belongs into the table.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.consent.ledger import is_ip
from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.addresses import usable_email
from saleor_stripe_audience.audience.people.locales import country_code, language_of
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.privacy import erasure, stored_events
from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.audience.transfer import cells
from saleor_stripe_audience.audience.transfer.headers import Kind, kind_of
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, import_csv
from saleor_stripe_audience.audience.transfer.meanings import Meaning, is_damaged, plain_value, read_event
from saleor_stripe_audience.audience.transfer.moments import is_date, read_moment
from saleor_stripe_audience.audience.transfer.reading import as_file
from saleor_stripe_audience.catalog import rewriting
from saleor_stripe_audience.catalog.payloads import is_public_image
from saleor_stripe_audience.catalog.rich_text import plain_text, strip_tags
from saleor_stripe_audience.client_address import _read as read_ip
from saleor_stripe_audience.dashboard.amounts import read_amounts
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.logs import _without_links as without_links
from saleor_stripe_audience.saleor import addresses
from tests.audience.conftest import shop  # noqa: F401 - fixture
from tests.audience.histories import order
from tests.audience.privacy.test_erasure import deliver

LENGTH = 1_000_000
LONGEST_CELL = 100_000
ACCENTS = "\N{COMBINING GRAVE ACCENT BELOW}\N{COMBINING ACUTE ACCENT}" * (LENGTH // 2)  # in the wrong order


def long(unit: str) -> str:
    return unit * (LENGTH // len(unit))


def paragraph(text: str) -> str:
    return json.dumps({"blocks": [{"type": "paragraph", "data": {"text": text}}]})


def logged(path: str) -> str:
    return str(without_links(None, "", {"logger": "django.request", "event": path})["event"])


def is_allowed(url: str) -> bool:
    try:
        addresses.check_allowed(url)
    except Rejected:
        return False
    return True


CASES: list[tuple[Callable[[str], Any], str, Any]] = [
    (country_code, "a" + long(" ") + "b", ""),
    (country_code, long("a ("), ""),
    (country_code, ACCENTS, ""),
    (language_of, "a" + long(" ") + "b", ""),
    (language_of, long("(") + ")", ""),
    (language_of, ACCENTS, ""),
    (usable_email, long("a"), ""),
    (usable_email, ACCENTS + "@shop.example", ""),
    (usable_email, "a@" + ACCENTS, ""),
    (usable_email, "a@" + long("a."), ""),
    (plain_value, ACCENTS, ""),
    (plain_value, long("é"), long("e")),
    (plain_value, long("_"), ""),
    (read_event, ACCENTS, Meaning.NOTHING),
    (read_event, "not " + long("not "), Meaning.UNKNOWN),
    (is_damaged, "1." + long("1"), False),
    (read_moment, "2025-01-01 10:00:00 " + long("("), None),
    (is_date, long("2025"), False),
    (kind_of, long("optout"), Kind.WITHDRAWAL),
    (tags.split_list, long("["), [long("[")]),
    (cells.escape, long("'"), long("'")),
    (cells.unescape, long(" '"), long(" '")),
    (is_ip, long(":1"), False),
    (read_ip, long(":1"), ""),
    (is_public_image, f"https://{ACCENTS}.test/x.png", False),
    (is_allowed, f"https://{ACCENTS}.test/graphql/", False),
    (storefront._origin_of_url, f"https://{ACCENTS}.test", None),
    (read_amounts, "1" + long(" ") + "!", ([], "")),
    (logged, "Not Found: /" + long("@"), "Not Found: /…"),
    (strip_tags, long("<!--"), long("<!--")),
    (strip_tags, long("<script "), long("<script ").strip()),
    (strip_tags, long("<style "), long("<style ").strip()),
    (strip_tags, long("<script></scrip"), "</scrip"),
    (strip_tags, "<script>" + long("</script "), long("</script ").strip()),
    (strip_tags, "<br" + long(" "), "<br"),
    (strip_tags, long("<b"), long("<b")),
    (strip_tags, "&#" + long("9") + ";", "\N{REPLACEMENT CHARACTER}"),
    (plain_text, paragraph(long("<!--")), long("<!--")),
]


@pytest.mark.parametrize(
    ("read", "text", "result"), CASES, ids=[f"{read.__name__} {text[:8]!a}" for read, text, _ in CASES]
)
def test_a_long_text_is_read_in_linear_time(read: Callable[[str], Any], text: str, result: Any) -> None:
    is_as_expected = read(text) == result  # pytest would compare the texts letter by letter
    assert is_as_expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<!", "new"),
        ("<b", "new"),
        ("&#", "new"),
        ("a ", "b "),
        ("a <b>b</b> ", "b a "),
        ("x\n", "y\n"),
    ],
)
@pytest.mark.parametrize("length", [rewriting.LONGEST // 2, rewriting.LONGEST * 2])
def test_a_long_description_is_rewritten(before: str, after: str, length: int) -> None:
    text = after * (length // len(after))
    written = rewriting.rewrite(paragraph(before * (length // len(before))), text)
    assert plain_text(written) == rewriting.normalized(text)


def test_nested_empty_tags_are_left_out() -> None:
    depth = rewriting.LONGEST // 10
    written = rewriting.rewrite(paragraph("<b>" * depth + "old" + "</b>" * depth + "!"), "!")
    assert json.loads(written)["blocks"][0]["data"]["text"] == "!"


def test_a_long_wording_is_not_the_merchants() -> None:
    assert not wordings.is_known(Audience(consent_text="Yes."), ACCENTS)


@pytest.mark.django_db(transaction=True)
def test_an_erased_address_is_found_beside_a_long_value(shop: Any) -> None:  # noqa: F811 - the fixture
    erasure.erase(shop, "ada@shop.example")
    for number, value in enumerate((long("a"), long("a@"), ACCENTS)):
        note = {"key": "note", "value": value}
        found = order(str(number), email="m@shop.example") | {
            "metadata": [note],
            "note": "Call ada@shop.example.",
        }
        deliver(shop, "order_updated", {"order": found}, number + 1)
    assert stored_events.clear_later_events() == 3
    assert stored_events.clear_later_events() == 0


@pytest.mark.django_db(transaction=True)
def test_long_cells_are_refused_one_by_one(shop: Any) -> None:  # noqa: F811 - the fixture
    audience = Audience.objects.create(installation=shop, name="Customers", is_default=True)
    name = "#" + "-1" * (LONGEST_CELL // 2 - 5) + "!"
    country = "a" + " " * (LONGEST_CELL - 10) + "b"
    report = import_csv(
        audience, as_file(f"email,name,country\nada@shop.example,{name},{country}\n"), ImportOptions()
    )
    assert sorted(each.field for each in report.cells) == ["country", "name"]
