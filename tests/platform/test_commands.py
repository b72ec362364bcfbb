"""The commands on an existing database; tests/platform/test_serve.py runs them as processes."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.api_keys.keys import find_key
from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.audience.consent.models import MailWebhook
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.shops.models import Installation

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE = "https://shop.example.com/graphql/"


@pytest.fixture
def saleor_url(settings: Any) -> Iterator[str]:
    """A shop that responds but refuses all of the app's tokens."""
    with SaleorSandbox() as sandbox:
        settings.ALLOWED_SALEOR_URLS = (sandbox.api_url,)
        yield sandbox.api_url


def installed(api_url: str) -> Installation:
    return Installation.objects.create(
        saleor_api_url=api_url, app_id="QXBwOjE=", token="not-this-one", registered_at=timezone.now()
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["api-key", "--name", "mine"],
        ["connect-stripe", "--publishable-key", "pk_test_1", "--secret-key", "rk_test_1"],
    ],
)
def test_an_unknown_shop_is_one_line_that_names_it(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    installed("https://other.example.com/graphql/")
    assert main([*arguments, "--saleor-api-url", ELSEWHERE]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert ELSEWHERE in output.err
    assert len(output.err.strip().splitlines()) == 1


def test_a_key_is_printed_and_only_its_hash_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    shop = installed(ELSEWHERE)
    assert main(["api-key", "--saleor-api-url", ELSEWHERE, "--name", "reports"]) == 0
    secret = capsys.readouterr().out.strip()
    found = find_key(secret)
    assert found is not None
    assert (found.installation, found.name) == (shop, "reports")
    assert secret not in str(vars(found))


@pytest.mark.parametrize("days", ["0", "-1", "99999999999"])
def test_a_key_cannot_expire_at_an_impossible_time(capsys: pytest.CaptureFixture[str], days: str) -> None:
    installed(ELSEWHERE)
    assert main(["api-key", "--saleor-api-url", ELSEWHERE, "--name", "x", "--expires-in-days", days]) == 1
    assert "1 to 3650 days" in capsys.readouterr().err
    assert not ApiKey.objects.exists()


FULL = Path("/dev/full")  # where every write fails, as on a full disk


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        (["api-key", "--name", "unseen"], ApiKey),
        (["mail-webhook", "--service", "mailgun", "--signing-key", "key"], MailWebhook),
        (["export"], None),
    ],
)
def test_what_could_not_be_printed_is_said_and_no_secret_stays_unseen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], made: Any
) -> None:
    installed(ELSEWHERE)
    with FULL.open("w") as full, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", full)
        assert main([*arguments, "--saleor-api-url", ELSEWHERE]) == 1
    [line] = capsys.readouterr().err.strip().splitlines()
    assert "The output cannot be written: No space left on device." in line
    assert made is None or made.objects.get().revoked_at is not None


def test_a_file_that_cannot_be_written_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    installed(ELSEWHERE)
    nowhere = tmp_path / "missing" / "contacts.csv"
    assert main(["export", "--saleor-api-url", ELSEWHERE, "--output", str(nowhere)]) == 1
    [line] = capsys.readouterr().err.strip().splitlines()
    assert f"{nowhere} cannot be written: No such file or directory." in line


def test_check_says_that_no_shop_has_installed_the_app(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 1
    assert "Install the app in Saleor's Dashboard" in capsys.readouterr().out


def test_check_names_the_shop_that_refuses_the_token(
    capsys: pytest.CaptureFixture[str], saleor_url: str
) -> None:
    installed(saleor_url)
    assert main(["check"]) == 1
    output = capsys.readouterr().out
    fixes = [
        line for line in output.splitlines() if line.startswith("FIX") and "accepts the app's token" in line
    ]
    assert len(fixes) == 1
    assert saleor_url in fixes[0]
    assert "not-this-one" not in output


def test_check_names_the_shop_that_does_not_answer(capsys: pytest.CaptureFixture[str], settings: Any) -> None:
    settings.ALLOWED_SALEOR_URLS = ("http://127.0.0.1:9/graphql/",)
    installed("http://127.0.0.1:9/graphql/")
    assert main(["check"]) == 1
    assert "did not respond" in capsys.readouterr().out


def test_an_unknown_command_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sever"])
    assert ended.value.code == 2
    assert "serve" in capsys.readouterr().err
