"""The app knows whether a worker is alive, and a worker that starts before the database is ready waits for it."""

import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from django_ox.models import OxTask

from saleor_stripe_audience import database_causes
from saleor_stripe_audience.commands import check, work
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox import engine
from saleor_stripe_audience.inbox.models import Pulse
from saleor_stripe_audience.inbox.pulse import DEAD_AFTER, WORKER, WorkerPulse, last_seen_worker
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.platform.served import SECONDS, command, environment, free_port

pytestmark = pytest.mark.django_db(transaction=True)


def test_workers_that_are_killed_at_their_start_do_not_delay_events() -> None:
    installation = install()
    for _ in range(3):
        work.make_worker(1)
    engine.record("saleor", installation.pk, "1", "product_updated", {}, timezone.now())
    assert OxTask.objects.count() == 4, "each check once, and the event"
    claimed = work.make_worker(1).claim_one()
    assert claimed is not None
    assert claimed.task_path == engine.dispatch_event.module_path


def test_a_worker_says_that_it_is_alive_and_that_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    written = threading.Event()
    genuine = WorkerPulse._write

    def write(self: WorkerPulse, *, alive: bool) -> None:
        genuine(self, alive=alive)
        written.set()

    monkeypatch.setattr(WorkerPulse, "_write", write)
    pulse = WorkerPulse()
    pulse.start()
    assert written.wait(SECONDS)
    check._check_worker()
    pulse.stop()
    seen = last_seen_worker()
    assert seen is not None
    assert seen <= timezone.now() - DEAD_AFTER
    with pytest.raises(Rejected, match="No worker is alive"):
        check._check_worker()


def test_a_worker_that_was_killed_is_missed() -> None:
    Pulse.objects.create(name=f"{WORKER}machine 7", at=timezone.now() - DEAD_AFTER - timedelta(seconds=1))
    with pytest.raises(Rejected, match="No worker is alive"):
        check._check_worker()
    Pulse.objects.create(name=f"{WORKER}machine 8", at=timezone.now())
    check._check_worker()


def test_that_no_worker_ever_ran_is_reported() -> None:
    with pytest.raises(Rejected, match="No worker has ever run"):
        check._check_worker()
    Installation.objects.create(
        saleor_api_url="https://a.example.com/graphql/", app_id="1", registered_at=timezone.now()
    )
    with pytest.raises(Rejected, match="No worker has ever run"):
        check._check_worker()


def test_a_worker_that_died_in_a_process_that_lives_is_missed() -> None:
    pulse = WorkerPulse(lambda: False)
    Pulse.objects.create(name=pulse._name, at=timezone.now())
    pulse.start()
    pulse._thread.join()
    with pytest.raises(Rejected, match="No worker is alive"):
        check._check_worker()


def test_work_waits_for_the_migrations(tmp_path: Path) -> None:
    """As if both were started at the same time."""
    changed = environment(tmp_path, free_port())
    process = subprocess.Popen(
        [sys.executable, "-m", "saleor_stripe_audience", "work"],
        env=changed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Waiting. ")
        assert command(tmp_path, "migrate", DATABASE_URL=changed["DATABASE_URL"]).returncode == 0
        lines = iter(process.stdout.readline, "")
        assert "Working.\n" in lines
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def test_work_that_waits_ends_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "database_problem", lambda _: "Migrations are waiting.")
    stopped = threading.Event()
    stopped.set()
    assert not work._wait_for_migrations(stopped)


def test_it_is_ready(client: Client) -> None:
    assert client.get("/readyz").json() == {"ok": True, "database": "ready"}
    assert client.get("/readyz").json()["ok"], "repeating it changes nothing"
    assert Pulse.objects.count() == 1


def test_a_full_disk_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(type(Pulse.objects), "update_or_create", fail)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "disk" in answer.json()["database"]
    assert answer["Retry-After"]


def test_a_disk_that_is_nearly_full_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=database_causes.LEAST_FREE - 1))
    assert client.get("/readyz").status_code == 503
