"""Translates a segment's rule into a database query.

Each condition becomes a `Q` on contacts. Rows related to a contact are matched by EXISTS, which the database turns into
joins from either side; sums over orders by IN over one grouped subquery. With `only`, every subquery is limited to a
few contacts, so that it costs the same however large the audience is.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import singledispatchmethod
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import (
    Audience,
    Contact,
    ContactAttribute,
    ContactSpent,
    ContactTag,
)
from saleor_stripe_audience.audience.people.status import ConsentState
from saleor_stripe_audience.audience.segments import rules
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.shopping.carts import with_later_order, without_later_order
from saleor_stripe_audience.audience.shopping.models import (
    Cart,
    CartLine,
    PaymentFact,
    Purchase,
    PurchaseLine,
    SoldProduct,
    SoldProductCollection,
)
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

EVERYBODY = ~Q(pk__in=[])


@dataclass(frozen=True)
class Compiler:
    """Builds queries over the contacts of one audience at one moment."""

    audience: Audience
    now: datetime
    only: Collection[UUID] | None = None
    within_segments: tuple[UUID, ...] = field(default=())

    def contacts(self, node: Any) -> QuerySet[Contact]:
        """Return the contacts that match."""
        contacts = Contact.objects.filter(audience=self.audience)
        if self.only is not None:
            contacts = contacts.filter(pk__in=self.only)
        return contacts.filter(self.condition(node))

    @singledispatchmethod
    def condition(self, node: Any) -> Q:
        raise TypeError(type(node).__name__)

    @condition.register
    def _(self, node: rules.All) -> Q:
        return Q(*(self.condition(each) for each in node.of))

    @condition.register
    def _(self, node: rules.AnyOf) -> Q:
        return Q(*(self.condition(each) for each in node.of), _connector=Q.OR)

    @condition.register
    def _(self, node: rules.Not) -> Q:
        return ~self.condition(node.of)

    @condition.register
    def _(self, node: rules.StatusIs) -> Q:
        return Q(status__in=[str(each.value) for each in node.in_])

    @condition.register
    def _(self, node: rules.ConsentIs) -> Q:
        return Q(consent__in=[str(each.value) for each in node.in_])

    @condition.register
    def _(self, node: rules.CountryIs) -> Q:
        return Q(country__in=node.in_)

    @condition.register
    def _(self, node: rules.LanguageIs) -> Q:
        matches = (Q(language=tag) | Q(language__startswith=f"{tag}-") for tag in node.in_)
        return Q(*matches, _connector=Q.OR)

    @condition.register
    def _(self, node: rules.HasTag) -> Q:
        return Q(Exists(ContactTag.objects.filter(contact=OuterRef("pk"), tag=UUID(node.tag))))

    @condition.register
    def _(self, node: rules.InSegment) -> Q:
        segment = Segment.objects.get(audience=self.audience, pk=UUID(node.segment))
        if segment.pk in self.within_segments:
            raise Rejected(
                with_values(
                    pgettext_lazy("staff", "The segment “{segment}” is part of itself."), segment=segment
                ),
                code="segment",
            )
        inner = Compiler(self.audience, self.now, self.only, (*self.within_segments, segment.pk))
        return inner.condition(rules.read(segment.tree).root)

    @condition.register
    def _(self, node: rules.OrdersCount) -> Q:
        return _range("orders_count", node.at_least, node.at_most)

    @condition.register
    def _(self, node: rules.Spent) -> Q:
        spent = self._spent_within if node.within else self._spent_ever
        found = EVERYBODY
        if node.at_least:  # everybody spent at least 0
            found &= spent(node, "gte", node.minor(node.at_least))
        if node.at_most is not None:
            found &= ~spent(node, "gt", node.minor(node.at_most))
        return found

    def _spent_ever(self, node: rules.Spent, comparison: str, minor: int) -> Q:
        sums = ContactSpent.objects.filter(contact=OuterRef("pk"), currency=node.currency)
        return Q(Exists(sums.filter(**{f"spent_minor__{comparison}": minor})))

    def _spent_within(self, node: rules.Spent, comparison: str, minor: int) -> Q:
        paid = self._placed_within(self._orders(), node.within).filter(currency=node.currency)
        sums = _by_contact(paid).annotate(spent=Sum(F("charged_minor") - F("refunded_minor")))
        return Q(pk__in=sums.filter(**{f"spent__{comparison}": minor}).values("contact"))

    @condition.register
    def _(self, node: rules.AverageOrder) -> Q:
        sums = ContactSpent.objects.filter(contact=OuterRef("pk"), currency=node.currency, orders_count__gt=0)
        if node.at_least is not None:
            sums = sums.filter(spent_minor__gte=F("orders_count") * node.minor(node.at_least))
        if node.at_most is not None:
            sums = sums.filter(spent_minor__lte=F("orders_count") * node.minor(node.at_most))
        return Q(Exists(sums))

    @condition.register
    def _(self, node: rules.FirstOrder) -> Q:
        return self._when("first_order_at", node)

    @condition.register
    def _(self, node: rules.LastOrder) -> Q:
        return self._when("last_order_at", node)

    def _when(self, column: str, node: rules.FirstOrder | rules.LastOrder | rules.Joined) -> Q:
        found = Q(**{f"{column}__isnull": False})
        if node.within:
            found &= Q(**{f"{column}__gte": self._ago(node.within.length)})
        if node.longer_ago:
            found &= Q(**{f"{column}__lt": self._ago(node.longer_ago.length)})
        if node.since:
            found &= Q(**{f"{column}__gte": node.since})
        if node.before:
            found &= Q(**{f"{column}__lt": node.before})
        return found

    @condition.register
    def _(self, node: rules.Purchased) -> Q:
        if node.bought is None and not node.channel:  # what each contact's row says, too
            if not node.within:
                return Q(orders_count__gte=node.at_least)
            if node.at_least == 1:
                return Q(last_order_at__gte=self._ago(node.within.length))
        if node.at_least == 1:
            return Q(Exists(self.purchases(node, OuterRef("pk"))))
        counted = _by_contact(self.purchases(node)).annotate(orders=Count("pk"))
        return Q(pk__in=counted.filter(orders__gte=node.at_least).values("contact"))

    def purchases(self, node: rules.Purchased, contact: Any = None) -> QuerySet[Purchase]:
        """Return the orders that match the condition, of one contact or of all."""
        orders = self._orders() if contact is None else Purchase.objects.paid().filter(contact=contact)
        orders = self._placed_within(orders, node.within)
        if node.channel:
            orders = orders.filter(channel=node.channel)
        if node.bought is None:
            return orders
        lines = PurchaseLine.objects.filter(self._bought(*node.bought), purchase=OuterRef("pk"))
        return orders.filter(Exists(lines))

    def _bought(self, kind: str, ids: Collection[str]) -> Q:
        if kind in ("product", "variant"):
            return Q(**{f"saleor_{kind}_id__in": ids})
        shop = self.audience.installation_id
        named: QuerySet[Any, Any]
        if kind == "collection":
            named = SoldProductCollection.objects.filter(
                product__installation=shop, saleor_collection_id__in=ids
            ).values("product__saleor_product_id")
        else:
            known = SoldProduct.objects.filter(installation=shop, **{f"saleor_{kind}_id__in": ids})
            named = known.values("saleor_product_id")
        return Q(saleor_product_id__in=named)

    @condition.register
    def _(self, node: rules.HasCart) -> Q:
        return Q(Exists(self.carts(node, OuterRef("pk"))))

    def carts(self, node: rules.HasCart, contact: Any) -> QuerySet[Cart]:
        """Return the contact's carts that match the condition."""
        silence = timedelta(minutes=self.audience.cart_silence_minutes)
        if node.abandoned_for:
            silence = node.abandoned_for.length
        abandoned = self._open_carts(node, contact).filter(last_active_at__lt=self._ago(silence))
        return without_later_order(abandoned, self.audience)

    def _open_carts(self, node: rules.HasCart | rules.InCart, contact: Any) -> QuerySet[Cart]:
        lines = CartLine.objects.filter(cart=OuterRef("pk"))
        if node.holding is not None:
            kind, ids = node.holding
            lines = lines.filter(**{f"saleor_{kind}_id__in": ids})
        return Cart.objects.filter(Exists(lines), contact=contact, closed_at=None)

    @condition.register
    def _(self, node: rules.InCart) -> Q:
        return Q(Exists(self.carts_with(node, OuterRef("pk"))))

    def carts_with(self, node: rules.InCart, contact: Any) -> QuerySet[Cart]:
        """Return the contact's open carts that match the condition."""
        found = self._open_carts(node, contact)
        return found.filter(last_active_at__gte=self._ago(node.within.length)) if node.within else found

    @condition.register
    def _(self, node: rules.OrderedSince) -> Q:
        if node.cart:
            return Q(Exists(self.carts_bought_since(OuterRef("pk"))))
        return Q(Exists(self.placed_since(node, OuterRef("pk"))))

    def placed_since(self, node: rules.OrderedSince, contact: Any) -> QuerySet[Purchase]:
        """Return the contact's orders that match the condition, paid or not."""
        since = node.since or self._ago(node.within.length if node.within else timedelta())
        return Purchase.objects.placed().filter(contact=contact, placed_at__gte=since)

    def carts_bought_since(self, contact: Any) -> QuerySet[Cart]:
        """Return the contact's abandoned carts that were followed by an order from another checkout."""
        return with_later_order(self._open_carts(rules.HasCart(), contact), self.audience)

    @condition.register
    def _(self, node: rules.Joined) -> Q:
        return self._when("created_at", node)

    @condition.register
    def _(self, node: rules.ConsentGiven) -> Q:
        """Only the latest event counts: an older one is no longer in force."""
        events = self.effective_consents(OuterRef("pk"))
        found = Q(Exists(events), consent=ConsentState.CONFIRMED.value)
        for bound in (node.since, self._ago(node.within.length) if node.within else None):
            if bound:
                found &= Q(Exists(events.filter(at__gte=bound)))
        for bound in (node.before, self._ago(node.longer_ago.length) if node.longer_ago else None):
            if bound:
                found &= ~Q(Exists(events.filter(at__gte=bound)))
        return found

    def effective_consents(self, contact: Any) -> QuerySet[Consent]:
        """Return the contact's events that count as consent."""
        counts = Q(kind=Consent.Kind.CONFIRMED) | Q(kind=Consent.Kind.GIVEN, needs_confirmation=False)
        return Consent.objects.filter(counts, contact=contact, basis=Consent.Basis.CONSENT)

    @condition.register
    def _(self, node: rules.Named) -> Q:
        columns = [f"{node.part}_name"] if node.part else ["first_name", "last_name"]
        return Q(*(_text(column, node) for column in columns), _connector=Q.OR)

    @condition.register
    def _(self, node: rules.LivesIn) -> Q:
        return _text("city", node)

    @condition.register
    def _(self, node: rules.HasAttribute) -> Q:
        rows = ContactAttribute.objects.filter(contact=OuterRef("pk"), key=node.key).exclude(value="")
        if node.exists is False:
            return ~Q(Exists(rows))
        if node.is_ is not None:
            rows = rows.filter(value__in=node.is_)
        elif node.contains is not None:
            rows = rows.filter(value__icontains=node.contains)
        elif node.exists is None:
            rows = rows.filter(_range("number", node.at_least, node.at_most), number__isnull=False)
        return Q(Exists(rows))

    @condition.register
    def _(self, node: rules.PaymentDeclined) -> Q:
        return Q(Exists(self.declines(node, OuterRef("pk"))))

    def declines(self, node: rules.PaymentDeclined, contact: Any) -> QuerySet[PaymentFact]:
        """Return the contact's declined payments that match the condition."""
        facts = self._facts(PaymentFact.Kind.DECLINED, node.within, contact)
        return facts.filter(code__in=node.code) if node.code else facts

    @condition.register
    def _(self, node: rules.Disputed) -> Q:
        return Q(Exists(self.disputes(node, OuterRef("pk"))))

    def disputes(self, node: rules.Disputed, contact: Any) -> QuerySet[PaymentFact]:
        """Return the contact's disputes that match the condition."""
        return self._facts(PaymentFact.Kind.DISPUTED, node.within, contact)

    def _facts(self, kind: str, within: rules.Span | None, contact: Any) -> QuerySet[PaymentFact]:
        facts = PaymentFact.objects.filter(contact=contact, kind=kind)
        return facts.filter(at__gte=self._ago(within.length)) if within else facts

    @condition.register
    def _(self, node: rules.Refunded) -> Q:
        return Q(Exists(self.refunded(node, OuterRef("pk"))))

    def refunded(self, node: rules.Refunded, contact: Any) -> QuerySet[Purchase]:
        """Return the contact's refunded orders that match the condition."""
        orders = Purchase.objects.filter(contact=contact, refunded_minor__gt=0)
        return self._placed_within(orders, node.within)

    @condition.register
    def _(self, node: rules.UsedVoucher) -> Q:
        return Q(Exists(self.with_voucher(node, OuterRef("pk"))))

    def with_voucher(self, node: rules.UsedVoucher, contact: Any) -> QuerySet[Purchase]:
        """Return the contact's paid orders with a voucher that matches the condition."""
        orders = Purchase.objects.paid().filter(contact=contact)
        orders = orders.filter(voucher_code__in=node.code) if node.code else orders.exclude(voucher_code="")
        return self._placed_within(orders, node.within)

    def _orders(self) -> QuerySet[Purchase]:
        """Return the paid orders of the contacts that the query covers."""
        paid = Purchase.objects.paid()
        if self.only is not None:
            return paid.filter(contact__in=self.only)
        # The contacts are filtered by their audience anyway; joining them to all orders would cost as much again.
        return paid.filter(installation=self.audience.installation_id, contact__isnull=False)

    def _placed_within(self, orders: QuerySet[Purchase], within: rules.Span | None) -> QuerySet[Purchase]:
        return orders.filter(placed_at__gte=self._ago(within.length)) if within else orders

    def _ago(self, length: timedelta) -> datetime:
        return self.now - length


def _by_contact(orders: QuerySet[Purchase]) -> QuerySet[Purchase, Any]:
    return orders.order_by().values("contact")


def _text(column: str, node: rules.Named | rules.LivesIn) -> Q:
    if node.contains is not None:
        return Q(**{f"{column}__icontains": node.contains})
    if node.starts_with is not None:
        return Q(**{f"{column}__istartswith": node.starts_with})
    return Q(*(Q(**{f"{column}__iexact": each}) for each in node.is_ or ()), _connector=Q.OR)


def _range(column: str, low: int | Decimal | None, high: int | Decimal | None) -> Q:
    found = Q()
    if low is not None:
        found &= Q(**{f"{column}__gte": low})
    if high is not None:
        found &= Q(**{f"{column}__lte": high})
    return found
