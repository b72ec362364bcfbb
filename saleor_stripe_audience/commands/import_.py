"""Import contacts from a CSV file into an audience. Prints JSON; if stopped, it continues with the same file."""

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
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, import_csv
from saleor_stripe_audience.audience.transfer.moments import DAY_FIRST, MONTH_FIRST, read_moment
from saleor_stripe_audience.audience.transfer.reading import Form
from saleor_stripe_audience.commands import audiences


def run(arguments: Sequence[str]) -> int:
    """Exit code 1 if a row could not be imported."""
    options = _options(arguments)
    import_options = ImportOptions(
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
        consent_source=options.consent_source,
        tags=options.tag,
        dates=options.dates,
    )
    with options.file.open("rb") as file:
        result, refused = _import(audiences.audience_of(options), file, import_options)
    print(json.dumps(result, indent=2, ensure_ascii=False))
    return 1 if refused else 0


def _import(audience: Audience, file: BinaryIO, options: ImportOptions) -> tuple[dict[str, Any], int]:
    """The report, with the job with which the same file continues if this run is stopped."""
    if options.dry_run:
        report = import_csv(audience, file, options, _progress())
        return report.as_json(), report.refused
    jobs: list[FileJob] = []

    def create_job(form: Form, rows: int) -> FileJob:
        jobs.append(job_of_file(audience, options, form.digest, rows))
        return jobs[0]

    report = import_csv(audience, file, options, _progress(), create_job)
    job = jobs[0].job
    summary = {
        "id": str(job.pk),
        "state": job.state,
        "done": job.done,
        "failed": job.failed,
        "total": job.total,
    }
    return report.as_json() | {"job": summary}, report.refused


def _progress() -> Callable[[int], None]:
    """On a terminal, show how many lines are done."""
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
        help=f"map a column of the file to one of ours: {', '.join(KNOWN)} (default: by common names)",
    )  # fmt: skip
    parser.add_argument(
        "--consent-text", default="", metavar="WORDS",
        help="the consent text, for rows without one (default: the audience's own)",
    )  # fmt: skip
    parser.add_argument(
        "--consent-at", type=_time, metavar="TIME",
        help="the time of consent, for rows without one; UTC without a time zone",
    )  # fmt: skip
    parser.add_argument(
        "--consent-source", default="", metavar="WHERE",
        help="how and where consent was given, for rows that do not say",
    )  # fmt: skip
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="NAME",
        help="a tag for every contact in the file; repeatable",
    )
    parser.add_argument(
        "--as", dest="taken_as", choices=[each.value for each in TakenAs],
        help="what everyone in the file is, unless their row says that they left (default: as each row says)",
    )  # fmt: skip
    parser.add_argument(
        "--given-value", action="append", default=[], metavar="VALUE",
        help="a value of the consent column that means yes; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--withdrawn-value", action="append", default=[], metavar="VALUE",
        help="a value of the consent column that means withdrawn; repeatable",
    )  # fmt: skip
    parser.add_argument("--encoding", default="", help="such as cp1250 (default: detected)")
    parser.add_argument(
        "--separator", type=_separator, default="", metavar="CHARACTER",
        help="the separator of cells; tab for a tab (default: detected)",
    )  # fmt: skip
    parser.add_argument(
        "--dates", choices=[DAY_FIRST, MONTH_FIRST], default="",
        help="whether the day or the month comes first in dates such as 04/03/2025 (default: such dates are not read)",
    )  # fmt: skip
    parser.add_argument("--actor", default="command line", help="who runs the import, for the ledger")
    parser.add_argument("--dry-run", action="store_true", help="only show what would happen")
    return parser.parse_args(arguments)
