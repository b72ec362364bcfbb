"""A channel in which Saleor requests a payment, and which may be new or renamed."""

from collections.abc import Iterator
from contextlib import contextmanager

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import accounts
from saleor_stripe_audience.saleor.channels import notice_unknown
from saleor_stripe_audience.shops.models import Installation


@contextmanager
def noticed_if_unknown(installation: Installation, slug: str) -> Iterator[None]:
    """If no account takes the channel's payments, fetch the shop's channels soon, unless the channel is known."""
    try:
        yield
    except Rejected as error:
        if error.code == accounts.NO_ACCOUNT:
            notice_unknown(installation, slug)
        raise
