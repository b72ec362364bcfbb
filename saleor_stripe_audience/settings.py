"""The environment as typed values, then Django's settings. An incomplete configuration is rejected with a message."""

import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from saleor_stripe_audience import mailers
from saleor_stripe_audience.logs import logging_settings

POOLED_SQLITE = "saleor_stripe_audience.pooled_sqlite3"
HIGHEST_PORT = 65_535
MOST_DAYS = 3650
MOST_PROXIES = 10
APP_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,100}")
STOCK_APP_ID = "saleor.app.payment.stripe"  # the only gateway that Saleor's reference storefront pays through
ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?/?")
PLATFORM_SECRET_KEY = re.compile(r"[rs]k_(test|live)_\S+")
PLATFORM_PUBLISHABLE_KEY = re.compile(r"pk_(test|live)_\S+")


class Environment(BaseSettings):
    """Every variable of the product; README.md lists them for operators."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=True)

    SECRET_KEY: str = ""
    SECRET_KEY_FALLBACKS: str = ""
    DATABASE_URL: str = "sqlite:///var/db.sqlite3"
    PUBLIC_URL: str = ""
    ALLOWED_SALEOR_URLS: str = ""
    DASHBOARD_ORIGINS: str = ""
    CA_FILE: str = ""
    STRIPE_API_BASE: str = "https://api.stripe.com"
    STRIPE_PLATFORM_SECRET_KEY: str = ""
    STRIPE_PLATFORM_PUBLISHABLE_KEY: str = ""
    STRIPE_PLATFORM_WEBHOOK_SECRET: str = ""
    APP_ID: str = "saleor.app.stripe-audience"
    APP_NAME: str = "Stripe and Audience"
    STAFF_LANGUAGE: str = "en"
    LOG_LEVEL: str = "INFO"
    PORT: int = 8000
    SERVER_THREADS: int = 128
    METRICS_PORT: int = 0
    METRICS_HOST: str = "127.0.0.1"
    EVENT_RETENTION_DAYS: int = 30
    CART_RETENTION_DAYS: int = 90
    API_REQUESTS_PER_MINUTE: int = 600
    GRAPHIQL: bool = False
    EMAIL_URL: str = ""
    EMAIL_FROM: str = ""
    PROXY_COUNT: int = 0

    def problems(self) -> list[str]:
        """What is missing or wrong, each with the variable to set."""
        if found := self._problems_of_wrapping():
            return found  # the others would be about the quotes and spaces
        found = []
        if not _is_secret(self.SECRET_KEY):
            found.append(
                "SECRET_KEY: give a long random text (16 characters or more); it encrypts stored secrets."
            )
        if not all(map(_is_secret, listed(self.SECRET_KEY_FALLBACKS))):
            found.append("SECRET_KEY_FALLBACKS: give former values of SECRET_KEY, separated by commas.")
        found += self._problems_of_addresses()
        found += self._problems_of_saleor()
        found += self._problems_of_numbers()
        if self.STAFF_LANGUAGE not in ("en", "fr"):
            found.append("STAFF_LANGUAGE: give en or fr, the language of problems and payment histories.")
        if self.LOG_LEVEL.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            found.append("LOG_LEVEL: give DEBUG, INFO, WARNING or ERROR.")
        return found + self._problems_of_mail() + self._problems_of_platform()

    def _problems_of_wrapping(self) -> list[str]:
        """Quotes and spaces around a value: a shell removes them, but `docker run --env-file` and others do not."""
        values = {name: value for name, value in self if isinstance(value, str) and "SECRET" not in name}
        return [
            f"{name}: remove the quotes and spaces around the value; here they are part of it."
            for name, value in values.items()
            if value != (value.strip() or value)
            or (len(value) > 1 and value[0] in "\"'" and value[0] == value[-1])
        ]

    def _problems_of_addresses(self) -> list[str]:
        found = []
        if not is_web_address(self.PUBLIC_URL):
            found.append(
                "PUBLIC_URL: give the URL at which Saleor reaches this app, such as https://app.example.com."
            )
        elif not self.PUBLIC_URL.isascii():
            found.append(
                "PUBLIC_URL: write the host in ASCII, such as https://xn--bcher-kva.example for bücher.example."
            )
        elif urlsplit(self.PUBLIC_URL).path not in ("", "/"):
            # The pages and the mails' links use paths from the root of the host.
            found.append(
                "PUBLIC_URL: give a URL without a path: the app needs a host of its own, such as "
                "https://app.example.com."
            )
        if not listed(self.ALLOWED_SALEOR_URLS):
            found.append(
                "ALLOWED_SALEOR_URLS: give the API URL of your shop, such as https://shop.example.com/graphql/."
            )
        found += [
            f"ALLOWED_SALEOR_URLS: {each[:80]!r} is not an API URL; give one such as "
            "https://shop.example.com/graphql/, with * only inside the host's first label."
            for each in listed(self.ALLOWED_SALEOR_URLS)
            if not is_shop_pattern(each)
        ]
        if not is_web_address(self.STRIPE_API_BASE):
            found.append("STRIPE_API_BASE: give a URL such as https://api.stripe.com, or leave it out.")
        if self.CA_FILE and not _has_certificates(self.CA_FILE):
            found.append("CA_FILE: give a readable file of certificates in PEM format, or leave it out.")
        return found

    def _problems_of_saleor(self) -> list[str]:
        """Settings that the shop and its Dashboard use."""
        found = [
            f"DASHBOARD_ORIGINS: {each!r} is not an origin; give one such as https://dashboard.example.com."
            for each in listed(self.DASHBOARD_ORIGINS)
            if not ORIGIN.fullmatch(each)
        ]
        if len(self.APP_NAME) > 60 or not self.APP_NAME:  # noqa: PLR2004 - Saleor's limit
            found.append("APP_NAME: give a name of at most 60 characters.")
        if not APP_IDENTIFIER.fullmatch(self.APP_ID):
            found.append(
                f"APP_ID: give letters, digits, dots, dashes and underscores, such as {STOCK_APP_ID}."
            )
        return found

    def _problems_of_platform(self) -> list[str]:
        """Stripe Connect needs all three variables or none."""
        given = {
            "STRIPE_PLATFORM_SECRET_KEY": self.STRIPE_PLATFORM_SECRET_KEY,
            "STRIPE_PLATFORM_PUBLISHABLE_KEY": self.STRIPE_PLATFORM_PUBLISHABLE_KEY,
            "STRIPE_PLATFORM_WEBHOOK_SECRET": self.STRIPE_PLATFORM_WEBHOOK_SECRET,
        }
        if not any(given.values()):
            return []
        if missing := [name for name, value in given.items() if not value]:
            return [
                f"{name}: give it too, or none of the three STRIPE_PLATFORM_ variables." for name in missing
            ]
        return self._problems_of_platform_keys()

    def _problems_of_platform_keys(self) -> list[str]:
        secret = PLATFORM_SECRET_KEY.fullmatch(self.STRIPE_PLATFORM_SECRET_KEY)
        public = PLATFORM_PUBLISHABLE_KEY.fullmatch(self.STRIPE_PLATFORM_PUBLISHABLE_KEY)
        found = []
        if secret is None:
            found.append(
                "STRIPE_PLATFORM_SECRET_KEY: give the platform's sk_test_…, sk_live_… or restricted key."
            )
        if public is None:
            found.append("STRIPE_PLATFORM_PUBLISHABLE_KEY: give the platform's pk_test_… or pk_live_… key.")
        if secret is not None and public is not None and secret[1] != public[1]:
            found.append(
                "STRIPE_PLATFORM_PUBLISHABLE_KEY: give the key of the same mode as the secret one's."
            )
        if not self.STRIPE_PLATFORM_WEBHOOK_SECRET.startswith("whsec_"):
            found.append(
                "STRIPE_PLATFORM_WEBHOOK_SECRET: give the Connect endpoint's secret, which begins with whsec_."
            )
        return found

    def _problems_of_mail(self) -> list[str]:
        if not self.EMAIL_URL:
            return []
        found = []
        try:
            mailers.mailers(self.EMAIL_URL)
        except ValueError:
            found.append(f"EMAIL_URL: give one of {mailers.FORMS}.")
        try:
            validate_email(self.EMAIL_FROM)
        except DjangoValidationError:
            found.append("EMAIL_FROM: give the sender address of mails, such as news@shop.example.com.")
        if not self.EMAIL_FROM.isascii():
            found.append(
                "EMAIL_FROM: write the domain in ASCII, such as xn--bcher-kva.example for bücher.example."
            )
        return found

    def _problems_of_numbers(self) -> list[str]:
        found = []
        if not 1 <= self.PORT <= HIGHEST_PORT:
            found.append("PORT: give a number from 1 to 65535.")
        if not 4 <= self.SERVER_THREADS <= 1024:  # noqa: PLR2004 - fewer cannot serve, more do not help
            found.append("SERVER_THREADS: give a number from 4 to 1024.")
        if not 0 <= self.METRICS_PORT <= HIGHEST_PORT or self.METRICS_PORT == self.PORT:
            found.append(
                "METRICS_PORT: give a number up to 65535 that differs from PORT, or 0 for no metrics."
            )
        if self.API_REQUESTS_PER_MINUTE < 1:
            found.append("API_REQUESTS_PER_MINUTE: give a number above 0.")
        if not 1 <= self.CART_RETENTION_DAYS <= MOST_DAYS:
            found.append(
                f"CART_RETENTION_DAYS: give how many days abandoned carts are kept: 1 to {MOST_DAYS}."
            )
        if not 0 <= self.EVENT_RETENTION_DAYS <= MOST_DAYS:
            found.append(
                f"EVENT_RETENTION_DAYS: give how many days handled events are kept: 0 to {MOST_DAYS}."
            )
        if not 0 <= self.PROXY_COUNT <= MOST_PROXIES:
            found.append(
                f"PROXY_COUNT: give how many of your proxies are in front of the app: 0 to {MOST_PROXIES}."
            )
        return found


def is_web_address(text: str) -> bool:
    """Whether it is an http or https URL with a host, and without query and fragment."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    has_form = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    return has_form and not parts.query and not parts.fragment and not re.search(r"\s", text)


