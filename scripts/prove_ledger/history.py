"""One payment's history: a list of moves is played, all events are delivered, and both sides are compared."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .tabs import Tabs
from .town import Amounts, PlayTown, quietly
from .trouble import Trouble

Json = dict[str, Any]
Move = tuple[str, int]  # what happens, and a number from 0 to 99 for how much or which one

REPLAYED_TO = (
    "TRANSACTION_REFUND_REQUESTED",
    "TRANSACTION_CHARGE_REQUESTED",
    "TRANSACTION_CANCELATION_REQUESTED",
    "TRANSACTION_PROCESS_SESSION",
)
DOUBLED = 0.3  # of all events
PAID_LATER = ("customer_balance", "us_bank_account")  # methods available in dollars
OF_TABS = frozenset({"second_tab", "double_click", "pay_in_tab", "process_tab"})
FLOWS = ("CHARGE", "AUTHORIZATION")
CARDS = (
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_createDispute",
    "pm_usBankAccount_success",
)


@dataclass(frozen=True)
class Disagreement:
    """A history after which Saleor's ledger disagrees with Stripe, or in which a replayed body moved money."""

    flow: str
    moves: Sequence[Move]
    host: Amounts
    stripe: Amounts
    moved: str = ""
    of_tabs: Sequence[str] = ()
    lost: str = ""


