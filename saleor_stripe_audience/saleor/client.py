"""What the app asks and tells the host: one function per document in graphql/operations."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from gql import gql
from graphql import print_ast

from saleor_stripe_audience.documents import read_document
from saleor_stripe_audience.errors import Blocked, Rejected, Unavailable
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor import http
from saleor_stripe_audience.saleor.manifest import NEWEST, Version, read_version, trimmed
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

REINSTALL = (
    "Saleor refuses the app's token. Remove the app in Saleor's Dashboard and install it again; "
    "its data is kept."
)
KNOWN_NO_MORE = "token_refused"
LACKS_PERMISSION = "permission_denied"
KNOWS_PAYMENT_METHODS = (3, 22)
ALREADY_THERE = frozenset({"ALREADY_EXISTS"})
SERVER_ERROR = 500


@dataclass(frozen=True)
class AppIdentity:
    """Who the host says we are: `id` changes on every install, `identifier` is the manifest's."""

    id: str
    identifier: str


@dataclass(frozen=True)
class ChannelData:
    """A sales channel as the host tells it."""

    slug: str
    name: str
    currency: str


@dataclass(frozen=True)
class InstalledWebhook:
    """A webhook of the app as the host has it."""

    id: str
    name: str
    target_url: str
    is_active: bool
    query: str
    events: tuple[str, ...]


@dataclass(frozen=True)
class Installed:
    """What the host knows of the app: its version, what the app may do, its webhooks."""

    schema_version: str
    permissions: frozenset[str]
    webhooks: list[InstalledWebhook]
    shop_name: str = ""


@dataclass(frozen=True)
class TransactionEvent:
    """An entry of a transaction's ledger; `amount` in whole units of its currency."""

    type: str
    psp_reference: str
    amount: Decimal
    currency: str = ""
    message: str = ""


@dataclass(frozen=True)
class TransactionReport:
    """One event for a transaction's ledger. The host knows doubles by (transaction, pspReference, type).

    `payment_method` is a PaymentMethodDetailsInput; hosts before 3.22 are not told.
    """

    transaction_id: str
    type: str
    psp_reference: str
    amount: Decimal
    time: datetime
    message: str = ""
    external_url: str = ""
    available_actions: tuple[str, ...] = ()
    payment_method: Json | None = None


def get_installation(saleor_api_url: str) -> Installation:
    """The shop of that API address; `Rejected` when it has not installed the app."""
    installation = Installation.objects.filter(saleor_api_url=saleor_api_url, is_active=True).first()
    if installation is None:
        known = ", ".join(
            Installation.objects.filter(is_active=True).values_list("saleor_api_url", flat=True)
        )
        raise Rejected(
            f"No shop of the address {saleor_api_url} has installed the app. Install it in Saleor's Dashboard first. "
            f"Installed: {known or 'none'}.",
            code="unknown_installation",
        )
    return installation


def installation_of(event: Event) -> Installation:
    """The shop that an event of the inbox came from."""
    installation = Installation.objects.filter(pk=event.origin).first()
    if installation is None:
        raise Rejected("The shop of this event is no longer known to the app.", code="unknown_installation")
    return installation


def fetch_app(api_url: str, token: str) -> AppIdentity:
    """Who we are at that host, by that token; `Rejected` when the token is not the app's."""
    app = _app_in(_ask(api_url, token, "FetchApp", {}))
    with reading_answer():
        return AppIdentity(_text(app["id"]), app["identifier"] or "")


def fetch_channels(api_url: str, token: str) -> list[ChannelData]:
    """Every sales channel of the shop."""
    channels = _ask(api_url, token, "FetchChannels", {}).get("channels") or []
    with reading_answer():
        return [
            ChannelData(_text(each["slug"]), _text(each["name"]), _text(each["currencyCode"]))
            for each in channels
        ]


def fetch_installed(installation: Installation) -> Installed:
    """What the shop knows of the app; `Blocked` with the code `KNOWN_NO_MORE` when it knows it no more."""
    with _served(installation):
        told = _ask(installation.saleor_api_url, installation.token, "FetchInstalled", {})
        app = _app_in(told)
    with reading_answer():
        return Installed(
            schema_version=(told.get("shop") or {}).get("schemaVersion") or "",
            permissions=frozenset(_text(each["code"]) for each in app["permissions"] or []),
            webhooks=[_installed_webhook(each) for each in app["webhooks"] or []],
            shop_name=(told.get("shop") or {}).get("name") or "",
        )


def _app_in(told: Json) -> Json:
    """The calling app; `Rejected` when the host knows it no more."""
    app = told.get("app")
    if app is None:
        raise Rejected(REINSTALL, code=KNOWN_NO_MORE)
    if not isinstance(app, dict):
        raise _unreadable()
    return app


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise TypeError("not a text")
    return found


