"""Each charge, refund or cancelation that staff request is carried out once, and this is remembered permanently.

A signed request can be captured and posted again at any time. Stripe forgets idempotency keys after 24 hours, so the
response is stored here: the same request gets the same response and moves no money.

Requests are distinguished by Saleor's own event of each (`TransactionEvent.idempotencyKey`, new for each request).
Equal requests made at the same time may arrive with each other's events already in them: each takes one that no other
has taken.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.db import DatabaseError
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments.models import ActionRequest
from saleor_stripe_audience.payments.outcomes import LONGEST_MESSAGE
from saleor_stripe_audience.payments.payloads import Event, Requested
from saleor_stripe_audience.saleor import freshness
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import for_staff

log = structlog.get_logger(__name__)

Json = dict[str, Any]
CarryOut = Callable[[Installation, Requested, ActionRequest], Json]

# Stripe stores a key for at least 24 hours: https://docs.stripe.com/api/idempotent_requests
STRIPE_REMEMBERS = timedelta(hours=20)
AT_ONCE = timedelta(minutes=15)  # an equal request older than this was not made at the same time


def carry_out_once(installation: Installation, requested: Requested, kind: str, carry_out: CarryOut) -> Json:
    """Return the response to the request: the stored one, or the result of `carry_out`.

    `kind` is CHARGE, REFUND or CANCEL. A refusal is a response too, and is stored. `Unavailable` leaves the request
    open: repeating it calls Stripe again under the same key. `Rejected` for a request of another kind, or one that is
    too old.
    """
    if requested.action.actionType != kind:
        raise Rejected(
            pgettext_lazy("staff", "This request was made for another action."), code="wrong_action"
        )
    body = hashlib.sha256(requested.model_dump_json().encode()).hexdigest()
    request = ActionRequest.objects.filter(installation=installation, body=body).first()
    if request is None or request.answer is None:
        freshness.check(requested.issuedAt)
        request = request or _claim(installation, requested, kind, body)
    if request.answer is not None:
        return dict(request.answer)
    if request.created_at < timezone.now() - STRIPE_REMEMBERS:
        # Stripe would no longer recognize the key: a repeat might move money twice.
        raise Rejected(
            pgettext_lazy(
                "staff",
                "The result of this request is not known. Check the payment in Stripe before you request "
                "it again.",
            ),
            code="unclear",
        )
    try:
        response = carry_out(installation, requested, request)
    except Rejected as error:
        _store(request, for_failure(request.kind, error.translatable))
        raise
    _store(request, response)
    return response


def _claim(installation: Installation, requested: Requested, kind: str, body: str) -> ActionRequest:
    """Return the request that this body stands for: the newest in it that no other body has taken.

    If all are taken it is a repeat of the newest, such as one that Saleor has written again.
    """
    keys = _keys(installation, requested, f"{kind}_REQUEST")
    for key in keys:
        request, is_new = ActionRequest.objects.get_or_create(
            installation=installation,
            key=key,
            defaults={"transaction_id": requested.transaction.id, "kind": kind, "body": body},
        )
        if is_new or request.body == body:
            return request
    return ActionRequest.objects.get(installation=installation, key=keys[0])


def received_before(request: ActionRequest, received: int) -> int:
    """Return what the payment had received (smallest unit) before the first try, which is now if none is stored."""
    first = ActionRequest.objects.filter(pk=request.pk, received_before=None)
    if first.update(received_before=received):
        return received
    request.refresh_from_db(fields=["received_before"])
    return received if request.received_before is None else request.received_before


def _keys(installation: Installation, requested: Requested, type_: str) -> list[str]:
    """Return Stripe's idempotency keys of the requests that this may be, newest first.

    If Saleor sent no key, the number of such requests distinguishes them.
    """
    waiting = waiting_requests(requested, type_)
    at_once = [each for each in waiting if each.createdAt > waiting[0].createdAt - AT_ONCE]
    of_type = [each for each in requested.transaction.events if each.type == type_]
    own = [each.idempotencyKey for each in at_once if each.idempotencyKey]
    return [
        ownership.stripe_key(installation, requested.transaction.id, type_, key)
        for key in own or [f"{len(of_type)}:{requested.action.amount}"]
    ]


def waiting_requests(requested: Requested, type_: str) -> list[Event]:
    """Return Saleor's events that this request may be: of its type and amount, without a response; newest first.

    `type_` is one such as REFUND_REQUEST. A cancelation has no amount of its own.
    """
    asked = requested.action.amount if type_ != "CANCEL_REQUEST" else None
    waiting = [
        event
        for event in requested.transaction.events
        if event.type == type_ and not event.pspReference and asked in (None, event.amount.amount)
    ]
    return sorted(waiting, key=lambda event: event.createdAt, reverse=True)


def for_failure(kind: str, message: Promise | str) -> Json:
    """Return the response to a refused request: staff see it in the payment's history in Saleor."""
    return {"result": f"{kind}_FAILURE", "message": for_staff(message)[:LONGEST_MESSAGE]}


def _store(request: ActionRequest, response: Json) -> None:
    """Store the response. Whether or not money has moved, Saleor gets the response even if it cannot be stored."""
    try:
        open_one = ActionRequest.objects.filter(pk=request.pk, answer__isnull=True)
        open_one.update(answer=response, answered_at=timezone.now())
    except DatabaseError:
        log.exception("response not stored", request=str(request.pk))
