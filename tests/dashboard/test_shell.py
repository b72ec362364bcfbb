"""The first request: an empty shell that says who may frame it."""

import re

from django.test import Client
from pytest_django.fixtures import Settings

from tests.dashboard.conftest import API_URL, Shop


def policy_of(answer: object) -> dict[str, str]:
    rules = answer["Content-Security-Policy"].split("; ")  # type: ignore[index]  # Django's test response
    return dict(rule.partition(" ")[::2] for rule in rules)


def test_the_shell_knows_nothing_and_keeps_nothing(shop: Shop, client: Client) -> None:
    answer = client.get("/dashboard/", {"saleorApiUrl": API_URL, "id": shop.installation.app_id})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert shop.installation.app_id not in text
    assert "Default" not in text
    assert not answer.cookies
    assert "X-Frame-Options" not in answer
    assert "no-store" in answer["Cache-Control"]


def test_only_our_own_scripts_run(shop: Shop, client: Client) -> None:
    answer = client.get("/dashboard/", {"saleorApiUrl": API_URL})
    policy = policy_of(answer)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    text = answer.content.decode()
    assert "<script>" not in text
    assert "style=" not in text
    assert "//" not in text.replace(API_URL, "").replace("https://shop.example.com", "")


def test_without_a_setting_the_shops_own_origin_may_frame_it(shop: Shop, client: Client) -> None:
    answer = client.get("/dashboard/", {"saleorApiUrl": API_URL})
    assert policy_of(answer)["frame-ancestors"] == "https://shop.example.com"
    assert 'data-origins="https://shop.example.com"' in answer.content.decode()


def test_an_unknown_shop_never_gets_into_the_policy(shop: Shop, client: Client, settings: Settings) -> None:
    settings.ALLOWED_SALEOR_URLS = ("https://other.example.com/graphql/", "https://*.example.net/graphql/")
    answer = client.get("/dashboard/", {"saleorApiUrl": "https://evil.example/graphql/"})
    assert policy_of(answer)["frame-ancestors"] == "https://other.example.com"
    assert "evil" not in answer.content.decode()


def test_the_operators_origins_come_before_all(shop: Shop, client: Client, settings: Settings) -> None:
    settings.DASHBOARD_ORIGINS = ("https://dashboard.example.com/", "https://d2.example.com:8443")
    answer = client.get("/dashboard/", {"saleorApiUrl": API_URL})
    expected = "https://dashboard.example.com https://d2.example.com:8443"
    assert policy_of(answer)["frame-ancestors"] == expected


def test_what_is_no_origin_is_left_out_of_the_policy(shop: Shop, client: Client, settings: Settings) -> None:
    settings.DASHBOARD_ORIGINS = ("https://a.example.com; script-src *", "javascript:alert(1)")
    assert policy_of(client.get("/dashboard/"))["frame-ancestors"] == "'none'"


def test_the_dashboards_language_and_theme_are_taken(shop: Shop, client: Client) -> None:
    french = client.get("/dashboard/", {"saleorApiUrl": API_URL, "locale": "fr-CA", "theme": "dark"})
    assert '<html lang="fr" data-theme="dark">' in french.content.decode()
    english = client.get("/dashboard/", {"saleorApiUrl": API_URL, "locale": "xx"})
    assert '<html lang="en" data-theme="light">' in english.content.decode()


def test_nothing_can_be_posted_to_the_shell(shop: Shop, client: Client) -> None:
    assert client.post("/dashboard/").status_code == 405


def test_what_the_shell_names_is_served_by_the_app_itself(shop: Shop, client: Client) -> None:
    text = client.get("/dashboard/").content.decode()
    named = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    assert len(named) == 3
    for address in named:
        answer = client.get(address)
        assert answer.status_code == 200
        assert b"".join(answer)
