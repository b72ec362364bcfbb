"""The Stripe stand-in over real HTTP, and a shop to connect it to."""

from tests.payments.conftest import account, installation, stripe_sandbox, stripe_url

__all__ = ["account", "installation", "stripe_sandbox", "stripe_url"]
