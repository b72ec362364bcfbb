"""A strict, stateful stand-in for Stripe, to try the app and to test it. See docs/sandbox-stripe.md."""

from .faults import Fault
from .sandbox import PUBLISHABLE_KEY, RESTRICTED_KEY, SECRET_KEY, StripeSandbox
from .webhooks import signature

__all__ = ["PUBLISHABLE_KEY", "RESTRICTED_KEY", "SECRET_KEY", "Fault", "StripeSandbox", "signature"]
