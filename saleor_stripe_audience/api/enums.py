"""The product's own enumerations as the API shows them: named and described once, before any type uses them."""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Any

import strawberry

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import ContactTag
from saleor_stripe_audience.audience.people.status import (
    ConsentState,
    Deliverability,
    LawfulBasis,
    Lifecycle,
    Purpose,
    Status,
)
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.audience.shopping.models import PaymentFact
from saleor_stripe_audience.audience.timeline import Kind
from saleor_stripe_audience.audience.transfer.formats import TakenAs
from saleor_stripe_audience.catalog.models import CatalogProduct, Difference
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.jobs.models import Job

__all__ = [
    "ConsentBasis",
    "ConsentKind",
    "ConsentSource",
    "ConsentState",
    "Deliverability",
    "DifferenceKind",
    "DifferenceState",
    "ErasureReason",
    "ImportAs",
    "JobKind",
    "JobState",
    "LawfulBasis",
    "Lifecycle",
    "MailService",
    "OrderChargeStatus",
    "OrderStatus",
    "PaymentFactKind",
    "PaymentStatus",
    "ProductState",
    "Purpose",
    "Status",
    "StripeAccountKind",
    "StripeAccountState",
    "StripeConnectState",
    "TagOrigin",
    "TimelineKind",
    "TransactionFlowStrategy",
    "WordingOrigin",
]

ConsentKind = Consent.Kind
ConsentBasis = Consent.Basis
ConsentSource = Consent.Source
WordingOrigin = Consent.WordingOrigin
TagOrigin = ContactTag.Origin
ErasureReason = Erasure.Reason
PaymentFactKind = PaymentFact.Kind
TimelineKind = Kind
JobKind = Job.Kind
JobState = Job.State
ImportAs = TakenAs
ProductState = CatalogProduct.State
DifferenceKind = Difference.Kind
DifferenceState = Difference.State
StripeAccountKind = StripeAccount.Kind
StripeAccountState = StripeAccount.State
StripeConnectState = StripeAccount.ConnectState


class TransactionFlowStrategy(StrEnum):
    """Saleor's own, with its values."""

    CHARGE = "CHARGE"
    AUTHORIZATION = "AUTHORIZATION"


class OrderStatus(StrEnum):
    """Saleor's own, with its values."""

    DRAFT = "DRAFT"
    UNCONFIRMED = "UNCONFIRMED"
    UNFULFILLED = "UNFULFILLED"
    PARTIALLY_FULFILLED = "PARTIALLY_FULFILLED"
    PARTIALLY_RETURNED = "PARTIALLY_RETURNED"
    RETURNED = "RETURNED"
    FULFILLED = "FULFILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class OrderChargeStatus(StrEnum):
    """Saleor's own, with its values."""

    NONE = "NONE"
    PARTIAL = "PARTIAL"
    FULL = "FULL"
    OVERCHARGED = "OVERCHARGED"


class PaymentStatus(StrEnum):
    """Stripe's statuses of a PaymentIntent, with its values."""

    REQUIRES_PAYMENT_METHOD = auto()
    REQUIRES_CONFIRMATION = auto()
    REQUIRES_ACTION = auto()
    PROCESSING = auto()
    REQUIRES_CAPTURE = auto()
    SUCCEEDED = auto()
    CANCELED = auto()


class MailService(StrEnum):
    """The mail services that can report, by the names of `audience.consent.deliveries`."""

    AMAZON_SES = "amazon-ses"
    BREVO = auto()
    MAILERSEND = auto()
    MAILGUN = auto()
    MAILJET = auto()
    MANDRILL = auto()
    POSTMARK = auto()
    RESEND = auto()
    SENDGRID = auto()
    SPARKPOST = auto()


def known[Kind: StrEnum](kind: type[Kind], value: str) -> Kind | None:
    """Return the member with that value; None for one from a newer version of Saleor or Stripe."""
    return kind(value) if value in kind else None


def describe(kind: type[Enum], name: str, description: str, values: Mapping[Any, str]) -> None:
    """Show the enumeration in the schema, with a description of each value."""
    strawberry.enum(kind, name=name, description=description)
    for value in kind.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by strawberry.enum
        value.description = values[kind(value.value)]