def is_shop_pattern(text: str) -> bool:
    """Whether it is a shop's API URL, with * allowed inside the host's first label."""
    if not is_web_address(text) or urlsplit(text).path in ("", "/"):
        return False
    first, dot, rest = urlsplit(text).netloc.partition(".")
    return "*" not in text or (
        "*" in first and bool(dot) and text.count("*") == first.count("*") and bool(rest)
    )


def _is_secret(text: str) -> bool:
    """Shorter texts are words, not keys; and a key is not one character many times."""
    return len(text) >= 16 and len(set(text)) > 4  # noqa: PLR2004 - as the docstring says


def listed(text: str) -> tuple[str, ...]:
    """The entries of a comma-separated variable."""
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def read_environment() -> Environment:
    """The environment; ImproperlyConfigured names everything that is wrong at once."""
    try:
        environment = Environment()
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise ImproperlyConfigured("\n".join(lines)) from None
    if problems := environment.problems():
        raise ImproperlyConfigured("\n".join(problems))
    return environment


def database(url: str) -> dict[str, Any]:
    """As `database_settings`; creates the folder of an SQLite database, so that the file can be created."""
    found = database_settings(url)
    if found["ENGINE"] == POOLED_SQLITE:
        Path(found["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    return found


def database_settings(url: str) -> dict[str, Any]:
    """Django's settings for the database with that URL: SQLite or PostgreSQL."""
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    except (ValueError, dj_database_url.ParseError):
        parsed = {}
    if not parsed.get("NAME") and not parsed.get("OPTIONS", {}).get("service"):
        raise ImproperlyConfigured(
            "DATABASE_URL: give sqlite:///path or postgres://user:password@host:5432/name."
        )
    if parsed["ENGINE"] == "django.db.backends.sqlite3":
        if parsed["HOST"]:
            raise ImproperlyConfigured(
                "DATABASE_URL: give three slashes before the path of the file, such as sqlite:///var/db.sqlite3, "
                "or four before an absolute one. With two, its first folder would be read as a host."
            )
        return _sqlite(parsed)
    if parsed["ENGINE"] == "django.db.backends.postgresql":
        return _postgresql(parsed)
    raise ImproperlyConfigured("DATABASE_URL: only SQLite and PostgreSQL are supported.")


def _sqlite(parsed: dict[str, Any]) -> dict[str, Any]:
    if ":memory:" in parsed["NAME"]:
        raise ImproperlyConfigured(
            "DATABASE_URL: give the path of a file, such as sqlite:///var/db.sqlite3: each process would have a "
            "database in memory of its own, which is lost when it ends."
        )
    # With Django's defaults 16 writers lost half of all writes ("database is locked"); with these none.
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
        # Each connection has its own copy of pages that the system keeps, too.
        "PRAGMA cache_size=-256;",
    }
    # After a minute a connection is opened again, in case that the file was replaced by a backup. `inbox.storage`
    # truncates the log that stays as long as a connection is open.
    return parsed | {"ENGINE": POOLED_SQLITE, "OPTIONS": options, "CONN_MAX_AGE": 60}


def _postgresql(parsed: dict[str, Any]) -> dict[str, Any]:
    from saleor_stripe_audience import connection_pool  # noqa: PLC0415 - SQLite needs none of its nine megabytes

    # Connections are pooled and returned before every network call: see database.py.
    options = connection_pool.NOTICING | parsed.get("OPTIONS", {}) | {"pool": connection_pool.pool_options()}
    return parsed | {"OPTIONS": options, "CONN_MAX_AGE": 0}


def _has_certificates(path: str) -> bool:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError):  # one of ssl's own errors is an OSError
        return False
    return True


