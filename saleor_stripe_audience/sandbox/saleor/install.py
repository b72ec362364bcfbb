"""Installing an app as Saleor does: the manifest is fetched, checked against this version, registered."""

import json
import re
import secrets
import string
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
from graphql import GraphQLError, parse, validate
from graphql.language import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
)

from .delivery import wire_headers
from .events import names_of
from .fields import ManyRefused, Refused
from .host import Host
from .schema import schema_for
from .state import App, Installation, Webhook

TIMEOUT = (2.0, 18.0)
# Up to 3.22, Saleor's core decides where extensions can be; from 3.23 on, the Dashboard does.
_MOUNTS_3_21 = frozenset({
    "CUSTOMER_OVERVIEW_CREATE", "CUSTOMER_OVERVIEW_MORE_ACTIONS", "CUSTOMER_DETAILS_MORE_ACTIONS",
    "PRODUCT_OVERVIEW_CREATE", "PRODUCT_OVERVIEW_MORE_ACTIONS", "PRODUCT_DETAILS_MORE_ACTIONS",
    "NAVIGATION_CATALOG", "NAVIGATION_ORDERS", "NAVIGATION_CUSTOMERS", "NAVIGATION_DISCOUNTS",
    "NAVIGATION_TRANSLATIONS", "NAVIGATION_PAGES", "ORDER_DETAILS_MORE_ACTIONS", "ORDER_OVERVIEW_CREATE",
    "ORDER_OVERVIEW_MORE_ACTIONS",
})  # fmt: skip
_OLD_MOUNTS = {
    "3.21": _MOUNTS_3_21,
    "3.22": _MOUNTS_3_21 | {
    "CATEGORY_OVERVIEW_CREATE", "CATEGORY_OVERVIEW_MORE_ACTIONS", "CATEGORY_DETAILS_MORE_ACTIONS",
    "COLLECTION_OVERVIEW_CREATE", "COLLECTION_OVERVIEW_MORE_ACTIONS", "COLLECTION_DETAILS_MORE_ACTIONS",
    "COLLECTION_DETAILS_WIDGETS", "GIFT_CARD_OVERVIEW_CREATE", "GIFT_CARD_OVERVIEW_MORE_ACTIONS",
    "GIFT_CARD_DETAILS_MORE_ACTIONS", "GIFT_CARD_DETAILS_WIDGETS", "CUSTOMER_DETAILS_WIDGETS",
    "PRODUCT_DETAILS_WIDGETS", "ORDER_DETAILS_WIDGETS", "DRAFT_ORDER_DETAILS_MORE_ACTIONS",
    "DRAFT_ORDER_OVERVIEW_CREATE", "DRAFT_ORDER_OVERVIEW_MORE_ACTIONS", "DRAFT_ORDER_DETAILS_WIDGETS",
    "DISCOUNT_DETAILS_MORE_ACTIONS", "DISCOUNT_OVERVIEW_CREATE", "DISCOUNT_OVERVIEW_MORE_ACTIONS",
    "VOUCHER_DETAILS_MORE_ACTIONS", "VOUCHER_OVERVIEW_CREATE", "VOUCHER_OVERVIEW_MORE_ACTIONS",
    "VOUCHER_DETAILS_WIDGETS", "PAGE_DETAILS_MORE_ACTIONS", "PAGE_OVERVIEW_CREATE",
    "PAGE_OVERVIEW_MORE_ACTIONS", "PAGE_TYPE_OVERVIEW_CREATE", "PAGE_TYPE_OVERVIEW_MORE_ACTIONS",
    "PAGE_TYPE_DETAILS_MORE_ACTIONS", "MENU_OVERVIEW_CREATE", "MENU_OVERVIEW_MORE_ACTIONS",
    "MENU_DETAILS_MORE_ACTIONS", "TRANSLATIONS_MORE_ACTIONS",
    },
}  # fmt: skip
_OLD_TARGETS = {"3.21": {"POPUP", "APP_PAGE"}, "3.22": {"POPUP", "APP_PAGE", "NEW_TAB", "WIDGET"}}


