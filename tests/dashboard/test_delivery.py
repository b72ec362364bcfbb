"""How the page reaches the browser: small, compressed, and with files that browsers cache forever."""

import gzip
import re

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import Client

from tests.dashboard.conftest import Shop
from tests.dashboard.rows import a_contact, a_payment

MOST = 60_000  # bytes that a browser loads before the first section is shown


def load(client: Client, path: str, **headers: str) -> bytes:
    answer = client.get(path, headers={"Accept-Encoding": "gzip", **headers})
    assert answer.status_code == 200
    assert answer["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer["Vary"]
    return b"".join(answer) if answer.streaming else answer.content


def test_the_whole_page_is_small(shop: Shop, client: Client) -> None:
    for _ in range(20):
        a_payment(shop.installation)
    a_contact(shop.installation)
    shell = load(client, "/dashboard/?saleorApiUrl=x")
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', gzip.decompress(shell).decode())
    assert len(files) == 3
    loaded = len(shell) + sum(len(load(client, file)) for file in files)
    for section in ("overview", "payments", "contacts", "setup", "activity"):
        fragment = load(client, f"/dashboard/{section}", **shop.headers())
        assert loaded + len(fragment) <= MOST, section


@pytest.mark.parametrize("name", ["dashboard/dashboard.css", "dashboard/app-bridge.js"])
def test_a_files_address_has_the_hash_of_its_content_and_is_kept_for_good(client: Client, name: str) -> None:
    url = staticfiles_storage.url(name)
    assert re.fullmatch(r"/static/dashboard/[\w-]+\.[0-9a-f]{12}\.(css|js)", url)
    answer = client.get(url)
    assert answer.status_code == 200
    assert "immutable" in answer["Cache-Control"]
    plain = client.get(f"/static/{name}")
    assert b"".join(plain) == b"".join(answer)
    assert "immutable" not in plain["Cache-Control"]


def test_a_path_with_another_hash_is_not_a_file(client: Client) -> None:
    assert client.get("/static/dashboard/dashboard.0123456789ab.css").status_code == 404
    assert staticfiles_storage.url("dashboard/none.css") == "/static/dashboard/none.css"


def test_what_is_not_the_page_is_not_compressed(client: Client) -> None:
    answer = client.get("/healthz", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer


def test_a_browser_that_does_not_ask_gets_it_plain(shop: Shop, client: Client) -> None:
    answer = client.get("/dashboard/payments", headers=shop.headers())
    assert "Content-Encoding" not in answer
    assert b"<h1" in answer.content
