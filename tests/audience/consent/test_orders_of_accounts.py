"""What an account ticked is the account's, whatever becomes of its order, and in whatever order the events arrive."""

from itertools import permutations
from typing import Any

import pytest

from saleor_stripe_audience.audience.consent import choices
from saleor_stripe_audience.audience.people.audiences import (
    AudienceSettings,
    change_audience,
    default_audience,
)
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, member, order
from tests.audience.records import record_order, record_order_consent

from .test_corrected_orders import CORRECTED, TEXT, TICKED, TYPED, Event, deliver, statuses

Step = tuple[Event, dict[str, Any]]

UNCONFIRMED, OWNER = member(email=TYPED, isConfirmed=False), member(email=TYPED)
PLACED = {"events": [{"type": "PLACED", "user": OWNER}]}
AT_FIRST = {"events": [{"type": "PLACED", "user": UNCONFIRMED}]}
DELETED = {"events": [{"type": "PLACED", "user": None}]}
LATER = {"created": "2030-01-01T00:00:00+00:00"}  # after any withdrawal in these tests

OWN: Step = ((TYPED, 1, TICKED), PLACED | {"user": OWNER})
OTHERS: Step = ((CORRECTED, 2, TICKED), PLACED)


@pytest.fixture(autouse=True)
def _wording(shop: Installation) -> None:
    change_audience(default_audience(shop), AudienceSettings("News", consent_text=TEXT))


@pytest.mark.parametrize(
    ("history", "result"),
    [
        ([OWN, OTHERS], {TYPED: "subscribed", CORRECTED: "nonsubscribed"}),
        (
            [OWN, OTHERS, ((CORRECTED, 3, TICKED), DELETED)],
            {TYPED: "subscribed", CORRECTED: "nonsubscribed"},
        ),
        (
            [OWN, ((CORRECTED, 3, TICKED), DELETED)],
            {TYPED: "subscribed", CORRECTED: "nonsubscribed"},
        ),
        (
            [OTHERS, ((TYPED, 3, TICKED), PLACED | {"user": OWNER})],
            {TYPED: "subscribed"},
        ),
        (
            [OTHERS, ((TYPED, 3, TICKED), PLACED | {"user": OWNER}), ((CORRECTED, 4, TICKED), PLACED)],
            {TYPED: "subscribed", CORRECTED: "nonsubscribed"},
        ),
        ([OWN, OTHERS, (("a...", 3, {}), DELETED | {"billingAddress": None})], {TYPED: "subscribed"}),
        (
            [
                ((TYPED, 1, TICKED), AT_FIRST | {"user": UNCONFIRMED}),
                ((TYPED, 2, TICKED), PLACED | {"user": OWNER}),
                ((CORRECTED, 3, TICKED), PLACED),
            ],
            {TYPED: "subscribed", CORRECTED: "nonsubscribed"},
        ),
        (
            [
                ((TYPED, 1, TICKED), AT_FIRST | {"user": UNCONFIRMED}),
                ((TYPED, 2, {}), PLACED | {"user": OWNER}),
            ],
            {TYPED: "subscribed"},
        ),
    ],
)
def test_only_the_account_is_subscribed(
    shop: Installation, history: list[Step], result: dict[str, str]
) -> None:
    for arrival in permutations(history):
        Contact.objects.all().delete()
        shop.purchases.all().delete()
        for event, changed in arrival:
            deliver(shop, [event], **changed)
        assert statuses() == result, arrival


@pytest.mark.parametrize(
    ("history", "result"),
    [
        (
            [
                ((TYPED, 1, TICKED), AT_FIRST | {"user": UNCONFIRMED} | LATER),
                ((TYPED, 2, TICKED), PLACED | {"user": OWNER} | LATER),
            ],
            "unsubscribed",
        ),
        (
            [
                ((TYPED, 1, TICKED), PLACED | {"user": OWNER} | LATER),
                ((CORRECTED, 2, TICKED), PLACED | LATER),
                ((TYPED, 3, TICKED), PLACED | {"user": OWNER} | LATER),
            ],
            "subscribed",
        ),
    ],
)
def test_only_a_confirmed_account_ends_its_withdrawal(
    shop: Installation, history: list[Step], result: str
) -> None:
    for arrival in permutations(history):
        Contact.objects.all().delete()
        shop.purchases.all().delete()
        deliver(shop, [(TYPED, -100, {})], id="T3JkZXI6another", user=member(email=TYPED))
        choices.withdraw(Contact.objects.get())
        for event, changed in arrival:
            deliver(shop, [event], **changed)
        assert statuses()[TYPED] == result, arrival


def test_the_corrected_address_is_not_subscribed_by_an_order_that_cannot_be_stored(
    shop: Installation,
) -> None:
    impossible = {"total": {"gross": {"amount": 1, "currency": "??"}}}
    for (email, step, values), changed in (OWN, OTHERS):
        payload = order(email=email) | changed | impossible
        payload["metadata"] = [{"key": key, "value": value} for key, value in values.items()]
        with pytest.raises(Rejected):
            record_order(shop, payload, at(step))
        record_order_consent(shop, payload, at(step))
    assert statuses() == {TYPED: "subscribed"}


def test_its_metadata_are_no_attributes_of_the_corrected_address(shop: Installation) -> None:
    settings = AudienceSettings("News", consent_text=TEXT, attribute_keys=["tier"])
    change_audience(default_audience(shop), settings)
    gold = TICKED | {"tier": "gold"}
    deliver(shop, [(TYPED, 1, gold)], **PLACED | {"user": OWNER})
    deliver(shop, [(CORRECTED, 2, gold)], **PLACED)
    attributes = Contact.objects.values_list("email", "attributes")
    assert {email: bool(found) for email, found in attributes} == {TYPED: True, CORRECTED: False}
