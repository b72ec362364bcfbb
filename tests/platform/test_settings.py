from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from saleor_stripe_audience.settings import database, read_environment

GOOD = {
    "SECRET_KEY": "a long random text of many characters",
    "PUBLIC_URL": "https://app.example.com",
    "ALLOWED_SALEOR_URLS": "https://shop.example.com/graphql/",
}


@pytest.fixture(autouse=True)
def _good_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_three_variables_are_enough() -> None:
    assert read_environment().STRIPE_API_BASE == "https://api.stripe.com"
    assert read_environment().DATABASE_URL.startswith("sqlite:///")
    assert read_environment().METRICS_PORT == 0


@pytest.mark.parametrize("name", sorted(GOOD))
@pytest.mark.parametrize("value", ["", " ", "short"])
def test_what_is_missing_or_unfit_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    if (name, value) == ("ALLOWED_SALEOR_URLS", "short"):
        value = ","
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: "):
        read_environment()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("METRICS_PORT", "8000"),
        ("METRICS_PORT", "-1"),
        ("EVENT_RETENTION_DAYS", "a month"),
        ("LOG_LEVEL", "loud"),
        ("SECRET_KEY_FALLBACKS", "a-former-key-of-the-app,short"),
        ("STAFF_LANGUAGE", "de"),
        ("APP_NAME", "n" * 61),
        ("APP_ID", "with a space"),
        ("APP_ID", ""),
        ("DASHBOARD_ORIGINS", "dashboard.example.com"),
        ("DASHBOARD_ORIGINS", "https://dashboard.example.com/dashboard/"),
        ("DASHBOARD_ORIGINS", "https://a.example.com; script-src *"),
        ("PROXY_COUNT", "-1"),
        ("EMAIL_URL", "mail.example.com"),
        ("EMAIL_URL", "smtp+tls://u:p@ss/word@mail.example.com:587"),
        ("EMAIL_URL", "smtp+tls://u:p@ss?word@mail.example.com:587"),
        ("PUBLIC_URL", "ftp://app.example.com"),
        ("PUBLIC_URL", "app.example.com"),
        ("PUBLIC_URL", "https://bücher.example"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: "):
        read_environment()


@pytest.mark.parametrize("wrapped", ["'{}'", '"{}"', " {}", "{} ", "{}\r"])
@pytest.mark.parametrize("name", ["ALLOWED_SALEOR_URLS", "DATABASE_URL", "EMAIL_FROM", "PUBLIC_URL"])
def test_quotes_and_spaces_around_a_value_are_named(
    monkeypatch: pytest.MonkeyPatch, name: str, wrapped: str
) -> None:
    values = GOOD | {"DATABASE_URL": "sqlite:///var/db.sqlite3", "EMAIL_FROM": "news@shop.example.com"}
    monkeypatch.setenv(name, wrapped.format(values[name]))
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: remove the quotes and spaces"):
        read_environment()


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
@pytest.mark.parametrize("value", [20 * " ", 20 * "a", 10 * "ab"])
def test_a_key_is_not_one_character(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value if name == "SECRET_KEY" else f"{value.strip() or 'a'},")
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: "):
        read_environment()


@pytest.mark.parametrize("path", ["/sub", "/sub/", "//"])
def test_the_public_url_has_no_path(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("PUBLIC_URL", f"https://app.example.com{path}")
    with pytest.raises(ImproperlyConfigured, match=r"^PUBLIC_URL: give a URL without a path"):
        read_environment()


def test_the_public_url_may_end_with_a_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://app.example.com/")
    assert read_environment().PUBLIC_URL == "https://app.example.com/"


def test_mail_needs_a_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_URL", "smtps://me:hunter2@mail.example.com")
    monkeypatch.setenv("EMAIL_FROM", "nobody")
    with pytest.raises(ImproperlyConfigured, match=r"^EMAIL_FROM: ") as refused:
        read_environment()
    assert "hunter2" not in str(refused.value)
    monkeypatch.setenv("EMAIL_FROM", "news@bücher.example.com")
    with pytest.raises(ImproperlyConfigured, match=r"^EMAIL_FROM: write the domain in ASCII"):
        read_environment()
    monkeypatch.setenv("EMAIL_FROM", "news@shop.example.com")
    assert read_environment().EMAIL_FROM == "news@shop.example.com"


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        monkeypatch.delenv(name)
    with pytest.raises(ImproperlyConfigured) as refused:
        read_environment()
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        "SECRET_KEY",
        "PUBLIC_URL",
        "ALLOWED_SALEOR_URLS",
    ]


def test_a_secret_is_not_repeated_in_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "tooshort7")
    monkeypatch.setenv("DATABASE_URL", "oracle://user:hunter2@host/name")
    with pytest.raises(ImproperlyConfigured) as refused:
        read_environment()
    assert "tooshort7" not in str(refused.value)


