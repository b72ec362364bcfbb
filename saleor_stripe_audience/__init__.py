"""Stripe payments, the catalogue and an audience for a Saleor shop."""

__version__ = "0.1.0"
