"""A small Dashboard: one page that holds an app's page in an iframe and speaks the App Bridge to it.

It stands on the shop's origin, which is another than the app's, and its iframe has the sandbox attribute of
the genuine Dashboard: no `confirm()`, no top navigation.
"""

import json
from html import escape
from importlib import resources
from string import Template
from urllib.parse import urlencode, urlsplit

from .host import Host
from .seed import STAFF_EMAIL
from .state import App, User
from .tokens import dashboard_token

SANDBOX = "allow-same-origin allow-forms allow-scripts allow-downloads allow-popups"
DASHBOARD_VERSION = "3.23.12"


def _staff(host: Host) -> User:
    return next(each for each in host.store.users if each.email == STAFF_EMAIL)


def token(host: Host, app: App, permissions: str | None) -> str:
    """A token for the page; `permissions`, comma-separated, are those of the person who looks at it."""
    if permissions is None:
        return dashboard_token(host, app, _staff(host))
    granted = frozenset(filter(None, permissions.split(",")))
    viewer = User("colleague@example.com", is_staff=True, permissions=granted)
    return dashboard_token(host, app, viewer)


def frame_url(host: Host, app: App, theme: str, locale: str) -> str:
    """The address the iframe is opened with."""
    asked = {
        "id": app.id,
        "saleorApiUrl": host.api_url,
        "domain": host.domain,
        "theme": theme,
        "locale": locale,
    }
    url = str(app.manifest["appUrl"])
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"


def page(host: Host, app: App, theme: str, locale: str) -> str:
    """The page as HTML."""
    parts = urlsplit(str(app.manifest["appUrl"]))
    facts = {
        "appOrigin": f"{parts.scheme}://{parts.netloc}",
        "theme": theme,
        "locale": locale,
        "saleorVersion": host.full_version,
        "dashboardVersion": DASHBOARD_VERSION,
    }
    template = resources.files(__package__).joinpath("dashboard.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        name=escape(app.name),
        frame=escape(frame_url(host, app, theme, locale)),
        sandbox=SANDBOX,
        theme=escape(theme),
        # Inside a script element only "</" could end it early.
        facts=json.dumps(facts).replace("</", "<\\/"),
    )