_URLS = (
    "appUrl",
    "tokenTargetUrl",
    "homepageUrl",
    "supportUrl",
    "dataPrivacyUrl",
    "configurationUrl",
)


class InstallFailed(Exception):  # noqa: N818 - named for what happened
    """The installation failed; the message is shown to staff."""


def fetch_manifest(host: Host, url: str) -> dict[str, Any]:
    """GET the manifest; Refused if it cannot be fetched or is not a JSON object."""
    headers = {**wire_headers(host, url), "Saleor-Schema-Version": host.version}
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url, headers=headers, timeout=TIMEOUT, allow_redirects=False)
        answer.raise_for_status()
        manifest = answer.json()
    except requests.JSONDecodeError as error:
        message = "The response body is not valid JSON."
        raise Refused("manifestUrl", "INVALID_MANIFEST_FORMAT", message) from error
    except requests.RequestException as error:
        message = f"Unable to fetch manifest data: {type(error).__name__}"
        raise Refused("manifestUrl", "MANIFEST_URL_CANT_CONNECT", message) from error
    if not isinstance(manifest, dict):
        raise Refused("manifestUrl", "INVALID_MANIFEST_FORMAT", "The manifest must be a JSON object.")
    return manifest


def check_manifest(host: Host, manifest: dict[str, Any]) -> None:
    """Raise ManyRefused with everything that this version finds wrong with the manifest."""
    refusals = [*_structure(host, manifest)]
    if not refusals:
        refusals = [*_permissions(host, manifest), *_version(host, manifest), *_identity(host, manifest)]
    if not refusals:
        refusals = [*_extensions(host, manifest), *_webhooks(host, manifest)]
    if refusals:
        raise ManyRefused(refusals)


def _refusal(field: str, code: str, message: str) -> Refused:
    return Refused(field, code, message)


def _structure(host: Host, manifest: dict[str, Any]) -> list[Refused]:
    needed = ["id", "name", "version"]
    if host.version in ("3.21", "3.22"):
        needed.append("tokenTargetUrl")
    found = [
        _refusal(name, "REQUIRED", "Field required.")
        for name in needed
        if not str(manifest.get(name) or "").strip()
    ]
    if len(str(manifest.get("name") or "")) > 60:
        found.append(_refusal("name", "INVALID", "The name may have at most 60 characters."))
    if "author" in manifest and not str(manifest["author"] or "").strip():
        found.append(_refusal("author", "INVALID", "Author field cannot be blank."))
    wrong = [name for name in _URLS if manifest.get(name) and not is_url(manifest[name])]
    found.extend(_refusal(name, "INVALID_URL_FORMAT", "Incorrect format.") for name in wrong)
    logo = ((manifest.get("brand") or {}).get("logo") or {}).get("default")
    if manifest.get("brand") is not None and not is_url(logo):
        found.append(_refusal("brand", "INVALID_URL_FORMAT", "Incorrect format."))
    return found


def is_url(value: Any) -> bool:
    """Whether a value is an http or https address."""
    parts = urlsplit(value) if isinstance(value, str) else None
    return bool(parts and parts.scheme in ("http", "https") and parts.hostname)


def _known_permissions(host: Host) -> frozenset[str]:
    known = names_of(host.version, "PermissionEnum")
    return known - {"MANAGE_APPS"} if host.version == "3.24" else known


def _permissions(host: Host, manifest: dict[str, Any]) -> list[Refused]:
    unknown = [each for each in manifest.get("permissions") or [] if each not in _known_permissions(host)]
    if not unknown:
        return []
    return [_refusal("permissions", "INVALID_PERMISSION", "Given permissions don't exist.")]


def _identity(host: Host, manifest: dict[str, Any]) -> list[Refused]:
    taken = next((app for app in host.store.installed() if app.identifier == manifest["id"]), None)
    if taken is None:
        return []
    message = f"App with the same identifier is already installed: {taken.name}"
    return [_refusal("identifier", "UNIQUE", message)]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def satisfies(version: str, wanted: str) -> bool:
    """Whether a version is in an npm range made of comparators, carets, tildes and alternatives."""
    return any(all(_holds(version, part) for part in each.split()) for each in wanted.split("||"))


