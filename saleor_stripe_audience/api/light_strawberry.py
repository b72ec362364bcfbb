"""Loads strawberry_django without what it only needs for columns that no model here has.

It would search for the library of geographical columns, which starts two dozen processes, and for array columns it
would load psycopg even if the database is SQLite: together a quarter of what the first GraphQL request waits for.
"""

import ctypes.util
import sys

_ARRAYS = "django.contrib.postgres.fields"
_find_library = ctypes.util.find_library


def _find_any_but_gdal(name: str) -> str | None:
    return None if name.lower().startswith("gdal") else _find_library(name)


_had_arrays = _ARRAYS in sys.modules
ctypes.util.find_library = _find_any_but_gdal
if not _had_arrays:
    sys.modules[_ARRAYS] = None  # type: ignore[assignment]  # Python's own way to say that there is none
try:
    import strawberry_django  # noqa: F401 - it looks for both now, and never again
finally:
    ctypes.util.find_library = _find_library
    if not _had_arrays:
        del sys.modules[_ARRAYS]
