"""Keeps strawberry-django from searching this machine for libraries of geometry, which no shop has.

The search starts dozens of processes, such as compilers, whenever a process of the app starts; what it found would only
take memory.
"""

import ctypes.util
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unsearched() -> Iterator[None]:
    """Inside, there is no GDAL and no GEOS; other libraries are found."""
    find = ctypes.util.find_library

    def find_other(name: str) -> str | None:
        return None if name.lower().startswith(("gdal", "libgdal", "geos", "libgeos")) else find(name)

    ctypes.util.find_library = find_other
    try:
        yield
    finally:
        ctypes.util.find_library = find


with unsearched():
    import strawberry_django  # noqa: F401 - it looks for them now, and never again
