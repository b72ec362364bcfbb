"""Keeps structlog from loading `rich` if that is installed: it takes a fifth of the startup time, for colors that logs
do not have.
"""

import sys

_loaded = sys.modules.get("rich")
if _loaded is None:
    sys.modules["rich"] = None  # type: ignore[assignment]  # Python's own way to say that there is none
    import structlog  # noqa: F401 - it looks for rich now, and never again

    del sys.modules["rich"]