def test_sqlite_is_set_for_many_writers(tmp_path: Path) -> None:
    configured = database(f"sqlite:///{tmp_path}/new/folder/db.sqlite3")
    assert configured["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in configured["OPTIONS"]["init_command"]
    assert (tmp_path / "new" / "folder").is_dir()


@pytest.mark.parametrize("url", ["postgres://postgres@127.0.0.1", "postgres://127.0.0.1/", "no url"])
def test_a_database_needs_a_name(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL: give .*/name"):
        database(url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file::memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL: give the path of a file"):
        database(url)


@pytest.mark.parametrize(
    "url", ["sqlite://var/db.sqlite3", "sqlite://db.sqlite3", "sqlite://localhost/db.sqlite3"]
)
def test_a_folder_is_not_read_as_a_host(url: str) -> None:
    """The file would be created elsewhere, such as outside a container's volume."""
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL: give three slashes"):
        database(url)


def test_postgresql_is_pooled_and_no_connection_is_kept() -> None:
    configured = database("postgres://user:password@db.example.com:5432/app?sslmode=require")
    assert configured["CONN_MAX_AGE"] == 0
    assert configured["OPTIONS"]["sslmode"] == "require"
    assert configured["OPTIONS"]["pool"]["max_size"] > 1


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:hunter2@host/name",
        "gibberish://hunter2",
        "hunter2",
        "postgres://user:hunter2@host:port/name",
    ],
)
def test_another_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL: ") as refused:
        database(url)
    assert "hunter2" not in str(refused.value)


PLATFORM = {
    "STRIPE_PLATFORM_SECRET_KEY": "sk_test_1",
    "STRIPE_PLATFORM_PUBLISHABLE_KEY": "pk_test_1",
    "STRIPE_PLATFORM_WEBHOOK_SECRET": "whsec_1",
}


def test_a_platform_is_given_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PLATFORM.items():
        monkeypatch.setenv(name, value)
    assert read_environment().STRIPE_PLATFORM_WEBHOOK_SECRET == "whsec_1"
    monkeypatch.setenv("STRIPE_PLATFORM_SECRET_KEY", "rk_test_1")
    assert read_environment().STRIPE_PLATFORM_SECRET_KEY == "rk_test_1"


@pytest.mark.parametrize("missing", sorted(PLATFORM))
def test_what_is_missing_of_a_platform_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in PLATFORM.keys() - {missing}:
        monkeypatch.setenv(name, PLATFORM[name])
    with pytest.raises(ImproperlyConfigured, match=f"^{missing}: "):
        read_environment()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_PLATFORM_SECRET_KEY", "pk_test_1"),
        ("STRIPE_PLATFORM_SECRET_KEY", "sk_test_1 "),
        ("STRIPE_PLATFORM_PUBLISHABLE_KEY", "sk_test_1"),
        ("STRIPE_PLATFORM_PUBLISHABLE_KEY", "pk_live_1"),
        ("STRIPE_PLATFORM_WEBHOOK_SECRET", "we_1"),
    ],
)
def test_a_wrong_part_of_a_platform_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    for each, good in (PLATFORM | {name: value}).items():
        monkeypatch.setenv(each, good)
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: ") as refused:
        read_environment()
    assert value not in str(refused.value), "no key in a message"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "https://["),
        ("PUBLIC_URL", "https://app.example.com:port"),
        ("PUBLIC_URL", "https://app.example.com/?a=b"),
        ("PUBLIC_URL", "https://user:password@app.example.com"),
        ("ALLOWED_SALEOR_URLS", "*"),
        ("ALLOWED_SALEOR_URLS", "shop.example.com/graphql/"),
        ("ALLOWED_SALEOR_URLS", "https://*/graphql/"),
        ("ALLOWED_SALEOR_URLS", "https://shop.*.com/graphql/"),
        ("ALLOWED_SALEOR_URLS", "https://shop.example.com/*"),
        ("ALLOWED_SALEOR_URLS", "https://["),
        ("ALLOWED_SALEOR_URLS", "https://shop.example.com"),
        ("ALLOWED_SALEOR_URLS", "https://*.example.com/"),
        ("STRIPE_API_BASE", "stripe"),
        ("CA_FILE", "/nowhere/authorities.pem"),
        ("CA_FILE", __file__),
        ("EVENT_RETENTION_DAYS", "-1"),
        ("EVENT_RETENTION_DAYS", "999999999"),
        ("CART_RETENTION_DAYS", "999999999"),
        ("PROXY_COUNT", "1000"),
    ],
)
def test_nonsense_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: "):
        read_environment()


@pytest.mark.parametrize(
    "value",
    [
        "https://*.example.com/graphql/",
        "https://shop-*.example.com/graphql/",
        "http://127.0.0.1:8000/graphql/",
    ],
)
def test_patterns_of_shops_are_taken(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ALLOWED_SALEOR_URLS", value)
    assert value == read_environment().ALLOWED_SALEOR_URLS
