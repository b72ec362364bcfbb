"""The first request: an empty shell, at every URL that the Dashboard may open."""

import base64
import re

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from saleor_stripe_audience.dashboard import origins
from saleor_stripe_audience.dashboard.sections import SECTIONS
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


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/",
        "/overview",
        "/accounts",
        "/channels",
        "/payments",
        "/contacts",
        "/problems",
        "/problems/",
        "/a/b/c",
        "/☃",
    ],
)
def test_every_address_that_the_dashboard_may_open_is_the_shell(
    shop: Shop, client: Client, address: str
) -> None:
    """Saleor's Dashboard strips the slash before the query, and appends the rest of its own path."""
    answer = client.get(
        f"/dashboard{address}",
        {"id": "QXBwOjE=", "saleorApiUrl": API_URL, "domain": "shop", "theme": "light"},
    )
    assert answer.status_code == 200
    name = address.strip("/") if address.strip("/") in {each.name for each in SECTIONS} else "overview"
    assert f'data-start="/dashboard/{name}"' in answer.content.decode()


def test_a_browser_gets_the_shell_even_without_the_dashboards_query(shop: Shop, client: Client) -> None:
    answer = client.get("/dashboard/accounts", headers={"Sec-Fetch-Dest": "document"})
    assert answer.status_code == 200
    assert 'data-start="/dashboard/accounts"' in answer.content.decode()


def test_a_dashboard_on_any_origin_may_frame_the_shell(
    shop: Shop, client: Client, settings: Settings
) -> None:
    """A frame refused by the policy is an empty gray box, so the page itself explains who may use it."""
    settings.DASHBOARD_ORIGINS = ("https://dashboard.example.com",)
    for address in (API_URL, "https://unknown.example/graphql/", "", "\x00", "https://["):
        answer = client.get("/dashboard", {"saleorApiUrl": address})
        assert policy_of(answer)["frame-ancestors"] == "http: https:"


def test_the_shell_is_the_same_for_every_shop(shop: Shop, client: Client) -> None:
    """The shell does not reveal whether a shop uses the app."""
    known = client.get("/dashboard", {"saleorApiUrl": API_URL})
    unknown = client.get("/dashboard", {"saleorApiUrl": "https://other.example.com/graphql/"})
    assert known.content == unknown.content
    assert "example" not in known.content.decode()


def test_only_the_operators_dashboards_are_served(
    shop: Shop, client: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DASHBOARD_ORIGINS = ("https://dashboard.example.com/", "https://d2.example.com:8443")

    def ask(origin: str | None) -> tuple[int, str]:
        headers = shop.headers() | ({} if origin is None else {"Dashboard-Origin": origin})
        answer = client.get("/dashboard/overview", headers=headers)
        return answer.status_code, answer.content.decode()

    for named in ("https://dashboard.example.com", "https://d2.example.com:8443"):
        assert ask(named)[0] == 200
    others = ("", "null", "https://dashboard.example.com.evil.example", "http://dashboard.example.com")
    for other in (None, *others):
        assert ask(other)[0] == 403
    status, text = ask("https://new.example.com")
    assert status == 403
    assert "https://new.example.com" in text
    assert "DASHBOARD_ORIGINS" in text
    assert "https://new.example.com" in caplog.text
    assert "<script" not in ask("https://x/<script>alert(1)</script>")[1]


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


def test_a_search_in_the_path_is_opened(client: Client) -> None:
    chosen = base64.urlsafe_b64encode(b"q=%231001&status=paid").decode().rstrip("=")
    answer = client.get(f"/dashboard/payments/~{chosen}", {"saleorApiUrl": "x"})
    assert 'data-start="/dashboard/payments?q=%231001&amp;status=paid" data-chosen' in answer.content.decode()


@pytest.mark.parametrize("chosen", ["", "!", "w6k", "a", "eA" * 3000])
def test_one_that_cannot_be_read_is_the_whole_list(client: Client, chosen: str) -> None:
    answer = client.get(f"/dashboard/payments/~{chosen}", {"saleorApiUrl": "x"})
    assert answer.status_code == 200
    assert 'data-start="/dashboard/payments' in answer.content.decode()
    assert " data-chosen" in answer.content.decode()


@pytest.mark.parametrize("listed", ["https://Dashboard.example.com:443", "https://dashboard.example.com/"])
def test_an_origin_is_compared_as_browsers_send_it(settings: Settings, listed: str) -> None:
    settings.DASHBOARD_ORIGINS = (listed,)
    assert origins.may_use_the_page("https://dashboard.example.com")
    assert not origins.may_use_the_page("https://dashboard.example.com:444")
    assert not origins.may_use_the_page("http://dashboard.example.com")
