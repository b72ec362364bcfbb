"""The stand-in's accounts, and everything that can happen to them outside the API."""

import hashlib
import itertools
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Self

from . import (
    cash_balances,
    confirming,
    connect,
    disputes,
    keys,
    payment_intents,
    refunds,
    reviews,
    setup_intents,
)
from .account import shown
from .errors import missing
from .faults import Fault, Faults
from .outbox import Attempt, Deliveries, Schedule
from .requests import RequestLog
from .state import Account, Call, Job, Json, snapshot

PUBLISHABLE_KEY = "pk_test_sandbox"
SECRET_KEY = "sk_test_sandbox"
RESTRICTED_KEY = "rk_test_sandbox"


class Operator:
    """The accounts in memory, and what only a sandbox can do: open disputes, advance time, lose webhooks.

    `webhook_retry_seconds`: the pause after the first failed delivery. `later_seconds`: the delay of what Stripe does
    "some time later", such as failing a refund or booking a balance transaction. `clock`: seconds since 1970, for
    everything except signatures.
    """

    def __init__(
        self,
        webhook_retry_seconds: float = 1.0,
        clock: Callable[[], float] = time.time,
        later_seconds: float = 0.05,
    ) -> None:
        self.accounts: dict[str, Account] = {}
        self.faults = Faults()
        self.log = RequestLog()
        self.base_url = ""
        self._lock = threading.RLock()
        self._clock = clock
        self._shift = 0.0
        self._later_seconds = later_seconds
        self._schedule = Schedule()
        self._deliveries = Deliveries(self._schedule, self._lock, webhook_retry_seconds)
        self.account = self.create_account("Sandbox Shop", PUBLISHABLE_KEY, SECRET_KEY)
        self.add_key(self.account, RESTRICTED_KEY)

    def create_account(
        self,
        name: str,
        publishable_key: str,
        secret_key: str,
        scopes: Iterable[str] | None = None,
        livemode: bool = False,
        *,
        country: str = "US",
        default_currency: str = "usd",
        platform: bool = False,
    ) -> Account:
        """Create an account. `scopes` limit its secret key, e.g. ["payment_intent_write", "charge_read"]; a `platform`
        can create accounts and act for them.
        """
        mark = hashlib.sha256(publishable_key.encode()).hexdigest()[:16]
        account = Account(f"acct_{mark}", name, int(self.now()), livemode, country, default_currency)
        account.is_platform = platform
        with self._lock:
            self.accounts[account.id] = account
        self.add_key(account, publishable_key)
        self.add_key(account, secret_key, scopes)
        return account

    def add_key(self, account: Account, text: str, scopes: Iterable[str] | None = None) -> None:
        """Add a key to the account, or change the scopes of an existing one; a revoked one becomes valid again."""
        with self._lock:
            account.revoked.discard(text)
            account.keys[text] = keys.make_key(text, scopes)

    def revoke_key(self, text: str) -> None:
        """Revoke the key: from now on it gets 401 api_key_expired."""
        with self._lock:
            for account in self.accounts.values():
                if text in account.keys:
                    account.revoked.add(text)

    def now(self) -> float:
        """The sandbox's time, in seconds since 1970."""
        return self._clock() + self._shift

    def advance(self, seconds: float) -> None:
        """Advance the time: authorizations expire after 7 days, vouchers when they are due; idempotency keys are
        removed after a day, and events after 30 days.
        """
        with self._lock:
            self._shift += seconds
            for account in self.accounts.values():
                payment_intents.lapse(self.call(account))

    def forget_keys(self) -> None:
        """Forget idempotency keys, as after a day, and change nothing else."""
        with self._lock:
            for account in self.accounts.values():
                account.answers.forget_all()

    def add_fault(self, match: str, **fields: Any) -> None:
        """Add a Fault, such as "POST /v1/refunds" with drop_connection=True, after_effect=True."""
        self.faults.add(Fault(match=match, **fields))

    def drain(self, timeout: float = 10.0) -> bool:
        """Wait until every webhook is delivered and nothing is scheduled; False after `timeout` seconds."""
        return self._schedule.drain(timeout)

    def close(self) -> None:
        """Stop: nothing more is sent or done."""
        self._schedule.close()

    def lose_webhooks(self, losing: bool = True) -> None:
        """From now on, record events without sending them (or, with False, send them again)."""
        self._deliveries.losing = losing

    def redeliver(self, event_id: str, endpoint_id: str | None = None) -> int:
        """Send an event again, to the endpoints that subscribe to it or to the given one; return their number."""
        with self._lock:
            account, event = self._find("event", event_id)
            return self._deliveries.send(account, event, endpoint_id)

    def deliveries(self) -> list[Attempt]:
        """Every attempt to deliver an event so far."""
        with self._lock:
            return list(self._deliveries.attempts)

    def events(self, kind: str | None = None) -> list[Json]:
        """Every event of all accounts, oldest first, or those of one type."""
        with self._lock:
            tables = [account.table("event").values() for account in self.accounts.values()]
            return [event for event in itertools.chain(*tables) if kind in (None, event["type"])]

    def open_dispute(
        self,
        charge_or_intent: str,
        amount: int | None = None,
        reason: str = "fraudulent",
        *,
        currency: str = "",
        inquiry: bool = False,
    ) -> Json:
        """The shopper's bank disputes a payment, or first makes an inquiry. `amount` is in the payment's smallest unit;
        the default is all of it. `currency`: that of the dispute, if it is not the payment's.
        """
        with self._lock:
            account, charge = self._charge(charge_or_intent)
            call = self.call(account)
            disputed = amount or charge["amount_captured"] or charge["amount"]
            return disputes.open_dispute(call, charge, disputed, reason, inquiry=inquiry, currency=currency)

    def escalate_inquiry(self, dispute_id: str) -> Json:
        """The bank's inquiry becomes a dispute."""
        with self._lock:
            account, dispute = self._find("dispute", dispute_id)
            return disputes.escalate(self.call(account), dispute)

    def reinstate_dispute(self, dispute_id: str, amount: int) -> Json:
        """Return a part while the dispute is open; `amount` is in the smallest unit of the account's balance."""
        with self._lock:
            account, dispute = self._find("dispute", dispute_id)
            return disputes.reinstate(self.call(account), dispute, amount)

    def end_dispute(self, dispute_id: str, outcome: str, amount: int | None = None) -> Json:
        """`outcome`: won or lost. If won, `amount` (smallest unit of the account's balance) comes back, or all."""
        with self._lock:
            account, dispute = self._find("dispute", dispute_id)
            return disputes.end(self.call(account), dispute, outcome, amount)

    def overcapture(self, intent_id: str, amount: int) -> Json:
        """Capture more than was held, as for a tip, in Stripe's Dashboard."""
        with self._lock:
            account, intent = self._find("payment_intent", intent_id)
            return payment_intents.overcapture(self.call(account), intent, amount)

    def ask_until(self, dispute_id: str, due_by: int) -> Json:
        """The bank changes the time (seconds since 1970) by which to respond to the dispute."""
        with self._lock:
            account, dispute = self._find("dispute", dispute_id)
            return disputes.set_due_by(self.call(account), dispute, due_by)

    def open_review(self, charge_or_intent: str, reason: str = "rule") -> Json:
        """Radar puts a payment under review."""
        with self._lock:
            account, charge = self._charge(charge_or_intent)
            return reviews.open_review(self.call(account), charge, reason)

    def close_review(self, review_id: str, reason: str = "approved") -> Json:
        """Close the review: `reason` is Stripe's closed_reason."""
        with self._lock:
            account, review = self._find("review", review_id)
            return reviews.close(self.call(account), review, reason)

    def restrict(self, account: Account, restricted: bool = True) -> None:
        """Stripe stops the account's payments until it gets documents (or, with False, allows them again)."""
        with self._lock:
            before = snapshot(shown(account))
            account.is_restricted = restricted
            self.call(account).emit("account.updated", shown(account), before)

    def hold_refund(self, refund_id: str, reason: str = "insufficient_funds") -> Json:
        """Keep a refund pending: `reason` is Stripe's pending_reason."""
        with self._lock:
            account, refund = self._find("refund", refund_id)
            return refunds.hold(self.call(account), refund, reason)

    def end_refund(self, refund_id: str, *, ok: bool) -> Json:
        """A pending refund succeeds, or any refund fails after all."""
        with self._lock:
            account, refund = self._find("refund", refund_id)
            act = refunds.succeed if ok else refunds.fail
            return act(self.call(account), refund)

    def end_processing(self, intent_id: str, *, ok: bool) -> Json:
        """A processing debit succeeds or is returned."""
        with self._lock:
            account, intent = self._find("payment_intent", intent_id)
            return confirming.end_processing(self.call(account), intent, ok)

    def pay_voucher(self, intent_id: str, amount: int | None = None) -> Json:
        """Pay a voucher or QR code, confirm microdeposits, or send a bank transfer of `amount` (smallest unit)."""
        with self._lock:
            account, intent = self._find("payment_intent", intent_id)
            return confirming.receive_payment(self.call(account), intent, amount)

    def transfer(self, customer_id: str, currency: str, amount: int) -> None:
        """A bank transfer arrives for a Customer, without a reference that names a payment."""
        with self._lock:
            account, customer = self._find("customer", customer_id)
            confirming.receive_transfer(self.call(account), customer["id"], currency, amount)

    def send_back(self, customer_id: str, currency: str, amount: int | None = None) -> Json:
        """Send back a Customer's cash balance, or `amount` of it, as on the Customer's page in Stripe's Dashboard."""
        with self._lock:
            account, customer = self._find("customer", customer_id)
            return cash_balances.send_back(self.call(account), customer["id"], currency, amount)

    def sweep(self, customer_id: str, currency: str) -> Json:
        """Move a Customer's cash balance to the account's balance, as Stripe does after 90 days if it cannot return
        it.
        """
        with self._lock:
            account, customer = self._find("customer", customer_id)
            return cash_balances.sweep(self.call(account), customer["id"], currency)

    def expire_voucher(self, intent_id: str) -> Json:
        """Let the voucher or QR code expire now."""
        with self._lock:
            account, intent = self._find("payment_intent", intent_id)
            return confirming.expire(self.call(account), intent)

    def authenticate(self, intent_id: str, *, ok: bool = True) -> Json:
        """The shopper completes (or fails) 3-D Secure or a redirect; for PaymentIntents and SetupIntents."""
        table = "setup_intent" if intent_id.startswith("seti_") else "payment_intent"
        act = (
            setup_intents.finish_authentication
            if table == "setup_intent"
            else confirming.finish_authentication
        )
        with self._lock:
            account, intent = self._find(table, intent_id)
            return act(self.call(account), intent, ok)

    def onboard(self, account_id: str, outcome: str) -> Json:
        """Set the result of the hosted onboarding: complete, review, restrict or reject. Returns the account."""
        with self._lock:
            account = connect.find_connected(self.accounts, account_id)
            return connect.advance_onboarding(self.call(account), outcome)

    def deauthorize(self, account_id: str) -> None:
        """The account's owner disconnects it from the platform."""
        with self._lock:
            connect.deauthorize(self.call(connect.find_connected(self.accounts, account_id)))

    # Only the stand-in's own modules use the following.

    @property
    def lock(self) -> threading.RLock:
        """The lock to hold while reading or changing objects."""
        return self._lock

    def call(self, account: Account, **fields: Any) -> Call:
        """Return a call on the account, at the sandbox's time."""
        return Call(account, int(self.now()), self, self.base_url, accounts=self.accounts, **fields)

    def send(self, account: Account, event: Json) -> None:
        """Deliver an event to the account's endpoints."""
        self._deliveries.send(account, event)

    def later(self, account: Account, job: Job) -> None:
        """Run a job after `later_seconds`, under the lock."""

        def run() -> None:
            with self._lock:
                job(self.call(account))

        self._schedule.add(run, self._later_seconds)

    def find(self, table: str, identifier: str) -> Json:
        """Return an object of any account, for the sandbox's own endpoints; 404 if there is none."""
        with self._lock:
            return self._find(table, identifier)[1]

    def _charge(self, identifier: str) -> tuple[Account, Json]:
        if identifier.startswith("pi_"):
            intent = self._find("payment_intent", identifier)[1]
            identifier = intent["latest_charge"] or identifier
        return self._find("charge", identifier)

    def _find(self, table: str, identifier: str) -> tuple[Account, Json]:
        for account in self.accounts.values():
            if identifier in account.table(table):
                return account, account.table(table)[identifier]
        raise missing(table, identifier, "id", 404)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
