"""Replays recorded histories of the real Saleor through the stand-in's ledger, and counts the differences.

    python -m scripts.prove_sandbox FILE.jsonl

Each line is {"steps": [{"event": …, "answer": …}]}: what transactionEventReport reported, and Saleor's
response. Prints {"histories", "events", "differences"} as JSON; exits 1 if there is any difference.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from saleor_stripe_audience.sandbox.saleor.ledger import (
    REFUSALS,
    LedgerEvent,
    Verdict,
    amounts_of,
    deduce_amount,
    failure_of,
    judge,
)

_NAMES = {
    "authorized": "authorized",
    "authorizePending": "authorize_pending",
    "charged": "charged",
    "chargePending": "charge_pending",
    "refunded": "refunded",
    "refundPending": "refund_pending",
    "canceled": "canceled",
    "cancelPending": "cancel_pending",
}


@dataclass(frozen=True)
class Difference:
    """One step where the ledger and the recorded Saleor disagree."""

    history: int
    step: int
    expected: dict[str, Any]
    found: dict[str, Any]


def replay(line: str, history: int = 0) -> tuple[int, list[Difference]]:
    """Replay one recorded history; return the number of events and the differences found."""
    steps = json.loads(line, parse_float=Decimal, parse_int=Decimal)["steps"]
    events: list[LedgerEvent] = []
    differences = []
    for position, step in enumerate(steps):
        possible = _answers(events, _event(events, step["event"]))
        expected = _expected(step["answer"])
        if expected not in possible:
            differences.append(Difference(history, position, expected, possible[0]))
    return len(steps), differences


def _event(events: list[LedgerEvent], recorded: dict[str, Any]) -> LedgerEvent | None:
    """Return the reported event; None if it has no amount and none can be deduced."""
    kind, reference = recorded["type"], recorded["pspReference"]
    amount = recorded.get("amount")
    if amount is None:
        amount = deduce_amount(events, kind, reference)
    if amount is None:
        return None
    time = datetime.fromisoformat(recorded["time"]) if recorded.get("time") else datetime.now(UTC)
    return LedgerEvent(kind, reference, Decimal(amount), time)


def _answers(events: list[LedgerEvent], new: LedgerEvent | None) -> list[dict[str, Any]]:
    """Return Saleor's possible responses; `events` is extended as Saleor extends its own.

    There are several only if Saleor's database decides the order of events with the same time.
    """
    if new is None:
        return [{"refused": ("amount", "REQUIRED")}]
    verdict = judge(events, new)
    if verdict in REFUSALS:
        refused = LedgerEvent(failure_of(new.type), new.psp_reference, new.amount, new.time, counted=False)
        events.append(refused)
        return [{"refused": (REFUSALS[verdict][0], verdict.value)}]
    if verdict is Verdict.ACCEPTED:
        events.append(new)
    known = verdict is Verdict.ALREADY_PROCESSED
    outcomes = [amounts_of(events), amounts_of(events, adjustment_first=True)]
    return [{"alreadyProcessed": known, "amounts": amounts.as_dict()} for amounts in outcomes]


def _expected(answer: dict[str, Any]) -> dict[str, Any]:
    if answer["errors"]:
        error = answer["errors"][0]
        return {"refused": (error["field"], error["code"])}
    amounts = {_NAMES[name]: Decimal(value) for name, value in answer["amounts"].items()}
    return {"alreadyProcessed": answer["alreadyProcessed"], "amounts": amounts}


def prove(lines: Iterable[str]) -> tuple[dict[str, int], list[Difference]]:
    """Replay many histories; return the counts to print and every difference."""
    histories = events = 0
    differences: list[Difference] = []
    for line in filter(str.strip, lines):
        count, found = replay(line, histories)
        histories, events = histories + 1, events + count
        differences.extend(found)
    return {"histories": histories, "events": events, "differences": len(differences)}, differences


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    if len(arguments) != 1:
        print("usage: python -m scripts.prove_sandbox FILE.jsonl", file=sys.stderr)
        return 2
    with Path(arguments[0]).open(encoding="utf-8") as lines:
        counts, differences = prove(lines)
    for difference in differences[:20]:
        print(difference, file=sys.stderr)
    print(json.dumps(counts))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
