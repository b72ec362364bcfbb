"""Random histories of payments between both stand-ins and the app: Saleor's ledger must agree with Stripe."""
