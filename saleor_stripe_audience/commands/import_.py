"""Bring contacts of a CSV file into an audience. Prints JSON; stopped, it goes on when the same file is given again."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.transfer.columns import KNOWN
from saleor_stripe_audience.audience.transfer.formats import TakenAs
from saleor_stripe_audience.audience.transfer.import_job import FileJob, job_of_file
from saleor_stripe_audience.audience.transfer.importing import Wishes, import_csv
from saleor_stripe_audience.audience.transfer.rows import read_moment
from saleor_stripe_audience.commands import audiences


def run(arguments: Sequence[str]) -> int:
    """Exit code 1 if a row could not be taken."""
    options = _options(arguments)
    wishes = Wishes(
        dict(options.map),
        options.consent_text,
        options.actor,
        options.dry_run,
        consent_at=options.consent_at,
        taken_as=options.taken_as or "",
        given=options.given_value,
        withdrawn=options.withdrawn_value,
        encoding=options.encoding,
        separator=options.separator,
        file_name=options.file.name,
    )
    with options.file.open("rb") as file:
        told, refused = _imported(audiences.audience_of(options), file, wishes)
    print(json.dumps(told, indent=2, ensure_ascii=False))
    return 1 if refused else 0


def _imported(audience: Audience, file: BinaryIO, wishes: Wishes) -> tuple[dict[str, Any], int]:
    """The report, and the job that the same file goes on with, should this one be stopped."""
    if wishes.dry_run:
        report = import_csv(audience, file, wishes, _progress())
        return report.as_json(), report.refused
    kept: list[FileJob] = []

    def keeper_of(digest: str, rows: int) -> FileJob:
        kept.append(job_of_file(audience, wishes, digest, rows))
        return kept[0]

    report = import_csv(audience, file, wishes, _progress(), keeper_of)
    job = kept[0].job
    told = {"id": str(job.pk), "state": job.state, "done": job.done, "failed": job.failed, "total": job.total}
    return report.as_json() | {"job": told}, report.refused


def _progress() -> Callable[[int], None]:
    """On a terminal, how many lines are done."""
    if not sys.stderr.isatty():
        return lambda _lines: None
    return lambda lines: print(f"\r{lines:,} lines", end="", file=sys.stderr, flush=True)


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("give OURS=THEIRS, such as email=Mail")
    return ours.strip(), theirs


def _time(text: str) -> datetime:
    moment = read_moment(text)
    if moment is None:
        raise argparse.ArgumentTypeError("give a time, such as 2026-11-23T14:00:00Z")
    return moment


def _separator(text: str) -> str:
    return "\t" if text in ("tab", "\\t") else text


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError("there is no such file")
    return path


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience import", description=__doc__)
    parser.add_argument("file", type=_file, metavar="FILE", help="CSV with a header")
    audiences.add_options(parser)
    parser.add_argument(
        "--map", action="append", type=_pair, default=[], metavar="OURS=THEIRS",
        help=f"which of the file's columns is ours; ours are {', '.join(KNOWN)} (default: by the usual names)",
    )  # fmt: skip
    parser.add_argument(
        "--consent-text", default="", metavar="WORDS",
        help="what those with consent agreed to, where the file does not say (default: the audience's own)",
    )  # fmt: skip
    parser.add_argument(
        "--consent-at", type=_time, metavar="TIME",
        help="when they agreed to it, where the file does not say; without a zone it is UTC",
    )  # fmt: skip
    parser.add_argument(
        "--as", dest="taken_as", choices=[each.value for each in TakenAs],
        help="what the whole file is a list of, unless a row says that its person left (default: as the rows tell)",
    )  # fmt: skip
    parser.add_argument(
        "--given-value", action="append", default=[], metavar="VALUE",
        help="a value of the column of consent that means yes; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--withdrawn-value", action="append", default=[], metavar="VALUE",
        help="a value of the column of consent that means that it is taken back; may be repeated",
    )  # fmt: skip
    parser.add_argument("--encoding", default="", help="such as cp1250 (default: found out)")
    parser.add_argument(
        "--separator", type=_separator, default="", metavar="CHARACTER",
        help="what stands between cells; tab for a tab (default: found out)",
    )  # fmt: skip
    parser.add_argument("--actor", default="command line", help="who imports, for the ledger")
    parser.add_argument("--dry-run", action="store_true", help="only say what would happen")
    return parser.parse_args(arguments)
