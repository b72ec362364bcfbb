"""Bring the database up to date."""

import argparse
from collections.abc import Sequence

from django.core.management import call_command
from django.db import connections


def run(arguments: Sequence[str]) -> int:
    """Apply every migration; running it again changes nothing."""
    argparse.ArgumentParser(prog="saleor-stripe-audience migrate", description=__doc__).parse_args(arguments)
    apply(verbosity=1)
    return 0


def apply(*, verbosity: int = 0) -> None:
    """Apply every migration and leave no connection open, so that a server may be started afterwards."""
    call_command("migrate", interactive=False, verbosity=verbosity)
    connections.close_all()
    close_pool = getattr(connections["default"], "close_pool", None)  # only PostgreSQL has a pool
    if close_pool is not None:
        close_pool()
