"""`migrate`: bring the database up to date."""

import argparse

from django.core.management import call_command
from django.db import connections


def run(options: argparse.Namespace) -> int:  # noqa: ARG001
    """Apply every migration; repeating it changes nothing."""
    apply()
    return 0


def apply() -> None:
    """Apply every migration and leave no connection open, so that processes may be started afterwards."""
    call_command("migrate", interactive=False, verbosity=0)
    for connection in connections.all():
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
