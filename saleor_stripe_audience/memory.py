"""How glibc allocates and frees memory."""

import ctypes

M_ARENA_MAX = -8  # glibc's name and number: https://man7.org/linux/man-pages/man3/mallopt.3.html
ARENAS = 2


def limit_arenas() -> None:
    """Let all threads share two arenas; with one for every few threads, glibc keeps twice what the app needs.

    Other C libraries have no such limit, and need none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)


def return_unused_memory() -> None:
    """Return memory to the system that was freed after loading the app; only glibc keeps so much."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
