"""Calls to Saleor's API: one function per document in graphql/operations."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Blocked, Rejected, Unavailable
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor import http, trouble
from saleor_stripe_audience.saleor.documents import NEWEST, operation, read_version
from saleor_stripe_audience.saleor.manifest import manifest
from saleor_stripe_audience.saleor.trouble import APP_UNKNOWN, PERMISSION_DENIED
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

Json = dict[str, Any]

REINSTALL = pgettext_lazy(
    "staff",
    "Saleor rejects the app's token: the app was removed or deactivated, or the token was deleted. Activate the app "
    "in Saleor's Dashboard, or install it again; its data is kept.",
)
REFUSED = pgettext_lazy("staff", "Saleor refused: {reason}")
REPORT_REFUSED = pgettext_lazy("staff", "Saleor refused the payment's report: {reason}")
FAILED_INSIDE = "saleor_failed"  # while it was carrying out what was requested
PAYMENT_METHODS_SINCE = (3, 22)
REFUND_REASONS_SINCE = (3, 22)
ALREADY_EXISTS = "ALREADY_EXISTS"
SERVER_ERROR = 500


@dataclass(frozen=True)
class Upload:
    """A file to be sent with a request; `place` is where its variable is, such as "variables.input.image"."""

    name: str
    mime_type: str
    content: bytes
    place: str


@dataclass(frozen=True)
class AppIdentity:
    """The app as Saleor knows it: `id` changes with every install, `identifier` is the manifest's.

    `shop_name` is what the merchant calls the shop, on one line; it may be empty.
    """

    id: str
    identifier: str
    shop_name: str = ""


@dataclass(frozen=True)
class ChannelData:
    """A sales channel of the shop."""

    saleor_id: str
    slug: str
    name: str
    currency: str


@dataclass(frozen=True)
class StaffChannels:
    """The channels that a staff member is restricted to."""

    ids: frozenset[str]
    slugs: frozenset[str]


@dataclass(frozen=True)
class InstalledWebhook:
    """A webhook of the app as Saleor has it."""

    id: str
    name: str
    target_url: str
    is_active: bool
    query: str
    events: tuple[str, ...]


@dataclass(frozen=True)
class Installed:
    """The app's permissions and webhooks in the shop, and the shop's version."""

    schema_version: str
    permissions: frozenset[str]
    webhooks: list[InstalledWebhook]
    shop_name: str = ""


@dataclass(frozen=True)
class TransactionEvent:
    """An event of a transaction; `amount` in whole units of its currency."""

    type: str
    psp_reference: str
    amount: Decimal
    currency: str = ""
    message: str = ""


@dataclass(frozen=True)
class HistoryEntry:
    """An event of a transaction as staff read it in Saleor; `amount` in whole units of its currency."""

    at: datetime
    type: str
    amount: Decimal
    currency: str
    message: str


@dataclass(frozen=True)
class TransactionAmounts:
    """What of a transaction is charged and not refunded, and what is authorized, in whole units of its currency."""

    charged: Decimal
    authorized: Decimal


@dataclass(frozen=True)
class TransactionReport:
    """One event to add to a transaction, dated by Saleor's clock as all others: Saleor orders them by time.

    Saleor recognizes duplicates by (transaction, pspReference, type).

    `payment_method` is a PaymentMethodDetailsInput; it is not sent to Saleor before 3.22.
    """

    transaction_id: str
    type: str
    psp_reference: str
    amount: Decimal
    message: str = ""
    external_url: str = ""
    available_actions: tuple[str, ...] = ()
    payment_method: Json | None = None


def get_installation(saleor_api_url: str) -> Installation:
    """The shop with that API URL; `Rejected` if it has not installed the app."""
    installation = Installation.objects.filter(saleor_api_url=saleor_api_url, is_active=True).first()
    if installation is None:
        known = ", ".join(
            Installation.objects.filter(is_active=True).values_list("saleor_api_url", flat=True)
        )
        raise Rejected(
            f"No shop with the API URL {saleor_api_url} has installed the app. Install it in Saleor's Dashboard first. "
            f"Installed: {known or 'none'}.",
            code="unknown_installation",
        )
    return installation


def installation_of(event: Event) -> Installation:
    """The shop that sent the event."""
    installation = Installation.objects.filter(pk=event.origin).first()
    if installation is None:
        raise Rejected(
            pgettext_lazy("staff", "The shop of this event is no longer known to the app."),
            code="unknown_installation",
        )
    return installation


def fetch_app(api_url: str, token: str) -> AppIdentity:
    """The app that the token belongs to; `Rejected` if it is no app's token."""
    data = _call(api_url, token, "FetchApp", {})
    app = _app_of(data)
    with reading_response():
        return AppIdentity(_text(app["id"]), app["identifier"] or "", _shop_name(data))


