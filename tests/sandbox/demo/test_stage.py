"""The demo runs for hours, on any machine, and isolated."""

import socket
import time
from pathlib import Path

import pytest

from saleor_stripe_audience.sandbox.demo import stage as staging
from saleor_stripe_audience.sandbox.demo.page import served_page
from saleor_stripe_audience.sandbox.demo.shopper import TOKEN_SECONDS, Staff
from saleor_stripe_audience.sandbox.demo.stage import OWN_SETTINGS, Stage
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.settings import Environment


class Clock:
    """A clock that the test controls."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.passed


def test_staff_sign_in_again_before_their_token_expires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path)
    clock = Clock()
    monkeypatch.setattr("saleor_stripe_audience.sandbox.demo.shopper.time", clock)
    with SaleorSandbox() as saleor:
        stage.saleor, stage.saleor_api_url = saleor, saleor.api_url
        staff = Staff(stage)
        first = staff.token
        assert staff.token == first
        asked = len(saleor.host.calls)
        clock.passed = TOKEN_SECONDS + 1
        assert staff.token
        assert len(saleor.host.calls) == asked + 1
        claims = saleor.host.key.claims_of(first)
        assert claims is not None
        assert claims["exp"] - claims["iat"] > TOKEN_SECONDS


def test_a_port_that_is_in_use_is_left_to_its_owner(tmp_path: Path) -> None:
    with SaleorSandbox() as saleor, socket.socket() as other:
        stage = Stage(tmp_path)
        stage.saleor, stage.saleor_api_url = saleor, saleor.api_url
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with served_page(stage, taken) as page:
            assert page.port != taken


def test_the_operators_settings_stay_out_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo must not send email through the operator's server, or use its metrics port."""
    for name in Environment.model_fields:
        monkeypatch.setenv(name, "the operator's")
    stage = Stage(tmp_path)
    stage.app_url, stage.saleor_api_url, stage.stripe_url = "http://a", "http://b", "http://c"
    environment = stage._environment(1234)
    assert [name for name, value in environment.items() if value == "the operator's"] == []
    assert set(OWN_SETTINGS) <= set(Environment.model_fields)
    assert environment["APP_ID"] == staging.APP_ID
