"""Why a contact is in a segment or not: the rule's tree with the result and the reason for each condition."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import singledispatchmethod
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Case, Value, When

from saleor_stripe_audience import money
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import ConsentState
from saleor_stripe_audience.audience.segments import rules
from saleor_stripe_audience.audience.segments.compile import Compiler
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.shopping.models import PaymentFact, Purchase

DAY = "%Y-%m-%d"
MINUTE = "%Y-%m-%d %H:%M UTC"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One condition: its position in the rule, its type, whether it holds for the contact, and why."""

    place: str
    type: str
    holds: bool
    because: str
    of: tuple["Explanation", ...] = ()

    def flat(self) -> Iterator["Explanation"]:
        """Yield the condition and all conditions below it, in the order of the rule."""
        yield self
        for each in self.of:
            yield from each.flat()


def explain(contact: Contact, rule: rules.Rule, now: datetime) -> Explanation:
    """Explain the result of the rule for this contact now, as the database evaluates it."""
    compiler = Compiler(contact.audience, now, only=[contact.pk])
    return _Explainer(contact, compiler).of(rule.root, "root")


@dataclass(frozen=True)
class _Explainer:
    contact: Contact
    compiler: Compiler

    def of(self, node: Any, place: str) -> Explanation:
        children = tuple(self.of(child, place + step) for step, child in rules.children(node))
        if isinstance(node, rules.All | rules.AnyOf):
            reason = f"{sum(each.holds for each in children)} of {len(children)} conditions hold"
        elif isinstance(node, rules.Not):
            reason = "the opposite of the condition below"
        else:
            reason = str(self.fact(node))
        return Explanation(place, node.type, self._holds(node), reason, children)

    def _holds(self, node: Any) -> bool:
        """Evaluate the condition with the same query that fills the segment."""
        truth = Case(When(self.compiler.condition(node), then=Value(True)), default=Value(False),
                     output_field=BooleanField())  # fmt: skip
        return bool(Contact.objects.filter(pk=self.contact.pk).values_list(truth, flat=True).get())

    @singledispatchmethod
    def fact(self, node: Any) -> str:
        """Describe the contact's data that the condition refers to."""
        raise TypeError(type(node).__name__)

    @fact.register
    def _(self, _node: rules.StatusIs) -> str:
        return f"the status is {self.contact.status}"

    @fact.register
    def _(self, _node: rules.ConsentIs) -> str:
        return f"consent is {self.contact.consent}"

    @fact.register
    def _(self, _node: rules.CountryIs) -> str:
        return f"the country is {self.contact.country}" if self.contact.country else "no country is known"

    @fact.register
    def _(self, _node: rules.LanguageIs) -> str:
        return f"the language is {self.contact.language}" if self.contact.language else "no language is known"

    @fact.register
    def _(self, node: rules.HasTag) -> str:
        row = self.contact.contact_tags.filter(tag=UUID(node.tag)).select_related("tag").first()
        return f"tagged “{row.tag}” since {row.added_at:{DAY}}" if row else "not tagged"

    @fact.register
    def _(self, node: rules.InSegment) -> str:
        segment = Segment.objects.get(audience=self.contact.audience_id, pk=UUID(node.segment))
        inner = explain(self.contact, rules.read(segment.tree), self.compiler.now)
        return f"{'matches' if inner.holds else 'does not match'} “{segment}”: {inner.because}"

    @fact.register
    def _(self, _node: rules.OrdersCount) -> str:
        return _count(self.contact.orders_count, "paid order")

    @fact.register
    def _(self, node: rules.Spent) -> str:
        if node.within is None:
            row = self.contact.spent.filter(currency=node.currency).first()
            return f"spent {_money(row.spent_minor if row else 0, node.currency)}"
        since = self.compiler.now - node.within.length
        paid = self.contact.purchases.paid().filter(currency=node.currency, placed_at__gte=since)
        spent = sum(each.charged_minor - each.refunded_minor for each in paid)
        return f"spent {_money(spent, node.currency)} on orders in the last {node.within}"

    @fact.register
    def _(self, node: rules.AverageOrder) -> str:
        row = self.contact.spent.filter(currency=node.currency).first()
        if row is None or not row.orders_count:
            return f"no paid order in {node.currency}"
        orders = _count(row.orders_count, "paid order")
        return f"spent {_money(row.spent_minor, node.currency)} in {orders}"

    @fact.register
    def _(self, _node: rules.FirstOrder) -> str:
        return self._date("first", self.contact.first_order_at)

    @fact.register
    def _(self, _node: rules.LastOrder) -> str:
        return self._date("last", self.contact.last_order_at)

    def _date(self, which: str, at: datetime | None) -> str:
        if at is None:
            return "no paid order"
        return f"the {which} order was on {at:{DAY}}, {_count((self.compiler.now - at).days, 'day')} ago"

    @fact.register
    def _(self, node: rules.Purchased) -> str:
        orders = self.compiler.purchases(node, self.contact.pk).order_by("-placed_at")
        return _orders(list(orders), "such paid order")

    @fact.register
    def _(self, node: rules.HasCart) -> str:
        cart = self.compiler.carts(node, self.contact.pk).order_by("-last_active_at").first()
        if cart is None:
            return "no such cart"
        return f"a cart of {_money(cart.total_minor, cart.currency)}, last active at {cart.last_active_at:{MINUTE}}"

    @fact.register
    def _(self, node: rules.InCart) -> str:
        cart = self.compiler.carts_with(node, self.contact.pk).order_by("-last_active_at").first()
        if cart is None:
            return "no such cart"
        return f"a cart of {_money(cart.total_minor, cart.currency)}, last changed at {cart.last_active_at:{MINUTE}}"

    @fact.register
    def _(self, node: rules.OrderedSince) -> str:
        if node.cart:
            cart = self.compiler.carts_bought_since(self.contact.pk).order_by("-last_active_at").first()
            if cart is None:
                return "no order after an abandoned cart"
            return f"ordered after the cart that was abandoned at {cart.last_active_at:{MINUTE}}"
        orders = self.compiler.placed_since(node, self.contact.pk).order_by("-placed_at")
        return _orders(list(orders), "such order")

    @fact.register
    def _(self, _node: rules.Joined) -> str:
        return f"joined on {self.contact.created_at:{DAY}}"

    @fact.register
    def _(self, _node: rules.ConsentGiven) -> str:
        event = self.compiler.effective_consents(self.contact.pk).order_by("-at").first()
        if event is None or self.contact.consent != ConsentState.CONFIRMED:
            return f"consent is {self.contact.consent}"
        return f"consent was last given on {event.at:{DAY}}"

    @fact.register
    def _(self, _node: rules.Named) -> str:
        name = f"{self.contact.first_name} {self.contact.last_name}".strip()
        return f"the name is {name}" if name else "no name is known"

    @fact.register
    def _(self, _node: rules.LivesIn) -> str:
        return f"the city is {self.contact.city}" if self.contact.city else "no city is known"

    @fact.register
    def _(self, node: rules.HasAttribute) -> str:
        row = self.contact.attributes.filter(key=node.key).exclude(value="").first()
        return f"{node.key} is {row.value}" if row else f"{node.key} is not set"

    @fact.register
    def _(self, node: rules.PaymentDeclined) -> str:
        return _facts(list(self.compiler.declines(node, self.contact.pk).order_by("-at")), "declined payment")

    @fact.register
    def _(self, node: rules.Disputed) -> str:
        return _facts(list(self.compiler.disputes(node, self.contact.pk).order_by("-at")), "dispute")

    @fact.register
    def _(self, node: rules.Refunded) -> str:
        return _orders(
            list(self.compiler.refunded(node, self.contact.pk).order_by("-placed_at")), "refunded order"
        )

    @fact.register
    def _(self, node: rules.UsedVoucher) -> str:
        orders = self.compiler.with_voucher(node, self.contact.pk).order_by("-placed_at")
        return _orders(list(orders), "paid order with such a voucher")


def _orders(orders: list[Purchase], name: str) -> str:
    if not orders:
        return f"no {name}"
    newest = orders[0]
    number = newest.number or newest.saleor_order_id
    return f"{_count(len(orders), name)}, the latest is {number} of {newest.placed_at:{DAY}}"


def _facts(facts: list[PaymentFact], name: str) -> str:
    if not facts:
        return f"no such {name}"
    code = f" ({facts[0].code})" if facts[0].code else ""
    return f"{_count(len(facts), name)}, the latest on {facts[0].at:{DAY}}{code}"


def _count(number: int, name: str) -> str:
    noun, _, rest = name.partition(" order")
    plural = f"{noun} orders{rest}" if " order" in name else f"{name}s"
    return f"{number} {name if number == 1 else plural}"


def _money(minor: int, currency: str) -> str:
    return str(money.from_minor(minor, currency))
