"""Apps: installing and removing them, their webhooks and deliveries, the problems they report."""

import json
from datetime import timedelta
from typing import Any

from . import install
from .access import Call, Info, call_of, denied, needs
from .delivery import Attempt, Delivery
from .events import names_of
from .fields import ManyRefused, Refused, constant, mutation, resolves
from .ids import global_id
from .paging import connection
from .resolvers_query import by_id
from .state import App, Installation, Problem, Webhook, now
from .tokens import dashboard_token

constant("App", type="THIRDPARTY", breakerState="CLOSED")
constant("AppInstallation", brand=None)
MOST_PROBLEMS = 100
COUNTED_TOGETHER = 60  # minutes after which a problem with the same key becomes a separate one


def permission_views(codes: Any) -> list[dict[str, str]]:
    """Permissions as the API shows them."""
    return [{"code": each, "name": each.replace("_", " ").capitalize() + "."} for each in sorted(codes)]


@resolves("App", "permissions")
def permissions(app: App, _info: Info) -> list[dict[str, str]]:
    return permission_views(app.permissions)


_FROM_MANIFEST = {
    "aboutApp": "about",
    "dataPrivacyUrl": "dataPrivacyUrl",
    "homepageUrl": "homepageUrl",
    "supportUrl": "supportUrl",
    "configurationUrl": "configurationUrl",
    "appUrl": "appUrl",
    "version": "version",
    "author": "author",
}


@resolves("App", *_FROM_MANIFEST)
def from_manifest(app: App, info: Info) -> str | None:
    found = app.manifest.get(_FROM_MANIFEST[info.field_name])
    return None if found is None else str(found)


@resolves("App", "brand")
def brand(app: App, _info: Info) -> Any:
    return app.manifest.get("brand")


@resolves("App", "webhooks")
def webhooks(app: App, info: Info) -> list[Webhook]:
    call = call_of(info)
    if call.app is not app and not call.may("MANAGE_APPS") and not (call.user and call.user.is_staff):
        raise denied("MANAGE_APPS", "OWNER")
    return app.webhooks


@resolves("App", "accessToken")
def access_token(app: App, info: Info) -> str | None:
    call = call_of(info)
    if call.user is None or not call.user.is_staff:
        return None
    return dashboard_token(call.host, app, call.user)


@resolves("App", "extensions")
def extensions(app: App, _info: Info) -> list[dict[str, Any]]:
    listed = enumerate(app.manifest.get("extensions") or [])
    return [_extension(app, number, each) for number, each in listed]


def _extension(app: App, number: int, given: dict[str, Any]) -> dict[str, Any]:
    return {
        **extension_view(given),
        "id": global_id("AppExtension", f"{app.key}{number}"),
        "app": app,
        "accessToken": None,
    }


def extension_view(given: dict[str, Any]) -> dict[str, Any]:
    """A manifest's extension as the API shows it."""
    return {
        "label": given["label"],
        "url": given["url"],
        "mountName": given["mount"],
        "targetName": given.get("target", "POPUP"),
        "settings": given.get("options") or {},
        "permissions": permission_views(given.get("permissions") or []),
    }


@resolves("App", "problems")
def problems(app: App, _info: Info, limit: int | None = None) -> list[Problem]:
    return list(reversed(app.problems))[: limit or MOST_PROBLEMS]


@resolves("AppProblem", "key")
def problem_key(problem: Problem, _info: Info) -> str:
    return problem.problem_key


@resolves("AppProblem", "createdAt")
@resolves("AppInstallation", "createdAt")
def created_at(record: Any, _info: Info) -> Any:
    return record.created


@resolves("AppProblem", "isCritical")
def is_critical(problem: Problem, _info: Info) -> bool:
    return problem.critical_threshold is not None and problem.count >= problem.critical_threshold


@resolves("AppProblem", "dismissed")
def dismissed(problem: Problem, _info: Info) -> dict[str, Any] | None:
    return {"by": problem.dismissed_by, "userEmail": None} if problem.dismissed_by else None


# --- webhooks and deliveries -------------------------------------------------------------------------


def _event_views(host_events: list[str]) -> list[dict[str, str]]:
    return [{"name": each.replace("_", " ").capitalize(), "eventType": each} for each in host_events]


@resolves("Webhook", "asyncEvents", "syncEvents")
def webhook_events(webhook: Webhook, info: Info) -> list[dict[str, str]]:
    kind = "Async" if info.field_name == "asyncEvents" else "Sync"
    known = names_of(call_of(info).host.version, f"WebhookEventType{kind}Enum")
    return _event_views([each for each in webhook.events if each in known])


