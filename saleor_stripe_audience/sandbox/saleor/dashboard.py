"""A small Dashboard: a page that shows an app's page in an iframe and speaks the App Bridge's protocol to it.

It does what Saleor's own Dashboard 3.23 does (according to saleor/saleor-dashboard, and observed):

- Its origin is neither the shop API's nor the app's.
- The iframe's address is `appUrl` without the slash before its query, or with the rest of the Dashboard's own
  path after it: `…/extensions/app/<id>/<rest>` opens `<appUrl>/<rest>?…`.
- The query has `id`, `saleorApiUrl`, `domain` and `theme`, but no `locale`, which follows the handshake. Before them
  is the query of the Dashboard's own address, which the app may have set with `updateRouting`.
- With each new token, every few minutes, the iframe is rendered again. If the query of the Dashboard's address was
  changed by `updateRouting` in the meantime, it is reloaded with the current query and the previous path.
- `redirect` to a path opens that page of the Dashboard instead of the app's.
- An app's extensions are entries of the menu, and cards on the pages of orders and customers. A card is a frame as
  well, 200 px high until the app says `widgetResize`. Its query has the Dashboard's part twice, then what the page
  shows, such as `orderId`, but no theme, which follows the handshake. It is shown to every staff member; the token of
  one without the extension's permissions is empty.
- The handshake is sent when the iframe has loaded, and again whenever the app says that it is ready.
- The iframe's sandbox attribute forbids `confirm()` and top navigation.
"""

import json
from html import escape
from importlib import resources
from string import Template
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from .host import Host
from .seed import STAFF_EMAIL
from .state import App, User
from .tokens import dashboard_token

SANDBOX = "allow-same-origin allow-forms allow-scripts allow-downloads allow-popups"
DASHBOARD_VERSION = "3.23.12"


def _staff(host: Host) -> User:
    return next(each for each in host.store.users if each.email == STAFF_EMAIL)


def token(host: Host, app: App, permissions: str | None, channels: str | None = None) -> str:
    """Return a token for the page.

    `permissions` and `channels` (their slugs), comma-separated, are those of the person who opened it.
    """
    return dashboard_token(host, app, _viewer(host, permissions, channels))


def widget_token(
    host: Host, app: App, mount: str, permissions: str | None, channels: str | None = None
) -> str:
    """Return a token for the app's card at the mount; empty if the viewer may not see the card."""
    needed = {each for found in _cards(app, mount) for each in found.get("permissions") or []}
    viewer = _viewer(host, permissions, channels)
    if not needed <= viewer.permissions:
        return ""
    return dashboard_token(host, app, viewer, permissions=sorted(needed))


def _viewer(host: Host, permissions: str | None, channels: str | None) -> User:
    if permissions is None:
        return _staff(host)
    restricted_to = None if channels is None else _names(channels)
    with host.store.lock:
        return host.store.colleague(_names(permissions), restricted_to)


def _names(listed: str) -> frozenset[str]:
    return frozenset(filter(None, listed.split(",")))


def frame_url(host: Host, app: App, theme: str, rest: str = "", query: dict[str, str] | None = None) -> str:
    """Return the iframe's URL; `rest` and `query` are those of the Dashboard's URL after the app's path."""
    context = {"domain": host.domain, "saleorApiUrl": host.api_url, "id": app.id, "theme": theme}
    context = (query or {}) | context
    url = str(app.manifest["appUrl"]).rstrip("/")
    return f"{url}{f'/{rest}' if rest else ''}?{urlencode(context)}"


def widget_url(host: Host, app: App, mount: str, shown: dict[str, str], query: dict[str, str]) -> str:
    """Return the URL of the app's card at the mount; empty if it has none there. `query` is the Dashboard's own."""
    url = next((each["url"] for each in _cards(app, mount)), "")
    if not url:
        return ""
    context = {"domain": host.domain, "saleorApiUrl": host.api_url, "id": app.id}
    parts = [*query.items(), *context.items(), *context.items(), *shown.items()]
    return f"{url}?{urlencode(parts)}"


def _extensions(app: App, mount: str) -> list[dict[str, Any]]:
    return [each for each in app.manifest.get("extensions") or [] if each["mount"].startswith(mount)]


def _cards(app: App, mount: str) -> list[dict[str, Any]]:
    return [each for each in _extensions(app, mount) if each.get("target") == "WIDGET"][:1]


def _menu(app: App) -> str:
    """Return links to the app's entries in the Dashboard's menu."""
    entries = [each for each in _extensions(app, "NAVIGATION_") if each.get("target") == "APP_PAGE"]
    links = [
        f'<a href="{escape(page_path(app) + each["url"])}">{escape(each["label"])}</a>' for each in entries
    ]
    return " ".join(links)


def page(
    host: Host, app: App, theme: str, locale: str, rest: str = "", query: dict[str, str] | None = None
) -> str:
    """Return the page that shows the app's page."""
    return _with_frame(host, app, theme, locale, frame_url(host, app, theme, rest, query))


def entity_page(host: Host, app: App, theme: str, locale: str, widget: str, mount: str) -> str:
    """Return the page of an order or a customer, with the app's card at that URL."""
    return _with_frame(host, app, theme, locale, widget, mount)


def _with_frame(host: Host, app: App, theme: str, locale: str, frame: str, mount: str = "") -> str:
    parts = urlsplit(str(app.manifest["appUrl"]))
    facts = {
        "appOrigin": f"{parts.scheme}://{parts.netloc}",
        "theme": theme,
        "locale": locale,
        "saleorVersion": host.full_version,
        "dashboardVersion": DASHBOARD_VERSION,
        "token": token_path(app),
        "mount": mount,
        "page": page_path(app),
        "frame": frame_url(host, app, theme),
        "isWidget": bool(mount),
    }
    template = resources.files(__package__).joinpath("dashboard.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        name=escape(app.name),
        frame=escape(frame),
        menu=_menu(app),
        kind="widget" if mount else "page",
        sandbox=SANDBOX,
        theme=escape(theme),
        # Inside a script element only "</" could end it early.
        facts=json.dumps(facts).replace("</", "<\\/"),
    )


def page_path(app: App) -> str:
    """Return the path under which the Dashboard shows the app's page."""
    return f"/dashboard/extensions/app/{quote(app.id, safe='')}"


def token_path(app: App) -> str:
    """Return the path from which the page gets its tokens; the real Dashboard uses the shop's API."""
    return f"/dashboard/token/{app.identifier}"