def fetch_channels(api_url: str, token: str) -> list[ChannelData]:
    """Every sales channel of the shop."""
    channels = _call(api_url, token, "FetchChannels", {}).get("channels") or []
    with reading_response():
        return [
            ChannelData(
                _text(each["id"]), _text(each["slug"]), _text(each["name"]), _text(each["currencyCode"])
            )
            for each in channels
        ]


def fetch_staff_channels(api_url: str, token: str) -> StaffChannels | None:
    """The channels that the staff member with this token is restricted to; None if the member is not restricted.

    `Rejected` with `APP_UNKNOWN` if Saleor does not accept the token any more, or nobody has it.
    """
    name = "FetchStaffChannels"
    me = _exchange(api_url, token, operation(name, NEWEST), name, {}).get("me")
    if me is None:
        raise Rejected(REINSTALL, code=APP_UNKNOWN)
    with reading_response():
        if me["restrictedAccessToChannels"] is False:
            return None
        channels = me["accessibleChannels"] or []
        return StaffChannels(
            frozenset(_text(each["id"]) for each in channels),
            frozenset(_text(each["slug"]) for each in channels),
        )


def fetch_installed(installation: Installation) -> Installed:
    """The app as the shop has it; `Blocked` with `APP_UNKNOWN` if the shop has removed it."""
    with _blocking(installation):
        data = _call(installation.saleor_api_url, installation.token, "FetchInstalled", {})
        app = _app_of(data)
    with reading_response():
        return Installed(
            schema_version=(data.get("shop") or {}).get("schemaVersion") or "",
            permissions=frozenset(_text(each["code"]) for each in app["permissions"] or []),
            webhooks=[_installed_webhook(each) for each in app["webhooks"] or []],
            shop_name=_shop_name(data),
        )


def _shop_name(data: Json) -> str:
    """What the merchant calls the shop, on one line: it is in emails to customers."""
    name = _text((data.get("shop") or {}).get("name") or "")
    printable = "".join(character if character.isprintable() else " " for character in name)
    return " ".join(printable.split())[:200]


def _app_of(data: Json) -> Json:
    """The calling app; `Rejected` if Saleor does not know it any more."""
    app = data.get("app")
    if app is None:
        raise Rejected(REINSTALL, code=APP_UNKNOWN)
    if not isinstance(app, dict):
        raise _unreadable()
    return app


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _installed_webhook(webhook: Json) -> InstalledWebhook:
    return InstalledWebhook(
        id=webhook["id"],
        name=webhook["name"] or "",
        target_url=webhook["targetUrl"],
        is_active=webhook["isActive"],
        query=webhook["subscriptionQuery"] or "",
        events=tuple(each["eventType"] for each in [*webhook["syncEvents"], *webhook["asyncEvents"]]),
    )


def create_webhook(installation: Installation, fields: Json) -> None:
    """Add a webhook to the app; `Rejected` with Saleor's reason."""
    _mutate(installation, "CreateWebhook", "webhookCreate", {"input": fields})


def update_webhook(installation: Installation, webhook_id: str, fields: Json) -> None:
    """Change a webhook of the app; `Rejected` with Saleor's reason."""
    _mutate(installation, "UpdateWebhook", "webhookUpdate", {"id": webhook_id, "input": fields})


def delete_webhook(installation: Installation, webhook_id: str) -> None:
    """Delete a webhook of the app; `Rejected` while Saleor is delivering to it."""
    _mutate(installation, "DeleteWebhook", "webhookDelete", {"id": webhook_id})


def show_problem(installation: Installation, key: str, message: str) -> None:
    """Show a problem in Saleor's Dashboard, in place of that of the same key. `Rejected` by Saleor before 3.22.36.

    The earlier one is dismissed first. Otherwise Saleor would count this one as another occurrence of it within the
    hour, and after an hour show both.
    """
    fields = {"key": key, "message": message}
    _mutate(installation, "ShowProblem", "appProblemCreate", {"keys": [key], "input": fields})


