"""Why a contact is in a segment or not: the rule's tree with the result and the reason for each condition."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import singledispatchmethod
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Case, Value, When
from django.utils import dateformat
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import get_language, npgettext_lazy, pgettext_lazy

from saleor_stripe_audience import money
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import ConsentState, Status
from saleor_stripe_audience.audience.segments import rules
from saleor_stripe_audience.audience.segments.compile import Compiler
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.shopping.models import PaymentFact, Purchase
from saleor_stripe_audience.wording import ENGLISH, FRENCH, language_of, with_values

# English is read by developers too, in whose programs this is the way to write a day.
DAY = {ENGLISH: "Y-m-d", FRENCH: "d/m/Y"}
MINUTE = {ENGLISH: "Y-m-d H:i \\U\\T\\C", FRENCH: "d/m/Y H:i \\U\\T\\C"}

Fact = str | Promise  # what is shown, before translation

NO_CART = pgettext_lazy("staff", "no such cart")
STATUSES: dict[str, Fact] = {
    Status.NONSUBSCRIBED: pgettext_lazy("staff", "nonsubscribed"),
    Status.PENDING: pgettext_lazy("staff", "pending"),
    Status.SUBSCRIBED: pgettext_lazy("staff", "subscribed"),
    Status.UNSUBSCRIBED: pgettext_lazy("staff", "unsubscribed"),
    Status.CLEANED: pgettext_lazy("staff", "undeliverable"),
    Status.ARCHIVED: pgettext_lazy("staff", "archived"),
}
CONSENTS: dict[str, Fact] = {
    ConsentState.UNKNOWN: pgettext_lazy("staff", "unknown"),
    ConsentState.PENDING: pgettext_lazy("staff", "pending"),
    ConsentState.CONFIRMED: pgettext_lazy("staff", "confirmed"),
    ConsentState.WITHDRAWN: pgettext_lazy("staff", "withdrawn"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or a minute of it, as each language writes it."""

    at: datetime
    formats: Mapping[str, str]

    def localized(self) -> str:
        language = language_of(get_language() or ENGLISH)
        return dateformat.format(self.at.astimezone(UTC), self.formats[language])


