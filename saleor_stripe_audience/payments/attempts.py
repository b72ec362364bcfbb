"""Beginning a payment at Stripe exactly once, whatever happens in between.

What is asked is written down first, so that a repeat asks the very same under the very same key. Should Stripe
nevertheless say that it knows the key with other details, the intent is looked for among the newest.

An attempt ends only when Stripe looked at the request and refused it. After anything else (a dead key, a timeout, an
error of Stripe's) Stripe may have made the payment, or may make it next time, so the attempt stays.
"""

import hashlib
import json
import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from saleor_stripe_audience.deadline import LEAST_CALL_SECONDS, remaining
from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments.models import Attempt
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

KEPT = timedelta(days=2)  # Stripe forgets a key after 24 hours at the earliest
KEY_IS_SAFE = timedelta(hours=23)  # younger than this, an attempt's key surely finds what it made
PAUSES = (0.25, 0.25, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)  # seconds between looks


def attempt_of(installation: Installation, transaction_id: str) -> Attempt | None:
    """What was written down for the transaction, if anything was."""
    found = Attempt.objects.select_related("account", "installation")
    return found.filter(installation=installation, transaction_id=transaction_id).first()


def write_down(
    installation: Installation, account: StripeAccount, transaction_id: str, key: str, params: Json
) -> Attempt:
    """What is to be asked; what was written down for the transaction before, if anything was."""
    proof = {ownership.PROOF: ownership.proofs_of(installation.pk, account.pk, transaction_id)[0]}
    params = {**params, "metadata": {**params["metadata"], **proof}}
    attempt, _ = Attempt.objects.select_related("account").get_or_create(
        installation=installation,
        transaction_id=transaction_id,
        defaults={"account": account, "idempotency_key": key, "params": params},
    )
    return attempt


def begin(attempt: Attempt) -> Json:
    """The attempt's PaymentIntent: made now, or found if it was made before.

    While Stripe works on the same request for somebody else, this waits for it, as long as the deadline allows.
    A refusal by Stripe ends the attempt: the next one may ask something else. `Unavailable`, and any `Rejected` that
    is not Stripe's refusal of these details, leave open whether the payment exists.
    """
    if timezone.now() - attempt.created_at > KEY_IS_SAFE and (found := _found(attempt)):
        return found
    for pause in PAUSES:
        try:
            return _made(attempt)
        except Failure as error:
            if not client.is_under_way(error) or remaining() < pause + 2 * LEAST_CALL_SECONDS:
                raise
        time.sleep(pause)
        if found := _remembered(attempt):
            return found
    return _made(attempt)


def _made(attempt: Attempt) -> Json:
    try:
        return client.create_payment_intent(
            attempt.account, attempt.params, attempt.idempotency_key
        ).to_dict()
    except Failure as error:
        if client.is_kept_error(error):
            return _found(attempt) or _made_anew(attempt)
        if error.code != client.KEY_REUSED:
            if client.is_refusal(error):
                attempt.delete()
            raise
    return _found(attempt) or _made_under_another_key(attempt)


def _remembered(attempt: Attempt) -> Json | None:
    """The intent that another process made and remembered meanwhile."""
    payment = ownership.payment_of(attempt.installation, attempt.transaction_id)
    if payment is None:
        return None
    return client.retrieve_payment_intent(payment.account, payment.payment_intent_id).to_dict()


def _found(attempt: Attempt) -> Json | None:
    """The attempt's intent among the account's newest; of several with its proof the first, which cannot be a copy."""
    since = int((attempt.created_at - KEPT).timestamp())
    listed = (each.to_dict() for each in client.payment_intents_since(attempt.account, since))
    found = [each["id"] for each in listed if ownership.is_of_attempt(attempt, each)]
    return client.retrieve_payment_intent(attempt.account, found[-1]).to_dict() if found else None


def _made_under_another_key(attempt: Attempt) -> Json:
    """Stripe holds nothing of this transaction, so what the key stood for was refused: these details are new."""
    asked = hashlib.sha256(json.dumps(attempt.params, sort_keys=True).encode()).hexdigest()[:16]
    key = ownership.stripe_key(attempt.installation, attempt.transaction_id, attempt.idempotency_key, asked)
    return client.create_payment_intent(attempt.account, attempt.params, key).to_dict()


def _made_anew(attempt: Attempt) -> Json:
    """Stripe keeps an error of its own under the key and made nothing: from now on the attempt has another key.

    Whoever comes here at the same time takes the same step, so all of them ask under one key.
    """
    before = attempt.idempotency_key
    after = ownership.stripe_key(attempt.installation, attempt.transaction_id, before, "again")
    if not Attempt.objects.filter(pk=attempt.pk, idempotency_key=before).update(idempotency_key=after):
        attempt.refresh_from_db(fields=["idempotency_key"])
    else:
        attempt.idempotency_key = after
    return client.create_payment_intent(attempt.account, attempt.params, attempt.idempotency_key).to_dict()


def forget_old() -> int:
    """Drop what was written down more than two days ago; returns how many. By then Stripe has forgotten the key."""
    return Attempt.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
