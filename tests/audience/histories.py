"""Orders as Saleor sends them, and what the audience stores in the end."""

from datetime import UTC, datetime, timedelta
from typing import Any

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.privacy.models import Tombstone
from saleor_stripe_audience.audience.shopping.models import Purchase, SoldProduct
from saleor_stripe_audience.shops.models import Installation

BEGINNING = datetime(2024, 11, 1, 12, tzinfo=UTC)  # in the past, by any clock


def at(step: int) -> datetime:
    return BEGINNING + timedelta(seconds=step)


def line(number: int = 1, *, quantity: int = 2, unit: float = 15.0, currency: str = "USD") -> dict[str, Any]:
    return {
        "id": f"T3JkZXJMaW5lOj{number}",
        "productName": "Monospace Tee",
        "variantName": "S",
        "productSku": "3282",
        "quantity": quantity,
        "unitPrice": {"gross": {"amount": unit, "currency": currency}},
        "totalPrice": {"gross": {"amount": unit * quantity, "currency": currency}},
        "variant": {"id": "UHJvZHVjdFZhcmlhbnQ6MzQ4", "product": {"id": "UHJvZHVjdDoxMzQ=", "slug": "tee"}},
    }


def order(
    number: str = "1",
    *,
    email: str = "ada@shop.example",
    user: dict[str, Any] | None = None,
    signed_in: bool = True,
    total: float = 30.0,
    charged: float | None = None,
    refunded: float = 0.0,
    currency: str = "USD",
    status: str = "UNFULFILLED",
    charge_status: str = "FULL",
    lines: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return an order. `charged` is the net amount, as in Saleor: refunds are already subtracted.

    Without `signed_in` it is a guest's, and Saleor assigned it to the account `user` by its address.
    """
    held = total if charged is None else charged
    return {
        "id": f"T3JkZXI6{number}",
        "number": number,
        "status": status,
        "chargeStatus": charge_status,
        "isPaid": charge_status == "FULL",
        "created": BEGINNING.isoformat(),
        "userEmail": email,
        "languageCodeEnum": "EN_US",
        "user": user,
        "events": [{"type": "PLACED", "user": {"id": user["id"]} if user and signed_in else None}],
        "channel": {"id": "Q2hhbm5lbDox", "slug": "default-channel", "currencyCode": currency},
        "billingAddress": {
            "firstName": "Ada",
            "lastName": "Buyer",
            "phone": "+13155550123",
            "country": {"code": "US"},
        },
        "shippingAddress": None,
        "total": {"gross": {"amount": total, "currency": currency}},
        "totalCharged": {"amount": held, "currency": currency},
        "totalRefunded": {"amount": refunded, "currency": currency},
        "voucherCode": None,
        "lines": [line(currency=currency)] if lines is None else lines,
    }


def account(number: int = 7, email: str = "ada@shop.example", **known: Any) -> dict[str, Any]:
    return {
        "id": f"VXNlcjo{number}",
        "email": email,
        "firstName": "",
        "lastName": "",
        "languageCode": "EN",
    } | known


def member(number: int = 7, email: str = "ada@shop.example", **known: Any) -> dict[str, Any]:
    """Return a confirmed account."""
    return account(number, email, **{"isConfirmed": True} | known)


def say(contact: Contact, kind: str, moment: datetime, **known: Any) -> Consent:
    """Record a choice about marketing that was made from the mailbox."""
    usual: dict[str, Any] = {
        "source": Consent.Source.MAIL,
        "wording": "News by mail, please.",
        "is_proven": True,
    }
    event = ledger.ConsentEvent(kind, moment, **usual | known)
    return ledger.record(contact, event)


def everything(installation: Installation) -> list[dict[str, Any]]:
    """Return everything that a shop's audiences store, without ids that differ between runs."""
    contacts = Contact.objects.filter(audience__installation=installation).order_by("audience__name", "email")
    return [_serialize(contact) for contact in contacts]


def nobodys(installation: Installation) -> list[tuple[object, ...]]:
    """Return the purchases of erased people."""
    purchases = Purchase.objects.filter(installation=installation, contact=None)
    return sorted(purchases.values_list("saleor_order_id", "status", "refunded_minor"))


def products(installation: Installation) -> list[tuple[object, ...]]:
    """Return the stored data of sold products."""
    known = SoldProduct.objects.filter(installation=installation)
    return sorted(known.values_list("saleor_product_id", "name", "issued_at"))


def out(installation: Installation) -> int:
    """Return the number of erased addresses and accounts."""
    return Tombstone.objects.filter(installation=installation).count()


def _serialize(contact: Contact) -> dict[str, Any]:
    fields = (
        "email first_name last_name phone country language status consent soft_opt_in saleor_user_id known_at "
        "orders_count first_order_at last_order_at"
    )
    purchases = contact.purchases.order_by("saleor_order_id")
    return {name: getattr(contact, name) for name in fields.split()} | {
        "audience": contact.audience.name if not contact.audience.is_default else "",
        "spent": {row.currency: (row.spent_minor, row.refunded_minor) for row in contact.spent.all()},
        "former": sorted(contact.former_addresses.values_list("email", flat=True)),
        "carts": sorted(
            (
                cart.saleor_checkout_id, cart.total_minor, cart.closed_at, cart.saleor_order_id, cart.issued_at,
                cart.last_active_at, cart.lines.count(),
            )
            for cart in contact.carts.all()
        ),
        "facts": sorted(
            contact.payment_facts.values_list("kind", "key", "source_id", "amount_minor", "outcome")
        ),
        "purchases": [
            (
                one.saleor_order_id, one.status, one.charge_status, one.currency, one.total_minor,
                one.charged_minor, one.refunded_minor, one.issued_at,
                sorted(
                    one.lines.values_list(
                        "saleor_line_id", "quantity", "quantity_fulfilled", "unit_minor", "total_minor",
                        "saleor_variant_id",
                    )
                ),
            )
            for one in purchases
        ],
    }  # fmt: skip