@dataclass(frozen=True, slots=True)
class Explanation:
    """One condition: its position in the rule, its type, whether it holds for the contact, and why."""

    place: str
    type: str
    holds: bool
    because: "Fact"
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
        reason: Fact
        if isinstance(node, rules.All | rules.AnyOf):
            reason = with_values(
                pgettext_lazy("staff", "{count} of {all} conditions are met"),
                count=sum(each.holds for each in children),
                all=len(children),
            )
        elif isinstance(node, rules.Not):
            reason = pgettext_lazy("staff", "the opposite of the condition below")
        else:
            reason = self.fact(node)
        return Explanation(place, node.type, self._holds(node), reason, children)

    def _holds(self, node: Any) -> bool:
        """Evaluate the condition with the same query that fills the segment."""
        truth = Case(When(self.compiler.condition(node), then=Value(True)), default=Value(False),
                     output_field=BooleanField())  # fmt: skip
        return bool(Contact.objects.filter(pk=self.contact.pk).values_list(truth, flat=True).get())

    @singledispatchmethod
    def fact(self, node: Any) -> Fact:
        """Describe the contact's data that the condition refers to."""
        raise TypeError(type(node).__name__)

    @fact.register
    def _(self, _node: rules.StatusIs) -> Fact:
        return with_values(
            pgettext_lazy("staff", "the status is {status}"), status=STATUSES[self.contact.status]
        )

    @fact.register
    def _(self, _node: rules.ConsentIs) -> Fact:
        return self._consent()

    def _consent(self) -> Fact:
        return with_values(pgettext_lazy("staff", "consent is {state}"), state=CONSENTS[self.contact.consent])

    @fact.register
    def _(self, _node: rules.CountryIs) -> Fact:
        if not self.contact.country:
            return pgettext_lazy("staff", "no country is known")
        return with_values(pgettext_lazy("staff", "the country is {country}"), country=self.contact.country)

    @fact.register
    def _(self, _node: rules.LanguageIs) -> Fact:
        if not self.contact.language:
            return pgettext_lazy("staff", "no language is known")
        return with_values(
            pgettext_lazy("staff", "the language is {language}"), language=self.contact.language
        )

    @fact.register
    def _(self, node: rules.HasTag) -> Fact:
        row = self.contact.contact_tags.filter(tag=UUID(node.tag)).select_related("tag").first()
        if row is None:
            return pgettext_lazy("staff", "not tagged")
        since = Moment(row.added_at, DAY)
        return with_values(
            pgettext_lazy("staff", "tagged “{tag}” since {since}"), tag=row.tag.name, since=since
        )

    @fact.register
    def _(self, node: rules.InSegment) -> Fact:
        segment = Segment.objects.get(audience=self.contact.audience_id, pk=UUID(node.segment))
        inner = explain(self.contact, rules.read(segment.tree), self.compiler.now)
        message = (
            pgettext_lazy("staff", "matches “{segment}”: {because}")
            if inner.holds
            else pgettext_lazy("staff", "does not match “{segment}”: {because}")
        )
        return with_values(message, segment=segment.name, because=inner.because)

    @fact.register
    def _(self, _node: rules.OrdersCount) -> Fact:
        return _paid_orders(self.contact.orders_count)

    @fact.register
    def _(self, node: rules.Spent) -> Fact:
        if node.within is None:
            row = self.contact.spent.filter(currency=node.currency).first()
            spent = _money(row.spent_minor if row else 0, node.currency)
            return with_values(pgettext_lazy("staff", "spent {amount}"), amount=spent)
        since = self.compiler.now - node.within.length
        paid = self.contact.purchases.paid().filter(currency=node.currency, placed_at__gte=since)
        minor = sum(each.charged_minor - each.refunded_minor for each in paid)
        return with_values(
            pgettext_lazy("staff", "spent {amount} on orders in the last {span}"),
            amount=_money(minor, node.currency),
            span=_span(node.within),
        )

    @fact.register
    def _(self, node: rules.AverageOrder) -> Fact:
        row = self.contact.spent.filter(currency=node.currency).first()
        if row is None or not row.orders_count:
            return with_values(pgettext_lazy("staff", "no paid order in {currency}"), currency=node.currency)
        return with_values(
            pgettext_lazy("staff", "spent {amount} in {orders}"),
            amount=_money(row.spent_minor, node.currency),
            orders=_paid_orders(row.orders_count),
        )

    @fact.register
    def _(self, _node: rules.FirstOrder) -> Fact:
        message = pgettext_lazy("staff", "the first order was on {day}, {ago} ago")
        return self._date(message, self.contact.first_order_at)

    @fact.register
    def _(self, _node: rules.LastOrder) -> Fact:
        message = pgettext_lazy("staff", "the last order was on {day}, {ago} ago")
        return self._date(message, self.contact.last_order_at)

    def _date(self, message: Fact, at: datetime | None) -> Fact:
        if at is None:
            return pgettext_lazy("staff", "no paid order")
        return with_values(message, day=Moment(at, DAY), ago=_days((self.compiler.now - at).days))

    @fact.register
    def _(self, node: rules.Purchased) -> Fact:
        orders = self.compiler.purchases(node, self.contact.pk).order_by("-placed_at")
        return _orders(list(orders), _such_paid_orders, pgettext_lazy("staff", "no such paid order"))

    @fact.register
    def _(self, node: rules.HasCart) -> Fact:
        cart = self.compiler.carts(node, self.contact.pk).order_by("-last_active_at").first()
        if cart is None:
            return NO_CART
        return with_values(
            pgettext_lazy("staff", "a cart of {amount}, last active at {at}"),
            amount=_money(cart.total_minor, cart.currency),
            at=Moment(cart.last_active_at, MINUTE),
        )

    @fact.register
    def _(self, node: rules.InCart) -> Fact:
        cart = self.compiler.carts_with(node, self.contact.pk).order_by("-last_active_at").first()
        if cart is None:
            return NO_CART
        return with_values(
            pgettext_lazy("staff", "a cart of {amount}, last changed at {at}"),
            amount=_money(cart.total_minor, cart.currency),
            at=Moment(cart.last_active_at, MINUTE),
        )

    @fact.register
    def _(self, node: rules.OrderedSince) -> Fact:
        if node.cart:
            cart = self.compiler.carts_bought_since(self.contact.pk).order_by("-last_active_at").first()
            if cart is None:
                return pgettext_lazy("staff", "no order after an abandoned cart")
            message = pgettext_lazy("staff", "ordered after the cart that was abandoned at {at}")
            return with_values(message, at=Moment(cart.last_active_at, MINUTE))
        orders = self.compiler.placed_since(node, self.contact.pk).order_by("-placed_at")
        return _orders(list(orders), _such_orders, pgettext_lazy("staff", "no such order"))

    @fact.register
    def _(self, _node: rules.Joined) -> Fact:
        return with_values(
            pgettext_lazy("staff", "joined on {day}"), day=Moment(self.contact.created_at, DAY)
        )

    @fact.register
    def _(self, _node: rules.ConsentGiven) -> Fact:
        event = self.compiler.effective_consents(self.contact.pk).order_by("-at").first()
        if event is None or self.contact.consent != ConsentState.CONFIRMED:
            return self._consent()
        return with_values(
            pgettext_lazy("staff", "consent was last given on {day}"), day=Moment(event.at, DAY)
        )

    @fact.register
    def _(self, _node: rules.Named) -> Fact:
        name = f"{self.contact.first_name} {self.contact.last_name}".strip()
        if not name:
            return pgettext_lazy("staff", "no name is known")
        return with_values(pgettext_lazy("staff", "the name is {name}"), name=name)

    @fact.register
    def _(self, _node: rules.LivesIn) -> Fact:
        if not self.contact.city:
            return pgettext_lazy("staff", "no city is known")
        return with_values(pgettext_lazy("staff", "the city is {city}"), city=self.contact.city)

    @fact.register
    def _(self, node: rules.HasAttribute) -> Fact:
        row = self.contact.attributes.filter(key=node.key).exclude(value="").first()
        if row is None:
            return with_values(pgettext_lazy("staff", "{key} is not set"), key=node.key)
        return with_values(pgettext_lazy("staff", "{key} is {value}"), key=node.key, value=row.value)

    @fact.register
    def _(self, node: rules.PaymentDeclined) -> Fact:
        facts = list(self.compiler.declines(node, self.contact.pk).order_by("-at"))
        return _facts(facts, _declined_payments, pgettext_lazy("staff", "no such declined payment"))

    @fact.register
    def _(self, node: rules.Disputed) -> Fact:
        facts = list(self.compiler.disputes(node, self.contact.pk).order_by("-at"))
        return _facts(facts, _disputes, pgettext_lazy("staff", "no such dispute"))

    @fact.register
    def _(self, node: rules.Refunded) -> Fact:
        orders = list(self.compiler.refunded(node, self.contact.pk).order_by("-placed_at"))
        return _orders(orders, _refunded_orders, pgettext_lazy("staff", "no refunded order"))

    @fact.register
    def _(self, node: rules.UsedVoucher) -> Fact:
        orders = self.compiler.with_voucher(node, self.contact.pk).order_by("-placed_at")
        none = pgettext_lazy("staff", "no paid order with such a voucher")
        return _orders(list(orders), _voucher_orders, none)


