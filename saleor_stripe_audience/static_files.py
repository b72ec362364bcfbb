"""Static files whose URLs change with their content, so that browsers cache them permanently: style.1a2b3c4d5e6f.css.

Django's own storage does this to files that `collectstatic` copied. This app is served from where it is installed, so
the URL is computed from the file itself, when it is first needed.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.finders import BaseFinder
from django.contrib.staticfiles.storage import StaticFilesStorage
from whitenoise.middleware import WhiteNoiseMiddleware

DIGITS = 12


class HashedStorage(StaticFilesStorage):
    """URLs with the hash of the file's content in its name; a file that does not exist has its plain URL."""

    def url(self, name: str | None) -> str:
        return str(super().url(_hashed(name) if name else name))


class HashedFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves each file at its plain URL, and at the one with its hash, which never changes."""

    def add_file_to_dictionary(self, url: str, path: str, stat_cache: object = None) -> None:
        super().add_file_to_dictionary(url, path, stat_cache=stat_cache)
        name = url.removeprefix(self.static_prefix)
        if (hashed := _hashed(name)) != name:
            super().add_file_to_dictionary(f"{self.static_prefix}{hashed}", path, stat_cache=stat_cache)


class HashedFinder(BaseFinder):
    """Finds a file by its URL with the hash, for servers that ask Django's finders, such as those of tests."""

    def find(self, path: str, find_all: bool = False, **_former: Any) -> Any:
        plain = PurePosixPath(path)
        stem, _, digest = plain.stem.rpartition(".")
        name = str(plain.with_name(f"{stem}{plain.suffix}")) if stem and len(digest) == DIGITS else ""
        found = finders.find(name) if name and _hashed(name) == path else None
        return [found] if find_all and found else found or []

    def check(self, **_: Any) -> list[Any]:
        return []

    def list(self, ignore_patterns: Any) -> Iterable[Any]:  # noqa: ARG002 - the other finders list the files
        return ()


@cache
def _hashed(name: str) -> str:
    path = finders.find(name)
    if path is None or not Path(path).is_file():
        return name
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:DIGITS]
    plain = PurePosixPath(name)
    return str(plain.with_name(f"{plain.stem}.{digest}{plain.suffix}"))
