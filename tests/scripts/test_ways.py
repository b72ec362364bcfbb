"""The flows through the product, as `make measure-code` traces them: each step happens once."""

from typing import Any

import pytest

from saleor_stripe_audience import money, recent
from scripts.measure_code.ways import Trace, ways

pytestmark = pytest.mark.django_db(transaction=True)

INITIALIZE = (
    "saleor.webhooks.receive",
    "saleor.webhooks._verify_sender",
    "payments.handlers.transaction_initialize_session",
    "payments.responses.respond",
    "payments.payloads.read",
    "payments.create.initialize",
    "payments.amounts_due.known_of",
    "payments.amounts_due.remaining_due",
    "gateway.accounts.mapping_for",
    "gateway.customers.create_guest",
    "payments.attempts.store",
    "payments.attempts.create_intent",
    "gateway.payment_intents.create",
    "payments.records.save",
    "payments.outcomes.outcome_of",
    "payments.responses.for_payment",
)
ORDER_TO_CONTACT = (
    "saleor.webhooks.receive",
    "inbox.engine.record",
    "inbox.engine.dispatch",
    "audience.handlers.hold_shop",
    "audience.handlers.look_ahead",
    "audience.shopping.payloads.read_order",
    "audience.handlers.record_order",
    "audience.shopping.purchases.record_order",
    "audience.handlers.record_order_consent",
    "audience.signup.metadata.record_order_consent",
)
EXCHANGE = (
    "gateway.client.errors_of",
    "database.leave_database",
    "gateway.client.DeadlineClient.exchange",
    "kept_connections.KeptConnections.exchange",
    "network.Answer._object",  # the response's JSON
)


def test_reading_a_property_is_not_a_step() -> None:
    read: Any = money.Money.is_zero
    step, other = money.decimals_of.__code__, recent.forget_all.__code__
    found = [Trace([step, other, again]).summary() for again in (read.fget.__code__, step)]
    assert [each["modules_entered_again"] for each in found] == [1, 1]
    assert [each["entered_again_by_steps"] for each in found] == [0, 1]


def test_each_step_is_taken_once_and_each_exchange_with_stripe_is_whole() -> None:
    found = ways()
    for name, steps, exchanges in (("initialize", INITIALIZE, 2), ("order_to_contact", ORDER_TO_CONTACT, 3)):
        times = found[name]["times"]
        assert {step: times.get(step) for step in steps} == dict.fromkeys(steps, 1)
        assert {each: times.get(each) for each in EXCHANGE} == dict.fromkeys(EXCHANGE, exchanges)