_environment = read_environment()

SECRET_KEY = _environment.SECRET_KEY
SECRET_KEY_FALLBACKS = list(listed(_environment.SECRET_KEY_FALLBACKS))
PUBLIC_URL = _environment.PUBLIC_URL.rstrip("/")
ALLOWED_SALEOR_URLS = listed(_environment.ALLOWED_SALEOR_URLS)
DASHBOARD_ORIGINS = listed(_environment.DASHBOARD_ORIGINS)
CA_FILE = _environment.CA_FILE
STRIPE_API_BASE = _environment.STRIPE_API_BASE.rstrip("/")
STRIPE_PLATFORM_SECRET_KEY = _environment.STRIPE_PLATFORM_SECRET_KEY
STRIPE_PLATFORM_PUBLISHABLE_KEY = _environment.STRIPE_PLATFORM_PUBLISHABLE_KEY
STRIPE_PLATFORM_WEBHOOK_SECRET = _environment.STRIPE_PLATFORM_WEBHOOK_SECRET
APP_ID = _environment.APP_ID
APP_NAME = _environment.APP_NAME
STAFF_LANGUAGE = _environment.STAFF_LANGUAGE
PORT = _environment.PORT
SERVER_THREADS = _environment.SERVER_THREADS
METRICS_PORT = _environment.METRICS_PORT
METRICS_HOST = _environment.METRICS_HOST
API_REQUESTS_PER_MINUTE = _environment.API_REQUESTS_PER_MINUTE
GRAPHIQL = _environment.GRAPHIQL
EVENT_RETENTION_DAYS = _environment.EVENT_RETENTION_DAYS
CART_RETENTION_DAYS = _environment.CART_RETENTION_DAYS
PROXY_COUNT = _environment.PROXY_COUNT
EMAIL_CONFIGURED = bool(_environment.EMAIL_URL)
MAILERS = mailers.mailers(_environment.EMAIL_URL)
DEFAULT_FROM_EMAIL = _environment.EMAIL_FROM