@resolves("Webhook", "subscriptionQuery")
def subscription_query(webhook: Webhook, _info: Info) -> str:
    return webhook.query


@resolves("Webhook", "customHeaders")
def custom_headers(webhook: Webhook, _info: Info) -> str | None:
    return json.dumps(webhook.custom_headers) if webhook.custom_headers else None


@resolves("Webhook", "eventDeliveries")
def event_deliveries(
    webhook: Webhook,
    info: Info,
    filter_: dict[str, Any] | None = None,
    sort_by: dict[str, str] | None = None,
    **page: Any,
) -> dict[str, Any]:
    wanted = filter_ or {}
    # Saleor deletes successful deliveries; only failed and pending ones can be queried.
    found = [
        each
        for each in call_of(info).host.deliveries
        if each.webhook is webhook
        and each.status != "SUCCESS"
        and wanted.get("status") in (None, each.status)
        and wanted.get("eventType") in (None, each.event)
    ]
    if (sort_by or {}).get("direction") != "ASC":
        found.reverse()
    return connection(found, "eventDeliveries", **page)


@resolves("EventDelivery", "eventType")
def event_type(delivery: Delivery, _info: Info) -> str:
    return delivery.event


@resolves("EventDelivery", "payload")
def payload(delivery: Delivery, _info: Info) -> str:
    return delivery.body.decode("ascii")


@resolves("EventDelivery", "attempts")
def attempts(delivery: Delivery, _info: Info, **page: Any) -> dict[str, Any]:
    return connection(delivery.attempts, "attempts", **page)


@resolves("EventDeliveryAttempt", "id")
def attempt_id(attempt: Attempt, _info: Info) -> str:
    return global_id("EventDeliveryAttempt", attempt.key)


@resolves("EventDeliveryAttempt", "createdAt")
def attempt_at(attempt: Attempt, _info: Info) -> Any:
    return attempt.at


@resolves("EventDeliveryAttempt", "duration")
def attempt_seconds(attempt: Attempt, _info: Info) -> float:
    return attempt.seconds


@resolves("EventDeliveryAttempt", "response")
def attempt_response(attempt: Attempt, _info: Info) -> str:
    return attempt.text


@resolves("EventDeliveryAttempt", "responseStatusCode")
def attempt_status_code(attempt: Attempt, _info: Info) -> int | None:
    return attempt.status


@resolves("EventDeliveryAttempt", "status")
def attempt_status(attempt: Attempt, _info: Info) -> str:
    return "SUCCESS" if attempt.ok else "FAILED"


@resolves("EventDeliveryAttempt", "taskId", "responseHeaders", "requestHeaders")
def attempt_unknown(_attempt: Attempt, _info: Info) -> None:
    return None


def _own_app(call: Call, given: str | None = None) -> App:
    if call.app is not None:
        return call.app
    call.require("MANAGE_APPS")
    app = by_id(call.host.store.installed(), given, "App")
    if app is None:
        raise Refused("app", "NOT_FOUND", "App doesn't exist or is disabled")
    return app


def _webhook(call: Call, given: str | None) -> Webhook:
    if call.app is None:
        call.require("MANAGE_APPS")
    held = call.app.webhooks if call.app else call.host.store.webhooks()
    found = by_id(held, given, "Webhook")
    if found is None:
        raise Refused("id", "NOT_FOUND", f"Couldn't resolve to a node: {given}")
    return found


def _check_webhook(call: Call, given: dict[str, Any]) -> None:
    if fault := install.webhook_fault(call.host, given):
        field = "targetUrl" if "url" in fault else "query"
        raise Refused(field, "SYNTAX" if field == "query" else "INVALID", fault)


@mutation("webhookCreate")
def webhook_create(_root: Any, info: Info, *, input_: dict[str, Any]) -> dict[str, Any]:
    call = call_of(info)
    app = _own_app(call, input_.get("app"))
    for name in ("targetUrl", "query"):
        if not input_.get(name):
            raise Refused(name, "REQUIRED", "This field is required.")
    given = {**input_, "name": input_.get("name") or ""}
    _check_webhook(call, given)
    headers = _headers(input_.get("customHeaders"))
    webhook = install.build_webhook(app, {**given, "customHeaders": headers})
    if webhook.identifier and any(each.identifier == webhook.identifier for each in app.webhooks):
        raise Refused("identifier", "UNIQUE", "Webhook with this identifier already exists.")
    webhook.secret_key = input_.get("secretKey")
    app.webhooks.append(webhook)
    return {"webhook": webhook}


