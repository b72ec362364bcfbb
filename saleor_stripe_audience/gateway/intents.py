"""The names under which a PaymentIntent's metadata says whose it is and what it pays."""

INSTALLATION, TRANSACTION, FLOW, SOURCE, CHANNEL = (
    "saleor_installation",
    "saleor_transaction",
    "saleor_flow",
    "saleor_source",
    "saleor_channel",
)