def _holds(version: str, comparator: str) -> bool:
    match = re.fullmatch(r"(\^|~|>=|<=|>|<|=)?v?(\d+(?:\.(?:\d+|x|\*)){0,2})(?:-[\w.]+)?|\*", comparator)
    if match is None:
        raise ValueError(f"not a version range: {comparator}")
    bound, have = _numbers(match.group(2) or ""), _numbers(version)
    full, cut = (*bound, 0, 0, 0)[:3], have[: len(bound)]
    kept = {"^": 1, "~": min(len(bound), 2)}.get(match.group(1) or "", 0)
    outcomes = {
        "^": have >= full and have[:kept] == full[:kept],
        "~": have >= full and have[:kept] == full[:kept],
        ">=": have >= full,
        ">": cut > bound,
        "<": have < full,
        "<=": cut <= bound,
    }
    return outcomes.get(match.group(1) or "", cut == bound)


def _version(host: Host, manifest: dict[str, Any]) -> list[Refused]:
    wanted = manifest.get("requiredSaleorVersion")
    if not wanted:
        return []
    try:
        satisfied = satisfies(host.full_version, wanted)
    except (ValueError, AttributeError):
        message = "Incorrect value for required Saleor version."
        return [_refusal("requiredSaleorVersion", "INVALID", message)]
    if satisfied:
        return []
    message = f"Saleor version {host.full_version} is not supported by the app."
    return [_refusal("requiredSaleorVersion", "UNSUPPORTED_SALEOR_VERSION", message)]


def _extensions(host: Host, manifest: dict[str, Any]) -> list[Refused]:
    found = []
    for extension in manifest.get("extensions") or []:
        missing = [name for name in ("label", "url", "mount") if not extension.get(name)]
        if missing:
            found.append(_refusal("extensions", "REQUIRED", f"Missing required field: {missing[0]}."))
            continue
        found.extend(_extension(host, manifest, extension))
    return found


def _extension(host: Host, manifest: dict[str, Any], extension: dict[str, Any]) -> list[Refused]:
    found = []
    target = extension.get("target", "POPUP")
    old = _OLD_TARGETS.get(host.version)
    if old and (target not in old or extension["mount"] not in _OLD_MOUNTS[host.version]):
        found.append(_refusal("extensions", "INVALID", "Incorrect value for field: mount or target."))
    relative = str(extension["url"]).startswith("/")
    if (
        (target == "APP_PAGE" and not relative)
        or (relative and not manifest.get("appUrl"))
        or (not relative and not is_url(extension["url"]))
    ):
        found.append(_refusal("extensions", "INVALID_URL_FORMAT", "Incorrect value for field: url."))
    if not set(extension.get("permissions") or []) <= set(manifest.get("permissions") or []):
        message = "Extension permission must be listed in App's permissions."
        found.append(_refusal("extensions", "OUT_OF_SCOPE_PERMISSION", message))
    return found


def _webhooks(host: Host, manifest: dict[str, Any]) -> list[Refused]:
    found = []
    for webhook in manifest.get("webhooks") or []:
        missing = [name for name in ("name", "targetUrl", "query") if not webhook.get(name)]
        if missing:
            found.append(_refusal("webhooks", "REQUIRED", f"Missing required field: {missing[0]}."))
            continue
        reason = webhook_fault(host, webhook)
        if reason:
            found.append(_refusal("webhooks", "INVALID", f"{webhook['name']}: {reason}"))
    return found


def webhook_fault(host: Host, webhook: dict[str, Any]) -> str | None:
    """Return what is wrong with a webhook's address, events or query; None if nothing is."""
    if not is_url(webhook["targetUrl"]):
        return "Invalid target url."
    for name, enum in (("asyncEvents", "Async"), ("syncEvents", "Sync")):
        known = names_of(host.version, f"WebhookEventType{enum}Enum")
        unknown = [each for each in webhook.get(name) or [] if each not in known]
        if unknown:
            return f"Invalid {enum.lower()} event: {unknown[0]}."
    return query_fault(host.version, webhook["query"])


