"""The commands of an operator. Each module has `run(arguments) -> exit code`."""

from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword


def run(command: str, arguments: Sequence[str]) -> int:
    """Run the command of that name, such as "connect-stripe"."""
    name = command.replace("-", "_")
    module = import_module(f"{__name__}.{name}_" if iskeyword(name) else f"{__name__}.{name}")
    code: int = module.run(arguments)
    return code