def _installed_webhook(told: Json) -> InstalledWebhook:
    return InstalledWebhook(
        id=told["id"],
        name=told["name"] or "",
        target_url=told["targetUrl"],
        is_active=told["isActive"],
        query=told["subscriptionQuery"] or "",
        events=tuple(each["eventType"] for each in [*told["syncEvents"], *told["asyncEvents"]]),
    )


def create_webhook(installation: Installation, fields: Json) -> None:
    """A new webhook of the app; `Rejected` with the host's reason."""
    _change(installation, "CreateWebhook", "webhookCreate", {"input": fields})


def update_webhook(installation: Installation, webhook_id: str, fields: Json) -> None:
    """Change a webhook of the app; `Rejected` with the host's reason."""
    _change(installation, "UpdateWebhook", "webhookUpdate", {"id": webhook_id, "input": fields})


def delete_webhook(installation: Installation, webhook_id: str) -> None:
    """Remove a webhook of the app; `Rejected` while the host is delivering to it."""
    _change(installation, "DeleteWebhook", "webhookDelete", {"id": webhook_id})


def create_problem(installation: Installation, key: str, message: str) -> None:
    """Show a problem in the host's Dashboard; one of the same key is replaced. `Rejected` by hosts before 3.22.36."""
    given = {"key": key, "message": message}
    _change(installation, "CreateProblem", "appProblemCreate", {"input": given})


def dismiss_problems(installation: Installation, keys: Sequence[str]) -> None:
    """Take problems off the host's Dashboard; those that are not there are no fault."""
    _change(installation, "DismissProblems", "appProblemDismiss", {"keys": list(keys)})


def _change(installation: Installation, document: str, mutation: str, variables: Json) -> None:
    told = _ask_shop(installation, document, variables)
    with reading_answer():
        if errors := told[mutation]["errors"]:
            raise Rejected(_first_message(errors), code="webhook_refused")


def fetch_failed_deliveries(installation: Installation) -> list[Json]:
    """The app's webhooks, each with the deliveries that failed; the host keeps them for some days."""
    with _served(installation):
        app = _app_in(_ask(installation.saleor_api_url, installation.token, "FetchFailedDeliveries", {}))
    with reading_answer():
        return list(app["webhooks"] or [])


def fetch_changed(installation: Installation, query: str, listing: str, since: datetime) -> Iterator[Json]:
    """Every object of a listing that changed since then, page after page; `query` is of `listing_query`'s form."""
    after: str | None = None
    while True:
        variables = {"since": since.isoformat(), "after": after}
        told = _send_shop(installation, query, "Changed", variables)
        with reading_answer():
            nodes = [edge["node"] for edge in told[listing]["edges"]]
            page = told[listing]["pageInfo"]
            goes_on, ended_at = page["hasNextPage"], page["endCursor"]
        yield from nodes
        if not goes_on or ended_at == after:  # a host that repeats a page must not keep us for ever
            return
        after = ended_at


def fetch_page(installation: Installation, query: str, after: str | None) -> Json:
    """One page of a listing, as `saleor.listing` asks for it; `after` is where the page before ended."""
    return _send_shop(installation, query, "Page", {"after": after})


def fetch_transaction_events(installation: Installation, transaction_id: str) -> list[TransactionEvent]:
    """The ledger of a transaction, oldest first; `Rejected` when the host has no such transaction of the app."""
    told = _ask_shop(installation, "FetchTransaction", {"id": transaction_id})
    found = told.get("transaction")
    if not isinstance(found, dict):
        raise _unknown_transaction()
    with reading_answer():
        return [
            TransactionEvent(
                each["type"] or "",
                each["pspReference"] or "",
                Decimal(str(each["amount"]["amount"])),
                each["amount"]["currency"],
                each["message"] or "",
            )
            for each in found["events"]
        ]


def _unknown_transaction() -> Rejected:
    return Rejected(
        "Saleor refused: it has no transaction of this payment any more. Look at the payment in Stripe.",
        code="unknown_transaction",
    )


def fetch_paid_source(installation: Installation, transaction_id: str) -> Json | None:
    """The checkout or order that a transaction pays, as it is now; None when there is neither any more.

    `Rejected` when the host has no such transaction of the app.
    """
    told = _ask_shop(installation, "FetchPaidSource", {"id": transaction_id})
    found = told.get("transaction")
    if not isinstance(found, dict):
        raise _unknown_transaction()
    return found.get("order") or found.get("checkout")


