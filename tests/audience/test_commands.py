"""`import`, `export` and `segment`, as an operator runs them."""

import json
from pathlib import Path
from typing import Any

import pytest

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.shops.models import Installation
from tests.audience.segments.people import bought, contact


@pytest.fixture
def audience(shop: Installation) -> Audience:
    return Audience.objects.create(
        installation=shop, name="Customers", is_default=True, consent_text="News, please."
    )


def run(
    capsys: pytest.CaptureFixture[str], command: str, audience: Audience, *arguments: str
) -> tuple[int, Any]:
    code = main([command, *arguments, "--saleor-api-url", audience.installation.saleor_api_url])
    captured = capsys.readouterr()
    return code, captured.out or captured.err


def test_import_dry_runs_then_imports(
    capsys: pytest.CaptureFixture[str], audience: Audience, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("Mail address,said,when\na@shop.test,yes,2026-01-01\n")
    mapped = ["--map", "email=Mail address", "--map", "consent=said", "--map", "consent_at=when"]
    code, output = run(capsys, "import", audience, str(file), *mapped, "--dry-run")
    assert (code, json.loads(output)["consents"], Contact.objects.count()) == (0, 1, 0)
    code, output = run(capsys, "import", audience, str(file), *mapped, "--audience", "Customers")
    assert (code, json.loads(output)["new"], Contact.objects.get().status) == (0, 1, "subscribed")


def test_import_reports_invalid_rows_and_fails(
    capsys: pytest.CaptureFixture[str], audience: Audience, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email\nnobody\n")
    code, output = run(capsys, "import", audience, str(file))
    assert code == 1
    assert json.loads(output)["errors"] == [
        {"line": 2, "field": "email", "message": "This is not an email address."}
    ]
    file.write_bytes(b'email\n"never closed\n')
    code, output = run(capsys, "import", audience, str(file))
    assert code == 1
    assert json.loads(output)["errors"] == [
        {"line": 2, "field": "row", "message": "A quotation mark is missing, or there is one too many."}
    ]


def test_import_reads_a_file_with_the_given_options(
    capsys: pytest.CaptureFixture[str], audience: Audience, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes("Mail\tnews\tname\na@shop.test\toui\tŁucja Nowak\nb@shop.test\tnon\t\n".encode("cp1250"))
    code, output = run(
        capsys, "import", audience, str(file), "--map", "email=Mail", "--map", "consent=news", "--encoding", "cp1250",
        "--separator", "tab", "--given-value", "oui", "--withdrawn-value", "non", "--consent-at", "2026-01-01",
        "--consent-text", "News, please.",
    )  # fmt: skip
    assert code == 0
    assert json.loads(output)["file"]["columns"]["used"]["consent"] == ["news"]
    people = audience.contacts.order_by("email").values_list("status", "first_name")
    assert list(people) == [("subscribed", "Łucja"), ("unsubscribed", "")]
    code, output = run(capsys, "import", audience, str(file), "--map", "email=Mail", "--as", "cleaned")
    assert json.loads(output)["statuses"] == {"subscribed → cleaned": 1, "unsubscribed → cleaned": 1}


def test_export_writes_the_selected_contacts(
    capsys: pytest.CaptureFixture[str], audience: Audience, tmp_path: Path
) -> None:
    contact(audience, email="a@shop.test", country="FR")
    contact(audience, email="b@shop.test", consent="confirmed")
    _code, output = run(capsys, "export", audience)
    assert len(output.splitlines()) == 3
    file = tmp_path / "out.csv"
    code, output = run(capsys, "export", audience, "--status", "nonsubscribed", "--output", str(file))
    assert (code, output) == (0, "")
    assert file.read_text().splitlines()[1].startswith("a@shop.test,")
    rule = tmp_path / "rule.json"
    rule.write_text(json.dumps({"version": 1, "root": {"type": "status", "in": ["subscribed"]}}))
    run(capsys, "segment", audience, "save", "--name", "Mail list", "--rule", str(rule))
    _code, output = run(capsys, "export", audience, "--segment", "mail list")
    assert [line.split(",")[0] for line in output.splitlines()] == ["email", "b@shop.test"]
    _code, output = run(capsys, "export", audience, "--ads", "meta")
    assert (len(output.splitlines()), "shop.test" in output) == (2, False)


def test_segments_are_previewed_saved_explained_and_deleted(
    capsys: pytest.CaptureFixture[str], audience: Audience, tmp_path: Path
) -> None:
    buyer = contact(audience, email="a@shop.test")
    bought(buyer)
    contact(audience)
    rule = tmp_path / "rule.json"
    rule.write_text(json.dumps({"version": 1, "root": {"type": "ordersCount", "atLeast": 1}}))
    code, output = run(capsys, "segment", audience, "preview", "--rule", str(rule))
    seen = json.loads(output)
    assert (code, seen["count"], seen["sample"], seen["notes"]) == (0, 1, [str(buyer.pk)], [])
    for _ in range(2):
        code, output = run(
            capsys, "segment", audience, "save", "--name", "Buyers", "--rule", str(rule), "--tag", "Buyer"
        )
    assert (code, json.loads(output)["members"], json.loads(output)["tag"]) == (0, 1, "Buyer")
    assert list(buyer.contact_tags.values_list("tag__name", flat=True)) == ["Buyer"]
    code, output = run(capsys, "segment", audience, "explain", "--name", "buyers", "--email", "A@shop.test")
    assert json.loads(output) == [
        {"place": "root", "type": "ordersCount", "holds": True, "because": "1 paid order"}
    ]
    _code, output = run(capsys, "segment", audience, "list")
    assert [each["name"] for each in json.loads(output)] == ["Buyers"]
    code, output = run(capsys, "segment", audience, "delete", "--name", "Buyers")
    assert (code, Segment.objects.count(), buyer.contact_tags.count()) == (0, 0, 0)
    code, output = run(capsys, "segment", audience, "ready-made", "--currency", "USD", "--big", "10")
    assert (code, len(json.loads(output))) == (0, 6)


@pytest.mark.parametrize("action", ["preview", "save"])
@pytest.mark.parametrize("unusable", ["\\u0000", "\\ud800"])
def test_a_rule_with_text_that_cannot_be_stored_is_refused(
    capsys: pytest.CaptureFixture[str], audience: Audience, tmp_path: Path, action: str, unusable: str
) -> None:
    contact(audience)
    rule = tmp_path / "rule.json"
    rule.write_text(f'{{"version": 1, "root": {{"type": "name", "contains": "{unusable}"}}}}')
    code, output = run(capsys, "segment", audience, action, "--name", "All", "--rule", str(rule))
    assert (code, "a character that databases cannot store" in output) == (1, True)
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["preview"], "Give the rule"),
        (["preview", "--rule", "nowhere.json"], "cannot be read"),
        (["save", "--rule", "nowhere.json"], "Give the segment"),
        (["delete", "--name", "None"], "no segment with this name"),
        (["explain", "--name", "None", "--email", "who@shop.test"], "no contact with this address"),
        (["list", "--audience", "Elsewhere"], "It has: Customers"),
    ],
)
def test_errors_are_one_line(
    capsys: pytest.CaptureFixture[str], audience: Audience, arguments: list[str], message: str
) -> None:
    code, output = run(capsys, "segment", audience, *arguments)
    assert code == 1
    assert message in output
    assert len(output.strip().splitlines()) == 1