def _headers(given: str | None) -> dict[str, str]:
    return json.loads(given) if given else {}


@mutation("webhookUpdate")
def webhook_update(
    _root: Any, info: Info, *, input_: dict[str, Any], id_: str | None = None
) -> dict[str, Any]:
    webhook = _webhook(call_of(info), id_)
    merged = {
        "name": input_.get("name") or webhook.name,
        "targetUrl": input_.get("targetUrl") or webhook.target_url,
        "query": input_.get("query") or webhook.query,
        "asyncEvents": input_.get("asyncEvents"),
        "syncEvents": input_.get("syncEvents"),
    }
    _check_webhook(call_of(info), merged)
    webhook.name, webhook.target_url = str(merged["name"]), str(merged["targetUrl"])
    webhook.query = str(merged["query"])
    if input_.get("asyncEvents") is not None or input_.get("syncEvents") is not None:
        webhook.events = install.events_of(merged)
    if input_.get("isActive") is not None:
        webhook.is_active = input_["isActive"]
    if "customHeaders" in input_:
        webhook.custom_headers = _headers(input_["customHeaders"])
    webhook.identifier = input_.get("identifier", webhook.identifier)
    webhook.secret_key = input_.get("secretKey", webhook.secret_key)
    return {"webhook": webhook}


@mutation("webhookDelete")
def webhook_delete(_root: Any, info: Info, *, id_: str | None = None) -> dict[str, Any]:
    webhook = _webhook(call_of(info), id_)
    webhook.app.webhooks.remove(webhook)
    return {"webhook": webhook}


@mutation("eventDeliveryRetry")
def event_delivery_retry(_root: Any, info: Info, *, id_: str) -> dict[str, Any]:
    call = call_of(info)
    delivery = by_id(call.host.deliveries, id_, "EventDelivery")
    if delivery is None or (call.app is not None and delivery.webhook.app is not call.app):
        raise Refused("id", "NOT_FOUND", f"Couldn't resolve to a node: {id_}")
    if call.app is None:
        call.require("MANAGE_APPS")
    call.host.send_again(delivery)
    return {"delivery": delivery}


# --- installing ----------------------------------------------------------------------------------------


@mutation("appFetchManifest")
@needs("MANAGE_APPS")
def app_fetch_manifest(_root: Any, info: Info, *, manifest_url: str) -> dict[str, Any]:
    call = call_of(info)
    with call.host.store.lock.put_down():
        manifest = install.fetch_manifest(call.host, manifest_url)
    wanted = manifest.get("requiredSaleorVersion")
    checked = {key: value for key, value in manifest.items() if key != "requiredSaleorVersion"}
    install.check_manifest(call.host, checked)
    return {"manifest": _manifest_view(call, manifest, wanted)}


def _manifest_view(call: Call, manifest: dict[str, Any], wanted: str | None) -> dict[str, Any]:
    satisfied = bool(wanted) and install.satisfies(call.host.full_version, wanted or "")
    return {
        **manifest,
        "identifier": manifest["id"],
        "permissions": permission_views(manifest.get("permissions") or []),
        "extensions": [extension_view(each) for each in manifest.get("extensions") or []],
        "webhooks": manifest.get("webhooks") or [],
        "requiredSaleorVersion": {"constraint": wanted, "satisfied": satisfied} if wanted else None,
    }


@mutation("appInstall")
@needs("MANAGE_APPS")
def app_install(_root: Any, info: Info, *, input_: dict[str, Any]) -> dict[str, Any]:
    call = call_of(info)
    wanted = input_.get("permissions") or []
    beyond = [each for each in wanted if not call.may(each)]
    if beyond:
        message = "You can't add permission that you don't have."
        raise Refused("permissions", "OUT_OF_SCOPE_PERMISSION", message, {"permissions": beyond})
    installation = Installation(input_["appName"], input_["manifestUrl"])
    call.host.store.installations.append(installation)
    activate = input_.get("activateAfterInstallation") is not False
    call.host.actions.put(_installing(call, installation, wanted, activate))
    return {"appInstallation": installation}


