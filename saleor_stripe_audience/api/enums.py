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
    """The email services that can report, by the names of `audience.consent.deliveries`."""

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
    "What a person has agreed to. A purchase never changes it: buyers start as NONSUBSCRIBED.",
    {
        Status.NONSUBSCRIBED: "Was never asked, or never answered: receives what an order requires, but no marketing.",
        Status.PENDING: "Asked to subscribe, but has not confirmed by email yet.",
        Status.SUBSCRIBED: "Agreed to marketing.",
        Status.UNSUBSCRIBED: "Withdrew consent or complained: no marketing.",
        Status.CLEANED: "Undeliverable: emails to the address bounce.",
        Status.ARCHIVED: "Archived by the shop.",
    },
)
describe(
    ConsentState,
    "ConsentState",
    "The person's current choice about marketing, computed from the consent ledger.",
    {
        ConsentState.UNKNOWN: "No choice is known.",
        ConsentState.PENDING: "Agreed, but has not confirmed by email yet.",
        ConsentState.CONFIRMED: "Agreed.",
        ConsentState.WITHDRAWN: "Withdrew consent.",
    },
)
describe(
    Deliverability,
    "Deliverability",
    "Whether emails reach the address.",
    {
        Deliverability.OK: "No bounces or complaints are known.",
        Deliverability.BOUNCED: "Undeliverable: emails to the address bounce.",
        Deliverability.COMPLAINED: "The person reported an email as spam, which counts as a refusal.",
    },
)
describe(
    Lifecycle,
    "ContactLifecycle",
    "Whether the contact is active, archived or erased.",
    {
        Lifecycle.ACTIVE: "In use.",
        Lifecycle.ARCHIVED: "Archived by the shop.",
        Lifecycle.ERASED: "Nothing about the contact is stored any more.",
    },
)
describe(
    LawfulBasis,
    "LawfulBasis",
    "The lawful basis for sending marketing. Soft opt-in never makes anyone a subscriber.",
    {
        LawfulBasis.NONE: "None.",
        LawfulBasis.CONSENT: "The person agreed.",
        LawfulBasis.SOFT_OPT_IN: "A buyer was informed about emails on similar products and did not refuse.",
    },
)
describe(
    Purpose,
    "Purpose",
    "What a message, or an entry on an advertising list, is for.",
    {
        Purpose.TRANSACTIONAL: "What an order requires, such as a receipt.",
        Purpose.MARKETING: "News and offers.",
        Purpose.ADS: "Advertisements shown elsewhere.",
    },
)
describe(
    ConsentKind,
    "ConsentKind",
    "What a person did.",
    {
        ConsentKind.GIVEN: "Agreed.",
        ConsentKind.CONFIRMED: "Confirmed an earlier consent by email.",
        ConsentKind.WITHDRAWN: "Withdrew consent.",
    },
)
describe(
    ConsentBasis,
    "ConsentBasis",
    "Whether consent or a soft opt-in was given.",
    {
        ConsentBasis.CONSENT: "Consent.",
        ConsentBasis.SOFT_OPT_IN: "Soft opt-in, which is not consent.",
    },
)
describe(
    ConsentSource,
    "ConsentSource",
    "Where the person said it.",
    {
        ConsentSource.CHECKOUT: "During checkout.",
        ConsentSource.ACCOUNT: "In the account's settings.",
        ConsentSource.STOREFRONT: "On a page of the shop.",
        ConsentSource.MAIL: "Through a link in an email, or the unsubscribe button of an email client.",
        ConsentSource.IMPORT: "In a file that was imported.",
        ConsentSource.STAFF: "To a member of staff.",
        ConsentSource.MAILCHIMP: "In Mailchimp.",
    },
)
describe(
    WordingOrigin,
    "WordingOrigin",
    "Where the wording of a consent comes from.",
    {
        WordingOrigin.SENT: "Sent with it, and written by the merchant.",
        WordingOrigin.AUDIENCE: "No wording was sent: it is the audience's own text at that time.",
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
        ErasureReason.REQUEST: "Someone requested it in the app.",
        ErasureReason.CUSTOMER_DELETED: "The customer was deleted in Saleor.",
        ErasureReason.ACCOUNT_DELETED: "The customer deleted the account in Saleor.",
        ErasureReason.FOUND_LATER: "The contact turned out to be someone who had been erased before.",
    },
)
describe(
    PaymentFactKind,
    "PaymentFactKind",
    "What went wrong with a payment.",
    {
        PaymentFactKind.DECLINED: "The bank or Stripe declined it.",
        PaymentFactKind.DISPUTED: "The cardholder asked the bank for the money back.",
    },
)
describe(
    TimelineKind,
    "TimelineKind",
    "What happened.",
    {
        TimelineKind.CREATED: "The contact was created.",
        TimelineKind.ADDRESS_CHANGED: "The contact's address changed.",
        TimelineKind.ORDER: "An order was placed.",
        TimelineKind.CART_STARTED: "A cart was started.",
        TimelineKind.CART_ABANDONED: "A cart was abandoned.",
        TimelineKind.CART_CLOSED: "The cart became an order.",
        TimelineKind.PAYMENT_DECLINED: "A payment was declined.",
        TimelineKind.PAYMENT_DISPUTED: "A payment was disputed.",
        TimelineKind.DISPUTE_DECIDED: "A dispute was decided.",
        TimelineKind.CONSENT: "Consent was given, confirmed or withdrawn.",
        TimelineKind.TAG: "A tag was added.",
        TimelineKind.SEGMENT: "The contact entered a segment.",
    },
)
describe(
    JobKind,
    "JobKind",
    "What a job imports.",
    {
        JobKind.SALEOR: "All customers and orders from Saleor.",
        JobKind.STRIPE: "Stripe's customers, and charges that do not belong to an order.",
        JobKind.IMPORT: "Contacts from a file.",
        JobKind.CATALOGUE: "All products from Saleor, to a Stripe account.",
        JobKind.REFRESH: "Changes made in Stripe, compared with Saleor.",
    },
)
describe(
    JobState,
    "JobState",
    "The state of a job.",
    {
        JobState.QUEUED: "Waiting for a worker.",
        JobState.RUNNING: "In progress.",
        JobState.PAUSED: "Paused; it continues where it stopped.",
        JobState.CANCELLED: "Cancelled; what was imported is kept.",
        JobState.DONE: "Everything was imported, and the two sides match.",
        JobState.DIFFERS: "Finished, but the two sides differ: see its differences.",
        JobState.FAILED: "It cannot continue: see its failure. Resume it once that is fixed.",
    },
)
describe(
    ImportAs,
    "ImportAs",
    "What kind of contacts a file lists.",
    {
        ImportAs.SUBSCRIBED: "People who agreed to marketing.",
        ImportAs.NONSUBSCRIBED: "People without consent, whatever the file's columns say.",
        ImportAs.UNSUBSCRIBED: "People who withdrew consent.",
        ImportAs.CLEANED: "Undeliverable addresses.",
    },
)
describe(
    TransactionFlowStrategy,
    "TransactionFlowStrategyEnum",
    "How a payment is charged.",
    {
        TransactionFlowStrategy.CHARGE: "Charged immediately.",
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
        OrderStatus.UNFULFILLED: "Nothing has been fulfilled.",
        OrderStatus.PARTIALLY_FULFILLED: "Partly fulfilled.",
        OrderStatus.PARTIALLY_RETURNED: "Partly returned.",
        OrderStatus.RETURNED: "Completely returned.",
        OrderStatus.FULFILLED: "Completely fulfilled.",
        OrderStatus.CANCELED: "Cancelled.",
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
        PaymentStatus.REQUIRES_PAYMENT_METHOD: "Waiting for a payment method, or for another one after a decline.",
        PaymentStatus.REQUIRES_CONFIRMATION: "Waiting for the shopper's confirmation.",
        PaymentStatus.REQUIRES_ACTION: "Waiting for the shopper, for example for 3-D Secure.",
        PaymentStatus.PROCESSING: "Waiting for the bank.",
        PaymentStatus.REQUIRES_CAPTURE: "Authorized, not captured.",
        PaymentStatus.SUCCEEDED: "Paid.",
        PaymentStatus.CANCELED: "Cancelled.",
    },
)
describe(
    ProductState,
    "ProductState",
    "Whether a variant is in sync with Stripe.",
    {
        ProductState.SYNCED: "It is sold, and Stripe has it.",
        ProductState.ARCHIVED: "It is no longer sold, or was deleted, and is archived in Stripe.",
        ProductState.NOT_SOLD: "Stripe never had it: it is a draft, or has no price that Stripe can charge.",
        ProductState.SENDING: "It is being sent to Stripe for the first time.",
        ProductState.WAITING: "It is waiting for the Stripe account to be ready, or for a new key.",
        ProductState.FAILED: "The last push failed; see lastError.",
    },
)
describe(
    DifferenceKind,
    "CatalogueDifferenceKind",
    "The kind of change made in Stripe.",
    {
        DifferenceKind.NEW: "A product was created in Stripe.",
        DifferenceKind.CHANGED: "A field of one of the shop's products was changed.",
        DifferenceKind.GONE: "A product that Saleor sells was archived or deleted.",
        DifferenceKind.STRAY: "One of the shop's products is active in Stripe, but Saleor does not sell it.",
        DifferenceKind.FOREIGN: "A product of another shop, or a subscription: it is left alone.",
    },
)
describe(
    DifferenceState,
    "CatalogueDifferenceState",
    "The state of a difference.",
    {
        DifferenceState.OPEN: "Not decided yet.",
        DifferenceState.APPLIED: "Applied in Saleor.",
        DifferenceState.KEPT: "Saleor's value was kept, or a new product was left alone.",
        DifferenceState.OVERRULED: "Saleor's values have been sent to Stripe again since.",
    },
)
describe(
    StripeAccountKind,
    "StripeAccountKind",
    "How a Stripe account was connected.",
    {
        StripeAccountKind.PASTED: "With its own API keys.",
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
    "How far Stripe's onboarding of an account has progressed.",
    {
        StripeConnectState.NOT_CONNECTED: "Not connected, or no longer connected.",
        StripeConnectState.PENDING: "Stripe requires something or is reviewing.",
        StripeConnectState.ACTIVE: "Accepts payments.",
        StripeConnectState.RESTRICTED: "Stripe does not allow payments until something is done.",
        StripeConnectState.REJECTED: "Stripe rejected it.",
    },
)
describe(
    MailService,
    "MailService",
    "A service that sends emails and reports bounces and complaints.",
    {
        MailService.AMAZON_SES: "Amazon SES.",
        MailService.BREVO: "Brevo.",
        MailService.MAILERSEND: "MailerSend; needs its signing key.",
        MailService.MAILGUN: "Mailgun; needs its signing key.",
        MailService.MAILJET: "Mailjet.",
        MailService.MANDRILL: "Mandrill; needs its signing key.",
        MailService.POSTMARK: "Postmark.",
        MailService.RESEND: "Resend.",
        MailService.SENDGRID: "SendGrid; accepts its verification key.",
        MailService.SPARKPOST: "SparkPost.",
    },
)