Counted = Callable[[int], Fact]


def _orders(orders: list[Purchase], counted: Counted, none: Fact) -> Fact:
    if not orders:
        return none
    newest = orders[0]
    return with_values(
        pgettext_lazy("staff", "{orders}, the latest is {number} of {day}"),
        orders=counted(len(orders)),
        number=newest.number or newest.saleor_order_id,
        day=Moment(newest.placed_at, DAY),
    )


def _facts(facts: list[PaymentFact], counted: Counted, none: Fact) -> Fact:
    if not facts:
        return none
    return with_values(
        pgettext_lazy("staff", "{facts}, the latest on {day}{code}"),
        facts=counted(len(facts)),
        day=Moment(facts[0].at, DAY),
        code=f" ({facts[0].code})" if facts[0].code else "",
    )


def _days(count: int) -> Fact:
    return with_values(npgettext_lazy("staff", "{count} day", "{count} days", count), count=count)


def _span(span: rules.Span) -> Fact:
    hours = npgettext_lazy("staff", "{count} hour", "{count} hours", span.hours)
    minutes = npgettext_lazy("staff", "{count} minute", "{count} minutes", span.minutes)
    parts = [
        _days(span.days) if span.days else "",
        with_values(hours, count=span.hours) if span.hours else "",
        with_values(minutes, count=span.minutes) if span.minutes else "",
    ]
    return format_lazy(" ".join("{}" for each in parts if each), *(each for each in parts if each))


def _paid_orders(count: int) -> Fact:
    return with_values(
        npgettext_lazy("staff", "{count} paid order", "{count} paid orders", count), count=count
    )


def _such_paid_orders(count: int) -> Fact:
    message = npgettext_lazy("staff", "{count} such paid order", "{count} such paid orders", count)
    return with_values(message, count=count)


def _such_orders(count: int) -> Fact:
    return with_values(
        npgettext_lazy("staff", "{count} such order", "{count} such orders", count), count=count
    )


def _refunded_orders(count: int) -> Fact:
    message = npgettext_lazy("staff", "{count} refunded order", "{count} refunded orders", count)
    return with_values(message, count=count)


def _voucher_orders(count: int) -> Fact:
    message = npgettext_lazy(
        "staff", "{count} paid order with such a voucher", "{count} paid orders with such a voucher", count
    )
    return with_values(message, count=count)


def _declined_payments(count: int) -> Fact:
    message = npgettext_lazy("staff", "{count} declined payment", "{count} declined payments", count)
    return with_values(message, count=count)


def _disputes(count: int) -> Fact:
    return with_values(npgettext_lazy("staff", "{count} dispute", "{count} disputes", count), count=count)


def _money(minor: int, currency: str) -> money.Money:
    return money.from_minor(minor, currency)
