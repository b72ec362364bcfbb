"""The demo waits until everything it reports is there, not just the part that it asked for last."""

from typing import Any
from unittest import mock

import pytest

from saleor_stripe_audience.sandbox.demo import play
from saleor_stripe_audience.sandbox.demo.stage import CONSENT_TEXT

TIMELINE = [
    {"kind": each} for each in ("CART_ABANDONED", "CART_STARTED", "CONSENT", "ORDER", "SEGMENT", "SEGMENT")
]
SEGMENTS = [
    {"name": "Abandoned carts", "holds": True, "because": "a cart was last active at noon"},
    {"name": "First-time buyers", "holds": True, "because": "1 paid order"},
]
WHOLE: dict[str, Any] = {
    "status": "SUBSCRIBED",
    "mayReceive": ["TRANSACTIONAL", "MARKETING", "ADS"],
    "consents": [{"wording": CONSENT_TEXT}],
    "timeline": TIMELINE,
    "segments": SEGMENTS,
}


@pytest.mark.parametrize(
    "early",
    [
        None,
        WHOLE | {"status": "NONSUBSCRIBED", "consents": []},
        WHOLE | {"timeline": TIMELINE[:-1]},
        WHOLE | {"segments": SEGMENTS[:1]},
    ],
)
def test_a_contact_of_which_a_part_is_missing_is_asked_for_again(
    early: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "person", mock.Mock(side_effect=[early, WHOLE]))
    monkeypatch.setattr("time.sleep", mock.Mock())

    found = play.find_subscriber(mock.Mock())

    assert found["status"] == "subscribed"
    assert found["agreed_to"] == [CONSENT_TEXT]
    assert found["timeline"].count("segment") == 2
    assert set(found["segments"]) == {"Abandoned carts", "First-time buyers"}
