"""Bring the database up to date."""

import argparse
from collections.abc import Sequence

from django.core.management import call_command


def run(arguments: Sequence[str]) -> int:
    """Apply every migration; running it again changes nothing."""
    argparse.ArgumentParser(prog="saleor-stripe-audience migrate", description=__doc__).parse_args(arguments)
    call_command("migrate", interactive=False, verbosity=1)
    return 0
