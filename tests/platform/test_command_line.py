"""Commands before anything is set up: help without settings, and no files left behind."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from saleor_stripe_audience import __main__
from saleor_stripe_audience.__main__ import COMMANDS, main
from saleor_stripe_audience.shops.models import Installation
from tests.dashboard.conftest import API_URL, make_shop
from tests.platform.served import SECONDS

ROOT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty folder, with only the given settings."""
    return subprocess.run(
        [sys.executable, "-m", "saleor_stripe_audience", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


GOOD = {
    "SECRET_KEY": "a long random text of many characters",
    "PUBLIC_URL": "https://app.example.com",
    "ALLOWED_SALEOR_URLS": "https://shop.example.com/graphql/",
}


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"demo"}))
def test_every_command_tells_its_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"saleor-stripe-audience {command}" in capsys.readouterr().out


def test_help_needs_no_settings_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", "--help", PORT="eighty", METRICS_PORT="9464")
    assert done.returncode == 0, done.stderr
    assert "--no-worker" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_without_a_command_the_commands_are_listed(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "connect-stripe" in done.stdout


def test_a_command_without_a_database_says_so_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run(tmp_path, "segment", "--saleor-api-url", API_URL, "--list", METRICS_PORT="9464", **GOOD)
    assert done.returncode == 1
    assert "migrate" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("saleor-stripe-audience 0.")


@pytest.mark.django_db(transaction=True)
def test_storefront_keys_are_listed_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    make_shop()
    assert Installation.objects.exists()
    command = ["storefront-key", "--saleor-api-url", API_URL]
    assert main([*command, "--origin", "https://shop.example.com", "--name", "footer"]) == 0
    key = capsys.readouterr().out.strip()
    assert main([*command, "--list"]) == 0
    assert capsys.readouterr().out.split() == [key, "in", "use", "https://shop.example.com", "footer"]
    for _ in range(2):  # repeating it changes nothing
        assert main([*command, "--revoke", key]) == 0
    assert main([*command, "--list"]) == 0
    assert "revoked" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_a_name_that_the_terminal_does_not_have_is_written(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """Files and pipes are in UTF-8, whatever the terminal's encoding is."""
    for is_terminal, expected in ((False, "Łukasz".encode()), (True, rb"\u0141ukasz")):
        written = io.BytesIO()
        output = io.TextIOWrapper(written, encoding)
        monkeypatch.setattr(output, "isatty", lambda answer=is_terminal: answer)
        monkeypatch.setattr(sys, "stdout", output)
        __main__._write_every_name()
        output.write("Łukasz")
        output.flush()
        assert written.getvalue().strip() == expected
