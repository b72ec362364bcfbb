"""TRANSACTION_INITIALIZE_SESSION: create the PaymentIntent of a transaction, or find the one that it has."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import structlog

from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import customers, failures, payment_intents
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.metadata import AUTHORIZATION, CHARGE
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentIntent
from saleor_stripe_audience.money import Money, check_chargeable
from saleor_stripe_audience.payments import (
    amounts_due,
    attempts,
    methods,
    order_matching,
    outcomes,
    ownership,
    records,
    responses,
    staff_messages,
    stored_methods,
)
from saleor_stripe_audience.payments.amounts_due import Due
from saleor_stripe_audience.payments.channels import find_mapping, follow_rename
from saleor_stripe_audience.payments.descriptions import decorations, language_of, person_of, receipt_of
from saleor_stripe_audience.payments.options import PaymentOptions, read_options
from saleor_stripe_audience.payments.payloads import Session
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.channels import name_of, on_rename
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

log = structlog.get_logger(__name__)

Json = dict[str, Any]

LONGEST_PROBLEM_KEY = 128
RENEWED, CARDS = "renewed", "cards"  # variants of a request: with a new Customer, with a hold for cards only


def initialize(installation: Installation, session: Session) -> Json:
    """Return the response with a PaymentIntent, which the shopper then pays in the browser.

    It is for the amount that Saleor requested, but never for more than the amount due for the checkout or order.
    """
    flow, options, source = _flow(session), read_options(session), session.sourceObject
    transaction_id = session.transaction.id
    stored = amounts_due.known_of(installation, source, transaction_id)
    due = amounts_due.remaining_due(source, stored.payments, transaction_id)
    known, found = stored.payment_of(transaction_id), None
    if known is not None:
        found = known.account, ownership.retrieve(known)
    elif stored.is_attempted:
        found = attempts.resume(installation, transaction_id)
    wanted: Wanted | None = None
    if found is None:
        wanted = _wanted(session, due)
        account, intent = _create(installation, session, flow, options, wanted)
    else:
        account, intent = found
        reason = due.why_not_payable() if due is not None else None
        if reason is not None and intent.is_payable:
            intent, reason = amounts_due.cancel(installation, account, intent, reason)
            records.save(account, intent)
            if reason is not None:
                return responses.for_payment(installation, intent, session, due)
    if intent.is_payable and not intent.is_delayed:
        changes = _changed_amount(intent, flow, wanted or _wanted(session, due))
        changes |= _changed_options(account, intent, session, options)
        intent = _update(account, intent, changes) if changes else intent
    _store(account, intent, session, is_new=known is None)
    if options.offSession and intent.status == "requires_confirmation":
        # The stored method is charged while the shopper is away. After a decline, such as for missing 3-D Secure,
        # they can pay the same intent at the shop.
        key = ownership.stripe_key(installation, transaction_id, "off-session", options.method_id)
        try:
            intent = payment_intents.confirm_off_session(account, intent, key)
        except Unavailable as error:
            return responses.for_unclear(flow, error, source.language)
        records.save(account, intent)
    response = responses.for_payment(installation, intent, session, due)
    if outcomes.covers(response["result"]):
        order_matching.adjust_others(installation, source, transaction_id, stored.payments)
    return response


def _store(account: StripeAccount, intent: PaymentIntent, session: Session, *, is_new: bool) -> None:
    """Store the payment; a new one may have the former slug of a channel that was renamed."""
    records.save(account, intent, is_new=is_new)
    if is_new:
        follow_rename(account.installation_id, session.sourceObject.channel.named, intent)


def _flow(session: Session) -> str:
    flow = session.action.actionType
    if flow not in (CHARGE, AUTHORIZATION):
        raise Rejected("A payment can only start with CHARGE or AUTHORIZATION.", code="parse_error")
    return flow


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the intent is for: `amount` with Saleor's precision, and `money` as Stripe charges it."""

    amount: Decimal
    money: Money
    due: Due | None

    def metadata(self) -> Json:
        """Return what the intent's metadata must say about it."""
        covered = self.due.metadata() if self.due is not None else {}
        return covered | outcomes.exact_metadata(self.amount, self.money)