def dismiss_problems(installation: Installation, keys: Sequence[str]) -> None:
    """Remove problems from Saleor's Dashboard; it is no error if they are not there."""
    _mutate(installation, "DismissProblems", "appProblemDismiss", {"keys": list(keys)})


def _mutate(installation: Installation, document: str, mutation: str, variables: Json) -> None:
    data = _call_shop(installation, document, variables)
    with reading_response():
        if errors := data[mutation]["errors"]:
            raise Rejected(with_values(REFUSED, reason=first_message(errors)), code="webhook_refused")


def fetch_failed_deliveries(installation: Installation) -> list[Json]:
    """The app's webhooks, each with the deliveries that failed; Saleor keeps them for some days."""
    with _blocking(installation):
        app = _app_of(_call(installation.saleor_api_url, installation.token, "FetchFailedDeliveries", {}))
    with reading_response():
        return list(app["webhooks"] or [])


def fetch_changed(installation: Installation, query: str, listing: str, since: datetime) -> Iterator[Json]:
    """Every object of a listing that changed since then, page by page; `query` is made by `saleor.listing`."""
    return fetch_listed(installation, query, "Changed", listing, {"since": since.isoformat()})


def fetch_listed(
    installation: Installation, query: str, name: str, listing: str, variables: Json
) -> Iterator[Json]:
    """Every object that the query lists, page by page; `name` is the query's own."""
    after: str | None = None
    while True:
        data = _send_to_shop(installation, query, name, variables | {"after": after})
        with reading_response():
            nodes = [edge["node"] for edge in data[listing]["edges"]]
            page = data[listing]["pageInfo"]
            has_next, end = page["hasNextPage"], page["endCursor"]
        yield from nodes
        if not has_next or end == after:  # a page that is sent again and again must not keep us forever
            return
        after = end


def fetch_visible(
    installation: Installation, query: str, name: str, listing: str, ids: Collection[str], permission: str
) -> list[Json]:
    """The objects with these ids that the shop has, in one page; the query also asks for the app's permissions.

    `Blocked` unless the shop has granted the permission, without which it would hide some; this is a problem of the
    shop if the manifest asks for the permission.
    """
    data = _send_to_shop(installation, query, name, {"ids": list(ids)})
    with reading_response():
        nodes: list[Json] = [edge["node"] for edge in data[listing]["edges"]]
        granted = {_text(each["code"]) for each in data["app"]["permissions"] or []}
    if permission not in granted:
        if permission in wanted_permissions(installation):
            trouble.report(installation, PERMISSION_DENIED)
        raise Blocked(trouble.PERMISSION_MESSAGE, code=PERMISSION_DENIED, by=installation.pk)
    return nodes


def fetch_page(installation: Installation, query: str, after: str | None) -> Json:
    """One page of a listing, with a query made by `saleor.listing`; `after` is where the previous page ended."""
    return _send_to_shop(installation, query, "Page", {"after": after})


def fetch_history(installation: Installation, transaction_id: str) -> list[HistoryEntry]:
    """What happened to a transaction, oldest first; `Rejected` if Saleor has no such transaction of the app."""
    data = _call_shop(installation, "FetchTransactionHistory", {"id": transaction_id})
    transaction = data.get("transaction")
    if not isinstance(transaction, dict):
        raise _unknown_transaction()
    with reading_response():
        found = [
            HistoryEntry(
                datetime.fromisoformat(each["createdAt"]),
                each["type"] or "",
                Decimal(str(each["amount"]["amount"])),
                each["amount"]["currency"],
                each["message"] or "",
            )
            for each in transaction["events"]
        ]
        return sorted(found, key=lambda entry: entry.at)


def fetch_transaction_events(installation: Installation, transaction_id: str) -> list[TransactionEvent]:
    """The events of a transaction, oldest first; `Rejected` if Saleor has no such transaction of the app."""
    data = _call_shop(installation, "FetchTransaction", {"id": transaction_id})
    transaction = data.get("transaction")
    if not isinstance(transaction, dict):
        raise _unknown_transaction()
    with reading_response():
        return [
            TransactionEvent(
                each["type"] or "",
                each["pspReference"] or "",
                Decimal(str(each["amount"]["amount"])),
                each["amount"]["currency"],
                each["message"] or "",
            )
            for each in transaction["events"]
        ]


