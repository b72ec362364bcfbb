"""Saleor's webhooks: one URL per event, the same checks for all.

A synchronous event is answered by its function, always with 200 and a JSON object: Saleor treats anything else as
failed and drops the message. All other events are recorded in the inbox and handled later.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import Error, transaction
from django.http import HttpRequest, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from saleor_stripe_audience import deadline, metrics
from saleor_stripe_audience.database import failure_of
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.inbox.handlers import is_handled
from saleor_stripe_audience.recent import Recent, duplicate
from saleor_stripe_audience.refusals import RETRY_SECONDS
from saleor_stripe_audience.saleor import freshness, signatures, webhook_sync
from saleor_stripe_audience.shops import removal
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.strict_json import read_object
from saleor_stripe_audience.wording import ENGLISH, in_language

log = structlog.get_logger(__name__)

Json = dict[str, Any]
Respond = Callable[[Installation, Json], Json]
FailureResponse = Callable[[Promise | str], Json]

UNEXPECTED = pgettext_lazy(
    "staff", "The payment app has an unexpected problem. Please try again, or choose another payment method."
)
UNVERIFIABLE = pgettext_lazy(
    "staff", "The shop's request could not be verified at the moment. Please try again."
)
DATABASE_FAILED = pgettext_lazy(
    "staff", "The payment app cannot reach its database at the moment. Please try again shortly."
)
UNREADABLE = pgettext_lazy("staff", "The shop sent this request without readable content. Please try again.")


@dataclass(frozen=True)
class SyncWebhook:
    """How a synchronous event is answered: by `respond`, or by `failure` with a message when that fails.

    `respond` is not called for payloads that are too old, see `freshness`, unless `bounded` is False: then it has to
    make sure itself that an old one changes nothing.
    """

    respond: Respond
    failure: FailureResponse
    bounded: bool


def sync_webhook(*, failure: FailureResponse, bounded: bool = True) -> Callable[[Respond], SyncWebhook]:
    """Make the function a SyncWebhook, to be listed in the table that the setting EVENT_HANDLERS names."""
    return lambda respond: SyncWebhook(respond, failure, bounded)


def sync_webhooks() -> Mapping[str, SyncWebhook]:
    """Every synchronous event that the app answers, from that table."""
    table: Mapping[str, SyncWebhook] = import_module(settings.EVENT_HANDLERS).SYNC_WEBHOOKS
    return table


@csrf_exempt
@require_POST
def receive(request: HttpRequest, event: str) -> JsonResponse:
    """Verify, then answer (synchronous events) or record (all others)."""
    kind = event.replace("-", "_")
    sync_webhook = sync_webhooks().get(kind)
    if sync_webhook is None and not is_handled("saleor", kind):
        return _error(404, "unknown_event", "The app does not ask for this event.")
    try:
        with deadline.deadline(deadline.SYNCHRONOUS_WEBHOOK_SECONDS):
            return _verify_and_respond(request, kind, sync_webhook)
    except Error as error:
        log.exception("database failed", kind=kind)
        failure = failure_of(error)
        if isinstance(failure, Rejected) and sync_webhook is None:
            return _error(400, failure.code, failure.message)
        return _fail_for_now(sync_webhook, DATABASE_FAILED, "database")


def _verify_and_respond(request: HttpRequest, kind: str, sync_webhook: SyncWebhook | None) -> JsonResponse:
    try:
        body = request.body
        installation = _verify_sender(request, kind, body)
    except RequestDataTooBig:
        return _error(413, "too_large", "The request is larger than 2 MB.")
    except signatures.KeysUnavailable as error:
        return _fail_for_now(sync_webhook, UNVERIFIABLE if sync_webhook else error.message, error.code)
    except Failure as error:
        log.warning("webhook refused", kind=kind, code=error.code)
        metrics.refused.labels(error.code).inc()
        return _error(401, error.code, error.message)
    if sync_webhook is None:
        return _record(installation, kind, body)
    with metrics.webhooks.labels(kind).time():
        response = _respond(sync_webhook, installation, kind, body)
    metrics.results.labels(kind, str(response.get("result") or "answered")).inc()
    return JsonResponse(response)


def _verify_sender(request: HttpRequest, kind: str, body: bytes) -> Installation:
    """The shop that sent this; `Rejected` unless it is installed and signed the body."""
    headers = request.META  # `request.headers` would read all of them
    if headers.get("HTTP_SALEOR_EVENT", kind).lower() != kind:
        raise Rejected("The event in the header does not match the URL.", code="event_mismatch")
    api_url = headers.get("HTTP_SALEOR_API_URL", "")
    # A shop that is marked as removed is accepted: it may have activated the app again, or send its last orders.
    known = _installations.get(api_url)
    installation = duplicate(known) if known is not None else None
    if installation is None:
        raise Rejected("No shop with this API URL has installed the app.", code="unknown_installation")
    _verify_signature(installation, headers.get("HTTP_SALEOR_SIGNATURE", ""), body)
    return installation


def _verify_signature(installation: Installation, signature: str, body: bytes) -> None:
    kept = installation.jwks
    try:
        signatures.verify(installation, signature, body)
    except Failure:
        installation.refresh_from_db(fields=["jwks"])
        if installation.jwks == kept:
            raise
        # Another process fetched new keys, or another shop took over the address, a moment ago.
        signatures.verify(installation, signature, body)


def _read_installation(api_url: str) -> Installation | None:
    return Installation.objects.filter(saleor_api_url=api_url).first()


def _is_here(installation: Installation | None) -> bool:
    return installation is not None and installation.is_active


_installations = Recent(_read_installation, Installation, is_good=_is_here)


def _fail_for_now(sync_webhook: SyncWebhook | None, message: Promise | str, code: str) -> JsonResponse:
    """A 503 makes Saleor retry an asynchronous event; a synchronous one needs a response in its own form."""
    if sync_webhook is not None:
        return JsonResponse(sync_webhook.failure(message))
    return _error(503, code, in_language(message, ENGLISH))


def _respond(sync_webhook: SyncWebhook, installation: Installation, kind: str, body: bytes) -> Json:
    try:
        payload = _parse(body)
        _check_event(kind, payload)
        _check_recipient(installation, payload)
        if sync_webhook.bounded:
            freshness.check(payload.get("issuedAt"))
        _check_installed(installation, payload)
        _note_version(installation, payload)
        return sync_webhook.respond(installation, payload)
    except Failure as error:
        log.warning("webhook failed", kind=kind, installation=str(installation.pk), code=error.code)
        return sync_webhook.failure(error.translatable)
    except Exception:
        log.exception("webhook crashed", kind=kind, installation=str(installation.pk))
        return sync_webhook.failure(UNEXPECTED)


def _record(installation: Installation, kind: str, body: bytes) -> JsonResponse:
    try:
        payload = _parse(body)
        _check_event(kind, payload)
        _check_recipient(installation, payload)
    except Failure as error:
        log.warning("webhook refused", kind=kind, installation=str(installation.pk), code=error.code)
        return _error(400, error.code, error.message)
    _note_version(installation, payload)
    key = hashlib.sha256(kind.encode() + b"\0" + body).hexdigest()
    occurred_at = freshness.issued_at(payload.get("issuedAt")) or datetime.now(UTC)
    new = inbox.record("saleor", installation.pk, key, kind, payload, occurred_at)
    return JsonResponse({"ok": True, "new": new})


def _parse(body: bytes) -> Json:
    """The event's payload; `Rejected` for anything else, such as the empty body of Saleor's retries."""
    try:
        payload = read_object(body)
    except ValueError:
        raise Rejected(UNREADABLE, code="unreadable") from None
    # GraphQL errors of the subscription carry stack traces of Saleor: of no use, and not ours to store.
    payload.pop("errors", None)
    return payload


def _check_event(kind: str, payload: Json) -> None:
    """A body that the shop signed for one event must not be accepted as another at another URL.

    All our subscriptions ask for the type. Without it, as from a webhook that is not up to date yet, nothing is
    deleted; events that move money name their action, which is checked where they are answered.
    """
    type_name = payload.get("__typename")
    is_deletion = kind.endswith("_deleted") and kind != "app_deleted"  # app_deleted names the app itself
    if type_name != type_of(kind) and (type_name is not None or is_deletion):
        raise Rejected("This request was made for another event.", code="wrong_event")


def type_of(kind: str) -> str:
    """The GraphQL type of an event: OrderCreated of `order_created`."""
    return "".join(part.capitalize() for part in kind.split("_"))


def _check_installed(installation: Installation, payload: Json) -> None:
    """Saleor calls only apps that are installed and active, so a call proves that a removed app is back.

    A request from before the removal proves nothing.
    """
    if installation.is_active:
        return
    issued, removed_at = freshness.issued_at(payload.get("issuedAt")), installation.removed_at
    is_later = issued is not None and (removed_at is None or issued > removed_at)
    if not is_later or not freshness.is_fresh(payload.get("issuedAt")):
        raise Rejected("The shop has removed or deactivated the app.", code="removed")
    removal.resume(installation)
    webhook_sync.sync_webhooks_of.enqueue(
        str(installation.pk)
    )  # waiting events continue if the token works again


def _check_recipient(installation: Installation, payload: Json) -> None:
    """An event for another app of the same shop must not be accepted as ours."""
    recipient = payload.get("recipient")
    if not isinstance(recipient, dict) or recipient.get("id") != installation.app_id:
        raise Rejected("This event was meant for another app.", code="wrong_recipient")


def _note_version(installation: Installation, payload: Json) -> None:
    """After an upgrade of Saleor its webhooks are updated for the new version, once however many events arrive."""
    version = str(payload.get("version") or "")[:20]
    if not webhook_sync.is_other_version(installation, version):
        return
    if not freshness.is_fresh(payload.get("issuedAt")):  # an old event has the previous version
        return
    with transaction.atomic():
        known = Installation.objects.filter(pk=installation.pk, schema_version=installation.schema_version)
        if known.update(schema_version=version):
            webhook_sync.sync_webhooks_of.enqueue(str(installation.pk))


def _error(status: int, code: str, message: str) -> JsonResponse:
    response = JsonResponse({"error": {"code": code, "message": message}}, status=status)
    if status == 503:  # noqa: PLR2004 - Service Unavailable
        response["Retry-After"] = RETRY_SECONDS
    return response
