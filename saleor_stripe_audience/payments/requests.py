"""Each charge, refund or cancelation that staff ask for is carried out once, and that is remembered for good.

A signed request can be captured and posted again at any time. Stripe forgets idempotency keys after 24 hours, so what
was answered is kept here: the same request gets the same answer and moves nothing.

A request is told apart by the host's own event of it (`TransactionEvent.idempotencyKey`, new for each request). Equal
requests made at once may arrive with one another's events already in them: each takes one that no other has taken.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.db import DatabaseError
from django.utils import timezone

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.payments import actions
from saleor_stripe_audience.payments.models import ActionRequest
from saleor_stripe_audience.payments.payloads import Requested
from saleor_stripe_audience.saleor import freshness
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

Json = dict[str, Any]
CarryOut = Callable[[Installation, Requested, str], Json]

STRIPE_REMEMBERS = timedelta(
    hours=20
)  # a key is kept for at least 24 hours: https://docs.stripe.com/api/idempotent_requests
AT_ONCE = timedelta(minutes=15)  # an equal request older than this is not one of those that were made at once


def answer_once(installation: Installation, requested: Requested, kind: str, carry_out: CarryOut) -> Json:
    """The answer to the request: the one that it got before, or what `carry_out` makes of it now.

    `kind` is CHARGE, REFUND or CANCEL. A refusal is an answer too, and kept. `Unavailable` leaves the request open:
    its repeat asks Stripe again under the same key. `Rejected` for one of another kind, and for one that is too old.
    """
    _check_kind(requested, kind)
    body = hashlib.sha256(requested.model_dump_json().encode()).hexdigest()
    request = ActionRequest.objects.filter(installation=installation, body=body).first()
    if request is None or request.answer is None:
        freshness.check(requested.issuedAt)
        request = request or _taken(installation, requested, kind, body)
    if request.answer is not None:
        return dict(request.answer)
    _check_still_known_to_stripe(request)
    return _carried_out(request, lambda: carry_out(installation, requested, request.key))


def _check_kind(requested: Requested, kind: str) -> None:
    if requested.action.actionType != kind:
        raise Rejected("This request was made for another action.", code="wrong_action")


def _taken(installation: Installation, requested: Requested, kind: str, body: str) -> ActionRequest:
    """The request that this body stands for: the newest in it that no other body has taken.

    If all are taken it is a repeat of the newest, such as one that the host has written anew.
    """
    keys = _keys(installation, requested, kind)
    for key in keys:
        request, is_new = ActionRequest.objects.get_or_create(
            installation=installation,
            key=key,
            defaults={"transaction_id": requested.transaction.id, "kind": kind, "body": body},
        )
        if is_new or request.body == body:
            return request
    return ActionRequest.objects.get(installation=installation, key=keys[0])


def _keys(installation: Installation, requested: Requested, kind: str) -> list[str]:
    """The idempotency keys of the requests that this may be, the newest first."""
    name = f"{kind}_REQUEST"
    waiting = actions.waiting_requests(requested, name)
    at_once = [each for each in waiting if each.createdAt > waiting[0].createdAt - AT_ONCE]
    own = [each for each in at_once if each.idempotencyKey]
    if not own:
        return [actions.request_key(installation, requested, name)]
    return [actions.request_key(installation, requested, name, each) for each in own]


def _check_still_known_to_stripe(request: ActionRequest) -> None:
    """What became of it is unknown, and Stripe would no longer recognize it: asked again, it might move money twice."""
    if request.created_at < timezone.now() - STRIPE_REMEMBERS:
        raise Rejected(
            "It is not known what became of this request. Look at the payment in Stripe before you ask again.",
            code="unclear",
        )


def _carried_out(request: ActionRequest, carry_out: Callable[[], Json]) -> Json:
    try:
        answer = carry_out()
    except Rejected as error:
        _keep(request, failure(request.kind, error.message))
        raise
    _keep(request, answer)
    return answer


def failure(kind: str, message: str) -> Json:
    """What the host is told of a request that was refused."""
    return {"result": f"{kind}_FAILURE", "message": message[:512]}


def _keep(request: ActionRequest, answer: Json) -> None:
    """Money has moved, or not: that is told even if it cannot be written down."""
    try:
        open_one = ActionRequest.objects.filter(pk=request.pk, answer__isnull=True)
        open_one.update(answer=answer, answered_at=timezone.now())
    except DatabaseError:
        log.exception("answer not kept", request=str(request.pk))
