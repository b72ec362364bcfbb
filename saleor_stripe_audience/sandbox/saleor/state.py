"""The stand-in's data: plain records that refer to each other, and the store that contains them."""

import itertools
import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from .ids import global_id
from .ledger import Amounts, LedgerEvent, amounts_of

COLLEAGUE_EMAIL = "colleague@example.com"

_counter = itertools.count(1)


def next_key() -> str:
    """Return a new number in this process, for a record with a numeric id."""
    return str(next(_counter))


def new_uuid() -> str:
    """Return a key for the records that Saleor identifies by UUID."""
    return str(uuid.uuid4())


def now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Money:
    """An amount in major units of a currency."""

    amount: Decimal
    currency: str


@dataclass(eq=False)
class Record:
    """Anything with a global id, metadata and the time of its last change."""

    key: str = field(default_factory=next_key, kw_only=True)
    metadata: dict[str, str] = field(default_factory=dict, kw_only=True)
    private_metadata: dict[str, str] = field(default_factory=dict, kw_only=True)
    created: datetime = field(default_factory=now, kw_only=True)
    updated_at: datetime = field(default_factory=now, kw_only=True)
    deleted: bool = field(default=False, kw_only=True)

    type_name = "Record"

    @property
    def id(self) -> str:
        """The global id."""
        return global_id(self.type_name, self.key)

    def touch(self) -> None:
        """Record the time of a change."""
        self.updated_at = now()


@dataclass(eq=False)
class Channel(Record):
    """A sales channel."""

    slug: str
    name: str
    currency_code: str
    country: str
    is_active: bool = True
    flow: str = "CHARGE"
    confirms_orders: bool = True
    allows_unpaid_orders: bool = False

    type_name = "Channel"


@dataclass(eq=False)
class Category(Record):
    """A category of products."""

    name: str
    slug: str

    type_name = "Category"


@dataclass(eq=False)
class Collection(Record):
    """A collection of products."""

    name: str
    slug: str

    type_name = "Collection"


@dataclass(eq=False)
class ProductType(Record):
    """A product type. It can only have attributes that every variant requires, and values cannot be given."""

    name: str
    slug: str
    is_shipping_required: bool = True
    required_attributes: tuple[str, ...] = ()  # of its variants; their names

    type_name = "ProductType"


@dataclass(eq=False)
class ProductMedia(Record):
    """A picture of a product; generated pictures only have a `color`, others the `content` of an upload.

    `source` is the URL from which Saleor downloaded it, or the name of the uploaded file.
    """

    product_id: str
    alt: str
    color: tuple[int, int, int]
    sort_order: int = 0
    content: bytes = b""
    mime_type: str = "image/png"
    source: str = ""

    type_name = "ProductMedia"


@dataclass(eq=False)
class ProductListing(Record):
    """A product shown in a channel."""

    channel: Channel
    is_published: bool = True
    published_at: datetime | None = None
    visible_in_listings: bool = True
    available_for_purchase_at: datetime | None = None

    type_name = "ProductChannelListing"

    @property
    def is_available_for_purchase(self) -> bool:
        """As Saleor computes it: from a date on; never without a date."""
        return self.available_for_purchase_at is not None and self.available_for_purchase_at <= now()

    @property
    def is_visible(self) -> bool:
        """Whether it is published, and its date, if there is one, is past."""
        return self.is_published and (self.published_at is None or self.published_at <= now())


@dataclass(eq=False)
class VariantListing(Record):
    """A variant's price in a channel."""

    channel: Channel
    price: Decimal
    cost_price: Decimal | None = None
    prior_price: Decimal | None = None

    type_name = "ProductVariantChannelListing"


@dataclass(eq=False)
class Product(Record):
    """A product; `description` is EditorJS in a JSON string, as in Saleor."""

    name: str
    slug: str
    product_type: ProductType
    category: Category | None = None
    description: str | None = None
    rating: float | None = None
    charge_taxes: bool = True
    external_reference: str | None = None
    media: list[ProductMedia] = field(default_factory=list)
    collections: list[Collection] = field(default_factory=list)
    channel_listings: list[ProductListing] = field(default_factory=list)
    variants: list["Variant"] = field(default_factory=list)

    type_name = "Product"


@dataclass(eq=False)
class Variant(Record):
    """A variant of a product; `stock` is its quantity in the only warehouse."""

    product: Product
    name: str
    sku: str | None = None
    track_inventory: bool = True
    stock: int | None = None
    external_reference: str | None = None
    channel_listings: list[VariantListing] = field(default_factory=list)

    type_name = "ProductVariant"

    def listing_in(self, channel: Channel) -> VariantListing | None:
        """Return the listing in a channel, if there is one."""
        return next((each for each in self.channel_listings if each.channel is channel), None)


