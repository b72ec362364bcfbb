import pytest

from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.errors import Rejected


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ada@shop.example.org", "ada@shop.example.org"),
        ("  ADA.Buyer@Example.COM ", "ada.buyer@example.com"),
        ("jo@Bücher.de", "jo@xn--bcher-kva.de"),
        ("a+tag@shop.test", "a+tag@shop.test"),
        ("A+TAG@shop.test", "a+tag@shop.test"),
        ("ÜNÏ@shop.test", "ünï@shop.test"),
        ("u\u0308@shop.test", "ü@shop.test"),
        ("a" * 64 + "@shop.test", "a" * 64 + "@shop.test"),
    ],
)
def test_one_form_of_an_address(written: str, kept: str) -> None:
    assert normalize_email(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        "\u202aada@shop.example\u202c",
        "ada@sh\xadop.example",
        "a\u200bda@shop.example",
        "\u200dada@shop.example \ufeff",
    ],
)
def test_invisible_characters_of_a_copied_address_are_dropped(written: str) -> None:
    assert normalize_email(written) == "ada@shop.example"


def test_a_normalized_address_does_not_change() -> None:
    once = normalize_email("Ünï@Bücher.de")
    assert normalize_email(once) == once


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        " ",
        "ada",
        "ada@",
        "@x.de",
        "a b@x.de",
        "ada@localhost",
        "a@b@c.de",
        "a" * 300 + "@x.de",
        "a@" + "b." * 150 + "de",
        "a\n@x.de",
        "a\0@x.de",
        "<a@x.de>",
        "a@x..de",
        "a@[127.0.0.1]",
    ],
)
def test_an_invalid_address_is_refused_without_being_repeated(written: str | None) -> None:
    with pytest.raises(Rejected) as refused:
        normalize_email(written)
    assert refused.value.code == "email_invalid"
    assert not written or not written.strip() or written not in refused.value.message
