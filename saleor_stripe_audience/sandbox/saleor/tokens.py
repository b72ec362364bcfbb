"""Tokens for people: the app's page in the Dashboard gets one per user, signed by the host."""

import time
from typing import Any

from .host import Host
from .state import App, User

SECONDS = 300


def dashboard_token(host: Host, app: App, user: User, **changed: Any) -> str:
    """The token the Dashboard hands to an app's page; `changed` overrides claims, to make a bad one.

    It is valid for five minutes, of type "thirdparty", and carries what both the app and the user may do.
    """
    moment = int(time.time())
    shared = sorted(app.permissions & user.permissions)
    claims: dict[str, Any] = {
        "iat": moment,
        "owner": "saleor",
        "iss": host.api_url,
        "exp": moment + SECONDS,
        "token": user.key,
        "email": user.email,
        "type": "thirdparty",
        "user_id": user.id,
        "is_staff": user.is_staff,
        "app": app.id,
        "permissions": shared,
        "user_permissions": sorted(user.permissions),
    }
    if app.manifest.get("audience"):
        claims["aud"] = app.manifest["audience"]
    return host.key.token({**claims, **changed})
