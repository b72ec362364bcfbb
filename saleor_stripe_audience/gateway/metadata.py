"""The keys under which this app labels its objects in Stripe, and the values of `FLOW`."""

INSTALLATION = "saleor_installation"
TRANSACTION = "saleor_transaction"
FLOW = "saleor_flow"
SOURCE = "saleor_source"  # the checkout or order that is paid
CHANNEL = "saleor_channel"
ORDER_NUMBER = "saleor_order_number"
LANGUAGE = "saleor_language"  # the shopper's language tag
AMOUNT = "saleor_amount"  # the amount that Saleor requested, if Stripe charges a rounded one
TOTAL = "saleor_total"  # the price of the checkout or order when the PaymentIntent's amount was last set
REMAINING = "saleor_remaining"  # how much of that was not covered by other payments then
PROOF = "saleor_proof"  # only this app can have written it on a PaymentIntent of the transaction
REASON = "saleor_reason"  # why a refund was requested in Saleor
GRANTED_REFUND = "saleor_granted_refund"
REQUEST = "saleor_request"  # which request of the shop a refund belongs to
SHOPPER = "saleor_user"  # the signed-in shopper of a Customer or SetupIntent

CHARGE, AUTHORIZATION = "CHARGE", "AUTHORIZATION"