def _installing(call: Call, installation: Installation, wanted: list[str], activate: bool) -> Any:
    def work(_run: int) -> None:
        with call.host.store.lock:
            try:
                install.install(call.host, installation, wanted, activate)
            except (Refused, ManyRefused, install.InstallFailed) as error:
                installation.status, installation.message = "FAILED", reason_of(error)
                installation.touch()
            else:
                call.host.store.installations.remove(installation)
            call.host.flush()

    return work


def reason_of(error: Exception) -> str:
    """Return what staff see about a failed installation."""
    if isinstance(error, ManyRefused):
        return "; ".join(f"{each.field}: {each.message}" for each in error.refusals)
    return error.message if isinstance(error, Refused) else str(error)


@mutation("appDeleteFailedInstallation")
@needs("MANAGE_APPS")
def app_delete_failed_installation(_root: Any, info: Info, *, id_: str) -> dict[str, Any]:
    store = call_of(info).host.store
    found = by_id(store.installations, id_, "AppInstallation")
    if found is None or found.status != "FAILED":
        raise Refused("id", "INVALID_STATUS" if found else "NOT_FOUND", "There is no failed installation.")
    store.installations.remove(found)
    return {"appInstallation": found}


def _installed(call: Call, given: str) -> App:
    app = by_id(call.host.store.installed(), given, "App")
    if app is None:
        raise Refused("id", "NOT_FOUND", f"Couldn't resolve to a node: {given}")
    return app


@mutation("appDelete")
@needs("MANAGE_APPS")
def app_delete(_root: Any, info: Info, *, id_: str) -> dict[str, Any]:
    call = call_of(info)
    app = _installed(call, id_)
    remove(call, app)
    return {"app": app}


def remove(call: Call, app: App) -> None:
    """Remove an app. Its token becomes invalid at once; the app only gets an event about it from 3.23 on."""
    app.is_active = False
    call.host.emit_lifecycle("APP_DELETED", app, call.requestor)
    app.removed = True


def set_active(call: Call, app: App, active: bool) -> None:
    """Activate or deactivate an app; while inactive its token is refused and nothing is sent to it."""
    app.is_active = active
    call.host.emit_lifecycle("APP_STATUS_CHANGED", app, call.requestor)


@mutation("appActivate")
@needs("MANAGE_APPS")
def app_activate(_root: Any, info: Info, *, id_: str) -> dict[str, Any]:
    call = call_of(info)
    app = _installed(call, id_)
    set_active(call, app, True)
    return {"app": app}


@mutation("appDeactivate")
@needs("MANAGE_APPS")
def app_deactivate(_root: Any, info: Info, *, id_: str) -> dict[str, Any]:
    call = call_of(info)
    app = _installed(call, id_)
    set_active(call, app, False)
    return {"app": app}


# --- problems --------------------------------------------------------------------------------------------


def _problem_app(call: Call) -> App:
    if call.app is None:
        raise denied("AUTHENTICATED_APP")
    return call.app


@mutation("appProblemCreate")
def app_problem_create(_root: Any, info: Info, *, input_: dict[str, Any]) -> dict[str, Any]:
    app = _problem_app(call_of(info))
    for name, least, most in (("message", 3, 2048), ("key", 3, 128)):
        if not least <= len(input_[name].strip()) <= most:
            raise Refused(name, "INVALID", f"Between {least} and {most} characters are expected.")
    same = [each for each in app.problems if each.problem_key == input_["key"] and not each.dismissed_by]
    known = max(same, key=lambda each: each.updated_at, default=None)
    minutes = input_.get("aggregationPeriod")
    window = timedelta(minutes=COUNTED_TOGETHER if minutes is None else minutes)
    if known is not None and window and known.updated_at >= now() - window:
        known.count, known.message = known.count + 1, input_["message"]
        known.touch()
        return {"appProblem": known}
    problem = Problem(
        app, input_["key"], input_["message"], critical_threshold=input_.get("criticalThreshold")
    )
    app.problems = [*app.problems, problem][-MOST_PROBLEMS:]
    return {"appProblem": problem}


@mutation("appProblemDismiss")
def app_problem_dismiss(_root: Any, info: Info, *, input_: dict[str, Any]) -> dict[str, Any]:
    app = _problem_app(call_of(info))
    by_app = input_.get("byApp") or {}
    if bool(by_app.get("ids")) == bool(by_app.get("keys")):
        raise Refused("byApp", "INVALID", "Exactly one of ids and keys is expected.")
    for problem in app.problems:
        if problem.id in (by_app.get("ids") or ()) or problem.problem_key in (by_app.get("keys") or ()):
            problem.dismissed_by = "APP"
    return {}
