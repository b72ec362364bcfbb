"""Send the whole catalogue to Stripe and compare both sides, or apply changes made in Stripe in Saleor.

Runs can be paused and resumed. A refresh lists what was changed in Stripe; each difference has a number, with which it
is applied or overwritten with Saleor's values.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from saleor_stripe_audience.catalog import refresh, sync
from saleor_stripe_audience.commands.progress import show_progress
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor.client import get_installation
from saleor_stripe_audience.shops.models import Installation

CHANGES: dict[str, Callable[[Job], Job]] = {"pause": jobs.pause, "resume": jobs.resume, "cancel": jobs.cancel}


def run(arguments: Sequence[str]) -> int:
    """Print each account's job as JSON. Exit code 1 unless both sides agree in the end."""
    options = _options(arguments)
    shop = get_installation(options.saleor_api_url)
    if options.apply or options.keep:
        return _decide(shop, options)
    if options.refresh:
        return _refresh(shop, options)
    found = [_work(account, options) for account in _accounts(shop, options.account)]
    print(json.dumps([jobs.as_json(each) | {"account": each.key} for each in found], indent=2))
    return 0 if all(each.state in (Job.State.DONE, *Job.OPEN) for each in found) else 1


def _refresh(shop: Installation, options: argparse.Namespace) -> int:
    """Print what was changed in Stripe as JSON. Exit code 1 unless every account could be listed."""
    found = [_run(refresh.start(each, options.actor)) for each in _accounts(shop, options.account)]
    print(json.dumps([refresh.as_json(each) for each in refresh.open_differences(shop)], indent=2))
    failures = [each.report["failure"]["message"] for each in found if each.state == Job.State.FAILED]
    for each in failures:
        print(each, file=sys.stderr)
    return 1 if failures else 0


def _decide(shop: Installation, options: argparse.Namespace) -> int:
    """Print the result of each as JSON. Exit code 1 unless all were applied."""
    chosen = refresh.find(shop, options.apply or options.keep)
    if options.keep:
        refresh.keep_saleors(shop, chosen, options.actor)
        print(json.dumps([refresh.as_json(each) for each in chosen], indent=2))
        return 0
    target = refresh.Target(options.product_type, options.category)
    outcomes = refresh.apply(shop, chosen, target, options.actor)
    print(json.dumps([refresh.as_json(each.difference) for each in outcomes], indent=2))
    return 1 if any(each.error is not None for each in outcomes) else 0


def _accounts(shop: Installation, chosen: str) -> list[StripeAccount]:
    usable = sync.usable_accounts(shop)
    found = [each for each in usable if chosen in ("", each.stripe_id, str(each.pk))]
    if not found:
        known = ", ".join(each.stripe_id for each in usable) or "none"
        raise Rejected(
            f"No such Stripe account can receive products at the moment. These can: {known}.",
            code="no_account",
        )
    return found


def _work(account: StripeAccount, options: argparse.Namespace) -> Job:
    if options.sync:
        job = sync.start(account, options.actor)
        return job if options.background else _run(job)
    job = jobs.newest(account.installation, Job.Kind.CATALOGUE, key=str(account.pk))
    for name, change in CHANGES.items():
        if getattr(options, name):
            job = change(job)
    if options.resume:
        jobs.start(job)
    return job


def _run(job: Job) -> Job:
    """Run the job here, page by page. If this process ends, a worker continues it."""
    jobs.work_here(job, show_progress)
    return job


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience catalogue", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    parser.add_argument(
        "--account", default="", metavar="ID", help="one Stripe account; default: all of them"
    )
    parser.add_argument("--actor", default="command line", help="who starts it, for the job's record")
    parser.add_argument("--background", action="store_true", help="with --sync: run it in a worker")
    parser.add_argument("--category", default="", metavar="ID", help="Saleor's id, for new products")
    parser.add_argument("--product-type", default="", metavar="ID", help="the same; default: the first type")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--sync", action="store_true", help="push all products, then compare both sides")
    what.add_argument(
        "--refresh", action="store_true", help="list Stripe's products and show the changes made there"
    )
    what.add_argument("--apply", type=int, nargs="+", metavar="N", help="apply these differences in Saleor")
    what.add_argument("--keep", type=int, nargs="+", metavar="N", help="send Saleor's values again for these")
    what.add_argument("--status", action="store_true", help="only show the progress of the last run")
    what.add_argument("--pause", action="store_true", help="stop after the current page")
    what.add_argument("--resume", action="store_true", help="continue a run that was paused or failed")
    what.add_argument("--cancel", action="store_true", help="cancel it; what was sent stays in Stripe")
    return parser.parse_args(arguments)
