"""Beginning a payment at Stripe exactly once, whatever happens in between.

What is asked is written down first, so that a repeat asks the very same under the very same key. Should Stripe
nevertheless say that it knows the key with other details, the intent is looked for among the newest.
"""

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.utils import timezone

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments.models import Attempt
from saleor_stripe_audience.saleor.models import Installation

Json = dict[str, Any]

KEPT = timedelta(days=2)  # Stripe forgets a key after 24 hours at the earliest


def write_down(
    installation: Installation, account: StripeAccount, transaction_id: str, key: str, params: Json
) -> Attempt:
    """What is to be asked; what was written down for the transaction before, if anything was."""
    attempt, _ = Attempt.objects.select_related("account").get_or_create(
        installation=installation,
        transaction_id=transaction_id,
        defaults={"account": account, "idempotency_key": key, "params": params},
    )
    return attempt


def begin(attempt: Attempt) -> Json:
    """The attempt's PaymentIntent: made now, or found if it was made before.

    A refusal of Stripe ends the attempt: the next one may ask something else.
    """
    try:
        return client.create_payment_intent(
            attempt.account, attempt.params, attempt.idempotency_key
        ).to_dict()
    except Rejected as error:
        if error.code != client.KEY_REUSED:
            attempt.delete()
            raise
    return _found(attempt) or _made_under_another_key(attempt)


def _found(attempt: Attempt) -> Json | None:
    """The transaction's intent among the account's newest."""
    since = int((timezone.now() - KEPT).timestamp())
    for intent in client.payment_intents_since(attempt.account, since):
        told = intent.to_dict()
        if ownership.is_ours(told, attempt.installation_id, attempt.transaction_id):
            return client.retrieve_payment_intent(attempt.account, intent.id).to_dict()
    return None


def _made_under_another_key(attempt: Attempt) -> Json:
    """Stripe holds nothing of this transaction, so what the key stood for was refused: these details are new."""
    asked = hashlib.sha256(json.dumps(attempt.params, sort_keys=True).encode()).hexdigest()[:16]
    key = ownership.stripe_key(attempt.installation, attempt.transaction_id, attempt.idempotency_key, asked)
    return client.create_payment_intent(attempt.account, attempt.params, key).to_dict()


def forget_old() -> int:
    """Drop what was written down more than two days ago; returns how many. By then Stripe has forgotten the key."""
    return Attempt.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
