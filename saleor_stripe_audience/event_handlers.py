"""What the app does with each event of Saleor, Stripe and email services: its handlers, in the order in which they run.

A kind that is not listed is ignored. The rules for handlers are in `inbox.handlers`, those for Saleor's synchronous
webhooks in `saleor.webhooks`; the setting EVENT_HANDLERS names this module.
"""

from saleor_stripe_audience.audience import handlers as audience
from saleor_stripe_audience.catalog import handlers as catalog
from saleor_stripe_audience.gateway import handlers as gateway
from saleor_stripe_audience.gateway.activation import ACTIVATED
from saleor_stripe_audience.inbox.handlers import EventHandlers, network, transactional
from saleor_stripe_audience.payments import handlers as payments
from saleor_stripe_audience.saleor import handlers as saleor
from saleor_stripe_audience.saleor.webhooks import SyncWebhook

set_order_number = network(payments.set_order_number, concerns=payments.with_payments)
add_shipping = network(payments.add_shipping, concerns=payments.with_payments)
follow_totals = network(payments.follow_totals, concerns=payments.with_payments)
record_fees = network(payments.record_fees)
record_late_fees = network(payments.record_late_fees)
report_payment = network(payments.report_payment)
report_voucher = network(payments.report_voucher)
report_decline = network(payments.report_decline)
report_refund = network(payments.report_refund)
report_dispute = network(payments.report_dispute)
follow_payment = network(payments.follow_payment)
follow_cancelation = network(payments.follow_cancelation)
follow_refund = network(payments.follow_refund)
follow_failure = network(payments.follow_failure)
notify_of_review = network(payments.notify_of_review)
follow_cash_balance = network(payments.follow_cash_balance)
notify_of_fraud_warning = network(payments.notify_of_fraud_warning)
end_test_payments = network(payments.end_test_payments)
forget_customer = transactional(payments.forget_customer)

push_product = network(catalog.push_product)
push_variant = network(catalog.push_variant)
archive_product = network(catalog.archive_product)
archive_variant = network(catalog.archive_variant)
fetch_product_of_media = network(catalog.fetch_product_of_media)
follow_category = network(catalog.follow_category)
follow_collection = network(catalog.follow_collection)
push_waiting_products = transactional(catalog.send_what_waited)
start_sync = transactional(catalog.start_sync)
follow_product = network(catalog.follow_product)
follow_price = network(catalog.follow_price)

record_order = transactional(audience.record_order, within=audience.hold_shop, ahead=audience.look_ahead)
record_order_consent = transactional(audience.record_order_consent, within=audience.hold_shop)
record_checkout = transactional(
    audience.record_checkout, within=audience.hold_shop, ahead=audience.look_ahead
)
record_customer = transactional(audience.record_customer, within=audience.hold_shop)
record_customer_consent = transactional(audience.record_customer_consent, within=audience.hold_shop)
erase_customer = transactional(audience.erase_customer, within=audience.hold_shop, is_solitary=True)
record_decline = transactional(audience.record_decline)
record_dispute = network(audience.record_dispute)
record_delivery = transactional(audience.record_delivery, within=audience.hold_shop)

mark_app_removed = transactional(saleor.app_deleted)
follow_account = network(payments.follow_account)
end_connection = transactional(gateway.end_connection)
report_departure = transactional(payments.report_departure)

SYNC_WEBHOOKS: dict[str, SyncWebhook] = {
    "payment_gateway_initialize_session": payments.payment_gateway_initialize_session,
    "transaction_initialize_session": payments.transaction_initialize_session,
    "transaction_process_session": payments.transaction_process_session,
    "transaction_charge_requested": payments.transaction_charge_requested,
    "transaction_refund_requested": payments.transaction_refund_requested,
    "transaction_cancelation_requested": payments.transaction_cancelation_requested,
    "list_stored_payment_methods": payments.list_stored_payment_methods,
    "stored_payment_method_delete_requested": payments.stored_payment_method_delete_requested,
    "payment_gateway_initialize_tokenization_session": payments.payment_gateway_initialize_tokenization_session,
    "payment_method_initialize_tokenization_session": payments.payment_method_initialize_tokenization_session,
    "payment_method_process_tokenization_session": payments.payment_method_process_tokenization_session,
}

