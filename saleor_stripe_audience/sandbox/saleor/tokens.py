"""Users' tokens: the app's page in the Dashboard gets one for each user, signed by Saleor."""

import time
from typing import Any

from .host import Host
from .state import App, User

SECONDS = 300


def dashboard_token(host: Host, app: App, user: User, **changed: Any) -> str:
    """Return the token that the Dashboard gives to an app's page; `changed` overrides claims, to create an invalid one.

    It is valid for five minutes, has the type "thirdparty", and contains the permissions that both the app and the user
    have.
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
