"""One at a time sends a variant to an account, so that what is newest at Stripe is what was told last.

Events are worked in parallel and every call to Stripe takes its time: an older state could arrive there after a newer
one. No lock of the database is held meanwhile: a row says who is at it, until it ends or its time is over.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from saleor_stripe_audience.catalog.models import Turn
from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.gateway.models import StripeAccount

LONGEST = timedelta(
    minutes=5
)  # whoever was killed in its turn does not keep the others from theirs for longer
PAUSES = (0.1, 0.2, 0.2, 0.5, 1.0, 1.0, 1.0)  # seconds between looks


@contextmanager
def turn(account: StripeAccount, variant_id: str) -> Iterator[None]:
    """Nobody else sends the variant to the account inside. `Unavailable` while somebody else does."""
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
            "The same product is just being sent to Stripe. It will be tried again.", code="in_turn"
        )


def _is_taken(account: StripeAccount, variant_id: str, holder: uuid.UUID) -> bool:
    """Whether it is ours now."""
    now = timezone.now()
    mine = {"holder": holder, "until": now + LONGEST}
    row, is_new = Turn.objects.get_or_create(account=account, saleor_variant_id=variant_id, defaults=mine)
    return is_new or bool(Turn.objects.filter(pk=row.pk, until__lt=now).update(**mine))
