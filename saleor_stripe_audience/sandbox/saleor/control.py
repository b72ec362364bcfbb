"""POST /sandbox/control: faults, keys, apps and deliveries."""

from collections.abc import Callable
from typing import Any

from .access import Call
from .host import Faults, Host
from .resolvers_app import remove, set_active
from .signing import SigningKey
from .state import App

type Json = dict[str, Any]


def rotate_keys(host: Host) -> str:
    """Sign with a new key from now on; the JWKS shows only that one. Returns its kid."""
    host.keys.append(SigningKey.generate())
    return host.key.kid


def find_app(host: Host, identifier: str) -> App | None:
    """Return the newest installed app with this manifest id."""
    return next((each for each in reversed(host.store.installed()) if each.identifier == identifier), None)


def _set_faults(host: Host, request: Json) -> Json:
    host.faults = Faults(
        delay=float(request.get("delay", 0)),
        statuses=[int(each) for each in request.get("statuses", [])],
        refusals=[str(each) for each in request.get("refusals", [])],
        jwks_down=bool(request.get("jwks_down", False)),
    )
    return {}


def _rotate(host: Host, _request: Json) -> Json:
    return {"kid": rotate_keys(host)}


def _with_app(host: Host, request: Json, change: Callable[[Call, App], None]) -> Json:
    app = find_app(host, str(request.get("app")))
    if app is None:
        raise KeyError(f"No app {request.get('app')!r} is installed.")
    with host.store.lock:
        change(Call(host, None), app)
        host.flush()
    return {"app": app.id}


def _deactivate(host: Host, request: Json) -> Json:
    return _with_app(host, request, lambda call, app: set_active(call, app, False))


def _activate(host: Host, request: Json) -> Json:
    return _with_app(host, request, lambda call, app: set_active(call, app, True))


def _delete(host: Host, request: Json) -> Json:
    return _with_app(host, request, remove)


def _redeliver(host: Host, request: Json) -> Json:
    found = next((each for each in host.deliveries if each.id == request.get("delivery")), None)
    if found is None:
        raise KeyError(f"No delivery {request.get('delivery')!r} was recorded.")
    host.send_again(found)
    return {"delivery": found.id}


def _disorder(host: Host, request: Json) -> Json:
    host.disorder = bool(request.get("on", True))
    return {"disorder": host.disorder}


_ACTIONS: dict[str, Callable[[Host, Json], Json]] = {
    "faults": _set_faults,
    "rotate_keys": _rotate,
    "deactivate_app": _deactivate,
    "activate_app": _activate,
    "delete_app": _delete,
    "redeliver": _redeliver,
    "disorder": _disorder,
}


def control(host: Host, request: Json) -> tuple[int, Json]:
    """Perform the `action`; return the HTTP status and the response."""
    act = _ACTIONS.get(str(request.get("action")))
    if act is None:
        return 400, {"error": f"action must be one of {', '.join(sorted(_ACTIONS))}"}
    try:
        return 200, {"ok": True, **act(host, request)}
    except KeyError as error:
        return 404, {"error": str(error.args[0])}
