"""Import all customers and orders from Saleor, or additional data from Stripe; a run can be paused and resumed."""

import argparse
import json
from collections.abc import Sequence

from saleor_stripe_audience.audience.transfer import backfill
from saleor_stripe_audience.commands.progress import show_progress
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor.client import get_installation


def run(arguments: Sequence[str]) -> int:
    """Print the job as JSON, and its progress on a terminal. Exit code 1 unless both sides agree in the end."""
    options = _options(arguments)
    shop = get_installation(options.saleor_api_url)
    if options.status or options.pause or options.cancel:
        found = jobs.newest(shop, options.source)
        if options.pause:
            found = jobs.pause(found)
        elif options.cancel:
            found = jobs.cancel(found)
        print(json.dumps(jobs.as_json(found), indent=2))
        return 0
    job = backfill.get_or_create(shop, options.source, options.actor)
    if options.resume:
        job = jobs.resume(jobs.newest(shop, options.source))
    if options.background:
        jobs.start(job)
    else:
        jobs.work_here(job, show_progress)  # if this process ends, a worker continues
    print(json.dumps(jobs.as_json(job), indent=2))
    return 0 if job.state in (Job.State.DONE, *Job.OPEN) else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience backfill", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    parser.add_argument("--source", choices=list(backfill.SOURCES), default="saleor", help="default: saleor")
    parser.add_argument("--actor", default="command line", help="who starts it, for the job's record")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--background", action="store_true", help="run it in a worker")
    what.add_argument("--status", action="store_true", help="only show the progress of the last one")
    what.add_argument("--pause", action="store_true", help="stop after the current page")
    what.add_argument("--resume", action="store_true", help="continue the one that was paused or failed")
    what.add_argument("--cancel", action="store_true", help="cancel it; imported data is kept")
    return parser.parse_args(arguments)
