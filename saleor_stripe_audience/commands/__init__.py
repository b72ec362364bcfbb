"""The operator's commands. Each module has `run(arguments) -> exit code`."""

from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword

from saleor_stripe_audience.errors import Rejected

WITHOUT_DATABASE = ("serve", "migrate", "work", "check")  # they create it, wait for it, or report it missing


def run(command: str, arguments: Sequence[str]) -> int:
    """Run the command of that name, such as "connect-stripe"."""
    from saleor_stripe_audience.health import is_database_missing  # Django is set up only by now

    if command not in WITHOUT_DATABASE and {"-h", "--help"}.isdisjoint(arguments) and is_database_missing():
        raise Rejected("There is no database yet. Run `saleor-stripe-audience migrate`.", code="database")
    name = command.replace("-", "_")
    module = import_module(f"{__name__}.{name}_" if iskeyword(name) else f"{__name__}.{name}")
    code: int = module.run(arguments)
    return code
