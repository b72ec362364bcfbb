"""The number of examples of property tests: few, and always the same, in the suite; thousands with `make prove`."""

import os

from hypothesis import HealthCheck, settings

PROVING = int(os.environ.get("PROVE", "0"))


def play(few: int) -> settings:
    """Run this many examples in the suite, the same in every run; or PROVE new ones, if it is set."""
    return settings(
        max_examples=PROVING or few,
        derandomize=not PROVING,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
