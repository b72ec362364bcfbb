"""Each charge, refund or cancelation that staff request is carried out once, and this is remembered permanently.

A signed request can be captured and posted again at any time. Stripe forgets idempotency keys after 24 hours, so the
response is stored here: the same request gets the same response and moves no money.

Requests are distinguished by Saleor's own event of each (`TransactionEvent.idempotencyKey`, new for each request).
Equal requests made at the same time may arrive with each other's events already in them: each takes one that no other
has taken.

If it is not known what became of a request, staff read that it failed, and make it again: the new one is carried out as
a repeat of the first, so that the money moves once; see `repeats`.
"""

import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Blocked, Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import failures
from saleor_stripe_audience.payments import grants, ownership, repeats
from saleor_stripe_audience.payments.models import ActionRequest
from saleor_stripe_audience.payments.outcomes import LONGEST_MESSAGE
from saleor_stripe_audience.payments.payloads import Requested
from saleor_stripe_audience.payments.repeats import STRIPE_REMEMBERS, update
from saleor_stripe_audience.saleor import freshness
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import for_staff, in_languages

log = structlog.get_logger(__name__)

Json = dict[str, Any]
CarryOut = Callable[[Installation, Requested, ActionRequest], Json]

AT_ONCE = timedelta(minutes=15)  # an equal request older than this was not made at the same time
UNCLEAR = "unclear"
CRASHED = pgettext_lazy(
    "staff", "The app has an unexpected problem; its log has the details. Please request it again."
)


def carry_out_once(installation: Installation, requested: Requested, kind: str, carry_out: CarryOut) -> Json:
    """Return the response to the request: the stored one, the result of `carry_out`, or a failure.

    `kind` is CHARGE, REFUND or CANCEL. A refusal is stored as well. `Unavailable` leaves the request open: repeating it
    calls Stripe again under the same key, and so does another request of the same amount that staff make because they
    read that it failed. A request of another kind, or one that is too old, fails.
    """
    request = None
    context = log.bind(kind=kind, transaction=requested.transaction.id, installation=str(installation.pk))
    try:
        request = _find_or_claim(installation, requested, kind)
        return _respond(installation, requested, request, carry_out)
    except Failure as error:
        context.warning("request failed", code=error.code)
        return _fail(requested, kind, request, error.translatable)
    except Exception:  # noqa: BLE001 - Saleor needs a response; it is logged
        context.exception("request crashed")
        return _fail(requested, kind, request, CRASHED)


def _find_or_claim(installation: Installation, requested: Requested, kind: str) -> ActionRequest:
    if requested.action.actionType != kind:
        raise Rejected(
            pgettext_lazy("staff", "This request was made for another action."), code="wrong_action"
        )
    body = hashlib.sha256(requested.model_dump_json().encode()).hexdigest()
    request = ActionRequest.objects.filter(installation=installation, body=body).first()
    if request is None or request.answer is None:
        freshness.check(requested.issuedAt)
    return request or _claim(installation, requested, kind, body)


