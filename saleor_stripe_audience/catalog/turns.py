"""One process at a time sends a variant to an account, so that the latest state of the shop is the last in Stripe.

Events are handled in parallel and calls to Stripe take time: an older state could arrive there after a newer one. No
database lock is held meanwhile: a row says who has the turn, until it ends or expires.
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

LONGEST = timedelta(minutes=5)  # a killed process does not stop the others for longer
PAUSES = (0.1, 0.2, 0.2, 0.5, 1.0, 1.0, 1.0)  # seconds between looks


@contextmanager
def turn(account: StripeAccount, variant_id: str) -> Iterator[None]:
    """Only this process sends the variant to the account inside. `Unavailable` while another one does."""
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
            pgettext_lazy("staff", "The same product is being sent to Stripe. It will be tried again."),
            code="in_turn",
        )


def _is_taken(account: StripeAccount, variant_id: str, holder: uuid.UUID) -> bool:
    """Whether the turn is ours now."""
    now = timezone.now()
    mine = {"holder": holder, "until": now + LONGEST}
    row, is_new = Turn.objects.get_or_create(account=account, saleor_variant_id=variant_id, defaults=mine)
    return is_new or bool(Turn.objects.filter(pk=row.pk, until__lt=now).update(**mine))
