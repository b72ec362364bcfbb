"""Each charge, refund or cancelation that staff request is carried out once, and this is remembered permanently.

A signed request can be captured and posted again at any time. Stripe forgets idempotency keys after 24 hours, so the
response is stored here: the same request gets the same response and moves no money.

Requests are distinguished by Saleor's own event of each (`TransactionEvent.idempotencyKey`, new for each request).
Equal requests made at the same time may arrive with each other's events already in them: each takes one that no other
has taken.

If it is not known what became of a request, staff read that it failed, and make it again: the new one is carried out as
a repeat of the first, so that the money moves once.
"""

import hashlib
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Blocked, Rejected, Unavailable
from saleor_stripe_audience.gateway import failures
from saleor_stripe_audience.money import from_decimal
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
UNCLEAR = "unclear"
LONGEST_TRY = timedelta(minutes=1)  # longer than Saleor and the app wait: an older one was interrupted


def carry_out_once(installation: Installation, requested: Requested, kind: str, carry_out: CarryOut) -> Json:
    """Return the response to the request: the stored one, or the result of `carry_out`.

    `kind` is CHARGE, REFUND or CANCEL. A refusal is a response too, and is stored. `Unavailable` leaves the request
    open: repeating it calls Stripe again under the same key, and so does another request of the same amount that staff
    make because they read that it failed. `Rejected` for a request of another kind, or one that is too old.
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
    settled = set[int]()
    while (first := _find_first(installation, requested, request, settled)) is not None:
        response = _repeat(installation, requested, request, first, carry_out)
        if response is not None:
            return response
        settled |= {each.pk for each in _chain(request)}
        request.repeats = None
        request.save(update_fields=["repeats"])
    return _try(installation, requested, request, carry_out)


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
        _update(request, unclear_at=timezone.now())
        raise
    except Rejected as error:
        if _is_final(request, error):
            _store(request, for_failure(request.kind, error.translatable))
        raise
    except Exception:  # a mistake of the app's own, or its database: Stripe may have carried it out
        _update(request, unclear_at=timezone.now())
        raise
    _store(request, response)
    return response


def _is_final(request: ActionRequest, error: Rejected) -> bool:
    """Whether the request failed for good: not if Stripe has it with other details, nor if the account is refused now
    and an earlier try may have moved the money.
    """
    was_tried = request.unclear_at is not None
    return error.code != failures.KEY_REUSED and not (isinstance(error, Blocked) and was_tried)


def _find_first(
    installation: Installation, requested: Requested, request: ActionRequest, settled: Collection[int]
) -> ActionRequest | None:
    """Return the unclear request that staff now make again, if any: of the same kind and amount, not yet repeated.

    `Unavailable` while another request repeats it: its result is not known either.
    """
    if request.repeats is None:
        equal = _equal_requests(installation, requested, request)
        open_ones = [each for each in equal if each.pk not in settled and _is_unclear(each, requested)]
        if not open_ones:
            others = (each for each in equal if each.pk not in settled)
            if any(each.repeats_id is not None and each.answer is None for each in others):
                _update(request, unclear_at=timezone.now())
                raise Unavailable(failures.IN_PROGRESS, code=failures.KEY_IN_USE)
            return None
        request.repeats = open_ones[0]
        try:
            with transaction.atomic():
                request.save(update_fields=["repeats"])
        except IntegrityError as error:  # another request has just repeated it
            request.repeats = None
            _update(request, unclear_at=timezone.now())
            raise Unavailable(failures.IN_PROGRESS, code=failures.KEY_IN_USE) from error
    return _chain(request)[-1]


def _chain(request: ActionRequest) -> list[ActionRequest]:
    """Return the unclear requests that were made again up to this one, the first one last."""
    chain = list[ActionRequest]()
    while request.repeats is not None:
        request = request.repeats
        chain.append(request)
    return chain


def _equal_requests(
    installation: Installation, requested: Requested, request: ActionRequest
) -> list[ActionRequest]:
    """Return the other requests of the same kind and amount to which Saleor has no response, oldest first."""
    type_ = f"{request.kind}_REQUEST"
    keys = {
        ownership.stripe_key(installation, requested.transaction.id, type_, each.idempotencyKey)
        for each in waiting_requests(requested, type_)
        if each.idempotencyKey
    } - {request.key}
    if not keys:
        return []
    recent = timezone.now() - STRIPE_REMEMBERS
    found = ActionRequest.objects.filter(installation=installation, key__in=keys, created_at__gt=recent)
    return list(found.select_related("repeated_by").order_by("created_at"))


def _is_unclear(request: ActionRequest, requested: Requested) -> bool:
    """Whether its last try ended without a result, or with one that Saleor did not receive, and nothing repeats it."""
    if hasattr(request, "repeated_by"):
        return False
    if request.answer is None:
        return request.unclear_at is not None or request.created_at < timezone.now() - LONGEST_TRY
    has_failed = f"{request.kind}_FAILURE"
    own = _asked_at(request, requested)
    return request.answer.get("result") != has_failed and any(
        each.type == has_failed and not each.pspReference and own <= each.createdAt
        for each in requested.transaction.events
    )


def _asked_at(request: ActionRequest, requested: Requested) -> datetime:
    """Return when Saleor stored the request; now if it sent no key."""
    times = [
        each.createdAt
        for each in requested.transaction.events
        if each.idempotencyKey and request.key.endswith(each.idempotencyKey)
    ]
    return times[0] if times else timezone.now()


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
            _store(request, for_failure(request.kind, error.translatable))
            raise
        if isinstance(error, Blocked):
            _update(request, unclear_at=timezone.now())
            raise
        return None  # nothing was moved, or it was for another granted refund
    except Exception:
        _update(request, unclear_at=timezone.now())
        raise
    if _was_reported(requested, request, response, first):
        return None
    _store(request, response)
    return response


def _was_reported(requested: Requested, request: ActionRequest, response: Json, first: ActionRequest) -> bool:
    """Whether Saleor knew what became of the first request before staff made this one."""
    own = _asked_at(request, requested)
    known = [
        each
        for each in requested.transaction.events
        if each.pspReference and each.type and each.type.startswith(request.kind) and each.createdAt <= own
    ]
    captured = requested.action.amount
    if request.kind == "CHARGE" and first.received_before is not None and captured is not None:
        # Several captures can be reported together.
        amounts = [
            each.amount
            for each in known
            if each.type == "CHARGE_SUCCESS" and each.pspReference[:3] not in ("du_", "dp_")
        ]
        total = sum(from_decimal(each.amount, each.currency).minor for each in amounts)
        return bool(amounts) and total >= (
            first.received_before + from_decimal(captured, amounts[0].currency).minor
        )
    return response.get("pspReference") in {each.pspReference for each in known}


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
    _update(request, answer=response, answered_at=timezone.now())


def _update(request: ActionRequest, **changes: Any) -> None:
    """Store what became of it. Whether or not money has moved, Saleor gets the response even if it cannot be stored."""
    try:
        ActionRequest.objects.filter(pk=request.pk, answer__isnull=True).update(**changes)
    except DatabaseError:
        log.exception("response not stored", request=str(request.pk))
