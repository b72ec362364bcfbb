"""The shop's internals, which the resolvers use: the store, the keys, and the sending of events."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .delivery import BACKOFF, Attempt, Background, Delivery, post
from .events import EventKind
from .signing import SigningKey
from .state import App, Store, User, Webhook

LIFECYCLE = frozenset({"APP_INSTALLED", "APP_UPDATED", "APP_DELETED", "APP_STATUS_CHANGED"})
_PATCHES = {"3.21": "3.21.69", "3.22": "3.22.67", "3.23": "3.23.28", "3.24": "3.24.0"}


@dataclass
class Faults:
    """Faults that the stand-in produces on request; `statuses` and `refusals` are used up, one per call."""

    delay: float = 0.0
    statuses: list[int] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    jwks_down: bool = False


type PayloadBuilder = Callable[["Host", Webhook, EventKind, dict[str, Any], App | User | None], bytes | None]


class Host:
    """One shop. Everything that reads or writes the store happens under `store.lock`."""

    def __init__(
        self,
        build_payload: PayloadBuilder,
        version: str = "3.23",
        retry_scale: float = 1.0,
        timeout_scale: float = 1.0,
        disorder: bool = False,
    ) -> None:
        self._build_payload = build_payload
        self.version = version
        self.full_version = _PATCHES[version]
        self.retry_scale = retry_scale
        self.timeout_scale = timeout_scale
        self.disorder = disorder
        self.store = Store()
        self.keys = [SigningKey.generate()]
        self.faults = Faults()
        self.deliveries: list[Delivery] = []
        self.calls: list[str] = []
        self.url = ""
        self.media_url = ""
        self._outbox: list[Callable[[int], float | None]] = []
        # Actions have their own thread: a slow payment app must not delay the other events.
        self.events = Background(workers=4 if disorder else 1)
        self.actions = Background(workers=4 if disorder else 1)

    @property
    def key(self) -> SigningKey:
        """The current signing key; older ones are kept for the tokens that they signed."""
        return self.keys[-1]

    @property
    def api_url(self) -> str:
        """The API's URL, as the apps know it."""
        return f"{self.url}/graphql/"

    @property
    def pictures_url(self) -> str:
        """The base URL of pictures: the shop's storage if it has one (`media_url`), otherwise its own URL."""
        return self.media_url or self.url

    @property
    def domain(self) -> str:
        """Host and port."""
        return self.url.partition("://")[2]

    def webhooks_for(self, event: EventKind, app_identifier: str | None = None) -> list[Webhook]:
        """Return active webhooks of active apps that subscribe to the event and may receive it."""
        return [
            webhook
            for webhook in self.store.webhooks()
            if webhook.is_active
            and webhook.app.is_active
            and event.name in webhook.events
            and (event.permission is None or event.permission in webhook.app.permissions)
            and app_identifier in (None, webhook.app.identifier)
        ]

    def emit(self, name: str, principal: App | User | None = None, **fields: Any) -> None:
        """Send an asynchronous event to all its subscribers, once the running operation is done."""
        event = EventKind(name)
        for webhook in self.webhooks_for(event):
            self.emit_to(webhook, event, principal, fields)

    def emit_to(
        self, webhook: Webhook, event: EventKind, principal: App | User | None, fields: dict[str, Any]
    ) -> None:
        """Send an event to one webhook."""
        delivery = Delivery(event.name, webhook, synchronous=False)
        build = partial(self._build_payload, self, webhook, event, fields, principal)
        if not event.is_late:
            body = build()
            if body is None:
                return
            delivery.body = body
        self._outbox.append(partial(self._deliver, delivery, build))

    @property
    def tells_apps_of_themselves(self) -> bool:
        """From 3.23 on an app receives events about itself only, and needs no permission for them."""
        return self.version not in ("3.21", "3.22")

    def emit_lifecycle(self, name: str, app: App, principal: App | User | None = None) -> None:
        """Send the event of an app's installation, status or removal to the apps that get it in this version."""
        event = EventKind(name)
        heard = [each for each in app.webhooks if each.is_active and name in each.events]
        for webhook in heard if self.tells_apps_of_themselves else self.webhooks_for(event):
            self.emit_to(webhook, event, principal, {"app": app})

    def flush(self) -> None:
        """Send the events of an operation; in any order if `disorder` is set."""
        jobs, self._outbox = self._outbox, []
        if self.disorder:
            self.store.chance.shuffle(jobs)
        for job in jobs:
            self.events.put(job)

    def _deliver(self, delivery: Delivery, build: Callable[[], bytes | None], run: int) -> float | None:
        with self.store.lock:
            if not self._still_wanted(delivery, build):
                return None
        attempt = post(self, delivery, delivery.body)
        if not attempt.ok and attempt.retryable and run < len(BACKOFF):
            return BACKOFF[run] * self.retry_scale
        delivery.status = "SUCCESS" if attempt.ok else "FAILED"
        return None

    def _still_wanted(self, delivery: Delivery, build: Callable[[], bytes | None]) -> bool:
        if not delivery.body:
            body = build()
            if body is None:
                return False
            delivery.body = body
        if delivery not in self.deliveries:
            self.deliveries.append(delivery)
        webhook = delivery.webhook
        # An app still receives the event of its own removal; its other waiting events are dropped.
        own = delivery.event in LIFECYCLE and self.tells_apps_of_themselves
        if own or (webhook.is_active and webhook.app.is_active and not webhook.app.removed):
            return True
        delivery.status = "FAILED"
        return False

    def ask(
        self, name: str, app_identifier: str, principal: App | User | None, **fields: Any
    ) -> tuple[Attempt | None, Any]:
        """Send a synchronous webhook and wait for the response, releasing the store's lock in the meantime.

        Returns the attempt (None: no such webhook) and the response's JSON (None: failed, late or not JSON).
        """
        event = EventKind(name)
        webhook = next(iter(self.webhooks_for(event, app_identifier)), None)
        body = webhook and self._build_payload(self, webhook, event, fields, principal)
        if webhook is None or not body:
            return None, None
        delivery = Delivery(event.name, webhook, synchronous=True, body=body)
        self.deliveries.append(delivery)
        with self.store.lock.put_down():
            attempt = post(self, delivery, body)
        answer = attempt.parsed() if attempt.ok else None
        delivery.status = "SUCCESS" if answer is not None else "FAILED"
        return attempt, answer

    def act(self, webhook: Webhook, name: str, settle: Callable[[Any], None], **fields: Any) -> None:
        """Send a requested charge, refund or cancellation in the background; `settle` gets the response, or None.

        After a 5xx Saleor tries again with an EMPTY body, validly signed: a bug in Saleor, reproduced here.
        """
        body = self._build_payload(self, webhook, EventKind(name), fields, None)
        delivery = Delivery(name, webhook, synchronous=True, body=body or b"")
        self.deliveries.append(delivery)
        self.actions.put(partial(self._act, delivery, settle))

    def _act(self, delivery: Delivery, settle: Callable[[Any], None], run: int) -> float | None:
        attempt = post(self, delivery, delivery.body if run == 0 else b"")
        failed = attempt.status is not None and attempt.status >= 500
        if failed and run < len(BACKOFF):
            return BACKOFF[run] * self.retry_scale
        answer = None if failed else attempt.parsed()
        delivery.status = "SUCCESS" if attempt.ok and answer is not None else "FAILED"
        with self.store.lock:
            settle(answer)
            self.flush()
        return None

    def send_again(self, delivery: Delivery) -> None:
        """Send a recorded delivery again, with the same body and therefore the same signature."""

        def again(_run: int) -> None:
            attempt = post(self, delivery, delivery.body)
            delivery.status = "SUCCESS" if attempt.ok else "FAILED"

        self.events.put(again)

    def drain(self, timeout: float = 30.0) -> None:
        """Wait until no delivery is pending, retries included; TimeoutError after `timeout` seconds."""
        self.actions.drain(timeout)
        self.events.drain(timeout)

    def stop(self) -> None:
        """End the background threads."""
        self.events.stop()
        self.actions.stop()
