"""Who is calling, and what they may do; refusals use Saleor's wording."""

import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import wraps
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from .host import Host
from .ids import key_of
from .state import App, User

Resolver = Callable[..., Any]
Requestor = App | User | None


@dataclass(frozen=True)
class Call:
    """The context of one GraphQL execution."""

    host: Host
    requestor: Requestor
    ip: str = "127.0.0.1"
    # Payloads are executed as the app that will receive them; Saleor checks less then.
    building_payload: bool = False

    @property
    def app(self) -> App | None:
        """The calling app, if it is one."""
        return self.requestor if isinstance(self.requestor, App) else None

    @property
    def user(self) -> User | None:
        """The calling person, if it is one."""
        return self.requestor if isinstance(self.requestor, User) else None

    @property
    def is_staff(self) -> bool:
        """Whether an app or a staff member is calling."""
        return self.app is not None or (self.user is not None and self.user.is_staff)

    def may(self, *permissions: str) -> bool:
        """Whether the caller has one of the permissions."""
        return self.requestor is not None and bool(self.requestor.permissions.intersection(permissions))

    def require(self, *permissions: str) -> None:
        """Refuse a caller who has none of the permissions."""
        if not self.may(*permissions):
            raise denied(*permissions)


type Info = GraphQLResolveInfo[Call]


def denied(*permissions: str) -> GraphQLError:
    """Return Saleor's refusal of a caller without permission."""
    message = "You do not have permission to perform this action"
    if permissions:
        names = ", ".join(permissions)
        message = f"To access this path, you need one of the following permissions: {names}"
    return GraphQLError(message, extensions={"exception": {"code": "PermissionDenied", "stacktrace": []}})


def needs(*permissions: str) -> Callable[[Resolver], Resolver]:
    """Let a resolver run only for callers with one of the permissions."""

    def decorate(resolver: Resolver) -> Resolver:
        @wraps(resolver)
        def guarded(root: Any, info: Info, **arguments: Any) -> Any:
            call_of(info).require(*permissions)
            return resolver(root, info, **arguments)

        return guarded

    return decorate


def call_of(info: Info) -> Call:
    """The context of the running execution."""
    return info.context


class BadToken(Exception):  # noqa: N818 - named after what happened
    """The bearer token is unknown or no longer valid."""


def requestor_of(host: Host, authorization: str) -> Requestor:
    """Return the caller of an `Authorization` header; None if the app token is unknown or the app inactive."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() not in {"bearer", "jwt"} or not token:
        return None
    if len(token) == 30:
        active = (app for app in host.store.installed() if app.is_active)
        return next((app for app in active if app.token == token), None)
    return _user_of(host, token)


def _user_of(host: Host, token: str) -> User:
    claims = next((found for key in host.keys if (found := key.claims_of(token))), None)
    if claims is None or claims.get("type") not in {"access", "thirdparty"}:
        raise BadToken("Invalid token. User does not exist or is inactive.")
    if claims["exp"] < time.time():
        raise BadToken("Signature has expired")
    key = key_of(claims["user_id"], "User")
    user = next((each for each in host.store.users if each.key == key), None)
    if user is None or not user.is_active:
        raise BadToken("Invalid token. User does not exist or is inactive.")
    if claims["type"] == "thirdparty":  # an app acts as the user, with the permissions of both
        user = copy(user)
        user.permissions = user.permissions.intersection(claims["permissions"])
    return user
