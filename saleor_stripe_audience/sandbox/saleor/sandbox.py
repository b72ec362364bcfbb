"""The shop: start it, install apps, buy something, and inspect it."""

import json
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import requests

from saleor_stripe_audience.sandbox.serving import Served

from . import dashboard, payload
from . import install as installing
from .access import Call
from .control import find_app, rotate_keys
from .delivery import Delivery
from .fields import ManyRefused, Refused
from .host import Faults, Host
from .payments import release
from .resolvers_account import access_token
from .resolvers_app import reason_of, remove, set_active
from .seed import STAFF_EMAIL, fill
from .state import COLLEAGUE_EMAIL, App, Installation, Order, User
from .tokens import dashboard_token
from .web import application


class GraphQLFailed(Exception):  # noqa: N818 - named for what happened
    """The shop responded to a GraphQL call with errors."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(json.dumps(errors))
        self.errors = errors


class SaleorSandbox:
    """A Saleor of a given version ("3.21" to "3.24") on 127.0.0.1.

    `retry_scale` shortens the waits between retries (1.0: ten seconds to five minutes), `timeout_scale` the
    limit of 18 seconds for an app's response; with `disorder`, events arrive in any order. Use it as a context
    manager, or call `start()` and `stop()`.
    """

    def __init__(
        self,
        version: str = "3.23",
        retry_scale: float = 1.0,
        timeout_scale: float = 1.0,
        disorder: bool = False,
        port: int = 0,
    ) -> None:
        self.host = Host(payload.build, version, retry_scale, timeout_scale, disorder)
        fill(self.host.store, version)
        self._served = Served(application(self.host), port)
        self.host.url = self._served.url

    def start(self) -> Self:
        """Start responding."""
        self._served.start()
        return self

    def stop(self) -> None:
        """Stop responding, and stop sending events."""
        self.host.stop()
        self._served.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The origin, without a trailing slash."""
        return self.host.url

    @property
    def api_url(self) -> str:
        """The API's URL, as apps know it."""
        return self.host.api_url

    @property
    def deliveries(self) -> list[Delivery]:
        """Every webhook delivery so far, with attempts, statuses and bodies; in the order sent."""
        return list(self.host.deliveries)

    def delivered(self, event: str) -> list[Delivery]:
        """Return the deliveries of one event, by its name in upper case."""
        return [each for each in self.deliveries if each.event == event]

    @property
    def calls(self) -> list[str]:
        """The bodies of all GraphQL calls so far, as received."""
        return list(self.host.calls)

    @property
    def faults(self) -> Faults:
        """The faults to produce; change them as needed."""
        return self.host.faults

    # --- people and tokens -----------------------------------------------------------------------

    @property
    def staff(self) -> User:
        """The only staff member, who has all permissions."""
        return next(each for each in self.host.store.users if each.email == STAFF_EMAIL)

    def staff_token(self) -> str:
        """The staff's own "access" token; apps must refuse it."""
        return self.user_token(self.staff)

    def user_token(self, user: User) -> str:
        """An "access" token of any person."""
        with self.host.store.lock:
            return access_token(Call(self.host, None), user)

    def dashboard_token(
        self,
        app: App,
        permissions: frozenset[str] | None = None,
        email: str = COLLEAGUE_EMAIL,
        channels: frozenset[str] | None = None,
        **claims: Any,
    ) -> str:
        """Return the token that the Dashboard gives the app's page for a staff member with these permissions.

        `channels` are the slugs of those that the staff member is restricted to. Without `permissions`, it is the
        sandbox's own staff member. `claims` override single claims.
        """
        user = self.staff
        if permissions is not None:
            with self.host.store.lock:
                user = self.host.store.colleague(permissions, channels, email)
        return dashboard_token(self.host, app, user, **claims)

    # --- calls -----------------------------------------------------------------------------------

    def gql(self, query: str, variables: dict[str, Any] | None = None, token: str | None = None) -> Any:
        """Call the API over HTTP; return `data`, raise GraphQLFailed on errors. Without a token: the storefront."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables or {}}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(self.api_url, json=body, headers=headers, timeout=60)
        found = answer.json()
        if found.get("errors"):
            raise GraphQLFailed(found["errors"])
        return found["data"]

    def install(self, manifest_url: str, permissions: list[str] | None = None, activate: bool = True) -> App:
        """Install an app as staff would, and wait for it; install.InstallFailed says why it failed.

        The manifest is fetched twice, as by the Dashboard. Its permissions are granted unless others are given.
        """
        host = self.host
        try:
            with host.store.lock:
                with host.store.lock.put_down():
                    manifest = installing.fetch_manifest(host, manifest_url)
                installing.check_manifest(host, manifest)
                installation = Installation(manifest["name"], manifest_url)
                granted = manifest.get("permissions") or [] if permissions is None else permissions
                app = installing.install(host, installation, granted, activate)
                host.flush()
        except (Refused, ManyRefused) as error:
            raise installing.InstallFailed(reason_of(error)) from error
        return app

    def app(self, identifier: str) -> App | None:
        """Return an installed app by its manifest id."""
        return find_app(self.host, identifier)

    def event(self, name: str, principal: App | User | None = None, **fields: Any) -> None:
        """Send any asynchronous event: its name, who caused it, and the fields of its GraphQL type."""
        with self.host.store.lock:
            self.host.emit(name, principal, **fields)
            self.host.flush()

    # --- what can happen -------------------------------------------------------------------------

    def drain(self, timeout: float = 30.0) -> None:
        """Wait until no background delivery is pending, retries included; TimeoutError after `timeout` s."""
        self.host.drain(timeout)

    def rotate_keys(self) -> str:
        """Sign with a new key from now on, the only one in the JWKS; return its kid."""
        return rotate_keys(self.host)

    def delete_app(self, app: App) -> None:
        """Remove an app as staff would."""
        with self.host.store.lock:
            remove(Call(self.host, self.staff), app)
            self.host.flush()

    def set_active(self, app: App, active: bool) -> None:
        """Activate or deactivate an app."""
        with self.host.store.lock:
            set_active(Call(self.host, self.staff), app, active)
            self.host.flush()

    def expire(self, order: Order) -> None:
        """Let an unpaid order expire, as Saleor's timed task does; `updatedAt` stays as it was."""
        with self.host.store.lock:
            order.status = "EXPIRED"
            for name in ("ORDER_UPDATED", "ORDER_EXPIRED"):
                self.host.emit(name, None, order=order)
            self.host.flush()

    def age_checkout(self, checkout_id: str, span: timedelta) -> None:
        """Make the checkout and its shopper's orders older by this time."""
        with self.host.store.lock:
            checkout = next(each for each in self.host.store.checkouts if each.id == checkout_id)
            checkout.created, checkout.updated_at = checkout.created - span, checkout.updated_at - span
            for order in self.host.store.orders:
                if order.user_email == checkout.email:
                    order.created -= span
                    self.host.emit("ORDER_UPDATED", None, order=order)
            self.host.emit("CHECKOUT_UPDATED", None, checkout=checkout)
            self.host.flush()

    def release_abandoned(self) -> None:
        """Release the payments of abandoned checkouts, as Saleor's timed task does after six hours."""
        with self.host.store.lock:
            for transaction in self.host.store.transactions:
                if transaction.checkout is not None:
                    release(self.host, transaction)
            self.host.flush()

    def dashboard_url(self, app: App) -> str:
        """Return the URL of a page that shows the app's page as the Dashboard does, with another origin than the API's.

        It accepts `?theme=`, `?locale=` and `?permissions=` (comma-separated, of the person who opens it).
        """
        origin = self.url.replace("127.0.0.1", "localhost")
        return f"{origin}{dashboard.page_path(app)}"

    def redeliver(self, delivery: Delivery) -> None:
        """Send a recorded delivery again, byte for byte."""
        self.host.send_again(delivery)


__all__ = ["GraphQLFailed", "SaleorSandbox"]
