"""Ensures that one process at a time sends a variant to an account, so that Stripe ends up with the shop's latest
state.

Events are handled in parallel and calls to Stripe take time: an older state could arrive there after a newer one. No
database lock is held in the meantime: a row says whose turn it is, until it ends or expires.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.catalog.models import Turn
from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.gateway.models import StripeAccount

LONGEST = timedelta(minutes=5)  # a killed process does not block the others for longer
PAUSES = (0.1, 0.2, 0.2, 0.5, 1.0, 1.0, 1.0)  # seconds between checks


@contextmanager
def turn(account: StripeAccount, variant_id: str) -> Iterator[None]:
    """Let only this process send the variant to the account in this block. `Unavailable` while another one does."""
    holder = uuid.uuid4()
    _wait_for(account, variant_id, holder)
    try:
        yield
    finally:
        Turn.objects.filter(account=account, saleor_variant_id=variant_id, holder=holder).delete()


def _wait_for(account: StripeAccount, variant_id: str, holder: uuid.UUID) -> None:
    for pause in PAUSES:
        if _is_taken(account, variant_id, holder):
            return
        time.sleep(pause)
    if not _is_taken(account, variant_id, holder):
        raise Unavailable(
            pgettext_lazy(
                "staff", "The same product is already being sent to Stripe. The app will try again."
            ),
            code="in_turn",
        )


def _is_taken(account: StripeAccount, variant_id: str, holder: uuid.UUID) -> bool:
    """Return whether it is our turn now."""
    now = timezone.now()
    mine = {"holder": holder, "until": now + LONGEST}
    row, is_new = Turn.objects.get_or_create(account=account, saleor_variant_id=variant_id, defaults=mine)
    return is_new or bool(Turn.objects.filter(pk=row.pk, until__lt=now).update(**mine))