def _wanted(session: Session, due: Due | None) -> Wanted:
    """Return the amount that Saleor requested, or the amount due if that is less: Saleor requests totals without
    deducting gift cards.
    """
    requested, money = session.action.amount, session.action.money
    if requested is None or money is None:
        raise Rejected("Saleor's request has no amount.", code="parse_error")
    if money.is_zero:
        raise Rejected("There is nothing to pay: the amount is zero.", code="nothing_to_pay")
    if due is not None:
        money.in_currency(due.currency)
        if reason := due.why_not_payable():
            raise reason
        if due.amount < requested:
            return Wanted(due.amount, Money(due.minor, due.currency), due)
    check_chargeable(money)
    return Wanted(requested, money, due)


def _create(
    installation: Installation, session: Session, flow: str, options: PaymentOptions, wanted: Wanted
) -> tuple[StripeAccount, PaymentIntent]:
    """Create the intent at the channel's account, with the shopper's Customer, the options and a description.

    A part of the description that Stripe refuses is left out and does not stop the payment, and neither does a hold
    for a method that the account does not have. A Customer that was deleted at Stripe is replaced.
    """
    source, transaction_id = session.sourceObject, session.transaction.id
    mapping = find_mapping(installation, source.channel.named)
    account, slug = mapping.account, mapping.channel_slug
    params = _params(installation, session, flow, wanted, slug)

    def attempt(params: Json, variant: list[str]) -> tuple[StripeAccount, PaymentIntent]:
        key = ownership.stripe_key(installation, transaction_id, session.idempotencyKey, *variant)
        stored = attempts.store(installation, account, transaction_id, key, params)
        return stored.account, attempts.create_intent(stored)

    with _methods_problem(installation, slug, session.action.currency):
        customer = _customer_params(installation, account, session, options)
        # While the shopper is away no browser sends Stripe the shipping address.
        described = decorations(account, source, ships=options.shippingFromSaleor or options.offSession)
        variant: list[str] = []  # each changed request has its own key
        while True:
            try:
                return attempt({**params, **customer, **described}, variant)
            except Rejected as error:
                if not failures.is_refusal(error):
                    raise  # Stripe may have created it: only the same request may be repeated
                refused = failures.refused_parameter(error)
                if RENEWED not in variant and _forget_deleted_customer(account, session, error):
                    customer = _customer_params(installation, account, session, options)
                    variant.append(RENEWED)
                elif CARDS not in variant and refused.startswith("payment_method_options"):
                    params = methods.reduce_hold(params, options.paymentMethod)
                    variant.append(CARDS)
                elif described:
                    described = failures.without_refused(described, error)
                    variant.append(refused)
                else:
                    raise
                log.warning(
                    "payment created with a changed request",
                    account=str(account.pk),
                    code=error.code,
                    parameter=refused,
                )


@contextmanager
def _methods_problem(installation: Installation, slug: str, currency: str) -> Iterator[None]:
    """Report a channel without a payment method for its currency in Stripe as a problem of the shop, until there is
    one.
    """
    problem = _methods_problem_key(slug)
    try:
        yield
    except Rejected as error:
        if error.code == failures.NO_METHOD:
            message = with_values(
                staff_messages.NO_WAY_TO_PAY, channel=name_of(installation.pk, slug), currency=currency
            )
            problems.report(installation, problem, message)
        raise
    problems.clear_if_seen(installation, problem)


def _methods_problem_key(slug: str) -> str:
    return f"methods-{slug}"[:LONGEST_PROBLEM_KEY]


@on_rename
def _forget_former_channel(installation: Installation, before: str, _after: str) -> None:
    """Clear the problem of a channel without a payment method: it is reported again under the new slug."""
    problems.clear(installation, _methods_problem_key(before))