def fetch_transaction_amounts(installation: Installation, transaction_id: str) -> TransactionAmounts:
    """The amounts as Saleor has them; `Rejected` if it has no such transaction of the app."""
    transaction = _call_shop(installation, "FetchTransactionAmounts", {"id": transaction_id}).get(
        "transaction"
    )
    if not isinstance(transaction, dict):
        raise _unknown_transaction()
    with reading_response():
        charged, authorized = (
            Decimal(str(transaction[name]["amount"])) for name in ("chargedAmount", "authorizedAmount")
        )
        return TransactionAmounts(charged, authorized)


def request_transaction_action(
    installation: Installation, transaction_id: str, action: str, amount: Decimal, reason: str = ""
) -> None:
    """Request a refund or a capture, as staff do in Saleor's Dashboard; Saleor then asks the app to carry it out.

    Not to be repeated: each request is another one to Saleor. After `Rejected` Saleor did not take it; after
    `Unavailable` that is not known. The reason is for a refund, since Saleor 3.22.
    """
    variables: Json = {"id": transaction_id, "actionType": action, "amount": str(amount)}
    version = read_version(installation.schema_version)
    if reason and action == "REFUND" and version >= REFUND_REASONS_SINCE:
        variables["refundReason"] = reason
    name = "RequestTransactionAction"
    try:
        data = _send_to_shop(installation, operation(name, version), name, variables)
    except Rejected as error:
        if error.code == FAILED_INSIDE:
            raise _unreadable() from error
        raise
    with reading_response():
        if errors := data["transactionRequestAction"]["errors"]:
            raise Rejected(with_values(REFUSED, reason=first_message(errors)), code="saleor_refused")


def _unknown_transaction() -> Rejected:
    return Rejected(
        pgettext_lazy(
            "staff",
            "Saleor refused: it no longer has a transaction for this payment. Check the payment in Stripe.",
        ),
        code="unknown_transaction",
    )


def fetch_paid_source(installation: Installation, transaction_id: str) -> Json | None:
    """Return the checkout or order that a transaction pays, as it is now; None if neither exists any more.

    `Rejected` if Saleor has no such transaction of the app.
    """
    data = _call_shop(installation, "FetchPaidSource", {"id": transaction_id})
    transaction = data.get("transaction")
    if not isinstance(transaction, dict):
        raise _unknown_transaction()
    return transaction.get("order") or transaction.get("checkout")


def report_transaction_event(installation: Installation, report: TransactionReport) -> bool:
    """Add an event to a transaction; True if Saleor had it before. Repeating it is harmless."""
    variables: Json = {
        "id": report.transaction_id,
        "type": report.type,
        "pspReference": report.psp_reference,
        "amount": str(report.amount),
        "message": report.message[:512],
        "externalUrl": report.external_url,
        "availableActions": list(report.available_actions),
    }
    version = read_version(installation.schema_version)
    if version >= PAYMENT_METHODS_SINCE and report.payment_method is not None:
        variables["paymentMethodDetails"] = report.payment_method
    name = "ReportTransactionEvent"
    data = _send_to_shop(installation, operation(name, version), name, variables)
    with reading_response():
        payload = data["transactionEventReport"]
        errors = payload["errors"]
        if errors and {error["code"] for error in errors} != {ALREADY_EXISTS}:
            raise Rejected(with_values(REPORT_REFUSED, reason=first_message(errors)), code="report_refused")
        return bool(errors) or bool(payload["alreadyProcessed"])


def call_shop(installation: Installation, name: str, variables: Json, upload: Upload | None = None) -> Json:
    """The `data` of the response to a document of graphql/operations, in the version that the shop runs."""
    query = operation(name, read_version(installation.schema_version))
    return _send_to_shop(installation, query, name, variables, upload)


def _call_shop(installation: Installation, name: str, variables: Json) -> Json:
    return _send_to_shop(installation, operation(name, NEWEST), name, variables)


def _send_to_shop(
    installation: Installation, query: str, name: str, variables: Json, upload: Upload | None = None
) -> Json:
    with _blocking(installation):
        return _send(installation.saleor_api_url, installation.token, query, name, variables, upload)


@contextmanager
def _blocking(installation: Installation) -> Iterator[None]:
    """`Blocked` if the shop refuses the app itself, whatever the request: events wait until it is accepted again.

    `Unavailable` if the app was reinstalled in the meantime: a retry uses its new token.
    """
    try:
        yield
    except Rejected as error:
        if error.code not in trouble.CODES:
            raise
        if error.code == PERMISSION_DENIED and not _misses_permission(installation):
            # Saleor also denies what belongs to another app, such as a transaction made under a former APP_ID.
            raise Rejected(
                pgettext_lazy("staff", "Saleor does not allow the app to do this."), code="saleor_refused"
            ) from error
        if trouble.was_reinstalled(installation):
            raise Unavailable(
                pgettext_lazy("staff", "The app has just been reinstalled."), code="reinstalled"
            ) from error
        trouble.report(installation, error.code)
        raise Blocked(error.translatable, code=error.code, by=installation.pk) from error