@dataclass
class Player:
    """Plays the moves of one payment."""

    town: PlayTown
    transaction: str
    intent: str
    delivered: set[str] = field(default_factory=set)
    moved_by_replay: str = ""
    tabs: Tabs = field(init=False)
    trouble: Trouble = field(init=False)

    def __post_init__(self) -> None:
        self.tabs = Tabs.beside(self.town, self.transaction)
        self.trouble = Trouble(self.town, self.intent)

    def play(self, move: Move) -> None:
        """Make one move; if it is impossible in this state, it is refused and nothing happens."""
        name, number = move
        if self.trouble.is_dead and name in OF_TABS:
            return  # second tabs without a valid key are not tested here
        _MOVES[name](self, number)

    def edit_metadata(self, number: int) -> None:
        self.trouble.edit_metadata(number)

    def plant_foreign(self, number: int) -> None:
        self.trouble.plant(number)

    def lose_key(self, _: int) -> None:
        self.trouble.lose_key()

    def deliver_everything(self, seed: int) -> None:
        """Deliver all of Stripe's events, some twice, in any order: Stripe repeats each one until it is accepted."""
        for _ in range(3):
            self.town.stripe.drain()
            waiting = self._events()
            chance = random.Random(seed)
            doubled = waiting + [each for each in waiting if chance.random() < DOUBLED]
            chance.shuffle(doubled)
            for event in doubled:
                self._deliver(event)
            self.town.work()

    def pay(self, number: int) -> None:
        confirm = {"payment_method": CARDS[number % len(CARDS)], "return_url": "https://shop.example.com"}
        quietly(lambda: self.town.api.payment_intents.confirm(self.intent, confirm))

    def take_voucher(self, number: int) -> None:
        """Let the shopper pay later: by bank transfer, or from an account that microdeposits verify first."""
        kind = PAID_LATER[number % len(PAID_LATER)]
        confirm: Json = {
            "payment_method_data": {"type": kind},
            "payment_method_options": {"us_bank_account": {"verification_method": "microdeposits"}},
            "return_url": "https://shop.example.com",
        }
        quietly(lambda: self.town.api.payment_intents.confirm(self.intent, confirm))

    def pay_voucher(self, number: int) -> None:
        amount = None if number % 3 else 1 + number
        quietly(lambda: self.town.stripe.pay_voucher(self.intent, amount))

    def expire_voucher(self, _: int) -> None:
        quietly(lambda: self.town.stripe.expire_voucher(self.intent))

    def process(self, _: int) -> None:
        self.town.process(self.transaction)

    def staff_charge(self, number: int) -> None:
        self.town.ask(self.transaction, "CHARGE", self._part("amount_capturable", number))

    def staff_refund(self, number: int) -> None:
        self.town.ask(self.transaction, "REFUND", self._part("amount_received", number))

    def staff_cancel(self, _: int) -> None:
        self.town.ask(self.transaction, "CANCEL", None)

    def stripe_refund(self, number: int) -> None:
        amount = round(self._part("amount_received", number) * 100)
        quietly(lambda: self.town.api.refunds.create({"payment_intent": self.intent, "amount": amount}))

    def stripe_capture(self, number: int) -> None:
        amount = round(self._part("amount_capturable", number) * 100)
        params: Json = {"amount_to_capture": amount, "final_capture": number % 2 == 0}
        quietly(lambda: self.town.api.payment_intents.capture(self.intent, params))

    def stripe_cancel(self, _: int) -> None:
        quietly(lambda: self.town.api.payment_intents.cancel(self.intent))

    def settle_debit(self, number: int) -> None:
        if self._intent()["status"] == "processing":
            self.town.stripe.end_processing(self.intent, ok=number % 2 == 0)

    def fail_refund(self, number: int) -> None:
        charge = self._intent()["latest_charge"]
        refunds = self.town.stripe.account.table("refund").values()
        standing = [
            each
            for each in refunds
            if each["charge"] == charge and each["status"] == "succeeded" and each["balance_transaction"]
        ]
        if standing:
            quietly(lambda: self.town.stripe.end_refund(standing[number % len(standing)]["id"], ok=False))

    def dispute(self, number: int) -> None:
        """Dispute all or a part, in the payment's currency or in one of two others, or open an inquiry."""
        intent = self._intent()
        charge = self.town.stripe.account.table("charge").get(intent["latest_charge"] or "")
        if charge and charge["captured"] and not charge["disputed"] and intent["amount_received"]:
            amount = max(1, intent["amount_received"] * (number % 10 + 1) // 10)
            currency = ("", "eur", "jpy")[number % 3]
            self.town.stripe.open_dispute(charge["id"], amount, currency=currency, inquiry=number % 4 == 2)

    def escalate(self, _: int) -> None:
        """Turn an inquiry into a dispute."""
        for dispute in list(self.town.stripe.account.table("dispute").values()):
            if dispute["charge"] == self._intent()["latest_charge"]:
                quietly(partial(self.town.stripe.escalate_inquiry, dispute["id"]))

    def reinstate(self, number: int) -> None:
        """Return a part of what a dispute withdrew, while the dispute is open."""
        for dispute in self._open_disputes():
            withdrawn = -sum(each["amount"] for each in dispute["balance_transactions"])
            self.town.stripe.reinstate_dispute(dispute["id"], max(1, withdrawn * number // 100))

    def end_dispute(self, number: int) -> None:
        for dispute in self._open_disputes():
            withdrawn = -sum(each["amount"] for each in dispute["balance_transactions"])
            back = withdrawn * number // 100 if number % 4 == 1 else None
            self.town.stripe.end_dispute(dispute["id"], "won" if number % 2 else "lost", back)

    def overcapture(self, number: int) -> None:
        amount = self._intent()["amount_capturable"] * (100 + number) // 100
        quietly(lambda: self.town.stripe.overcapture(self.intent, amount))

    def replay(self, number: int) -> None:
        """Post a captured signed body again, after Stripe has removed its idempotency key, or to another endpoint."""
        captured = self.town.captured(self.transaction)
        delivery = captured[number % len(captured)]
        elsewhere = REPLAYED_TO[number % len(REPLAYED_TO)]
        event = delivery.event if number % 2 else elsewhere
        before = self.town.truth(self.intent)
        if number % 3:
            self.town.stripe.forget_keys()
        self.town.replay(delivery, event)
        after = self.town.truth(self.intent)
        if before != after:
            self.moved_by_replay = f"{delivery.event} at the address of {event} moved {before} to {after}"

    def second_tab(self, _: int) -> None:
        self.tabs.open()

    def double_click(self, _: int) -> None:
        self.tabs.double_click()

    def pay_in_tab(self, number: int) -> None:
        self.tabs.pay(number)

    def process_tab(self, number: int) -> None:
        self.tabs.process(number)

    def deliver_some(self, number: int) -> None:
        """Deliver some of Stripe's events, in random order, perhaps again."""
        self.town.stripe.drain()
        events = self._events()
        chance = random.Random(number)
        for event in chance.sample(events, k=min(len(events), 1 + number % 3)):
            self._deliver(event)
        self.town.work()

    def _intent(self) -> Json:
        found: Json = self.town.stripe.account.table("payment_intent")[self.intent]
        return found

    def _open_disputes(self) -> list[Json]:
        """Return the undecided disputes of this payment that withdrew money and have not returned all of it."""
        charge = self._intent()["latest_charge"]
        return [
            each
            for each in self.town.stripe.account.table("dispute").values()
            if each["charge"] == charge
            and each["status"] in ("needs_response", "under_review")
            and sum(entry["amount"] for entry in each["balance_transactions"]) < 0
        ]

    def _part(self, of: str, number: int) -> float:
        """Return a part of the amount, or a little more than all of it, which is refused."""
        return max(1, round(int(self._intent()[of]) * (number + 5) / 100)) / 100

    def _events(self) -> list[Json]:
        """Return all of Stripe's events of this payment."""
        return [each for each in self.town.stripe.events() if self._is_ours(each["data"]["object"])]

    def _is_ours(self, item: Json) -> bool:
        named = (item.get("id"), item.get("payment_intent"))
        return any(each in named for each in (self.intent, *self.tabs.intents(), *self.trouble.foreign))

    def _deliver(self, event: Json) -> None:
        self.town.deliver(event)
        self.delivered.add(event["id"])


_MOVES: dict[str, Callable[[Player, int], None]] = {
    name: getattr(Player, name)
    for name in (
        "pay", "process", "staff_charge", "staff_refund", "staff_cancel", "stripe_refund", "stripe_capture",
        "stripe_cancel", "settle_debit", "fail_refund", "dispute", "escalate", "end_dispute", "deliver_some",
        "reinstate", "overcapture", "take_voucher", "pay_voucher", "expire_voucher",
        "second_tab", "double_click", "pay_in_tab", "process_tab", "edit_metadata", "plant_foreign", "lose_key",
    )
}  # fmt: skip
MOVES = tuple(_MOVES)


def played(town: PlayTown, flow: str, moves: Sequence[Move], seed: int = 0) -> Disagreement | None:
    """Play the moves on a new payment; return None if both sides agree in the end."""
    player = Player(town, *town.begin(flow))
    for move in moves:
        player.play(move)
    _come_to_rest(player)
    lost = player.trouble.replace_key()
    player.deliver_everything(seed)
    host, truth = town.ledger(player.transaction), town.truth(player.intent)
    of_tabs = player.tabs.what_is_wrong(player.intent)
    if host == truth and not player.moved_by_replay and not of_tabs and not lost:
        return None
    return Disagreement(flow, moves, host, truth, player.moved_by_replay, of_tabs, lost)


def _come_to_rest(player: Player) -> None:
    """End a pending debit."""
    player.town.stripe.drain()
    player.settle_debit(0)
    player.town.stripe.drain()


def random_history(chance: random.Random) -> tuple[str, list[Move]]:
    """Return a history that starts with a payment, because nothing can follow without one."""
    moves = [(chance.choice(MOVES), chance.randrange(100)) for _ in range(chance.randint(2, 9))]
    return chance.choice(FLOWS), [("pay", chance.randrange(100)), *moves]
