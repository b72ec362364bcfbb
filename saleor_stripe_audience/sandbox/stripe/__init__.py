"""A strict, stateful Stripe to try the product with and to test it against. See docs/sandbox-stripe.md."""

from .faults import Fault
from .sandbox import PUBLISHABLE_KEY, RESTRICTED_KEY, SECRET_KEY, StripeSandbox
from .webhooks import signature

__all__ = ["PUBLISHABLE_KEY", "RESTRICTED_KEY", "SECRET_KEY", "Fault", "StripeSandbox", "signature"]
