"""Random histories of payments between both stand-ins and the app: the host's ledger must agree with Stripe."""
