"""Libraries of geometry are not searched for; others are."""

import ctypes.util

import pytest

from saleor_stripe_audience import api, without_gis


def test_libraries_of_geometry_are_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []

    def find(name: str) -> str:
        searched.append(name)
        return f"lib{name}.so"

    monkeypatch.setattr(ctypes.util, "find_library", find)
    with without_gis.unsearched():
        found = [
            ctypes.util.find_library(name) for name in ("gdal", "GDAL", "gdal3.8.0", "geos_c", "GEOS", "pq")
        ]
    assert (found, searched) == ([None] * 5 + ["libpq.so"], ["pq"])
    assert ctypes.util.find_library("gdal") == "libgdal.so"


def test_the_api_imports_strawberry_django_so() -> None:
    assert vars(api)["without_gis"] is without_gis