DEBUG = False
# The app never builds its own URL from Host, and Saleor's IP filter rewrites it: any is accepted.
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "saleor_stripe_audience.urls"
EVENT_HANDLERS = "saleor_stripe_audience.event_handlers"
WSGI_APPLICATION = "saleor_stripe_audience.wsgi.application"
APPEND_SLASH = False
USE_TZ = True
# 1,234 in English, 1 234 in French; templates say `unlocalize` where a browser reads the number.
USE_THOUSAND_SEPARATOR = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOCALE_PATHS = [Path(__file__).parent / "locale" / reader for reader in ("shopper", "staff")]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # bytes; Saleor's largest genuine payloads are below 100 kB
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024  # an image, which is in memory already: no temporary files

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "django_ox",
    "saleor_stripe_audience.inbox",
    "saleor_stripe_audience.shops",
    "saleor_stripe_audience.saleor",
    "saleor_stripe_audience.gateway",
    "saleor_stripe_audience.jobs",
    "saleor_stripe_audience.api_keys",
    "saleor_stripe_audience.payments",
    "saleor_stripe_audience.catalog",
    "saleor_stripe_audience.audience",
    "saleor_stripe_audience.api",
    "saleor_stripe_audience.dashboard",
]

MIDDLEWARE = [
    "saleor_stripe_audience.tracing.TraceMiddleware",
    "saleor_stripe_audience.page_middleware.PageMiddleware",
    "saleor_stripe_audience.refusals.RefusalMiddleware",
]
# For what people open in a browser; see `page_middleware`.
PAGE_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "saleor_stripe_audience.page_middleware.CompressionMiddleware",
    "saleor_stripe_audience.static_files.HashedFilesMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

STATIC_URL = "/static/"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "saleor_stripe_audience.static_files.HashedFinder",
]
STORAGES = {"staticfiles": {"BACKEND": "saleor_stripe_audience.static_files.HashedStorage"}}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

