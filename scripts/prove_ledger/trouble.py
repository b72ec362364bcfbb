"""What can happen to a payment from outside: a key revoked for 45 days, edited metadata, a payment with its id."""

from dataclasses import dataclass, field
from typing import Any

from saleor_stripe_audience.gateway import trouble
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.models import Handling
from saleor_stripe_audience.payments.reconcile import compare
from saleor_stripe_audience.sandbox.stripe import SECRET_KEY

from .town import PlayTown, quietly

Json = dict[str, Any]

DEAD = "sk_test_dead"
EDITS: tuple[Any, ...] = (
    "",
    {"saleor_transaction": "VHJhbnNhY3Rpb25JdGVtOjE="},
    {"saleor_flow": "CHARGE"},
    {"saleor_flow": "AUTHORIZATION", "saleor_installation": ""},
)


@dataclass
class Trouble:
    """The troubles of one payment."""

    town: PlayTown
    intent: str
    foreign: list[str] = field(default_factory=list)
    is_dead: bool = False

    def edit_metadata(self, number: int) -> None:
        """Edit or empty the metadata, as in Stripe's Dashboard."""
        changed = {"metadata": EDITS[number % len(EDITS)]}
        quietly(lambda: self.town.api.payment_intents.update(self.intent, changed))

    def plant(self, number: int) -> None:
        """Create another payment with the same metadata."""
        made_for = self.town.stripe.account.table("payment_intent")[self.intent]
        paid: Json = {
            "amount": made_for["amount"],
            "currency": ("usd", "pln")[number % 2],
            "confirm": True,
            "payment_method": "pm_card_visa",
            "return_url": "https://shop.example.com",
            "metadata": dict(made_for["metadata"]),
        }
        self.foreign.append(self.town.api.payment_intents.create(paid).id)

    def lose_key(self) -> None:
        """Revoke the app's key."""
        self.is_dead = True
        StripeAccount.objects.filter(pk=self.town.account.pk).update(secret_key=DEAD)

    def replace_key(self) -> str:
        """Replace the key 45 days later, when Stripe no longer has the events. Return what is wrong."""
        if not self.is_dead:
            return ""
        self.is_dead = False
        self.town.work()
        events = self.town.stripe.account.table("event")
        for name in [key for key, each in events.items() if self._is_named_by(each["data"]["object"])]:
            del events[name]
        account = StripeAccount.objects.get(pk=self.town.account.pk)
        account.secret_key = SECRET_KEY
        account.save(update_fields=["secret_key"])
        trouble.end(account)
        self.town.work()
        compare(account.installation, account, self.intent)
        given_up = Handling.objects.filter(
            given_up_at__isnull=False, event__payload__data__object__id=self.intent
        )
        return "an event was given up" if given_up.exists() else ""

    def _is_named_by(self, item: Json) -> bool:
        return self.intent in (item.get("id"), item.get("payment_intent"))
