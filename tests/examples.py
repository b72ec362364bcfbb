"""How many examples the property tests play: few, and always the same, in the suite; thousands by `make prove`."""

import os

from hypothesis import HealthCheck, settings

PROVING = int(os.environ.get("PROVE", "0"))


def play(few: int) -> settings:
    """So many examples in the suite, chosen alike in every run; as many new ones as PROVE says where it is set."""
    return settings(
        max_examples=PROVING or few,
        derandomize=not PROVING,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
