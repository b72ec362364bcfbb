"""Whatever happens to a payment, and in any order of events, Saleor's ledger agrees with Stripe in the end.

Hypothesis plays and shrinks histories; `make prove-ledger SEQUENCES=2000` plays more. Examples found are below.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.prove_ledger.history import FLOWS, MOVES, Move, played
from scripts.prove_ledger.town import PlayTown, play_town
from tests import examples

pytestmark = pytest.mark.django_db(transaction=True)

MOVE = st.tuples(st.sampled_from(MOVES), st.integers(0, 99))


@pytest.fixture
def play() -> Iterator[PlayTown]:
    with play_town() as town:
        yield town


PLAYED = examples.play(6)
HISTORY = {
    "paid": st.integers(0, 4),
    "moves": st.lists(MOVE, min_size=1, max_size=8),
    "multicapture": st.booleans(),
    "seed": st.integers(0, 1000),
}


@pytest.mark.parametrize("flow", FLOWS)
@given(**HISTORY)
@PLAYED
def test_both_sides_agree_in_the_end(
    play: PlayTown, flow: str, paid: int, moves: list[Move], multicapture: bool, seed: int
) -> None:
    play.stripe.account.multicapture = multicapture
    assert played(play, flow, [("pay", paid), *moves], seed) is None


@pytest.mark.parametrize(
    ("flow", "moves"),
    [
        # A payment that is declined and then canceled releases nothing, because there was no hold.
        ("AUTHORIZATION", [("pay", 2), ("staff_cancel", 0)]),
        # Captured first in Stripe, then by staff: each capture needs its own reference.
        ("AUTHORIZATION", [("pay", 0), ("stripe_capture", 67), ("staff_charge", 13), ("staff_cancel", 0)]),
        # The event that would have canceled the other tab's payment was lost while the key was revoked.
        (
            "CHARGE",
            [("pay", 36), ("process_tab", 91), ("double_click", 49), ("lose_key", 41), ("plant_foreign", 63)],
        ),
        # A hold stays a hold, however its metadata is edited; another payment with its metadata does not count.
        ("AUTHORIZATION", [("edit_metadata", 2), ("pay", 0), ("plant_foreign", 0), ("deliver_some", 1)]),
        ("AUTHORIZATION", [("pay", 0), ("edit_metadata", 0), ("staff_charge", 60), ("stripe_refund", 20)]),
        # 45 days without a key: the comparison finds what happened in the meantime.
        ("CHARGE", [("lose_key", 0), ("pay", 0), ("stripe_refund", 30), ("staff_refund", 10)]),
        ("AUTHORIZATION", [("pay", 0), ("lose_key", 0), ("stripe_capture", 40), ("stripe_refund", 20)]),
        # A won dispute returns no more than it withdrew.
        ("AUTHORIZATION", [("pay", 3), ("staff_charge", 60), ("end_dispute", 1), ("staff_refund", 20)]),
    ],
)
def test_what_was_found(play: PlayTown, flow: str, moves: list[Move]) -> None:
    play.stripe.account.multicapture = True
    assert played(play, flow, moves) is None