@dataclass(eq=False)
class Address(Record):
    """A postal address; it never changes after it is created."""

    first_name: str = ""
    last_name: str = ""
    company_name: str = ""
    street_address_1: str = ""
    street_address_2: str = ""
    city: str = ""
    city_area: str = ""
    postal_code: str = ""
    country: str = "US"
    country_area: str = ""
    phone: str = ""

    type_name = "Address"


@dataclass(eq=False)
class User(Record):
    """A customer or a staff member."""

    email: str
    password: str = ""
    first_name: str = ""
    last_name: str = ""
    is_staff: bool = False
    is_active: bool = True
    is_confirmed: bool = True
    note: str | None = None
    language_code: str = "EN"
    external_reference: str | None = None
    last_login: datetime | None = None
    permissions: frozenset[str] = frozenset()
    # The slugs of the channels that the groups of a staff member are restricted to; None if one is not restricted.
    channels: frozenset[str] | None = None
    addresses: list[Address] = field(default_factory=list)
    default_billing_address: Address | None = None
    default_shipping_address: Address | None = None

    type_name = "User"


@dataclass(frozen=True)
class ShippingMethod:
    """A shipping method, with a price in each channel's currency."""

    key: str
    name: str
    prices: dict[str, Decimal]

    @property
    def id(self) -> str:
        """The global id."""
        return global_id("ShippingMethod", self.key)


@dataclass(eq=False)
class CheckoutLine(Record):
    """A quantity of a variant in a checkout."""

    variant: Variant
    quantity: int

    type_name = "CheckoutLine"


@dataclass(eq=False)
class Checkout(Record):
    """A checkout, which may become an order."""

    channel: Channel
    email: str | None = None
    user: User | None = None
    language_code: str = "EN_US"
    billing_address: Address | None = None
    shipping_address: Address | None = None
    shipping_method: ShippingMethod | None = None
    lines: list[CheckoutLine] = field(default_factory=list)
    gift_cards: Decimal = Decimal(0)  # the amount that gift cards pay
    was_fully_paid: bool = False
    was_fully_authorized: bool = False

    type_name = "Checkout"


@dataclass(eq=False)
class OrderLine(Record):
    """What was bought, with its name and price at that time."""

    variant: Variant | None
    product_name: str
    variant_name: str
    product_sku: str | None
    product_variant_id: str
    quantity: int
    unit_price: Money
    is_shipping_required: bool = True
    quantity_fulfilled: int = 0

    type_name = "OrderLine"


@dataclass(eq=False)
class OrderEvent(Record):
    """An event of the order's history."""

    type: str
    message: str | None = None
    amount: Decimal | None = None
    user: User | None = None
    app: "App | None" = None
    reference: str | None = None

    type_name = "OrderEvent"


@dataclass(eq=False)
class Order(Record):
    """A placed order."""

    channel: Channel
    number: str
    user_email: str
    checkout_id: str | None
    status: str = "UNFULFILLED"
    user: User | None = None
    language_code: str = "EN_US"
    billing_address: Address | None = None
    shipping_address: Address | None = None
    shipping_method: ShippingMethod | None = None
    shipping_amount: Decimal = Decimal(0)
    collection_point_name: str | None = (
        None  # where the buyer collects it: the shipping address is that place's
    )
    gift_cards: Decimal = Decimal(0)  # the amount that gift cards paid; its total does not include it
    lines: list[OrderLine] = field(default_factory=list)
    events: list[OrderEvent] = field(default_factory=list)
    external_reference: str | None = None
    redirect_url: str | None = None
    granted_refunds: list["GrantedRefund"] = field(default_factory=list)

    type_name = "Order"


@dataclass(frozen=True)
class PaymentMethod:
    """How a transaction was paid: CARD, OTHER or GIFT_CARD."""

    type: str
    name: str
    brand: str | None = None
    first_digits: str | None = None
    last_digits: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    last_chars: str | None = None


@dataclass(eq=False)
class TransactionEvent:
    """An event of a transaction as the API shows it; requests are changed when their response arrives."""

    type: str
    amount: Decimal
    psp_reference: str = ""
    created_at: datetime = field(default_factory=now)
    message: str = ""
    external_url: str = ""
    idempotency_key: str | None = None
    counted: bool = True
    created_by: "App | User | None" = None
    granted: "GrantedRefund | None" = None
    key: str = field(default_factory=next_key)

    def booked(self) -> LedgerEvent:
        """The event as the ledger sees it."""
        return LedgerEvent(self.type, self.psp_reference, self.amount, self.created_at, self.counted)


