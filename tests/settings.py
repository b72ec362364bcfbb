"""The app's settings, with a test environment."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("SECRET_KEY", "only-for-tests-0123456789")
os.environ.setdefault("PUBLIC_URL", "http://127.0.0.1:8077")
os.environ.setdefault("ALLOWED_SALEOR_URLS", "http://127.0.0.1:8000/graphql/")
os.environ.setdefault(
    "DATABASE_URL", f"sqlite:///{Path(tempfile.gettempdir()) / 'saleor-stripe-audience' / 'unused.sqlite3'}"
)

from saleor_stripe_audience.settings import *  # noqa: F403
from saleor_stripe_audience.settings import DATABASES

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory, so that threads of a live server have their own connections, as in production.
    _folder = tempfile.mkdtemp(prefix="saleor-stripe-audience-tests-")
    DATABASES["default"]["TEST"] = {"NAME": str(Path(_folder) / "test.sqlite3")}
    # A crash would only lose test data, so nothing needs to wait for the disk.
    DATABASES["default"]["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"
else:
    # As above: a crash of the server would only lose test data.
    DATABASES["default"]["OPTIONS"]["options"] = "-c synchronous_commit=off"
