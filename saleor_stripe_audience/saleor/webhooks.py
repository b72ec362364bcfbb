"""The door through which the host's webhooks come: one address per event, one rule for all.

Synchronous events are answered by the function registered for them, always with 200 and a JSON object: the host turns
anything else into "failed" and drops our words. Everything else is written into the inbox and worked later.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import Error, transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from saleor_stripe_audience import deadline, metrics
from saleor_stripe_audience.database import failure_of
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.inbox.handlers import is_handled
from saleor_stripe_audience.refusals import RETRY_SECONDS
from saleor_stripe_audience.saleor import freshness, signatures, tasks, upkeep
from saleor_stripe_audience.shops import removal
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.strict_json import read_object

log = structlog.get_logger(__name__)

Json = dict[str, Any]
Answer = Callable[[Installation, Json], Json]
FailureAnswer = Callable[[str], Json]

UNEXPECTED = "The payment app met an unexpected problem. Please try again, or choose another way to pay."
UNVERIFIABLE = "The shop's request could not be verified just now. Please try again."
DATABASE_FAILED = "The payment app cannot reach its database just now. Please try again in a moment."
UNREADABLE = "The shop sent this request without readable content. Please try again."


@dataclass(frozen=True)
class _Answering:
    answer: Answer
    failure: FailureAnswer
    bounded: bool


_answering: dict[str, _Answering] = {}


def answers(event: str, *, failure: FailureAnswer, bounded: bool = True) -> Callable[[Answer], Answer]:
    """Register the function that answers a synchronous event; `failure` words what went wrong in that event's form.

    The function is not asked about bodies that are too old, see `freshness`, unless `bounded` is False: then it sees to
    it itself that an old one does nothing.
    """

    def register(function: Answer) -> Answer:
        _answering[event] = _Answering(function, failure, bounded)
        return function

    return register


@csrf_exempt
@require_POST
def receive(request: HttpRequest, event: str) -> JsonResponse:
    """Verify, then answer (synchronous events) or write down (all others)."""
    kind = event.replace("-", "_")
    answering = _answering.get(kind)
    if answering is None and not is_handled("saleor", kind):
        return _error(404, "unknown_event", "The app does not ask for this event.")
    try:
        with deadline.deadline(deadline.SYNCHRONOUS_WEBHOOK_SECONDS):
            return _verified_and_dealt_with(request, kind, answering)
    except Error as error:
        log.exception("database failed", kind=kind)
        failure = failure_of(error)
        if isinstance(failure, Rejected) and answering is None:
            return _error(400, failure.code, failure.message)
        return _to_be_repeated(answering, DATABASE_FAILED, "database")


def _verified_and_dealt_with(request: HttpRequest, kind: str, answering: _Answering | None) -> JsonResponse:
    try:
        body = request.body
        installation = _sender(request, kind, body)
    except RequestDataTooBig:
        return _error(413, "too_large", "The request is larger than 2 MB.")
    except signatures.KeysUnavailable as error:
        return _to_be_repeated(answering, UNVERIFIABLE if answering else error.message, error.code)
    except Failure as error:
        log.warning("webhook refused", kind=kind, code=error.code)
        metrics.refused.labels(error.code).inc()
        return _error(401, error.code, error.message)
    if answering is not None:
        return JsonResponse(_answered(answering, installation, kind, body))
    return _recorded(installation, kind, body)


def _sender(request: HttpRequest, kind: str, body: bytes) -> Installation:
    """The shop that sent this; `Rejected` unless it is installed and signed the body."""
    if request.headers.get("Saleor-Event", kind).lower() != kind:
        raise Rejected("The event in the header is not the one of the address.", code="event_mismatch")
    api_url = request.headers.get("Saleor-Api-Url", "")
    # One that is marked as removed is let in: it may have been switched on again, or tell of its last orders.
    installation = Installation.objects.filter(saleor_api_url=api_url).first()
    if installation is None:
        raise Rejected("No shop of this address has installed the app.", code="unknown_installation")
    signatures.verify(installation, request.headers.get("Saleor-Signature", ""), body)
    return installation


def _to_be_repeated(answering: _Answering | None, message: str, code: str) -> JsonResponse:
    """It cannot be dealt with now. By a 503 an asynchronous event comes again, a synchronous one is lost."""
    return _error(503, code, message) if answering is None else JsonResponse(answering.failure(message))


def _answered(answering: _Answering, installation: Installation, kind: str, body: bytes) -> Json:
    with metrics.webhooks.labels(kind).time():
        answer = _answer_or_failure(answering, installation, kind, body)
    metrics.results.labels(kind, str(answer.get("result") or "answered")).inc()
    return answer


def _answer_or_failure(answering: _Answering, installation: Installation, kind: str, body: bytes) -> Json:
    try:
        payload = _parsed(body)
        _check_event(kind, payload)
        _check_recipient(installation, payload)
        if answering.bounded:
            freshness.check(payload.get("issuedAt"))
        _check_installed(installation, payload)
        _note_version(installation, payload)
        return answering.answer(installation, payload)
    except Failure as error:
        log.warning("webhook failed", kind=kind, installation=str(installation.pk), code=error.code)
        return answering.failure(error.message)
    except Exception:
        log.exception("webhook crashed", kind=kind, installation=str(installation.pk))
        return answering.failure(UNEXPECTED)


def _recorded(installation: Installation, kind: str, body: bytes) -> JsonResponse:
    try:
        payload = _parsed(body)
        _check_event(kind, payload)
        _check_recipient(installation, payload)
    except Failure as error:
        log.warning("webhook refused", kind=kind, installation=str(installation.pk), code=error.code)
        return _error(400, error.code, error.message)
    _note_version(installation, payload)
    key = hashlib.sha256(kind.encode() + b"\0" + body).hexdigest()
    new = inbox.record("saleor", installation.pk, key, kind, payload, _occurred_at(payload))
    return JsonResponse({"ok": True, "new": new})


def _parsed(body: bytes) -> Json:
    """The event's object; `Rejected` for anything else, such as the empty body of the host's retries."""
    try:
        payload = read_object(body)
    except ValueError:
        raise Rejected(UNREADABLE, code="unreadable") from None
    # GraphQL errors of the subscription carry stack traces of the host: of no use, and not ours to keep.
    payload.pop("errors", None)
    return payload


def _check_event(kind: str, payload: Json) -> None:
    """A body that the shop signed for one event must not pass for another at another address.

    All our documents ask for the name. Without it, as from a webhook that is not up to date yet, nothing is deleted;
    what moves money names its action, which is checked where it is answered.
    """
    named = payload.get("__typename")
    is_deletion = kind.endswith("_deleted") and kind != "app_deleted"  # which names the app that is meant
    if named != type_of(kind) and (named is not None or is_deletion):
        raise Rejected("This request was made for another event.", code="wrong_event")


def type_of(kind: str) -> str:
    """The GraphQL type of an event: OrderCreated of `order_created`."""
    return "".join(part.capitalize() for part in kind.split("_"))


def _check_installed(installation: Installation, payload: Json) -> None:
    """The host asks only apps that are installed and switched on, so it asks one again that had been removed.

    What it asked before the removal proves nothing of the kind.
    """
    if installation.is_active:
        return
    issued, removed_at = freshness.issued_at(payload.get("issuedAt")), installation.removed_at
    is_later = issued is not None and (removed_at is None or issued > removed_at)
    if not is_later or not freshness.is_fresh(payload.get("issuedAt")):
        raise Rejected("The shop has removed the app or switched it off.", code="removed")
    removal.resume(installation)
    tasks.sync_webhooks.enqueue(str(installation.pk))  # what waited continues if the token works again


def _check_recipient(installation: Installation, payload: Json) -> None:
    """A genuine event of another app of the same shop must not pass for ours."""
    recipient = payload.get("recipient")
    if not isinstance(recipient, dict) or recipient.get("id") != installation.app_id:
        raise Rejected("This event was meant for another app.", code="wrong_recipient")


def _note_version(installation: Installation, payload: Json) -> None:
    """The host was upgraded: its webhooks are made anew for its new version, once however many events come."""
    version = str(payload.get("version") or "")[:20]
    is_now = freshness.is_fresh(payload.get("issuedAt"))  # an old event tells of the version before
    if not is_now or not upkeep.is_other_version(installation, version):
        return
    with transaction.atomic():
        known = Installation.objects.filter(pk=installation.pk, schema_version=installation.schema_version)
        if known.update(schema_version=version):
            tasks.sync_webhooks.enqueue(str(installation.pk))


def _occurred_at(payload: Json) -> datetime:
    return freshness.issued_at(payload.get("issuedAt")) or datetime.now(UTC)


def _error(status: int, code: str, message: str) -> JsonResponse:
    answer = JsonResponse({"error": {"code": code, "message": message}}, status=status)
    if status == 503:  # noqa: PLR2004 - Service Unavailable
        answer["Retry-After"] = RETRY_SECONDS
    return answer