def _misses_permission(installation: Installation) -> bool:
    """Whether the shop has not granted everything that the manifest asks for."""
    app = _app_of(_call(installation.saleor_api_url, installation.token, "FetchInstalled", {}))
    with reading_response():
        granted = {_text(each["code"]) for each in app["permissions"] or []}
    return not granted.issuperset(wanted_permissions(installation))


def wanted_permissions(installation: Installation) -> list[str]:
    """Return the permissions that the installed manifest asks for, for the shop's version."""
    found: list[str] = manifest(installation.variant, read_version(installation.schema_version))[
        "permissions"
    ]
    return found


def _call(api_url: str, token: str, name: str, variables: Json) -> Json:
    return _send(api_url, token, operation(name, NEWEST), name, variables)


def _send(
    api_url: str, token: str, query: str, name: str, variables: Json, upload: Upload | None = None
) -> Json:
    """The response's `data`. A denied permission is checked: a removed app is denied everything."""
    try:
        return _exchange(api_url, token, query, name, variables, upload)
    except Rejected as error:
        if error.code == PERMISSION_DENIED:
            # Raises if the token is no longer valid: to Saleor a removed app is a caller without any permission.
            _app_of(_exchange(api_url, token, operation("FetchApp", NEWEST), "FetchApp", {}))
        raise


def _exchange(
    api_url: str, token: str, query: str, name: str, variables: Json, upload: Upload | None = None
) -> Json:
    body: Json = {"query": query, "variables": variables, "operationName": name}
    response = http.call(
        "POST",
        api_url,
        headers={"Authorization": f"Bearer {token}"},
        **({"json": body} if upload is None else _multipart(body, upload)),
    )
    if response.status_code in (401, 403):
        raise Rejected(REINSTALL, code=APP_UNKNOWN)
    if response.status_code >= SERVER_ERROR:
        raise _unreadable()
    with reading_response():
        body = response.json()
        if errors := body.get("errors"):
            raise _refusal(errors)
        return dict(body["data"])


def _multipart(body: Json, upload: Upload) -> Json:
    """The request with its file: https://github.com/jaydenseric/graphql-multipart-request-spec"""
    parts = {"operations": json.dumps(body), "map": json.dumps({"0": [upload.place]})}
    return {"data": parts, "files": {"0": (upload.name, upload.content, upload.mime_type)}}


@contextmanager
def reading_response() -> Iterator[None]:
    """`Unavailable` if the response does not have the form of Saleor's schema."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise _unreadable() from error


def _unreadable() -> Unavailable:
    return Unavailable(
        pgettext_lazy("staff", "Saleor did not respond as expected. The app will try again."),
        code="saleor_unreachable",
    )


def _refusal(errors: Sequence[Json]) -> Rejected:
    codes = {_code_of(error) for error in errors}
    if codes & {"InvalidTokenError", "InvalidTokenException", "ExpiredSignatureError"}:
        return Rejected(REINSTALL, code=APP_UNKNOWN)
    if any(_code_of(error) == "PermissionDenied" and error.get("path") == ["app"] for error in errors):
        # Every app may ask who it is. Saleor denies that only to one that was deleted or deactivated (observed).
        return Rejected(REINSTALL, code=APP_UNKNOWN)
    if "PermissionDenied" in codes:
        return Rejected(
            pgettext_lazy(
                "staff",
                "The app needs a permission in Saleor. Grant it on the app's page in Saleor's Dashboard, or reinstall "
                "the app.",
            ),
            code=PERMISSION_DENIED,
        )
    message = with_values(REFUSED, reason=first_message(errors))
    if any(error.get("path") for error in errors):
        # It had started: the error names the field that it was working on.
        return Rejected(message, code=FAILED_INSIDE)
    return Rejected(message, code="saleor_refused")


def _code_of(error: Json) -> str:
    exception = (error.get("extensions") or {}).get("exception") or {}
    return str(exception.get("code") or "")


def first_message(errors: Sequence[Json]) -> str:
    return str(errors[0].get("message") or errors[0].get("code") or "it gave no reason")[:300]
