"""Send mutated requests to the served app, and count failures.

    python -m scripts.fuzz INPUTS [SEED] [--only NUMBER]

Serves the app in its own process on a new SQLite database, or on the PostgreSQL of FUZZ_DATABASE_URL, with a shop, a
Stripe account, keys and contacts. Prints JSON: responses by status, those with 500 or another internal
error, those that took more than 5 s or never arrived, and the memory of the serving process after each tenth of the
inputs. Exits 1 on any failure; each failed input is printed on stderr with its number, and `--only NUMBER` sends it
again. `make fuzz INPUTS=100000`.
"""

import http.client
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from graphql import build_schema

from saleor_stripe_audience.sandbox.saleor.signing import SigningKey
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from scripts.bench_busy import environment, free_port, wait_until_ready

from .inputs import Inputs, Known, Request
from .queries import Queries

WORKERS = 8
SLOW_SECONDS = 5.0
LONGEST_WAIT = 30.0
TENTHS = 10
# The maximum growth of memory: after a tenth of the inputs, everything is imported and all threads are running; after
# half of them, all caches are full.
MOST_GROWTH, MOST_LATE_GROWTH = 1.25, 1.05
WARM_UP = 100  # additional inputs at the end that are not counted
MOST_PRINTED = 20  # failed inputs on stderr
SERVER_ERROR = 500
INTERNAL = (
    b'"INTERNAL"',
    b"went wrong on our side",
    b"met an unexpected problem",
)  # internal errors with other statuses

_PREPARE = """
import json, sys, django; django.setup()
from scripts.fuzz.prepare import prepare
print(json.dumps(prepare(json.load(sys.stdin))))
"""


class Tally:
    """The results of the inputs, counted by several threads."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.slow, self.internal, self.slowest = 0, 0, 0.0
        self.failed: list[str] = []
        self._lock = threading.Lock()

    def count(self, request: Request, status: int, seconds: float, *, is_internal: bool) -> None:
        """Status 0 means no response; an internal error may also be reported with a status other than 500."""
        is_slow = seconds > SLOW_SECONDS
        with self._lock:
            self.statuses[str(status)] += 1
            self.slowest = max(self.slowest, seconds)
            self.slow += is_slow
            self.internal += is_internal
            if is_slow or is_internal or status in (0, SERVER_ERROR):
                where = f"{request.method} {request.target[:80]!r}"
                self.failed.append(f"{request.number}: {status} after {seconds:.1f} s, {where}")


def main(arguments: list[str]) -> int:
    """Run and print the results; the exit code is 1 on any failure."""
    numbers = [int(each) for each in arguments if each.isdigit()]
    if not numbers:
        sys.stderr.write("usage: python -m scripts.fuzz INPUTS [SEED] [--only NUMBER]\n")
        return 2
    only = numbers.pop() if "--only" in arguments else None
    count, seed = numbers[0], numbers[1] if len(numbers) > 1 else 1
    with tempfile.TemporaryDirectory() as folder, _serving(Path(folder)) as (url, process, inputs_of):
        inputs = inputs_of(seed)
        if only is not None:
            print(inputs.make(only))
        _warm_up(url, inputs, count)
        tally, memory = _send_all(url, inputs, [only] if only is not None else range(count), process)
    for line in tally.failed[:MOST_PRINTED]:
        sys.stderr.write(f"{line}\n")
    found = {
        "inputs": sum(tally.statuses.values()),
        "seed": seed,
        "server_errors": tally.statuses[str(SERVER_ERROR)],
        "internal_errors": tally.internal,
        "unanswered": tally.statuses["0"],
        "slow": tally.slow,
        "slowest_seconds": round(tally.slowest, 2),
        "memory_mb": memory,
        "statuses": dict(sorted(tally.statuses.items())),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
    }
    is_flat = only is not None or _is_flat(memory)
    print(json.dumps(found | {"memory_is_flat": is_flat}, indent=2))
    return 0 if is_flat and not tally.failed else 1


def _is_flat(memory: list[int]) -> bool:
    """Whether the memory, measured after each tenth of the inputs, stopped growing."""
    after_half = memory[len(memory) // 2 - 1]
    return memory[-1] <= memory[0] * MOST_GROWTH and max(memory) <= after_half * MOST_LATE_GROWTH


def _warm_up(url: str, inputs: Inputs, count: int) -> None:
    """Import and compile everything before measuring."""
    connection = _Connection(url)
    for number in range(count, count + WARM_UP):
        connection.send(inputs.make(number))


def _send_all(
    url: str, inputs: Inputs, numbers: Any, process: subprocess.Popen[bytes]
) -> tuple[Tally, list[int]]:
    waiting, tally, lock = iter(numbers), Tally(), threading.Lock()
    tenth = max(1, len(numbers) // TENTHS)
    memory: list[int] = []

    def work() -> None:
        connection = _Connection(url)
        while True:
            with lock:
                number = next(waiting, None)
                if number and number % tenth == 0 and len(memory) < TENTHS - 1:
                    memory.append(_megabytes(process.pid))
            if number is None:
                return
            request = inputs.make(number)
            started = time.monotonic()
            status, body = connection.send(request)
            is_internal = any(words in body for words in INTERNAL)
            tally.count(request, status, time.monotonic() - started, is_internal=is_internal)

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory.append(_megabytes(process.pid))
    return tally, memory


class _Connection:
    """A connection to the app, reopened whenever it is closed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._open: http.client.HTTPConnection | None = None

    def send(self, request: Request) -> tuple[int, bytes]:
        """Return status and body; status 0 if there is no response. Retry once if the app closed the connection."""
        for is_last in (False, True):
            try:
                return self._send(request)
            except (OSError, http.client.HTTPException):
                was_fresh = self._open is None
                self._close()
                if is_last or was_fresh:
                    return 0, b""
        return 0, b""

    def _send(self, request: Request) -> tuple[int, bytes]:
        if self._open is None:
            self._open = http.client.HTTPConnection(*self._address, timeout=LONGEST_WAIT)
        connection = self._open
        connection.putrequest(request.method, _ascii(request.target), skip_accept_encoding=True)
        connection.putheader("Content-Length", str(len(request.body)))
        for name, value in request.headers.items():
            if name.isascii() and name.replace("-", "").isalnum():
                connection.putheader(name, _header(value))
        connection.endheaders(request.body)
        answer = connection.getresponse()
        body = answer.read()
        if answer.will_close:
            self._close()
        return answer.status, body

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None