@lru_cache(maxsize=1000)  # every manifest contains the same documents
def query_fault(version: str, query: str) -> str | None:
    """Return why a subscription is not valid in this version; None if it is."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return f"Subscription query is not valid: {error.message}"
    errors = validate(schema_for(version), document)
    if errors:
        return f"Subscription query is not valid: {errors[0].message}"
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not OperationType.SUBSCRIPTION:
        return "Subscription query is not valid: exactly one subscription is expected."
    names = [
        each.name.value for each in operations[0].selection_set.selections if isinstance(each, FieldNode)
    ]
    return None if names == ["event"] else "Subscription query is not valid: it must select `event` once."


def events_of(webhook: dict[str, Any]) -> list[str]:
    """Return a webhook's events: those named, otherwise those for which its query has fragments."""
    named = [*(webhook.get("asyncEvents") or []), *(webhook.get("syncEvents") or [])]
    return named or [
        re.sub(r"(?<!^)(?=[A-Z])", "_", each).upper() for each in _queried_types(webhook["query"])
    ]


def _queried_types(query: str) -> list[str]:
    """Return the event types that a subscription selects directly under `event`."""
    definitions = parse(query).definitions
    fragments = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}
    [operation] = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
    [event] = operation.selection_set.selections
    inside = event.selection_set.selections if isinstance(event, FieldNode) and event.selection_set else ()
    spread = (fragments[each.name.value] for each in inside if isinstance(each, FragmentSpreadNode))
    named = [each.type_condition for each in inside if isinstance(each, InlineFragmentNode)]
    conditions = [*named, *(each.type_condition for each in spread)]
    return [each.name.value for each in conditions if each is not None]


def build_webhook(app: App, given: dict[str, Any]) -> Webhook:
    """A webhook from its manifest entry."""
    return Webhook(
        app,
        given["name"],
        given["targetUrl"],
        given["query"],
        events_of(given),
        identifier=(given.get("identifier") or "").strip() or None,
        is_active=given.get("isActive", True),
        custom_headers=given.get("customHeaders") or {},
    )


def new_token() -> str:
    """Return a token for an app: thirty letters and digits, as in Saleor."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(30))


def install(host: Host, installation: Installation, permissions: list[str], activate: bool) -> App:
    """Fetch, check and register; InstallFailed (the app is removed again) or Refused says why it failed.

    The lock is released while the app is called, because its token must already work then.
    """
    with host.store.lock.put_down():
        manifest = fetch_manifest(host, installation.manifest_url)
    check_manifest(host, manifest)
    app = App(
        manifest["id"],
        installation.app_name,
        installation.manifest_url,
        frozenset(permissions),
        new_token(),
        manifest=manifest,
        is_active=activate,
    )
    app.webhooks = [build_webhook(app, each) for each in manifest.get("webhooks") or []]
    host.store.apps.append(app)
    if manifest.get("tokenTargetUrl"):
        _register(host, app)
    host.emit_lifecycle("APP_INSTALLED", app)
    return app


def _register(host: Host, app: App) -> None:
    refusal = None
    with host.store.lock.put_down():
        refusal = _send_token(host, app)
    if refusal is not None:
        host.store.apps.remove(app)
        raise InstallFailed(refusal)


def _send_token(host: Host, app: App) -> str | None:
    """POST the token; return the message to show if the app refuses it. A redirect counts as success."""
    url = app.manifest["tokenTargetUrl"]
    headers = {
        **wire_headers(host, url),
        "Content-Type": "application/json",
        "X-Saleor-Domain": host.domain,
        "Saleor-Domain": host.domain,
        "Saleor-Api-Url": host.api_url,
        "Saleor-Schema-Version": host.version,
    }
    body = json.dumps({"auth_token": app.token}).encode()
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        return f"Failed to connect to app: {type(error).__name__}"
    if answer.status_code < 400:
        return None
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"App internal error ({answer.status_code})"