describe(
    Status,
    "ContactStatus",
    "What a person agreed to. A purchase never changes it: buyers start as NONSUBSCRIBED.",
    {
        Status.NONSUBSCRIBED: "Never asked, or never answered: gets what an order needs, no marketing.",
        Status.PENDING: "Asked, and has not confirmed by mail yet.",
        Status.SUBSCRIBED: "Agreed to marketing.",
        Status.UNSUBSCRIBED: "Withdrew it, or complained: no marketing.",
        Status.CLEANED: "The address does not take mail.",
        Status.ARCHIVED: "Archived by the shop.",
    },
)
describe(
    ConsentState,
    "ConsentState",
    "What the person said last about marketing: the sum of the consent ledger.",
    {
        ConsentState.UNKNOWN: "Said nothing.",
        ConsentState.PENDING: "Agreed, and has not confirmed by mail yet.",
        ConsentState.CONFIRMED: "Agreed.",
        ConsentState.WITHDRAWN: "Withdrew it.",
    },
)
describe(
    Deliverability,
    "Deliverability",
    "What happened to mail sent to the address.",
    {
        Deliverability.OK: "No bounces or complaints are known.",
        Deliverability.BOUNCED: "The address does not take mail.",
        Deliverability.COMPLAINED: "The person reported a mail as spam: a refusal.",
    },
)
describe(
    Lifecycle,
    "ContactLifecycle",
    "Whether the shop still works with the contact.",
    {
        Lifecycle.ACTIVE: "It does.",
        Lifecycle.ARCHIVED: "It archived the contact.",
        Lifecycle.ERASED: "Nothing about the contact is stored any more.",
    },
)
describe(
    LawfulBasis,
    "LawfulBasis",
    "Why marketing may be sent at all. Soft opt-in never makes a subscriber.",
    {
        LawfulBasis.NONE: "There is none.",
        LawfulBasis.CONSENT: "The person agreed.",
        LawfulBasis.SOFT_OPT_IN: "A buyer was informed about mails on similar products and did not refuse.",
    },
)
describe(
    Purpose,
    "Purpose",
    "What a message, or a place on an advertiser's list, is for.",
    {
        Purpose.TRANSACTIONAL: "What an order needs, such as a receipt.",
        Purpose.MARKETING: "News and offers.",
        Purpose.ADS: "Being shown advertisements elsewhere.",
    },
)
describe(
    ConsentKind,
    "ConsentKind",
    "What a person did.",
    {
        ConsentKind.GIVEN: "Agreed.",
        ConsentKind.CONFIRMED: "Confirmed an earlier consent from the mailbox.",
        ConsentKind.WITHDRAWN: "Withdrew consent.",
    },
)
describe(
    ConsentBasis,
    "ConsentBasis",
    "To what a giving belongs.",
    {
        ConsentBasis.CONSENT: "Consent.",
        ConsentBasis.SOFT_OPT_IN: "Soft opt-in, which is no consent.",
    },
)
describe(
    ConsentSource,
    "ConsentSource",
    "Where the person said it.",
    {
        ConsentSource.CHECKOUT: "At the checkout.",
        ConsentSource.ACCOUNT: "In the account's settings.",
        ConsentSource.STOREFRONT: "On a page of the shop.",
        ConsentSource.MAIL: "By a mail's link or its mailbox's button.",
        ConsentSource.IMPORT: "In a file that was imported.",
        ConsentSource.STAFF: "To a member of staff.",
        ConsentSource.MAILCHIMP: "In Mailchimp.",
    },
)
describe(
    WordingOrigin,
    "WordingOrigin",
    "Where the wording of a consent is from.",
    {
        WordingOrigin.SENT: "Sent with it, and written by the merchant.",
        WordingOrigin.AUDIENCE: "None was sent: it is the audience's own text at that time.",
        WordingOrigin.UNKNOWN: "Sent with it, but not written by the merchant: it proves nothing and is not shown.",
    },
)
describe(
    TagOrigin,
    "TagOrigin",
    "Who added a tag.",
    {
        TagOrigin.STAFF: "Added by staff: no rule removes it.",
        TagOrigin.RULE: "Added by a rule: removed when the rule no longer matches.",
        TagOrigin.IMPORT: "Added by an import: no rule removes it.",
    },
)
describe(
    ErasureReason,
    "ErasureReason",
    "Why a person was erased.",
    {
        ErasureReason.REQUEST: "Somebody asked for it here.",
        ErasureReason.CUSTOMER_DELETED: "The customer was deleted in Saleor.",
        ErasureReason.ACCOUNT_DELETED: "The customer deleted the account in Saleor.",
        ErasureReason.FOUND_LATER: "It turned out to be a person who was erased before.",
    },
)
describe(
    PaymentFactKind,
    "PaymentFactKind",
    "What went wrong with a payment.",
    {
        PaymentFactKind.DECLINED: "The bank, or Stripe, refused it.",
        PaymentFactKind.DISPUTED: "The cardholder asked the bank for the money back.",
    },
)
describe(
    TimelineKind,
    "TimelineKind",
    "What happened with a contact.",
    {
        TimelineKind.CREATED: "Became known.",
        TimelineKind.ADDRESS_CHANGED: "Last had a former address.",
        TimelineKind.ORDER: "Ordered.",
        TimelineKind.CART_STARTED: "Started a cart.",
        TimelineKind.CART_ABANDONED: "Abandoned a cart.",
        TimelineKind.CART_CLOSED: "The cart became an order.",
        TimelineKind.PAYMENT_DECLINED: "A payment was refused.",
        TimelineKind.PAYMENT_DISPUTED: "A payment was disputed.",
        TimelineKind.DISPUTE_DECIDED: "A dispute was decided.",
        TimelineKind.CONSENT: "Said something about marketing.",
        TimelineKind.TAG: "A tag was added.",
        TimelineKind.SEGMENT: "Entered a segment.",
    },
)
describe(
    JobKind,
    "JobKind",
    "What a job imports.",
    {
        JobKind.SALEOR: "All customers and orders of Saleor.",
        JobKind.STRIPE: "Stripe's customers, and charges that paid no order.",
        JobKind.IMPORT: "Contacts in a file.",
        JobKind.CATALOGUE: "All products of Saleor, to a Stripe account.",
        JobKind.REFRESH: "Changes made in Stripe, compared with Saleor.",
    },
)
describe(
    JobState,
    "JobState",
    "The state of a job.",
    {
        JobState.QUEUED: "Waits for a worker.",
        JobState.RUNNING: "In progress.",
        JobState.PAUSED: "Paused; it continues where it stopped.",
        JobState.CANCELLED: "Stopped for good; what was imported stays.",
        JobState.DONE: "Everything was imported, and both sides agree.",
        JobState.DIFFERS: "Finished, but both sides do not agree: see its differences.",
        JobState.FAILED: "It cannot continue as it is: see its failure. Resume it once that is fixed.",
    },
)
describe(
    ImportAs,
    "ImportAs",
    "What a whole file is a list of.",
    {
        ImportAs.SUBSCRIBED: "People who agreed to marketing.",
        ImportAs.NONSUBSCRIBED: "People whose consent the file does not hold, whatever its columns say.",
        ImportAs.UNSUBSCRIBED: "People who withdrew consent.",
        ImportAs.CLEANED: "Addresses that do not take mail.",
    },
)
describe(
    TransactionFlowStrategy,
    "TransactionFlowStrategyEnum",
    "How a payment is charged.",
    {
        TransactionFlowStrategy.CHARGE: "At once.",
        TransactionFlowStrategy.AUTHORIZATION: "Authorized first, captured later.",
    },
)
describe(
    OrderStatus,
    "OrderStatus",
    "Saleor's status of an order.",
    {
        OrderStatus.DRAFT: "Not placed yet.",
        OrderStatus.UNCONFIRMED: "Placed, not confirmed by staff.",
        OrderStatus.UNFULFILLED: "Nothing of it was fulfilled.",
        OrderStatus.PARTIALLY_FULFILLED: "Some of it was fulfilled.",
        OrderStatus.PARTIALLY_RETURNED: "Some of it was returned.",
        OrderStatus.RETURNED: "All of it was returned.",
        OrderStatus.FULFILLED: "All of it was fulfilled.",
        OrderStatus.CANCELED: "Cancelled for good.",
        OrderStatus.EXPIRED: "Expired unpaid.",
    },
)
describe(
    OrderChargeStatus,
    "OrderChargeStatusEnum",
    "How much of an order's total was charged.",
    {
        OrderChargeStatus.NONE: "Nothing.",
        OrderChargeStatus.PARTIAL: "Less than the total.",
        OrderChargeStatus.FULL: "The total.",
        OrderChargeStatus.OVERCHARGED: "More than the total.",
    },
)
describe(
    PaymentStatus,
    "PaymentStatus",
    "Stripe's status of a PaymentIntent.",
    {
        PaymentStatus.REQUIRES_PAYMENT_METHOD: "Waits for a payment method, or for another one after a decline.",
        PaymentStatus.REQUIRES_CONFIRMATION: "Waits for the shopper's confirmation.",
        PaymentStatus.REQUIRES_ACTION: "Waits for the shopper, such as for 3-D Secure.",
        PaymentStatus.PROCESSING: "Waits for the bank.",
        PaymentStatus.REQUIRES_CAPTURE: "Authorized, not captured.",
        PaymentStatus.SUCCEEDED: "Paid.",
        PaymentStatus.CANCELED: "Cancelled for good.",
    },
)
describe(
    ProductState,
    "ProductState",
    "Whether Stripe has a variant as the shop does.",
    {
        ProductState.SYNCED: "It is sold, and Stripe has it.",
        ProductState.ARCHIVED: "It is no longer sold, or was deleted, and is archived in Stripe.",
        ProductState.NOT_SOLD: "Stripe never had it: it is a draft, or has no price that Stripe can charge.",
        ProductState.WAITING: "It waits for the Stripe account to be ready, or for a new key.",
        ProductState.FAILED: "The last push failed; see lastError.",
    },
)
describe(
    DifferenceKind,
    "CatalogueDifferenceKind",
    "What was done in Stripe.",
    {
        DifferenceKind.NEW: "A product was made in Stripe.",
        DifferenceKind.CHANGED: "A field of a product of the shop was changed.",
        DifferenceKind.GONE: "A product that Saleor sells was archived or deleted.",
        DifferenceKind.STRAY: "A product of the shop is active, and Saleor does not sell it.",
        DifferenceKind.FOREIGN: "It belongs to another shop, or is a subscription: it is left alone.",
    },
)
describe(
    DifferenceState,
    "CatalogueDifferenceState",
    "What became of a difference.",
    {
        DifferenceState.OPEN: "To be decided.",
        DifferenceState.APPLIED: "Saleor has what Stripe has.",
        DifferenceState.KEPT: "Saleor's was kept; a new product was left alone.",
        DifferenceState.OVERRULED: "Saleor's values were sent again meanwhile.",
    },
)
describe(
    StripeAccountKind,
    "StripeAccountKind",
    "How a Stripe account was connected.",
    {
        StripeAccountKind.PASTED: "By keys of its own.",
        StripeAccountKind.CONNECT: "Through Stripe Connect, on Stripe's own pages.",
    },
)
describe(
    StripeAccountState,
    "StripeAccountState",
    "Whether a Stripe account is in use.",
    {
        StripeAccountState.CONNECTED: "In use.",
        StripeAccountState.DISCONNECTED: "No longer in use.",
    },
)
describe(
    StripeConnectState,
    "StripeConnectState",
    "How far Stripe's onboarding of an account is.",
    {
        StripeConnectState.NOT_CONNECTED: "Not connected, or not any more.",
        StripeConnectState.PENDING: "Stripe asks for something, or checks.",
        StripeConnectState.ACTIVE: "Takes payments.",
        StripeConnectState.RESTRICTED: "Stripe lets it take no payments until something is done.",
        StripeConnectState.REJECTED: "Stripe refused it.",
    },
)
describe(
    MailService,
    "MailService",
    "A service that sends mails and reports bounces and complaints.",
    {
        MailService.AMAZON_SES: "Amazon SES.",
        MailService.BREVO: "Brevo.",
        MailService.MAILERSEND: "MailerSend; needs its signing key.",
        MailService.MAILGUN: "Mailgun; needs its signing key.",
        MailService.MAILJET: "Mailjet.",
        MailService.MANDRILL: "Mandrill; needs its signing key.",
        MailService.POSTMARK: "Postmark.",
        MailService.RESEND: "Resend.",
        MailService.SENDGRID: "SendGrid; takes its verification key.",
        MailService.SPARKPOST: "SparkPost.",
    },
)
