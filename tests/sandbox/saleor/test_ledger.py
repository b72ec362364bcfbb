"""The ledger compared with recorded histories of the real Saleor, and each of its rules."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from saleor_stripe_audience.sandbox.saleor.ledger import (
    LedgerEvent,
    Verdict,
    amounts_of,
    deduce_amount,
    judge,
)
from scripts.prove_sandbox import prove
from tests import recordings

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


def event(kind: str, amount: float | str, psp: str = "pi_1", seconds: int = 0) -> LedgerEvent:
    return LedgerEvent(kind, psp, Decimal(str(amount)), START + timedelta(seconds=seconds))


def test_every_recorded_history_is_reproduced() -> None:
    counts, differences = prove(recordings.read("ledger.jsonl").splitlines())
    assert differences == []
    assert counts == {"histories": 500, "events": 2578, "differences": 0}


def history(charged: float) -> str:
    kinds = ("authorized", "charged", "refunded", "canceled")
    names = (*kinds, "authorizePending", "chargePending", "refundPending", "cancelPending")
    amounts = {**dict.fromkeys(names, 0.0), "charged": charged}
    reported = {"type": "CHARGE_SUCCESS", "pspReference": "pi", "amount": 10, "time": START.isoformat()}
    answer = {"alreadyProcessed": False, "errors": [], "amounts": amounts}
    return json.dumps({"steps": [{"event": reported, "answer": answer}]})


@pytest.mark.parametrize(("charged", "differences"), [(10.0, 0), (9.0, 1)])
def test_prove_prints_counts_and_exits_by_them(tmp_path: Path, charged: float, differences: int) -> None:
    file = tmp_path / "histories.jsonl"
    file.write_text(history(charged) + "\n")
    module = "scripts.prove_sandbox"
    run = subprocess.run(
        [sys.executable, "-m", module, str(file)], capture_output=True, text=True, check=False
    )
    assert json.loads(run.stdout) == {"histories": 1, "events": 1, "differences": differences}
    assert run.returncode == (1 if differences else 0)


def test_a_failure_at_the_instant_of_the_success_cancels_it() -> None:
    both = [event("CHARGE_SUCCESS", 10), event("CHARGE_FAILURE", 10)]
    assert amounts_of(both).charged == 0
    later = [event("CHARGE_FAILURE", 10), event("CHARGE_SUCCESS", 10, seconds=1)]
    assert amounts_of(later).charged == 10


def test_two_refunds_need_two_references() -> None:
    charge = event("CHARGE_SUCCESS", 30)
    same = [charge, event("REFUND_SUCCESS", 5, "re"), event("REFUND_SUCCESS", 5, "re")]
    assert judge(same[:2], same[2]) is Verdict.ALREADY_PROCESSED
    two = amounts_of([charge, event("REFUND_SUCCESS", 5, "re_1"), event("REFUND_SUCCESS", 5, "re_2")])
    assert [two.charged, two.refunded] == [20, 10]


def test_a_dispute_lowers_what_is_charged_and_a_reverse_restores_it() -> None:
    charge, refund = event("CHARGE_SUCCESS", 30), event("REFUND_SUCCESS", 30, "re")
    assert amounts_of([charge, event("CHARGE_BACK", 30)]).charged == 0
    restored = amounts_of([charge, refund, event("REFUND_REVERSE", 30, "re")])
    assert [restored.charged, restored.refunded] == [30, 0]


def test_what_is_left_of_an_authorization_after_capture_and_release() -> None:
    held = event("AUTHORIZATION_SUCCESS", 40)
    captured = [held, event("CHARGE_SUCCESS", 25, "ch")]
    assert amounts_of(captured).authorized == 15
    released = amounts_of([*captured, event("CANCEL_SUCCESS", 15, "ca")])
    assert [released.authorized, released.charged, released.canceled] == [0, 25, 15]


def test_a_second_authorization_must_be_an_adjustment() -> None:
    held = [event("AUTHORIZATION_SUCCESS", 40)]
    assert judge(held, event("AUTHORIZATION_SUCCESS", 40, "pi_2")) is Verdict.ALREADY_EXISTS
    adjusted = amounts_of([*held, event("AUTHORIZATION_ADJUSTMENT", 50, "pi_2", 1)])
    assert adjusted.authorized == 50


def test_an_amount_left_out_is_taken_from_the_event_it_answers() -> None:
    charge, refund = event("CHARGE_SUCCESS", 30), event("REFUND_REQUEST", 7, "re", 1)
    assert deduce_amount([charge, refund], "REFUND_FAILURE", "re") == 7
    assert deduce_amount([charge], "CHARGE_BACK", "pi_1") == 30
    assert deduce_amount([charge], "CHARGE_BACK", "other") is None
    assert deduce_amount([charge], "CHARGE_SUCCESS", "pi_1") is None
    assert deduce_amount([], "INFO", "any") == 0