@dataclass(eq=False)
class GrantedRefund(Record):
    """A refund that staff granted on an order, to be made from one transaction."""

    order: Order
    transaction: "Transaction"
    amount: Decimal
    reason: str = ""

    type_name = "OrderGrantedRefund"

    @property
    def status(self) -> str:
        """What its latest event says; an event that Saleor took for a duplicate of another's does not count."""
        steps = {"REFUND_SUCCESS": "SUCCESS", "REFUND_REQUEST": "PENDING", "REFUND_FAILURE": "FAILURE"}
        own = [each for each in self.transaction.events if each.granted is self]
        latest = max(own, key=lambda each: (each.created_at, int(each.key)), default=None)
        return "NONE" if latest is None else steps.get(latest.type, "NONE")


@dataclass(eq=False)
class Transaction(Record):
    """An app's payment for a checkout or an order."""

    app_identifier: str
    currency: str
    idempotency_key: str | None = None
    checkout: Checkout | None = None
    order: Order | None = None
    name: str = ""
    message: str = ""
    psp_reference: str = ""
    external_url: str = ""
    actions: list[str] = field(default_factory=list)
    events: list[TransactionEvent] = field(default_factory=list)
    payment_method: PaymentMethod | None = None
    amounts: Amounts = field(default_factory=Amounts)

    type_name = "TransactionItem"

    @property
    def source(self) -> Checkout | Order | None:
        """What is being paid."""
        return self.order or self.checkout

    def recalculate(self) -> None:
        """Compute the amounts from the events."""
        self.amounts = amounts_of([event.booked() for event in self.events])
        self.touch()


@dataclass(eq=False)
class Webhook(Record):
    """A subscription of an app to events; event names are in upper case."""

    app: "App"
    name: str
    target_url: str
    query: str
    events: list[str]
    identifier: str | None = None
    is_active: bool = True
    secret_key: str | None = None
    custom_headers: dict[str, str] = field(default_factory=dict)

    type_name = "Webhook"


@dataclass(eq=False)
class Problem(Record):
    """A problem that an app asks staff to fix."""

    app: "App"
    problem_key: str
    message: str
    count: int = 1
    critical_threshold: int | None = None
    dismissed_by: str | None = None

    type_name = "AppProblem"


@dataclass(eq=False)
class App(Record):
    """An installed app; `token` authenticates its calls."""

    identifier: str
    name: str
    manifest_url: str
    permissions: frozenset[str]
    token: str
    manifest: dict[str, Any] = field(default_factory=dict)
    is_active: bool = True
    removed: bool = False
    webhooks: list[Webhook] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    type_name = "App"


@dataclass(eq=False)
class Installation(Record):
    """A pending or failed installation."""

    app_name: str
    manifest_url: str
    status: str = "PENDING"
    message: str | None = None

    type_name = "AppInstallation"


class HandedLock:
    """The store's lock, which a thread can release while it waits for a response from outside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    @contextmanager
    def put_down(self) -> Iterator[None]:
        """Release the lock inside the block; only for a thread that holds it."""
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()


@dataclass
class Store:
    """All data of the shop. Read and write it only while holding `lock`."""

    lock: HandedLock = field(default_factory=HandedLock)
    chance: random.Random = field(default_factory=lambda: random.Random(20261123))
    channels: list[Channel] = field(default_factory=list)
    categories: list[Category] = field(default_factory=list)
    collections: list[Collection] = field(default_factory=list)
    product_types: list[ProductType] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    shipping_methods: list[ShippingMethod] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    checkouts: list[Checkout] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    apps: list[App] = field(default_factory=list)
    installations: list[Installation] = field(default_factory=list)
    stored_methods: dict[tuple[str, str, str], tuple[float, Any]] = field(default_factory=dict)
    order_number: int = 0

    def variants(self) -> list[Variant]:
        """Return all variants of all products."""
        return [variant for product in self.products for variant in product.variants]

    def installed(self) -> list[App]:
        """Return the apps that have not been removed."""
        return [app for app in self.apps if not app.removed]

    def webhooks(self) -> list[Webhook]:
        """Return the webhooks of installed apps."""
        return [webhook for app in self.installed() for webhook in app.webhooks]

    def colleague(
        self, permissions: frozenset[str], channels: frozenset[str] | None, email: str = COLLEAGUE_EMAIL
    ) -> User:
        """Return the staff member of that address, from now on with these permissions and channels."""
        found = next((each for each in self.users if each.email == email), None)
        if found is None:
            found = User(email, is_staff=True)
            self.users.append(found)
        found.permissions, found.channels = permissions, channels
        return found

    def remove_user(self, user: User) -> None:
        """Delete the account; orders, and the entries of their histories, stay without it."""
        self.users.remove(user)
        for order in self.orders:
            holders: list[Order | OrderEvent] = [order, *order.events]
            for each in holders:
                if each.user is user:
                    each.user = None

    def transactions_of(self, source: Checkout | Order) -> list[Transaction]:
        """Return the transactions of a checkout or an order."""
        return [each for each in self.transactions if each.checkout is source or each.order is source]