EVENT_HANDLERS: EventHandlers = {
    "saleor": {
        "app_deleted": (mark_app_removed,),
        "checkout_created": (record_checkout,),
        "checkout_updated": (follow_totals, record_checkout),
        "checkout_fully_authorized": (follow_totals,),
        "checkout_fully_paid": (follow_totals,),
        "order_created": (set_order_number, add_shipping, follow_totals, record_order, record_order_consent),
        "order_updated": (follow_totals, record_order, record_order_consent),
        "order_paid": (follow_totals, record_order, record_order_consent),
        "order_fully_paid": (follow_totals, record_order, record_order_consent),
        "order_cancelled": (follow_totals, record_order, record_order_consent),
        "order_refunded": (record_order, record_order_consent),
        "order_confirmed": (record_order, record_order_consent),
        "order_metadata_updated": (record_order, record_order_consent),
        "customer_created": (record_customer, record_customer_consent),
        "customer_updated": (record_customer, record_customer_consent),
        "account_confirmed": (record_customer, record_customer_consent),
        "account_email_changed": (record_customer, record_customer_consent),
        "customer_deleted": (erase_customer,),
        "account_deleted": (erase_customer,),
        "product_created": (push_product,),
        "product_updated": (push_product,),
        "product_deleted": (archive_product,),
        "product_variant_created": (push_variant,),
        "product_variant_updated": (push_variant,),
        "product_variant_deleted": (archive_variant,),
        "product_metadata_updated": (push_product,),
        "product_media_created": (fetch_product_of_media,),
        "product_media_updated": (fetch_product_of_media,),
        "product_media_deleted": (fetch_product_of_media,),
        "category_updated": (follow_category,),
        "collection_updated": (follow_collection,),
    },
    "stripe": {
        "payment_intent.succeeded": (record_fees, report_payment, follow_payment),
        "payment_intent.processing": (report_payment, follow_payment),
        "payment_intent.amount_capturable_updated": (report_payment, follow_payment),
        "payment_intent.canceled": (report_payment, follow_cancelation),
        "payment_intent.partially_funded": (report_payment,),
        "payment_intent.requires_action": (report_voucher,),
        "payment_intent.payment_failed": (report_decline, follow_failure, record_decline),
        "charge.updated": (record_late_fees,),
        "refund.created": (report_refund, follow_refund),
        "refund.updated": (report_refund, follow_refund),
        "refund.failed": (report_refund,),
        "charge.dispute.created": (report_dispute, record_dispute),
        "charge.dispute.updated": (report_dispute,),
        "charge.dispute.funds_withdrawn": (report_dispute,),
        "charge.dispute.funds_reinstated": (report_dispute,),
        "charge.dispute.closed": (report_dispute, record_dispute),
        "review.opened": (notify_of_review,),
        "review.closed": (notify_of_review,),
        "radar.early_fraud_warning.created": (notify_of_fraud_warning,),
        "radar.early_fraud_warning.updated": (notify_of_fraud_warning,),
        "customer.deleted": (forget_customer,),
        "customer_cash_balance_transaction.created": (follow_cash_balance,),
        "product.created": (follow_product,),
        "product.updated": (follow_product,),
        "product.deleted": (follow_product,),
        "price.created": (follow_price,),
        "price.updated": (follow_price,),
        "price.deleted": (follow_price,),
        "account.updated": (follow_account,),
        "account.application.deauthorized": (end_connection, report_departure),
        ACTIVATED: (push_waiting_products, start_sync, end_test_payments),
    },
    "mail": {
        "delivered": (record_delivery,),
        "hard_bounce": (record_delivery,),
        "soft_bounce": (record_delivery,),
        "complaint": (record_delivery,),
        "unsubscribe": (record_delivery,),
    },
}
