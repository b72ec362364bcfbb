"""The progress of a job, in one line of a terminal."""

import sys

from saleor_stripe_audience.jobs.models import Job

WIDTH = 30


def show_progress(job: Job, goes_on: bool) -> None:
    """Show it on a terminal, in place of what was shown before."""
    if sys.stderr.isatty():
        print(f"\r{line_of(job)}", end="" if goes_on else "\n", file=sys.stderr, flush=True)


def line_of(job: Job) -> str:
    """A bar, the counts and the remaining time; without a total only the count."""
    processed = job.done + job.failed
    parts = [f"{job.kind} {job.state}"]
    if job.total:
        share = min(1.0, processed / job.total)
        filled = round(share * WIDTH)
        parts.append(f"[{'#' * filled}{'.' * (WIDTH - filled)}] {share:4.0%} {processed:,} of {job.total:,}")
    else:
        parts.append(f"{processed:,}")
    if job.failed:
        parts.append(f"{job.failed:,} failed")
    if job.eta is not None:
        parts.append(f"{job.eta} left")
    return "  ".join(parts).ljust(100)