def report_transaction_event(installation: Installation, report: TransactionReport) -> bool:
    """Tell the host what became of money; True if it had been told before. Repeating it is harmless."""
    variables: Json = {
        "id": report.transaction_id,
        "type": report.type,
        "pspReference": report.psp_reference,
        "amount": str(report.amount),
        "time": report.time.isoformat(),
        "message": report.message[:512],
        "externalUrl": report.external_url,
        "availableActions": list(report.available_actions),
    }
    version = read_version(installation.schema_version)
    if version >= KNOWS_PAYMENT_METHODS and report.payment_method is not None:
        variables["paymentMethodDetails"] = report.payment_method
    name = "ReportTransactionEvent"
    told = _send_shop(installation, _document(name, version), name, variables)
    with reading_answer():
        payload = told["transactionEventReport"]
        errors = payload["errors"]
        if errors and not {error["code"] for error in errors} <= ALREADY_THERE:
            raise Rejected(
                f"Saleor refused the payment's report: {_first_message(errors)}", code="report_refused"
            )
        return bool(errors) or bool(payload["alreadyProcessed"])


@cache
def _document(name: str, version: Version = NEWEST) -> str:
    """The document as a host of that version takes it, parsed once by gql so that a broken one fails here."""
    text = trimmed(read_document(f"graphql/operations/{name}.graphql"), version)
    return print_ast(gql(text).document)


def _ask_shop(installation: Installation, name: str, variables: Json) -> Json:
    return _send_shop(installation, _document(name), name, variables)


def _send_shop(installation: Installation, query: str, name: str, variables: Json) -> Json:
    with _served(installation):
        return _send(installation.saleor_api_url, installation.token, query, name, variables)


@contextmanager
def _served(installation: Installation) -> Iterator[None]:
    """That the shop refuses the app itself, whatever it asks, is the installation's trouble: the work waits for it.

    `Unavailable` where the app was installed again meanwhile: its new token is to be used.
    """
    from saleor_stripe_audience.saleor import trouble  # noqa: PLC0415 - problems are shown through this module

    try:
        yield
    except Rejected as error:
        if error.code not in trouble.OF_THE_INSTALLATION:
            raise
        if trouble.is_over(installation):
            raise Unavailable("The app was just installed again.", code="reinstalled") from error
        trouble.note(installation, error.code)
        raise Blocked(error.message, code=error.code, by=installation.pk) from error


def _ask(api_url: str, token: str, name: str, variables: Json) -> Json:
    return _send(api_url, token, _document(name), name, variables)


def _send(api_url: str, token: str, query: str, name: str, variables: Json) -> Json:
    """The `data` of the host's answer. A refused permission is checked: a removed app is refused everything."""
    try:
        return _exchange(api_url, token, query, name, variables)
    except Rejected as error:
        if error.code == LACKS_PERMISSION:
            # Raises instead where the token is dead: to the host a removed app is a caller without any permission.
            _app_in(_exchange(api_url, token, _document("FetchApp"), "FetchApp", {}))
        raise


def _exchange(api_url: str, token: str, query: str, name: str, variables: Json) -> Json:
    answer = http.call(
        "POST",
        api_url,
        json={"query": query, "variables": variables, "operationName": name},
        headers={"Authorization": f"Bearer {token}"},
    )
    if answer.status_code in (401, 403):
        raise Rejected(REINSTALL, code=KNOWN_NO_MORE)
    if answer.status_code >= SERVER_ERROR:
        raise _unreadable()
    with reading_answer():
        found = answer.json()
        if errors := found.get("errors"):
            raise _refusal(errors)
        return dict(found["data"])


@contextmanager
def reading_answer() -> Iterator[None]:
    """An answer whose form is not that of the host's schema is none: `Unavailable`."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise _unreadable() from error


def _unreadable() -> Unavailable:
    return Unavailable(
        "Saleor did not answer as it should. It will be tried again.", code="saleor_unreachable"
    )


def _refusal(errors: Sequence[Json]) -> Rejected:
    codes = {_code_of(error) for error in errors}
    if codes & {"InvalidTokenError", "InvalidTokenException", "ExpiredSignatureError"}:
        return Rejected(REINSTALL, code=KNOWN_NO_MORE)
    if any(_code_of(error) == "PermissionDenied" and error.get("path") == ["app"] for error in errors):
        # Every app may ask who it is. The host refuses that only to one that was deleted or deactivated (observed).
        return Rejected(REINSTALL, code=KNOWN_NO_MORE)
    if "PermissionDenied" in codes:
        return Rejected(
            "The app lacks a permission in Saleor. Grant it on the app's page in Saleor's Dashboard, or "
            "reinstall the app.",
            code=LACKS_PERMISSION,
        )
    return Rejected(f"Saleor refused: {_first_message(errors)}", code="saleor_refused")


def _code_of(error: Json) -> str:
    exception = (error.get("extensions") or {}).get("exception") or {}
    return str(exception.get("code") or "")


def _first_message(errors: Sequence[Json]) -> str:
    return str(errors[0].get("message") or errors[0].get("code") or "it gave no reason")[:300]
