"""Installed by the stand-in as by Saleor; refused to everybody who is not allowed."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor import addresses
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.shops.models import Installation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(settings: Any, live_server: Any) -> Iterator[SaleorSandbox]:
    settings.PUBLIC_URL = live_server.url
    with SaleorSandbox() as sandbox:
        settings.ALLOWED_SALEOR_URLS = (sandbox.api_url,)
        yield sandbox


def post(api_url: str, body: Any) -> Any:
    return Client().post(
        "/api/register",
        body if isinstance(body, str) else json.dumps(body),
        content_type="application/json",
        headers={"Saleor-Api-Url": api_url},
    )


def test_the_shop_installs_the_app_and_its_token_is_encrypted(shop: SaleorSandbox, live_server: Any) -> None:
    app = shop.install(f"{live_server.url}/api/manifest")
    installed = Installation.objects.get()
    assert installed.saleor_api_url == shop.api_url
    assert installed.token
    assert installed.shop_name == "Saleor sandbox", "emails are sent in its name from the beginning"
    assert set(installed.channels.values_list("currency", flat=True)) == {"USD", "PLN"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM shops_installation")
        assert installed.token not in cursor.fetchone()[0]
    assert app.identifier == "saleor.app.stripe-audience"


def test_a_reinstall_keeps_the_shops_row(shop: SaleorSandbox, live_server: Any) -> None:
    first = shop.install(f"{live_server.url}/api/manifest")
    before = Installation.objects.get()
    shop.delete_app(first)
    shop.install(f"{live_server.url}/api/manifest")
    after = Installation.objects.get()
    assert after.pk == before.pk
    assert after.app_id != before.app_id
    assert after.token != before.token


@pytest.mark.parametrize(
    "body", ["", "[]", "null", "{}", '{"auth_token": ""}', '{"auth_token": 7}', "[" * 50_000]
)
def test_without_a_token_nothing_is_kept(shop: SaleorSandbox, body: str) -> None:
    answer = post(shop.api_url, body)
    assert answer.status_code == 403
    assert answer.json()["error"]["message"]
    assert not Installation.objects.exists()


def test_a_token_that_the_shop_does_not_know_is_refused(shop: SaleorSandbox) -> None:
    answer = post(shop.api_url, {"auth_token": "invented"})
    assert answer.status_code == 403
    assert "install" in answer.json()["error"]["message"]
    assert not Installation.objects.exists()


def test_a_shop_that_is_not_on_the_list_is_not_even_called(shop: SaleorSandbox, settings: Any) -> None:
    settings.ALLOWED_SALEOR_URLS = ("https://another.example.com/graphql/",)
    answer = post(shop.api_url, {"auth_token": "a-token"})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "shop_not_allowed"
    assert "ALLOWED_SALEOR_URLS" in answer.json()["error"]["message"]
    assert shop.host.calls == []


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.evil.com/graphql/",
        "https://shop.example.com.evil.com/graphql/",
        "https://evil.com/shop.example.com/graphql/",
        "https://a.b.example.com/graphql/",
        "https://shop.example.com/other/",
        "https://shop.example.com@evil.com/graphql/",
        "https://shop.example.com/graphql/?next=https://evil.com",
        "",
    ],
)
def test_a_star_stands_only_inside_the_first_label(settings: Any, url: str) -> None:
    settings.ALLOWED_SALEOR_URLS = (
        "https://*.example.com/graphql/",
        "https://shop-*.evil.com.example.com/graphql/",
    )
    with pytest.raises(Rejected) as refused:
        addresses.check_allowed(url)
    assert refused.value.code == "shop_not_allowed"


def test_http_is_for_loopback_only(settings: Any) -> None:
    settings.ALLOWED_SALEOR_URLS = ("http://shop.example.com/graphql/", "http://127.0.0.1:8000/graphql/")
    addresses.check_allowed("http://127.0.0.1:8000/graphql/")
    with pytest.raises(Rejected) as refused:
        addresses.check_allowed("http://shop.example.com/graphql/")
    assert refused.value.code == "https_required"


def test_the_case_of_the_host_makes_no_difference(settings: Any) -> None:
    settings.ALLOWED_SALEOR_URLS = ("https://Shop.Example.com/graphql",)
    addresses.check_allowed("https://shop.example.com/graphql/")
    assert addresses.is_named_by_operator("https://shop.example.com/graphql/")
    with pytest.raises(Rejected):
        addresses.check_allowed("https://shop.example.com/GraphQL/")


def test_a_private_address_behind_a_pattern_is_refused(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOWED_SALEOR_URLS = ("https://*.example.com/graphql/",)
    found = [(2, 1, 6, "", ("10.0.0.7", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Rejected) as refused:
        addresses.check_allowed("https://shop.example.com/graphql/")
    assert refused.value.code == "private_address"
