"""Create a payment's PaymentIntent exactly once, whatever happens in between.

The request is stored before it is sent, so that a repeat sends exactly the same request under the same key. If Stripe
nevertheless reports that the key was used with other details, the intent is searched for among the newest ones.

An attempt only ends when Stripe has processed the request and refused it. After anything else (an invalid key, a
timeout, an error on Stripe's side), Stripe may have created the payment, or may create it next time, so the attempt is
kept.
"""

import hashlib
import json
import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from saleor_stripe_audience.deadline import LEAST_CALL_SECONDS, remaining
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import failures, payment_intents
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentIntent
from saleor_stripe_audience.payments import ownership, records
from saleor_stripe_audience.payments.models import Attempt
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.shops.people import PersonalData, Sources, register
from saleor_stripe_audience.statements import insert_once

Json = dict[str, Any]

STORED_FOR = timedelta(days=2)  # Stripe forgets a key after 24 hours at the earliest
KEY_IS_SAFE = timedelta(hours=23)  # the key of an attempt younger than this certainly finds what it created
PAUSES = (0.25, 0.25, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)  # seconds between checks


def resume(installation: Installation, transaction_id: str) -> tuple[StripeAccount, PaymentIntent] | None:
    """Return the account and intent of an attempt with an unknown outcome; None if nothing was attempted.

    The request is repeated under its key, so that the payment is created once. A refusal by Stripe ends the attempt.
    """
    attempts = Attempt.objects.select_related("account", "installation")
    attempt = attempts.filter(installation=installation, transaction_id=transaction_id).first()
    if attempt is None:
        return None
    try:
        return attempt.account, create_intent(attempt)
    except Rejected as error:
        if not failures.is_refusal(error):
            raise
        return None


def store(
    installation: Installation, account: StripeAccount, transaction_id: str, key: str, params: Json
) -> Attempt:
    """Store the request that will be sent to Stripe; return the attempt that the transaction has, if it has one."""
    proof = {names.PROOF: ownership.proofs_of(installation.pk, account.pk, transaction_id)[0]}
    attempt = Attempt(
        installation=installation,
        transaction_id=transaction_id,
        account=account,
        idempotency_key=key,
        params={**params, "metadata": {**params["metadata"], **proof}},
    )
    if insert_once(attempt):
        return attempt
    attempts = Attempt.objects.select_related("account", "installation")
    return attempts.get(installation=installation, transaction_id=transaction_id)


def export_requests(installation: Installation, sources: Sources) -> list[Json]:
    """Return the requests for payments of these checkouts and orders, without the app's own labels.

    Among those is the proof by which the app recognizes its PaymentIntents.
    """
    found = Attempt.objects.filter(
        installation=installation, **{f"params__metadata__{names.SOURCE}__in": list(sources)}
    )
    return [
        {
            "transaction": each.transaction_id,
            "request": {name: value for name, value in each.params.items() if name != "metadata"},
            "created_at": each.created_at,
        }
        for each in found.order_by("created_at", "pk")
    ]


register(PersonalData("requests to Stripe", export_requests))


def create_intent(attempt: Attempt) -> PaymentIntent:
    """Return the attempt's PaymentIntent: created now, or found if it was created before.

    While Stripe works on the same request in another process, this waits for it, as long as the deadline allows. A
    refusal by Stripe ends the attempt: the next one may have other details. `Unavailable`, and any `Rejected` that is
    not Stripe's refusal of these details, leave it open whether the payment exists.
    """
    if timezone.now() - attempt.created_at > KEY_IS_SAFE and (found := _find_at_stripe(attempt)):
        return found
    for pause in PAUSES:
        try:
            return _send(attempt)
        except Failure as error:
            if not failures.is_in_progress(error) or remaining() < pause + 2 * LEAST_CALL_SECONDS:
                raise
        time.sleep(pause)
        if payment := records.find(
            attempt.installation, attempt.transaction_id
        ):  # the other process was faster
            return payment_intents.retrieve(payment.account, payment.payment_intent_id)
    return _send(attempt)


def _send(attempt: Attempt) -> PaymentIntent:
    try:
        return payment_intents.create(attempt.account, attempt.params, attempt.idempotency_key)
    except Failure as error:
        if failures.is_stored_failure(error):
            return _find_at_stripe(attempt) or _send_under_next_key(attempt)
        if error.code != failures.KEY_REUSED:
            if failures.is_refusal(error):
                attempt.delete()
            raise
    return _find_at_stripe(attempt) or _send_with_own_key(attempt)


def _find_at_stripe(attempt: Attempt) -> PaymentIntent | None:
    """If several intents have the attempt's proof, return the first one: it cannot be a copy."""
    since = int((attempt.created_at - ownership.CLOCK_SKEW).timestamp())
    listed = payment_intents.list_since(attempt.account, since)
    found = [each.id for each in listed if ownership.belongs_to_attempt(attempt, each)]
    return payment_intents.retrieve(attempt.account, found[-1]) if found else None


def _send_with_own_key(attempt: Attempt) -> PaymentIntent:
    """Stripe has no payment for this transaction, so the request it knows under the key was refused: these details are
    new.
    """
    details = hashlib.sha256(json.dumps(attempt.params, sort_keys=True).encode()).hexdigest()[:16]
    key = ownership.stripe_key(attempt.installation, attempt.transaction_id, attempt.idempotency_key, details)
    return payment_intents.create(attempt.account, attempt.params, key)


def _send_under_next_key(attempt: Attempt) -> PaymentIntent:
    """Stripe stored one of its own errors under the key and created nothing: the attempt gets another key.

    Processes that get here at the same time choose the same key.
    """
    before = attempt.idempotency_key
    after = ownership.stripe_key(attempt.installation, attempt.transaction_id, before, "again")
    if not Attempt.objects.filter(pk=attempt.pk, idempotency_key=before).update(idempotency_key=after):
        attempt.refresh_from_db(fields=["idempotency_key"])
    else:
        attempt.idempotency_key = after
    return payment_intents.create(attempt.account, attempt.params, attempt.idempotency_key)


def delete_old() -> int:
    """Delete attempts older than two days; returns how many. By then Stripe has forgotten their keys."""
    return Attempt.objects.filter(created_at__lt=timezone.now() - STORED_FOR).delete()[0]