def _claim(installation: Installation, requested: Requested, kind: str, body: str) -> ActionRequest:
    """Return the request that this body stands for: the newest in it that no other body has taken.

    If all are taken it is a repeat of the newest, such as one that Saleor has written again.
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
    """Return Stripe's idempotency keys of the requests that this may be, newest first.

    If Saleor sent no key, the number of such requests distinguishes them.
    """
    type_ = f"{kind}_REQUEST"
    waiting = requested.waiting_events(kind) or requested.equal_events(kind)
    at_once = [each for each in waiting if each.createdAt > waiting[0].createdAt - AT_ONCE]
    of_type = [each for each in requested.transaction.events if each.type == type_]
    own = [each.idempotencyKey for each in at_once if each.idempotencyKey]
    return [
        ownership.stripe_key(installation, requested.transaction.id, type_, key)
        for key in own or [f"{len(of_type)}:{requested.action.amount}"]
    ]


def _respond(
    installation: Installation, requested: Requested, request: ActionRequest, carry_out: CarryOut
) -> Json:
    if request.answer is not None:
        return dict(request.answer)
    settled = set[int]()
    while (first := _find_first(installation, requested, request, settled)) is not None:
        response = _repeat(installation, requested, request, first, carry_out)
        if response is not None:
            return response
        settled |= {each.pk for each in repeats.chain(request)}
        request.repeats = None
        request.save(update_fields=["repeats"])
    return _try(installation, requested, request, carry_out)


def _find_first(
    installation: Installation, requested: Requested, request: ActionRequest, settled: set[int]
) -> ActionRequest | None:
    """Return the request to try again, if any. One that would have to wait for it has moved nothing, and has failed."""
    try:
        return repeats.find_first(installation, requested, request, settled)
    except Unavailable as error:
        _refuse(requested, request, error)
        raise


def _repeat(
    installation: Installation,
    requested: Requested,
    request: ActionRequest,
    first: ActionRequest,
    carry_out: CarryOut,
) -> Json | None:
    """Return the response to the first request, tried again; None if it is settled, so that this one is another."""
    try:
        response = _try(installation, requested, first, carry_out)
    except Rejected as error:
        if error.code == UNCLEAR:
            _refuse(requested, request, error)
            raise
        if isinstance(error, Blocked):
            update(request, unclear_at=timezone.now())
            raise
        return None  # nothing was moved, or it was for another granted refund
    except Exception:
        update(request, unclear_at=timezone.now())
        raise
    if repeats.has_failed(first, response):
        # A later request found it out, and was carried out in place of this one.
        response = _fail(requested, request.kind, request, response["message"])
    elif repeats.was_reported(requested, request, response, first):
        return None
    _store(request, response, first.reasons)
    return response


def _try(
    installation: Installation, requested: Requested, request: ActionRequest, carry_out: CarryOut
) -> Json:
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
            code=UNCLEAR,
        )
    try:
        response = carry_out(installation, requested, request)
    except Unavailable:
        update(request, unclear_at=timezone.now())
        raise
    except Rejected as error:
        if _is_final(request, error):
            _refuse(requested, request, error)
        raise
    except Exception:  # a mistake of the app's own, or its database: Stripe may have carried it out
        update(request, unclear_at=timezone.now())
        raise
    _store(request, response)
    return response


def _is_final(request: ActionRequest, error: Rejected) -> bool:
    """Whether the request failed for good: not if Stripe has it with other details, nor if the account is refused now
    and an earlier try may have moved the money, nor because of the granted refund, which may be that of its repeat.
    """
    was_tried = request.unclear_at is not None
    is_of_another = error.code in (failures.KEY_REUSED, grants.PAID, grants.IN_PROGRESS)
    return not is_of_another and not (isinstance(error, Blocked) and was_tried)


def received_before(request: ActionRequest, received: int) -> int:
    """Return what the payment had received (smallest unit) before the first try, which is now if none is stored."""
    first = ActionRequest.objects.filter(pk=request.pk, received_before=None)
    if first.update(received_before=received):
        return received
    request.refresh_from_db(fields=["received_before"])
    return received if request.received_before is None else request.received_before


def _fail(requested: Requested, kind: str, request: ActionRequest | None, message: Promise | str) -> Json:
    """Return the failure with Saleor's key of the request as its pspReference, by which it is recognized later."""
    event = requested.event_of(request.key) if request is not None else None
    return for_failure(kind, message, (event.idempotencyKey if event is not None else "") or "")


def for_failure(kind: str, message: Promise | str, reference: str = "") -> Json:
    """Return the response to a refused request: staff see it in the payment's history in Saleor.

    It always has a reference of its own: Saleor discards a second failure of the transaction with the same one, or
    without one, so staff would not see it, and could not request a granted refund again (observed).
    """
    text = for_staff(message)[:LONGEST_MESSAGE]
    return {"result": f"{kind}_FAILURE", "message": text, "pspReference": reference or str(uuid.uuid4())}


def _refuse(requested: Requested, request: ActionRequest, error: Failure) -> None:
    response = _fail(requested, request.kind, request, error.translatable)
    _store(request, response, in_languages(error.translatable))


def _store(request: ActionRequest, response: Json, reasons: dict[str, str] | None = None) -> None:
    update(request, answer=response, reasons=reasons or {}, answered_at=timezone.now())