def _params(installation: Installation, session: Session, flow: str, wanted: Wanted, slug: str) -> Json:
    """Return only what does not change for a transaction: the same idempotency key must find the same intent."""
    source = session.sourceObject
    return {
        "amount": wanted.money.minor,
        "currency": wanted.money.currency.lower(),
        "capture_method": "automatic",
        "automatic_payment_methods": {"enabled": True},
        **methods.hold_options(flow),
        "metadata": {
            names.INSTALLATION: str(installation.pk),
            names.TRANSACTION: session.transaction.id,
            names.FLOW: flow,
            names.SOURCE: source.id,
            names.CHANNEL: slug,
            names.ORDER_NUMBER: source.number,  # empty for a checkout: Stripe stores no empty values
            **wanted.metadata(),
            names.LANGUAGE: language_of(source),
        },
    }


def _customer_params(
    installation: Installation, account: StripeAccount, session: Session, options: PaymentOptions
) -> Json:
    """Return the Customer, and what the storefront requested of the method; nothing for a guest without an address."""
    customer = _customer(installation, account, session, options)
    if not customer:
        return {}
    params: Json = {"customer": customer}
    if options.setupFutureUsage:
        params["setup_future_usage"] = options.setupFutureUsage
    if options.storedPaymentMethodId:
        params["payment_method"] = options.method_id
    if options.offSession:
        # No one is there to be redirected, and Stripe would ask for an address to return to.
        params["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
    return params


def _customer(
    installation: Installation, account: StripeAccount, session: Session, options: PaymentOptions
) -> str:
    """Return the Customer with the billing name and address; empty if there is none and none is needed."""
    source, owner = session.sourceObject, session.shopper
    person = person_of(source.billingAddress)
    if owner is None:
        if "line1" not in person.get("address", {}):
            return ""
        key = ownership.stripe_key(installation, session.transaction.id, "guest")
        return customers.create_guest(account, key, receipt_of(source), person)
    if options.storedPaymentMethodId:
        return stored_methods.check_owner(account, owner.id, options.method_id)
    try:
        return customers.ensure_customer(account, owner.id, owner.email, person)
    except Failure as error:
        if options.needs_customer:
            raise
        log.warning("payment created without its customer", account=str(account.pk), code=error.code)
        return ""


def _forget_deleted_customer(account: StripeAccount, session: Session, error: Rejected) -> bool:
    """Return whether the shopper's Customer was deleted at Stripe; if so, the next one is new."""
    owner = session.shopper
    if owner is None or error.code != failures.MISSING:
        return False
    return customers.forget_if_gone(account, owner.id)


def _update(account: StripeAccount, intent: PaymentIntent, changes: Json) -> PaymentIntent:
    """Change the open intent; as it is now if the shopper has paid it in the meantime."""
    try:
        return payment_intents.update(account, intent.id, changes)
    except Rejected as error:
        if not failures.is_refusal(error):
            raise
        now = ownership.restore_metadata(account, payment_intents.retrieve(account, intent.id))
        if now.is_payable:
            raise
        return now


def _changed_amount(intent: PaymentIntent, flow: str, wanted: Wanted) -> Json:
    """Return the amount and flow that are requested now, if the open intent has others."""
    minor = wanted.money.in_currency(intent.currency)
    if intent.amount == minor and intent.requested_flow == flow:
        return {}
    return {
        "amount": minor,
        **methods.changed_hold_options(flow, intent),
        "metadata": {names.FLOW: flow, **wanted.metadata()},
    }


def _changed_options(
    account: StripeAccount, intent: PaymentIntent, session: Session, options: PaymentOptions
) -> Json:
    """Return what is requested of the method now, if the open intent says otherwise.

    No card is stored, and no stored one charged, that the shopper has deselected in the meantime.
    """
    usage, method = options.setupFutureUsage or "", options.method_id
    changes: Json = {}
    if intent.setup_future_usage != usage:
        changes["setup_future_usage"] = usage
    if method:
        was_tried = options.offSession and intent.declined_method == method
        if intent.payment_method != method and not was_tried:
            changes["payment_method"] = method
    elif intent.status == "requires_confirmation":
        changes["payment_method"] = ""
    if changes.get("setup_future_usage") or changes.get("payment_method"):
        customer = _customer(account.installation, account, session, options)
        if intent.customer != customer:
            changes["customer"] = customer
    return changes
