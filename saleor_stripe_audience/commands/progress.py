"""How far a job is, in one line of a terminal."""

from saleor_stripe_audience.audience.transfer.models import Job

WIDTH = 30


def line_of(job: Job) -> str:
    """A bar, the counts and how long it still takes; without a total only the count."""
    through = job.done + job.failed
    words = [f"{job.kind} {job.state}"]
    if job.total:
        share = min(1.0, through / job.total)
        filled = round(share * WIDTH)
        words.append(f"[{'#' * filled}{'.' * (WIDTH - filled)}] {share:4.0%} {through:,} of {job.total:,}")
    else:
        words.append(f"{through:,}")
    if job.failed:
        words.append(f"{job.failed:,} failed")
    if job.eta is not None:
        words.append(f"{job.eta} left")
    return "  ".join(words).ljust(100)
