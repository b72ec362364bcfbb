"""The processes that a command starts: their CPU time and memory, from /proc."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree_of(root: int) -> list[int]:
    """Return the process and all its descendants."""
    found = [root]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(each) for each in children.read_text().split()]
    return found


def processor_seconds(root: int) -> float:
    """Return the CPU time that they used so far, including system time."""
    return sum(_ticks(each) for each in tree_of(root)) / TICKS


def megabytes(root: int) -> float:
    """Return their memory; shared memory counts once."""
    return round(sum(_proportional(each) for each in tree_of(root)) / 1024, 1)


def resident_megabytes(root: int) -> float:
    """Return their memory; shared memory counts for each process."""
    return round(sum(_field(each, "status", "VmRSS:") for each in tree_of(root)) / 1024, 1)


def _ticks(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _proportional(process: int) -> int:
    return _field(process, "smaps_rollup", "Pss:")


def _field(process: int, file: str, name: str) -> int:
    """Return a field in kilobytes."""
    for line in Path(f"/proc/{process}/{file}").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise ValueError(f"no {name}")