def _ascii(target: str) -> str:
    """Escape characters that a request line cannot contain, as a client would."""
    return "".join(each if "!" <= each <= "~" else "%20" for each in target) or "/"


def _header(value: str) -> bytes:
    return value.replace("\r", "").replace("\n", "").replace("\0", "").encode("utf-8", "replace")


def _megabytes(pid: int) -> int:
    """Return the resident memory of the process and its children."""
    command = ["/bin/ps", "-eo", "pid=,ppid=,rss="]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - a system command
    rows = [tuple(map(int, line.split())) for line in found.splitlines()]
    return sum(rss for each, parent, rss in rows if pid in (each, parent)) // 1024


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], Any]]:
    key = SigningKey.generate()
    with StripeSandbox() as sandbox, Served(sandbox.wsgi) as stripe:
        port = free_port()
        settings = environment(folder, port, 64, stripe.url) | {
            "API_REQUESTS_PER_MINUTE": "100000000",
            "PROXY_COUNT": "1",
            "LOG_LEVEL": "ERROR",
        }
        if "FUZZ_DATABASE_URL" in os.environ:
            settings["DATABASE_URL"] = os.environ["FUZZ_DATABASE_URL"]
        url = f"http://127.0.0.1:{port}"
        log = Path(os.environ.get("FUZZ_LOG", str(folder / "log")))
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "saleor_stripe_audience",
                    "serve",
                    "--no-worker",
                    "--host",
                    "127.0.0.1",
                ],
                env=settings,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until_ready(url, process)
            known, inputs_of = _known(key, settings)
            yield url, process, inputs_of
            del known
        finally:
            process.kill()
            process.wait()


def _known(key: SigningKey, settings: dict[str, str]) -> tuple[Known, Any]:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _PREPARE],
        input=json.dumps({"jwk": key.jwk(), "api_url": settings["ALLOWED_SALEOR_URLS"]}),
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    prepared = json.loads(done.stdout)
    schemas, given = prepared.pop("schemas"), prepared.pop("given")
    known = Known(key=key, **prepared)
    queries = [Queries(build_schema(each), given) for each in schemas]
    return known, lambda seed: Inputs(known, seed, *queries)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
