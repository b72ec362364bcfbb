"""The commands of an operator. Each module has `run(arguments) -> exit code`."""

from collections.abc import Sequence
from importlib import import_module


def run(command: str, arguments: Sequence[str]) -> int:
    """Run the command of that name, such as "connect-stripe"."""
    module = import_module(f"{__name__}.{command.replace('-', '_')}")
    code: int = module.run(arguments)
    return code
