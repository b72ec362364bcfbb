"""Importing this module registers every resolver."""

from . import (
    resolvers_account,
    resolvers_app,
    resolvers_catalogue,
    resolvers_checkout,
    resolvers_metadata,
    resolvers_order,
    resolvers_payment,
    resolvers_query,
    resolvers_stored_methods,
)

__all__ = [
    "resolvers_account",
    "resolvers_app",
    "resolvers_catalogue",
    "resolvers_checkout",
    "resolvers_metadata",
    "resolvers_order",
    "resolvers_payment",
    "resolvers_query",
    "resolvers_stored_methods",
]
