"""The other payments of a checkout: started in a second tab, or by a double click."""

import threading
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from saleor_stripe_audience.sandbox.demo.shopper import INITIALIZE, change
from saleor_stripe_audience.sandbox.demo.stage import APP_ID, Stage
from saleor_stripe_audience.sandbox.saleor.state import Checkout
from saleor_stripe_audience.sandbox.saleor.totals import held, total_of

from .town import PlayTown, quietly

Json = dict[str, Any]

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
CLICKS = 2


@dataclass
class Tabs:
    """Each tab is a payment: Saleor's transaction and Stripe's PaymentIntent."""

    town: PlayTown
    checkout: Checkout
    opened: list[tuple[str, str]] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)

    @classmethod
    def beside(cls, town: PlayTown, transaction: str) -> "Tabs":
        """Return tabs of the same checkout."""
        held = town.shop.host.store.transactions
        source = next(each for each in held if each.id == transaction).source
        return cls(town, cast("Checkout", source))

    def open(self) -> None:
        """Start another payment, unless nothing is left to pay."""
        self._keep(self._initialize(str(uuid.uuid4())))

    def double_click(self) -> None:
        """Send the same request twice at once: this must create one payment, and no failure while it can be paid."""
        key, answers = str(uuid.uuid4()), list[Json]()
        clicks = [
            threading.Thread(target=lambda: answers.append(self._initialize(key))) for _ in range(CLICKS)
        ]
        for click in clicks:
            click.start()
        for click in clicks:
            click.join()
        results = {
            (each["transactionEvent"]["type"], each["transactionEvent"]["pspReference"]) for each in answers
        }
        if len(answers) != CLICKS or len(results) != 1:
            self.mistakes.append(f"a double click was answered {sorted(results)}")
        self._keep(answers[0])

    def pay(self, number: int) -> None:
        """Pay in one of the tabs; Stripe refuses this for a canceled payment."""
        if self.opened:
            _, intent = self.opened[number % len(self.opened)]
            confirm = {"payment_method": "pm_card_visa", "return_url": "https://shop.example.com"}
            quietly(lambda: self.town.api.payment_intents.confirm(intent, confirm))

    def process(self, number: int) -> None:
        """Ask for the result of the payment in one of the tabs, as the storefront does."""
        if self.opened:
            self.town.process(self.opened[number % len(self.opened)][0])

    def intents(self) -> list[str]:
        """Return the PaymentIntent of every tab."""
        return [intent for _, intent in self.opened]

    def what_is_wrong(self, first: str) -> list[str]:
        """Return, in the end, sides that disagree, and payments that are open although nothing is left to pay."""
        wrong = list(self.mistakes)
        for transaction, intent in self.opened:
            host, truth = self.town.ledger(transaction), self.town.truth(intent)
            if host != truth:
                wrong.append(f"a second tab: {host} in Saleor, {truth} at Stripe")
        store = self.town.shop.host.store
        covered = held(store, self.checkout, "authorized") + held(store, self.checkout, "charged")
        table = self.town.stripe.account.table("payment_intent")
        still_open = [each for each in (first, *self.intents()) if table[each]["status"] in OPEN]
        if covered >= total_of(self.checkout) > Decimal(0) and still_open:
            wrong.append(f"{len(still_open)} open payments though {covered} are covered")
        return wrong

    def _initialize(self, key: str) -> Json:
        gateway = {"id": APP_ID, "data": None}
        return change(
            cast("Stage", self.town), INITIALIZE, None, id=self.checkout.id, gateway=gateway, key=key
        )

    def _keep(self, answer: Json) -> None:
        event = answer["transactionEvent"]
        if event["pspReference"] and (answer["transaction"]["id"], event["pspReference"]) not in self.opened:
            self.opened.append((answer["transaction"]["id"], event["pspReference"]))
