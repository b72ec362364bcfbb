"""The demo: a shop, Stripe and the app between them, offline. It needs the packages of the extra `demo`."""

from collections.abc import Sequence
from importlib.util import find_spec

from saleor_stripe_audience.errors import Rejected


def run(arguments: Sequence[str]) -> int:
    """Run the demo; `Rejected` if its packages are not installed."""
    if find_spec("werkzeug") is None:
        raise Rejected(
            "The demo needs extra packages. Install them with `pip install 'saleor-stripe-audience[demo]'`.",
            code="demo",
        )
    from saleor_stripe_audience.sandbox import demo

    return demo.run(arguments)
