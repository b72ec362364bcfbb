"""Everything offline: the app with stand-ins for Saleor and Stripe, over real HTTP, and a page on which you play the
shopper.
"""

import argparse
import json
import signal
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from .page import served_page
from .play import play_once
from .stage import Stage


def run(arguments: Sequence[str] = ()) -> int:
    """`saleor-stripe-audience demo [--once] [--json] [--port N]`; returns the exit code."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="saleor-stripe-audience-demo-") as folder:
        stage = Stage(Path(folder))
        with stage:
            return _play(stage, as_json=options.json) if options.once else _stay(stage, options.port)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience demo", description=__doc__)
    parser.add_argument(
        "--once", action="store_true", help="play a purchase, a decline and a refund, then end"
    )
    parser.add_argument("--json", action="store_true", help="with --once: print the summary as JSON")
    parser.add_argument("--port", type=int, default=8080, help="port of the page (default: 8080; 0: any)")
    return parser.parse_args(arguments)


def _play(stage: Stage, *, as_json: bool) -> int:
    summary, missing = play_once(stage)
    if as_json:
        print(json.dumps(summary, indent=2))
    else:
        for name, value in summary.items():
            print(f"{name:18} {value}")
    if missing:
        print(f"Missing: {', '.join(missing)}. The app said:\n{stage.app_log()}", file=stage.errors)
    return 1 if missing else 0


def _stay(stage: Stage, port: int) -> int:
    """Serve the page until Ctrl-C is pressed."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with served_page(stage, port) as page:
        if port not in (0, page.port):
            print(f"\nPort {port} is in use, so the page is on another.", end="")
        print(f"\nShop:       {page.url}/")
        print(f"Dashboard:  {stage.dashboard_url}")
        print(f"GraphQL:    {stage.app_url}/graphql/  (key {stage.api_key})")
        print("Ctrl-C ends the demo and forgets everything.", flush=True)
        ended.wait()
    return 0