DATABASE_URL = _environment.DATABASE_URL
DATABASES = {"default": database_settings(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TASK_MAX_ATTEMPTS = 8
TASKS: dict[str, Any] = {
    "default": {
        "BACKEND": "saleor_stripe_audience.task_engine.Backend",
        "QUEUES": [],  # any: a queue for each sender of events, and for each audience whose segments are evaluated
        "OPTIONS": {
            "MAX_ATTEMPTS": TASK_MAX_ATTEMPTS,
            "LOCK_TIMEOUT": 30,  # seconds without renewal until another worker takes over the task
            "BACKOFF_INITIAL": 2,
            "BACKOFF_MAX": 600,
            "SCHEDULES": {
                "sweep the inbox": {"task": "saleor_stripe_audience.inbox.engine.sweep_inbox", "every": 60},
                "sync webhooks": {
                    "task": "saleor_stripe_audience.saleor.webhook_sync.sync_all_webhooks",
                    "every": 3600,
                },
                "continue accepted shops": {
                    "task": "saleor_stripe_audience.saleor.webhook_sync.continue_accepted_shops",
                    "every": 60,
                },
                "forget removed shops": {
                    "task": "saleor_stripe_audience.shops.removal.forget_removed_shops",
                    "cron": "47 3 * * *",
                },
                "forget old registration counts": {
                    "task": "saleor_stripe_audience.saleor.registration_limits.forget_old_counts",
                    "cron": "47 3 * * *",
                },
                "check Stripe's endpoints": {
                    "task": "saleor_stripe_audience.payments.tasks.keep_endpoints",
                    "every": 3600,
                },
                "forget old attempts": {
                    "task": "saleor_stripe_audience.payments.tasks.forget_old_attempts",
                    "cron": "27 3 * * *",
                },
                "look for orders": {
                    "task": "saleor_stripe_audience.payments.tasks.look_for_orders",
                    "cron": "7 * * * *",
                },
                "forget old request counts": {
                    "task": "saleor_stripe_audience.api.tasks.forget_old_counts",
                    "cron": "37 * * * *",
                },
                "prune carts": {
                    "task": "saleor_stripe_audience.audience.tasks.prune_carts",
                    "cron": "57 3 * * *",
                },
                "clear events of erased people": {
                    "task": "saleor_stripe_audience.audience.tasks.clear_events_of_erased",
                    "cron": "27 * * * *",
                },
                "erase deleted accounts": {
                    "task": "saleor_stripe_audience.audience.transfer.deleted_accounts.erase_deleted_accounts",
                    "cron": "27 3 * * *",
                },
                "forget early withdrawals": {
                    "task": "saleor_stripe_audience.audience.tasks.forget_early_withdrawals",
                    "cron": "47 3 * * *",
                },
                "forget mail requests": {
                    "task": "saleor_stripe_audience.audience.tasks.forget_mail_requests",
                    "cron": "7 4 * * *",
                },
                "forget import files": {
                    "task": "saleor_stripe_audience.audience.tasks.forget_import_files",
                    "cron": "17 4 * * *",
                },
                "sweep jobs": {
                    "task": "saleor_stripe_audience.jobs.engine.sweep_jobs",
                    "every": 60,
                },
                "sync catalogues": {
                    "task": "saleor_stripe_audience.catalog.tasks.sync_all",
                    "cron": "37 2 * * *",
                },
                "push what is due": {
                    "task": "saleor_stripe_audience.catalog.tasks.push_what_is_due",
                    "every": 60,
                },
                "refresh segments": {
                    "task": "saleor_stripe_audience.audience.segments.membership.refresh_segments",
                    "every": 60,
                },
                "reconcile": {"task": "saleor_stripe_audience.payments.tasks.reconcile_all", "every": 3600},
                "prune the inbox": {
                    "task": "saleor_stripe_audience.inbox.engine.prune_inbox",
                    "cron": "17 3 * * *",
                },
                "prune tasks": {
                    "task": "saleor_stripe_audience.inbox.engine.prune_tasks",
                    "cron": "37 3 * * *",
                },
            },
        },
    }
}

if DATABASES["default"]["ENGINE"] == POOLED_SQLITE:
    TASKS["default"]["OPTIONS"]["SCHEDULES"]["truncate SQLite's log"] = {
        "task": "saleor_stripe_audience.inbox.storage.truncate_log",
        "every": 300,
    }

LOGGING = logging_settings(_environment.LOG_LEVEL.upper())
