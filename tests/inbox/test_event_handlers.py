"""One table lists the handlers of each event, in order."""

from itertools import chain

from saleor_stripe_audience.audience.consent.deliveries.event_types import Kind
from saleor_stripe_audience.event_handlers import EVENT_HANDLERS, SYNC_WEBHOOKS
from saleor_stripe_audience.gateway.activation import ACTIVATED
from saleor_stripe_audience.gateway.onboarding import EVENTS
from saleor_stripe_audience.saleor.documents import NEWEST
from saleor_stripe_audience.saleor.manifest import SYNCHRONOUS, manifest

CONNECT_ONLY = {"account.updated", "account.application.deauthorized"}  # for the platform's own endpoint
STORED_NAMES = {
    "audience.handlers.erase_customer",
    "audience.handlers.record_checkout",
    "audience.handlers.record_customer",
    "audience.handlers.record_customer_consent",
    "audience.handlers.record_decline",
    "audience.handlers.record_delivery",
    "audience.handlers.record_dispute",
    "audience.handlers.record_order",
    "audience.handlers.record_order_consent",
    "catalog.handlers.archive_product",
    "catalog.handlers.archive_variant",
    "catalog.handlers.fetch_product_of_media",
    "catalog.handlers.follow_category",
    "catalog.handlers.follow_collection",
    "catalog.handlers.follow_price",
    "catalog.handlers.follow_product",
    "catalog.handlers.push_product",
    "catalog.handlers.push_variant",
    "catalog.handlers.send_what_waited",
    "catalog.handlers.start_sync",
    "gateway.handlers.end_connection",
    "payments.handlers.add_shipping",
    "payments.handlers.end_test_payments",
    "payments.handlers.follow_account",
    "payments.handlers.follow_cancelation",
    "payments.handlers.follow_cash_balance",
    "payments.handlers.follow_failure",
    "payments.handlers.follow_payment",
    "payments.handlers.follow_refund",
    "payments.handlers.follow_totals",
    "payments.handlers.forget_customer",
    "payments.handlers.notify_of_fraud_warning",
    "payments.handlers.notify_of_review",
    "payments.handlers.record_fees",
    "payments.handlers.record_late_fees",
    "payments.handlers.report_decline",
    "payments.handlers.report_departure",
    "payments.handlers.report_dispute",
    "payments.handlers.report_payment",
    "payments.handlers.report_refund",
    "payments.handlers.report_voucher",
    "payments.handlers.set_order_number",
    "saleor.handlers.app_deleted",
}


def test_every_asynchronous_event_of_the_manifest_has_handlers() -> None:
    subscribed = {each["identifier"] for each in manifest("app", NEWEST)["webhooks"]}
    synchronous = {event.lower() for event in SYNCHRONOUS}
    assert set(EVENT_HANDLERS["saleor"]) == subscribed - synchronous


def test_every_synchronous_event_of_the_manifest_is_answered() -> None:
    assert set(SYNC_WEBHOOKS) == {event.lower() for event in SYNCHRONOUS}


def test_every_event_of_stripes_endpoints_has_handlers() -> None:
    assert set(EVENT_HANDLERS["stripe"]) == {*EVENTS, *CONNECT_ONLY, ACTIVATED}


def test_every_kind_of_delivery_has_handlers() -> None:
    assert set(EVENT_HANDLERS["mail"]) == {kind.value for kind in Kind}


def test_no_event_is_listed_without_a_handler_or_with_one_twice() -> None:
    for kinds in EVENT_HANDLERS.values():
        for kind, handlers in kinds.items():
            names = [handler.name for handler in handlers]
            assert names, kind
            assert len(names) == len(set(names)), kind


def test_the_stored_names_stay() -> None:
    """A renamed handler would run again for every event that is retried or replayed."""
    tables = chain.from_iterable(kinds.values() for kinds in EVENT_HANDLERS.values())
    assert {handler.name for handler in chain.from_iterable(tables)} == STORED_NAMES
