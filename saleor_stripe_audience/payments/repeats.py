"""Which earlier request staff make again with a new one, because its result was unclear: docs/decisions/0024."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.gateway import failures
from saleor_stripe_audience.money import from_decimal
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments.models import ActionRequest
from saleor_stripe_audience.payments.payloads import Requested
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

Json = dict[str, Any]

# Stripe stores a key for at least 24 hours: https://docs.stripe.com/api/idempotent_requests
STRIPE_REMEMBERS = timedelta(hours=20)
LONGEST_TRY = timedelta(minutes=1)  # longer than Saleor and the app wait: an older one was interrupted
BOOKED_WITHIN = timedelta(minutes=1)  # by then Saleor has booked a response that it received


def find_first(
    installation: Installation, requested: Requested, request: ActionRequest, settled: Collection[int]
) -> ActionRequest | None:
    """Return the unclear request that staff now make again, if any: of the same kind and amount, not yet repeated.

    `Unavailable` while another request repeats it, whose result is not known either, or if it is not known which of
    several requests are still being carried out.
    """
    if request.repeats is None:
        equal = _equal_requests(installation, requested, request)
        others = [each for each in equal if each.pk not in settled]
        open_ones = [each for each in others if _is_unclear(each, requested)]
        if not open_ones:
            pending = [each for each in others if each.answer is None and not hasattr(each, "repeated_by")]
            lost = _count_lost_responses(pending, requested)
            if pending and lost >= len(pending):
                open_ones = pending
            elif lost or any(each.repeats_id is not None for each in pending):
                raise Unavailable(failures.IN_PROGRESS, code=failures.KEY_IN_USE)
        if not open_ones:
            return None
        request.repeats = open_ones[0]
        try:
            with transaction.atomic():
                request.save(update_fields=["repeats"])
        except IntegrityError as error:  # another request has just repeated it
            request.repeats = None
            raise Unavailable(failures.IN_PROGRESS, code=failures.KEY_IN_USE) from error
    return chain(request)[-1]


def is_refund_being_answered(installation: Installation, transaction_id: str) -> bool:
    """Whether a refund of the transaction was requested whose response Saleor may still have to book."""
    now = timezone.now()
    refunds = ActionRequest.objects.filter(
        _being_tried(now) | Q(answered_at__gt=now - BOOKED_WITHIN),
        installation=installation,
        transaction_id=transaction_id,
        kind="REFUND",
    )
    return refunds.exists()


def being_tried(installation: Installation) -> QuerySet[ActionRequest]:
    """Return the shop's requests that were just received for the first time, and have no result yet."""
    return ActionRequest.objects.filter(_being_tried(timezone.now()), installation=installation)


def _being_tried(now: datetime) -> Q:
    return Q(answer__isnull=True, unclear_at=None, created_at__gt=now - LONGEST_TRY)


def chain(request: ActionRequest) -> list[ActionRequest]:
    """Return the unclear requests that were made again up to this one, the first one last."""
    found = list[ActionRequest]()
    while request.repeats is not None:
        request = request.repeats
        found.append(request)
    return found


def _equal_requests(
    installation: Installation, requested: Requested, request: ActionRequest
) -> list[ActionRequest]:
    """Return the other requests of the same kind and amount that have no result in Saleor, or failed; oldest first."""
    equal = [each for each in requested.equal_events(request.kind) if each.idempotencyKey]
    # The reference of a failure is a request's key; two that were made at once may have each other's.
    open_ = {"", *(each.idempotencyKey for each in equal)}
    keys = {
        ownership.stripe_key(
            installation, requested.transaction.id, f"{request.kind}_REQUEST", each.idempotencyKey or ""
        )
        for each in equal
        if each.pspReference in open_
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
    # For Saleor it failed: by the app's response or, without a reference, because it received none.
    event, own = requested.event_of(request.key), _requested_at(request, requested)
    references = {"", event.idempotencyKey if event is not None else ""}
    has_failed_for_saleor = any(
        each.type == f"{request.kind}_FAILURE" and each.pspReference in references and own <= each.createdAt
        for each in requested.transaction.events
    )
    if request.answer is None:
        is_answered = event is not None and event.pspReference == event.idempotencyKey
        is_interrupted = request.created_at < timezone.now() - LONGEST_TRY
        return request.unclear_at is not None or is_answered or is_interrupted
    booked_by = (request.answered_at or timezone.now()) + BOOKED_WITHIN
    is_lost = event is not None and not event.pspReference and booked_by < timezone.now()
    return not has_failed(request, request.answer) and (has_failed_for_saleor or is_lost)


def _count_lost_responses(pending: list[ActionRequest], requested: Requested) -> int:
    """Return how many responses to the requests Saleor did not receive: it lost the connection, as when the app ends.

    Saleor does not say to which of them, and they may have been carried out.
    """
    if not pending:
        return 0
    since = min(_requested_at(each, requested) for each in pending)
    lost = [
        each
        for each in requested.transaction.events
        if each.type == f"{pending[0].kind}_FAILURE" and not each.pspReference and since <= each.createdAt
    ]
    return sum(requested.action.amount in (None, each.amount.amount) for each in lost)


def has_failed(request: ActionRequest, response: Json) -> bool:
    """Whether the response to the request is a failure."""
    return response.get("result") == f"{request.kind}_FAILURE"


def _requested_at(request: ActionRequest, requested: Requested) -> datetime:
    """Return when Saleor stored the request; now if it sent no key."""
    event = requested.event_of(request.key)
    return event.createdAt if event is not None else timezone.now()


def was_reported(requested: Requested, request: ActionRequest, response: Json, first: ActionRequest) -> bool:
    """Whether Saleor knew what became of the first request before staff made this one."""
    own = _requested_at(request, requested)
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


def update(request: ActionRequest, **changes: Any) -> None:
    """Store what became of it. Whether or not money has moved, Saleor gets the response even if it cannot be stored."""
    try:
        ActionRequest.objects.filter(pk=request.pk, answer__isnull=True).update(**changes)
    except DatabaseError:
        log.exception("response not stored", request=str(request.pk))
